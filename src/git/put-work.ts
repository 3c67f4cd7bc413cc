import { lstatSync } from 'node:fs';
import { booleanSetting, git, gitOutput } from './git.js';
import type { DescribedWorktree } from './portable.js';
import { longLimit, type PrivateRepository } from './private-repository.js';
import {
  type Difference,
  differences,
  indexInfo,
  makeTrees,
  nothing,
  onDiskPath,
  readChanges,
  type Trees,
} from './work-trees.js';

/** How a working tree stands to work that is to be put into it. */
export type Standing =
  /** It has all of it, and nothing else. */
  | 'there'
  /** It has nothing of its own that the work would not leave as it is. */
  | 'free'
  /** It has changes of its own. */
  | 'changed';

/**
 * Compares a working tree with carried work whose commit it is at. What it has of the work already (of an attempt
 * that was interrupted) does not stand in the way.
 */
export async function standing(
  repository: PrivateRepository,
  top: string,
  trees: Trees,
  options: { readonly env: NodeJS.ProcessEnv; readonly index: string },
): Promise<Standing> {
  const { env, index } = options;
  const changes = await readChanges(top, env);
  if (changes.conflicted.length > 0) return 'changed';
  const modes = await booleanSetting(top, 'core.fileMode', { env });
  const here = await makeTrees(repository, top, trees.base, changes, {
    index,
    config: modes === false ? ['core.fileMode=false'] : [],
  });
  if (here.staged === trees.staged && here.unstaged === trees.unstaged && here.untracked === trees.untracked)
    return 'there';
  const [staged, wantedStaged, files, wantedFiles] = await Promise.all([
    differences(repository, trees.base, here.staged),
    differences(repository, trees.base, trees.staged),
    differences(repository, trees.base, here.untracked),
    differences(repository, trees.base, trees.untracked),
  ]);
  if (!isPartOf(staged, wantedStaged) || !isPartOf(files, wantedFiles)) return 'changed';
  return isFree(top, wantedFiles, new Set(files.map(({ path }) => path))) ? 'free' : 'changed';
}

function isPartOf(some: readonly Difference[], all: readonly Difference[]): boolean {
  const known = new Map(all.map(({ path, to }) => [path, to]));
  return some.every(({ path, to }) => {
    const other = known.get(path);
    return other?.mode === to.mode && other.hash === to.hash;
  });
}

/** Whether the places of new files are free: a file that is ignored there is not among the changes. */
function isFree(top: string, wanted: readonly Difference[], there: ReadonlySet<string>): boolean {
  const gone = new Set(wanted.filter(({ from }) => from.mode !== nothing).map(({ path }) => path));
  return wanted.every(({ path, from, to }) => {
    if (from.mode !== nothing || to.mode === nothing || there.has(path)) return true;
    const parts = path.split('/');
    for (let at = 1; at < parts.length; at++) {
      const parent = parts.slice(0, at).join('/');
      const entry = lstatSync(onDiskPath(top, parent), { throwIfNoEntry: false });
      if (entry === undefined || gone.has(parent)) return true;
      if (!entry.isDirectory()) return false;
    }
    const entry = lstatSync(onDiskPath(top, path), { throwIfNoEntry: false });
    // A folder whose files the work deletes makes way for the file.
    return (
      entry === undefined || (entry.isDirectory() && [...gone].some((one) => one.startsWith(`${path}/`)))
    );
  });
}

/**
 * Puts work into a working tree that is at its commit and `free`: the files byte for byte, and the index so that what
 * was staged is staged. The objects of the work must be in the working tree's own repository.
 */
export async function putWork(
  repository: PrivateRepository,
  top: string,
  worktree: DescribedWorktree,
  options: { readonly env: NodeJS.ProcessEnv; readonly index: string },
): Promise<void> {
  const { trees } = worktree;
  const { env, index } = options;
  const [files, staged, named] = await Promise.all([
    differences(repository, trees.base, trees.untracked),
    differences(repository, trees.base, trees.staged),
    differences(repository, trees.staged, trees.unstaged),
  ]);
  if (files.length > 0) {
    // Indexes of these paths alone: git would look at, and write anew, every other file of the tree.
    await repository.output(['read-tree', '--empty'], { index });
    const wanted = indexInfo(files.map(({ to }) => to).filter(({ mode }) => mode !== nothing));
    await repository.output(['update-index', '-z', '--index-info'], { index, input: wanted });
    const tree = await repository.output(['write-tree'], { index });
    await repository.output(['read-tree', '--empty'], { index });
    const before = indexInfo(files.map(({ from }) => from).filter(({ mode }) => mode !== nothing));
    await repository.output(['update-index', '-z', '--index-info'], { index, input: before });
    await repository.output(['read-tree', '--reset', '-u', tree], { index, workTree: top });
  }
  const words = { env, timeout: longLimit };
  if (staged.length > 0)
    await gitOutput(top, ['update-index', '-z', '--index-info'], {
      ...words,
      input: indexInfo(staged.map(({ to }) => to)),
    });
  // In the working tree, and neither in the index nor untracked: added in name only.
  const names = named.filter(({ from }) => from.mode === nothing).map(({ path }) => `${path}\0`);
  if (names.length > 0)
    await gitOutput(
      top,
      [
        '--literal-pathspecs',
        'add',
        '--intent-to-add',
        '--force',
        '--pathspec-from-file=-',
        '--pathspec-file-nul',
      ],
      { ...words, input: Buffer.from(names.join(''), 'latin1') },
    );
  // It ends with 1 when files differ from the index, which they are to do.
  await git(top, ['update-index', '-q', '--refresh'], words);
}
