import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../errors.js';
import { findRepository, type Repository } from '../git/repository.js';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';

/** Folders that we make in a project. */
const ours = [
  '.worktrees/',
  '.sessions/',
  '.claude/progress/',
  '.claude/checkpoints/',
  '.claude/snapshots/',
  '.claude/sessions/',
];

const heading = '# Files of cw (claude-workspaces), no part of this repository:';

/**
 * Adds our files to the repository's `info/exclude`, so that they never make it dirty. A path that git tracks is left
 * out: ignore rules do not touch tracked files, but new ones beside them would no longer be seen by `git add`.
 *
 * Starts no process; with nothing to add it reads one small file. Outside of a repository it does nothing.
 *
 * @param also further paths, relative, such as `.env.claude` when we make it.
 * @returns null, or a sentence on why it could not be done. That never stops what the caller is about.
 */
export function excludeOurFiles(project: string, also: readonly string[] = []): string | null {
  try {
    const git = repositoryOf(project);
    if (git === null) return null;
    const file = join(git.commonDir, 'info', 'exclude');
    const text = readTextIfAny(file) ?? '';
    const present = new Set(text.split('\n').map((line) => line.trim()));
    // A pattern with a slash inside counts from the repository's top: `**/` makes it hold for a project below it too.
    const missing = [...ours, ...also].filter((path) => !present.has(`**/${path}`));
    if (missing.length === 0) return null;
    const index = readIndex(git.gitDir);
    const wanted = missing.filter((path) => !index.includes(path)).map((path) => `**/${path}`);
    if (wanted.length === 0) return null;
    mkdirSync(dirname(file), { recursive: true });
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    const lines = [...(present.has(heading) ? [] : [heading]), ...wanted];
    // A link to a shared exclude file stays a link.
    writeFileAtomic(
      existsSync(file) ? realpathSync(file) : file,
      `${before}${lines.join('\n')}\n`,
      modeOf(file),
    );
    return null;
  } catch (error) {
    return `Our files could not be kept out of the repository (.git/info/exclude): ${messageOf(error)}`;
  }
}

/**
 * True when the folder is in a git repository that certainly does not track a file of this name, here or elsewhere.
 * Starts no process.
 */
export function isUntracked(folder: string, name: string): boolean {
  const git = repositoryOf(folder);
  if (git === null) return false;
  const index = readIndex(git.gitDir);
  // The names of version 4 are shortened, those of a split index are in another file.
  const isPlain = index.length < 8 || index.readUInt32BE(4) < 4;
  const isWhole = !readdirSync(git.gitDir).some((file) => file.startsWith('sharedindex.'));
  return isPlain && isWhole && !index.includes(name);
}

/** The repository that holds a folder. One whose `.git` leads nowhere is none: git would not look into it either. */
function repositoryOf(folder: string): Repository | null {
  try {
    return findRepository(folder);
  } catch {
    return null;
  }
}

/**
 * The index as bytes: it holds the names of all tracked files in the clear. A name that merely contains one of ours
 * counts as tracked, which errs on the safe side. (Version 4 shortens names; it must be asked for.)
 */
function readIndex(gitFolder: string): Buffer {
  try {
    return readFileSync(join(gitFolder, 'index'));
  } catch {
    // A repository without a commit or an added file has none.
    return Buffer.alloc(0);
  }
}

function modeOf(file: string): number {
  return (statSync(file, { throwIfNoEntry: false })?.mode ?? 0o644) & 0o777;
}
