import { readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

/** Answers whether files exist in a project, each folder read once. */
export interface Look {
  readonly root: string;
  /**
   * True when a file or folder of this name exists: relative to the project, or absolute; `*` and `?` stand for
   * any text within one segment (`*.csproj`, `src/*.c`), not for a leading dot.
   */
  exists(pattern: string): boolean;
}

export function lookInto(root: string): Look {
  const listings = new Map<string, readonly string[]>();
  const list = (folder: string): readonly string[] => {
    let names = listings.get(folder);
    if (!names) {
      names = namesIn(folder);
      listings.set(folder, names);
    }
    return names;
  };
  const walk = (folder: string, segments: readonly string[]): boolean => {
    const [segment, ...rest] = segments;
    if (segment === undefined) return true;
    if (!/[*?]/.test(segment)) {
      const next = join(folder, segment);
      return rest.length > 0 ? walk(next, rest) : present(next);
    }
    const wild = wildcard(segment);
    return list(folder).some((name) => wild.test(name) && walk(join(folder, name), rest));
  };
  return {
    root,
    exists(pattern) {
      const segments = pattern.split('/').filter((segment) => segment !== '');
      return walk(isAbsolute(pattern) ? '/' : root, segments);
    },
  };
}

/** True when a repository's `.git` (a folder, or a worktree's file) is here or in a parent folder. */
export function isInRepository(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (present(join(at, '.git'))) return true;
    if (dirname(at) === at) return false;
  }
}

function wildcard(segment: string): RegExp {
  const source = segment
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${/^[*?]/.test(segment) ? '(?!\\.)' : ''}${source}$`, 's');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Missing, not a folder, or not to be read: for the one who asks it holds nothing.
    return [];
  }
}

function present(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // ENOTDIR, EACCES, ELOOP, a NUL byte: there is nothing to be used.
    return false;
  }
}
