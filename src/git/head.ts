import { join } from 'node:path';
import { isFolder, readTextIfAny } from '../system/files.js';
import { findRepository } from './repository.js';

export interface Head {
  /** null when HEAD is detached. */
  readonly branch: string | null;
  /** null before the first commit, or when the ref could not be found. */
  readonly commit: string | null;
}

/**
 * What HEAD is, read from git's own files: no process, so that it can be asked at every save. null: no repository, or
 * no such folder.
 */
export function readHead(folder: string): Head | null {
  if (!isFolder(folder)) return null;
  const repository = findRepository(folder);
  if (!repository) return null;
  const head = readTextIfAny(join(repository.gitDir, 'HEAD'))?.trim();
  if (!head) return null;
  const ref = /^ref: (.+)$/.exec(head)?.[1];
  if (ref === undefined) return { branch: null, commit: head };
  const loose = readTextIfAny(join(repository.gitDir, ref)) ?? readTextIfAny(join(repository.commonDir, ref));
  const commit = loose?.trim() || packedCommit(repository.commonDir, ref);
  return { branch: ref.replace(/^refs\/heads\//, ''), commit };
}

/** The branch of a folder that is the top of its repository, by one small read; null for any other, and on none. */
export function branchAt(folder: string): string | null {
  const head = readTextIfAny(`${folder}/.git/HEAD`);
  return /^ref: refs\/heads\/(.+?)\n*$/.exec(head ?? '')?.[1] ?? null;
}

function packedCommit(commonDir: string, ref: string): string | null {
  for (const line of (readTextIfAny(join(commonDir, 'packed-refs')) ?? '').split('\n')) {
    const [commit, name] = line.split(' ');
    if (name === ref && commit) return commit;
  }
  return null;
}
