import type { TemplateWindow } from '../../blueprint/template.js';
import { CwError } from '../../errors.js';
import { Draft } from './draft.js';
import type { ForeignFacts, Imported } from './model.js';
import { type Data, isDataMap, readYaml } from './read-yaml.js';
import type { Texts } from './texts.js';

/**
 * smug's project files, as its documentation and sources say (README.md, smug.go, config.go of ivaaaan/smug).
 *
 * @throws CwError `failed` for broken YAML, or a file without windows.
 */
export function readSmug(source: string, facts: ForeignFacts): Imported {
  const draft = new Draft('smug', facts);
  const { texts } = draft;
  const keys = draft.keys(readYaml(marked(source, texts, facts), facts.label), 'the project');
  const session = keys.text('session') ?? facts.name;
  const root = keys.text('root');
  if (keys.has('attach') && !keys.flag('attach'))
    draft.warn('attach: false is not carried over: open it with cw up --detach.');
  keys.take('attach');
  const attach = keys.text('attach_hook');
  const detach = keys.text('detach_hook');
  if (attach !== null || detach !== null)
    draft.warn(
      'attach_hook and detach_hook are commands of tmux there and of sh here: on_attach, on_detach.',
    );
  keys.leave('sendkeys_timeout', 'commands are not typed: none can come too early.');
  keys.leave('tmux_options', 'the server is chosen by CW_TMUX_SOCKET, for all workspaces.');
  const env = Object.fromEntries(
    Object.entries(keys.variables('env')).map(([name, value]) => [name, texts.text(value)]),
  );
  const start = keys.texts('before_start');
  const stop = keys.texts('stop');
  const list = keys.list('windows');
  keys.end();
  if (list.length === 0) throw new CwError('failed', `${facts.label} has no windows.`);
  // Each command is one `sh -c`, and the first that fails stops the rest.
  const script = (lines: readonly string[]) =>
    lines.map((line) => `( ${texts.command(line)}\n)`).join(' &&\n');
  const hooks = {
    ...(start.length > 0 && { before_create: script(start) }),
    ...(stop.length > 0 && { before_close: script(stop) }),
    ...(attach !== null && { on_attach: hookOf(texts.command(attach)) }),
    ...(detach !== null && { on_detach: hookOf(texts.command(detach)) }),
  };
  const windows = list.map((entry, at) => readWindow(entry, at, draft));
  const focused = windows.findLastIndex((window) => window.focus);
  for (const [at, window] of windows.entries()) if (at !== focused) delete window.focus;
  return draft.imported(session, root, {
    ...(Object.keys(env).length > 0 && { env }),
    ...(Object.keys(hooks).length > 0 && { hooks }),
    windows,
  });
}

/** A hook is given to tmux; the shell command of `run-shell` is what sh can run. */
function hookOf(command: string): string {
  const shell = /^\s*run(?:-shell)?\s+(?:-b\s+)?(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*$/.exec(command);
  if (shell) return shell[2] ?? shell[1]!.replace(/\\(.)/g, '$1');
  return `tmux ${command}`;
}

/** As Go's os.Expand reads `$name` and `${name}`: a value of the command line, of the environment, or the name itself. */
function marked(source: string, texts: Texts, { env }: ForeignFacts): string {
  return source.replace(
    /\$(?:\{([^}]*)\}|(\w+)|([*#$@!?-]))/g,
    (_, braced?: string, bare?: string, special?: string) => {
      const name = braced ?? bare ?? special ?? '';
      if (!/^[A-Za-z_]\w*$/.test(name)) return name;
      return env[name] === undefined ? texts.setting(name, name) : texts.environment(name);
    },
  );
}

function readWindow(entry: Data, at: number, draft: Draft): TemplateWindow {
  const map = isDataMap(entry) ? entry : {};
  const name = typeof map.name === 'string' ? map.name : null;
  const where = `window ${JSON.stringify(name ?? at + 1)}`;
  if (!isDataMap(entry)) draft.warn(`${where} is not carried over: it is not a map.`);
  const keys = draft.keys(map, where);
  keys.take('name');
  const root = keys.text('root');
  const selected = keys.flag('selected');
  const manual = keys.flag('manual');
  const layout = keys.text('layout') ?? 'even-horizontal';
  keys.leave('before_start', 'smug has that key and does nothing with it.');
  const commands = keys.texts('commands');
  const further = keys.list('panes');
  keys.end();
  const panes = further.map((pane, place) => readPane(pane, `pane ${place + 2} of ${where}`, draft));
  return {
    name: draft.texts.text(name ?? `window ${at + 1}`),
    ...(root !== null && root !== '' && { root: draft.texts.text(root) }),
    layout: draft.layout(layout, panes.length + 1, where) ?? 'even-horizontal',
    ...(selected && { focus: true }),
    ...(manual && { manual: true }),
    // The new pane is the active one; the first one has the window's commands.
    panes: [draft.pane(commands), ...panes].map((pane, place) =>
      place > 0 && place === panes.length ? { ...pane, focus: true } : pane,
    ),
  };
}

function readPane(entry: Data, where: string, draft: Draft) {
  if (!isDataMap(entry)) {
    if (entry !== null) draft.warn(`${where} is not carried over: it is not a map.`);
    return {};
  }
  const keys = draft.keys(entry, where);
  // How it is split off does not show in the layout that follows.
  keys.take('type');
  const root = keys.text('root');
  const commands = keys.texts('commands');
  keys.end();
  return draft.pane(commands, { ...(root !== null && root !== '' && { root: draft.texts.text(root) }) });
}
