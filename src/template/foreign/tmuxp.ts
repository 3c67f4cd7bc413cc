import { join } from 'node:path';
import type { TemplatePane, TemplateWindow } from '../../blueprint/template.js';
import { CwError } from '../../errors.js';
import { Draft, halved, optionValue, sentToAll } from './draft.js';
import type { ForeignFacts, Imported } from './model.js';
import { type Data, type DataMap, isDataMap, readYaml } from './read-yaml.js';

/**
 * tmuxp's workspace files, YAML or JSON, as its 1.27 builds them (tmuxp/workspace: loader.py, builder.py).
 *
 * @throws CwError `failed` for what is no YAML, or has no windows.
 */
export function readTmuxp(source: string, facts: ForeignFacts): Imported {
  const draft = new Draft('tmuxp', facts);
  const keys = draft.keys(readYaml(source, facts.label), 'the session');
  const reader = new TmuxpReader(draft);
  const session = reader.expanded(keys.text('session_name') ?? facts.name);
  const root = reader.folder(keys.text('start_directory'), facts.folder);
  const script = keys.text('before_script');
  const before = reader.commands(keys.take('shell_command_before'), 'the session');
  const options = draft.options(reader.expandedMap(keys.maps('options')));
  const global = draft.options(reader.expandedMap(keys.maps('global_options')));
  if (Object.keys(global.session).length + Object.keys(global.window).length > 0)
    draft.warn(
      'global_options are options of this workspace alone here: those of other sessions stay as they are.',
    );
  const env = reader.environment(keys.variables('environment'));
  reader.history(keys);
  keys.leave('plugins', 'they are programs of tmuxp.');
  const list = keys.list('windows');
  keys.end();
  if (list.length === 0) throw new CwError('failed', `${facts.label} has no windows.`);
  for (const name of Object.keys(options.window))
    draft.warn(
      `The option ${name} of the session is not carried over: tmuxp sets it on a window that it then removes.`,
    );
  const windows = list.map((entry, at) => reader.window(entry, at, before, global.window));
  // The last one that wants the focus has it.
  const focused = windows.findLastIndex((window) => window.focus);
  for (const [at, window] of windows.entries()) if (at !== focused) delete window.focus;
  const sessionOptions = { ...global.session, ...options.session };
  return draft.imported(session, root, {
    ...(Object.keys(env).length > 0 && { env }),
    ...(Object.keys(sessionOptions).length > 0 && { options: sessionOptions }),
    ...(script !== null && { hooks: { before_create: draft.texts.command(reader.script(script)) } }),
    windows,
  });
}

interface Commands {
  readonly lines: readonly string[];
  /** The last one is typed only. */
  readonly waits: boolean;
}

class TmuxpReader {
  constructor(private readonly draft: Draft) {}

  /** `~` and `$VAR` as Python's expanduser and expandvars do: what is not set stays. */
  expanded(text: string): string {
    const { env } = this.draft.facts;
    const home =
      text === '~' || text.startsWith('~/')
        ? `${this.draft.texts.environment('HOME')}${text.slice(1)}`
        : text;
    return home.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
      const name = bare ?? braced ?? '';
      return env[name] === undefined ? whole : this.draft.texts.environment(name);
    });
  }

  expandedMap(map: DataMap): DataMap {
    return Object.fromEntries(
      Object.entries(map).map(([name, value]) => [
        name,
        typeof value === 'string' ? this.relative(this.expanded(value)) : value,
      ]),
    );
  }

  environment(variables: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [
        name,
        this.draft.texts.text(this.relative(this.expanded(value))),
      ]),
    );
  }

  /** A value that begins with a dot is a path beside the file. */
  private relative(value: string): string {
    return value.startsWith('.') ? withoutSlash(join(this.draft.facts.folder, value)) : value;
  }

  /** @param parent what `.` and `./x` are relative to; null: left as it is, relative to the folder of what it is in. */
  folder(path: string | null, parent: string | null): string | null {
    if (path === null) return null;
    const home = path === '~' || path.startsWith('~/') ? '~' : '';
    const text = `${home}${this.expanded(path.slice(home.length))}`;
    return text.startsWith('.') && parent !== null ? withoutSlash(join(parent, text)) : text;
  }

  script(script: string): string {
    const text = this.expanded(script);
    return text.startsWith('.') ? join(this.draft.facts.folder, text) : text;
  }

  history(keys: ReturnType<Draft['keys']>): void {
    keys.leave('suppress_history', 'a command that a template runs is in the history of its own pane only.');
  }

  /** Strings, lists, and maps with `cmd`. */
  commands(value: Data | undefined, where: string, enter = true, sleeps: Sleeps = {}): Commands {
    const source =
      isDataMap(value) && 'shell_command' in value ? (value.shell_command ?? null) : (value ?? null);
    const list = Array.isArray(source) ? (source as readonly Data[]) : [source];
    const lone = list.length === 1 ? list[0] : undefined;
    if (lone === null || lone === 'blank' || lone === 'pane') return { lines: [], waits: false };
    const lines: string[] = [];
    let entered = enter;
    let { before, after } = sleeps;
    for (const [at, one] of list.entries()) {
      const map: DataMap = isDataMap(one) ? one : { cmd: one };
      const keys = this.draft.keys(map, `a command of ${where}`);
      const line = keys.text('cmd');
      // What one command says holds for those after it, too.
      if (keys.has('enter')) entered = keys.flag('enter');
      before = keys.text('sleep_before') ?? before;
      after = keys.text('sleep_after') ?? after;
      keys.end();
      if (line === null) continue;
      if (!entered && at < list.length - 1)
        this.draft.warn(
          `enter: false of "${line}" in ${where} is not carried over: other commands follow it.`,
        );
      if (before !== undefined) lines.push(`sleep ${before}`);
      lines.push(line);
      if (after !== undefined) lines.push(`sleep ${after}`);
    }
    return { lines, waits: !entered && lines.length > 0 };
  }

  window(
    entry: Data,
    at: number,
    before: Commands,
    shared: Readonly<Record<string, string>>,
  ): TemplateWindow {
    const { draft } = this;
    const map = isDataMap(entry) ? entry : {};
    const named = typeof map.window_name === 'string' ? map.window_name : null;
    const where = `window ${JSON.stringify(named ?? at + 1)}`;
    if (!isDataMap(entry)) draft.warn(`${where} is not carried over: it is not a map.`);
    const keys = draft.keys(map, where);
    keys.take('window_name');
    const index = keys.text('window_index');
    const shell = keys.text('window_shell');
    const layout = keys.text('layout');
    const root = this.folder(keys.text('start_directory'), null);
    const windowBefore = this.commands(keys.take('shell_command_before'), where);
    const environment = this.environment(keys.variables('environment'));
    const own = this.windowOptions(keys.maps('options'), where);
    const later = this.windowOptions(keys.maps('options_after'), where);
    this.history(keys);
    const focus = keys.flag('focus');
    const listed = keys.take('panes');
    const entries = Array.isArray(listed) && listed.length > 0 ? (listed as readonly Data[]) : [null];
    keys.end();
    const sources = entries.map((pane, place) =>
      this.pane(pane, `pane ${place + 1} of ${where}`, [...before.lines, ...windowBefore.lines]),
    );
    const chosen = (layout === null ? undefined : draft.layout(layout, entries.length, where)) ?? undefined;
    if (own['synchronize-panes'] === 'on') {
      const lines = sentToAll(sources.map((source) => [...source.lines]));
      for (const [place, source] of sources.entries()) source.lines = lines[place]!;
    }
    // Each new pane becomes the active one, unless one asks for the focus: then the last of those.
    const wanting = sources.findLastIndex((source) => source.focus);
    const active = wanting >= 0 ? wanting : sources.length - 1;
    const options = { ...shared, ...own, ...later };
    if (named === null) options['automatic-rename'] ??= 'on';
    const layoutOfCells = chosen ?? halved(sources.length);
    if (Object.keys(later).some((name) => name.startsWith('main-pane-')))
      draft.warn(`options_after of ${where} count in its layout here, which tmuxp has laid out before.`);
    return {
      name: draft.texts.text(named === null ? `window ${at + 1}` : this.expanded(named)),
      ...(index !== null && { index: Math.max(0, Number(index) - draft.facts.baseIndex) || 0 }),
      ...(root !== null && { root: draft.texts.text(root) }),
      ...(layoutOfCells !== undefined && { layout: layoutOfCells }),
      ...(Object.keys(options).length > 0 && { options }),
      ...(focus && { focus: true }),
      panes: sources.map((source, place) =>
        this.finished(source, place === active && place > 0, { environment, shell: shell }),
      ),
    };
  }

  private windowOptions(options: DataMap, where: string): Record<string, string> {
    const expanded = Object.entries(options);
    return Object.fromEntries(
      expanded.flatMap(([name, value]) => {
        if (typeof value === 'string') return [[name, this.draft.texts.text(optionValue(value))]];
        this.draft.warn(`The option ${name} of ${where} is not carried over: its value is no text.`);
        return [];
      }),
    );
  }

  private pane(entry: Data, where: string, before: readonly string[]): PaneSource {
    const { draft } = this;
    if (!isDataMap(entry)) return { ...noPane, lines: [...before, ...this.commands(entry, where).lines] };
    const keys = draft.keys(entry, where);
    const paneBefore = this.commands(keys.take('shell_command_before'), where);
    const enter = !keys.has('enter') || keys.flag('enter');
    keys.take('enter');
    const sleeps = {
      before: keys.text('sleep_before') ?? undefined,
      after: keys.text('sleep_after') ?? undefined,
    };
    const all: Data = [...before, ...paneBefore.lines, ...listOf(keys.take('shell_command'))];
    const commands = this.commands(all.length === 0 ? null : all, where, enter, sleeps);
    const source: PaneSource = {
      lines: [...commands.lines],
      waits: commands.waits,
      root: this.folder(keys.text('start_directory'), null),
      shell: keys.text('shell'),
      env: keys.has('environment') ? this.environment(keys.variables('environment')) : null,
      title: keys.text('title'),
      focus: keys.flag('focus'),
    };
    keys.take('environment');
    this.history(keys);
    keys.end();
    return source;
  }

  private finished(
    source: PaneSource,
    focus: boolean,
    window: { readonly environment: Readonly<Record<string, string>>; readonly shell: string | null },
  ): TemplatePane {
    const { draft } = this;
    const env = source.env ?? window.environment;
    const shell = source.shell || window.shell;
    const rest: TemplatePane = {
      ...(source.title !== null && { title: draft.texts.text(source.title) }),
      ...(source.root !== null && { root: draft.texts.text(source.root) }),
      ...(Object.keys(env).length > 0 && { env }),
      ...(focus && { focus: true }),
    };
    if (shell) {
      // A shell of its own may get commands; any other program has the pane to itself.
      if (!/^\S*\/?(bash|zsh|fish|sh|dash|ksh)$/.test(shell)) {
        if (source.lines.length > 0)
          draft.warn(`The commands typed into "${shell}" are not carried over: ${source.lines.join('; ')}`);
        return { ...rest, start_command: draft.texts.command(shell) };
      }
      rest.shell = draft.texts.text(shell);
    }
    if (!source.waits) return draft.pane(source.lines, rest);
    if (source.lines.length === 1) return { typed: draft.texts.command(source.lines[0]!), ...rest };
    draft.warn(
      `enter: false of "${source.lines.at(-1)}" is not carried over: its pane runs other commands, too.`,
    );
    return draft.pane(source.lines.slice(0, -1), rest);
  }
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, '') : path;
}

interface Sleeps {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

interface PaneSource {
  lines: readonly string[];
  readonly waits: boolean;
  readonly root: string | null;
  readonly shell: string | null;
  readonly env: Readonly<Record<string, string>> | null;
  readonly title: string | null;
  readonly focus: boolean;
}

const noPane: PaneSource = {
  lines: [],
  waits: false,
  root: null,
  shell: null,
  env: null,
  title: null,
  focus: false,
};

/** The commands of a pane, without the words for none. */
function listOf(value: Data | undefined): readonly Data[] {
  const list = Array.isArray(value) ? (value as readonly Data[]) : [value ?? null];
  const lone = list.length === 1 ? list[0] : undefined;
  return lone === null || lone === 'blank' || lone === 'pane' ? [] : list;
}
