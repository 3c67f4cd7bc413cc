import { size } from '../../health/words.js';
import { type Style, truncate, visible, width } from '../output.js';
import type { Counts, Row, RowAgent } from './rows.js';
import { sinceOf } from './rows.js';
import { sparkline, topOf } from './sparkline.js';

/** The list of the dashboard as lines: which columns fit, and what stands in them. */

/** What each workspace used, the newest last. */
export interface History {
  readonly cpu: readonly (number | null)[];
  readonly memory: readonly (number | null)[];
}

const noHistory: History = { cpu: [], memory: [] };

type Key = 'agents' | 'health' | 'cpu' | 'cpuBars' | 'memory' | 'memoryBars' | 'saved';

const widths: Readonly<Record<Key, number>> = {
  agents: 14,
  health: 8,
  cpuBars: 12,
  cpu: 5,
  memoryBars: 8,
  memory: 7,
  saved: 5,
};

/** In the order in which they stand. */
const order: readonly Key[] = ['agents', 'health', 'cpuBars', 'cpu', 'memoryBars', 'memory', 'saved'];
/** In the order in which they give way. */
const dispensable: readonly Key[] = ['memoryBars', 'cpuBars', 'memory', 'saved', 'cpu', 'health', 'agents'];

const heads: Readonly<Record<Key, string>> = {
  agents: 'AGENTS',
  health: 'HEALTH',
  cpuBars: 'CPU',
  cpu: 'CPU',
  memoryBars: 'MEMORY',
  memory: 'MEMORY',
  saved: 'SAVED',
};

export interface Layout {
  /** Cells of the whole line. */
  readonly cells: number;
  readonly name: number;
  readonly keys: readonly Key[];
}

/** The cells before a name: where the cursor is, whether it is attached. */
const marks = 4;
const gap = 2;
const leastName = 12;
const mostName = 32;

/** The columns that a line of so many cells has room for, with a name that long. */
export function layoutOf(cells: number, longestName: number): Layout {
  const wanted = Math.min(mostName, Math.max(leastName, longestName));
  let keys = order;
  const room = () => cells - marks - keys.reduce((sum, key) => sum + widths[key] + gapBefore(key, keys), 0);
  for (const key of dispensable) {
    if (room() >= Math.min(wanted, leastName + 4)) break;
    keys = keys.filter((one) => one !== key);
  }
  return { cells, name: Math.max(1, Math.min(wanted, room())), keys };
}

/** A number stands close to its bars. */
function gapBefore(key: Key, keys: readonly Key[]): number {
  const isBeside =
    (key === 'cpu' && keys.includes('cpuBars')) || (key === 'memory' && keys.includes('memoryBars'));
  return isBeside ? 0 : gap;
}

export function headLine({ cells, name, keys }: Layout, style: Style): string {
  const parts = keys.map((key) => {
    const isNamed = gapBefore(key, keys) === 0;
    const text = isNamed ? '' : heads[key];
    const isRight = !isNamed && (key === 'cpu' || key === 'memory' || key === 'saved');
    return (
      ' '.repeat(gapBefore(key, keys)) + (isRight ? text.padStart(widths[key]) : text.padEnd(widths[key]))
    );
  });
  const line = `${' '.repeat(marks)}${inCells('WORKSPACE', name)}${parts.join('')}`;
  return style('dim', truncate(line.trimEnd(), cells));
}

export interface LineOptions {
  readonly layout: Layout;
  readonly style: Style;
  readonly selected: boolean;
  readonly history: History | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function rowLine(
  row: Row,
  { layout, style, selected, history = noHistory, now }: LineOptions,
): string {
  const { name, keys } = layout;
  const mark = row.state === 'open' ? (row.attached ? '●' : ' ') : '○';
  const isClosed = row.state !== 'open';
  const label = inCells(`${visible(row.name)}${row.pinned ? ' ▪' : ''}`, name);
  const shown = selected ? style('bold', label) : isClosed ? style('dim', label) : label;
  const parts = keys.map((key) => ' '.repeat(gapBefore(key, keys)) + cellOf(key, row, history, now, style));
  const start = `${selected ? style('cyan', '▸') : ' '} ${isClosed ? style('dim', mark) : mark} `;
  return `${start}${shown}${parts.join('')}`.trimEnd();
}

function cellOf(key: Key, row: Row, { cpu, memory }: History, now: number, style: Style): string {
  const cells = widths[key];
  switch (key) {
    case 'agents':
      return agentsCell(row, now, style);
    case 'health':
      return healthCell(row.health, style);
    case 'cpuBars':
      return style('cyan', sparkline(cpu, cells, topOf(cpu, 20)));
    case 'memoryBars':
      return style('cyan', sparkline(memory, cells, topOf(memory, 32 * 1024 * 1024, 1.25)));
    case 'cpu':
      return right(row.use.cpu === null ? '-' : `${Math.round(row.use.cpu)}%`, cells);
    case 'memory':
      return right(row.use.memory === null ? '-' : size(row.use.memory), cells);
    case 'saved':
      return right(row.savedAt === null ? '-' : brief(now - row.savedAt), cells);
  }
}

const states: Readonly<Record<RowAgent['state'], Parameters<Style>[0] | null>> = {
  waiting: ['yellow', 'bold'],
  failed: 'red',
  idle: null,
  working: 'green',
  unknown: 'dim',
};

/** What its agents do in one cell: of those that need the user most how many there are, and since when. */
export function agentsText(row: Pick<Row, 'agents' | 'state'>, now: number): string {
  if (row.state !== 'open') return row.state;
  const state = firstState(row);
  if (state === null) return '-';
  const number = row.agents.filter((agent) => agent.state === state).length;
  const rest = row.agents.length - number;
  const since = sinceOf(row, state) ?? now;
  const parts = [
    ...(number > 1 ? [`${number}`] : []),
    state,
    ...(state === 'working' && number > 1 ? [] : [brief(now - since)]),
    ...(rest > 0 ? [`+${rest}`] : []),
  ];
  return parts.join(' ');
}

function firstState({ agents }: Pick<Row, 'agents'>): RowAgent['state'] | null {
  const all = Object.keys(states) as RowAgent['state'][];
  return all.find((state) => agents.some((agent) => agent.state === state)) ?? null;
}

function agentsCell(row: Row, now: number, style: Style): string {
  const text = inCells(agentsText(row, now), widths.agents);
  const state = row.state === 'open' ? firstState(row) : 'unknown';
  const format = state === null ? 'dim' : states[state];
  return format === null ? text : style(format, text);
}

/** `✗1 !2`: errors, what could not be found out, warnings; `✓`: all is well. */
export function healthText(health: Counts | null): string {
  if (health === null) return '-';
  const { errors, unknown, warnings } = health;
  const parts = [
    ...(errors > 0 ? [`✗${errors}`] : []),
    ...(unknown > 0 ? [`?${unknown}`] : []),
    ...(warnings > 0 ? [`!${warnings}`] : []),
  ];
  return parts.join(' ') || '✓';
}

function healthCell(health: Counts | null, style: Style): string {
  const text = inCells(healthText(health), widths.health);
  if (health === null) return style('dim', text);
  if (health.errors > 0) return style('red', text);
  return style(health.unknown + health.warnings > 0 ? 'yellow' : 'green', text);
}

/** A span of milliseconds in its largest unit; what is less than a minute is `now`, so that nothing moves each second. */
export function brief(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}h`;
  return `${Math.floor(minutes / 1440)}d`;
}

/** The text in so many cells: cut, or with blanks after it. */
function inCells(text: string, cells: number): string {
  const cut = truncate(text, cells);
  return cut + ' '.repeat(Math.max(0, cells - width(cut)));
}

function right(text: string, cells: number): string {
  return text.length > cells ? truncate(text, cells) : text.padStart(cells);
}
