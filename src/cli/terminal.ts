import { fstatSync, statSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { systemCode } from '../errors.js';
import type { Terminal } from './command.js';

type Env = NodeJS.ProcessEnv;

/** The terminal that we run on. The size is asked for only when somebody wants it. */
export function processTerminal(env: Env): Terminal {
  const outputIsTerminal = isTerminal(1);
  return {
    interactive: outputIsTerminal && isTerminal(0),
    color: wantsColor(env, outputIsTerminal),
    get columns() {
      return size(env.COLUMNS, outputIsTerminal ? process.stdout.columns : 0, 80);
    },
    get rows() {
      return size(env.LINES, outputIsTerminal ? process.stdout.rows : 0, 24);
    },
  };
}

/** `isatty`, which takes 4 ms to load, is asked only of what can be a terminal. */
function isTerminal(descriptor: number): boolean {
  try {
    const device = fstatSync(descriptor);
    if (!device.isCharacterDevice() || device.rdev === statSync('/dev/null').rdev) return false;
  } catch {
    return false; // closed
  }
  return isatty(descriptor);
}

/** NO_COLOR (https://no-color.org: any value but the empty one) wins, then FORCE_COLOR, then: only on a terminal. */
export function wantsColor(env: Env, isTerminal: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return isTerminal && env.TERM !== 'dumb';
}

function size(variable: string | undefined, measured: number | undefined, fallback: number): number {
  if (measured) return measured;
  return variable && /^[1-9]\d{0,4}$/.test(variable) ? Number(variable) : fallback;
}

/**
 * Writes all of a text to a descriptor before it returns, so that the program may end right after. Cheaper than
 * `process.stdout`, whose stream takes its time to be made.
 *
 * @returns false when nobody reads any more (`cw list | head -1`): no failure of ours.
 * @throws the system's error for anything else, such as ENOSPC.
 */
export function writeAll(descriptor: number, text: string): boolean {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EPIPE' || code === 'EIO') return false; // EIO: the terminal is gone
      if (code !== 'EAGAIN') throw error;
      // A full pipe that somebody made non-blocking: give the reader a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
  return true;
}
