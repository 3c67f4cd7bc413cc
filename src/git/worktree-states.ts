import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf } from '../errors.js';
import { isFolder, readTextIfAny } from '../system/files.js';
import { answers } from '../system/mounts.js';
import { commitOf, readHead } from './head.js';
import { findRepository, type Repository } from './repository.js';
import { type GitStatus, gitStatus, type WorkingTree } from './status.js';

/** A working tree of a repository, by git's own small files: no process is started. */
export interface TreePlace {
  /** Absolute and real, where it is there. */
  readonly path: string;
  readonly name: string;
  /** The repository's own working tree: not one that was added. */
  readonly main: boolean;
  /** Lies in the repository's `.worktrees`, where ours are. */
  readonly ours: boolean;
  /** Its folder is gone, and git still knows of it. */
  readonly gone: boolean;
  readonly locked: boolean;
  /** null when HEAD is detached, or cannot be read. */
  readonly branch: string | null;
}

/** What of a working tree could be forgotten. */
export interface TreeState extends TreePlace {
  /** `unknown` is nobody's "clean". */
  readonly status: GitStatus;
  /**
   * How its branch stands to the one that work goes to (`main`, or the remote's): told where its own upstream is known
   * without git (it has none, is at the same commit, or is gone), and where both are at the same commit; null where one
   * look does not tell.
   */
  readonly base: { readonly name: string; readonly ahead: number; readonly behind: number } | null;
  /** Something was committed on its branch since that was made; null where there is no log of it. */
  readonly worked: boolean | null;
  /** Its branch had a branch at a remote that was deleted there, as it is after a merge. */
  readonly upstreamGone: boolean;
  /** The repository has a remote at all: without one nothing is pushed. */
  readonly hasRemote: boolean;
  /**
   * Commits of its branch that are not at its upstream, or, without one, not on the branch that work goes to. null:
   * one look does not tell (no remote at all, a detached head, an upstream that is gone).
   */
  readonly unpushed: number | null;
  /** A git command holds its index, or died with it, since then; UTC, ISO 8601. */
  readonly indexLockAt: string | null;
}

/** All that was committed on a branch that was added is on the branch that work goes to. */
export function isMerged({ main, base, worked }: Pick<TreeState, 'main' | 'base' | 'worked'>): boolean {
  return !main && base !== null && base.ahead === 0 && worked === true;
}

/**
 * The working trees of a repository, the main one first. Starts no process.
 *
 * @throws CwError what `findRepository` throws.
 */
export function treePlaces(repository: Repository): TreePlace[] {
  const found: TreePlace[] =
    repository.main === null ? [] : [placeAt(repository.main, repository, true, null)];
  const folder = join(repository.commonDir, 'worktrees');
  for (const name of namesIn(folder)) {
    // `gitdir` names the `.git` file of the tree; newer versions of git may write a path relative to it.
    const file = readTextIfAny(join(folder, name, 'gitdir'))?.trim();
    if (!file) continue;
    const path = dirname(resolve(join(folder, name), file));
    found.push(placeAt(path, repository, false, join(folder, name)));
  }
  return found;
}

function placeAt(path: string, repository: Repository, main: boolean, admin: string | null): TreePlace {
  const isSilent = !answers(path);
  const gone = !isSilent && !isFolder(path);
  const real = gone || isSilent ? path : realpathSync(path);
  return {
    path: real,
    name: basename(real),
    main,
    ours: dirname(real) === join(repository.home, '.worktrees'),
    gone,
    locked: admin !== null && readTextIfAny(join(admin, 'locked')) !== null,
    branch: branchOf(readTextIfAny(join(admin ?? repository.commonDir, 'HEAD'))),
  };
}

function branchOf(head: string | null): string | null {
  return /^ref: refs\/heads\/(.+?)\n*$/.exec(head ?? '')?.[1] ?? null;
}

export interface TreeOptions {
  /** Milliseconds that git has for one tree; 5,000 by default. */
  readonly timeout?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The state of one working tree by at most one git process. A branch that has no upstream, is all at its upstream, or
 * whose upstream is gone, which git's files tell, is compared with the branch that work goes to, by telling git for
 * this one call that this is its upstream. It never throws.
 */
export async function treeState(place: TreePlace, options: TreeOptions = {}): Promise<TreeState> {
  const none = {
    base: null,
    worked: null,
    upstreamGone: false,
    hasRemote: false,
    unpushed: null,
    indexLockAt: null,
  };
  if (place.gone) return { ...place, ...none, status: { kind: 'unknown', reason: 'its folder is gone' } };
  try {
    const repository = findRepository(place.path);
    if (!repository) return { ...place, ...none, status: { kind: 'none' } };
    const config = readTextIfAny(join(repository.commonDir, 'config')) ?? '';
    const hasRemote = /^\s*\[remote "/m.test(config);
    const { branch } = place;
    const base = branch === null ? null : baseOf(repository, hasRemote, branch);
    const commit = branch === null ? null : (readHead(place.path)?.commit ?? null);
    const own = branch === null ? null : upstreamOf(repository, config, branch, commit);
    const compares =
      own?.kind !== 'asked' &&
      base !== null &&
      branch !== null &&
      !/[=\n]/.test(branch) &&
      !/:/.test(base.ref);
    const status = await gitStatus(place.path, {
      ...options,
      ...(compares && { upstream: { branch, ref: base.ref, merge: own?.merge ?? null } }),
    });
    if (status.kind !== 'repository') return { ...place, ...none, hasRemote, status };
    if (compares && own?.kind === 'same' && status.commit !== commit)
      return {
        ...place,
        ...none,
        hasRemote,
        status: { kind: 'unknown', reason: 'its branch moved meanwhile' },
      };
    const { ahead, behind } = status;
    const shown = compares ? { ...status, ...ownState(own) } : status;
    const compared = compares && ahead !== null && behind !== null ? { ahead, behind } : null;
    const isAtBase = base !== null && base.commit !== null && base.commit === status.commit;
    const isGone = own !== null && shown.upstream !== null && shown.ahead === null;
    return {
      ...place,
      status: shown,
      base:
        base && (compared || isAtBase) ? { name: base.name, ...(compared ?? { ahead: 0, behind: 0 }) } : null,
      worked: branch === null ? null : hasCommits(repository, branch),
      upstreamGone: isGone,
      hasRemote,
      indexLockAt: lockOf(repository),
      unpushed: unpushedOf(isGone, own !== null, shown.ahead, hasRemote ? (compared?.ahead ?? null) : null),
    };
  } catch (error) {
    return { ...place, ...none, status: { kind: 'unknown', reason: messageOf(error) } };
  }
}

function lockOf({ gitDir }: Repository): string | null {
  return statSync(join(gitDir, 'index.lock'), { throwIfNoEntry: false })?.mtime.toISOString() ?? null;
}

interface Base {
  readonly name: string;
  readonly ref: string;
  /** null where it could not be read without git. */
  readonly commit: string | null;
}

/**
 * The branch that work goes to: the remote's default one where that is known, else the one of the main working tree.
 * null where a branch is that itself.
 */
function baseOf(repository: Repository, hasRemote: boolean, branch: string): Base | null {
  if (hasRemote) {
    const remotes = join(repository.commonDir, 'refs', 'remotes');
    for (const remote of ['origin', ...namesIn(remotes).filter((name) => name !== 'origin')]) {
      const head = readTextIfAny(join(remotes, remote, 'HEAD'));
      const ref = /^ref: (refs\/remotes\/.+?)\n*$/.exec(head ?? '')?.[1];
      if (ref) return { name: ref.slice('refs/remotes/'.length), ref, commit: commitOf(repository, ref) };
    }
  }
  const main = branchOf(readTextIfAny(join(repository.commonDir, 'HEAD')));
  if (main === null || main === branch) return null;
  const commit = repository.main === null ? null : (readHead(repository.main)?.commit ?? null);
  return { name: main, ref: `refs/heads/${main}`, commit };
}

type Upstream = {
  /** `refs/heads/feat/cart`: its name at the remote. */
  readonly merge: string;
  /** `origin/feat/cart` */
  readonly name: string;
  /** `same`: it is at the branch's own commit. `asked`: only git tells. */
  readonly kind: 'same' | 'gone' | 'asked';
};

/** The upstream that a branch has, as git's own files have it; what is included from elsewhere is not of one branch. */
function upstreamOf(
  repository: Repository,
  config: string,
  branch: string,
  commit: string | null,
): Upstream | null {
  const merge = valueIn(config, 'branch', branch, 'merge');
  if (merge === null) return null;
  const remote = valueIn(config, 'branch', branch, 'remote') ?? '';
  const at = merge.replace(/^refs\/heads\//, '');
  const name = `${remote}/${at}`;
  const usual = `+refs/heads/*:refs/remotes/${remote}/*`;
  // Of names that git would quote, and of remotes that are tracked in another way, git is asked.
  const isPlain = /^refs\/heads\/[^\s"\\#;:*]+$/.test(merge) && /^[\w.-]+$/.test(remote) && remote !== '.';
  if (!isPlain || commit === null || valueIn(config, 'remote', remote, 'fetch') !== usual)
    return { merge, name, kind: 'asked' };
  const there = commitOf(repository, `refs/remotes/${name}`);
  return { merge, name, kind: there === null ? 'gone' : there === commit ? 'same' : 'asked' };
}

/** What git would have said of a branch's own upstream. */
function ownState(own: Upstream | null): Pick<WorkingTree, 'upstream' | 'ahead' | 'behind'> {
  if (own === null) return { upstream: null, ahead: null, behind: null };
  const count = own.kind === 'same' ? 0 : null;
  return { upstream: own.name, ahead: count, behind: count };
}

/** Of a branch whose upstream is gone it is known only where all of it is on the one that work goes to. */
function unpushedOf(
  isGone: boolean,
  own: boolean,
  ahead: number | null,
  beyondBase: number | null,
): number | null {
  if (isGone) return beyondBase === 0 ? 0 : null;
  return own ? ahead : beyondBase;
}

/** A value of a section of git's configuration; null when it is not there. */
function valueIn(config: string, section: string, of: string, key: string): string | null {
  const name = of.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  const start = config.indexOf(`[${section} "${name}"]`);
  if (start < 0) return null;
  const rest = config.slice(start + 1);
  const end = rest.search(/^\s*\[/m);
  const lines = (end < 0 ? rest : rest.slice(0, end)).split('\n');
  const found = lines.map((line) => /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line)).find((line) => line?.[1] === key);
  return found?.[2] ?? null;
}

/** The log of a branch begins with its making; each commit adds a line. */
function hasCommits({ commonDir }: Repository, branch: string): boolean | null {
  try {
    const log = readFileSync(join(commonDir, 'logs', 'refs', 'heads', branch), 'utf8');
    return log.trimEnd().split('\n').length > 1;
  } catch {
    return null; // logs are switched off
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // there is none
  }
}
