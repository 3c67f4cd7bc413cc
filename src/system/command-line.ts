import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** More is nothing that anybody typed. */
export const longestArguments = 64 * 1024;

/**
 * The words in the bytes of /proc/PID/cmdline, each of which ends with NUL. A process that shows a title has written
 * that over its arguments: the rest is zeros, or there is no NUL at the end.
 */
export function parseCommandLine(bytes: Buffer): {
  readonly argv: readonly string[];
  readonly exact: boolean;
} {
  if (bytes.length === 0) return { argv: [], exact: false };
  const whole = bytes.length <= longestArguments;
  const words = bytes.toString('utf8', 0, Math.min(bytes.length, longestArguments)).split('\0');
  const ended = words.at(-1) === '';
  if (ended) words.pop();
  const [first = '', ...rest] = words;
  const blank = rest.every((word) => word === '');
  // Three empty arguments and nothing else is what no one types.
  if (!ended || (blank && (rest.length >= 3 || (rest.length > 0 && first.includes(' ')))))
    return { argv: whole ? first.split(' ').filter((word) => word !== '') : [first], exact: false };
  return whole ? { argv: words, exact: isUtf8(bytes) } : { argv: [first], exact: false };
}

/** The words that a process was started with, or that it shows in their place; none where they cannot be read. */
export function argvOf(pid: number): readonly string[] {
  try {
    return parseCommandLine(readFileSync(`/proc/${pid}/cmdline`)).argv;
  } catch {
    return []; // it has ended, or there is no /proc
  }
}
