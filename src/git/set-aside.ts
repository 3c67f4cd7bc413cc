import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { shortHash } from '../system/short-hash.js';
import { isBranchName, worktreeFolderName } from './branch-name.js';
import { git, gitOutput } from './git.js';
import { branchesOf, freeName, zero } from './place-branches.js';
import type { DescribedWork } from './portable.js';
import { longLimit, type PrivateRepository } from './private-repository.js';
import { differences, indexInfo, nothing } from './work-trees.js';
import { requireRepository } from './worktrees.js';

/**
 * Makes a branch of its own with the work of a worktree, on the commit that it builds on. No working tree and no index
 * is touched. What was staged is a commit of its own when the files went on from it, so that neither is lost.
 *
 * @returns the branch, and whether it was made now
 */
export async function setAside(
  scratch: PrivateRepository,
  top: string,
  described: DescribedWork,
  number: number,
  options: { readonly env: NodeJS.ProcessEnv; readonly workspace: string; readonly dryRun: boolean },
): Promise<{ readonly name: string; readonly isNew: boolean }> {
  const { env, dryRun } = options;
  const { commit, trees } = described.worktrees[number]!;
  const plain = worktreeFolderName(options.workspace);
  const label = isBranchName(`moved/${plain}`) ? plain : 'workspace';
  const own = `${label}-${shortHash(`${commit} ${trees.staged} ${trees.unstaged} ${trees.untracked}`).slice(0, 8)}`;
  const here = await branchesOf(top, env);
  const known = [`moved/${own}`, `moved-${own}`].find((name) => here.has(name));
  if (known !== undefined) return { name: known, isNew: false };
  const name = freeName(here, [`moved/${own}`], '', own);
  if (dryRun) return { name, isNew: true };
  const files = await cleaned(scratch, top, trees.staged, trees.untracked, env);
  const steps = trees.staged !== trees.base && trees.staged !== files ? [trees.staged, files] : [files];
  let at = commit;
  for (const [step, tree] of steps.entries()) {
    const what = steps.length > 1 && step === 0 ? 'what was staged' : 'work not committed';
    at = (
      await gitOutput(
        top,
        [
          ...(await identity(top, env)),
          'commit-tree',
          ...(at === null ? [] : ['-p', at]),
          '-m',
          `${label}: ${what} on the other machine`,
          tree,
        ],
        { env },
      )
    ).trim();
  }
  await gitOutput(top, ['update-ref', '-m', 'cw: work moved here', `refs/heads/${name}`, at!, zero(at!)], {
    env,
  });
  return { name, isNew: true };
}

/** A name to commit by where the user has set none. */
async function identity(top: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const known = await git(top, ['var', 'GIT_COMMITTER_IDENT'], { env });
  return known.exitCode === 0 ? [] : ['-c', 'user.name=cw', '-c', 'user.email=cw@localhost'];
}

/**
 * The tree of files as git would commit them here: files are carried as they are on disk, while a commit has line ends
 * and large files in the form that the repository's attributes ask for.
 */
async function cleaned(
  scratch: PrivateRepository,
  top: string,
  from: string,
  to: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const changed = (await differences(scratch, from, to)).map(({ to: entry }) => entry);
  if (changed.length === 0) return to;
  const folder = join(scratch.folder, 'files');
  mkdirSync(folder);
  try {
    const index = 'files-index';
    const files = changed.filter(({ mode }) => mode !== nothing);
    await scratch.output(['read-tree', '--empty'], { index });
    await scratch.output(['update-index', '-z', '--index-info'], { index, input: indexInfo(files) });
    await scratch.output(['checkout-index', '--all', '--force'], { index, workTree: folder });
    const set = {
      GIT_DIR: requireRepository(top).commonDir,
      GIT_WORK_TREE: folder,
      GIT_INDEX_FILE: join(scratch.folder, 'clean-index'),
    };
    const words = { env, set, timeout: longLimit };
    await gitOutput(folder, ['read-tree', from], words);
    await gitOutput(folder, ['update-index', '-z', '--index-info'], {
      ...words,
      input: indexInfo(changed.filter(({ mode }) => mode === nothing)),
    });
    const added = await git(folder, ['update-index', '--add', '--replace', '-z', '--stdin'], {
      ...words,
      input: Buffer.from(files.map(({ path }) => `${path}\0`).join(''), 'latin1'),
    });
    // A filter that is not installed here: as the files are, then.
    if (added.exitCode !== 0) return to;
    return (await gitOutput(folder, ['write-tree'], words)).trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
