import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Blueprint } from '../../src/blueprint/model.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { waitUntil } from '../support/wait.js';
import { ManyWorkspaces } from './many.js';
import { median, percentile, type Row } from './measure.js';

const workspaces = 50;

/** What the daemon costs while nothing happens, and how soon it has saved what does. */
export async function daemonRows(options: {
  /** Seconds for which the daemon is watched at rest. */
  readonly seconds: number;
  readonly changes: number;
}): Promise<Row[]> {
  const many = new ManyWorkspaces();
  const { world } = many;
  try {
    await many.grow(workspaces);
    const server = Number(world.tmux('display-message', '-p', '#{pid}'));
    const before = await cpuOf([server], options.seconds / 3);
    const alone = residentOf(server);
    const started = await world.cw(['daemon', 'start']);
    if (started.code !== 0) throw new Error(started.stderr);
    try {
      const status = await waitUntil('the daemon has saved all', async () => {
        const { stdout } = await world.cw(['daemon', 'status', '--json']);
        const told = JSON.parse(stdout) as { pid: number; lastSaveAt: string | null; workspaces: number };
        return told.lastSaveAt !== null && told.workspaces === workspaces ? told : null;
      });
      // What a start leaves behind (more saves, compiled code) is no part of the rest.
      await pause(5);
      const client = controlClientOf(status.pid);
      const all = [status.pid, client, server];
      const cpu = await cpuOf(all, options.seconds);
      const [daemon = 0, attached = 0, tmux = 0] = all.map(residentOf);
      const times = await changesOnDisk(many, options.changes);
      return [
        {
          what: `daemon at rest, ${workspaces} workspaces, with its control client and what tmux's server does for it`,
          ours: Math.max(0, cpu - before),
          against: `added to what tmux's server took alone, ${before.toFixed(2)} %, over ${options.seconds} s`,
          theirs: null,
          limit: 0.7,
          unit: '% of a core',
        },
        {
          what: 'the same: resident memory that it adds',
          ours: daemon + attached + Math.max(0, tmux - alone),
          against: `daemon ${daemon.toFixed(0)} MB, client ${attached.toFixed(0)} MB, server ${tmux.toFixed(0)} MB (${alone.toFixed(0)} MB without a daemon)`,
          theirs: null,
          limit: 100,
          unit: 'MB',
        },
        {
          what: `a change is on the disk: median of ${times.length}`,
          ours: median(times),
          against: 'split, rename, resize, cd, set-environment, in turn',
          theirs: null,
          limit: 2000,
        },
        {
          what: 'the same: 99th percentile',
          ours: percentile(times, 0.99),
          against: `the longest: ${Math.max(...times).toFixed(0)} ms`,
          theirs: null,
          limit: 2000,
        },
      ];
    } finally {
      await world.cw(['daemon', 'stop']);
    }
  } finally {
    await many.dispose();
  }
}

interface Change {
  readonly what: string;
  readonly command: readonly string[];
  readonly isSaved: (blueprint: Blueprint) => boolean;
}

/** Milliseconds from each change until the latest snapshot on the disk has it. */
async function changesOnDisk(many: ManyWorkspaces, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const { id, session, path } = many.blueprints[at % many.blueprints.length]!;
    const store = new SnapshotStore(many.registry.folder, id);
    const change = changeOf(at, `=${session}:`, path);
    // At all moments of tmux's second.
    await pause(0.2 + ((at * 7) % 10) / 10);
    const start = performance.now();
    many.world.tmux(...change.command);
    await waitUntil(`${change.what} is on the disk`, async () => {
      const latest = await store.latest();
      return latest !== null && change.isSaved(latest.blueprint);
    });
    times.push(performance.now() - start);
  }
  return times;
}

function changeOf(at: number, session: string, path: string): Change {
  const first = `${session}.{top-left}`;
  const word = `change${at}`;
  const kinds: readonly (() => Change)[] = [
    () => ({
      what: 'a split',
      command: ['split-window', '-d', '-t', first],
      isSaved: ({ windows }) => windows[0]?.panes.length === 5,
    }),
    () => ({
      what: 'a name',
      command: ['rename-window', '-t', session, word],
      isSaved: ({ windows }) => windows[0]?.name === word,
    }),
    () => ({
      what: 'a size',
      command: ['resize-pane', '-t', first, '-x', '70'],
      isSaved: ({ windows }) => windows[0]?.layout.includes('{70x') === true,
    }),
    () => ({
      what: 'a folder',
      command: ['send-keys', '-t', first, `mkdir ${word} && cd ${word}`, 'Enter'],
      isSaved: ({ windows }) => windows[0]?.panes.some(({ cwd }) => cwd === join(path, word)) === true,
    }),
    () => ({
      what: 'a variable',
      command: ['set-environment', '-t', session, 'CHANGED', word],
      isSaved: ({ environment }) => environment.some(({ value }) => value === word),
    }),
  ];
  return kinds[at % kinds.length]!();
}

export function pause(seconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}

// USER_HZ: the same on every Linux that Node runs on.
const ticksPerSecond = 100;

/** The share of one core that processes take, in percent, over so many seconds. */
export async function cpuOf(pids: readonly number[], seconds: number): Promise<number> {
  const ticks = () => pids.reduce((sum, pid) => sum + ticksOf(pid), 0);
  const before = ticks();
  const start = performance.now();
  await pause(seconds);
  return (ticks() - before) / ticksPerSecond / ((performance.now() - start) / 1000) / 0.01;
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Megabytes. */
export function residentOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** The tmux client that the daemon has started. */
function controlClientOf(daemon: number): number {
  const children = readFileSync(`/proc/${daemon}/task/${daemon}/children`, 'utf8').trim().split(' ');
  const client = children.map(Number).find((pid) => readlinkSync(`/proc/${pid}/exe`).endsWith('/tmux'));
  if (client === undefined) throw new Error('the daemon has no control client');
  return client;
}
