import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { isCwError, systemCode } from '../errors.js';
import { collectBlobs } from '../snapshot/blobs-collect.js';
import { withLock } from '../system/lock.js';
import { runtimeFolder, stateFolder } from '../system/paths.js';
import type { Connection } from '../tmux/connection.js';
import { processConnection } from '../tmux/process-connection.js';
import { readSessions } from '../tmux/reading.js';
import { endServer } from '../tmux/server.js';
import type { Registry } from '../workspace/registry.js';

/** Something of ours that nobody uses any more. */
export interface Leftover {
  readonly kind: 'socket' | 'scratch server' | 'half-built session' | 'text' | 'log' | 'blobs';
  /** Its path, or its name. */
  readonly what: string;
}

export interface LeftoverOptions {
  readonly connection: Connection;
  readonly registry: Registry;
  readonly env: NodeJS.ProcessEnv;
  readonly dryRun: boolean;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Takes away what crashes left of ours: sockets that nobody listens on, rehearsals' servers that outlived their hour,
 * sessions that an interrupted opening left, text that a restore was to print, old logs, and text that no snapshot
 * names. Ours is what lies in a folder of ours that nobody else may write to, under a name that we give; stale is what
 * certainly has no owner. Whatever is not both stays.
 *
 * @returns what went, or would go. Blobs are counted only when they went.
 */
export async function removeLeftovers(options: LeftoverOptions): Promise<Leftover[]> {
  const { registry, env, dryRun } = options;
  const found = [
    ...(await staleSockets(env, dryRun)),
    ...(await halfBuilt(options)),
    ...oldFiles(registry, env, dryRun),
  ];
  if (dryRun) return found;
  const { removed } = await collectBlobs(registry.folder, Date.now());
  return removed > 0 ? [...found, { kind: 'blobs', what: `${removed} pieces of text` }] : found;
}

/** The folders of our sockets, and what their names look like. */
function socketPlaces(env: NodeJS.ProcessEnv): readonly (readonly [folder: string, name: RegExp])[] {
  const runtime = runtimeFolder(env);
  return [
    // The daemon's, one of a rehearsal's server, and one that is being published.
    [runtime, /^([A-Za-z0-9_-]+-[0-9a-f]{8}\.sock|verify-[0-9a-f]{10}|\.[0-9a-f]{10})$/],
    [join(runtime, 'nvim'), /^[0-9a-f]+\.sock$/],
    // Of daemons whose path would be too long.
    [`/tmp/cw-${userInfo().uid}`, /^([0-9a-f]{16}\.sock|\.[0-9a-f]{10})$/],
  ];
}

async function staleSockets(env: NodeJS.ProcessEnv, dryRun: boolean): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const [folder, pattern] of socketPlaces(env)) {
    for (const name of isOurs(folder) ? namesIn(folder) : []) {
      const path = join(folder, name);
      const age = pattern.test(name) ? ageOf(path, 'socket') : null;
      // One that was just made is not listened on yet.
      if (age === null || age < minute) continue;
      const answer = await knock(path);
      if (answer === 'refused') {
        if (!dryRun) rmSync(path, { force: true });
        found.push({ kind: 'socket', what: path });
      } else if (answer === 'open' && name.startsWith('verify-') && age > hour) {
        // What a rehearsal starts ends by itself within ten minutes: this one was kept alive by a fault.
        if (dryRun || (await ends(path, env))) found.push({ kind: 'scratch server', what: path });
      }
    }
  }
  return found;
}

/** A folder of the user's own that nobody else may write to. */
function isOurs(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** Milliseconds since it was made or written; null: it is no such thing, or not the user's. */
function ageOf(path: string, kind: 'socket' | 'file'): number | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.uid !== process.getuid?.()) return null;
  if (kind === 'socket' ? !found.isSocket() : !found.isFile()) return null;
  return Date.now() - found.mtimeMs;
}

/** `unknown`: busy, stopped, closed to us. That is no proof of anything. */
function knock(socket: string): Promise<'open' | 'refused' | 'unknown'> {
  return new Promise((done) => {
    const probe = connect(socket);
    const end = (answer: 'open' | 'refused' | 'unknown') => {
      clearTimeout(timer);
      probe.destroy();
      done(answer);
    };
    const timer = setTimeout(() => end('unknown'), 1000);
    probe.once('connect', () => end('open'));
    probe.once('error', (error) => end(systemCode(error) === 'ECONNREFUSED' ? 'refused' : 'unknown'));
  });
}

async function ends(socketPath: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    await endServer(processConnection({ args: ['-S', socketPath], socketPath }, env));
    rmSync(socketPath, { force: true });
    return true;
  } catch (error) {
    if (isCwError(error)) return false; // it does not end, or is none of tmux: it stays
    throw error;
  }
}

/** Sessions of builders that were killed: whoever builds holds the lock, so with it in hand none is a living one's. */
async function halfBuilt({ connection, registry, dryRun }: LeftoverOptions): Promise<Leftover[]> {
  try {
    return await withLock(
      registry.buildLock(),
      async () => {
        const server = await readSessions(connection);
        const left = (server?.sessions ?? []).filter(
          ({ name, workspace, attached }) =>
            /^cw-tmp-[0-9a-f]{10}(-start)?$/.test(name) && workspace === null && attached === 0,
        );
        if (!dryRun && left.length > 0)
          await connection.batch(left.map(({ id }) => ['kill-session', '-t', id]));
        return left.map(({ name }) => ({ kind: 'half-built session', what: name }) as const);
      },
      { wait: 0 },
    );
  } catch (error) {
    if (isCwError(error)) return []; // somebody builds right now, or tmux does not answer
    throw error;
  }
}

function oldFiles(registry: Registry, env: NodeJS.ProcessEnv, dryRun: boolean): Leftover[] {
  const found: Leftover[] = [];
  const take = (kind: Leftover['kind'], folder: string, pattern: RegExp, limit: number) => {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const age = pattern.test(name) ? ageOf(path, 'file') : null;
      if (age === null || age < limit) continue;
      if (!dryRun) rmSync(path, { force: true });
      found.push({ kind, what: path });
    }
  };
  for (const { id } of registry.readAll().records)
    take('text', join(registry.workspaceFolder(id), 'restore'), /./, hour);
  // Only what was put aside: the log itself goes on.
  take('log', join(registry.folder, 'logs'), /^daemon\.log\.\d+$/, 30 * day);
  take('log', join(stateFolder(env), 'logs'), /^errors\.log\.\d+$/, 30 * day);
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return []; // there is none, or it is closed to us
  }
}
