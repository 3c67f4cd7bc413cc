import type { Template, TemplateWindow } from '../../blueprint/template.js';
import { CwError } from '../../errors.js';
import { Draft, sentToAll } from './draft.js';
import type { ForeignFacts, Imported } from './model.js';
import { type Data, isDataMap, readYaml } from './read-yaml.js';
import type { Texts } from './texts.js';

/**
 * tmuxinator's project files, as its 3.0 builds them (lib/tmuxinator/assets/template.erb), with the keys of later
 * versions: pane titles and `focused_pane`.
 *
 * @throws CwError `failed` for broken YAML, ERB that runs Ruby, or a file without windows.
 */
export function readTmuxinator(source: string, facts: ForeignFacts): Imported {
  const draft = new Draft('tmuxinator', facts);
  const keys = draft.keys(readYaml(withoutErb(source, draft.texts, facts.label), facts.label), 'the project');
  const session = keys.text('project_name') ?? keys.text('name') ?? facts.name;
  keys.take('name');
  const root = keys.text('project_root') ?? keys.text('root');
  keys.take('root');
  for (const key of ['socket_name', 'socket_path', 'tmux_command'])
    keys.leave(key, 'the server is chosen by CW_TMUX_SOCKET, for all workspaces.');
  for (const key of ['tmux_options', 'cli_args'])
    keys.leave(key, 'they are options of the tmux program, which cw starts with your own configuration.');
  const before = beforeEach(draft, keys);
  const startup = { window: keys.text('startup_window'), pane: keys.text('startup_pane') };
  const hooks = hooksOf(draft, keys);
  if (keys.has('attach') && !keys.flag('attach'))
    draft.warn('attach: false is not carried over: open it with cw up --detach.');
  keys.take('attach');
  const titles = titleOptions(keys);
  const tabs = keys.list('tabs');
  const list = tabs.length > 0 ? tabs : keys.list('windows');
  keys.take('windows');
  if (list.length === 0) throw new CwError('failed', `${facts.label} has no windows.`);
  const windows = list.map((entry, at) => readWindow(entry, at, before, titles, draft));
  chooseStartup(windows, startup, draft);
  keys.end();
  return draft.imported(session, root, { ...(Object.keys(hooks).length > 0 && { hooks }), windows });
}

/**
 * ERB that only names a value becomes that value; what runs Ruby is refused.
 *
 * @throws CwError `failed` with the expression.
 */
function withoutErb(source: string, texts: Texts, label: string): string {
  return source.replace(
    /<%(#|=|-)?([\s\S]*?)-?%>/g,
    (whole, kind: string | undefined, code: string, at: number) => {
      if (kind === '#') return '';
      const found =
        /^\s*(?:ENV(?:\.fetch\(\s*|\[\s*)|@settings\[\s*|@args\[\s*)(?:(["'])(?<name>[A-Za-z_]\w*)\1|(?<number>\d+))\s*(?:,\s*(["'])(?<fetch>[^"'\\#]*)\4\s*)?[\])]\s*(?:\|\|\s*(["'])(?<or>[^"'\\#]*)\6\s*)?$/.exec(
          code,
        );
      const { name, number, fetch, or } = found?.groups ?? {};
      if (kind === '=' && found && name !== undefined)
        return code.trimStart().startsWith('ENV')
          ? texts.environment(name, fetch ?? or)
          : texts.setting(name, or ?? '');
      if (kind === '=' && found && number !== undefined && code.includes('@args'))
        return texts.setting(`arg${number}`, or ?? '');
      const line = source.slice(0, at).split('\n').length;
      throw new CwError(
        'failed',
        `${label}:${line}  ${whole.slice(0, 200)} is Ruby, which cw does not run.`,
        {
          hint: 'Values alone can be carried over: <%= ENV["X"] %>, <%= @settings["x"] %>, <%= @args[0] %>. Write the others out.',
        },
      );
    },
  );
}

type Keys = ReturnType<Draft['keys']>;

/** The line that each pane is sent first. */
function beforeEach(draft: Draft, keys: Keys): string[] {
  const own = { pre_tab: keys.texts('pre_tab').join('; '), pre_window: keys.texts('pre_window').join('; ') };
  const rbenv = keys.text('rbenv');
  const rvm = keys.text('rvm');
  const lines = [
    ['rbenv', rbenv === null ? '' : `rbenv shell ${rbenv}`],
    ['rvm', rvm === null ? '' : `rvm use ${rvm}`],
    ['pre_tab', own.pre_tab],
    ['pre_window', own.pre_window],
  ].filter(([, line]) => line !== '');
  const first = lines[0];
  for (const [key] of lines.slice(1))
    draft.warn(`${key} is not carried over: tmuxinator passes it over where there is ${first?.[0]}.`);
  return first ? [first[1]!] : [];
}

function hooksOf(draft: Draft, keys: Keys): NonNullable<Template['hooks']> {
  const line = (key: string) => keys.texts(key).join('; ');
  const start = line('on_project_start');
  const pre = line('pre');
  const first = line('on_project_first_start');
  const post = line('post');
  const exit = line('on_project_exit');
  const stop = line('on_project_stop');
  if (start !== '')
    draft.warn(
      'on_project_start is the hook before_create here: it does not run when the workspace is open already.',
    );
  keys.leave('on_project_restart', 'nothing runs when a workspace is opened that is open already.');
  if (post !== '' || exit !== '')
    draft.warn('post and on_project_exit are the hook on_detach here: they run when a terminal leaves.');
  if (stop !== '') draft.warn('on_project_stop is the hook before_close here: it runs before cw kill.');
  const hook = (...lines: string[]) => {
    const said = lines.filter((one) => one !== '').map((one) => draft.texts.command(one));
    // As there, one that fails stops nothing.
    return said.length === 0 ? undefined : `(\n${said.join('\n')}\n) || true`;
  };
  const hooks = {
    before_create: hook(start, pre, first),
    on_detach: hook(post, exit),
    before_close: hook(stop),
  };
  return Object.fromEntries(Object.entries(hooks).filter(([, command]) => command !== undefined));
}

function titleOptions(keys: Keys): Record<string, string> {
  const position = keys.text('pane_title_position') ?? 'top';
  const format = keys.text('pane_title_format') ?? '#{pane_index}: #{pane_title}';
  if (!keys.flag('enable_pane_titles')) return {};
  return { 'pane-border-status': position, 'pane-border-format': format };
}

function readWindow(
  entry: Data,
  at: number,
  before: readonly string[],
  titles: Readonly<Record<string, string>>,
  draft: Draft,
): TemplateWindow {
  const [key, value] = isDataMap(entry)
    ? (Object.entries(entry)[0] ?? ['', null])
    : [String(entry ?? ''), null];
  const where = `window ${JSON.stringify(key || at + 1)}`;
  if (isDataMap(entry)) {
    for (const other of Object.keys(entry).slice(1))
      draft.warn(
        `${JSON.stringify(other)} of ${where} is not carried over: tmuxinator takes the first key only.`,
      );
  }
  // tmux names it by what runs in it.
  const nameless = key === '' || key === 'null';
  const name = nameless ? `window ${at + 1}` : draft.texts.text(key);
  const base = {
    name,
    ...((nameless || Object.keys(titles).length > 0) && {
      options: { ...(nameless && { 'automatic-rename': 'on' }), ...titles },
    }),
  };
  if (!isDataMap(value)) {
    const lines = (Array.isArray(value) ? value : [value]).filter(
      (line): line is string => typeof line === 'string',
    );
    return { ...base, panes: [draft.pane([...before, ...lines])] };
  }
  const keys = draft.keys(value, where);
  const root = keys.text('root');
  const layout = keys.text('layout');
  const pre = keys.texts('pre').join(' && ');
  const listed = keys.take('panes');
  const entries = Array.isArray(listed) ? (listed as readonly Data[]) : listed == null ? [] : [listed];
  const synchronize = keys.text('synchronize');
  const focused = keys.text('focused_pane');
  keys.end();
  const early = synchronize !== null && /^(true|yes|on|before)$/i.test(synchronize);
  const rest = {
    ...base,
    ...(root !== null && { root: draft.texts.text(root) }),
    ...((early || synchronize === 'after') && { synchronize: true }),
  };
  if (root !== null && !/^[/~]/.test(root))
    draft.warn(
      `The root of ${where} is relative: here to the project's folder, there to where tmuxinator was started.`,
    );
  if (synchronize !== null && !early && !/^(after|false|no|off)$/i.test(synchronize))
    draft.warn(`synchronize of ${where} is not carried over: it is none of true, before and after.`);
  if (entries.length === 0) {
    if (layout !== null || pre !== '')
      draft.warn(`layout and pre of ${where} have no effect: tmuxinator uses them where there are panes.`);
    return { ...rest, panes: [draft.pane(before)] };
  }
  const panes = entries.map((pane) => readPane(pane, [...before, ...(pre === '' ? [] : [pre])]));
  const lines = early ? sentToAll(panes.map((pane) => pane.lines)) : panes.map((pane) => pane.lines);
  const focus = focused === null ? -1 : Number(focused) - draft.facts.paneBaseIndex;
  return {
    ...rest,
    // Without one tmuxinator leaves the tiled layout by which it made room.
    layout: (layout === null ? undefined : draft.layout(layout, panes.length, where)) ?? 'tiled',
    panes: panes.map(({ title }, place) =>
      draft.pane(lines[place]!, {
        ...(title !== null && { title: draft.texts.text(title) }),
        ...(place === focus && { focus: true }),
      }),
    ),
  };
}

function readPane(pane: Data, before: readonly string[]): { title: string | null; lines: string[] } {
  const [title, commands] = isDataMap(pane) ? (Object.entries(pane)[0] ?? [null, null]) : [null, pane];
  const list = (Array.isArray(commands) ? commands : [commands]).flat();
  return { title, lines: [...before, ...list.filter((line): line is string => typeof line === 'string')] };
}

function chooseStartup(
  windows: TemplateWindow[],
  { window, pane }: { readonly window: string | null; readonly pane: string | null },
  draft: Draft,
): void {
  const { baseIndex, paneBaseIndex } = draft.facts;
  const name = window === null ? null : draft.texts.value(window);
  const at =
    name === null
      ? 0
      : /^\d+$/.test(name)
        ? Number(name) - baseIndex
        : windows.findIndex((candidate) => candidate.name === name);
  const chosen = windows[at];
  if (!chosen) {
    draft.warn(`startup_window is not carried over: there is no window ${name}.`);
    return;
  }
  if (window !== null) chosen.focus = true;
  if (pane === null) return;
  const place = Number(draft.texts.value(pane)) - paneBaseIndex;
  const entry = chosen.panes?.[place];
  if (typeof entry === 'object' && entry !== null) {
    for (const other of chosen.panes ?? []) if (typeof other === 'object' && other) delete other.focus;
    entry.focus = true;
  } else draft.warn(`startup_pane is not carried over: the window ${chosen.name} has no pane ${pane}.`);
}
