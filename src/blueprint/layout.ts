import { CwError } from '../errors.js';

/**
 * tmux's layout strings: `checksum,WxH,x,y` and then a pane's number, `{...}` for cells side by side, or `[...]`
 * for cells on top of each other. One cell of the screen separates neighbours.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}

interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

export interface PaneCell extends Box {
  readonly kind: 'pane';
  /** The number of `%N` as the string had it. tmux ignores it when it applies a layout: panes fill cells in order. */
  readonly pane: number | null;
}

export interface SplitCell extends Box {
  /** `columns` is `{...}`, side by side; `rows` is `[...]`. */
  readonly kind: 'columns' | 'rows';
  readonly children: readonly LayoutCell[];
}

export type LayoutCell = PaneCell | SplitCell;

/** tmux's layouts by name, with the first version (major * 100 + minor) that knows each. */
export const layoutVersions = {
  'even-horizontal': 0,
  'even-vertical': 0,
  'main-horizontal': 0,
  'main-vertical': 0,
  tiled: 0,
  'main-horizontal-mirrored': 305,
  'main-vertical-mirrored': 305,
} as const;

export type NamedLayout = keyof typeof layoutVersions;

export const namedLayouts = Object.keys(layoutVersions) as readonly NamedLayout[];

export function isNamedLayout(text: string): text is NamedLayout {
  return (namedLayouts as readonly string[]).includes(text);
}

/** The 16-bit rotate-and-add sum that a layout string begins with (layout_checksum in tmux's layout-custom.c). */
export function layoutChecksum(body: string): string {
  let sum = 0;
  for (const byte of Buffer.from(body)) sum = ((sum >> 1) + ((sum & 1) << 15) + byte) & 0xffff;
  return sum.toString(16).padStart(4, '0');
}

/**
 * Reads a layout string. Offsets are taken from the sizes, as tmux does, whatever the string says.
 *
 * @throws CwError `usage` for a string that is not well-formed, whose checksum is wrong, or whose sizes do not
 *   add up.
 */
export function parseLayout(text: string): LayoutCell {
  const body = text.slice(5);
  if (!/^[0-9a-f]{4},/.test(text)) throw bad(text, 'it does not begin with a checksum of four hex digits');
  const reader = new Reader(body, (why) => bad(text, why));
  const root = placed(reader.cell(), 0, 0);
  reader.end();
  // After the cells: a string that was cut short should be told so, not that its sum is wrong.
  const sum = layoutChecksum(body);
  if (text.slice(0, 4) !== sum) throw bad(text, `its checksum should be ${sum} (was it edited by hand?)`);
  return root;
}

/**
 * The layout string of a cell, with its checksum.
 *
 * @param paneIds the numbers to print for the panes, in order of the cells; by default those that the cells hold,
 *   or else 0, 1, 2, ...
 */
export function printLayout(cell: LayoutCell, paneIds?: readonly number[]): string {
  let count = 0;
  const print = (each: LayoutCell): string => {
    const box = `${each.width}x${each.height},${each.x},${each.y}`;
    if (each.kind === 'pane') {
      const place = count++;
      return `${box},${paneIds?.[place] ?? each.pane ?? place}`;
    }
    const inner = each.children.map(print).join(',');
    return each.kind === 'columns' ? `${box}{${inner}}` : `${box}[${inner}]`;
  };
  const body = print(cell);
  return `${layoutChecksum(body)},${body}`;
}

export function countPanes(cell: LayoutCell): number {
  return cell.kind === 'pane' ? 1 : cell.children.reduce((sum, child) => sum + countPanes(child), 0);
}

/**
 * The same layout for another size: every split keeps its proportions as far as whole cells allow, and every
 * pane has at least one cell.
 *
 * @throws CwError `usage` when its panes cannot fit.
 */
export function rescaleLayout(cell: LayoutCell, size: Size): LayoutCell {
  const least = leastSize(cell);
  if (size.width < least.width || size.height < least.height) {
    throw new CwError(
      'usage',
      `The layout's ${countPanes(cell)} panes do not fit into ${size.width}x${size.height} cells: they need ` +
        `${least.width}x${least.height}.`,
      { hint: 'Use fewer panes or a larger terminal.' },
    );
  }
  return placed(rescaled(cell, { width: size.width, height: size.height }), 0, 0);
}

/** The smallest size that a cell's panes fit into: tmux's least pane is one cell. */
export function leastSize(cell: LayoutCell): Size {
  if (cell.kind === 'pane') return { width: 1, height: 1 };
  const sizes = cell.children.map(leastSize);
  const widths = sizes.map((each) => each.width);
  const heights = sizes.map((each) => each.height);
  return cell.kind === 'columns'
    ? { width: sum(widths) + widths.length - 1, height: Math.max(...heights) }
    : { width: Math.max(...widths), height: sum(heights) + heights.length - 1 };
}

/**
 * Shares `total` among parts by weight, in whole numbers whose sum is `total`, each at least its minimum. The
 * minima must fit. Weights that already sum to `total` come back as they are.
 */
export function share(total: number, weights: readonly number[], minima: readonly number[]): number[] {
  const shares = weights.map(() => 0);
  let open = weights.map((_, at) => at);
  let rest = total;
  for (;;) {
    const weight = sum(open.map((at) => weights[at]!));
    const of = (at: number) => (weight > 0 ? (rest * weights[at]!) / weight : rest / open.length);
    const small = open.filter((at) => of(at) < minima[at]!);
    if (small.length === 0) {
      for (const at of open) shares[at] = Math.floor(of(at));
      // What rounding down left over goes to those that lost most, the first of equals first.
      const lost = open.toSorted((a, b) => of(b) - shares[b]! - (of(a) - shares[a]!) || a - b);
      const left = rest - sum(open.map((at) => shares[at]!));
      for (const at of lost.slice(0, left)) shares[at]! += 1;
      return shares;
    }
    for (const at of small) {
      shares[at] = minima[at]!;
      rest -= minima[at]!;
    }
    open = open.filter((at) => !small.includes(at));
    if (open.length === 0) return shares;
  }
}

/** The cell and all below it, moved so that its corner is at x, y. */
export function placed(cell: LayoutCell, x: number, y: number): LayoutCell {
  if (cell.kind === 'pane') return { ...cell, x, y };
  let at = cell.kind === 'columns' ? x : y;
  const children = cell.children.map((child) => {
    const moved = cell.kind === 'columns' ? placed(child, at, y) : placed(child, x, at);
    at += (cell.kind === 'columns' ? child.width : child.height) + 1;
    return moved;
  });
  return { ...cell, x, y, children };
}

function rescaled(cell: LayoutCell, size: Size): LayoutCell {
  if (cell.kind === 'pane') return { ...cell, ...size };
  const along = cell.kind === 'columns' ? 'width' : 'height';
  const lengths = share(
    size[along] - cell.children.length + 1,
    cell.children.map((child) => child[along]),
    cell.children.map((child) => leastSize(child)[along]),
  );
  const children = cell.children.map((child, at) => rescaled(child, { ...size, [along]: lengths[at]! }));
  return { ...cell, ...size, children };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

class Reader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly error: (why: string) => CwError,
  ) {}

  cell(): LayoutCell {
    const match = /(\d{1,5})x(\d{1,5}),\d{1,5},\d{1,5}/y;
    match.lastIndex = this.at;
    const found = match.exec(this.text);
    if (!found) throw this.error(`"WIDTHxHEIGHT,X,Y" is missing at "${this.rest()}"`);
    this.at = match.lastIndex;
    const box = { width: Number(found[1]), height: Number(found[2]), x: 0, y: 0 };
    if (box.width === 0 || box.height === 0) throw this.error(`a cell is empty: ${found[0]}`);
    const open = this.text[this.at];
    if (open === '{' || open === '[') return this.split(box, open);
    const pane = /,(\d+)(?!\d|x)/y;
    pane.lastIndex = this.at;
    const number = pane.exec(this.text);
    if (number) this.at = pane.lastIndex;
    return { kind: 'pane', ...box, pane: number ? Number(number[1]) : null };
  }

  end(): void {
    if (this.at < this.text.length) throw this.error(`something follows its end: "${this.rest()}"`);
  }

  private split(box: Box, open: '{' | '['): SplitCell {
    const close = open === '{' ? '}' : ']';
    const children: LayoutCell[] = [];
    do {
      this.at += 1; // the bracket, or the comma
      children.push(this.cell());
    } while (this.text[this.at] === ',');
    if (this.text[this.at] !== close) throw this.error(`"${close}" is missing at "${this.rest()}"`);
    this.at += 1;
    const cell: SplitCell = { kind: open === '{' ? 'columns' : 'rows', ...box, children };
    this.check(cell);
    return cell;
  }

  private check(cell: SplitCell): void {
    const [along, across] =
      cell.kind === 'columns' ? (['width', 'height'] as const) : (['height', 'width'] as const);
    const used = sum(cell.children.map((child) => child[along])) + cell.children.length - 1;
    const of = `the ${cell.children.length} cells in a cell of ${cell.width}x${cell.height}`;
    if (used !== cell[along]) {
      throw this.error(`${of} take ${used} in ${along} with their separators, not ${cell[along]}`);
    }
    const other = cell.children.find((child) => child[across] !== cell[across]);
    if (other) throw this.error(`${of} must all have its ${across}, not ${other[across]}`);
  }

  private rest(): string {
    return this.text.slice(this.at, this.at + 20);
  }
}

function bad(text: string, why: string): CwError {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new CwError('usage', `"${shown}" is not a tmux layout: ${why}.`, {
    hint: `A layout string can be copied from: tmux display-message -p '#{window_layout}'`,
  });
}
