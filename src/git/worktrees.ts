import { basename, dirname, join } from 'node:path';
import { CwError } from '../errors.js';
import { git, gitOutput, gitReason } from './git.js';
import { findRepository, type Repository } from './repository.js';

export interface Worktree {
  /** Absolute, as git has it. */
  readonly path: string;
  /** The folder's name. */
  readonly name: string;
  /** The repository's own working tree (or the bare repository): not one that was added. */
  readonly main: boolean;
  /** Lies in the repository's `.worktrees`, where ours are. */
  readonly ours: boolean;
  readonly bare: boolean;
  /** The full hash; null before the first commit and in a bare repository. */
  readonly commit: string | null;
  /** Without `refs/heads/`; null when HEAD is detached. */
  readonly branch: string | null;
  /** The reason, or an empty text when none was given; null: it is not locked. */
  readonly locked: string | null;
  /** Why git would forget it (its folder is gone); null: all is well. */
  readonly prunable: string | null;
}

export interface WorktreeOptions {
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * All worktrees of the repository that a folder lies in, the main one first.
 *
 * @throws CwError `not-found` when there is no repository; `failed` when git cannot read it.
 */
export async function listWorktrees(path: string, options: WorktreeOptions = {}): Promise<Worktree[]> {
  const repository = requireRepository(path);
  const folder = repository.root ?? repository.gitDir;
  const result = await git(folder, ['worktree', 'list', '--porcelain', '-z'], options);
  if (result.exitCode === 0) return parseWorktrees(result.stdout, '\0', repository.home);
  // -z came with git 2.36; the usage message has an exit code of its own.
  if (result.exitCode === 129) {
    return parseWorktrees(
      await gitOutput(folder, ['worktree', 'list', '--porcelain'], options),
      '\n',
      repository.home,
    );
  }
  throw new CwError('failed', `The worktrees of ${folder} could not be read: ${gitReason(result)}.`, {
    hint: `See what git says: git -C ${folder} worktree list`,
  });
}

/** The folder that holds the worktrees of ours. */
export function worktreesFolder(repository: Repository): string {
  return join(repository.home, '.worktrees');
}

/**
 * The repository that a folder lies in.
 *
 * @throws CwError `not-found` when there is none; what `findRepository` throws.
 */
export function requireRepository(path: string): Repository {
  const repository = findRepository(path);
  if (repository) return repository;
  throw new CwError('not-found', `${path} is not in a git repository.`, {
    hint: `Make it one first: git -C '${path.replaceAll("'", "'\\''")}' init`,
  });
}

/** Reads `git worktree list --porcelain`: attributes end with `end`, a record with an empty one. */
export function parseWorktrees(text: string, end: '\0' | '\n', home: string): Worktree[] {
  const found: Worktree[] = [];
  let fields = new Map<string, string>();
  for (const line of text.split(end)) {
    if (line !== '') {
      const blank = line.indexOf(' ');
      if (blank < 0) fields.set(line, '');
      else fields.set(line.slice(0, blank), line.slice(blank + 1));
      continue;
    }
    const path = fields.get('worktree');
    if (path !== undefined) {
      const commit = fields.get('HEAD') ?? null;
      found.push({
        path,
        name: basename(path),
        main: found.length === 0,
        ours: dirname(path) === join(home, '.worktrees'),
        bare: fields.has('bare'),
        commit: commit !== null && /^0+$/.test(commit) ? null : commit,
        branch: fields.get('branch')?.replace(/^refs\/heads\//, '') ?? null,
        locked: fields.get('locked') ?? null,
        prunable: fields.get('prunable') ?? null,
      });
    }
    fields = new Map();
  }
  return found;
}
