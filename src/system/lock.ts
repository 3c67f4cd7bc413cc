import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { type FileLayer, realFiles, temporaryName } from './file-layer.js';
import { ensurePrivateFolder } from './files.js';
import { bootId, hostId, isAlive, processStart } from './process.js';
import { randomHex } from './random.js';

/**
 * Locks are files made with link(), which is atomic also where O_EXCL is not (NFS). Each says who holds it: host,
 * boot, pid and its start time. A lock is dead when its holder on this host is: another boot, or a process that is
 * gone. One of another host is never taken over.
 */
interface Holder {
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  readonly start: string | null;
}

export interface LockOptions {
  /** Milliseconds to wait for another holder; 30,000 by default. */
  readonly wait?: number;
  /** Called once when the lock is not free at once, with the holder's pid. */
  readonly onWait?: (pid: number) => void;
  readonly files?: FileLayer;
}

/**
 * Runs `work` while holding the lock.
 *
 * @throws CwError `failed` naming the holder when it is not free in time.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T> | T,
  options: LockOptions = {},
): Promise<T> {
  const release = await acquireLock(path, options);
  try {
    return await work();
  } finally {
    release();
  }
}

/** Takes the lock and gives back what releases it. See `withLock`. */
export async function acquireLock(path: string, options: LockOptions = {}): Promise<() => void> {
  const { release, failed } = await acquireLocks([path], options);
  for (const error of failed.values()) throw error;
  return release;
}

/**
 * Takes several locks at once, for little more than the cost of one: making a file is what costs, and all of them
 * are links to one. They are taken in the order of their names, so that two who want the same ones never wait for
 * each other in a circle. All must be on one file system.
 *
 * @returns what releases those that were taken, and why the others were not.
 */
export async function acquireLocks(
  paths: readonly string[],
  options: LockOptions = {},
): Promise<{ release: () => void; failed: Map<string, unknown> }> {
  const files = options.files ?? realFiles;
  const sorted = [...new Set(paths)].sort();
  const failed = new Map<string, unknown>();
  const taken: string[] = [];
  const first = sorted[0];
  if (first === undefined) return { release: () => {}, failed };

  ensurePrivateFolder(dirname(first));
  const ticket = temporaryName(first);
  files.create(ticket, JSON.stringify({ ...self(), nonce: randomHex(8) }));
  const mark = fileMark(ticket);
  const release = () => {
    for (const path of taken.splice(0)) {
      // Only our own: a lock that was taken away by hand and made anew is somebody else's.
      if (fileMark(path) === mark) files.unlink(path);
    }
  };
  try {
    for (const path of sorted) {
      try {
        await take(path, ticket, files, options);
        taken.push(path);
      } catch (error) {
        failed.set(path, error);
      }
    }
  } finally {
    files.unlink(ticket);
  }
  return { release, failed };
}

async function take(path: string, ticket: string, files: FileLayer, options: LockOptions): Promise<void> {
  if (tryLink(ticket, path, files)) return;
  const deadline = performance.now() + (options.wait ?? 30_000);
  let told = false;
  for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
    if (tryLink(ticket, path, files)) return;
    const seen = readLock(path, files);
    if (seen === null) continue;
    const holder = parseHolder(seen);
    if (isDead(holder, path, files)) {
      takeAway(path, seen, files);
      continue;
    }
    if (!told && holder) options.onWait?.(holder.pid);
    told = true;
    if (performance.now() > deadline) {
      const who = holder
        ? `process ${holder.pid}${holder.host === self().host ? '' : ' of another host'}`
        : 'an unreadable holder';
      throw new CwError('failed', `${path} is locked by ${who}.`, {
        hint: 'Wait until that command is done, or end it; then try again.',
      });
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

function tryLink(ticket: string, path: string, files: FileLayer): boolean {
  try {
    return files.link(ticket, path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    ensurePrivateFolder(dirname(path));
    return files.link(ticket, path);
  }
}

let known: Holder | undefined;

/** This process as a holder: none of it changes while it lives. */
function self(): Holder {
  known ??= { host: hostId(), boot: bootId(), pid: process.pid, start: processStart(process.pid) };
  return known;
}

/** What tells a file from another one of the same name: its inode, and when that was written. */
function fileMark(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.ino} ${found.mtimeNs}`;
}

function readLock(path: string, files: FileLayer): string | null {
  return files.read(path)?.toString('utf8') ?? null;
}

function parseHolder(text: string): Holder | null {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    if (typeof value.host === 'string' && typeof value.pid === 'number' && typeof value.boot === 'string') {
      return { host: value.host, boot: value.boot, pid: value.pid, start: value.start ?? null };
    }
  } catch {
    // Falls through: an unreadable lock is judged by its age.
  }
  return null;
}

function isDead(holder: Holder | null, path: string, files: FileLayer): boolean {
  if (!holder) {
    // link() publishes whole files only, so an unreadable one is damage (a full disk, a crash of the machine).
    const age = Date.now() - (files.state(path)?.mtimeMs ?? 0);
    return Math.abs(age) > 10_000;
  }
  if (holder.host !== self().host) return false;
  return holder.boot !== self().boot || !isAlive(holder.pid, holder.start);
}

/**
 * Takes a dead lock away. Two who see it dead at once must not remove the lock that the faster one has made
 * anew: rename is atomic, and what was moved is looked at before it is thrown away.
 */
function takeAway(path: string, seen: string, files: FileLayer): void {
  const aside = temporaryName(path);
  try {
    files.rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if (readLock(aside, files) !== seen) files.link(aside, path);
  files.unlink(aside);
}
