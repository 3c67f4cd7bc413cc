import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '../blueprint/suggest.js';
import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { git, gitReason } from './git.js';
import { findRepository } from './repository.js';
import { gitStatus, type WorkingTree } from './status.js';
import { listWorktrees, requireRepository, type Worktree, type WorktreeOptions } from './worktrees.js';

export interface RemoveOptions extends WorktreeOptions {
  /** Remove it although something is lost, or it is locked. */
  readonly force?: boolean;
}

export interface RemovedWorktree {
  readonly name: string;
  readonly path: string;
  /** The branch, which stays; null when HEAD was detached. */
  readonly branch: string | null;
  readonly commit: string | null;
  /** What was lost, as sentences without a stop; empty unless forced. */
  readonly lost: readonly string[];
}

/**
 * The worktree of ours that a word names: by its folder's name, its branch, or its path.
 *
 * @throws CwError `not-found` with the nearest name; `refused` for the main working tree and for one that lies
 *   elsewhere, which was not made by us.
 */
export async function findWorktree(
  path: string,
  name: string,
  options: WorktreeOptions = {},
): Promise<Worktree> {
  const worktrees = await listWorktrees(path, options);
  const real = existsSync(name) ? realpathSync(name) : name;
  const found =
    worktrees.find((worktree) => worktree.ours && worktree.name === name) ??
    worktrees.find((worktree) => worktree.branch === name) ??
    worktrees.find((worktree) => worktree.path === real);
  const ours = worktrees.filter((worktree) => worktree.ours);
  if (!found) {
    const near = nearest(
      name,
      ours.flatMap((worktree) => [worktree.name, worktree.branch ?? worktree.name]),
    );
    throw new CwError(
      'not-found',
      `No worktree ${JSON.stringify(name)}.${near === null ? '' : ` Nearest: ${near}.`}`,
      {
        hint: 'cw worktree list shows them.',
      },
    );
  }
  if (found.main) {
    throw new CwError('refused', `${found.path} is the repository itself, not a worktree that was added.`, {
      hint: 'cw worktree list shows those that were.',
    });
  }
  if (!found.ours) {
    throw new CwError(
      'refused',
      `${found.path} was not made by cw, which only removes what lies in .worktrees.`,
      {
        hint: `git worktree remove '${found.path}'`,
      },
    );
  }
  return found;
}

/** A worktree that may be removed, and what goes with it. */
export interface Removal {
  readonly worktree: Worktree;
  /** What would be lost, as sentences without a stop; empty unless forced. */
  readonly lost: readonly string[];
}

/**
 * Looks whether a worktree of ours may be removed, and changes nothing.
 *
 * @throws CwError `refused` naming what would be lost: changes, untracked files, commits that no other branch and
 *   no remote has, an operation under way, submodules; or that it is locked, or its state cannot be read. `force`
 *   overrides. What `findWorktree` throws.
 */
export async function checkRemoval(
  path: string,
  name: string,
  options: RemoveOptions = {},
): Promise<Removal> {
  const worktree = await findWorktree(path, name, options);
  const lost = await losses(worktree, requireRepository(path).commonDir, options);
  if (lost.length > 0 && !options.force) {
    throw new CwError('refused', `${worktree.name} is kept: ${lost.join('; ')}.`, {
      hint: 'Commit and push what is to stay, or give it up with --force.',
    });
  }
  return { worktree, lost };
}

/**
 * Removes a worktree of ours after `checkRemoval`; its branch stays. Files that git ignores go with it.
 *
 * @throws CwError what `checkRemoval` throws; `failed` when git cannot.
 */
export async function removeWorktree(
  path: string,
  name: string,
  options: RemoveOptions = {},
): Promise<RemovedWorktree> {
  const { worktree, lost } = await checkRemoval(path, name, options);
  const repository = requireRepository(path);
  // Our own look was stricter than git's. The first --force is for changes and submodules, the second for the lock.
  const force = options.force ? ['--force', '--force'] : [];
  const result = await git(repository.commonDir, ['worktree', 'remove', ...force, '--', worktree.path], {
    ...options,
    writes: true,
    timeout: 10 * 60_000,
  });
  if (result.exitCode !== 0) {
    throw new CwError('failed', `${worktree.path} could not be removed: ${gitReason(result)}.`, {
      hint: `See what git says: git worktree remove '${worktree.path}'`,
    });
  }
  return { name: worktree.name, path: worktree.path, branch: worktree.branch, commit: worktree.commit, lost };
}

/** What would be lost with a worktree, as sentences; empty when nothing. */
export async function losses(
  worktree: Worktree,
  commonDir: string,
  options: WorktreeOptions = {},
): Promise<string[]> {
  const lost: string[] = [];
  if (worktree.locked !== null)
    lost.push(worktree.locked === '' ? 'it is locked' : `it is locked (${worktree.locked})`);
  if (isFolder(worktree.path)) {
    const status = await gitStatus(worktree.path, options);
    if (status.kind !== 'repository') {
      lost.push(
        `its state is unknown (${status.kind === 'none' ? 'it is no repository any more' : status.reason})`,
      );
    } else {
      lost.push(...treeLosses(status));
    }
    const own = status.kind === 'repository' ? findRepository(worktree.path) : null;
    if (own && existsSync(join(own.gitDir, 'index.lock')))
      lost.push('a git command is at work in it, or died (index.lock)');
    if (own && existsSync(join(own.gitDir, 'modules')))
      lost.push('it has submodules with repositories of their own');
  }
  const commits = await ownCommits(worktree, commonDir, options);
  if (commits === null) lost.push('which of its commits are pushed could not be found out');
  else if (commits > 0) lost.push(`${count(commits, 'commit')} that no remote and no other branch has`);
  return lost;
}

function treeLosses(tree: WorkingTree): string[] {
  const parts: string[] = [];
  if (tree.operation !== null) parts.push(`a ${tree.operation} is under way`);
  if (tree.conflicted > 0) parts.push(`${count(tree.conflicted, 'file')} in conflict`);
  const changed = Math.max(tree.staged, tree.changed);
  if (changed > 0) parts.push(`${count(changed, 'changed file')} not committed`);
  if (tree.untracked > 0) parts.push(count(tree.untracked, 'untracked file'));
  return parts;
}

/** Commits reachable from here alone; null when git cannot tell. The branch stays, but only on this machine. */
async function ownCommits(
  worktree: Worktree,
  commonDir: string,
  options: WorktreeOptions,
): Promise<number | null> {
  if (worktree.commit === null) return 0;
  const own = worktree.branch === null ? [] : [`--exclude=${worktree.branch}`];
  const result = await git(
    commonDir,
    ['rev-list', '--count', worktree.commit, '--not', ...own, '--branches', '--remotes', '--tags'],
    options,
  );
  return result.exitCode === 0 && /^\d+\n$/.test(result.stdout) ? Number(result.stdout) : null;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
