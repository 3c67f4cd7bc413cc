import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CwError, messageOf } from '../errors.js';
import type { Detached } from '../system/detached.js';
import { readTextIfAny } from '../system/files.js';
import { serverFolder } from '../system/server-folder.js';
import { serverEnv } from '../tmux/address.js';
import { type Lookup, lookup, type RpcClient } from './client.js';
import { daemonSocket, noteStarting, recordedSocket, startingDaemon } from './socket-path.js';

type Env = NodeJS.ProcessEnv;

/** The daemon's log; older ones have `.1`, `.2` ... after it. */
export function logFile(server: string, env: Env): string {
  return join(serverFolder(server, env), 'logs', 'daemon.log');
}

/** What a daemon that was started in the background prints before its log is open, or when it crashes. */
export function outputFile(server: string, env: Env): string {
  return join(serverFolder(server, env), 'logs', 'daemon.out');
}

export type Found = Lookup & { readonly socket: string };

/** Looks for the daemon of a tmux server, also where one with another XDG_RUNTIME_DIR listens. */
export async function findDaemon(server: string, env: Env, limit?: number): Promise<Found> {
  const socket = daemonSocket(server, env);
  const found = await lookup(socket, limit);
  if (found.state === 'running' || found.state === 'silent') return { ...found, socket };
  const recorded = recordedSocket(server, env);
  if (recorded !== null && recorded !== socket) {
    const other = await lookup(recorded, limit);
    if (other.state === 'running' || other.state === 'silent') return { ...other, socket: recorded };
  }
  return { ...found, socket };
}

/**
 * As `findDaemon`, for who must not take one that was started a moment ago for none: it is waited for.
 *
 * @param limit milliseconds.
 * @returns `starting`: its process, where it does not answer by then.
 */
export async function awaitDaemon(
  server: string,
  env: Env,
  limit: number,
): Promise<Found & { readonly starting?: number }> {
  const deadline = performance.now() + limit;
  for (let pause = 10; ; pause = Math.min(pause * 2, 100)) {
    // Before the look: one that has begun to answer, or that ended, in between is seen by that.
    const starting = startingDaemon(server, env);
    const found = await findDaemon(server, env);
    if (starting === null || found.state === 'running' || found.state === 'silent') return found;
    if (performance.now() > deadline) return { ...found, starting };
    await new Promise((done) => setTimeout(done, pause));
  }
}

export interface StartOptions {
  /** The program that becomes the daemon, with its arguments; it must not fork. */
  readonly program: readonly [string, ...string[]];
  /** Milliseconds until it has to answer; 10,000 by default. */
  readonly limit?: number;
}

export interface Started {
  readonly client: RpcClient;
  readonly socket: string;
  /** False when one ran already. */
  readonly fresh: boolean;
}

/**
 * Makes sure that a daemon serves this tmux server: asks the socket, and when nobody answers starts one in the
 * background and waits until it does.
 *
 * @throws CwError `failed` when one is there and silent, or the new one does not come up, with the end of what it said.
 */
export async function ensureDaemon(server: string, env: Env, options: StartOptions): Promise<Started> {
  const found = await findDaemon(server, env);
  if (found.state === 'running') return { client: found.client, socket: found.socket, fresh: false };
  if (found.state === 'silent') throw silent(found);

  const child = await spawnDaemon(server, env, options.program);
  let ended: number | string | null = null;
  void child.ended.then((how) => {
    ended = how;
  });
  const deadline = performance.now() + (options.limit ?? 10_000);
  for (let pause = 5; ; pause = Math.min(pause * 2, 200)) {
    await new Promise((done) => setTimeout(done, pause));
    // Read before the look: when it had ended by then and nobody answers, nobody will. It also ends when another one
    // was faster, and then that one answers.
    const wasOver = ended;
    const now = await findDaemon(server, env, 500);
    if (now.state === 'running') {
      return { client: now.client, socket: now.socket, fresh: now.client.hello.pid === child.pid };
    }
    if (wasOver !== null && now.state !== 'silent') throw didNotStart(server, env, `it ended (${wasOver})`);
    if (performance.now() > deadline) {
      if (now.state === 'silent') throw silent(now);
      throw didNotStart(server, env, `it does not answer on ${now.socket}`);
    }
  }
}

/**
 * Starts a daemon where none answers, without waiting for it: for those who have something better to do.
 *
 * @throws CwError `failed` when it could not be started at all.
 */
export async function wake(server: string, env: Env, program: StartOptions['program']): Promise<void> {
  const found = await findDaemon(server, env, 300);
  if (found.state === 'running') found.client.close();
  if (found.state === 'running' || found.state === 'silent') return;
  await spawnDaemon(server, env, program);
}

async function spawnDaemon(
  server: string,
  env: Env,
  [program, ...args]: StartOptions['program'],
): Promise<Detached> {
  const output = outputFile(server, env);
  mkdirSync(join(output, '..'), { recursive: true, mode: 0o700 });
  const { spawnDetached } = await import('../system/detached.js');
  try {
    const child = await spawnDetached(program, args, { env: daemonEnv(server, env), output });
    noteStarting(server, env, child.pid);
    return child;
  } catch (error) {
    throw new CwError('failed', `The daemon could not be started: ${messageOf(error)}.`, { cause: error });
  }
}

/**
 * The environment of a daemon: nothing of the terminal, npm or agent that it is started from, since it may start the
 * tmux server later; but the same tmux server as ours, and the same places for files.
 */
export function daemonEnv(server: string, env: Env): Env {
  return {
    ...serverEnv(env),
    CW_TMUX_SOCKET: server,
    ...(env.CW_TEST === undefined ? {} : { CW_TEST: env.CW_TEST }),
  };
}

/** The failure for a daemon that listens and does not answer. */
export function silent(found: { readonly socket: string; readonly why?: string }): CwError {
  return new CwError(
    'failed',
    `A daemon listens on ${found.socket} and does not answer${found.why ? ` (${found.why})` : ''}.`,
    { hint: 'It may be stopped (Ctrl-Z, SIGSTOP) or very busy. Continue it, or end it; then try again.' },
  );
}

function didNotStart(server: string, env: Env, why: string): CwError {
  const said = [outputFile(server, env), logFile(server, env)].flatMap((file) => lastLines(file, 8));
  return new CwError('failed', `The daemon did not start: ${why}.`, {
    hint: [...said, `In the foreground: cw daemon run. Its log: ${logFile(server, env)}`].join('\n'),
  });
}

function lastLines(file: string, count: number): string[] {
  try {
    return (readTextIfAny(file) ?? '').split('\n').filter(Boolean).slice(-count);
  } catch (error) {
    return [`${file} cannot be read: ${messageOf(error)}`];
  }
}
