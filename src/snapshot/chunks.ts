/**
 * Text in chunks whose borders are told by the text itself, so that two readings of a growing scrollback share
 * nearly all of them: output that is added changes the last chunk only, and lines that the history limit drops
 * from the head change the first ones only.
 */

/** One line in so many ends a chunk. */
const oneIn = 256;
/** A line that would end a chunk does not, when one of this many before it would have, too: else a flood of one line made chunks of a line. */
const apart = 32;
/** Text without borders is cut at these, from the chunk's own beginning. */
const mostLines = 2048;
const mostUnits = 512 * 1024;

/** Splits lines into chunks: in order, none empty, and together all of the lines. */
export function chunkLines(lines: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let start = 0;
  let units = 0;
  let lastCandidate = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    units += line.length + 1;
    const isCandidate = hashLine(line) % oneIn === 0;
    const isBorder = isCandidate && index - lastCandidate > apart;
    if (isCandidate) lastCandidate = index;
    if (!isBorder && index - start + 1 < mostLines && units < mostUnits) continue;
    chunks.push(lines.slice(start, index + 1));
    start = index + 1;
    units = 0;
  }
  if (start < lines.length) chunks.push(lines.slice(start));
  return chunks;
}

/** A chunk as it is stored: each line with a newline after it. Lines hold none themselves. */
export function chunkText(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** The lines of a stored chunk. */
export function chunkOf(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** FNV-1a over the beginning of a line, with its bits mixed, since only few of them are looked at. */
function hashLine(line: string): number {
  let value = 0x811c9dc5 ^ line.length;
  const end = Math.min(line.length, 256);
  for (let index = 0; index < end; index++) value = Math.imul(value ^ line.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
