import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CwError } from '../errors.js';
import { isFolder, readTextIfAny } from '../system/files.js';
import { git, gitOutput } from './git.js';
import type { DescribedWork } from './portable.js';
import { repositoryKey } from './remote-url.js';
import { findRepository, type Repository } from './repository.js';

/** Where carried work is put. */
export interface Target {
  /** The top of the main working tree (of the only one that matters, when the repository there has no main one). */
  readonly top: string;
  /** The repository that stands there; null: it is to be made. */
  readonly repository: Repository | null;
}

export interface TargetOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly into: string | null;
  readonly roots: readonly string[];
  readonly mapped: string;
  readonly mapPath: (path: string) => string;
}

/**
 * Finds the repository that stands for a described one here: at `into`, else at the mapped place or in a folder of
 * the roots by its remote; else the place to make it.
 *
 * @throws CwError `refused` when several have that remote, or when what stands at the place is something else
 */
export async function findTarget(described: DescribedWork, options: TargetOptions): Promise<Target> {
  const { into, mapped } = options;
  if (into !== null) return targetAt(described, into, options);
  const there = lstatSync(mapped, { throwIfNoEntry: false });
  if (there && !isEmptyFolder(mapped)) return targetAt(described, mapped, options);
  const found = byRemote(described, options.roots);
  if (found.length > 1) {
    throw new CwError(
      'refused',
      `Several repositories here have that remote: ${found.map(({ root }) => root).join(', ')}.`,
      { hint: 'Name the one that is meant: --into PATH' },
    );
  }
  const [only] = found;
  if (only) return { top: only.root!, repository: only };
  return targetAt(described, mapped, options);
}

async function targetAt(described: DescribedWork, project: string, options: TargetOptions): Promise<Target> {
  const top = topFor(described, project, options.mapPath);
  const entry = lstatSync(project, { throwIfNoEntry: false });
  // The project's folder can be one that is not there yet: of a subfolder, or of a linked working tree.
  const at = entry && !isEmptyFolder(project) ? project : top;
  if (lstatSync(at, { throwIfNoEntry: false }) === undefined || isEmptyFolder(at))
    return { top, repository: null };
  if (!isFolder(at)) {
    throw new CwError('refused', `${at} is a file; the project’s folder is to be there.`, {
      hint: 'Move it away, or name another place: --into PATH',
    });
  }
  const repository = findRepository(at);
  const real = realpathSync(at);
  const own = repository?.root ?? null;
  if (!repository || own === null || !(real === own || real.endsWith(`/${described.subfolder}`))) {
    throw new CwError('refused', `${at} is not empty, and is no repository.`, {
      hint: 'Move what is there away, or name another place: --into PATH',
    });
  }
  if (own !== real && join(own, described.subfolder) !== real) {
    throw new CwError('refused', `${at} is not empty, and is a part of the repository in ${own}.`, {
      hint: 'Move what is there away, or name another place: --into PATH',
    });
  }
  if (!(await isRelated(described, repository, options.env))) {
    throw new CwError(
      'refused',
      `${own} is another repository: it has neither the remote nor a commit of this one.`,
      {
        hint: 'Name another place: --into PATH',
      },
    );
  }
  return { top: repository.main ?? own, repository };
}

/** The main working tree's place, from that of the project's folder. */
function topFor(described: DescribedWork, project: string, mapPath: (path: string) => string): string {
  const without = (path: string, below: string) =>
    below !== '' && path.endsWith(`/${below}`) ? path.slice(0, -below.length - 1) : path;
  const first = without(project, described.subfolder);
  const { place } = described.worktrees[0]!;
  if (described.main === null || (place.from === 'main' && place.path === '')) return first;
  const top = place.from === 'main' ? without(first, place.path) : first;
  return top === first ? mapPath(described.main) : top;
}

export function isEmptyFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true && readdirSync(path).length === 0;
}

/** Repositories that are subfolders of the roots and have a remote of the described one. */
function byRemote(described: DescribedWork, roots: readonly string[]): Repository[] {
  const wanted = new Set(described.remotes.map(({ url }) => repositoryKey(url)));
  if (wanted.size === 0) return [];
  const found = new Map<string, Repository>();
  for (const root of roots) {
    if (!isFolder(root)) continue;
    for (const name of readdirSync(root).sort()) {
      const folder = join(root, name);
      if (!isFolder(join(folder, '.git'))) continue;
      const repository = findRepository(folder);
      if (repository?.root && addresses(repository).some((url) => wanted.has(repositoryKey(url))))
        found.set(repository.commonDir, repository);
    }
  }
  return [...found.values()];
}

/** The addresses in a repository's own configuration: no process, since many folders are looked at. */
function addresses(repository: Repository): string[] {
  const config = readTextIfAny(join(repository.commonDir, 'config')) ?? '';
  return [...config.matchAll(/^\s*url\s*=\s*"?(.*?)"?\s*$/gim)].map((match) => match[1]!);
}

async function isRelated(
  described: DescribedWork,
  repository: Repository,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const wanted = new Set(described.remotes.map(({ url }) => repositoryKey(url)));
  if (addresses(repository).some((url) => wanted.has(repositoryKey(url)))) return true;
  const commits = [
    ...described.worktrees.flatMap(({ commit }) => (commit === null ? [] : [commit])),
    ...described.branches.map(({ commit }) => commit),
    ...(described.bundle?.needs ?? []),
  ];
  const head = await git(repository.root!, ['rev-parse', '--verify', '--quiet', 'HEAD'], { env });
  // Neither has a commit yet: nothing tells them apart, and nothing can be lost by it.
  if (commits.length === 0) return head.exitCode !== 0;
  const known = await gitOutput(repository.root!, ['cat-file', '--batch-check=%(objecttype)'], {
    env,
    timeout: 60_000,
    input: commits.map((hash) => `${hash}\n`).join(''),
  });
  return known.split('\n').includes('commit');
}

/** Whether nothing on the way from a folder to a path below it is a link. */
export function hasNoLinks(folder: string, path: string): boolean {
  for (let at = path; at.length > folder.length; at = dirname(at)) {
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return false;
    if (basename(at) === '') return false;
  }
  return true;
}
