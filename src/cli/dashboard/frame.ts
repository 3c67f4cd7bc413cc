import { fold, glossary, type Style, truncate, visible, width } from '../output.js';
import { brief, headLine, healthText, layoutOf, rowLine } from './columns.js';
import { type State, selectedRow, shownPane, shownRows } from './state.js';

/** The whole screen as lines, each with its own styles and never wider than the screen. Pure. */

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface FrameOptions {
  readonly size: Size;
  readonly style: Style;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The last lines of the pane that is shown; null: not read yet, or there is none. */
  readonly screen: readonly string[] | null;
}

const keys: readonly (readonly [key: string, does: string])[] = [
  ['Enter', 'go there: to the agent that waits, where one does'],
  ['↑ ↓  j k', 'move; PgUp and PgDn by a page, g and G to the ends'],
  ['/', 'show only what holds these words: a name, waiting, closed ... (Esc: all)'],
  ['Space', 'the preview, on and off'],
  ['Tab', 'the next pane in the preview'],
  ['m', 'send a line to the agent in the preview, as cw send'],
  ['s', 'save'],
  ['r', 'bring back one that is closed, as it was'],
  ['x', 'close: asks, and saves it first (undo: r)'],
  ['p', 'pin, and unpin: no cleanup closes what is pinned (▪)'],
  ['q', 'leave'],
];

const signs =
  '● attached  ○ not open  ▪ pinned   health: ✗ error, ? could not be found out, ! warning; what exactly: cw health NAME';

/** Lines for the list and the preview, of a screen with so many. */
interface Parts {
  readonly list: number;
  readonly preview: number;
}

/** The last line of a screen stays free: a terminal would scroll behind it. */
function usable({ rows }: Size): number {
  return Math.max(4, rows - 1);
}

function partsOf(state: State, size: Size, below: number): Parts {
  // Title and head above, messages and keys below.
  const room = Math.max(1, usable(size) - 2 - below);
  if (!state.preview || room < 12) return { list: room, preview: 0 };
  // What the list does not need is the preview's, half of the room at least.
  const list = Math.max(Math.min(shownRows(state).length, Math.floor(room / 2)), 3);
  return { list, preview: room - list };
}

/** Rows of the list that are seen at once. */
export function pageOf(state: State, size: Size): number {
  return partsOf(state, size, belowOf(state, size).length + 1).list;
}

/** The first row that is seen: the cursor stays in sight, and the list stands still as long as it is. */
export function topRow(before: number, cursor: number, page: number, count: number): number {
  const last = Math.max(0, count - page);
  const top = Math.min(Math.max(0, before), last);
  if (cursor < top) return Math.max(0, cursor);
  return cursor >= top + page ? Math.min(last, cursor - page + 1) : top;
}

/**
 * @param top the first row that was seen before.
 * @returns the lines, and the first row that is seen now.
 */
export function frameOf(
  state: State,
  top: number,
  options: FrameOptions,
): { readonly lines: readonly string[]; readonly top: number } {
  const { size, style, now } = options;
  const { columns } = size;
  const title = titleLine(state, columns, style);
  if (state.mode.kind === 'help') return { lines: [title, '', ...helpLines(size, style)], top };
  const below = [...belowOf(state, size), footLine(state, columns, style)];
  const parts = partsOf(state, size, below.length);
  const shown = shownRows(state);
  const cursor = shown.findIndex(({ id }) => id === state.selected);
  const first = topRow(top, cursor, parts.list, shown.length);
  const layout = layoutOf(
    columns,
    Math.max(9, ...shown.map((row) => width(row.name) + (row.pinned ? 2 : 0))),
  );
  // Only what is seen is drawn.
  const rows = shown.slice(first, first + parts.list).map((row) =>
    rowLine(row, {
      layout,
      style,
      now,
      selected: row.id === state.selected,
      history: state.history.get(row.id),
    }),
  );
  const list = rows.length > 0 ? rows : [style('dim', truncate(`    ${nothing(state)}`, columns))];
  const padded = [...list, ...Array<string>(Math.max(0, parts.list - list.length)).fill('')];
  const preview = parts.preview > 0 ? previewLines(state, parts.preview, options) : [];
  const lines = [title, headLine(layout, style), ...padded, ...preview, ...below];
  return { lines: lines.slice(0, usable(size)), top: first };
}

function nothing(state: State): string {
  if (!state.isRead) return 'reading ...';
  if (state.filter !== '') return `Nothing holds "${visible(state.filter)}". Esc shows all.`;
  return 'No workspaces yet. Open one with: cw up PATH';
}

function titleLine(state: State, columns: number, style: Style): string {
  const { rows, shared, server } = state;
  const open = rows.filter((row) => row.state === 'open');
  const waiting = open.filter(({ agents }) => agents.some((agent) => agent.state === 'waiting')).length;
  const working = open.filter(({ agents }) => agents.some((agent) => agent.state === 'working')).length;
  const parts = [
    ...(server === null ? [] : [server]),
    ...(waiting > 0 ? [`${waiting} ${waiting === 1 ? 'waits' : 'wait'} for you`] : []),
    ...(working > 0 ? [`${working} ${working === 1 ? 'works' : 'work'}`] : []),
    `${open.length} open, ${rows.length - open.length} closed`,
    ...(healthText(shared) === '✓' ? [] : [`tmux, disk: ${healthText(shared)}`]),
  ];
  const left = truncate(`cw  ${parts.join(' · ')}`, columns);
  const right = state.live ? 'live' : 'no daemon';
  const blanks = columns - width(left) - width(right) - 1;
  const end = blanks > 0 ? ' '.repeat(blanks) + style('dim', right) : '';
  return style('bold', left) + end;
}

function previewLines(state: State, lines: number, options: FrameOptions): string[] {
  const { style, screen, now } = options;
  const { columns } = options.size;
  const row = selectedRow(state);
  const pane = shownPane(state);
  const name = row ? visible(row.name) : '';
  const agent = row?.agents.find((one) => one.pane === pane?.id);
  const what = agent ? `claude, ${agent.state} ${brief(now - agent.since)}` : visible(pane?.what ?? '');
  const text = pane ? `${name} ${pane.place}  ${what}` : name;
  const label = text === '' ? '' : ` ${truncate(text, Math.max(0, columns - 6))} `;
  const head = `──${label}${'─'.repeat(Math.max(0, columns - 2 - width(label)))}`;
  const empty = row && row.state !== 'open' ? [`${row.state}; r brings it back as it was`] : [];
  const end = (screen ?? empty).slice(-(lines - 1)).map((line) => truncate(visible(line), columns));
  return [style('dim', truncate(head, columns)), ...end, ...Array<string>(lines - 1 - end.length).fill('')];
}

const mostMessage = 4;

/** What stands above the keys: what is said, asked or typed. */
function belowOf(state: State, { columns }: Size): string[] {
  const { mode, busy, message } = state;
  if (mode.kind === 'question') return folded(`${mode.question} [y/N]`, columns);
  if (mode.kind === 'send') return [typed(`to ${visible(mode.to)}: `, mode.text, columns)];
  if (mode.kind === 'filter') return [typed('/', state.filter, columns)];
  if (message !== null) return folded(message, columns);
  if (busy !== null) return folded(`${busy} ...`, columns);
  return state.filter === '' ? [] : [truncate(`only: ${visible(state.filter)}   (Esc shows all)`, columns)];
}

function folded(text: string, columns: number): string[] {
  const lines = text.split('\n').flatMap((line) => fold(visible(line), columns));
  const cut = lines.length > mostMessage ? [...lines.slice(0, mostMessage - 1), '...'] : lines;
  return cut.map((line) => truncate(line, columns));
}

/** The end of what is typed, with a block where the next letter goes. */
function typed(prompt: string, text: string, columns: number): string {
  const room = Math.max(1, columns - width(prompt) - 1);
  return truncate(`${prompt}${truncate(visible(text), room, 'start')}█`, columns);
}

const feet = {
  list: ['Enter go', 's save', 'x close', 'r restore', 'm send', 'p pin', '/ filter', '? help', 'q quit'],
  // Where little fits, the way to all the others.
  few: ['Enter go', '? help', 'q quit'],
  filter: ['Enter keep', 'Esc show all'],
  send: ['Enter send', 'Esc leave it'],
  question: ['y yes', 'n no'],
} as const;

function footLine({ mode }: State, columns: number, style: Style): string {
  const kind = mode.kind === 'help' ? 'list' : mode.kind;
  const whole = feet[kind].join('  ');
  const text = width(whole) <= columns ? whole : feet[kind === 'list' ? 'few' : kind].join('  ');
  return style('dim', truncate(text, columns));
}

function helpLines(size: Size, style: Style): string[] {
  const { columns } = size;
  const text = [
    ...glossary(keys, columns).split('\n'),
    '',
    ...fold(signs, columns - 4).map((line) => `  ${line}`),
    '',
    style('dim', '  any key: back'),
  ];
  return text
    .slice(0, usable(size) - 2)
    .map((line) => (width(line) > columns ? truncate(line, columns) : line));
}
