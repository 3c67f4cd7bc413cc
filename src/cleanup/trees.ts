import { messageOf } from '../errors.js';
import { git } from '../git/git.js';
import { gitStatus, type WorkingTree } from '../git/status.js';
import { listWorktrees } from '../git/worktrees.js';
import { isFolder } from '../system/files.js';
import type { TreeSeen } from './policy.js';

/** The working trees of a project, or why they are not known. */
export interface TreesSeen {
  readonly trees: readonly TreeSeen[];
  readonly unknown: readonly string[];
}

/** Milliseconds that git has for one answer. */
const limit = 5000;

/**
 * What the working trees of a project hold that is nowhere else. It never throws: what fails is unknown, which is
 * nobody's "clean".
 */
export async function readTrees(path: string, env: NodeJS.ProcessEnv): Promise<TreesSeen> {
  const status = await gitStatus(path, { timeout: limit, env });
  if (status.kind === 'none') return { trees: [], unknown: [] };
  if (status.kind === 'unknown') return { trees: [], unknown: [status.reason] };
  try {
    const worktrees = await listWorktrees(path, { env });
    const places = worktrees.filter(({ bare, path: folder }) => !bare && isFolder(folder));
    const remotes = await git(path, ['remote'], { timeout: limit, env });
    if (remotes.exitCode !== 0) return { trees: [], unknown: [unanswered('remote', remotes.timedOut)] };
    const hasRemote = remotes.stdout.trim() !== '';
    const trees: TreeSeen[] = [];
    const unknown: string[] = [];
    for (const place of places) {
      const label = place.branch ?? place.name;
      const state = await gitStatus(place.path, { timeout: limit, env });
      if (state.kind !== 'repository') {
        unknown.push(`${label}: ${state.kind === 'none' ? 'it is no repository any more' : state.reason}`);
        continue;
      }
      const unpushed = await unpushedOf(place.path, state, env);
      if (typeof unpushed === 'string') unknown.push(`${label}: ${unpushed}`);
      else trees.push({ ...treeOf(state, label, hasRemote), unpushed });
    }
    return { trees, unknown };
  } catch (error) {
    return { trees: [], unknown: [messageOf(error).replace(/\.$/, '')] };
  }
}

function treeOf(state: WorkingTree, label: string, hasRemote: boolean): TreeSeen {
  return {
    label,
    uncommitted: Math.max(state.staged, state.changed) + state.untracked + state.conflicted,
    unpushed: 0,
    stashes: state.stashes,
    operation: state.operation,
    hasRemote,
  };
}

/** Commits that are on no remote; words where that could not be found out. */
async function unpushedOf(
  path: string,
  state: WorkingTree,
  env: NodeJS.ProcessEnv,
): Promise<number | string> {
  if (state.commit === null || (state.upstream !== null && state.ahead === 0)) return 0;
  const args = ['rev-list', '--count', 'HEAD', '--not', '--remotes'];
  const counted = await git(path, args, { timeout: limit, env });
  return counted.exitCode === 0 && /^\d+\n$/.test(counted.stdout)
    ? Number(counted.stdout)
    : unanswered('rev-list', counted.timedOut);
}

function unanswered(what: string, timedOut: boolean): string {
  return timedOut ? `git did not answer in ${limit / 1000} s` : `git ${what} failed`;
}
