import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { findDaemon, logFile } from '../../src/rpc/start.js';
import { isAlive, processStart } from '../../src/system/process.js';
import type { Sandbox } from './sandbox.js';
import { waitUntil } from './wait.js';

/** The daemon of a sandbox, as a user has it. */
export interface DaemonOfWorld {
  /** `cw daemon start`; gives the pid of the one that answers. */
  start(): Promise<number>;
  /** `cw daemon stop`. */
  stop(): Promise<void>;
  /** Ends it as a crash does, and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Waits until it watches the tmux server. */
  watching(): Promise<void>;
  /** Asks it to save now, and answers when it has begun: the promise within is of the end. */
  save(): Promise<{ readonly ended: Promise<unknown> }>;
  /** The lines of its log, as objects. */
  log(): { readonly level: string; readonly msg: string; readonly [field: string]: unknown }[];
}

/** Starts the real daemon in a sandbox. Whatever a test does with it, none is left when that ends. */
export async function withDaemon(world: Sandbox): Promise<DaemonOfWorld> {
  const begun: { pid: number; start: string | null }[] = [];
  const end = async (signal: NodeJS.Signals) => {
    for (const { pid, start } of begun) {
      if (!isAlive(pid, start)) continue;
      process.kill(pid, signal);
      await waitUntil(`the daemon ${pid} is gone`, () => !isAlive(pid, start));
    }
  };
  const ask = async () => {
    const found = await findDaemon(world.socket, world.env);
    if (found.state !== 'running') throw new Error(`the daemon is ${found.state}`);
    return found.client;
  };
  onTestFinished(() => end('SIGTERM'));
  const daemon: DaemonOfWorld = {
    async start() {
      const ran = await world.cw(['daemon', 'start', '--json'], { env: { CW_DAEMON: undefined } });
      if (ran.code !== 0) throw new Error(`the daemon did not start: ${ran.stdout}${ran.stderr}`);
      const { pid } = JSON.parse(ran.stdout) as { pid: number };
      begun.push({ pid, start: processStart(pid) });
      return pid;
    },
    async stop() {
      const ran = await world.cw(['daemon', 'stop']);
      if (ran.code !== 0) throw new Error(`the daemon did not stop: ${ran.stdout}${ran.stderr}`);
    },
    kill: (signal = 'SIGKILL') => end(signal),
    async watching() {
      const client = await ask();
      try {
        await waitUntil('the daemon watches tmux', async () => {
          return (await client.call('status', {})).watching === 'server';
        });
      } finally {
        client.close();
      }
    },
    async save() {
      const client = await ask();
      const saved = client.call('save', {});
      // It takes requests in their order, and begins a save at once. (A short one can be done before this is answered.)
      const begun = client.call('status', {});
      const ended = Promise.allSettled([saved, begun]).then(() => {
        client.close();
        return saved;
      });
      ended.catch(() => {}); // for whoever waits for it
      await begun;
      return { ended };
    },
    log() {
      let text: string;
      try {
        text = readFileSync(logFile(world.socket, world.env), 'utf8');
      } catch {
        return []; // nothing was logged yet
      }
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
  };
  await daemon.start();
  return daemon;
}
