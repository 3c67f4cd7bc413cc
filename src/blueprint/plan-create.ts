import { spoolVariable } from './facts.js';
import type { Pane } from './model.js';
import {
  channelOf,
  chosenWindows,
  type Draft,
  isCreateOption,
  step,
  type WindowDraft,
} from './plan-draft.js';
import type { PaneStart } from './start.js';
import { createdFormat, type Step, type Word } from './step.js';

/**
 * The steps that make the session, its windows and panes, as one chain: the first failure stops it. They touch
 * nothing but the session of the temporary name, and windows in it by indexes of our choosing.
 *
 * The session begins with a placeholder window: tmux binds `history-limit` and the environment when a pane is
 * made, so the real ones are made after both are set.
 */
export function createSteps(draft: Draft): Step[] {
  if (draft.group.kind === 'join') return [sessionStep(draft), ...environmentSteps(draft)];
  const placeholder = `=${draft.temporaryName}:${Math.max(0, ...draft.windows.map(({ index }) => index)) + 1}`;
  const history = new HistoryLimit(draft);
  return [
    sessionStep(draft),
    // Else tmux closes the gaps between the indexes when the placeholder goes. Put back while finishing.
    step('keep the indexes of windows', ['set-option', '-t', session(draft), 'renumber-windows', 'off']),
    step('make room for the first window', ['move-window', '-s', session(draft), '-t', placeholder]),
    ...environmentSteps(draft),
    ...earlyOptions(draft).map(([name, value]) =>
      step(`set the option ${name}`, ['set-option', '-t', session(draft), '--', name, value]),
    ),
    ...draft.windows.flatMap((window) => windowSteps(draft, window, history)),
    ...history.final(),
    // Now and not later, so that no window but the last one that is meant is "last".
    ...chosenWindows(draft),
    step('remove the placeholder', ['kill-window', '-t', placeholder]),
  ];
}

/** Those that must stand before panes are made; `history-limit` goes its own way. */
function earlyOptions({ blueprint, facts, problems }: Draft): [string, string][] {
  return Object.entries(blueprint.options).filter(([name, value]) => {
    if (!isCreateOption(name) || name === 'history-limit') return false;
    if (name !== 'default-shell' || facts.programExists?.(value) !== false) return true;
    problems.push({
      subject: 'session',
      message: `The shell ${value} is gone: panes get ${facts.defaultShell}.`,
    });
    return false;
  });
}

function sessionStep(draft: Draft): Step {
  const { blueprint, facts, group } = draft;
  const make: Word[] = ['new-session', '-d', '-P', '-F', createdFormat(['session'])];
  if (facts.updateEnvironment === false) make.push('-E');
  make.push('-s', draft.temporaryName);
  const folder = existing(blueprint.path, draft, 'session');
  const size = ['-x', String(blueprint.size.width), '-y', String(blueprint.size.height)];
  const where: Word[] = [...size, '-c', { literal: folder }];
  if (group.kind === 'join') {
    return step(
      'join the session group',
      [...make, '-c', { literal: folder }, '-t', group.member],
      ['session'],
    );
  }
  if (group.kind === 'found') {
    // tmux takes no command together with a group: the placeholder is a shell for a moment.
    return step('make the session and its group', [...make, ...where, '-t', group.name], ['session']);
  }
  // Two words: tmux starts the program itself, and no shell.
  const program = ['-n', 'placeholder', 'sleep', '2147483'];
  return step('make the session, with a placeholder window', [...make, ...where, ...program], ['session']);
}

function environmentSteps(draft: Draft): Step[] {
  const { spool } = draft.facts;
  const ours = spool ? [{ name: spoolVariable, value: spool, hidden: false }] : [];
  return [...ours, ...draft.blueprint.environment].flatMap(({ name, value, hidden }) => {
    if (!isVariable(name)) {
      draft.problems.push({ subject: 'session', message: `tmux cannot hold a variable named "${name}".` });
      return [];
    }
    const flags = value === null ? ['-r'] : hidden ? ['-h'] : [];
    const words = value === null ? [name] : [name, value];
    const why = value === null ? `remove the variable ${name}` : `set the variable ${name}`;
    return [step(why, ['set-environment', '-t', session(draft), ...flags, '--', ...words])];
  });
}

function windowSteps(draft: Draft, window: WindowDraft, history: HistoryLimit): Step[] {
  const { key, name, panes, options } = window.window;
  if (window.linked !== null) {
    return [
      step(`link the shared window ${name}`, ['link-window', '-d', '-s', window.linked, '-t', window.target]),
    ];
  }
  const { starts } = window;
  const { size, splits } = window.splits;
  const steps: Step[] = [];
  for (const [at, pane] of panes.entries()) {
    steps.push(...history.before(pane));
    if (at === 0) {
      const refs = [`window:${key}`, `pane:${pane.key}`];
      const make = ['new-window', '-d', '-P', '-F', createdFormat(refs), '-t', window.target];
      steps.push(step(`make the window ${name}`, [...make, ...startWords(draft, pane, starts[at]!)], refs));
      // A program that ends at once would take its pane away before the options come.
      steps.push(...keepSteps(options, ['-w', '-t', window.target]));
      if (size) {
        const length = ['-x', String(size.width), '-y', String(size.height)];
        steps.push(step('make room for panes', ['resize-window', '-t', window.target, ...length]));
      }
    } else {
      const { tile, direction } = splits[at - 1]!;
      if (tile) steps.push(step('make room for panes', ['select-layout', '-t', window.target, 'tiled']));
      const refs = [`pane:${pane.key}`];
      // The newest pane is always the one in the last corner. Its place can be asked for whatever pane-base-index
      // is; and with -d the first pane stays the active one, and none becomes the "last" one.
      const split = [
        'split-window',
        '-d',
        direction,
        '-P',
        '-F',
        createdFormat(refs),
        '-t',
        newestPane(window),
      ];
      steps.push(
        step(`make pane ${at + 1} of ${name}`, [...split, ...startWords(draft, pane, starts[at]!)], refs),
      );
    }
    steps.push(...keepSteps(pane.options, ['-p', '-t', newestPane(window)]));
  }
  // Finishing lays it out as it is meant, with its options. But an editor is not to find the size of a split.
  const channels = panes.flatMap((pane) => channelOf(window.window, pane, draft.facts) ?? []);
  if (channels.length > 0)
    steps.push(step('lay it out for its editor', ['select-layout', '-t', window.target, window.layout]));
  return [...steps, ...channels.map((channel) => step('start its editor', ['wait-for', '-S', channel]))];
}

function newestPane(window: WindowDraft): string {
  return `${window.target}.{bottom-right}`;
}

function keepSteps(options: Readonly<Record<string, string>>, target: readonly string[]): Step[] {
  const keep = options['remain-on-exit'];
  if (keep === undefined) return [];
  return [step('keep what ends at once', ['set-option', ...target, '--', 'remain-on-exit', keep])];
}

/** The folder, environment and start command of a pane, as `new-window` and `split-window` take them. */
function startWords(draft: Draft, pane: Pane, start: PaneStart): Word[] {
  const subject = `pane:${pane.key}`;
  const words: Word[] = ['-c', { literal: existing(pane.cwd, draft, subject) }];
  const variables = Object.entries({ ...pane.environment, ...start.env });
  for (const [name, value] of variables) {
    if (isVariable(name)) words.push('-e', `${name}=${value}`);
    else draft.problems.push({ subject, message: `tmux cannot hold a variable named "${name}".` });
  }
  if (start.words.length > 0) words.push('--', ...start.words);
  return words;
}

/** The folder, or its nearest parent that exists: with one that is gone tmux would start anywhere. */
function existing(folder: string, { facts, problems }: Draft, subject: string): string {
  if (facts.folderExists(folder)) return folder;
  let parent = folder;
  do parent = parent.slice(0, Math.max(0, parent.lastIndexOf('/'))) || '/';
  while (parent !== '/' && !facts.folderExists(parent));
  problems.push({ subject, message: `The folder ${folder} is gone: started in ${parent}.` });
  return parent;
}

/** Sets the session's `history-limit` where the next pane is to have another one than it says now. */
class HistoryLimit {
  private now: string | null = null;
  private readonly meant: string | null;

  constructor(private readonly draft: Draft) {
    this.meant = draft.blueprint.options['history-limit'] ?? null;
  }

  before(pane: Pane): Step[] {
    const global = String(this.draft.facts.historyLimit);
    const wanted = pane.historyLimit === null ? this.meant : String(pane.historyLimit);
    return (wanted ?? global) === (this.now ?? global) ? [] : this.set(wanted);
  }

  /** Leaves it as the blueprint has it. */
  final(): Step[] {
    return this.meant === this.now ? [] : this.set(this.meant);
  }

  private set(limit: string | null): Step[] {
    this.now = limit;
    const words = limit === null ? ['-u', '-t', session(this.draft)] : ['-t', session(this.draft), '--'];
    const value = limit === null ? [] : [limit];
    return [step('set the length of scrollback', ['set-option', ...words, 'history-limit', ...value])];
  }
}

function isVariable(name: string): boolean {
  return name !== '' && !name.includes('=');
}

/** The session that is being built. The colon makes it exact for commands that take a window or a pane too. */
function session(draft: Draft): string {
  return `=${draft.temporaryName}:`;
}
