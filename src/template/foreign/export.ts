import { stringify } from 'yaml';
import type { Blueprint, Pane, Window } from '../../blueprint/model.js';
import type { Template } from '../../blueprint/template.js';

export const exportFormats = ['tmuxp', 'tmuxinator', 'smug'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface Exported {
  readonly text: string;
  /** Sentences on what the other manager has no word for. */
  readonly warnings: readonly string[];
}

/** A workspace as it would be opened: what a template says for one project. */
export interface Exportable {
  readonly blueprint: Blueprint;
  /** With those that are run at the opening. */
  readonly hooks: NonNullable<Template['hooks']>;
  readonly typed: ReadonlyMap<string, string>;
}

/** The file of another manager for a workspace; what it cannot say is named. */
export function exportTo(format: ExportFormat, source: Exportable): Exported {
  const lost = new Lost(format);
  const made = { tmuxp: toTmuxp, tmuxinator: toTmuxinator, smug: toSmug }[format](source, lost);
  return { text: stringify(made, { lineWidth: 0, aliasDuplicateObjects: false }), warnings: lost.warnings };
}

class Lost {
  readonly warnings: string[] = [];
  constructor(private readonly format: ExportFormat) {}

  /** Names what is there and cannot be said. */
  say(there: boolean, what: string): void {
    const sentence = `${what} is not exported: ${this.format} has no word for it.`;
    if (there && !this.warnings.includes(sentence)) this.warnings.push(sentence);
  }
}

function toTmuxp({ blueprint, hooks, typed }: Exportable, lost: Lost): object {
  const { before_create: first, ...others } = hooks;
  for (const name of Object.keys(others)) lost.say(true, `The hook ${name}`);
  return tidy({
    session_name: blueprint.name,
    start_directory: blueprint.path,
    // Run as words, without a shell.
    before_script: first === undefined ? undefined : `sh -c ${quoted(first)}`,
    environment: environmentOf(blueprint, lost),
    options: blueprint.options,
    windows: blueprint.windows.map((window) => {
      lost.say(window.zoomed, `The zoom of window "${window.name}"`);
      return tidy({
        window_name: window.name,
        layout: window.panes.length > 1 ? window.layout : undefined,
        options: before(window),
        options_after: after(window),
        focus: window.key === blueprint.activeWindow || undefined,
        panes: window.panes.map((pane) => {
          paneLosses(pane, window, lost);
          const line = typed.get(pane.key);
          return tidy({
            start_directory: pane.cwd,
            shell: pane.startCommand ?? pane.shell ?? undefined,
            environment: pane.environment,
            focus: pane.key === window.activePane || undefined,
            shell_command: line !== undefined ? [{ cmd: line, enter: false }] : linesOf(pane),
          });
        }),
      });
    }),
  });
}

function toTmuxinator({ blueprint, hooks, typed }: Exportable, lost: Lost): object {
  const { windows } = blueprint;
  const { before_create: first, on_detach: exit, before_close: stop, ...others } = hooks;
  for (const name of Object.keys(others)) lost.say(true, `The hook ${name}`);
  for (const name of Object.keys(blueprint.options)) lost.say(true, `The option ${name}`);
  for (const { name } of blueprint.environment) lost.say(true, `The variable ${name}`);
  const active = windows.find((window) => window.key === blueprint.activeWindow) ?? windows[0]!;
  return tidy({
    name: blueprint.name,
    root: blueprint.path,
    on_project_first_start: first,
    on_project_exit: exit,
    on_project_stop: stop,
    startup_window: active.name,
    windows: windows.map((window) => {
      lost.say(window.zoomed, `The zoom of window "${window.name}"`);
      lost.say(
        window !== active && window.activePane !== window.panes[0]?.key,
        `The active pane of window "${window.name}"`,
      );
      for (const name of Object.keys(before(window) ?? {}))
        lost.say(name !== 'automatic-rename', `The option ${name} of window "${window.name}"`);
      const folder = window.panes[0]!.cwd;
      const panes = window.panes.map((pane) => {
        paneLosses(pane, window, lost);
        lost.say(typed.has(pane.key), `A typed line of window "${window.name}"`);
        lost.say(Object.keys(pane.environment).length > 0, `A variable of a pane of window "${window.name}"`);
        lost.say(pane.shell !== null, `The shell of a pane of window "${window.name}"`);
        const own = pane.cwd === folder ? [] : [`cd ${quoted(pane.cwd)}`];
        const program = pane.startCommand === null ? [] : [`exec ${pane.startCommand}`];
        return [...own, ...program, ...(linesOf(pane) ?? [])];
      });
      return {
        [window.name]: tidy({
          root: folder,
          layout: window.layout,
          synchronize: window.options['synchronize-panes'] === 'on' ? 'after' : undefined,
          panes: panes.map((lines) => (lines.length === 0 ? null : lines)),
        }),
      };
    }),
  });
}

function toSmug({ blueprint, hooks, typed }: Exportable, lost: Lost): object {
  const { before_create: first, before_close: stop, on_attach, on_detach, ...others } = hooks;
  for (const name of Object.keys(others)) lost.say(true, `The hook ${name}`);
  for (const name of Object.keys(blueprint.options)) lost.say(true, `The option ${name}`);
  const hook = (command: string | undefined) =>
    command === undefined ? undefined : `run-shell -b ${quoted(command)}`;
  return escaped(
    tidy({
      session: blueprint.name,
      root: blueprint.path,
      env: environmentOf(blueprint, lost),
      before_start: first === undefined ? undefined : [first],
      stop: stop === undefined ? undefined : [stop],
      attach_hook: hook(on_attach),
      detach_hook: hook(on_detach),
      attach: true,
      windows: blueprint.windows.map((window) => {
        lost.say(window.zoomed, `The zoom of window "${window.name}"`);
        for (const name of Object.keys(window.options))
          lost.say(name !== 'automatic-rename', `The option ${name} of window "${window.name}"`);
        lost.say(
          window.activePane !== window.panes.at(-1)?.key,
          `The active pane of window "${window.name}", other than the last one,`,
        );
        const panes = window.panes.map((pane) => {
          paneLosses(pane, window, lost);
          lost.say(typed.has(pane.key), `A typed line of window "${window.name}"`);
          lost.say(
            Object.keys(pane.environment).length > 0,
            `A variable of a pane of window "${window.name}"`,
          );
          lost.say(pane.shell !== null, `The shell of a pane of window "${window.name}"`);
          const program = pane.startCommand === null ? [] : [`exec ${pane.startCommand}`];
          return { root: pane.cwd, commands: [...program, ...(linesOf(pane) ?? [])] };
        });
        const [main, ...further] = panes;
        return tidy({
          name: window.name,
          selected: window.key === blueprint.activeWindow || undefined,
          root: main!.root,
          layout: window.layout,
          commands: main!.commands,
          panes: further.length > 0 ? further : undefined,
        });
      }),
    }),
  ) as object;
}

function paneLosses(pane: Pane, window: Window, lost: Lost): void {
  for (const name of Object.keys(pane.options))
    lost.say(true, `The option ${name} of a pane of window "${window.name}"`);
  lost.say(pane.title !== '' && pane.title !== pane.role, `The title "${pane.title}"`);
  lost.say(pane.role !== null, `The role "${pane.role}"`);
  lost.say(pane.restart !== 'never', `The restart of a pane of window "${window.name}"`);
}

function environmentOf({ environment }: Blueprint, lost: Lost): Record<string, string> {
  return Object.fromEntries(
    environment.flatMap(({ name, value, hidden }) => {
      lost.say(value === null || hidden, `That ${name} is ${value === null ? 'removed' : 'hidden'}`);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** tmuxp types into all panes that are synchronized by then. */
function before({ options }: Window): Window['options'] {
  const { 'synchronize-panes': _later, ...rest } = options;
  return rest;
}

function after({ options }: Window): Window['options'] {
  const on = options['synchronize-panes'];
  return on === undefined ? {} : { 'synchronize-panes': on };
}

function linesOf(pane: Pane): string[] | undefined {
  return pane.run === null ? undefined : pane.run.split('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** smug fills `$name` in before it reads the YAML, and `$$` becomes `$` (Go's os.Expand, and its own lookup). */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escaped(inner)]));
}

function tidy(map: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(map).filter(
      ([, value]) =>
        value !== undefined &&
        !(
          typeof value === 'object' &&
          value !== null &&
          !Array.isArray(value) &&
          Object.keys(value).length === 0
        ),
    ),
  );
}
