import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { shortHash } from '../system/short-hash.js';
import { isBranchName, worktreeFolderName } from './branch-name.js';
import { git, gitOutput, gitReason } from './git.js';
import {
  listWorktrees,
  requireRepository,
  type Worktree,
  type WorktreeOptions,
  worktreesFolder,
} from './worktrees.js';

export interface AddedWorktree {
  readonly name: string;
  readonly path: string;
  readonly branch: string;
  /** The branch was made for it. */
  readonly created: boolean;
  /** The commit's full hash. */
  readonly commit: string;
  /** The remote branch that a new branch follows (`origin/feat`), or null. */
  readonly upstream: string | null;
  /** The repository has submodules, which git leaves empty in a new worktree. */
  readonly submodules: boolean;
}

export interface AddOptions extends WorktreeOptions {
  readonly branch: string;
  /** Where a new branch starts: anything that names a commit; HEAD of the folder's working tree by default. */
  readonly base?: string;
}

// Checking out a large repository onto a slow disk.
const checkoutLimit = 10 * 60_000;

/**
 * Adds a worktree for a branch in `.worktrees` of the repository that a folder lies in (of its main working tree,
 * when the folder lies in a worktree). A branch that exists is checked out; one that only a single remote has is
 * made from it and follows it; any other is made from the base.
 *
 * @throws CwError `usage` for a name that git does not take or a base for a branch that exists; `not-found` when
 *   there is no repository or no such base; `refused` when the branch is checked out elsewhere or the folder is
 *   taken; `failed` without a commit, or when git fails. Then all is as it was.
 */
export async function addWorktree(path: string, options: AddOptions): Promise<AddedWorktree> {
  const { branch, base } = options;
  if (!isBranchName(branch)) {
    throw new CwError('usage', `${JSON.stringify(branch)} is not a name that git takes for a branch.`, {
      hint: 'Letters, digits, - _ . and / are safe: cw worktree add feat/cart',
    });
  }
  const repository = requireRepository(path);
  const from = repository.root ?? repository.gitDir;
  const worktrees = await listWorktrees(path, options);
  const taken = worktrees.find((worktree) => worktree.branch === branch && !worktree.bare);
  if (taken) {
    throw new CwError('refused', `Branch ${branch} is checked out in ${taken.path} already.`, {
      hint:
        taken.prunable === null
          ? `Work there, or choose another branch.`
          : 'That folder is gone: run "git worktree prune", then try again.',
    });
  }
  const source = await branchSource(from, branch, base, options);
  const folder = freeFolder(worktreesFolder(repository), branch, worktrees);
  const words = ['worktree', 'add', '--quiet'];
  if (source.exists) words.push('--', folder.path, branch);
  else if (source.remote !== null) words.push('--track', '-b', branch, '--', folder.path, source.remote);
  // By its hash: from a remote branch's name git would make the new branch follow that one.
  else words.push('-b', branch, '--', folder.path, source.commit);
  const result = await git(from, words, { ...options, writes: true, timeout: checkoutLimit });
  if (result.exitCode !== 0) {
    // git takes back the folder by itself, but not the branch. It can hold nothing new: nobody has worked on it.
    if (!source.exists && !isFolder(folder.path)) {
      await git(from, ['branch', '-D', '--quiet', '--', branch], { ...options, writes: true });
    }
    throw new CwError('failed', `The worktree for ${branch} could not be made: ${gitReason(result)}.`, {
      hint: `See what git says: git -C ${from} worktree add ${folder.path} ${branch}`,
    });
  }
  return {
    name: folder.name,
    path: folder.path,
    branch,
    created: !source.exists,
    commit: source.commit,
    upstream: source.exists ? null : source.remote,
    submodules: lstatSync(join(folder.path, '.gitmodules'), { throwIfNoEntry: false }) !== undefined,
  };
}

interface Source {
  /** The branch is there already. */
  readonly exists: boolean;
  readonly commit: string;
  /** A remote branch of that name, when the branch is to be made from it. */
  readonly remote: string | null;
}

async function branchSource(
  from: string,
  branch: string,
  base: string | undefined,
  options: WorktreeOptions,
): Promise<Source> {
  const text = await gitOutput(
    from,
    [
      'for-each-ref',
      '--format=%(objectname) %(refname)',
      '--',
      `refs/heads/${branch}`,
      `refs/remotes/*/${branch}`,
    ],
    options,
  );
  const refs = text.split('\n').flatMap((line) => {
    const [commit, name] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
    return name ? [{ commit, name }] : [];
  });
  const here = refs.find((ref) => ref.name === `refs/heads/${branch}`);
  if (here) {
    if (base === undefined) return { exists: true, commit: here.commit, remote: null };
    throw new CwError('usage', `Branch ${branch} exists; --base is for a new one.`, {
      hint: `cw worktree add ${branch}   (checks the branch out as it is)`,
    });
  }
  const remotes = refs.filter((ref) => ref.name.startsWith('refs/remotes/'));
  if (base === undefined && remotes.length === 1) {
    const [remote] = remotes;
    return { exists: false, commit: remote!.commit, remote: remote!.name.slice('refs/remotes/'.length) };
  }
  const start = base ?? 'HEAD';
  const found = await git(
    from,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${start}^{commit}`],
    options,
  );
  const commit = found.stdout.trim();
  if (found.exitCode === 0 && /^[0-9a-f]{40,64}$/.test(commit))
    return { exists: false, commit, remote: null };
  if (base !== undefined) {
    throw new CwError('not-found', `${JSON.stringify(base)} names no commit in this repository.`, {
      hint: 'A branch, a tag, or a hash: git branch --all shows the branches.',
    });
  }
  throw new CwError('failed', 'This repository has no commit yet, so there is nothing to check out.', {
    hint: 'Make the first one: git add . && git commit',
  });
}

/** A folder that is not there yet (or empty). A second branch of the same folder name gets a suffix. */
function freeFolder(
  parent: string,
  branch: string,
  worktrees: readonly Worktree[],
): { name: string; path: string } {
  const plain = worktreeFolderName(branch);
  const suffix = shortHash(branch).slice(0, 6);
  for (const name of [plain, `${plain}-${suffix}`]) {
    const path = join(parent, name);
    if (isFree(path)) return { name, path };
    const other = worktrees.some((worktree) => worktree.path === path);
    if (!other) {
      throw new CwError('refused', `${path} exists, and is no worktree of this repository.`, {
        hint: 'Move it away, or choose another name for the branch.',
      });
    }
  }
  throw new CwError('refused', `${join(parent, plain)} is a worktree of another branch.`, {
    hint: 'cw worktree list shows them.',
  });
}

function isFree(path: string): boolean {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  return entry === undefined || (entry.isDirectory() && readdirSync(path).length === 0);
}
