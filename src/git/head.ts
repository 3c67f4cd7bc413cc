import { join } from 'node:path';
import { isFolder, readTextIfAny } from '../system/files.js';
import { answers } from '../system/mounts.js';
import { findRepository, type Repository } from './repository.js';

export interface Head {
  /** null when HEAD is detached. */
  readonly branch: string | null;
  /** null before the first commit, or when the ref could not be found. */
  readonly commit: string | null;
}

/**
 * What HEAD is, read from git's own files: no process, so that it can be asked at every save. null: no repository, or
 * no such folder, or one whose file system hangs.
 */
export function readHead(folder: string): Head | null {
  const repository = answers(folder) && isFolder(folder) ? findRepository(folder) : null;
  return repository && headOf(repository);
}

/**
 * Reads the heads of the same folders again and again: where their repositories lie is looked up every half minute
 * only, since that takes many times what reading a head does.
 */
export class Heads {
  private readonly repositories = new Map<
    string,
    { readonly found: Repository | null; readonly at: number }
  >();

  /** As `readHead`. */
  read(folder: string): Head | null {
    if (!answers(folder)) return null;
    const known = this.repositories.get(folder);
    if (known && performance.now() - known.at < 30_000) return known.found && headOf(known.found);
    const found = isFolder(folder) ? findRepository(folder) : null;
    this.repositories.set(folder, { found, at: performance.now() });
    return found && headOf(found);
  }
}

function headOf(repository: Repository): Head | null {
  const head = readTextIfAny(join(repository.gitDir, 'HEAD'))?.trim();
  if (!head) return null;
  const ref = /^ref: (.+)$/.exec(head)?.[1];
  if (ref === undefined) return { branch: null, commit: head };
  const commit = readTextIfAny(join(repository.gitDir, ref))?.trim() || commitOf(repository, ref);
  return { branch: ref.replace(/^refs\/heads\//, ''), commit };
}

/** The commit of a full ref that all working trees share, from git's own files; null when there is no such ref. */
export function commitOf({ commonDir }: Pick<Repository, 'commonDir'>, ref: string): string | null {
  return readTextIfAny(join(commonDir, ref))?.trim() || packedCommit(commonDir, ref);
}

/** The branch of a folder that is the top of its repository, by one small read; null for any other, and on none. */
export function branchAt(folder: string): string | null {
  const head = answers(folder) ? readTextIfAny(`${folder}/.git/HEAD`) : null;
  return /^ref: refs\/heads\/(.+?)\n*$/.exec(head ?? '')?.[1] ?? null;
}

function packedCommit(commonDir: string, ref: string): string | null {
  for (const line of (readTextIfAny(join(commonDir, 'packed-refs')) ?? '').split('\n')) {
    const [commit, name] = line.split(' ');
    if (name === ref && commit) return commit;
  }
  return null;
}
