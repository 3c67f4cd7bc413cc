import { CwError } from '../errors.js';

/** Lines of ours in a file of text, between two lines that mark them. Pure. */

export interface Marks {
  /** The begin of the first line; what an undo must know may follow on it. */
  readonly begin: string;
  /** The last line, whole. */
  readonly end: string;
}

export interface Block {
  /** Where its first line begins, and where the line behind its last one does. */
  readonly start: number;
  readonly end: number;
  /** What follows `begin` on the first line. */
  readonly note: string;
}

/** @throws CwError `refused` for a block without its end. */
export function findBlock(text: string, marks: Marks): Block | null {
  const start = text.startsWith(marks.begin) ? 0 : text.indexOf(`\n${marks.begin}`) + 1;
  if (start === 0 && !text.startsWith(marks.begin)) return null;
  const lineEnd = text.indexOf('\n', start);
  const stop = text.indexOf(`\n${marks.end}`, start);
  if (lineEnd < 0 || stop < 0) {
    throw new CwError('refused', `The block of cw has no end: the line "${marks.end}" is missing.`, {
      hint: 'Nothing was written. Take the block out by hand, then try again.',
    });
  }
  const close = text.indexOf('\n', stop + 1);
  return {
    start,
    end: close < 0 ? text.length : close + 1,
    note: text.slice(start + marks.begin.length, lineEnd),
  };
}
