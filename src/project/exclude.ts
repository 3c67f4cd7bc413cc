import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { messageOf } from '../errors.js';
import { isFile, isFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';

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
    const git = gitFolders(project);
    if (git === null) return null;
    const file = join(git.common, 'info', 'exclude');
    const text = readTextIfAny(file) ?? '';
    const present = new Set(text.split('\n').map((line) => line.trim()));
    // A pattern with a slash inside counts from the repository's top: `**/` makes it hold for a project below it too.
    const missing = [...ours, ...also].filter((path) => !present.has(`**/${path}`));
    if (missing.length === 0) return null;
    const index = readIndex(git.own);
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
  const git = gitFolders(folder);
  if (git === null) return false;
  const index = readIndex(git.own);
  // The names of version 4 are shortened, those of a split index are in another file.
  const isPlain = index.length < 8 || index.readUInt32BE(4) < 4;
  const isWhole = !readdirSync(git.own).some((file) => file.startsWith('sharedindex.'));
  return isPlain && isWhole && !index.includes(name);
}

interface GitFolders {
  /** This worktree's own, with the index. */
  readonly own: string;
  /** The one that all worktrees share, with `info/exclude`. */
  readonly common: string;
}

/** The git folders of the repository that holds a folder, or null. */
export function gitFolders(folder: string): GitFolders | null {
  for (let at = folder; ; at = dirname(at)) {
    const own = gitFolderAt(join(at, '.git'));
    // HEAD tells a git folder from any other: a foreign `.git` file could name whatever folder it likes.
    if (own !== null && existsSync(join(own, 'HEAD'))) {
      const common = readTextIfAny(join(own, 'commondir'))?.trim();
      return { own, common: common ? resolve(own, common) : own };
    }
    if (dirname(at) === at) return null;
  }
}

function gitFolderAt(path: string): string | null {
  if (isFolder(path)) return path;
  if (!isFile(path)) return null;
  // A worktree or a submodule: the file says where its git folder is.
  const target = /^gitdir: (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1];
  return target === undefined ? null : resolve(dirname(path), target);
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
