import { stat } from 'node:fs/promises';
import { systemCode } from '../errors.js';
import { answers } from '../system/mounts.js';

export type FolderSeen = 'there' | 'gone' | 'unknown';

/**
 * Looks whether folders are there, all at once. One whose file system does not answer in time is `unknown`: whoever
 * looked into it by a call that waits would hang with it.
 *
 * @param limit milliseconds.
 */
export async function lookAtFolders(
  paths: Iterable<string>,
  limit: number,
): Promise<ReadonlyMap<string, FolderSeen>> {
  const unique = [...new Set(paths)];
  // What is asked of a file system that hangs holds one of Node's four threads for good, and this process at its end.
  const seen = await Promise.all(
    unique.map((path) => (answers(path) ? inTime(lookAt(path), limit) : ('unknown' as const))),
  );
  return new Map(unique.map((path, at) => [path, seen[at]!]));
}

async function lookAt(path: string): Promise<FolderSeen> {
  // The kernel says so of a folder that was removed while a process is in it.
  if (path.endsWith(' (deleted)')) return 'gone';
  try {
    return (await stat(path)).isDirectory() ? 'there' : 'gone';
  } catch (error) {
    const code = systemCode(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'gone' : 'unknown';
  }
}

async function inTime(look: Promise<FolderSeen>, limit: number): Promise<FolderSeen> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<FolderSeen>((done) => {
    timer = setTimeout(() => done('unknown'), limit);
  });
  return Promise.race([look, late]).finally(() => clearTimeout(timer));
}
