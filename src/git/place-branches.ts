import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { git, gitOutput, gitReason } from './git.js';
import type { DescribedWork } from './portable.js';
import { longLimit } from './private-repository.js';
import { repositoryKey } from './remote-url.js';
import { gitStatus, isDirty } from './status.js';
import { listWorktrees } from './worktrees.js';

/** What became of the branches. */
export interface PlacedBranches {
  readonly created: readonly string[];
  /** Moved on to the carried commit. */
  readonly forwarded: readonly string[];
  /** The carried commit got a branch of its own. */
  readonly moved: readonly { readonly branch: string; readonly to: string }[];
  readonly notes: readonly string[];
}

export interface BranchOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly dryRun: boolean;
  /** Whether the repository has a commit, or will have it. */
  readonly has: (commit: string) => boolean;
  /** Where commits can be compared: the repository itself, or one that reads its objects. */
  readonly isAncestor: (older: string, newer: string) => Promise<boolean>;
}

/**
 * Makes the carried branches in a repository, and moves on those that are behind. None is moved backwards, or away
 * from commits of its own: then the carried commit gets a branch below `moved/`.
 */
export async function placeBranches(
  top: string,
  described: DescribedWork,
  options: BranchOptions,
): Promise<PlacedBranches> {
  const { env, dryRun } = options;
  const here = await branchesOf(top, env);
  const worktrees = await listWorktrees(top, { env });
  const remotes = await remotesHere(top, described, env);
  const created: string[] = [];
  const forwarded: string[] = [];
  const moved: { branch: string; to: string }[] = [];
  const notes: string[] = [];
  const setRef = async (name: string, commit: string, old: string) => {
    if (!dryRun)
      await gitOutput(top, ['update-ref', '-m', 'cw: placed', `refs/heads/${name}`, commit, old], { env });
    here.set(name, commit);
  };
  const setAside = async (branch: string, commit: string) => {
    const to = freeName(here, [`moved/${branch}`, `moved/${branch}-${commit.slice(0, 8)}`], commit, branch);
    if (here.get(to) !== commit) await setRef(to, commit, zero(commit));
    moved.push({ branch, to });
  };
  for (const { name, commit, upstream } of described.branches) {
    if (!options.has(commit)) {
      notes.push(
        `Branch ${name} is left out: its commit ${commit.slice(0, 12)} is not here, and was not carried.`,
      );
      continue;
    }
    const own = here.get(name);
    if (own === commit) continue;
    if (own === undefined) {
      if (isTaken(here, name)) {
        await setAside(name, commit);
        continue;
      }
      await setRef(name, commit, zero(commit));
      created.push(name);
      const remote = upstream && (upstream.remote === '.' ? '.' : remotes.get(upstream.remote));
      if (remote && upstream && !dryRun) {
        await gitOutput(top, ['config', `branch.${name}.remote`, remote], { env });
        await gitOutput(top, ['config', `branch.${name}.merge`, `refs/heads/${upstream.branch}`], { env });
      }
      continue;
    }
    if (await options.isAncestor(commit, own)) continue;
    const forward = await options.isAncestor(own, commit);
    const at = worktrees.find((one) => one.branch === name && !one.bare);
    if (!forward || (at && !(await isClean(at.path, env)))) {
      await setAside(name, commit);
      notes.push(
        forward
          ? `Branch ${name} is behind, and checked out with changes in ${at!.path}: the carried one is ${moved.at(-1)!.to}.`
          : `Branch ${name} has commits here that the carried one has not: that is ${moved.at(-1)!.to}.`,
      );
      continue;
    }
    if (!at) await setRef(name, commit, own);
    else if (!dryRun) {
      const merged = await git(at.path, ['merge', '--ff-only', '--quiet', commit], {
        env,
        timeout: longLimit,
      });
      if (merged.exitCode === null)
        throw new CwError('failed', `Branch ${name} could not be moved on: ${gitReason(merged)}.`, {
          hint: 'The same import again goes on from there.',
        });
      if (merged.exitCode !== 0) {
        await setAside(name, commit);
        notes.push(
          `Branch ${name} could not be moved on (${gitReason(merged)}): the carried one is ${moved.at(-1)!.to}.`,
        );
        continue;
      }
      here.set(name, commit);
    }
    forwarded.push(name);
  }
  return { created, forwarded, moved, notes };
}

export async function branchesOf(top: string, env: NodeJS.ProcessEnv): Promise<Map<string, string>> {
  const text = await gitOutput(top, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/'], {
    env,
  });
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => [
      line.slice(line.indexOf(' ') + 1 + 'refs/heads/'.length),
      line.slice(0, line.indexOf(' ')),
    ]),
  );
}

/** The first of the names that can be a branch for a commit: one that is free, or has that commit. */
export function freeName(
  here: ReadonlyMap<string, string>,
  names: readonly string[],
  commit: string,
  branch: string,
): string {
  const usable = names.find((name) => here.get(name) === commit || (!here.has(name) && !isTaken(here, name)));
  // Below no other name, so that only the very same could be in its way.
  return usable ?? `moved-${branch.replaceAll('/', '-')}-${commit.slice(0, 12)}`;
}

/** A branch cannot be below another one. */
function isTaken(here: ReadonlyMap<string, string>, name: string): boolean {
  return [...here.keys()].some((one) => one.startsWith(`${name}/`) || name.startsWith(`${one}/`));
}

export function zero(hash: string): string {
  return '0'.repeat(hash.length);
}

async function isClean(path: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (!isFolder(path)) return false;
  const status = await gitStatus(path, { env, timeout: longLimit });
  return status.kind === 'repository' && !isDirty(status) && status.operation === null;
}

/** By the described remote's name: what the remote of the same address is called here. */
async function remotesHere(
  top: string,
  described: DescribedWork,
  env: NodeJS.ProcessEnv,
): Promise<Map<string, string>> {
  const text = await gitOutput(top, ['remote', '-v'], { env });
  const here = text.split('\n').flatMap((line) => {
    const [, name, url] = /^([^\t]+)\t(.*) \(fetch\)(?: \[.*\])?$/.exec(line) ?? [];
    return name === undefined || url === undefined ? [] : [{ name, key: repositoryKey(url) }];
  });
  const found = new Map<string, string>();
  for (const { name, url } of described.remotes) {
    const key = repositoryKey(url);
    const same = here.filter((one) => one.key !== null && one.key === key);
    const best = same.find((one) => one.name === name) ?? same[0];
    if (best) found.set(name, best.name);
  }
  return found;
}
