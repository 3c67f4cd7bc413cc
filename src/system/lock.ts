import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { ensurePrivateFolder } from './files.js';
import { bootId, hostId, isAlive, processStart } from './process.js';

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
  ensurePrivateFolder(dirname(path));
  const mine: Holder = { host: hostId(), boot: bootId(), pid: process.pid, start: processStart(process.pid) };
  const text = JSON.stringify({ ...mine, nonce: randomBytes(8).toString('hex') });
  const deadline = performance.now() + (options.wait ?? 30_000);
  let told = false;
  for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
    if (tryLink(path, text)) {
      return () => {
        // Only our own: after a takeover the file is somebody else's.
        if (readLock(path) === text) rmSync(path, { force: true });
      };
    }
    const seen = readLock(path);
    if (seen === null) continue;
    const holder = parseHolder(seen);
    if (isDead(holder, path)) {
      takeAway(path, seen);
      continue;
    }
    if (!told && holder) options.onWait?.(holder.pid);
    told = true;
    if (performance.now() > deadline) {
      const who = holder
        ? `process ${holder.pid}${holder.host === mine.host ? '' : ' of another host'}`
        : 'an unreadable holder';
      throw new CwError('failed', `${path} is locked by ${who}.`, {
        hint: 'Wait until that command is done, or end it; then try again.',
      });
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

function tryLink(path: string, text: string): boolean {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
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

function isDead(holder: Holder | null, path: string): boolean {
  if (!holder) {
    // link() publishes whole files only, so an unreadable one is damage (a full disk, a crash of the machine).
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return Math.abs(age) > 10_000;
  }
  if (holder.host !== hostId()) return false;
  return holder.boot !== bootId() || !isAlive(holder.pid, holder.start);
}

/**
 * Takes a dead lock away. Two who see it dead at once must not remove the lock that the faster one has made
 * anew: rename is atomic, and what was moved is looked at before it is thrown away.
 */
function takeAway(path: string, seen: string): void {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.dead`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if (readLock(aside) !== seen) {
    try {
      linkSync(aside, path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
  rmSync(aside, { force: true });
}
