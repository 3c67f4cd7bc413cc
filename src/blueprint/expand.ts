import { isAbsolute, join, normalize } from 'node:path';
import { CwError } from '../errors.js';
import { windowLayout } from './expand-layout.js';
import type { ProjectFacts } from './facts.js';
import { fillCommand, fillText, fillVariable, type Value, type Values } from './fill.js';
import type { Blueprint, Options, Pane, Window } from './model.js';
import { packageProgram, whyNotRunnable } from './runnable.js';
import { nearest } from './suggest.js';
import type { Candidate, Template, TemplatePane, TemplateWindow } from './template.js';

export interface Expanded {
  readonly blueprint: Blueprint;
  /** Sentences about what was left out or replaced, and why. */
  readonly notes: readonly string[];
  /** Lines that are typed and wait for Enter, by the key of the pane. */
  readonly typed: ReadonlyMap<string, string>;
}

/**
 * Fills a template with what is known of a project. Commands are put where they can work, folders where they
 * exist; what had to give way is told in the notes. `extends` is resolved already, and so is the environment
 * (`facts.environment`). The blueprint names no template: a template does not know its own name.
 *
 * Holes: `vars` with the values of `--set`, and the built-in `project`, `root`, `home`, `editor`,
 * `package_manager`, and in a pane `folder`, where it starts. In commands and variables unknown ones are left
 * for the shell; anywhere else they are an error. See `fillCommand` for how text gets into a command.
 *
 * @throws CwError `usage` for a value of `--set` or a `--window` that the template does not have, an unknown
 *   hole, or a layout that cannot be.
 */
export function expand(template: Template, facts: ProjectFacts): Expanded {
  const values = valuesOf(template, facts);
  const notes: string[] = [];
  const chosen = chooseWindows(template, facts, values);
  const base = rootOf(template, facts, values, notes);
  const settings: WindowSettings = { base, check: template.check_commands !== false };
  const expanded = chosen.map((window, at) => expandWindow(window, at, facts, values, settings));
  const kept = expanded.filter((window, at) => at === 0 || facts.windows.length > 0 || window.idle === null);
  for (const window of expanded) {
    if (kept.includes(window)) notes.push(...window.notes);
    else notes.push(`Window "${window.name}" left out: ${window.idle}.`);
  }
  const indexes = windowIndexes(kept);
  const made = kept.map((window, at): Window => ({ ...window.window, index: indexes[at]! }));
  const windows = made.toSorted((a, b) => a.index - b.index);
  const focused = kept.findIndex((window) => window.focus);
  return {
    blueprint: {
      id: facts.id,
      name: facts.name,
      session: facts.session,
      path: facts.path,
      template: null,
      size: { ...facts.size },
      options: {
        ...optionsOf(template.options, values, 'the options'),
        ...(template.history_limit === undefined ? {} : { 'history-limit': String(template.history_limit) }),
      },
      environment: facts.environment.map(({ name, value }) => ({ name, value, hidden: false })),
      group: null,
      hooks: laterHooks(fillHooks(template, facts)),
      windows,
      activeWindow: (made[focused] ?? windows[0]!).key,
      lastWindow: null,
    },
    notes,
    typed: new Map(kept.flatMap((window) => window.typed)),
  };
}

/** The folder of the template where that names one which exists, else the project's. */
function rootOf(template: Template, facts: ProjectFacts, values: Values, notes: string[]): string {
  if (template.root === undefined) return facts.path;
  const folder = below(facts.path, fillText(template.root, values, 'the root of the template'), facts.home);
  if (facts.folderExists(folder)) return folder;
  notes.push(`There is no folder ${folder}, the root of the template: windows start in ${facts.path}.`);
  return facts.path;
}

/** Each window's offset from base-index: its own, or the next one after the window before it. */
function windowIndexes(windows: readonly ExpandedWindow[]): number[] {
  const asked = new Set(windows.flatMap(({ index }) => index ?? []));
  const taken = new Map<number, string>();
  let next = 0;
  return windows.map(({ name, index }) => {
    while (index === null && (asked.has(next) || taken.has(next))) next += 1;
    const own = index ?? next;
    const other = taken.get(own);
    if (other !== undefined) {
      throw new CwError('usage', `The windows "${other}" and "${name}" have the same index, ${own}.`, {
        hint: 'Give one of them another index, or none.',
      });
    }
    taken.set(own, name);
    next = own + 1;
    return own;
  });
}

/** A template's hooks with their holes filled, also those that the opener runs itself. */
export function fillHooks(template: Template, facts: ProjectFacts): NonNullable<Template['hooks']> {
  const values = valuesOf(template, facts);
  const hooks = Object.entries(template.hooks ?? {}).flatMap(([name, command]) =>
    command === undefined ? [] : [[name, fillCommand(command, values, `the hook ${name}`)]],
  );
  return Object.fromEntries(hooks);
}

function laterHooks(hooks: NonNullable<Template['hooks']>): Blueprint['hooks'] {
  const { before_create: _before, after_create: _after, ...later } = hooks;
  return later as Blueprint['hooks'];
}

function valuesOf(template: Template, facts: ProjectFacts): Values {
  const vars = template.vars ?? {};
  for (const name of Object.keys(facts.overrides)) {
    if (Object.hasOwn(vars, name)) continue;
    const known = Object.keys(vars);
    const near = nearest(name, known);
    throw new CwError('usage', `The template has no variable "${name}".`, {
      hint:
        known.length === 0
          ? 'It has none at all: --set changes the variables under `vars`.'
          : `${near ? `Did you mean "${near}"? ` : ''}It has: ${known.join(', ')}.`,
    });
  }
  const foreign = (text: string): Value => ({ text, trusted: false });
  const trusted = (text: string): Value => ({ text, trusted: true });
  return {
    project: foreign(facts.name),
    root: foreign(facts.path),
    home: foreign(facts.home),
    editor: trusted(facts.editor),
    package_manager: foreign(facts.packageManager),
    ...Object.fromEntries(
      Object.entries(vars).map(([name, value]) => [
        name,
        trusted(facts.overrides[name] ?? scalarText(value)),
      ]),
    ),
  };
}

function chooseWindows(template: Template, facts: ProjectFacts, values: Values): TemplateWindow[] {
  const all = (template.windows ?? [{ name: 'main' }]).map((window) => ({
    ...window,
    name: fillText(window.name, values, 'the name of a window'),
  }));
  for (const wanted of facts.windows) {
    if (all.some((window) => window.name === wanted)) continue;
    const names = all.map((window) => window.name);
    const near = nearest(wanted, names);
    throw new CwError('usage', `The template has no window "${wanted}".`, {
      hint: `${near ? `Did you mean "${near}"? ` : ''}It has: ${names.join(', ')}.`,
    });
  }
  const chosen =
    facts.windows.length > 0
      ? all.filter((window) => facts.windows.includes(window.name))
      : all.filter((window) => !window.manual);
  if (chosen.length > 0) return chosen;
  throw new CwError('usage', 'All windows of the template are manual, and none was asked for.', {
    hint: `Name one: --window ${all[0]?.name}`,
  });
}

interface ExpandedWindow {
  readonly name: string;
  readonly window: Window;
  readonly notes: readonly string[];
  readonly focus: boolean;
  readonly index: number | null;
  readonly typed: readonly (readonly [string, string])[];
  /** Why nothing that the window is for can work here; null when something can. */
  readonly idle: string | null;
}

/** What the template says for all of its windows. */
interface WindowSettings {
  /** The folder that theirs are relative to. */
  readonly base: string;
  /** Commands whose program is not found are left out. */
  readonly check: boolean;
}

function expandWindow(
  source: TemplateWindow,
  at: number,
  facts: ProjectFacts,
  values: Values,
  settings: WindowSettings,
): ExpandedWindow {
  const key = `w${at + 1}`;
  const where = `window "${source.name}"`;
  const sources = (source.panes ?? [null]).map(
    (pane): TemplatePane => (typeof pane === 'string' ? { run: pane } : (pane ?? {})),
  );
  const panes = sources.map((pane, place) =>
    expandPane(pane, `${key}.p${place + 1}`, source, where, facts, values, settings),
  );
  const layout = windowLayout(source.layout, sources, facts.size, where);
  const idle = panes.every((pane) => pane.idle !== null)
    ? few(panes.flatMap((pane) => pane.idle ?? []))
    : null;
  const options = optionsOf(source.options, values, where);
  const focused =
    panes[
      Math.max(
        0,
        sources.findIndex((pane) => pane.focus),
      )
    ]!;
  return {
    name: source.name,
    window: {
      key,
      index: at,
      name: source.name,
      layout: layout.layout,
      size: { ...facts.size },
      zoomed: source.zoom === true && panes.length > 1,
      activePane: focused.pane.key,
      lastPane: null,
      options: {
        // Its name is what the template calls it, whatever runs in it.
        'automatic-rename': 'off',
        ...options,
        ...(source.synchronize ? { 'synchronize-panes': 'on' } : {}),
      },
      panes: layout.order.map((number) => panes[number - 1]!.pane),
      link: null,
    },
    notes: [...panes.flatMap((pane) => pane.notes), ...layout.notes],
    focus: source.focus === true,
    index: source.index ?? null,
    typed: panes.flatMap(({ pane, typed }) => (typed === null ? [] : [[pane.key, typed] as const])),
    idle,
  };
}

interface ExpandedPane {
  readonly pane: Pane;
  readonly notes: readonly string[];
  readonly typed: string | null;
  readonly idle: readonly string[] | null;
}

function expandPane(
  source: TemplatePane,
  key: string,
  window: TemplateWindow,
  inWindow: string,
  facts: ProjectFacts,
  windowValues: Values,
  settings: WindowSettings,
): ExpandedPane {
  const notes: string[] = [];
  const where = `a pane of ${inWindow}`;
  const cwd = folderOf(source, window, where, facts, windowValues, settings.base, notes);
  const values: Values = { ...windowValues, folder: { text: cwd, trusted: false } };
  const command = commandOf(source, where, cwd, facts, values, settings.check);
  if (command.note) notes.push(command.note);
  const shell = source.shell === undefined ? null : facts.findProgram(fillText(source.shell, values, where));
  if (source.shell !== undefined && shell === null) {
    notes.push(`The shell ${source.shell} of ${where} was not found: it has the default one.`);
  }
  const role = source.role ?? null;
  return {
    pane: {
      key,
      role,
      title:
        source.title === undefined ? (role ?? '') : fillText(source.title, values, `the title of ${where}`),
      cwd,
      shell,
      run: command.run,
      startCommand:
        source.start_command === undefined
          ? null
          : fillCommand(source.start_command, values, `the start command of ${where}`),
      environment: Object.fromEntries(
        Object.entries(source.env ?? {}).map(([name, value]) => [
          name,
          fillVariable(scalarText(value), values),
        ]),
      ),
      options: optionsOf(source.options, values, where),
      historyLimit: null,
      restart: source.restart ?? 'never',
    },
    notes,
    typed: typedOf(source, where, values),
    idle: command.idle,
  };
}

function folderOf(
  source: TemplatePane,
  window: TemplateWindow,
  where: string,
  facts: ProjectFacts,
  values: Values,
  root: string,
  notes: string[],
): string {
  const base = worktreeOf(source, where, facts, values, notes) ?? root;
  const find = (from: string, candidates: readonly string[], whose: string): string => {
    const names = candidates.map((candidate) => fillText(candidate, values, `the root of ${whose}`));
    const found = names.map((name) => below(from, name, facts.home)).find(facts.folderExists);
    if (found) return found;
    notes.push(`There is no folder ${names.join(' or ')} for ${whose}: it starts in ${from}.`);
    return from;
  };
  const start = window.root === undefined ? base : find(base, [window.root], where);
  return source.root === undefined ? start : find(start, [source.root].flat(), where);
}

function worktreeOf(
  source: TemplatePane,
  where: string,
  facts: ProjectFacts,
  values: Values,
  notes: string[],
): string | null {
  if (source.worktree === undefined) return null;
  if (typeof source.worktree === 'number') return facts.worktrees[source.worktree - 1]?.path ?? null;
  const name = fillText(source.worktree, values, `the worktree of ${where}`);
  const found = facts.worktrees.find((worktree) => worktree.name === name);
  if (!found) notes.push(`There is no worktree ${name} for ${where}: it starts in the project's folder.`);
  return found?.path ?? null;
}

function below(folder: string, path: string, home: string): string {
  if (path === '~' || path.startsWith('~/')) return join(home, path.slice(1));
  const full = isAbsolute(path) ? normalize(path) : join(folder, path);
  return full.length > 1 ? full.replace(/\/$/, '') : full;
}

interface PaneCommand {
  readonly run: string | null;
  readonly note: string | null;
  /** What its commands lack, when none of them can work. */
  readonly idle: readonly string[] | null;
}

function commandOf(
  source: TemplatePane,
  where: string,
  cwd: string,
  facts: ProjectFacts,
  values: Values,
  check: boolean,
): PaneCommand {
  if (source.run === undefined) return { run: null, note: null, idle: null };
  if (source.typed !== undefined || source.start_command !== undefined) {
    throw new CwError('usage', `The "run" of ${where} stands beside "typed" or "start_command".`, {
      hint: 'A pane has one of the three.',
    });
  }
  const reasons: string[] = [];
  for (const candidate of [source.run].flat()) {
    const needs = typeof candidate === 'string' ? { run: candidate } : candidate;
    const run = fillCommand(needs.run, values, `the command of ${where}`);
    const why = whyMissing(needs, facts) ?? (check ? whyNotRunnable(run, cwd, facts) : null);
    if (why === null) return { run: run.trim() === '' ? null : run, note: null, idle: null };
    reasons.push(why);
  }
  if (source.role === 'claude' && facts.findProgram('claude') === null) {
    return { run: claudeHint, note: null, idle: null };
  }
  return { run: null, note: `A plain shell in ${where}: ${few(reasons)}.`, idle: reasons };
}

function typedOf(source: TemplatePane, where: string, values: Values): string | null {
  if (source.typed === undefined) return null;
  const typed = fillCommand(source.typed, values, `the typed line of ${where}`);
  if (source.start_command === undefined && !/[\x00-\x1f\x7f]/.test(typed)) return typed;
  throw new CwError('usage', `The "typed" of ${where} cannot be typed there.`, {
    hint: 'It is one line without control characters, in a pane without "start_command".',
  });
}

/** What is lacking, in a line: the first of it, and how much more there is. */
function few(reasons: readonly string[]): string {
  const all = [...new Set(reasons)];
  const more = all.length > 4 ? [`${all.length - 3} more`] : [];
  return [...(more.length > 0 ? all.slice(0, 3) : all), ...more].join(', ');
}

function whyMissing(needs: Exclude<Candidate, string>, facts: ProjectFacts): string | null {
  const file = [needs.file ?? []].flat().find((each) => !facts.fileExists(each));
  if (file !== undefined) return `no ${packageProgram(file)}`;
  if (needs.program === undefined || facts.findProgram(needs.program) !== null) return null;
  return `no ${needs.program}`;
}

const claudeHint =
  "printf '%s\\n' 'Claude Code was not found. Install it with: npm install -g @anthropic-ai/claude-code'";

function optionsOf(
  options: Readonly<Record<string, string | number | boolean>> | undefined,
  values: Values,
  where: string,
): Options {
  return Object.fromEntries(
    Object.entries(options ?? {}).map(([name, value]) => {
      if (!name.startsWith('@cw_')) {
        const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
        return [name, fillText(text, values, `the option ${name} of ${where}`)];
      }
      throw new CwError('usage', `The option ${name} of ${where} cannot be set: @cw_ ones are cw's own.`, {
        hint: 'Choose another name.',
      });
    }),
  );
}

function scalarText(value: string | number | boolean): string {
  return String(value);
}
