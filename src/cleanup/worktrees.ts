import { messageOf } from '../errors.js';
import { removeWorktree } from '../git/remove-worktree.js';
import { isMerged } from '../git/worktree-states.js';
import type { Survey } from '../survey/model.js';
import { processesIn } from '../system/sessions.js';

/** A worktree of ours whose work is all where it was to go. */
export interface MergedWorktree {
  /** The workspace of its project, by its name. */
  readonly workspace: string;
  /** The project's folder. */
  readonly project: string;
  readonly path: string;
  readonly name: string;
  readonly branch: string;
  /** The branch that has it all. */
  readonly into: string;
}

/**
 * The worktrees of open workspaces that are clean, merged, and in which no pane of theirs is. One on whose branch
 * nothing was ever committed is not merged: it was just made.
 */
export function mergedWorktrees({ workspaces }: Survey): MergedWorktree[] {
  const found = new Map<string, MergedWorktree>();
  const folders = workspaces.flatMap(({ panes }) => panes.map((pane) => `${pane.path}/`));
  for (const { name: workspace, path: project, git } of workspaces) {
    if (git.kind !== 'repository') continue;
    for (const tree of git.trees) {
      const { status, branch, base, path, name } = tree;
      if (!tree.ours || tree.gone || tree.locked || tree.indexLockAt !== null || found.has(path)) continue;
      if (branch === null || base === null || !isMerged(tree) || status.kind !== 'repository') continue;
      const { staged, changed, untracked, conflicted, operation } = status;
      if (staged + changed + untracked + conflicted > 0 || operation !== null) continue;
      if (folders.some((folder) => folder.startsWith(`${path}/`))) continue;
      found.set(path, { workspace, project, path, name, branch, into: base.name });
    }
  }
  return [...found.values()];
}

export interface RemovedTree extends MergedWorktree {
  readonly removed: boolean;
  /** Why it was kept; null: it was not. */
  readonly why: string | null;
}

/** Removes them, each looked at again by git's door; their branches stay. One that may not go holds up no other. */
export async function removeWorktrees(
  trees: readonly MergedWorktree[],
  env: NodeJS.ProcessEnv,
): Promise<RemovedTree[]> {
  const done: RemovedTree[] = [];
  for (const tree of trees) {
    const [inside] = processesIn(tree.path);
    if (inside !== undefined) {
      done.push({ ...tree, removed: false, why: `process ${inside} is in it` });
      continue;
    }
    try {
      await removeWorktree(tree.project, tree.name, { env });
      done.push({ ...tree, removed: true, why: null });
    } catch (error) {
      done.push({ ...tree, removed: false, why: messageOf(error).replace(/\.$/, '') });
    }
  }
  return done;
}
