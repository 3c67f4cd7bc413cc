import type { TemplateWindow } from '../../blueprint/template.js';
import { CwError } from '../../errors.js';
import { Draft, halved, optionValue } from './draft.js';
import type { ForeignFacts, Imported } from './model.js';
import { type Data, type DataMap, isDataMap, readYaml } from './read-yaml.js';

/**
 * teamocil's layouts, as the documentation and sources of its 1.4 say (README.md, lib/teamocil/tmux). Keys of 0.4
 * (`session`, `splits`, `cmd`, `filters`, `clear`) are read where they mean the same.
 *
 * @throws CwError `failed` for broken YAML, or a file without windows.
 */
export function readTeamocil(source: string, facts: ForeignFacts): Imported {
  const draft = new Draft('teamocil', facts);
  const whole = readYaml(source, facts.label);
  const inner: DataMap = isDataMap(whole.session) ? whole.session : whole;
  const keys = draft.keys(inner, 'the session');
  const session = keys.text('name') ?? facts.name;
  const list = keys.list('windows');
  keys.end();
  if (list.length === 0) throw new CwError('failed', `${facts.label} has no windows.`);
  const windows = list.map((entry, at) => readWindow(entry, at, draft));
  const focused = windows.findIndex((window) => window.focus);
  // Each new window becomes the active one.
  const active = focused >= 0 ? focused : windows.length - 1;
  for (const [at, window] of windows.entries()) {
    delete window.focus;
    if (at === active) window.focus = true;
  }
  return draft.imported(session, null, { windows });
}

function readWindow(entry: Data, at: number, draft: Draft): TemplateWindow {
  const map = isDataMap(entry) ? entry : {};
  const name = typeof map.name === 'string' ? map.name : null;
  const where = `window ${JSON.stringify(name ?? at + 1)}`;
  if (!isDataMap(entry)) draft.warn(`${where} is not carried over: it is not a map.`);
  const keys = draft.keys(map, where);
  keys.take('name');
  const root = keys.text('root');
  const layout = keys.text('layout');
  const focus = keys.flag('focus');
  const options = Object.fromEntries(
    Object.entries(keys.maps('options')).flatMap(([option, value]) =>
      typeof value === 'string' ? [[option, draft.texts.text(optionValue(value))]] : [],
    ),
  );
  const filters = draft.keys(keys.maps('filters'), `filters of ${where}`);
  const before = filters.texts('before');
  const after = filters.texts('after');
  filters.end();
  for (const key of ['clear', 'with_env_var']) keys.leave(key, 'each pane begins with a clean screen.');
  const listed = keys.has('panes') ? keys.list('panes') : keys.list('splits');
  keys.take('panes');
  keys.take('splits');
  keys.end();
  const panes = (listed.length > 0 ? listed : [null]).map((pane, place) => {
    const where2 = `pane ${place + 1} of ${where}`;
    if (!isDataMap(pane)) return { lines: typeof pane === 'string' ? [pane] : [], focus: false };
    const own = draft.keys(pane, where2);
    const commands = [...own.texts('commands'), ...own.texts('cmd')];
    for (const key of ['width', 'height', 'reverse', 'target'])
      own.leave(key, 'sizes of panes stand in the layout; give the window one.');
    const wants = own.flag('focus');
    own.end();
    // They are typed as one line.
    return { lines: commands.length > 0 ? [commands.join('; ')] : [], focus: wants };
  });
  const chosen = layout === null ? undefined : draft.layout(layout, panes.length, where);
  const focusedPane = panes.findIndex((pane) => pane.focus);
  const cells = chosen ?? halved(panes.length);
  return {
    name: draft.texts.text(name ?? `window ${at + 1}`),
    ...(root !== null && { root: draft.texts.text(root) }),
    ...(cells !== undefined && { layout: cells }),
    ...(Object.keys(options).length > 0 && { options }),
    ...(focus && { focus: true }),
    panes: panes.map(({ lines }, place) =>
      draft.pane([...before, ...lines, ...after], {
        ...(place > 0 && place === focusedPane && { focus: true }),
      }),
    ),
  };
}
