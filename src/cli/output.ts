import { styleText } from 'node:util';
import { clusters, clusterWidth, oneCellEach, width } from '../system/text-width.js';
import { visible } from '../system/visible.js';

export { width } from '../system/text-width.js';
export { harmless, harmlessJson, visible } from '../system/visible.js';

/**
 * What commands print for people: tables that fit the terminal, styles that a pipe does not get, and foreign text
 * that cannot steer the terminal.
 */

/** The text cut to at most `cells` cells; `…` stands for what is left out, at its end or at its start. */
export function truncate(text: string, cells: number, side: 'end' | 'start' = 'end'): string {
  if (width(text) <= cells) return text;
  if (cells <= 0) return '';
  if (oneCellEach.test(text))
    return side === 'end' ? `${text.slice(0, cells - 1)}…` : `…${text.slice(text.length - cells + 1)}`;
  const parts = clusters(text);
  if (side === 'start') parts.reverse();
  const kept: string[] = [];
  let room = cells - 1;
  for (const part of parts) {
    room -= clusterWidth(part);
    if (room < 0) break;
    kept.push(part);
  }
  return side === 'end' ? `${kept.join('')}…` : `…${kept.reverse().join('')}`;
}

type Format = Parameters<typeof styleText>[0];
export type Style = (format: Format, text: string) => string;

/** Styles for `context.terminal.color`: a text comes back as it is where there are no colours. */
export function styler(color: boolean): Style {
  return (format, text) => (color ? styleText(format, text, { validateStream: false }) : text);
}

/** Foreign text, made visible; its style is put on after it is measured and cut. */
export type Cell = string | { readonly text: string; readonly style?: (text: string) => string };

export interface Column {
  readonly align?: 'left' | 'right';
  /** The side that is cut where the table is too wide; `start` suits paths. */
  readonly cut?: 'end' | 'start';
  /** Never cut. */
  readonly fixed?: boolean;
  /** It is cut to no less than so many cells, or its whole width, before other columns are left out. */
  readonly least?: number;
  /** Where the table is too wide, the column of the lowest number is left out first. */
  readonly drop?: number;
}

const gap = 2;
const narrowest = 6;

/**
 * Rows (the head is the first of them) as aligned lines, two blanks apart, of at most `width` cells: the widest
 * columns give way first, down to a few cells each.
 */
export function table(
  rows: readonly (readonly Cell[])[],
  lineWidth: number,
  given: readonly Column[] = [],
): string {
  const all = rows.map((row) =>
    row.map((cell) =>
      typeof cell === 'string' ? { text: visible(cell) } : { ...cell, text: visible(cell.text) },
    ),
  );
  const count = Math.max(0, ...all.map((row) => row.length));
  const whole = Array.from({ length: count }, (_, at) =>
    all.reduce((most, row) => Math.max(most, width(row[at]?.text ?? '')), 0),
  );
  const kept = keptColumns(whole, lineWidth, given);
  const columns = kept.map((at) => given[at] ?? {});
  const widths = kept.map((at) => whole[at]!);
  narrow(widths, lineWidth - gap * Math.max(0, kept.length - 1), columns);
  return all
    .map((row) =>
      kept
        .map((from, at) => {
          const cell: { readonly text: string; readonly style?: (text: string) => string } = row[from] ?? {
            text: '',
          };
          const room = widths[at] ?? 0;
          const text = truncate(cell.text, room, columns[at]?.cut ?? 'end');
          const blanks = ' '.repeat(Math.max(0, room - width(text)));
          const drawn = 'style' in cell && cell.style ? cell.style(text) : text;
          return columns[at]?.align === 'right' ? blanks + drawn : drawn + blanks;
        })
        .join(' '.repeat(gap))
        .trimEnd(),
    )
    .join('\n');
}

/** The places of the columns that fit, each with its least width. */
function keptColumns(widths: readonly number[], lineWidth: number, columns: readonly Column[]): number[] {
  const least = widths.map((cells, at) => Math.min(cells, leastOf(columns[at], cells)));
  let kept = widths.map((_, at) => at);
  const over = () => kept.reduce((sum, at) => sum + least[at]! + gap, -gap) > lineWidth;
  const order = kept
    .filter((at) => columns[at]?.drop !== undefined)
    .sort((a, b) => columns[a]!.drop! - columns[b]!.drop!);
  for (const at of order) {
    if (!over()) break;
    kept = kept.filter((one) => one !== at);
  }
  return kept;
}

function leastOf(column: Column | undefined, cells: number): number {
  return column?.fixed ? cells : (column?.least ?? narrowest);
}

/** Takes cells from the widest columns until all fit, or none can give more. */
function narrow(widths: number[], room: number, columns: readonly Column[]): void {
  let over = widths.reduce((sum, cells) => sum + cells, 0) - room;
  while (over > 0) {
    let widest = -1;
    for (const [at, cells] of widths.entries()) {
      if (cells <= leastOf(columns[at], cells)) continue;
      if (widest < 0 || cells >= widths[widest]!) widest = at;
    }
    if (widest < 0) return;
    widths[widest]!--;
    over--;
  }
}

/** How long ago a time was, in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`. A time to come is `0 s`. */
export function age(time: string | number | Date, now = Date.now()): string {
  const seconds = Math.max(0, Math.floor((now - new Date(time).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Every line moved to the right by two blanks, as hints stand below their message. */
export function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line ? `  ${line}` : line))
    .join('\n');
}

/** Names with what is said of each, beside them and folded at words, so that nothing is cut. */
export function glossary(
  entries: readonly (readonly [name: string, text: string])[],
  lineWidth: number,
): string {
  const widest = Math.max(0, ...entries.map(([name]) => width(name)));
  const room = Math.max(20, lineWidth - widest - 2 * gap);
  return entries
    .map(([name, text]) => {
      const start = `${' '.repeat(gap)}${name}${' '.repeat(widest - width(name) + gap)}`;
      return start + fold(text, room).join(`\n${' '.repeat(widest + 2 * gap)}`);
    })
    .join('\n');
}

/** A text as lines of at most `room` cells; a longer word stands alone. */
export function fold(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && width(last) + 1 + width(word) <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The same as one word, for what is read at a glance: `12s`, `4m`, `2h`. */
export function shortAge(time: string | number | Date, now = Date.now()): string {
  return age(time, now).replace(/ (\w)\w*$/, '$1');
}
