import { fitLine, type Line } from '../drawing.js';
import { age, type Style, shortAge, visible, width } from '../output.js';
import type { Choice } from './choices.js';
import type { State } from './state.js';

/** The lines of the picker's screen; pure. */

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

/** From so many columns on there is room for a preview beside the list. */
const previewFrom = 76;

const help = [
  'Type to search names and paths; most recently used first.',
  '',
  'Enter            go there, or open it',
  'Up, Down         choose (also Ctrl-p, Ctrl-n, Tab)',
  'PgUp, PgDn       a page; Home, End the first and last',
  'Ctrl-s           save it now',
  'Ctrl-t           pin it, or unpin it: pinned ones are never cleaned up',
  'Ctrl-x           close it (asks; it is saved first)',
  'Ctrl-u, Ctrl-w   clear the text, the last word',
  'Esc, Ctrl-c      leave',
  '',
  '●  attached      ○  closed      +  a folder that is not open yet',
];

/** Cells and lines of the preview; null: there is no room for one. */
export function previewSize({ columns, rows }: Screen): { width: number; height: number } | null {
  if (columns < previewFrom || rows < 6) return null;
  return { width: columns - listWidth(columns) - 3, height: rows - 2 };
}

/** Lines of the list. */
export function pageOf({ rows }: Screen): number {
  return Math.max(1, rows - 2);
}

function listWidth(columns: number): number {
  return columns < previewFrom ? columns : Math.min(60, Math.floor(columns * 0.45));
}

export function screenLines(
  state: State,
  preview: readonly string[],
  screen: Screen,
  style: Style,
  now = Date.now(),
): string[] {
  const { columns, rows } = screen;
  const page = pageOf(screen);
  const cells = listWidth(columns);
  const top = Math.max(0, Math.min(state.at - Math.floor(page / 2), state.matches.length - page));
  const shown = state.matches.slice(top, top + page);
  const names = Math.min(24, cells - 6, Math.max(6, ...shown.map(({ name }) => width(visible(name)))));
  const list = shown.map((choice, at) =>
    choiceLine(choice, top + at === state.at, { names, cells, now, style }),
  );
  const body =
    state.view === 'help'
      ? help.map((text) => fitLine([{ text: `  ${text}` }], columns).drawn)
      : Array.from({ length: page }, (_, row) => {
          const left =
            list[row] ??
            (row === 0 && shown.length === 0
              ? padded([{ text: '  Nothing is called so.' }], cells)
              : ' '.repeat(cells));
          return previewSize(screen) ? `${left} ${style('dim', '│')} ${preview[row] ?? ''}` : left;
        });
  const lines = [queryLine(state, columns, style), ...body.slice(0, page)];
  while (lines.length < rows - 1) lines.push('');
  return [...lines, bottomLine(state, columns, style)].slice(0, rows);
}

/** Where the cursor stands: behind what is typed. */
export function cursorColumn({ query }: State, { columns }: Screen): number {
  return Math.min(columns, width(visible(query)) + 3);
}

function queryLine({ query, matches }: State, columns: number, style: Style): string {
  const count = `${matches.length}`;
  const left = fitLine([{ text: '> ' }, { text: query }], Math.max(4, columns - count.length - 2));
  const blanks = Math.max(1, columns - left.cells - count.length);
  return `${left.drawn}${' '.repeat(blanks)}${style('dim', count)}`;
}

function bottomLine({ message, view }: State, columns: number, style: Style): string {
  if (view === 'help') return fitLine([{ text: 'Any key goes back.' }], columns).drawn;
  if (message !== null)
    return fitLine([{ text: message, style: (text) => style('bold', text) }], columns).drawn;
  const keys = 'Enter open  Ctrl-s save  Ctrl-t pin  Ctrl-x close  ? help  Esc leave';
  return fitLine([{ text: keys, style: (text) => style('dim', text) }], columns).drawn;
}

interface LineOptions {
  readonly names: number;
  readonly cells: number;
  readonly now: number;
  readonly style: Style;
}

function choiceLine({ name, path, entry }: Choice, isChosen: boolean, options: LineOptions): string {
  const { names, cells, now, style } = options;
  const mark = entry === null ? '+' : entry.attached ? '●' : entry.state === 'open' ? ' ' : '○';
  const bold = (text: string) => (isChosen ? style('bold', text) : text);
  const start = fitLine([{ text: name, style: bold }], names);
  const state = stateText(entry, now);
  const rest = fitLine(
    [
      ...(state === '' ? [] : [{ text: `${state}  ` }]),
      { text: path, style: (text: string) => style('dim', text) },
    ],
    Math.max(0, cells - names - 6),
  );
  const used = 4 + names + 2 + rest.cells;
  const blanks = ' '.repeat(Math.max(0, names - start.cells) + 2);
  return `${isChosen ? '›' : ' '} ${mark} ${start.drawn}${blanks}${rest.drawn}${' '.repeat(Math.max(0, cells - used))}`;
}

function stateText(entry: Choice['entry'], now: number): string {
  if (entry === null) return '';
  const waiting = (entry.agents ?? []).filter(({ state }) => state === 'waiting');
  const [first] = waiting.toSorted((a, b) => (a.since < b.since ? -1 : 1));
  if (first) return `waiting ${shortAge(first.since, now)}`;
  if ((entry.agents ?? []).some(({ state }) => state === 'working')) return 'working';
  if (entry.attached) return 'attached';
  return entry.lastAttachedAt === null ? entry.state : `${age(entry.lastAttachedAt, now)} ago`;
}

function padded(line: Line, cells: number): string {
  const { drawn, cells: used } = fitLine(line, cells);
  return drawn + ' '.repeat(Math.max(0, cells - used));
}
