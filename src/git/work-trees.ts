import { constants } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import { git, gitOutput } from './git.js';
import { longLimit, type PrivateRepository } from './private-repository.js';

/**
 * The uncommitted work of a working tree as trees of git. Paths are bytes: here one character stands for each
 * (Latin-1), since a name need not be text.
 */

/** What differs from the commit, from the index, and is not in it. */
export interface Changes {
  readonly staged: readonly Entry[];
  /** Changed in the working tree against the index. */
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
  readonly untracked: readonly string[];
  /** Where the index has more than one version. */
  readonly conflicted: readonly string[];
  /** Added in name only (`git add -N`), and gone from the disk. */
  readonly onlyNamed: readonly string[];
  /** Other repositories that are neither submodules nor ignored. */
  readonly nested: readonly string[];
  /** Submodules that are not at the commit of the index, or hold work of their own. */
  readonly submodules: readonly string[];
}

/** What stands at a path in an index or a tree. Mode `000000`: nothing. */
export interface Entry {
  readonly path: string;
  readonly mode: string;
  readonly hash: string;
}

export interface Trees {
  readonly base: string;
  readonly staged: string;
  readonly unstaged: string;
  readonly untracked: string;
}

export const nothing = '000000';
const gitlink = '160000';

/** The path of a byte string, as text. */
export function shown(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** The path of a byte string in a folder, for the system. */
export function onDiskPath(folder: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, 'latin1')]);
}

/**
 * What is not committed in a working tree, by git itself with the user's configuration, which decides what counts as
 * changed and what is ignored.
 *
 * @param top the top of the working tree
 * @throws CwError `failed` with git's reason
 */
export async function readChanges(top: string, env: NodeJS.ProcessEnv): Promise<Changes> {
  const text = await gitOutput(
    top,
    [
      'status',
      '--porcelain=v2',
      '--untracked-files=all',
      '--ignore-submodules=none',
      '--no-renames',
      '--no-ahead-behind',
      '-z',
    ],
    { env, bytes: true, timeout: longLimit },
  );
  const changes = parseChanges(text);
  if (changes.onlyNamed.length === 0) return changes;
  const head = await git(top, ['ls-tree', '-r', '-z', '--full-tree', '--name-only', 'HEAD'], {
    env,
    bytes: true,
    timeout: longLimit,
  });
  const committed = new Set(head.exitCode === 0 ? head.stdout.split('\0') : []);
  return {
    ...changes,
    deleted: [...changes.deleted, ...changes.onlyNamed.filter((path) => committed.has(path))],
    onlyNamed: changes.onlyNamed.filter((path) => !committed.has(path)),
  };
}

// What an entry that was added in name only is said to hold once its file is gone.
const emptyFile = new Set([
  'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
  '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
]);

/**
 * Reads `git status --porcelain=v2 --untracked-files=all --no-renames -z`. Among `onlyNamed` may be empty files of the
 * commit that were deleted: git says the same of both.
 */
export function parseChanges(text: string): Changes {
  const staged: Entry[] = [];
  const changed: string[] = [];
  const deleted: string[] = [];
  const untracked: string[] = [];
  const conflicted: string[] = [];
  const onlyNamed: string[] = [];
  const nested: string[] = [];
  const submodules: string[] = [];
  for (const line of text.split('\0')) {
    const kind = line[0];
    const fields = line.split(' ');
    if (kind === '1') {
      const [, state = '', sub = '', , modeIndex = '', modeWork = '', , hashIndex = ''] = fields;
      const path = fields.slice(8).join(' ');
      const [inIndex, inWork] = state;
      if (inIndex !== '.') staged.push({ path, mode: modeIndex, hash: hashIndex });
      // A submodule's files are another repository's work.
      if (sub.startsWith('S') && modeIndex === gitlink) {
        if (inWork !== '.') submodules.push(path);
      } else if (inIndex === '.' && inWork === 'D' && emptyFile.has(hashIndex)) onlyNamed.push(path);
      else if (inWork === 'D') deleted.push(path);
      else if (inWork !== '.' && modeWork !== gitlink) changed.push(path);
    } else if (kind === 'u') {
      const path = fields.slice(10).join(' ');
      conflicted.push(path);
      if (fields[6] === nothing) deleted.push(path);
      else changed.push(path);
    } else if (kind === '?') {
      const path = line.slice(2);
      if (path.endsWith('/')) nested.push(path.slice(0, -1));
      else untracked.push(path);
    }
  }
  return { staged, changed, deleted, untracked, conflicted, onlyNamed, nested, submodules };
}

/** Changes without those of some paths, whose committed state then stands for them. */
export function withoutPaths(changes: Changes, left: ReadonlySet<string>): Changes {
  const kept = (paths: readonly string[]) => paths.filter((path) => !left.has(path));
  return {
    ...changes,
    staged: changes.staged.filter(({ path }) => !left.has(path)),
    changed: kept(changes.changed),
    deleted: kept(changes.deleted),
    untracked: kept(changes.untracked),
  };
}

/** Files that are there and cannot be read, or went away meanwhile: these cannot be taken. */
export async function unreadable(top: string, paths: readonly string[]): Promise<string[]> {
  const checked = await Promise.all(
    paths.map(async (path) => {
      const file = onDiskPath(top, path);
      try {
        const entry = await lstat(file);
        if (!entry.isFile() && !entry.isSymbolicLink()) return path;
        if (entry.isFile()) await access(file, constants.R_OK);
        return null;
      } catch {
        return path;
      }
    }),
  );
  return checked.filter((path) => path !== null);
}

/** The tree of a commit; of none, the empty one. */
export async function treeOf(repository: PrivateRepository, commit: string | null): Promise<string> {
  return commit === null
    ? repository.output(['mktree'], { input: '' })
    : repository.output(['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`]);
}

/**
 * Makes the trees of the work in a working tree, in a private repository: the files as they are on disk, byte for
 * byte.
 *
 * @param top the top of the working tree
 * @param index a name for the index that it is made in
 */
export async function makeTrees(
  repository: PrivateRepository,
  top: string,
  base: string,
  changes: Changes,
  options: { readonly index: string; readonly config: readonly string[] },
): Promise<Trees> {
  const { index, config } = options;
  await repository.output(['read-tree', base], { index });
  const write = () => repository.output(['write-tree'], { index });
  const add = (paths: readonly string[]) =>
    repository.output(['update-index', '--add', '--replace', '--remove', '-z', '--stdin'], {
      index,
      config,
      workTree: top,
      input: Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'),
    });
  let staged = base;
  if (changes.staged.length > 0) {
    await setEntries(repository, changes.staged, index);
    staged = await write();
  }
  let unstaged = staged;
  if (changes.deleted.length + changes.changed.length > 0) {
    await setEntries(
      repository,
      changes.deleted.map((path) => ({ path, mode: nothing, hash: '0'.repeat(base.length) })),
      index,
    );
    if (changes.changed.length > 0) await add(changes.changed);
    unstaged = await write();
  }
  let untracked = unstaged;
  if (changes.untracked.length > 0) {
    await add(changes.untracked);
    untracked = await write();
  }
  return { base, staged, unstaged, untracked };
}

/** Trees of work that start from another one: at some paths they stay as that is. */
export async function onto(
  repository: PrivateRepository,
  trees: Trees,
  base: string,
  staying: ReadonlySet<string>,
  index: string,
): Promise<Trees> {
  const moved = async (tree: string) => {
    const back = (await differences(repository, base, tree)).filter(({ path }) => staying.has(path));
    if (back.length === 0) return tree;
    await repository.output(['read-tree', tree], { index });
    await setEntries(
      repository,
      back.map(({ from }) => from),
      index,
    );
    return repository.output(['write-tree'], { index });
  };
  // One after the other: it is one index.
  const staged = await moved(trees.staged);
  const unstaged = await moved(trees.unstaged);
  return { base, staged, unstaged, untracked: await moved(trees.untracked) };
}

/** Sets entries of an index; what is removed comes first, so that a file can stand where a folder was. */
async function setEntries(
  repository: PrivateRepository,
  entries: readonly Entry[],
  index: string,
): Promise<void> {
  if (entries.length === 0) return;
  await repository.output(['update-index', '-z', '--index-info'], { index, input: indexInfo(entries) });
}

/** The input of `git update-index -z --index-info`. */
export function indexInfo(entries: readonly Entry[]): Buffer {
  const removed = entries.filter(({ mode }) => mode === nothing);
  const set = entries.filter(({ mode }) => mode !== nothing);
  return Buffer.from(
    [...removed, ...set].map(({ mode, hash, path }) => `${mode} ${hash}\t${path}\0`).join(''),
    'latin1',
  );
}

/** What differs between two trees at one path. */
export interface Difference {
  readonly path: string;
  readonly from: Entry;
  readonly to: Entry;
}

/** All paths at which two trees differ. */
export async function differences(
  repository: PrivateRepository,
  from: string,
  to: string,
): Promise<Difference[]> {
  if (from === to) return [];
  const text = await repository.output(
    ['diff-tree', '-r', '--raw', '--no-renames', '--no-abbrev', '-z', from, to],
    { bytes: true },
  );
  const fields = text.split('\0');
  const found: Difference[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [modeFrom = '', modeTo = '', hashFrom = '', hashTo = ''] = fields[at]!.slice(1).split(' ');
    const path = fields[at + 1]!;
    found.push({
      path,
      from: { path, mode: modeFrom, hash: hashFrom },
      to: { path, mode: modeTo, hash: hashTo },
    });
  }
  return found;
}
