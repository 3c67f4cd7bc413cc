import { dirname } from 'node:path';
import { standing } from './evidence.js';
import type { ClaudeFacts, PaneFact } from './facts.js';
import { keptFlags } from './launch.js';
import { isConversationId, type ProcessId, type SpooledEvent } from './model.js';
import { holderOf, isHeld } from './registry.js';
import {
  type BindEntry,
  type EndEntry,
  type Known,
  paneName,
  type RegistryState,
  sameProcess,
} from './registry-log.js';
import { claudeFolder } from './slug.js';

/** What is made of one event. */
export type Decision =
  | {
      readonly kind: 'take';
      /** Whose event it is; not always the id that it names (see `meant`). */
      readonly conversation: string;
      readonly process: ProcessId;
      readonly entries: readonly (BindEntry | EndEntry)[];
    }
  /** It is not believed, and that is noted. */
  | { readonly kind: 'refuse'; readonly conversation: string; readonly reason: string }
  /** It is none of ours: outside of workspaces. */
  | { readonly kind: 'ignore'; readonly reason: string };

/** The pane that an event came from. */
interface Home {
  readonly workspace: string;
  readonly paneKey: string;
  readonly pane: string;
  readonly server: number;
  readonly cwd: string;
}

export interface DecideFacts extends Pick<ClaudeFacts, 'server' | 'processes' | 'env' | 'now'> {
  /** By tmux's id. */
  readonly panes: ReadonlyMap<string, PaneFact>;
  /** The settings file with our hooks, which is no flag of the user's. */
  readonly settingsFile: string;
}

/**
 * Decides about one event: whose it is, whether its caller may say so, and what the registry is to note. A pane's
 * conversation changes only by an event of the pane's own Claude Code; a nested one, which inherits the environment
 * and fires the same hooks, is refused.
 */
export function decide(event: SpooledEvent, registry: RegistryState, facts: DecideFacts): Decision {
  const id = event.input?.session_id;
  if (!event.input) return { kind: 'ignore', reason: 'its input is no JSON object' };
  if (event.pane === null) return { kind: 'ignore', reason: 'it came from no pane' };
  const server = Number(/,(\d+),\d*$/.exec(event.tmux ?? '')?.[1] ?? Number.NaN);
  const fact = server === facts.server?.pid ? facts.panes.get(event.pane) : undefined;
  const mine = occupant(registry, fact, event.pane, server);
  const home = fact ? homeOf(fact, server) : mine && { ...mine, pane: event.pane, server };
  if (!home) return { kind: 'ignore', reason: 'its pane is of no workspace' };
  if (!isConversationId(id)) {
    const shown = String(id).slice(0, 60);
    return { kind: 'refuse', conversation: shown, reason: 'the id that it names is no UUID' };
  }
  const checked = callerOf(event, id, mine, fact, facts);
  if ('refused' in checked) return { kind: 'refuse', conversation: id, reason: checked.refused };

  const { process } = checked;
  const conversation = meant(id, mine, process);
  const target = registry.conversations.get(conversation);
  if (target && isElsewhere(target, home, process) && isHeld(target, facts.processes))
    return { kind: 'refuse', conversation, reason: `the conversation is open in ${holderOf(target)}` };
  const entries = entriesFor(event, { ...checked, conversation, target, mine, home }, facts);
  return { kind: 'take', conversation, process, entries };
}

/** The conversation that a pane has; of a pane that is gone, the one that it had. */
function occupant(
  registry: RegistryState,
  fact: PaneFact | undefined,
  pane: string,
  server: number,
): Known | undefined {
  if (fact) return registry.conversations.get(registry.panes.get(paneName(fact.workspace, fact.key)) ?? '');
  for (const id of registry.panes.values()) {
    const known = registry.conversations.get(id);
    if (known?.pane === pane && known.server === server) return known;
  }
  return undefined;
}

function homeOf(fact: PaneFact, server: number): Home {
  return { workspace: fact.workspace, paneKey: fact.key, pane: fact.id, server, cwd: fact.cwd };
}

type Caller =
  | { readonly process: ProcessId; readonly evidence: string; readonly flags: readonly string[] | null }
  | { readonly refused: string };

/** The pane's own Claude Code, when it is that one who called. */
function callerOf(
  event: SpooledEvent,
  id: string,
  mine: Known | undefined,
  fact: PaneFact | undefined,
  { processes, settingsFile }: DecideFacts,
): Caller {
  const { parent } = event;
  if (mine?.process && sameProcess(mine.process, parent))
    return { process: mine.process, evidence: 'of the process that has the pane', flags: null };
  const alive = mine?.process && isHeld(mine, processes) ? mine.process : null;
  const found = fact ? standing(parent, fact.pid, processes, alive) : ({ kind: 'gone' } as const);
  switch (found.kind) {
    case 'own': {
      const flags = keptFlags(processes.argv(found.process.pid), (path) => path === settingsFile);
      if (flags === null) return { refused: `process ${found.process.pid} answers one prompt and ends (-p)` };
      return { process: found.process, evidence: "of the pane's foreground process", flags };
    }
    case 'nested':
      return {
        refused: `process ${parent.pid} is nested in the pane's Claude Code, process ${found.within.pid}`,
      };
    case 'elsewhere':
      return { refused: `process ${parent.pid} is not in the foreground of its pane` };
    case 'gone':
      return afterwards(event, id, mine, fact);
  }
}

/** The caller has ended: what the hook noted of it is all there is. */
function afterwards(
  { parent, ancestors = [] }: SpooledEvent,
  id: string,
  mine: Known | undefined,
  fact: PaneFact | undefined,
): Caller {
  // Only what we started, or what was bound to it, knows the id.
  const isOurs = mine?.conversation === id || (mine && isForkOf(mine, id));
  const within = mine?.process && ancestors.find((one) => sameProcess(one, mine.process));
  if (within) {
    return isOurs
      ? { process: within, evidence: 'below the process that has the pane', flags: null }
      : {
          refused: `process ${parent.pid} ran below the pane's Claude Code, process ${within.pid}, and has ended`,
        };
  }
  // The pane's own process, and what it runs: nobody can stand between these two.
  const top = ancestors.at(-1);
  const isDirect = ancestors.length === 1 && (fact ? top?.pid === fact.pid : true);
  if (isOurs || isDirect)
    return {
      process: parent,
      evidence: isOurs ? 'with the id that the pane was given' : "of the pane's own child, which has ended",
      flags: null,
    };
  return { refused: `process ${parent.pid} had ended before it could be looked at` };
}

/**
 * The conversation that an event is about. Versions up to 2.1.197 name a fork by its parent's id until it is prompted:
 * in a pane that was given an unprompted fork, the parent's id stands for the fork.
 */
function meant(id: string, mine: Known | undefined, process: ProcessId): string {
  const isSame = mine?.process == null || sameProcess(mine.process, process);
  return mine && isSame && isForkOf(mine, id) ? mine.conversation : id;
}

function isForkOf(known: Known, id: string): boolean {
  return known.forkOf === id && !known.prompted;
}

function isElsewhere(target: Known, home: Home, process: ProcessId): boolean {
  if (sameProcess(target.process, process)) return false;
  return target.pane !== home.pane || target.server !== home.server;
}

interface Taken {
  readonly conversation: string;
  readonly process: ProcessId;
  readonly evidence: string;
  readonly flags: readonly string[] | null;
  readonly target: Known | undefined;
  readonly mine: Known | undefined;
  readonly home: Home;
}

/** What fires only in a turn, so that there was a prompt. (`/compact` with nothing to compact fires PreCompact.) */
const turns: ReadonlySet<string> = new Set([
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'Stop',
  'StopFailure',
  'SubagentStop',
]);

function entriesFor(event: SpooledEvent, taken: Taken, { env }: DecideFacts): (BindEntry | EndEntry)[] {
  const { conversation, process, target, mine, home } = taken;
  const base = { at: event.at, conversation };
  if (event.event === 'SessionEnd') {
    if (!target || target.ended) return [];
    const reason = textOf(event.input?.reason) ?? 'other';
    const evidence = `SessionEnd hook (${reason}) ${taken.evidence}`;
    return [{ ...base, kind: 'end', pane: home.pane, process, reason, evidence }];
  }
  const isStart = event.event === 'SessionStart';
  const source = isStart ? textOf(event.input?.source) : null;
  const isFork = source === 'fork';
  const prompted = isStart
    ? (source === 'resume' && conversation === event.input?.session_id) || source === 'compact'
    : turns.has(event.event);
  const isBound =
    target?.current === true &&
    // What only a file had told is proved now.
    target.by === 'hook' &&
    target.ended === null &&
    target.pane === home.pane &&
    target.server === home.server &&
    target.process !== null &&
    sameProcess(target.process, process);
  if (isBound && (target.prompted || !prompted)) return [];
  const instead = mine && mine.conversation !== conversation ? mine : undefined;
  const isSameRun = instead !== undefined && sameProcess(instead.process, process);
  const word = source === null ? event.event : `${event.event} (${source})`;
  return [
    {
      ...base,
      kind: instead ? 'rebind' : 'bind',
      workspace: home.workspace,
      paneKey: home.paneKey,
      pane: home.pane,
      server: home.server,
      process,
      by: 'hook',
      // What the program changes to later is not where it was started.
      cwd: isSameRun ? instead.cwd : (textOf(event.input?.cwd) ?? home.cwd),
      configDir: configDirIn(textOf(event.input?.transcript_path), env),
      prompted,
      forkOf: isFork && isSameRun ? instead.conversation : null,
      ...(taken.flags && { flags: taken.flags }),
      ...(instead && { instead: instead.conversation }),
      evidence: `${word} hook ${taken.evidence}`,
    },
  ];
}

/** The configuration folder that a transcript lies in: `<folder>/projects/<slug>/<id>.jsonl`. */
function configDirIn(transcript: string | null, env: NodeJS.ProcessEnv): string | null {
  const folder = /^(\/.+)\/projects\/[^/]+\/[^/]+\.jsonl$/.test(transcript ?? '')
    ? dirname(dirname(dirname(transcript ?? '')))
    : null;
  return folder === claudeFolder(null, env) ? null : folder;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
