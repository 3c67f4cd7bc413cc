import { size } from '../health/words.js';
import type { AgentGlance } from '../workspace/glance.js';
import type { ListEntry } from '../workspace/list.js';
import type { Context } from './command.js';
import { age, type Cell, type Column, type Style, shortAge, styler, table } from './output.js';

/** From so many milliseconds on it is said how old what is shown of memory is. */
const oldMemory = 10 * 60_000;

/**
 * The table of `cw list`.
 *
 * @param restorable names of workspaces that ended with their tmux server.
 */
export function listPicture(
  entries: readonly ListEntry[],
  restorable: ReadonlySet<string>,
  { terminal }: Pick<Context, 'terminal'>,
  now = Date.now(),
): string {
  if (entries.length === 0) return 'No workspaces yet. Open one with: cw up PATH';
  const style = styler(terminal.color);
  const rows = entries.map((entry) => listRow(entry, restorable, style, now));
  const lines = table([listHead, ...rows], terminal.columns, listColumns(entries, terminal.columns));
  return [lines, ...lastLines(entries, restorable, now)].join('\n');
}

export const listHead: readonly Cell[] = ['', 'WORKSPACE', 'AGENTS', 'BRANCH', 'SAVED', 'SEEN', 'MEM'];

/** The cells of one workspace, below `listHead`. */
export function listRow(
  entry: ListEntry,
  restorable: ReadonlySet<string>,
  style: Style,
  now: number,
): readonly Cell[] {
  return [
    entry.attached ? '●' : entry.state === 'open' ? ' ' : '○',
    entry.name,
    agentsCell(entry, restorable, style, now),
    branchText(entry),
    entry.savedAt === null ? '-' : age(entry.savedAt, now),
    entry.attached ? 'now' : entry.lastAttachedAt ? age(entry.lastAttachedAt, now) : '-',
    entry.memory === null ? '-' : size(entry.memory),
  ];
}

/** How the columns of `listHead` give way on a narrow terminal. */
export function listColumns(entries: readonly ListEntry[], lineWidth: number): readonly Column[] {
  // A name is what the others are about: they go before it is cut.
  const names = entries.reduce((most, { name }) => Math.max(most, name.length), 9);
  return [
    { fixed: true },
    { least: Math.min(names, Math.max(12, lineWidth - 20)) },
    { fixed: true, drop: 5 },
    { least: 12, drop: 4 },
    { fixed: true, drop: 3 },
    { fixed: true, drop: 2 },
    { fixed: true, drop: 1 },
  ];
}

function agentsCell(entry: ListEntry, restorable: ReadonlySet<string>, style: Style, now: number): Cell {
  if (entry.state === 'closed') return restorable.has(entry.name) ? 'ended' : 'closed';
  if (entry.agents === null) return '-';
  const live = entry.agents.filter(({ state }) => state !== 'exited');
  if (live.length === 0) return '-';
  const of = (wanted: string) => live.filter(({ state }) => state === wanted);
  const [waiting, working] = [of('waiting'), of('working')];
  const parts = [
    ...(waiting.length > 0 ? [`${waiting.length} waiting ${shortAge(oldest(waiting).since, now)}`] : []),
    ...(working.length > 0 ? [`${working.length} working`] : []),
  ];
  if (parts.length === 0) return of('idle').length > 0 ? 'idle' : 'unknown';
  const format = waiting.length > 0 ? (['bold', 'yellow'] as const) : ('green' as const);
  return {
    text: parts.join(', '),
    style: (text) => style(format === 'green' ? format : [...format], text),
  };
}

function branchText({ branch, dirty, ahead }: ListEntry): string {
  if (branch === null && dirty === null) return '-';
  const marks = `${dirty ? '*' : ''}${ahead ? `+${ahead}` : ''}`;
  return `${branch ?? 'detached'}${marks === '' ? '' : ` ${marks}`}`;
}

function lastLines(entries: readonly ListEntry[], restorable: ReadonlySet<string>, now: number): string[] {
  const open = entries.filter((entry) => entry.state === 'open');
  const lost = entries.filter((entry) => entry.state === 'closed' && restorable.has(entry.name)).length;
  const next = nextToAnswer(open);
  const memoryAt = open.find((entry) => entry.memoryAt !== null)?.memoryAt ?? null;
  const counts = [
    `${open.length} open, ${entries.length - open.length} closed.`,
    ...(next ? [`Next to answer: ${next.name}, pane ${next.agent.pane} (claude-switch --next)`] : []),
  ];
  const isOld = memoryAt !== null && now - Date.parse(memoryAt) > oldMemory;
  return [
    counts.join(' '),
    ...(lost > 0 ? [`${lost} ended with tmux: cw restore --all`] : []),
    ...(isOld ? [`MEM is ${age(memoryAt, now)} old; cw list --fresh reads it now.`] : []),
  ];
}

/** Who has waited longest: where `claude-switch --next` goes. */
function nextToAnswer(
  open: readonly ListEntry[],
): { readonly name: string; readonly agent: AgentGlance } | null {
  let found: { readonly name: string; readonly agent: AgentGlance } | null = null;
  for (const { name, agents } of open)
    for (const agent of agents ?? [])
      if (agent.state === 'waiting' && (found === null || agent.since < found.agent.since))
        found = { name, agent };
  return found;
}

function oldest(agents: readonly AgentGlance[]): AgentGlance {
  return agents.reduce((one, other) => (other.since < one.since ? other : one));
}
