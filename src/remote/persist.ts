import { setTimeout as pause } from 'node:timers/promises';
import { CwError, isCwError } from '../errors.js';
import { isCut } from './channel.js';
import type { TransferListener } from './push.js';

/** Milliseconds before each further attempt; a transfer that gets further has all of them again. */
const pauses = [1000, 2000, 4000];

/** One connection of a transfer. */
export interface Attempt {
  /** Tells where it begins: later than the one before, it is worth another one. */
  goesOnAt(bytes: number, of: number): void;
}

/**
 * Does something over a connection, and again where that is cut.
 *
 * @throws CwError that of the first failure which is no cut, or of the last cut, with what to do.
 */
export async function persistently<T>(
  { onNote }: Pick<TransferListener, 'onNote'>,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  let tries = 0;
  let reached = 0;
  let cut: CwError | null = null;
  for (;;) {
    try {
      return await work({
        goesOnAt(bytes, of) {
          if (bytes > reached) tries = 0;
          reached = Math.max(reached, bytes);
          if (bytes > 0) onNote(`It goes on where it was cut: ${percent(bytes, of)} % are there.`);
        },
      });
    } catch (error) {
      // Once it was connected, a host that cannot be reached is the same network being away.
      if (!isCwError(error) || !(isCut(error) || cut)) throw error;
      cut ??= error as CwError;
      const wait = pauses[tries++];
      if (wait === undefined)
        throw new CwError('failed', cut.message, {
          hint: 'Nothing was changed here. The same line again goes on where it was cut, for a day.',
          cause: error,
        });
      onNote(`${error.message} Trying again in ${wait / 1000} s.`);
      await pause(wait);
    }
  }
}

function percent(bytes: number, of: number): number {
  return of === 0 ? 100 : Math.floor((bytes / of) * 100);
}
