import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Worktree {
  /** The folder's name below `.worktrees/`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/**
 * The git worktrees under `.worktrees/`, sorted by name: folders with a `.git` *file*, which is how git marks a
 * linked worktree (a folder `.git` would be a repository of its own). Starts no process.
 */
export function listWorktrees(project: string): Worktree[] {
  const folder = join(project, '.worktrees');
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // None were made, or they cannot be looked at: the panes then start in the project's folder.
    return [];
  }
  return names
    .sort()
    .map((name) => ({ name, path: join(folder, name) }))
    .filter((worktree) => isPlainFile(join(worktree.path, '.git')));
}

function isPlainFile(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // ENOTDIR: a file lies among the worktrees.
    return false;
  }
}
