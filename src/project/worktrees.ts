import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findRepository } from '../git/repository.js';
import { isFolder } from '../system/files.js';

export interface Worktree {
  /** The folder's name below `.worktrees/`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/**
 * The git worktrees under `.worktrees/`, sorted by name: folders with a `.git` *file*, which is how git marks a
 * linked worktree (a folder `.git` would be a repository of its own). Starts no process.
 *
 * A project below the top of its repository (`packages/web`) has those of the top that hold the project too; their
 * paths are the project's folder in each.
 */
export function listWorktrees(project: string): Worktree[] {
  const own = worktreesIn(project);
  if (own.length > 0 || isThere(join(project, '.git'))) return own;
  const place = placeInRepository(project);
  if (place === null) return [];
  return worktreesIn(place.top)
    .map(({ name, path }) => ({ name, path: join(path, place.below) }))
    .filter(({ path }) => isFolder(path));
}

/** Where a project below the top of a main working tree lies in it. */
function placeInRepository(project: string): { readonly top: string; readonly below: string } | null {
  try {
    const repository = findRepository(project);
    // In a linked worktree the panes stay in that one.
    if (!repository?.root || repository.root !== repository.home) return null;
    return { top: repository.root, below: relative(repository.root, realpathSync(project)) };
  } catch {
    return null; // a `.git` that leads nowhere
  }
}

function worktreesIn(top: string): Worktree[] {
  const folder = join(top, '.worktrees');
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

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isPlainFile(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // ENOTDIR: a file lies among the worktrees.
    return false;
  }
}
