import { readFileSync, statSync } from 'node:fs';
import { CwError, isCwError, messageOf, systemCode } from '../errors.js';
import { tildePath } from '../system/paths.js';

const limit = 1024 * 1024;

/**
 * The text of a file of a project's, or null when there is none. A project is foreign: a pipe in place of the
 * file would never end, and a huge one would fill the memory.
 *
 * @throws CwError `failed` when it is no plain file, larger than 1 MiB, or cannot be read.
 */
export function readSmallFile(path: string): string | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return null;
    if (!stat.isFile()) throw new CwError('failed', `${tildePath(path)} is not a plain file.`);
    if (stat.size > limit) {
      throw new CwError('failed', `${tildePath(path)} is larger than 1 MiB.`, {
        hint: 'Nothing of that size belongs in it; move the file away.',
      });
    }
    return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    if (isCwError(error)) throw error;
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw new CwError('failed', `${tildePath(path)} cannot be read: ${messageOf(error)}`, {
      hint:
        systemCode(error) === 'EACCES' ? `Let your account read it: chmod u+r ${tildePath(path)}` : undefined,
      cause: error,
    });
  }
}
