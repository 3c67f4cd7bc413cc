import { CwError } from '../errors.js';
import { type LayoutCell, leastSize, placed, printLayout, type Size, share } from './layout.js';
import type { Cell } from './template.js';

/** The cells of a window as a template nests them. */
export type Cells = { readonly rows: readonly Cell[] } | { readonly columns: readonly Cell[] };

export interface CellLayout {
  /** The layout string, with its checksum. */
  readonly layout: string;
  /** The 1-based numbers of the panes, in the order of the layout's cells. */
  readonly order: readonly number[];
}

type Sized = { readonly cell: LayoutCell; readonly size: number | string | undefined };

/**
 * The layout of nested rows and columns. A size is a number of cells or a percentage of what the row or column
 * has to share; cells without one share the rest evenly. When all have one, or the sizes leave too little for
 * the rest, they are proportions: a template made for a wide terminal still opens in a narrow one.
 *
 * @param panes how many panes the window has: each of 1 to `panes` must have one cell.
 * @throws CwError `usage` for a pane with no cell or two, one that does not exist, percentages over 100, or
 *   more panes than fit.
 */
export function layoutFromCells(cells: Cells, size: Size, panes: number): CellLayout {
  const order: number[] = [];
  const { cell } = structure(cells as Cell, order);
  checkOrder(order, panes);
  const least = leastSize(cell);
  if (size.width < least.width || size.height < least.height) {
    throw new CwError(
      'usage',
      `${panes} panes do not fit into ${size.width}x${size.height} cells this way: they need ` +
        `${least.width}x${least.height}.`,
      { hint: 'Use fewer panes or a larger terminal.' },
    );
  }
  return {
    layout: printLayout(placed(grown(cells as Cell, cell, { width: size.width, height: size.height }), 0, 0)),
    order,
  };
}

/** The tree without sizes; the numbers of its panes are added to `order`. */
function structure(cell: Cell, order: number[]): Sized {
  const box = { width: 1, height: 1, x: 0, y: 0 };
  if (typeof cell === 'number' || 'pane' in cell) {
    order.push(typeof cell === 'number' ? cell : cell.pane);
    return {
      cell: { kind: 'pane', ...box, pane: null },
      size: typeof cell === 'number' ? undefined : cell.size,
    };
  }
  const inner = childrenOf(cell).map((child) => structure(child, order).cell);
  // A row or column of one is that one: tmux has no split with a single cell.
  if (inner.length === 1) return { cell: inner[0]!, size: cell.size };
  return { cell: { kind: 'rows' in cell ? 'rows' : 'columns', ...box, children: inner }, size: cell.size };
}

function checkOrder(order: readonly number[], panes: number): void {
  const wrong = (message: string) =>
    new CwError('usage', message, {
      hint: `Each pane of the window, 1 to ${panes}, needs exactly one cell in its layout.`,
    });
  for (const [at, number] of order.entries()) {
    if (number > panes) throw wrong(`The layout names pane ${number}, but the window has ${panes}.`);
    if (order.indexOf(number) !== at) throw wrong(`The layout names pane ${number} twice.`);
  }
  for (let number = 1; number <= panes; number += 1) {
    if (!order.includes(number)) throw wrong(`The layout has no cell for pane ${number}.`);
  }
}

/** The structure, grown to a size that it fits into. */
function grown(source: Cell, cell: LayoutCell, size: Size): LayoutCell {
  if (cell.kind === 'pane') return { ...cell, ...size };
  const sources = childrenOf(source);
  if (sources.length === 1) return grown(sources[0]!, cell, size);
  const along = cell.kind === 'columns' ? 'width' : 'height';
  const lengths = shareSizes(
    size[along] - cell.children.length + 1,
    sources.map((each) => (typeof each === 'number' ? undefined : each.size)),
    cell.children.map((child) => leastSize(child)[along]),
  );
  const children = cell.children.map((child, at) =>
    grown(sources[at]!, child, { ...size, [along]: lengths[at]! }),
  );
  // Rows within rows are how a template says that one is split again; to tmux they are one list of rows.
  return {
    ...cell,
    ...size,
    children: children.flatMap((child) => (child.kind === cell.kind ? child.children : [child])),
  };
}

function childrenOf(cell: Cell): readonly Cell[] {
  if (typeof cell === 'number' || 'pane' in cell) return [];
  return 'rows' in cell ? cell.rows : cell.columns;
}

function shareSizes(
  total: number,
  sizes: readonly (number | string | undefined)[],
  minima: readonly number[],
): number[] {
  const percents = sizes.map((size) => (typeof size === 'string' ? Number.parseInt(size, 10) : 0));
  const percent = percents.reduce((sum, each) => sum + each, 0);
  if (percent > 100) {
    throw new CwError('usage', `Sizes side by side in a layout come to ${percent}%.`, {
      hint: 'Percentages of one row or column may come to 100% at most.',
    });
  }
  const asked = sizes.map((size, at) =>
    typeof size === 'number' ? size : size === undefined ? null : (total * percents[at]!) / 100,
  );
  const open = asked.flatMap((each, at) => (each === null ? [at] : []));
  if (open.length === 0) return share(total, asked as number[], minima);
  // The sized ones are served first, as far as the others keep their least.
  const fixed = asked.flatMap((each, at) => (each === null ? [] : [at]));
  const room = total - open.reduce((sum, at) => sum + minima[at]!, 0);
  const wanted = fixed.map((at) => Math.max(minima[at]!, Math.round(asked[at]!)));
  const taken = wanted.reduce((sum, each) => sum + each, 0);
  const given =
    taken <= room
      ? wanted
      : share(
          room,
          wanted,
          fixed.map((at) => minima[at]!),
        );
  const lengths = sizes.map(() => 0);
  for (const [place, at] of fixed.entries()) lengths[at] = given[place]!;
  const rest = share(
    total - given.reduce((sum, each) => sum + each, 0),
    open.map(() => 1),
    open.map((at) => minima[at]!),
  );
  for (const [place, at] of open.entries()) lengths[at] = rest[place]!;
  return lengths;
}
