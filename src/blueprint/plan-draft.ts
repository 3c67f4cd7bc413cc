import { messageOf } from '../errors.js';
import type { ServerFacts } from './facts.js';
import { countPanes, isNamedLayout, layoutVersions, parseLayout } from './layout.js';
import type { Blueprint, Pane, Window } from './model.js';
import { planSplits, type Splits } from './room.js';
import { beginWords, type PaneStart, paneStart } from './start.js';
import type { Problem, Step, Word } from './step.js';
import { withoutVimHook } from './vim-hook.js';

/** What is decided before the first step is written: both parts of a plan go by it. */
export interface Draft {
  readonly blueprint: Blueprint;
  readonly facts: ServerFacts;
  readonly temporaryName: string;
  /** Joining a group brings its windows along: then none are made. */
  readonly group: Group;
  readonly windows: readonly WindowDraft[];
  readonly problems: Problem[];
}

export type Group =
  | { readonly kind: 'none' }
  /** The group lives: the session is made from this member. */
  | { readonly kind: 'join'; readonly member: string }
  /** The first member of its group. */
  | { readonly kind: 'found'; readonly name: string };

export interface WindowDraft {
  readonly window: Window;
  /** In tmux, `base-index` included. */
  readonly index: number;
  /** By its index in the session that is being built: no other window can be meant. */
  readonly target: string;
  /** The id of a living window that is shared instead of making one. */
  readonly linked: string | null;
  readonly splits: Splits;
  /** How each pane starts. */
  readonly starts: readonly PaneStart[];
  /** A layout string or a name that this tmux knows. */
  readonly layout: string;
}

export function draft(blueprint: Blueprint, facts: ServerFacts): Draft {
  const problems: Problem[] = [];
  const temporaryName = `cw-tmp-${facts.nonce}`;
  return {
    blueprint,
    facts,
    temporaryName,
    group: groupOf(blueprint, facts, problems),
    windows: blueprint.windows.map((window) => {
      const index = facts.baseIndex + window.index;
      const linked = linkOf(window, facts, problems);
      return {
        window,
        index,
        target: `=${temporaryName}:${index}`,
        linked,
        splits: planSplits(window.panes.length, blueprint.size), // as new windows are at first
        starts:
          linked === null
            ? window.panes.map((pane) =>
                startOf(pane, blueprint, facts, problems, channelOf(window, pane, facts)),
              )
            : [],
        layout: linked === null ? layoutOf(window, facts, problems) : window.layout,
      };
    }),
    problems,
  };
}

function groupOf(blueprint: Blueprint, facts: ServerFacts, problems: Problem[]): Group {
  const name = blueprint.group;
  if (name === null) return { kind: 'none' };
  const member = facts.sessions.find((session) => session.group === name);
  if (member) return { kind: 'join', member: member.id };
  // `new-session -t NAME` founds a group only where NAME finds no session; tmux also looks for the beginning of a
  // name, and for patterns and marks in it.
  const other = facts.sessions.find((session) => session.name.startsWith(name));
  if (/^[A-Za-z0-9_][A-Za-z0-9_ -]*$/.test(name) && !other) return { kind: 'found', name };
  const why = other ? `tmux would take the session "${other.name}" for it` : 'its name cannot be used';
  problems.push({
    subject: 'session',
    message: `The session group "${name}" cannot be made again: ${why}. The session stands alone.`,
  });
  return { kind: 'none' };
}

function linkOf(window: Window, facts: ServerFacts, problems: Problem[]): string | null {
  const link = window.link;
  if (link === null) return null;
  const owner = facts.sessions.find((session) => session.workspace === link.workspace);
  const id = owner && Object.hasOwn(owner.windows, link.window) ? owner.windows[link.window] : undefined;
  if (id !== undefined) return id;
  problems.push({
    subject: `window:${window.key}`,
    message: `The window "${window.name}" is shared with another workspace, which does not have it open: it is made anew.`,
  });
  return null;
}

function layoutOf(window: Window, facts: ServerFacts, problems: Problem[]): string {
  const { layout, panes } = window;
  const instead = (other: string, why: string) => {
    problems.push({
      subject: `window:${window.key}`,
      message: `The layout of the window "${window.name}" cannot be used: ${why} It is "${other}" instead.`,
    });
    return other;
  };
  if (isNamedLayout(layout)) {
    if (facts.version >= layoutVersions[layout]) return layout;
    return instead(layout.replace('-mirrored', ''), `this tmux does not know "${layout}".`);
  }
  try {
    const cells = countPanes(parseLayout(layout));
    if (cells === panes.length) return layout;
    return instead('tiled', `it has ${cells} cells for ${panes.length} panes.`);
  } catch (error) {
    return instead('tiled', messageOf(error));
  }
}

/**
 * Where an editor's pane waits until its window is laid out; null: it does not. tmux gives a terminal its size as it is
 * split off, and every later size only when all of a chain is done: an nvim may be up by then, and older ones (0.7)
 * miss the signal while they start.
 */
export function channelOf(window: Window, pane: Pane, { resume, nonce }: ServerFacts): string | null {
  if (window.panes.length < 2 || resume?.get(pane.key)?.editorEnv === undefined) return null;
  return `cw-${nonce}-${window.index}.${window.panes.indexOf(pane)}`;
}

function startOf(
  pane: Pane,
  blueprint: Blueprint,
  facts: ServerFacts,
  problems: Problem[],
  channel: string | null,
): PaneStart {
  const resume = facts.resume?.get(pane.key);
  const delay = resume?.delay ? String(resume.delay) : '';
  const begin = beginWords(facts.shellFolder, {
    textFile: resume?.textFile ?? null,
    typed: resume?.typed ?? null,
    delay,
    channel,
  });
  const isResumed = Boolean(resume?.textFile || resume?.typed || delay || channel);
  if (pane.startCommand) {
    // tmux runs the one word with its default shell.
    if (!isResumed) return { words: [pane.startCommand], env: {}, typed: null };
    return {
      words: [...begin, facts.defaultShell, '-c', pane.startCommand],
      env: {},
      typed: null,
    };
  }
  const exists = (shell: string | null | undefined): shell is string =>
    typeof shell === 'string' && facts.programExists?.(shell) !== false;
  const subject = `pane:${pane.key}`;
  if (pane.shell !== null && !exists(pane.shell)) {
    problems.push({ subject, message: `The shell ${pane.shell} is gone: the pane has the default one.` });
  }
  const standard = blueprint.options['default-shell'];
  const usual = exists(standard) ? standard : facts.defaultShell;
  const run = resume ? resume.run : pane.run;
  const needsOurs = isResumed || Boolean(resume?.historyFile);
  const shell = exists(pane.shell) ? pane.shell : needsOurs ? usual : null;
  const plain = paneStart(shell, run, facts.shellFolder, usual);
  const start = {
    ...plain,
    // What is typed stays on the screen, and is as the user knows it.
    typed: plain.typed === null ? null : withoutVimHook(plain.typed),
    words: isResumed ? [...begin, ...plain.words] : plain.words,
    env: {
      ...plain.env,
      ...(resume?.historyFile && { CW_HISTFILE: resume.historyFile }),
      // Arrow-up brings what was declared: the line that brings a conversation back names one that is in use then.
      ...(run !== null && pane.run !== null && run !== pane.run && { CW_LINE: pane.run }),
      // Only start files of ours tell how the command ended.
      ...(resume?.endingFile && plain.env.CW_RUN !== undefined && { CW_ENDED: resume.endingFile }),
      ...resume?.editorEnv,
    },
  };
  if (start.typed === null || !/[\x00-\x1f\x7f]/.test(start.typed)) return start;
  problems.push({
    subject,
    message: 'Its command holds control characters and cannot be typed into its shell: it was not started.',
  });
  return { ...start, typed: null };
}

/** The steps that go to the last window and then to the active one. */
export function chosenWindows({ blueprint, windows }: Draft): Step[] {
  const find = (key: string | null) => windows.find(({ window }) => window.key === key);
  const active = find(blueprint.activeWindow) ?? windows[0];
  const last = find(blueprint.lastWindow);
  return [last !== active ? last : undefined, active].flatMap((each) =>
    each ? [step(`go to the window ${each.window.name}`, ['select-window', '-t', each.target])] : [],
  );
}

/** Options of the session that the create steps set, since its panes depend on them. */
export function isCreateOption(name: string): boolean {
  return name === 'history-limit' || name === 'default-shell' || name === 'default-command';
}

export function step(why: string, command: readonly Word[], creates: readonly string[] = []): Step {
  return { command, creates, why };
}
