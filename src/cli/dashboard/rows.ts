import type { HealthFinding } from '../../health/finding.js';
import { words } from '../../health/words.js';
import type { AgentSeen, PaneSeen, Survey, WorkspaceSeen } from '../../survey/model.js';

/** What the dashboard shows of a workspace, as plain data. Times are milliseconds since 1970, sizes bytes. */
export interface Row {
  readonly id: string;
  readonly name: string;
  /** `ended`: it went with its tmux server, and nobody closed it. */
  readonly state: 'open' | 'closed' | 'ended';
  readonly attached: boolean;
  readonly pinned: boolean;
  /** `$3`; null: it is not open. */
  readonly session: string | null;
  readonly agents: readonly RowAgent[];
  /** How many findings there are that are not well; null: it is not judged. */
  readonly health: Counts | null;
  readonly use: Use;
  readonly savedAt: number | null;
  readonly panes: readonly RowPane[];
  /** The processes of its living panes. */
  readonly pids: readonly number[];
}

export interface RowAgent {
  readonly pane: string;
  /** `failed`: idle, since the last turn ended with a failure. */
  readonly state: 'waiting' | 'failed' | 'idle' | 'working' | 'unknown';
  readonly detail: string | null;
  readonly since: number;
}

export interface RowPane {
  /** `%5` */
  readonly id: string;
  /** `2.1` */
  readonly place: string;
  /** What runs in it. */
  readonly what: string;
  readonly active: boolean;
  readonly dead: boolean;
}

export interface Counts {
  readonly errors: number;
  readonly unknown: number;
  readonly warnings: number;
}

/** Processor in percent of one core, memory in bytes; null: it could not be read. */
export interface Use {
  readonly cpu: number | null;
  readonly memory: number | null;
}

/** The rows of one survey, who needs the user first. */
export function rowsOf(
  { workspaces }: Pick<Survey, 'workspaces'>,
  findings: readonly Pick<HealthFinding, 'workspace' | 'level'>[],
  isPinned: (id: string) => boolean,
): Row[] {
  return inOrder(workspaces.map((one) => rowOf(one, findings, isPinned(one.id))));
}

function rowOf(
  seen: WorkspaceSeen,
  findings: readonly Pick<HealthFinding, 'workspace' | 'level'>[],
  pinned: boolean,
): Row {
  const { id, name, session, record, use, snapshot, panes } = seen;
  return {
    id,
    name,
    state: session ? 'open' : record?.closedAt === null ? 'ended' : 'closed',
    attached: (session?.attached ?? 0) > 0,
    pinned,
    session: session?.id ?? null,
    agents: seen.agents.flatMap(agentOf),
    health: session ? countsOf(findings.filter(({ workspace }) => workspace === name)) : null,
    use: { cpu: session ? use.cpuPercent : null, memory: session ? use.memoryBytes : null },
    savedAt: timeOf(snapshot?.at),
    panes: panes.map(paneOf),
    pids: panes.filter(({ dead }) => !dead).map(({ pid }) => pid),
  };
}

function agentOf({ pane, state, detail, since }: AgentSeen): RowAgent[] {
  if (state === 'exited') return [];
  const isFailed = state === 'idle' && detail !== null;
  return [{ pane, detail, since: Date.parse(since), state: isFailed ? 'failed' : state }];
}

function paneOf({ id, place, active, dead, foreground, program, startCommand, title }: PaneSeen): RowPane {
  const runs =
    program.kind === 'shell' ? 'shell' : words(foreground?.argv ?? [], startCommand ?? (title || 'unknown'));
  return { id, place, active, dead, what: dead ? 'ended' : runs };
}

function timeOf(at: string | undefined): number | null {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? null : time;
}

export function countsOf(findings: readonly Pick<HealthFinding, 'level'>[]): Counts {
  const number = (level: HealthFinding['level']) => findings.filter((one) => one.level === level).length;
  return { errors: number('error'), unknown: number('unknown'), warnings: number('warning') };
}

/**
 * Who needs the user comes first: agents that wait (the longest first), that failed, errors, agents that are done;
 * then those that work by themselves, the rest, and what is closed. Equals by their names.
 */
export function inOrder(rows: readonly Row[]): Row[] {
  const ranked = rows.map((row) => ({ row, rank: rankOf(row) }));
  ranked.sort(
    (a, b) =>
      a.rank[0] - b.rank[0] ||
      a.rank[1] - b.rank[1] ||
      (a.row.name < b.row.name ? -1 : a.row.name > b.row.name ? 1 : a.row.id < b.row.id ? -1 : 1),
  );
  return ranked.map(({ row }) => row);
}

function rankOf(row: Row): readonly [rank: number, since: number] {
  if (row.state !== 'open') return [row.state === 'ended' ? 6 : 7, 0];
  for (const [rank, state] of (['waiting', 'failed'] as const).entries()) {
    const since = sinceOf(row, state);
    if (since !== null) return [rank, since];
  }
  if ((row.health?.errors ?? 0) > 0) return [2, 0];
  const idle = sinceOf(row, 'idle');
  if (idle !== null) return [3, idle];
  return [row.agents.some(({ state }) => state === 'working') ? 4 : 5, 0];
}

/** Since when the first of its agents has been so; null: none is. */
export function sinceOf({ agents }: Pick<Row, 'agents'>, state: RowAgent['state']): number | null {
  const times = agents.filter((agent) => agent.state === state).map(({ since }) => since);
  return times.length === 0 ? null : Math.min(...times);
}

/** The pane that the user wants to see of a workspace: of the agent that needs him, else of any agent, else the active one. */
export function paneToShow({ agents, panes }: Pick<Row, 'agents' | 'panes'>): string | null {
  const wanted = ['waiting', 'failed', 'idle', 'working', 'unknown'] as const;
  for (const state of wanted) {
    const [first] = agents.filter((agent) => agent.state === state).sort((a, b) => a.since - b.since);
    if (first) return first.pane;
  }
  return (panes.find(({ active }) => active) ?? panes[0])?.id ?? null;
}
