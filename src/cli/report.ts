import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { CwError, type ErrorKind, exitCodes, systemCode } from '../errors.js';
import { shellWord } from '../system/paths.js';
import { indent } from './output.js';

/** The last word on a failure: for people, for programs, and as an exit code. */
export interface Failure {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint?: string | undefined;
  /** A fault of ours, not of the user's world. */
  readonly isBug?: boolean;
}

export function codeOf(failure: Failure): number {
  return exitCodes[failure.kind];
}

/** The message, and below it, to the right, what to do. */
export function errorText({ message, hint }: Failure): string {
  return hint ? `${message}\n${indent(hint)}` : message;
}

/** What `--json` prints of a failure. `code` is its kind, or `internal` for a fault of ours. */
export function errorDocument({ kind, message, hint, isBug }: Failure): unknown {
  return { error: { code: isBug ? 'internal' : kind, message, hint: hint ?? null } };
}

const systemSentences: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ENOSPC: ['no space is left on the disk', 'Free some space, then try again.'],
  EDQUOT: ['your disk quota is used up', 'Free some space, then try again.'],
  EACCES: ['you may not read or write it', 'Look at its owner and mode: ls -ld PATH'],
  EPERM: ['you may not change it', 'Look at its owner and mode: ls -ld PATH'],
  EROFS: [
    'the file system is read-only',
    'Set XDG_STATE_HOME and XDG_CONFIG_HOME to folders that can be written.',
  ],
  EMFILE: ['too many files are open', 'Raise the limit (ulimit -n), then try again.'],
  ENOTDIR: ['a part of the path is not a folder', 'Move the file that is in the way.'],
  EEXIST: ['something else is in its place', 'Move it away, then try again.'],
  EISDIR: ['it is a folder, and a file was expected', 'Move it away, then try again.'],
  ELOOP: ['its links go round in a circle', 'Mend the symbolic links.'],
  ENAMETOOLONG: ['the name is too long', 'Use a shorter one.'],
};

/** The path, or the part of it that exists: what could not be made failed by that. */
function nearestThere(path: string): string {
  let there = path;
  while (there !== dirname(there) && !existsSync(there)) there = dirname(there);
  return there;
}

/**
 * A failure that no command foresaw. What the system refused is said in a sentence; anything else is a fault of
 * ours: its details go to a log.
 */
export async function refine(
  thrown: unknown,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Failure> {
  const { code, path } = (thrown ?? {}) as { code?: unknown; path?: unknown };
  const known = typeof code === 'string' ? systemSentences[code] : undefined;
  if (known && systemCode(thrown)) {
    const subject = typeof path === 'string' ? path : (thrown as Error).message;
    const hint = known[1].replace('PATH', typeof path === 'string' ? shellWord(nearestThere(path)) : 'PATH');
    return new CwError('failed', `${subject}: ${known[0]}.`, { hint, cause: thrown });
  }
  const { logFault } = await import('./fault.js');
  return { kind: 'failed', isBug: true, ...logFault(thrown, words, env) };
}
