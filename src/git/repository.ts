import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CwError } from '../errors.js';
import { isFile, isFolder, readTextIfAny } from '../system/files.js';
import { answers, hangs } from '../system/mounts.js';

export interface Repository {
  /** The top of the working tree that the folder lies in; null in a bare repository. */
  readonly root: string | null;
  /** This working tree's own git folder, with HEAD and the index. */
  readonly gitDir: string;
  /** The git folder that all worktrees share. */
  readonly commonDir: string;
  /** True when the repository itself has no working tree (its worktrees, if any, do). */
  readonly bare: boolean;
  /** The top of the main working tree; null when there is none, or it cannot be told without asking git. */
  readonly main: string | null;
  /** The folder that holds `.worktrees`: the main working tree, or the folder that a bare repository is found by. */
  readonly home: string;
}

/**
 * The repository that a folder lies in, or null. It reads a few small files as git itself does, and starts no
 * process. Links in the path are followed; so all paths are real ones.
 *
 * @throws CwError `failed` when a `.git` file leads nowhere (a moved repository, a pruned worktree): there is one,
 *   but what it holds cannot be told; or when the file system does not answer. `not-found` when the folder itself is
 *   not there.
 */
export function findRepository(path: string): Repository | null {
  if (!answers(path)) throw hangs(path);
  let start: string;
  try {
    start = realpathSync(path);
  } catch (error) {
    throw new CwError('not-found', `There is no folder ${path}.`, { hint: 'Check the path.', cause: error });
  }
  for (let at = start; ; at = dirname(at)) {
    const entry = join(at, '.git');
    if (isFolder(entry) && isGitFolder(entry)) return describe(at, realpathSync(entry));
    if (isFile(entry)) return describe(at, gitFolderOfFile(entry));
    // The folder is a git folder itself: a bare repository, or the inside of `.git`.
    if (isGitFolder(at)) return describe(null, at);
    if (dirname(at) === at) return null;
  }
}

// What git looks at: HEAD, and objects and refs, its own or the shared ones (is_git_directory in its setup.c).
function isGitFolder(folder: string): boolean {
  if (!lstatSync(join(folder, 'HEAD'), { throwIfNoEntry: false })) return false;
  const common = commonFolder(folder);
  return (
    isFolder(join(common, 'objects')) &&
    (isFolder(join(common, 'refs')) || existsSync(join(common, 'reftable')))
  );
}

function commonFolder(gitDir: string): string {
  const text = readTextIfAny(join(gitDir, 'commondir'));
  return text === null ? gitDir : resolve(gitDir, text.replace(/\n$/, ''));
}

function gitFolderOfFile(file: string): string {
  const target = /^gitdir: ([\s\S]+?)\n*$/.exec(readFileSync(file, 'utf8'))?.[1];
  const folder = target === undefined ? null : resolve(dirname(file), target);
  if (folder !== null && !answers(folder)) throw hangs(folder);
  if (folder !== null && isGitFolder(folder)) return realpathSync(folder);
  throw new CwError(
    'failed',
    folder === null
      ? `${file} is damaged: it does not name a git folder.`
      : `${file} names ${folder}, which is no git folder.`,
    {
      hint: 'A moved repository: run "git worktree repair" in its new place. A removed one: delete this folder.',
    },
  );
}

function describe(top: string | null, gitDir: string): Repository {
  const shared = commonFolder(gitDir);
  const commonDir = existsSync(shared) ? realpathSync(shared) : shared;
  const linked = commonDir !== gitDir;
  // With worktree-specific configuration, git moves what is about the main working tree to a file of its own.
  const config = ['config', 'config.worktree']
    .map((name) => readTextIfAny(join(commonDir, name)) ?? '')
    .join('\n');
  const bare = /^\s*bare\s*=\s*(true|yes|on|1)\s*$/im.test(config);
  if (bare) {
    // `project/.git` a file that names `project/.bare`: people look at the folder around it.
    const around = dirname(commonDir);
    const home = isFile(join(around, '.git')) ? around : commonDir;
    return { root: linked ? top : null, gitDir, commonDir, bare, main: null, home };
  }
  const main = linked ? mainOf(commonDir, config) : top;
  return { root: top, gitDir, commonDir, bare, main, home: main ?? top ?? commonDir };
}

/** The main working tree, seen from a linked one. A submodule's git folder lies elsewhere, and names it. */
function mainOf(commonDir: string, config: string): string | null {
  const named = /^\s*worktree\s*=\s*(.+?)\s*$/im.exec(config)?.[1];
  if (named !== undefined) {
    const folder = resolve(commonDir, named);
    return isFolder(folder) ? realpathSync(folder) : null;
  }
  return basename(commonDir) === '.git' ? dirname(commonDir) : null;
}
