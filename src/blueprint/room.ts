import type { Size } from './layout.js';

export interface Split {
  /** Tile the window first, so that its newest pane has room to be split. */
  readonly tile: boolean;
  readonly direction: '-h' | '-v';
}

export interface Splits {
  /** The size that the window needs while its panes are made; null where its own will do. */
  readonly size: Size | null;
  /** One for each pane after the first. */
  readonly splits: readonly Split[];
}

/**
 * How a window gets its panes: each split halves the newest one, and tmux refuses one that is too small ("no space
 * for new pane"). Tiling makes room; where even that does not, the window is made larger for the time being. The
 * layout and the size that are meant come last.
 */
export function planSplits(panes: number, size: Size): Splits {
  const splits = trySplits(panes, size);
  if (splits) return { size: null, splits };
  const ample = { width: Math.max(size.width, 10 * panes), height: Math.max(size.height, 10 * panes) };
  return { size: ample, splits: trySplits(panes, ample)! };
}

// A split takes the separator, a line of a pane's border status that may be on, and leaves a cell to each half.
const leastHeight = 5;
const leastWidth = 3;

function trySplits(panes: number, size: Size): Split[] | null {
  const splits: Split[] = [];
  let newest = size;
  for (let made = 1; made < panes; made += 1) {
    let direction = directionFor(newest);
    const tile = direction === null && made > 1;
    if (tile) {
      newest = tiled(made, size);
      direction = directionFor(newest);
    }
    if (direction === null) return null;
    newest =
      direction === '-v'
        ? { width: newest.width, height: Math.floor((newest.height - 1) / 2) }
        : { width: Math.floor((newest.width - 1) / 2), height: newest.height };
    splits.push({ tile, direction });
  }
  return splits;
}

function directionFor(size: Size): Split['direction'] | null {
  if (size.height >= leastHeight) return '-v';
  return size.width >= leastWidth ? '-h' : null;
}

/** The least size of a pane after `select-layout tiled`, where rows and columns grow in turn. */
function tiled(panes: number, size: Size): Size {
  let rows = 1;
  let columns = 1;
  while (rows * columns < panes) {
    rows += 1;
    if (rows * columns < panes) columns += 1;
  }
  return {
    width: Math.floor((size.width - columns + 1) / columns),
    height: Math.floor((size.height - rows + 1) / rows),
  };
}
