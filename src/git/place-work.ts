import { lstatSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { CwError } from '../errors.js';
import { readTextIfAny } from '../system/files.js';
import { undoneBySignal } from '../system/interrupted.js';
import type { RunResult } from '../system/run.js';
import { worktreeFolderName } from './branch-name.js';
import { takeCarried } from './carried-objects.js';
import { findTarget, hasNoLinks, isEmptyFolder, type Target } from './find-target.js';
import { git, gitOutput, gitReason } from './git.js';
import { commitOf } from './head.js';
import { addRemotes, checkOut, type Making, makeRepository, makingOf } from './make-repository.js';
import { branchesOf, type PlacedBranches, placeBranches, zero } from './place-branches.js';
import { type DescribedWork, type DescribedWorktree, parseDescribedWork, workParts } from './portable.js';
import { longLimit, PrivateRepository } from './private-repository.js';
import { putWork, standing } from './put-work.js';
import { findRepository } from './repository.js';
import { setAside } from './set-aside.js';
import { operationIn } from './status.js';
import { listWorktrees, requireRepository, type Worktree } from './worktrees.js';

export interface PlaceOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Where the project's folder shall be; null: it is looked for. */
  readonly into: string | null;
  /** Folders in whose subfolders the repository is looked for by its remote. */
  readonly roots: readonly string[];
  /** Where the project's folder would be by mapping the home folder. */
  readonly mapped: string;
  /** The name that branches for the work are called by. */
  readonly workspace: string;
  /** Clone the repository when it is not here. */
  readonly clone: boolean;
  /** Look at everything, and change nothing. */
  readonly dryRun: boolean;
  /** Where a path of the other machine is here. */
  readonly mapPath: (path: string) => string;
  /** What git says while it clones. */
  readonly progress: (text: string) => void;
}

export interface PlacedWorktree {
  /** Where it is here; null when it is nowhere. */
  readonly path: string | null;
  readonly branch: string | null;
  /**
   * `applied`: the work is uncommitted there, as it was. `on-branch`: it is a commit on the branch `on`.
   * `there`: it was there already (on the branch `on`, or uncommitted). `left-out`: see `why`.
   */
  readonly outcome: 'applied' | 'on-branch' | 'there' | 'left-out';
  readonly on: string | null;
  /** Why it is not uncommitted in its working tree; null when it is. */
  readonly why: string | null;
}

export interface PlacedWork {
  /** The project's folder here. */
  readonly project: string;
  /** The top of the repository's main working tree. */
  readonly repository: string;
  /** How the repository came to be here. */
  readonly made: 'found' | 'cloned' | 'from-bundle';
  /** In the order of the description. */
  readonly worktrees: readonly PlacedWorktree[];
  readonly branches: Omit<PlacedBranches, 'notes'>;
  /** Stashes that were put back. */
  readonly stashes: number;
  /** Sentences about what else is to be known. */
  readonly notes: readonly string[];
}

/** What one placing works with. */
interface Placing {
  readonly described: DescribedWork;
  readonly options: PlaceOptions;
  readonly scratch: PrivateRepository;
  readonly notes: string[];
}

/**
 * Puts gathered work of another machine where it belongs here: see `gatherWork`. In a repository that is made now all
 * is as it was; in one that is here nothing of it is lost: where it stands otherwise the work goes on branches of its
 * own, below `moved/`. To place the same again changes nothing.
 *
 * @param described what `gatherWork` described, or what came from elsewhere as that
 * @param fileOf the path of a file of it, by its name; null when there is none
 * @throws CwError `refused` for a description or files that are not as cw writes them (then nothing was changed), for a
 *   place that is taken, and for several repositories; `not-found` when the repository is not here and may not be
 *   cloned; `failed` when commits are lacking, or git fails
 */
export async function placeWork(
  described: unknown,
  fileOf: (name: string) => string | null,
  options: PlaceOptions,
): Promise<PlacedWork> {
  const checked = parseDescribedWork(described);
  const target = await findTarget(checked, options);
  const temporary = mkdtempSync(join(options.env.TMPDIR || tmpdir(), 'cw-git-'));
  const takeAway = () => rmSync(temporary, { recursive: true, force: true });
  return undoneBySignal(takeAway, async () => {
    try {
      return await place(checked, fileOf, target, { options, folder: join(temporary, 'git') });
    } finally {
      takeAway();
    }
  });
}

async function place(
  described: DescribedWork,
  fileOf: (name: string) => string | null,
  target: Target,
  { options, folder }: { readonly options: PlaceOptions; readonly folder: string },
): Promise<PlacedWork> {
  const { env, dryRun } = options;
  const notes: string[] = [];
  const { top, repository } = target;
  const take = async (commonDir: string | null): Promise<Placing> => {
    const objects = commonDir === null ? null : join(commonDir, 'objects');
    const lines = commonDir === null ? described.shallow : shallowOf(commonDir);
    const { hashes } = described;
    const scratch = PrivateRepository.make(folder, objects, { env, hashes, shallow: lines });
    await takeCarried(scratch, described, fileOf, top);
    return { described, options, scratch, notes };
  };
  if (repository) {
    const placing = await take(repository.commonDir);
    const shared = await placeShared(placing, top);
    return result(placing, top, 'found', shared, await placeWorktrees(placing, top, new Map()));
  }
  const making = makingOf(described, top, options.clone);
  const main = mainIndex(described);
  if (dryRun) {
    if (making.how === 'bundle') rmSync((await take(null)).scratch.folder, { recursive: true });
    return plannedNew(described, top, making, options);
  }
  const made = await makeRepository(described, making, top, options, async (at) => {
    const placing = await take(join(at, '.git'));
    await addRemotes(described, at, env);
    const shared = await placeShared(placing, at);
    const worktree = described.worktrees[main];
    const first = described.worktrees[0]!;
    const head = worktree ?? { branch: null, commit: first.commit };
    const said = await checkOut(at, head, env);
    if (said !== null) notes.push(said);
    if (worktree) await putWork(placing.scratch, at, worktree, { env, index: 'put' });
    return { placing, shared };
  });
  const { placing, shared } = made;
  placing.scratch.readFrom(join(top, '.git/objects'));
  const done = new Map<number, PlacedWorktree>();
  const worktree = described.worktrees[main];
  if (worktree)
    done.set(main, { path: top, branch: worktree.branch, outcome: 'applied', on: null, why: null });
  for (const { name } of described.remotes.filter(({ credentials }) => credentials))
    notes.push(`The address of remote ${name} had credentials, which were not carried.`);
  const worktrees = await placeWorktrees(placing, top, done);
  return result(placing, top, making.how === 'clone' ? 'cloned' : 'from-bundle', shared, worktrees);
}

function shallowOf(commonDir: string): string[] {
  return (readTextIfAny(join(commonDir, 'shallow')) ?? '').split('\n').filter((line) => line !== '');
}

/** The described worktree that is the repository's main one; of a repository without one, the project's. */
function mainIndex(described: DescribedWork): number {
  if (described.main === null) return 0;
  return described.worktrees.findIndex(({ place: at }) => at.from === 'main' && at.path === '');
}

/** What all worktrees share. */
interface Shared {
  readonly branches: Omit<PlacedBranches, 'notes'>;
  readonly stashes: number;
}

/** Brings the objects into a repository, and places branches, tags and stashes. */
async function placeShared({ described, options, scratch, notes }: Placing, top: string): Promise<Shared> {
  const { env, dryRun } = options;
  if (!dryRun) {
    await gitOutput(
      top,
      [
        '-c',
        'fetch.fsckObjects=true',
        '-c',
        'transfer.fsckObjects=true',
        '-c',
        'protocol.file.allow=always',
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-prune',
        '--no-recurse-submodules',
        '--no-write-fetch-head',
        '--no-auto-maintenance',
        '--',
        scratch.folder,
        '+refs/carried/*:refs/carried/*',
      ],
      { env, timeout: longLimit, set: { GIT_ALLOW_PROTOCOL: 'file' } },
    );
  }
  const wanted = [...described.branches, ...described.stashes].map(({ commit }) => commit);
  const has = await commitsIn(scratch, wanted);
  const { notes: said, ...branches } = await placeBranches(top, described, {
    env,
    dryRun,
    has: (commit) => has.has(commit),
    isAncestor: async (older, newer) => {
      const told = await scratch.run(['merge-base', '--is-ancestor', older, newer]);
      if (told.exitCode !== 0 && told.exitCode !== 1) throw ended('Commits could not be compared', told);
      return told.exitCode === 0;
    },
  });
  notes.push(...said);
  for (const { name, object } of described.tags) {
    const there = await git(top, ['rev-parse', '--verify', '--quiet', `refs/tags/${name}`], { env });
    if (there.exitCode !== 0 && there.exitCode !== 1) throw ended(`Tag ${name} could not be read`, there);
    if (there.exitCode === 0) {
      if (there.stdout.trim() !== object) notes.push(`Tag ${name} is another one here, and stays as it is.`);
    } else if (!dryRun)
      await gitOutput(top, ['update-ref', `refs/tags/${name}`, object, zero(object)], { env });
  }
  return { branches, stashes: await placeStashes(top, described, has, options) };
}

async function commitsIn(scratch: PrivateRepository, commits: readonly string[]): Promise<Set<string>> {
  if (commits.length === 0) return new Set();
  const known = await scratch.output(['cat-file', '--batch-check=%(objectname) %(objecttype)'], {
    input: commits.map((hash) => `${hash}\n`).join(''),
  });
  return new Set(
    known
      .split('\n')
      .filter((line) => line.endsWith(' commit'))
      .map((line) => line.slice(0, line.indexOf(' '))),
  );
}

async function placeStashes(
  top: string,
  described: DescribedWork,
  has: ReadonlySet<string>,
  { env, dryRun }: PlaceOptions,
): Promise<number> {
  if (described.stashes.length === 0) return 0;
  const listed =
    commitOf(requireRepository(top), 'refs/stash') === null
      ? ''
      : await gitOutput(top, ['log', '--walk-reflogs', '--format=%H', 'refs/stash', '--'], { env });
  const there = new Set(listed.split('\n'));
  const absent = described.stashes.filter(({ commit }) => !there.has(commit) && has.has(commit));
  if (!dryRun)
    for (const { commit, message } of absent.toReversed())
      await gitOutput(top, ['stash', 'store', '--quiet', '-m', message || 'stash', commit], { env });
  return absent.length;
}

/** For a git that was ended, or that failed where it only answers: what it did not say is not taken for a no. */
function ended(what: string, how: RunResult): CwError {
  return new CwError('failed', `${what}: ${gitReason(how)}.`, {
    hint: 'The same import again goes on from there.',
  });
}

/** Takes away the refs that objects came by. */
async function dropCarriedRefs(top: string, env: NodeJS.ProcessEnv): Promise<void> {
  const refs = await gitOutput(top, ['for-each-ref', '--format=delete %(refname)', 'refs/carried/'], { env });
  if (refs !== '') await gitOutput(top, ['update-ref', '--stdin'], { env, input: refs });
}

/** Places the work of each worktree that is not done yet. */
async function placeWorktrees(
  placing: Placing,
  top: string,
  done: ReadonlyMap<number, PlacedWorktree>,
): Promise<PlacedWorktree[]> {
  const { described, options } = placing;
  const placed: PlacedWorktree[] = [];
  try {
    for (const number of described.worktrees.keys())
      placed.push(done.get(number) ?? (await placeWorktree(placing, top, number)));
  } finally {
    if (!options.dryRun) await dropCarriedRefs(top, options.env);
  }
  return placed;
}

async function placeWorktree(placing: Placing, top: string, number: number): Promise<PlacedWorktree> {
  const { described, options, scratch } = placing;
  const { env, dryRun } = options;
  const worktree = described.worktrees[number]!;
  const { branch, commit } = worktree;
  const here = await listWorktrees(top, { env });
  const wanted = number === mainIndex(described) ? top : placeOf(placing, top, number);
  const usable = here.filter((one) => !one.bare && one.prunable === null);
  let at =
    usable.find((one) => branch !== null && one.branch === branch) ??
    usable.find((one) => one.path === wanted);
  if (at?.locked === 'initializing' && !dryRun) {
    // git was ended while it made it: nobody has worked there.
    await gitOutput(top, ['worktree', 'remove', '--force', '--force', '--', at.path], {
      env,
      timeout: longLimit,
    });
    at = undefined;
  }
  const aside = async (why: string, path: string | null): Promise<PlacedWorktree> => {
    if (!hasWork(worktree)) return { path, branch, outcome: 'left-out', on: null, why };
    const { name, isNew } = await setAside(scratch, top, described, number, options);
    return { path, branch, outcome: isNew ? 'on-branch' : 'there', on: name, why };
  };
  if (at) {
    if (at.commit !== commit || at.branch !== branch) return aside(otherHead(at, worktree), at.path);
    const own = findRepository(at.path);
    const operation = own && operationIn(own);
    const state = await standing(scratch, at.path, worktree.trees, { env, index: `here-${number}` });
    if (state === 'there') return { path: at.path, branch, outcome: 'there', on: null, why: null };
    if (state === 'changed') return aside(`${at.path} has changes of its own.`, at.path);
    if (operation) return aside(`A ${operation} is in progress in ${at.path}.`, at.path);
    if (!dryRun) await putWork(scratch, at.path, worktree, { env, index: `put-${number}` });
    return { path: at.path, branch, outcome: 'applied', on: null, why: null };
  }
  if (wanted === null) return aside('Its place is not one for a working tree.', null);
  if (commit === null) return aside(`It has no commit to check out in ${wanted}.`, null);
  if (lstatSync(wanted, { throwIfNoEntry: false }) && !isEmptyFolder(wanted))
    return aside(`${wanted} exists, and is no working tree of this repository.`, null);
  const own = branch === null ? commit : (await branchesOf(top, env)).get(branch);
  if (own !== commit && !(dryRun && own === undefined))
    return aside(`Branch ${branch} is at another commit here.`, null);
  if (!dryRun) {
    const words = branch === null ? ['--detach', '--', wanted, commit] : ['--', wanted, branch];
    const added = await git(top, ['worktree', 'add', '--quiet', ...words], { env, timeout: longLimit });
    if (added.exitCode === null) throw ended(`The worktree ${wanted} could not be made`, added);
    if (added.exitCode !== 0) return aside(`git cannot make it: ${gitReason(added)}.`, null);
    await putWork(scratch, wanted, worktree, { env, index: `put-${number}` });
  }
  return { path: wanted, branch, outcome: 'applied', on: null, why: null };
}

function hasWork({ trees }: DescribedWorktree): boolean {
  return workParts.some((part) => trees[part] !== trees.base);
}

function otherHead(at: Worktree, worktree: DescribedWorktree): string {
  if (at.branch !== worktree.branch)
    return `${at.path} is ${at.branch === null ? 'on no branch' : `on branch ${at.branch}`}; the work was ${worktree.branch === null ? 'on none' : `on ${worktree.branch}`}.`;
  return `${at.path} is at another commit than the work.`;
}

/**
 * Where a linked worktree goes. A place that is not in or beside the repository, or hidden there, or reached by a link,
 * becomes one in `.worktrees`: what an archive names must not fill folders that programs read. null: not even that.
 */
function placeOf({ described, options }: Placing, top: string, number: number): string | null {
  const { place, branch } = described.worktrees[number]!;
  const base =
    place.from === 'main' ? top : place.from === 'project' ? projectIn(described, top, options) : null;
  const wanted = base === null ? options.mapPath(place.path) : join(base, place.path);
  const around = dirname(top);
  const inside = wanted.startsWith(`${top}/`);
  const beside = dirname(wanted) === around && wanted !== top && !basename(wanted).startsWith('.');
  if ((inside || beside) && hasNoLinks(around, wanted)) return wanted;
  const own = join(top, '.worktrees', worktreeFolderName(branch ?? basename(wanted)));
  return hasNoLinks(top, own) ? own : null;
}

/** The project's folder, as far as it is known before its worktree is placed. */
function projectIn(described: DescribedWork, top: string, options: PlaceOptions): string {
  return mainIndex(described) === 0 ? join(top, described.subfolder) : (options.into ?? options.mapped);
}

async function result(
  { described, options, notes }: Placing,
  top: string,
  made: PlacedWork['made'],
  shared: Shared,
  worktrees: PlacedWorktree[],
): Promise<PlacedWork> {
  const [first] = worktrees;
  const project = projectFolder(described, first?.path ?? top);
  const real = lstatSync(project, { throwIfNoEntry: false });
  if (!options.dryRun && real && !hasNoLinks(first?.path ?? top, project)) {
    throw new CwError('refused', `${project} leads out of the repository by a link.`, {
      hint: `Look at what was placed: ${top}`,
    });
  }
  if (!options.dryRun && !real) notes.push(`${project} is not in the repository here.`);
  if (options.into !== null && real && realpathSync(project) !== realOf(options.into))
    notes.push(`The project’s folder is ${project}, in the repository in ${top}.`);
  return { project, repository: top, made, worktrees, ...shared, notes };
}

function realOf(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false }) ? realpathSync(path) : path;
}

function projectFolder(described: DescribedWork, top: string): string {
  return described.subfolder === '' ? top : join(top, described.subfolder);
}

/** What would be done where nothing is yet. */
function plannedNew(
  described: DescribedWork,
  top: string,
  making: Making,
  options: PlaceOptions,
): PlacedWork {
  const main = mainIndex(described);
  const placing = { described, options } as Placing;
  const worktrees = described.worktrees.map(({ branch }, number): PlacedWorktree => {
    const path = number === main ? top : placeOf(placing, top, number);
    return { path, branch, outcome: 'applied', on: null, why: null };
  });
  return {
    project: projectFolder(described, worktrees[0]!.path ?? top),
    repository: top,
    made: making.how === 'clone' ? 'cloned' : 'from-bundle',
    worktrees,
    branches: { created: described.branches.map(({ name }) => name), forwarded: [], moved: [] },
    stashes: described.stashes.length,
    notes: [],
  };
}
