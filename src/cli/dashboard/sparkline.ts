const blocks = '▁▂▃▄▅▆▇█';

/**
 * Values as bars of one cell each, the newest at the right; those that are not known, and what was before the first,
 * are blank. The lowest bar is 0, the highest `top`.
 */
export function sparkline(values: readonly (number | null)[], cells: number, top: number): string {
  const shown = values.slice(-cells).map((value) => (value === null ? ' ' : barOf(value, top)));
  return shown.join('').padStart(cells);
}

function barOf(value: number, top: number): string {
  const share = top > 0 ? Math.min(1, Math.max(0, value / top)) : 0;
  return blocks[Math.min(blocks.length - 1, Math.floor(share * blocks.length))]!;
}

/** Values of which the last ones are kept. */
export function pushed<T>(values: readonly T[], value: T, kept: number): readonly T[] {
  return [...values.slice(-(kept - 1)), value];
}

/** The height of a row of bars for its values: room above them, and never so low that what is nothing looks like much. */
export function topOf(values: readonly (number | null)[], least: number, room = 1): number {
  return Math.max(least, ...values.map((value) => (value ?? 0) * room));
}
