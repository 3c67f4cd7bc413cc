/**
 * One JSON document a line, in UTF-8. A line is found in the bytes and decoded whole, so that a character which comes
 * in two pieces stays one.
 */

/** The longest line that either side takes, in bytes without the newline. */
export const maxLine = 1024 * 1024;

export type Piece =
  | { readonly line: string }
  /** A line that was not taken, and why. What follows it is read as before. */
  | { readonly broken: 'too-long' | 'not-utf8' };

const newline = 0x0a;
const carriageReturn = 0x0d;

/** Cuts a stream into lines. Empty lines are passed over; a CR before the newline is not part of the line. */
export class LineReader {
  private pieces: Buffer[] = [];
  private length = 0;
  /** Within a line that is too long: the rest of it is thrown away as it comes. */
  private skipping = false;

  constructor(private readonly limit = maxLine) {}

  /** Bytes that are held for a line whose end has not come yet. */
  get held(): number {
    return this.length;
  }

  push(chunk: Buffer): Piece[] {
    const found: Piece[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.add(chunk.subarray(start, end), found);
      this.finish(found);
      start = end + 1;
    }
    this.add(chunk.subarray(start), found);
    return found;
  }

  private add(piece: Buffer, found: Piece[]): void {
    if (this.skipping || piece.length === 0) return;
    this.length += piece.length;
    // One byte more for the CR that may end it.
    if (this.length > this.limit + 1) {
      found.push({ broken: 'too-long' });
      this.skipping = true;
      this.pieces = [];
      this.length = 0;
      return;
    }
    this.pieces.push(piece);
  }

  private finish(found: Piece[]): void {
    const skipped = this.skipping;
    const [first, ...others] = this.pieces;
    this.skipping = false;
    this.pieces = [];
    this.length = 0;
    if (skipped || !first) return;
    let line = others.length > 0 ? Buffer.concat([first, ...others]) : first;
    if (line.at(-1) === carriageReturn) line = line.subarray(0, -1);
    if (line.length === 0) return;
    if (line.length > this.limit) {
      found.push({ broken: 'too-long' });
      return;
    }
    try {
      found.push({ line: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line) });
    } catch {
      found.push({ broken: 'not-utf8' });
    }
  }
}

/**
 * A value as one line, newline included. JSON has no raw newline.
 *
 * @throws RangeError when the line is longer than the other side takes.
 */
export function frame(value: unknown, limit = maxLine): Buffer {
  const line = Buffer.from(`${JSON.stringify(value)}\n`);
  if (line.length - 1 > limit)
    throw new RangeError(`a message of ${line.length - 1} bytes; at most ${limit}`);
  return line;
}
