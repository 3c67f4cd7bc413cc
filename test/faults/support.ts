import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Snapshot } from '../../src/snapshot/model.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { acquireLock } from '../../src/system/lock.js';
import { isAlive, processStart } from '../../src/system/process.js';
import { serverFolder } from '../../src/system/server-folder.js';
import type { Sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** Opens a project by a template of its own. */
export async function opened(world: Sandbox, template: string, name = 'shop'): Promise<void> {
  world.file(`projects/${name}/.cw.yaml`, template);
  const ran = await world.cw(['up', '--detach', '--trust', `projects/${name}`]);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
}

/** A window of so many panes, each with a program that does nothing. */
export const sleepers = (panes: number) =>
  `windows: [{name: code, layout: tiled, panes: [${Array.from({ length: panes }, () => 'sleep 100000').join(', ')}]}]\n`;

/** Runs a verb with `--json` that is to succeed. */
export async function json(world: Sandbox, ...args: string[]) {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr, stdout: ran.code === 0 || ran.stdout }).toMatchObject({
    code: 0,
  });
  return JSON.parse(ran.stdout);
}

export function serverPid(world: Sandbox): number {
  return Number(world.tmux('display-message', '-p', '#{pid}'));
}

/** Ends a process, and waits until it is gone. */
export async function end(pid: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const start = processStart(pid);
  process.kill(pid, signal);
  await waitUntil(`process ${pid} is gone`, () => !isAlive(pid, start));
}

export function panesOf(world: Sandbox, session = 'claude-dev-shop'): string[] {
  return world.tmux('list-panes', '-s', '-t', `=${session}:`, '-F', '#{pane_id}').trim().split('\n');
}

export function sessionsOf(world: Sandbox): string[] {
  const names = world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n').sort();
  return names.filter((name) => name !== 'cw-keeper');
}

export function stateOf(world: Sandbox): string {
  return serverFolder(world.socket, world.env);
}

/** The one workspace of a world, as its store has it. */
export function storeOf(world: Sandbox, name = 'shop'): SnapshotStore {
  const folder = stateOf(world);
  for (const id of readdirSync(folder).filter((one) => /^w[0-9a-f]{12}$/.test(one))) {
    const { name: found } = JSON.parse(readFileSync(join(folder, id, 'workspace.json'), 'utf8'));
    if (found === name) return new SnapshotStore(folder, id);
  }
  throw new Error(`no workspace ${name} in ${folder}`);
}

export function paneCount(snapshot: Snapshot | null): number {
  return (snapshot?.blueprint.windows ?? []).reduce((sum, window) => sum + window.panes.length, 0);
}

/**
 * What must hold after every fault: each snapshot that is listed reads, nothing was set aside, and no lock that binds
 * anybody, temporary file or process of ours is left.
 */
export async function expectSound(world: Sandbox, name = 'shop'): Promise<Snapshot | null> {
  const store = storeOf(world, name);
  for (const { sequence } of await store.list()) await store.read(sequence);
  const latest = await store.latest();
  expect(store.takeFindings()).toEqual([]);
  const state = join(world.env.XDG_STATE_HOME ?? '', 'cw');
  const files = readdirSync(state, { recursive: true }) as string[];
  // One that a killed process left binds nobody: the next one takes it over. (A living daemon may hold one for a moment.)
  for (const lock of files.filter(
    (file) => /(^|\/)lock$|\.lock$/.test(file) && !file.endsWith('daemon.lock'),
  ))
    (await acquireLock(join(state, lock), { wait: 15_000 }))();
  expect(files.filter((file) => /\.tmp$|\.dying$/.test(file))).toEqual([]);
  // A client that the daemon started just before its server went may still be ending.
  await waitUntil(`no stray process: ${strays(world).join(', ')}`, () => strays(world).length === 0);
  return latest;
}

/** Our processes of this world that still run, but for its daemon: what we start carries the name of the socket. */
export function strays(world: Sandbox): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`CW_TMUX_SOCKET=${world.socket}`))
          return [];
        const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').join(' ').trim();
        // The daemon, and its client of tmux.
        return words === '' || / daemon run$|^tmux .* -C /.test(words) ? [] : [`${pid} ${words}`];
      } catch {
        return []; // gone meanwhile, or somebody else's
      }
    });
}

/**
 * A `tmux` to be put before the real one on a PATH: at its `at`-th call it does `fault` first, a line of sh in which
 * `$real` is tmux and `$caller` the process that called.
 */
export function faultyTmux(world: Sandbox, at: number, fault: string): { readonly PATH: string } {
  const real = execFileSync('sh', ['-c', 'command -v tmux'], { encoding: 'utf8' }).trim();
  const folder = mkdtempSync(join(world.folder, 'bin-'));
  world.file(
    join(folder, 'tmux'),
    `#!/bin/sh
real='${real}' caller=$PPID
echo call >>'${folder}/calls'
if [ "$(wc -l <'${folder}/calls')" -eq ${at} ]; then
${fault}
fi
exec "$real" "$@"
`,
    0o755,
  );
  return { PATH: `${folder}:${world.env.PATH}` };
}

/** A file system of its own, to be filled or made read-only; or why there is none. */
export function ownDisk(
  options: string,
): { readonly path: string; remount(options: string): void } | { readonly why: string } {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { why: 'only root on Linux can mount' };
  const path = mkdtempSync(join(tmpdir(), 'cw-disk-'));
  const mount = (...words: string[]) => execFileSync('mount', words, { stdio: 'pipe' });
  try {
    mount('-t', 'tmpfs', '-o', `mode=0700,${options}`, 'cw-test', path);
  } catch (error) {
    rmSync(path, { recursive: true });
    return { why: `no tmpfs: ${String(error)}` };
  }
  onTestFinished(() => {
    execFileSync('umount', [path]);
    rmSync(path, { recursive: true });
  });
  return { path, remount: (how) => void mount('-o', `remount,${how}`, path) };
}
