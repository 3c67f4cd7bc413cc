import { mkdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type CarriedRef, writeBundle } from './bundle.js';
import { readHead } from './head.js';
import { many } from './many.js';
import {
  commitsFile,
  type DescribedWork,
  type DescribedWorktree,
  parseDescribedWork,
  patchFile,
  portableLimits,
  type WorkPart,
} from './portable.js';
import { PrivateRepository } from './private-repository.js';
import { findRepository, type Repository } from './repository.js';
import { type Facts, isCarriableName, readFacts } from './repository-facts.js';
import { withoutSecrets } from './secret-commits.js';
import { staysBehind } from './stays-behind.js';
import {
  differences,
  makeTrees,
  nothing,
  onDiskPath,
  onto,
  readChanges,
  shown,
  type Trees,
  treeOf,
  unreadable,
  withoutPaths,
} from './work-trees.js';
import { listWorktrees, type Worktree } from './worktrees.js';

export interface LeftOutWork {
  readonly what: string;
  readonly why: string;
}

export interface GatheredWork {
  readonly described: DescribedWork;
  /** Files in the scratch folder, by the names that `described` has for them. */
  readonly files: readonly { readonly name: string; readonly path: string; readonly bytes: number }[];
  readonly leftOut: readonly LeftOutWork[];
}

export interface GatherOptions {
  readonly env: NodeJS.ProcessEnv;
  /** A private folder to write files into. */
  readonly scratch: string;
  /** Whether a file is left out for what it holds (by its path below the top of its working tree); null: none is. */
  readonly isSecret: ((path: string) => boolean) | null;
  /** Bytes that one patch can have; and that one file can have to be looked at. */
  readonly mostBytes: number;
}

/** What the work of one working tree came to. */
interface Gathered {
  readonly described: DescribedWorktree;
  readonly files: readonly string[];
  readonly leftOut: readonly LeftOutWork[];
}

/**
 * Gathers what the repository of a project's folder has and no remote has: commits, stashes, and the uncommitted work
 * of each of its working trees. The repository is not written to (a partial clone may fetch objects that it lacks). The
 * same state gives the same bytes.
 *
 * @returns null when the folder lies in no repository
 * @throws CwError `not-found` without such a folder; `failed` with git's reason when the repository cannot be read
 */
export async function gatherWork(folder: string, options: GatherOptions): Promise<GatheredWork | null> {
  const repository = findRepository(folder);
  if (repository === null) return null;
  const at = repository.root ?? repository.gitDir;
  const [all, worktrees] = await Promise.all([readFacts(at, options.env), listWorktrees(at, options)]);
  const leftOut: LeftOutWork[] = [];
  const work = join(options.scratch, 'git');
  rmSync(work, { recursive: true, force: true });
  const scratch = PrivateRepository.make(work, join(repository.commonDir, 'objects'), {
    env: options.env,
    hashes: all.hashes,
    shallow: all.shallow,
  });
  try {
    const places = placesOf(repository, worktrees, realpathSync(folder), leftOut);
    const heads = places.map(({ commit }) => commit);
    const { facts, carried } =
      options.isSecret === null
        ? { facts: all, carried: (commit: string | null) => commit }
        : await withoutSecrets(scratch, all, heads, options.isSecret, { folder: at, env: options.env });
    leftOut.push(...facts.leftOut);
    const gathered = await many(places, (one, n) =>
      gatherWorktree(one, n, { ...options, repository: scratch, facts, worktrees, carried }),
    );
    leftOut.push(...gathered.flatMap((one) => one.leftOut));
    const refs = carriedRefs(
      facts,
      gathered.map((one) => one.described),
    );
    const bundle = await writeBundle(scratch, facts, refs, join(options.scratch, commitsFile));
    if (typeof bundle === 'string') leftOut.push({ what: 'commits that no remote has', why: bundle });
    const isShort = facts.shallow.length <= portableLimits.commits;
    if (!isShort)
      leftOut.push({
        what: `where the shallow clone ends, in ${facts.shallow.length} commits`,
        why: 'There are too many. It can be placed where the repository is, or can be cloned.',
      });
    const described = parseDescribedWork({
      hashes: facts.hashes,
      remotes: facts.remotes,
      branches: facts.branches,
      tags: facts.tags,
      stashes: facts.stashes,
      bundle: typeof bundle === 'string' ? null : bundle,
      complete: facts.atRemotes.length === 0 && typeof bundle !== 'string' && isShort,
      shallow: isShort ? facts.shallow : [],
      subfolder: repository.root === null ? '' : relative(repository.root, realpathSync(folder)),
      main: repository.main,
      worktrees: gathered.map((one) => one.described),
    } satisfies DescribedWork);
    const names = [...(described.bundle ? [commitsFile] : []), ...gathered.flatMap((one) => one.files)];
    const files = names.map((name) => {
      const path = join(options.scratch, name);
      return { name, path, bytes: statSync(path).size };
    });
    return { described, files, leftOut };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A working tree to gather, and where it will stand. */
interface Placed {
  /** null: a bare repository itself, which has no working tree. */
  readonly top: string | null;
  readonly place: DescribedWorktree['place'];
  readonly branch: string | null;
  readonly commit: string | null;
}

/** The working trees that can be described, that of the project first. */
function placesOf(
  repository: Repository,
  worktrees: readonly Worktree[],
  folder: string,
  leftOut: LeftOutWork[],
): Placed[] {
  const own = repository.root;
  const placed: Placed[] = [];
  for (const one of worktrees) {
    if (one.bare) {
      if (own !== null) continue;
      leftOut.push({
        what: 'that the repository is bare',
        why: 'It is made there with a working tree, in the project’s folder.',
      });
    } else if (one.prunable !== null) {
      leftOut.push({ what: `worktree ${one.path}`, why: 'Its folder is gone.' });
      continue;
    }
    const head = one.bare ? readHead(repository.gitDir) : null;
    const branch = head ? head.branch : one.branch;
    const top = one.bare ? null : realpathSync(one.path);
    if (!isCarriable(top ?? folder) || (branch !== null && !isCarriableName(branch))) {
      leftOut.push({ what: `worktree ${one.path}`, why: 'Its name cannot be written on every machine.' });
      continue;
    }
    placed.push({
      top,
      place: top === null ? { from: 'project', path: '' } : placeOf(top, repository.main, folder),
      branch,
      commit: head ? head.commit : one.commit,
    });
  }
  const first = (one: Placed) => one.top === own;
  const others = placed.filter((one) => !first(one)).toSorted((a, b) => (a.top! < b.top! ? -1 : 1));
  for (const one of others.slice(portableLimits.worktrees - 1))
    leftOut.push({ what: `worktree ${one.top}`, why: 'There are too many of them.' });
  return [...placed.filter(first), ...others.slice(0, portableLimits.worktrees - 1)];
}

function placeOf(top: string, main: string | null, folder: string): DescribedWorktree['place'] {
  if (main !== null && (top === main || top.startsWith(`${main}/`)))
    return { from: 'main', path: relative(main, top) };
  if (top === folder || top.startsWith(`${folder}/`)) return { from: 'project', path: relative(folder, top) };
  return { from: 'root', path: top };
}

function isCarriable(path: string): boolean {
  return !/[\p{Cc}\p{Cs}\\\ufffd]/u.test(path) && path.length < 4000;
}

interface WorktreeOptions extends GatherOptions {
  readonly repository: PrivateRepository;
  readonly facts: Facts;
  readonly worktrees: readonly Worktree[];
  /** As in `WithoutSecrets`. */
  readonly carried: (commit: string | null) => string | null;
}

async function gatherWorktree(one: Placed, number: number, options: WorktreeOptions): Promise<Gathered> {
  const { repository, facts, env } = options;
  const commit = options.carried(one.commit);
  const own = await treeOf(repository, one.commit);
  const base = commit === one.commit ? own : await treeOf(repository, commit);
  const described = { place: one.place, branch: one.branch, commit };
  if (one.top === null) {
    const trees = { base, staged: base, unstaged: base, untracked: base };
    return { described: { ...described, trees }, files: [], leftOut: [] };
  }
  const { top } = one;
  const changes = await readChanges(top, env);
  const leftOut = [...(await staysBehind(top, changes, options))];
  const left = new Set<string>();
  const leave = (path: string, why: string) => {
    if (!left.has(path)) leftOut.push({ what: join(top, shown(path)), why });
    left.add(path);
  };
  const touched = [
    ...changes.staged.map(({ path }) => path),
    ...changes.changed,
    ...changes.deleted,
    ...changes.untracked,
  ];
  for (const path of touched)
    if (options.isSecret?.(shown(path))) leave(path, 'Its name says that it holds secrets.');
  if (commit !== one.commit) {
    leftOut.push({
      what: `the newest commits of ${top}`,
      why: 'They hold secrets. What else they changed is carried as work that is not committed.',
    });
    for (const { path, to } of await differences(repository, base, own))
      if (to.mode !== nothing && options.isSecret?.(shown(path)))
        leave(path, 'Its name says that it holds secrets.');
  }
  const onDisk = [...changes.changed, ...changes.untracked];
  for (const path of await unreadable(top, onDisk)) leave(path, 'It cannot be read.');
  for (const { path, size } of await sizesOf(top, onDisk))
    if (size > options.mostBytes) leave(path, 'It is too large.');
  // As often as it takes: each time the largest files stay behind.
  for (;;) {
    const index = `index-${number}`;
    const made = await makeTrees(repository, top, own, withoutPaths(changes, left), {
      index,
      config: facts.fileModes ? [] : ['core.fileMode=false'],
    });
    const trees = commit === one.commit ? made : await onto(repository, made, base, left, index);
    const { files, over } = await writePatches(repository, trees, number, options);
    if (over.length === 0) return { described: { ...described, trees }, files, leftOut };
    for (const path of over) leave(path, 'The uncommitted work is too large with it.');
  }
}

/** Writes the patches between trees. @returns their names; and what to leave out when one is too large */
async function writePatches(
  repository: PrivateRepository,
  trees: Trees,
  number: number,
  options: GatherOptions,
): Promise<{ files: string[]; over: string[] }> {
  const steps: readonly (readonly [WorkPart, string, string])[] = [
    ['staged', trees.base, trees.staged],
    ['unstaged', trees.staged, trees.unstaged],
    ['untracked', trees.unstaged, trees.untracked],
  ];
  const files: string[] = [];
  const over = new Set<string>();
  for (const [part, from, to] of steps) {
    const name = patchFile(number, part);
    const file = join(options.scratch, name);
    rmSync(file, { force: true });
    if (from === to) continue;
    mkdirSync(join(options.scratch, `worktree-${number}`), { recursive: true, mode: 0o700 });
    await repository.output([...patchArguments, from, to], { outputFile: file });
    files.push(name);
    let excess = statSync(file).size - options.mostBytes;
    if (excess <= 0) continue;
    for (const { path, size } of await largest(repository, from, to)) {
      if (excess <= 0) break;
      over.add(path);
      excess -= size;
    }
  }
  return { files, over: [...over] };
}

const patchArguments = [
  'diff-tree',
  '-r',
  '-p',
  '--binary',
  '--full-index',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--no-color',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--diff-algorithm=myers',
  '--unified=3',
];

/** Changed files between two trees, those with the most bytes first. */
async function largest(repository: PrivateRepository, from: string, to: string) {
  const changed = await differences(repository, from, to);
  const hashes = changed.flatMap((one) => [one.from.hash, one.to.hash]);
  const sizes = await repository.output(['cat-file', '--batch-check=%(objectsize)'], {
    input: hashes.map((hash) => `${hash}\n`).join(''),
  });
  // What is no object here (nothing, a submodule's commit) has a text instead of a size.
  const size = sizes.split('\n').map((text) => (/^\d+$/.test(text) ? Number(text) : 0));
  return changed
    .map(({ path }, at) => ({ path, size: size[2 * at]! + size[2 * at + 1]! }))
    .toSorted((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1));
}

async function sizesOf(top: string, paths: readonly string[]) {
  return Promise.all(
    paths.map(async (path) => {
      const entry = await lstat(onDiskPath(top, path)).catch(() => null);
      return { path, size: entry?.isFile() ? entry.size : 0 };
    }),
  );
}

/** A ref for each thing that has commits: none of the repository's own, so that nothing of it is touched. */
function carriedRefs(facts: Facts, worktrees: readonly DescribedWorktree[]): CarriedRef[] {
  const heads = facts.branches.map(({ name, commit }) => ({
    ref: `refs/carried/heads/${name}`,
    object: commit,
  }));
  const tags = facts.tags.map(({ name, object }) => ({ ref: `refs/carried/tags/${name}`, object }));
  const stashes = facts.stashes.map(({ commit }, n) => ({
    ref: `refs/carried/stashes/${n}`,
    object: commit,
  }));
  const detached = worktrees.flatMap(({ commit }, n) =>
    commit === null ? [] : [{ ref: `refs/carried/worktrees/${n}`, object: commit }],
  );
  return [...heads, ...tags, ...stashes, ...detached];
}
