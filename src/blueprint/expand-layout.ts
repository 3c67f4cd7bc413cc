import { CwError, messageOf } from '../errors.js';
import { type Cells, layoutFromCells } from './cells.js';
import {
  countPanes,
  isNamedLayout,
  leastSize,
  type NamedLayout,
  namedLayouts,
  parseLayout,
  printLayout,
  rescaleLayout,
  type Size,
} from './layout.js';
import { nearest } from './suggest.js';
import type { Cell, TemplatePane, TemplateWindow } from './template.js';

export interface WindowLayout {
  /** A layout string for the size, or the name of one of tmux's layouts. */
  readonly layout: string;
  /** The 1-based numbers of the panes, in the order of the layout's cells. */
  readonly order: readonly number[];
  readonly notes: readonly string[];
}

/**
 * The layout of a window of a template: named, a layout string, or nested cells. Without one, two panes stand
 * side by side and more are tiled. Sizes of panes go into the layouts that have a direction.
 *
 * @param where for messages: `window "code"`.
 * @throws CwError `usage` for an unknown name, a bad string, a wrong number of cells, or more panes than fit.
 */
export function windowLayout(
  layout: TemplateWindow['layout'],
  panes: readonly TemplatePane[],
  size: Size,
  where: string,
): WindowLayout {
  const order = panes.map((_, at) => at + 1);
  try {
    if (layout !== undefined && typeof layout !== 'string') {
      return { ...layoutFromCells(layout, size, panes.length), notes: [] };
    }
    const name = layout ?? (panes.length > 2 ? 'tiled' : 'even-horizontal');
    if (!isNamedLayout(name)) return { layout: fromString(name, panes.length, size), order, notes: [] };
    const cells = cellsOf(name, panes);
    if (cells && panes.some((pane) => pane.size !== undefined)) {
      return { ...layoutFromCells(cells, size, panes.length), notes: [] };
    }
    checkRoom(cells ?? tiledCells(panes.length), size, panes.length);
    const unused = panes.some((pane) => pane.size !== undefined)
      ? [`The sizes of panes in ${where} have no effect: in the layout "tiled" all are alike.`]
      : [];
    return { layout: name, order, notes: unused };
  } catch (error) {
    const hint = (error as Partial<CwError>).hint;
    throw new CwError('usage', `The layout of ${where}: ${messageOf(error)}`, { hint, cause: error });
  }
}

function fromString(text: string, panes: number, size: Size): string {
  if (!text.includes(',')) {
    const near = nearest(text, namedLayouts);
    throw new CwError('usage', `"${text}" is none of tmux's layouts.`, {
      hint: `${near ? `Did you mean "${near}"? ` : ''}They are: ${namedLayouts.join(', ')}.`,
    });
  }
  const cell = parseLayout(text);
  const cells = countPanes(cell);
  if (cells !== panes) {
    throw new CwError('usage', `It has ${cells} cells, but the window has ${panes} panes.`, {
      hint: 'A layout string needs as many cells as the window has panes.',
    });
  }
  return printLayout(rescaleLayout(cell, size));
}

/** A named layout as nested cells, with the sizes of the panes; null for `tiled`, which has no direction. */
function cellsOf(name: NamedLayout, panes: readonly TemplatePane[]): Cells | null {
  const all = panes.map((pane, at): Cell => ({ pane: at + 1, size: pane.size }));
  const [main, ...others] = all;
  if (name === 'even-horizontal') return { columns: all };
  if (name === 'even-vertical') return { rows: all };
  if (name === 'tiled') return null;
  const vertical = name.startsWith('main-vertical');
  if (main === undefined || others.length === 0) return { rows: all };
  const rest: Cell = vertical ? { rows: others } : { columns: others };
  const both = name.endsWith('-mirrored') ? [rest, main] : [main, rest];
  return vertical ? { columns: both } : { rows: both };
}

/** As tmux tiles: rows and columns grow in turn until there are enough cells. */
function tiledCells(panes: number): Cells {
  let rows = 1;
  let columns = 1;
  while (rows * columns < panes) {
    rows += 1;
    if (rows * columns < panes) columns += 1;
  }
  const numbers = Array.from({ length: panes }, (_, at) => at + 1);
  return {
    rows: Array.from({ length: rows }, (_, row) => ({
      columns: numbers.slice(row * columns, (row + 1) * columns),
    })).filter((row) => row.columns.length > 0),
  };
}

function checkRoom(cells: Cells, size: Size, panes: number): void {
  const full = parseLayout(layoutFromCells(cells, { width: 10_000, height: 10_000 }, panes).layout);
  const least = leastSize(full);
  if (least.width <= size.width && least.height <= size.height) return;
  rescaleLayout(full, size);
}
