import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { readSmallFile } from './small-file.js';

export interface PackageJson {
  readonly scripts: Readonly<Record<string, string>>;
  /** Names of all dependencies: plain, dev and peer ones. */
  readonly dependencies: ReadonlySet<string>;
  /** `packageManager` as written: `pnpm@9.1.0`. */
  readonly packageManager: string | null;
  /** Why it could not be read; everything else is then empty. */
  readonly broken: string | null;
}

/** Reads a project's package.json; null when there is none. A broken one is reported in the value, never thrown. */
export function readPackageJson(project: string): PackageJson | null {
  const empty = { scripts: {}, dependencies: new Set<string>(), packageManager: null };
  try {
    const text = readSmallFile(join(project, 'package.json'));
    if (text === null) return null;
    const value: unknown = JSON.parse(text);
    if (!isMap(value)) return { ...empty, broken: 'it is not a JSON object' };
    const lists = [value.dependencies, value.devDependencies, value.peerDependencies];
    return {
      scripts: Object.fromEntries(
        Object.entries(isMap(value.scripts) ? value.scripts : {}).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string' && !isPlaceholder(entry[1]),
        ),
      ),
      dependencies: new Set(lists.flatMap((list) => (isMap(list) ? Object.keys(list) : []))),
      packageManager: typeof value.packageManager === 'string' ? value.packageManager : null,
      broken: null,
    };
  } catch (error) {
    return { ...empty, broken: messageOf(error) };
  }
}

/** The "test" that `npm init` writes, which only fails. */
function isPlaceholder(script: string): boolean {
  return script.includes('Error: no test specified');
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
