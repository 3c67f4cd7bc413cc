import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { inflateSync } from 'node:zlib';
import { CwError } from '../errors.js';
import type { RunResult } from '../system/run.js';
import { readBundleHeader } from './bundle.js';
import { gitReason } from './git.js';
import { commitsFile, type DescribedWork, type DescribedWorktree, patchFile, workParts } from './portable.js';
import type { PrivateRepository } from './private-repository.js';
import { treeOf } from './work-trees.js';

/** Bytes of all files that a patch can unpack to. */
const mostUnpacked = 4 * 1024 ** 3;

/** The ref of a commit with one of a worktree's trees, by which its files go from one repository into another. */
export function workRef(worktree: number, part: 'staged' | 'unstaged' | 'untracked'): string {
  return `refs/carried/work/${worktree}/${part}`;
}

/**
 * Takes what was carried into a private repository and checks it: commits are as git wants them, the refs are those
 * described, and the patches lead to the trees described. After it there is a ref for each of them below
 * `refs/carried/`.
 *
 * @throws CwError `refused` for what is not as it was described; `failed` when commits that it needs are not here
 */
export async function takeCarried(
  repository: PrivateRepository,
  described: DescribedWork,
  fileOf: (name: string) => string | null,
  target: string,
): Promise<void> {
  if (described.bundle) await takeCommits(repository, described.bundle, fileOf, target);
  // One after the other: they share the machine with whoever works on it, and there are few.
  for (const [number, worktree] of described.worktrees.entries()) {
    const gone = await firstMissing(repository, worktree.commit === null ? [] : [worktree.commit]);
    if (gone !== undefined) throw lacking(gone, target);
    await takeWork(repository, worktree, number, fileOf);
  }
}

/** The first of the commits that the repository has not. */
async function firstMissing(
  repository: PrivateRepository,
  commits: readonly string[],
): Promise<string | undefined> {
  if (commits.length === 0) return undefined;
  const types = await repository.output(['cat-file', '--batch-check=%(objecttype)'], {
    input: commits.map((commit) => `${commit}\n`).join(''),
  });
  const lines = types.split('\n');
  return commits.find((_, n) => lines[n] !== 'commit');
}

function lacking(commit: string, target: string): CwError {
  return new CwError(
    'failed',
    `The repository in ${target} lacks commit ${commit}, which the work builds on.`,
    {
      hint: `Get it from the remote, then try again: git -C '${target.replaceAll("'", "'\\''")}' fetch --all`,
    },
  );
}

async function takeCommits(
  repository: PrivateRepository,
  bundle: NonNullable<DescribedWork['bundle']>,
  fileOf: (name: string) => string | null,
  target: string,
): Promise<void> {
  const file = fileOf(commitsFile);
  if (file === null) throw unlike(`it has no ${commitsFile}`);
  const header = readBundleHeader(file);
  const inFile = new Map(header.refs.map(({ ref, object }) => [ref, object]));
  if (
    header.refs.length !== bundle.refs.length ||
    !bundle.refs.every(({ ref, object }) => inFile.get(ref) === object)
  )
    throw unlike(`the refs of ${commitsFile} are others`);
  if (!header.needs.every((commit) => /^[0-9a-f]{40,64}$/.test(commit)))
    throw unlike(`${commitsFile} is damaged`);
  const gone = await firstMissing(repository, header.needs);
  if (gone !== undefined) throw lacking(gone, target);
  const fetched = await repository.run(
    [
      'fetch',
      '--quiet',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      '--stdin',
      '--',
      file,
    ],
    { input: bundle.refs.map(({ ref }) => `${ref}:${ref}\n`).join('') },
  );
  if (fetched.exitCode !== 0) throw refusal(fetched, 'the commits in it');
}

/** Applies the patches of a worktree, and leaves commits with the trees. */
async function takeWork(
  repository: PrivateRepository,
  worktree: DescribedWorktree,
  number: number,
  fileOf: (name: string) => string | null,
): Promise<void> {
  const { trees } = worktree;
  const index = `taken-${number}`;
  const base = await treeOf(repository, worktree.commit);
  if (base !== trees.base) throw unlike('its commit has another tree');
  await repository.output(['read-tree', base], { index });
  let at = base;
  let refs = '';
  const carriers = new Map<string, string>();
  for (const part of workParts) {
    if (trees[part] !== at) {
      const name = patchFile(number, part);
      const file = fileOf(name);
      if (file === null) throw unlike(`it has no ${name}`);
      await checkPatch(file, name);
      const applied = await repository.run(['apply', '--cached', '--whitespace=nowarn', '--', file], {
        index,
      });
      if (applied.exitCode !== 0) throw refusal(applied, name);
      at = await repository.output(['write-tree'], { index });
    }
    if (at !== trees[part]) throw unlike(`${patchFile(number, part)} leads to other files`);
    const known = carriers.get(at) ?? (await carrier(repository, at));
    carriers.set(at, known);
    refs += `update ${workRef(number, part)} ${known}\n`;
  }
  await repository.output(['update-ref', '--stdin'], { input: refs });
}

/** A commit that only holds a tree, so that this can be fetched. */
async function carrier(repository: PrivateRepository, tree: string): Promise<string> {
  return repository.output(['commit-tree', '-m', 'carried', tree], {
    config: ['user.name=cw', 'user.email=cw@localhost'],
  });
}

function unlike(what: string): CwError {
  return new CwError('refused', `The work is not as it was described: ${what}.`, {
    hint: 'Nothing of it was used. Ask for the archive again, from cw export.',
  });
}

/** Why git did not take something: what was carried is to blame only where git came to judge it. */
function refusal(result: RunResult, what: string): CwError {
  if (result.exitCode !== null) return unlike(`git refuses ${what}: ${gitReason(result)}`);
  return new CwError('failed', `git could not take ${what}: ${gitReason(result)}.`, {
    hint: 'Nothing of it was used. Try again.',
  });
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/**
 * Adds up what the binary parts of a patch say that they unpack to: git takes the memory for it before it looks
 * whether it is true.
 *
 * @throws CwError `refused` beyond the limit
 */
async function checkPatch(file: string, name: string): Promise<void> {
  let sum = statSync(file).size;
  let delta: number | null = null;
  for await (const line of createInterface({ input: createReadStream(file, 'latin1'), crlfDelay: 0 })) {
    if (delta !== null) {
      sum += resultSize(line) ?? 0;
      delta = null;
    }
    const [, kind, size] = /^(literal|delta) (\d+)$/.exec(line) ?? [];
    if (kind !== undefined) sum += Number(size);
    if (kind === 'delta') delta = Number(size);
    if (sum > mostUnpacked) throw unlike(`${name} would unpack to more than 4 GB`);
  }
}

/** The size of what a delta makes, from the first line of it (git's base 85 of a zlib stream); null: it is none. */
function resultSize(line: string): number | null {
  const bytes: number[] = [];
  for (let at = 1; at + 5 <= line.length; at += 5) {
    let value = 0;
    for (const letter of line.slice(at, at + 5)) value = value * 85 + alphabet.indexOf(letter);
    bytes.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  }
  let head: Buffer;
  try {
    // The stream goes on in the next lines: what is there of it is enough.
    head = inflateSync(Buffer.from(bytes), { finishFlush: 2, maxOutputLength: 1024 * 1024 });
  } catch {
    return null;
  }
  let at = 0;
  const number = () => {
    let [value, place] = [0, 1];
    for (let more = true; more && at < head.length; at++) {
      value += (head[at]! & 127) * place;
      place *= 128;
      more = head[at]! > 127;
    }
    return value;
  };
  number(); // the size of what it is made from
  return number();
}
