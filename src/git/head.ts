import { join } from 'node:path';
import { readTextIfAny } from '../system/files.js';
import { findRepository } from './repository.js';

export interface Head {
  /** null when HEAD is detached. */
  readonly branch: string | null;
  /** null before the first commit, or when the ref could not be found. */
  readonly commit: string | null;
}

/** What HEAD is, read from git's own files: no process, so that it can be asked at every save. null: no repository. */
export function readHead(folder: string): Head | null {
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

function packedCommit(commonDir: string, ref: string): string | null {
  for (const line of (readTextIfAny(join(commonDir, 'packed-refs')) ?? '').split('\n')) {
    const [commit, name] = line.split(' ');
    if (name === ref && commit) return commit;
  }
  return null;
}
