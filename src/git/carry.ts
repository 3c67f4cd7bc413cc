import { cpSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gitOutput } from './git.js';

/** What was carried over into another worktree. */
export interface Carried {
  /** Files with uncommitted changes. */
  readonly changed: number;
  /** Untracked files that git does not ignore. */
  readonly untracked: number;
}

/**
 * Brings the uncommitted work of one worktree into another one of the same commit: what is staged stays staged, and
 * untracked files are copied. The first one stays as it is; its stash list too.
 */
export async function carryOver(
  from: string,
  to: string,
  options: { readonly env: NodeJS.ProcessEnv },
): Promise<Carried> {
  const names = async (args: readonly string[]) =>
    (await gitOutput(from, args, options)).split('\0').filter((name) => name !== '');
  // Paths below the top, wherever `from` is in the repository.
  const top = (await gitOutput(from, ['rev-parse', '--show-toplevel'], options)).replace(/\n$/, '');
  const changed = await names(['diff', '--name-only', '-z', 'HEAD']);
  if (changed.length > 0) {
    const stash = (await gitOutput(from, ['stash', 'create'], options)).trim();
    if (stash !== '') await gitOutput(to, ['stash', 'apply', '--index', '--quiet', stash], options);
  }
  const untracked = await names([
    'ls-files',
    '--others',
    '--exclude-standard',
    '--full-name',
    '-z',
    '--',
    ':/',
  ]);
  let copied = 0;
  for (const name of untracked) {
    const source = join(top, name);
    // A repository in the repository is listed as a folder: it is another one's work.
    if (name.endsWith('/') || lstatSync(source, { throwIfNoEntry: false })?.isDirectory() !== false) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    cpSync(source, join(to, name), { verbatimSymlinks: true, preserveTimestamps: true });
    copied++;
  }
  return { changed: changed.length, untracked: copied };
}
