import { appendFileSync, chmodSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { ensurePrivateFolder } from '../system/files.js';
import { stateFolder, tildePath } from '../system/paths.js';
import { packageVersion } from '../system/version.js';

/** The log of faults is put aside when it is larger than this, in bytes. */
const largest = 1_000_000;

/**
 * Writes the details of a fault of ours to `logs/errors.log` in the state folder (0600: a line can name private
 * things), and gives back the sentence that tells of it.
 */
export function logFault(
  thrown: unknown,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): { message: string; hint: string } {
  const message = `cw failed in a way it did not foresee: ${messageOf(thrown)}`;
  const details = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  const cause =
    thrown instanceof Error && thrown.cause !== undefined ? `\ncaused by: ${messageOf(thrown.cause)}` : '';
  let entry = `${details}${cause}`;
  try {
    entry = `${new Date().toISOString()} cw ${packageVersion()}, Node ${process.versions.node}, ${process.platform}: ${JSON.stringify(words)}\n${entry}\n\n`;
    const folder = join(stateFolder(env), 'logs');
    ensurePrivateFolder(folder);
    const log = join(folder, 'errors.log');
    if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > largest) renameSync(log, `${log}.1`);
    appendFileSync(log, entry, { mode: 0o600 });
    chmodSync(log, 0o600);
    return { message, hint: `That is a fault of cw's own. Details: ${tildePath(log, env)}` };
  } catch (error) {
    // The details must not be lost because the log cannot be written.
    return {
      message,
      hint: `That is a fault of cw's own, and no log could be written (${messageOf(error)}):\n${entry.trim()}`,
    };
  }
}
