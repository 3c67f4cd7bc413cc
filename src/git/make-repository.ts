import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CwError, messageOf } from '../errors.js';
import { undoneBySignal } from '../system/interrupted.js';
import { randomHex } from '../system/random.js';
import { git, gitOutput, gitReason } from './git.js';
import { branchesOf } from './place-branches.js';
import type { DescribedWork } from './portable.js';
import { longLimit } from './private-repository.js';

export interface MakeOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Clone it from its remote. */
  readonly clone: boolean;
  readonly progress: (text: string) => void;
}

/** How a repository that is not here comes to be. */
export type Making =
  | { readonly how: 'clone'; readonly remote: string; readonly url: string }
  | { readonly how: 'bundle' };

/**
 * How a repository can be made: from its remote when that is allowed, else from the carried commits when these are all.
 *
 * @throws CwError `not-found` when neither can be
 */
export function makingOf(described: DescribedWork, top: string, clone: boolean): Making {
  const { branch } = described.worktrees[0]!;
  const upstream = described.branches.find(({ name }) => name === branch)?.upstream?.remote;
  const remote =
    described.remotes.find(({ name }) => name === upstream) ??
    described.remotes.find(({ name }) => name === 'origin') ??
    described.remotes[0];
  if (clone && remote) return { how: 'clone', remote: remote.name, url: remote.url };
  if (described.complete) return { how: 'bundle' };
  throw new CwError(
    'not-found',
    `The repository is not here${remote ? `: no folder has the remote ${remote.url}` : ''}, and ${top} is free.`,
    {
      hint: remote
        ? `Clone it there: --clone\nOr name where it is: --into PATH`
        : 'Name where it is: --into PATH',
    },
  );
}

/**
 * Makes a repository without a checkout beside its place, has it filled, and moves it there when that is done. What
 * fails, or is interrupted, leaves nothing.
 *
 * @throws CwError `failed` when it cannot be cloned, or the folder cannot be made; what `fill` throws
 */
export async function makeRepository<T>(
  described: DescribedWork,
  making: Making,
  top: string,
  options: MakeOptions,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const parents = missingParents(dirname(top));
  const folder = join(dirname(top), `.${basename(top)}.cw-placing.${randomHex(4)}`);
  const takeAway = () => {
    rmSync(folder, { recursive: true, force: true });
    for (const parent of parents) {
      try {
        // Only empty ones go: somebody may have put something there.
        rmSync(parent, { recursive: false, force: false });
      } catch {
        break;
      }
    }
  };
  return undoneBySignal(takeAway, async () => {
    try {
      mkdirSync(dirname(top), { recursive: true });
      if (making.how === 'clone') await clone(making, folder, options);
      else await initialise(described, folder, options.env);
      const filled = await fill(folder);
      renameSync(folder, top);
      return filled;
    } catch (error) {
      takeAway();
      if ((error as { isCwError?: unknown }).isCwError) throw error;
      throw new CwError('failed', `The repository cannot be made in ${top}: ${messageOf(error)}`, {
        hint: 'Nothing was left there. Name another place: --into PATH',
        cause: error,
      });
    }
  });
}

/** Folders that are to be made for a path, the innermost first. */
function missingParents(path: string): string[] {
  const missing: string[] = [];
  for (let at = path; !existsSync(at); at = dirname(at)) missing.push(at);
  return missing;
}

async function clone(
  making: Extract<Making, { how: 'clone' }>,
  folder: string,
  options: MakeOptions,
): Promise<void> {
  const cloned = await git(
    dirname(folder),
    [
      '-c',
      'transfer.fsckObjects=false',
      'clone',
      '--progress',
      '--no-checkout',
      '--template=',
      '--no-recurse-submodules',
      `--origin=${making.remote}`,
      '--',
      making.url,
      folder,
    ],
    {
      env: options.env,
      timeout: 12 * 60 * 60_000,
      set: { GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh' },
      onError: options.progress,
    },
  );
  if (cloned.exitCode !== 0) {
    throw new CwError('failed', `${making.url} could not be cloned: ${gitReason(cloned)}.`, {
      hint: `Nothing was left there. See what git says: git clone -- ${making.url}`,
    });
  }
  // The remote's own choice of a branch: which there are, and which is checked out, is described.
  for (const [name, commit] of await branchesOf(folder, options.env)) {
    await gitOutput(folder, ['update-ref', '-d', `refs/heads/${name}`, commit], { env: options.env });
    await git(folder, ['config', '--remove-section', `branch.${name}`], { env: options.env });
  }
}

async function initialise(described: DescribedWork, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  await gitOutput(
    dirname(folder),
    [
      'init',
      '--quiet',
      '--template=',
      '--initial-branch=main',
      `--object-format=${described.hashes}`,
      '--',
      folder,
    ],
    { env },
  );
  if (described.shallow.length > 0)
    writeFileSync(join(folder, '.git/shallow'), described.shallow.map((hash) => `${hash}\n`).join(''));
}

/** Adds the described remotes that a new repository has not. Nothing is fetched. */
export async function addRemotes(
  described: DescribedWork,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const there = (await gitOutput(folder, ['remote'], { env })).split('\n');
  for (const { name, url } of described.remotes)
    if (!there.includes(name)) await gitOutput(folder, ['remote', 'add', '--', name, url], { env });
}

/**
 * Sets HEAD of a new repository's working tree, and checks the commit out.
 *
 * @returns a sentence about what went otherwise, or null
 */
export async function checkOut(
  folder: string,
  head: { readonly branch: string | null; readonly commit: string | null },
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  const { branch, commit } = head;
  const onBranch =
    branch !== null && (commit === null || (await branchesOf(folder, env)).get(branch) === commit);
  if (onBranch) await gitOutput(folder, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`], { env });
  else if (commit !== null) await gitOutput(folder, ['update-ref', '--no-deref', 'HEAD', commit], { env });
  if (commit === null) return null;
  const words = { env, timeout: longLimit };
  const reset = ['reset', '--hard', '--quiet'];
  const done = await git(folder, reset, words);
  if (done.exitCode === 0) return null;
  if (done.exitCode === null)
    throw new CwError('failed', `The files of the repository could not be checked out: ${gitReason(done)}.`, {
      hint: 'Nothing was left there. Try again.',
    });
  // git LFS fails the whole checkout when its server cannot be asked.
  const plain = ['filter.lfs.smudge=', 'filter.lfs.process=', 'filter.lfs.required=false'];
  await gitOutput(folder, [...plain.flatMap((word) => ['-c', word]), ...reset], words);
  return `Files in git LFS are as their pointers (${gitReason(done)}). Get them: git lfs pull`;
}
