// What `npm start` and `npm test` share: installing, building, and running a tool of node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Ends the program with a sentence when Node is older than what package.json asks for. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`This needs Node 20.19 or newer; "node" is ${process.versions.node}.`);
  process.exit(1);
}

/**
 * Runs a program with our own input and output and waits for it.
 *
 * @returns its exit code; 128 and the signal's number when one ended it.
 */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`${program} could not be started: ${result.error.message}`);
    return 127;
  }
  return result.status ?? 128 + 15;
}

/** Installs the packages of the lock file when they are missing, or the lock file is newer. Gives the exit code. */
export function install() {
  // npm writes this file at the end of each install.
  const mark = statSync(join(root, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  const lock = statSync(join(root, 'package-lock.json'));
  if (mark && mark.mtimeMs >= lock.mtimeMs) return 0;
  console.error('Installing the packages ...');
  // Output goes to standard error: what `npm start` prints is for people and pipes.
  return run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] });
}

/** Builds dist when its sources changed. Gives the exit code. */
export async function buildIfNeeded() {
  const { build, describeFailure } = await import('./build.mjs');
  try {
    const took = await build();
    if (took !== null) console.error(`Built in ${Math.round(took)} ms.`);
    return 0;
  } catch (error) {
    console.error(`The build failed.\n${describeFailure(error)}`);
    return 1;
  }
}

/** The path of a tool that a package of ours brings. */
export function tool(name) {
  const path = join(root, 'node_modules/.bin', name);
  if (!existsSync(path)) throw new Error(`${path} does not exist: run npm ci`);
  return path;
}
