import { type LayoutCell, type PaneCell, placed, type Size, share } from '../blueprint/layout.js';
import { truncate, visible, width } from './output.js';

/**
 * The drawing of a window: its layout in box characters, with lines of text in each pane. Pure: cells and texts go in,
 * lines come out. The panes stand to each other as they do in tmux; their heights are those that the texts need.
 */

/** A piece of a line; its style is put on after it is measured and cut. Foreign text is made visible. */
export interface Span {
  readonly text: string;
  readonly style?: (text: string) => string;
}

export type Line = readonly Span[];

export interface DrawingOptions {
  /** Cells of a line. */
  readonly width: number;
  /** Lines of the drawing; as many as the texts need when not given. */
  readonly height?: number;
  /** Stands in the upper edge. */
  readonly title?: Line;
  /** The style of the frame. */
  readonly frame?: (text: string) => string;
}

/** What stands in a pane: by its number in tmux (that of `%5`, where the layout has it) and its place in the layout. */
export type TextOf = (pane: number | null, place: number) => readonly Line[];

/** A pane in a drawing: the cells within its frame. */
export interface Drawn extends Size {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly Line[];
}

/** Cells that a pane must have for its text to be worth drawing. */
const narrowestPane = 8;

/**
 * The lines of the drawing, each of exactly `width` cells. Where its panes do not fit, they are listed one below the
 * other instead.
 */
export function drawWindow(layout: LayoutCell, textOf: TextOf, options: DrawingOptions): string[] {
  const panes = fitPanes(layout, textOf, options);
  if (panes === null) return listed(layout, textOf, options);
  const last = panes.reduce((most, { y, height }) => Math.max(most, y + height), 0);
  return framed(panes, { width: options.width, height: last + 1 }, options);
}

/**
 * Where the panes of a drawing lie, in the order of the layout: x and y count from the upper left corner of the frame.
 * null: they do not fit.
 */
export function fitPanes(layout: LayoutCell, textOf: TextOf, options: DrawingOptions): Drawn[] | null {
  const texts = panesIn(layout).map(({ pane }, place) => textOf(pane, place));
  const inner = options.width - 2;
  const heights = needsOf(layout, texts, (lines) => Math.max(1, lines.length));
  const least = needsOf(layout, texts, () => 1);
  const height = options.height === undefined ? heights.height : options.height - 2;
  // The texts are cut where there are fewer lines than they need.
  const needs = height < heights.height ? least : heights;
  if (inner < needs.width || height < needs.height) return null;
  return panesIn(placed(fitted(layout, needs, { width: inner, height }), 0, 0)).map((cell, place) => ({
    x: cell.x + 1,
    y: cell.y + 1,
    width: cell.width,
    height: cell.height,
    lines: texts[place]!,
  }));
}

function panesIn(cell: LayoutCell): PaneCell[] {
  return cell.kind === 'pane' ? [cell] : cell.children.flatMap(panesIn);
}

/** What a cell takes at least, with what is below it. */
interface Needs extends Size {
  readonly children: readonly Needs[];
}

function needsOf(
  layout: LayoutCell,
  texts: readonly (readonly Line[])[],
  heightOf: (lines: readonly Line[]) => number,
): Needs {
  let place = 0;
  const needs = (cell: LayoutCell): Needs => {
    if (cell.kind === 'pane')
      return { width: narrowestPane, height: heightOf(texts[place++]!), children: [] };
    const children = cell.children.map(needs);
    const along = (size: 'width' | 'height') =>
      children.reduce((sum, child) => sum + child[size], children.length - 1);
    const across = (size: 'width' | 'height') => Math.max(...children.map((child) => child[size]));
    return cell.kind === 'columns'
      ? { width: along('width'), height: across('height'), children }
      : { width: across('width'), height: along('height'), children };
  };
  return needs(layout);
}

/** The cell in another size: by its proportions, and each pane with what it needs. */
function fitted(cell: LayoutCell, needs: Needs, size: Size): LayoutCell {
  if (cell.kind === 'pane') return { ...cell, ...size };
  const along = cell.kind === 'columns' ? 'width' : 'height';
  const lengths = share(
    size[along] - cell.children.length + 1,
    cell.children.map((child) => child[along]),
    needs.children.map((child) => child[along]),
  );
  const children = cell.children.map((child, at) =>
    fitted(child, needs.children[at]!, { ...size, [along]: lengths[at]! }),
  );
  return { ...cell, ...size, children };
}

const right = 1;
const left = 2;
const down = 4;
const up = 8;

/** The box character of a cell by the sum of its arms; one arm alone is none. */
const boxOf = '   ─ ┌┐┬ └┘┴│├┤┼';

function framed(panes: readonly Drawn[], size: Size, { title, frame = same }: DrawingOptions): string[] {
  const arms = armsOf(panes, size);
  const starting = new Map(
    panes.flatMap((pane) =>
      Array.from({ length: pane.height }, (_, row) => [`${pane.x},${pane.y + row}`, pane] as const),
    ),
  );
  const lines: string[] = [];
  for (let y = 0; y < size.height; y++) {
    let line = '';
    let edge = '';
    const flush = () => {
      if (edge !== '') line += frame(edge);
      edge = '';
    };
    let x = 0;
    if (y === 0 && title) {
      const text = fitLine([{ text: ' ' }, ...title, { text: ' ' }], size.width - 4);
      line += frame(boxOf[arms[0]!]!) + text.drawn;
      x = 1 + text.cells;
    }
    while (x < size.width) {
      const pane = starting.get(`${x},${y}`);
      if (pane) {
        flush();
        line += inPane(pane.lines[y - pane.y] ?? [], pane.width);
        x += pane.width;
      } else {
        edge += boxOf[arms[y * size.width + x]!]!;
        x += 1;
      }
    }
    flush();
    lines.push(line);
  }
  return lines;
}

/** For each cell of the drawing the directions in which an edge of a pane goes on. */
function armsOf(panes: readonly Drawn[], size: Size): Uint8Array {
  const arms = new Uint8Array(size.width * size.height);
  const add = (x: number, y: number, which: number) => {
    arms[y * size.width + x]! |= which;
  };
  for (const pane of panes) {
    const [x0, y0, x1, y1] = [pane.x - 1, pane.y - 1, pane.x + pane.width, pane.y + pane.height];
    for (let x = x0; x <= x1; x++) {
      const which = (x > x0 ? left : 0) | (x < x1 ? right : 0);
      add(x, y0, which);
      add(x, y1, which);
    }
    for (let y = y0; y <= y1; y++) {
      const which = (y > y0 ? up : 0) | (y < y1 ? down : 0);
      add(x0, y, which);
      add(x1, y, which);
    }
  }
  return arms;
}

/** A line within a pane, of exactly so many cells, with a blank on either side. */
function inPane(line: Line, cells: number): string {
  const { drawn, cells: used } = fitLine(line, cells - 2);
  return ` ${drawn}${' '.repeat(cells - used - 1)}`;
}

/** A line cut to at most so many cells; `…` stands for what is left out. */
export function fitLine(line: Line, room: number): { readonly drawn: string; readonly cells: number } {
  const spans = line.map(({ text, style = same }) => ({ text: visible(text), style }));
  const isOver = spans.reduce((sum, { text }) => sum + width(text), 0) > room;
  let drawn = '';
  let cells = 0;
  for (const { text, style } of spans) {
    const left = room - cells;
    // Something has to go, and the last cell is for the mark of that.
    const isLast = isOver && width(text) >= left;
    const kept = isLast ? truncate(`${text}…`, left) : text;
    if (kept !== '') drawn += style(kept);
    cells += width(kept);
    if (isLast) break;
  }
  return { drawn, cells };
}

/** The panes one below the other, without a frame. */
function listed(layout: LayoutCell, textOf: TextOf, options: DrawingOptions): string[] {
  const lines = [
    ...(options.title ? [options.title] : []),
    ...panesIn(layout).flatMap(({ pane }, place) =>
      textOf(pane, place).map((line): Line => [{ text: '  ' }, ...line]),
    ),
  ];
  const cut = lines.slice(0, options.height ?? lines.length);
  return cut.map((line) => {
    const { drawn, cells } = fitLine(line, options.width);
    return drawn + ' '.repeat(Math.max(0, options.width - cells));
  });
}

function same(text: string): string {
  return text;
}
