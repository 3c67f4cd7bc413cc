import { isAbsolute, resolve } from 'node:path';
import type { ProjectFacts } from '../blueprint/facts.js';
import { isFolder } from '../system/files.js';
import { homeFolder } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import { isInRepository, lookInto } from './look.js';
import { type PackageJson, readPackageJson } from './package-json.js';
import { listWorktrees } from './worktrees.js';

export interface ProjectFactsRequest {
  readonly name: string;
  readonly id: string;
  readonly session: string;
  /** The project's folder, absolute and real. */
  readonly path: string;
  /** Our own environment, for HOME, PATH and the editor. */
  readonly env: NodeJS.ProcessEnv;
  /** The workspace's environment, resolved (`resolveEnvironment`). Its PATH, EDITOR and VISUAL win over ours. */
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly size: { readonly width: number; readonly height: number };
  readonly overrides?: Readonly<Record<string, string>>;
  readonly windows?: readonly string[];
}

/** Looks at a project for `expand`: synchronous, no process, each thing looked at when it is asked for, and once. */
export function gatherProjectFacts(request: ProjectFactsRequest): ProjectFacts {
  const { path, env } = request;
  const paneEnv = {
    ...env,
    ...Object.fromEntries(request.environment.map(({ name, value }) => [name, value])),
  };
  const look = lookInto(path);
  const find = remember((name) =>
    findProgram(name.includes('/') ? resolve(path, name) : name, paneEnv.PATH ?? ''),
  );
  let manifest: PackageJson | null | undefined;
  const packageJson = () => {
    if (manifest === undefined) manifest = readPackageJson(path);
    return manifest;
  };
  return {
    name: request.name,
    id: request.id,
    session: request.session,
    path,
    home: homeFolder(env),
    worktrees: listWorktrees(path),
    get scripts() {
      return packageJson()?.scripts ?? {};
    },
    get packageManager() {
      return packageManagerOf(packageJson(), look.exists);
    },
    folderExists: remember((folder) => isFolder(isAbsolute(folder) ? folder : resolve(path, folder))),
    fileExists: remember((file) => (file === '.git' ? isInRepository(path) : look.exists(file))),
    findProgram: find,
    get editor() {
      return chooseEditor(paneEnv, find);
    },
    environment: request.environment,
    size: request.size,
    overrides: request.overrides ?? {},
    windows: request.windows ?? [],
  };
}

const lockFiles: readonly (readonly [string, string])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
];

/** npm, pnpm, yarn or bun: as package.json says (`packageManager`), else by the lock file, else npm. */
function packageManagerOf(manifest: PackageJson | null, exists: (file: string) => boolean): string {
  const declared = /^(npm|pnpm|yarn|bun)@/.exec(manifest?.packageManager ?? '')?.[1];
  return declared ?? lockFiles.find(([file]) => exists(file))?.[1] ?? 'npm';
}

/**
 * The command to start an editor: $VISUAL, $EDITOR (as they are: they may hold arguments), where their program
 * exists; else the first one found of nvim, vim, vi and nano.
 */
export function chooseEditor(env: NodeJS.ProcessEnv, find: (name: string) => string | null): string {
  for (const wish of [env.VISUAL, env.EDITOR]) {
    const program = wish?.trim().split(/\s+/)[0];
    if (wish && program && find(program.replace(/^~(?=\/)/, homeFolder(env)))) return wish.trim();
  }
  return ['nvim', 'vim', 'vi', 'nano'].find((name) => find(name)) ?? 'vi';
}

function remember<T>(ask: (key: string) => T): (key: string) => T {
  const answers = new Map<string, T>();
  return (key) => {
    if (!answers.has(key)) answers.set(key, ask(key));
    return answers.get(key) as T;
  };
}
