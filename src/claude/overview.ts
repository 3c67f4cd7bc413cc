import { statSync } from 'node:fs';
import { newAgent } from './agents.js';
import { foregroundOf } from './evidence.js';
import type { ClaudeFacts, PaneFact } from './facts.js';
import type { Drained } from './intake.js';
import { judge } from './judge.js';
import type { AgentState, AgentVerdict, ProcessId } from './model.js';
import { type Known, paneName, sameProcess } from './registry-log.js';

/** An agent in its pane, as `cw agents` shows it. */
export interface AgentRow {
  /** The workspace's id. */
  readonly workspace: string;
  readonly session: string;
  readonly window: string;
  /** `%5` */
  readonly pane: string;
  readonly conversation: string;
  readonly state: AgentState;
  readonly detail: string | null;
  /** UTC, ISO 8601. */
  readonly since: string;
  readonly evidence: string;
}

/**
 * What each agent does now, in the panes of workspaces that stand: who waits longest comes first. No process is
 * started, and a transcript is looked at only for one that is said to work.
 */
export function agentRows(
  facts: ClaudeFacts,
  drained: Pick<Drained, 'agents' | 'registry' | 'files'>,
): AgentRow[] {
  const rows = facts.panes.flatMap((pane) => {
    const { conversations, panes } = drained.registry;
    const known = conversations.get(panes.get(paneName(pane.workspace, pane.key)) ?? '');
    // The conversation of a pane that was here before its server died is not in this one until it is started.
    const isHere = known?.server === facts.server?.pid && (known?.pane === null || known?.pane === pane.id);
    return known && (isHere || known.server === null) ? [rowOf(pane, known, facts, drained)] : [];
  });
  return inOrder(rows);
}

/** What an agent that waits wants of the user, by its detail: `a permission`. */
export function waitsFor(detail: string | null): string {
  const wanted = { trust: 'trust in the folder', login: 'a login', answer: 'an answer' }[detail ?? ''];
  return wanted ?? 'a permission';
}

/** Who waits longest comes first. */
export function inOrder(rows: readonly AgentRow[]): AgentRow[] {
  return rows.toSorted((a, b) => rank(a) - rank(b) || (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
}

const order: readonly AgentState[] = ['waiting', 'idle', 'working', 'unknown', 'exited'];

function rank({ state }: AgentRow): number {
  return order.indexOf(state);
}

function rowOf(
  pane: PaneFact,
  known: Known,
  facts: ClaudeFacts,
  { agents, files }: Pick<Drained, 'agents' | 'files'>,
): AgentRow {
  const verdict = known.ended
    ? { state: 'exited' as const, detail: null, since: known.ended.at, evidence: 'SessionEnd hook' }
    : judgeNow(pane, known, facts, agents, files);
  const { workspace, session, window, id } = pane;
  return { workspace, session, window, pane: id, conversation: known.conversation, ...verdict };
}

function judgeNow(
  pane: PaneFact,
  known: Known,
  facts: ClaudeFacts,
  agents: Drained['agents'],
  files: Drained['files'],
): AgentVerdict {
  const before = agents.get(known.conversation);
  // What an earlier process did says nothing of one that was started since and has not told yet.
  const record =
    before && sameProcess(before.process, known.process) ? before : newAgent(known.at, unproven(known));
  const file = known.process ? files.get(known.process.pid) : undefined;
  if (!known.process && hasGivenUp(pane, known, facts))
    return {
      state: 'exited',
      detail: null,
      since: known.at,
      evidence: 'a shell has its pane (process tree)',
    };
  const evidence = {
    process: pane.dead ? 'gone' : processState(known.process, facts),
    file: file?.conversation === known.conversation ? file : null,
    transcriptAt: record.verdict.state === 'working' ? writtenAt(record.transcript) : null,
  } as const;
  return judge(record, evidence, facts.now.getTime());
}

/** Milliseconds in which a shell reads its start files, before it starts what was declared. */
const startFiles = 10_000;

/** One that was chosen, ended before it told anything, and left its pane to the shell: it was not let in, or fell. */
function hasGivenUp(pane: PaneFact, known: Known, { now, processes }: ClaudeFacts): boolean {
  const isLong = now.getTime() - Date.parse(known.at) > startFiles;
  return isLong && foregroundOf(pane.pid, processes) === 'shell';
}

function unproven(known: Known): string {
  return known.process ? 'it has told nothing yet' : 'it was chosen for the pane, and has not told yet';
}

function processState(process: ProcessId | null, { processes }: ClaudeFacts): 'alive' | 'gone' | 'unknown' {
  if (!process) return 'unknown';
  const now = processes.get(process.pid);
  return now && (process.start === null || now.start === process.start) ? 'alive' : 'gone';
}

function writtenAt(path: string | null): number | null {
  if (path === null) return null;
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
  } catch {
    return null; // closed to us: no sign is to be had of it
  }
}
