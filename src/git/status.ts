import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { git, gitReason } from './git.js';
import { findRepository, type Repository } from './repository.js';

/** What a working tree holds. Paths are counted, not kept: a path has any bytes. */
export interface WorkingTree {
  readonly kind: 'repository';
  /** null when HEAD is detached. */
  readonly branch: string | null;
  readonly detached: boolean;
  /** The full hash; null before the first commit. */
  readonly commit: string | null;
  /** `origin/main`; null when the branch has none. */
  readonly upstream: string | null;
  /** Commits; null when there is no upstream, or it is gone. */
  readonly ahead: number | null;
  readonly behind: number | null;
  readonly staged: number;
  readonly changed: number;
  /** Untracked files; a folder of nothing else counts once. Ignored ones do not count. */
  readonly untracked: number;
  readonly conflicted: number;
  /** Of the whole repository: all its worktrees share them. */
  readonly stashes: number;
  /** What was begun and not ended. */
  readonly operation: Operation | null;
}

export type Operation = 'rebase' | 'am' | 'merge' | 'cherry-pick' | 'revert' | 'bisect';

/** Three answers: the state, that there is no repository, and that it could not be found out. */
export type GitStatus =
  | WorkingTree
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface StatusOptions {
  /** Milliseconds; 5,000 by default. */
  readonly timeout?: number;
  readonly env?: NodeJS.ProcessEnv;
  /**
   * What this call takes for the upstream of the branch: `ref`, a full ref of this repository. `merge` is what the
   * branch's own configuration has for `branch.NAME.merge`; null when it has none.
   */
  readonly upstream?: { readonly branch: string; readonly ref: string; readonly merge: string | null };
}

/**
 * The state of the working tree that a folder lies in, by one git process that takes no lock and runs nothing of
 * the repository's. It never throws: what fails is `unknown` with the reason, which nobody may take for "clean".
 */
export async function gitStatus(path: string, options: StatusOptions = {}): Promise<GitStatus> {
  try {
    const repository = findRepository(path);
    if (repository === null) return { kind: 'none' };
    if (repository.root === null) return { kind: 'unknown', reason: 'a bare repository has no working tree' };
    const { upstream } = options;
    const configured = upstream ? comparedWith(upstream) : [];
    const result = await git(repository.root, [...configured, ...statusArguments], {
      timeout: options.timeout ?? 5_000,
      ...(options.env ? { env: options.env } : {}),
    });
    if (result.timedOut) {
      return { kind: 'unknown', reason: `git did not answer in ${(options.timeout ?? 5_000) / 1000} s` };
    }
    if (result.exitCode !== 0) return { kind: 'unknown', reason: gitReason(result) };
    return { ...parseStatus(result.stdout), operation: operationIn(repository) };
  } catch (error) {
    return { kind: 'unknown', reason: messageOf(error) };
  }
}

/**
 * A second `merge` of a branch does not replace its first one. So one that has it gets, for this call, a remote of
 * which that name is tracked by the other ref.
 */
function comparedWith({ branch, ref, merge }: NonNullable<StatusOptions['upstream']>): string[] {
  const values =
    merge === null
      ? [`branch.${branch}.remote=.`, `branch.${branch}.merge=${ref}`]
      : [`branch.${branch}.remote=cw-base`, 'remote.cw-base.url=.', `remote.cw-base.fetch=+${merge}:${ref}`];
  return values.flatMap((value) => ['-c', value]);
}

// All that the user's configuration could change in the answer is said here.
const statusArguments = [
  'status',
  '--porcelain=v2',
  '--branch',
  '--show-stash',
  '--untracked-files=normal',
  '--ignore-submodules=none',
  '--renames',
  '-z',
];

/** True when the tree holds anything that is not in a commit. */
export function isDirty(tree: WorkingTree): boolean {
  return tree.staged + tree.changed + tree.untracked + tree.conflicted > 0;
}

/**
 * Reads the output of `git status --porcelain=v2 --branch --show-stash -z`. Kinds of lines that are not known are
 * passed over, as git's manual asks for headers.
 *
 * @throws Error when the branch's header is missing: that was no status.
 */
export function parseStatus(text: string): WorkingTree {
  let commit: string | null | undefined;
  let head = '';
  let upstream: string | null = null;
  let ahead: number | null = null;
  let behind: number | null = null;
  let stashes = 0;
  let staged = 0;
  let changed = 0;
  let untracked = 0;
  let conflicted = 0;
  const fields = text.split('\0');
  for (let at = 0; at < fields.length; at++) {
    const field = fields[at]!;
    switch (field[0]) {
      case '#': {
        const [, name, ...rest] = field.split(' ');
        const value = rest.join(' ');
        if (name === 'branch.oid') commit = value === '(initial)' ? null : value;
        else if (name === 'branch.head') head = value;
        else if (name === 'branch.upstream') upstream = value;
        else if (name === 'branch.ab')
          [ahead, behind] = rest.map((count) => Math.abs(Number(count))) as [number, number];
        else if (name === 'stash') stashes = Number(value);
        break;
      }
      case '1':
      case '2':
        if (field[2] !== '.') staged++;
        if (field[3] !== '.') changed++;
        if (field[0] === '2') at++; // a rename: the path before it is a field of its own
        break;
      case 'u':
        conflicted++;
        break;
      case '?':
        untracked++;
        break;
    }
  }
  if (commit === undefined) throw new Error('git status gave no branch');
  const detached = head === '(detached)';
  return {
    kind: 'repository',
    branch: detached ? null : head,
    detached,
    commit,
    upstream,
    ahead,
    behind,
    staged,
    changed,
    untracked,
    conflicted,
    stashes,
    operation: null,
  };
}

// The files by which git itself knows (wt_status_get_state in its wt-status.c).
const marks: readonly (readonly [string, Operation])[] = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply/applying', 'am'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
];

/** What was begun in a working tree and not ended. */
export function operationIn(repository: Repository): Operation | null {
  return marks.find(([file]) => existsSync(join(repository.gitDir, file)))?.[1] ?? null;
}
