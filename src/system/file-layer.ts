import {
  closeSync,
  fdatasync,
  fsync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { isAlive } from './process.js';
import { randomHex } from './random.js';

/** What a step changes on disk. Reading is no step: it can be cut off anywhere. */
export type FileOperation = 'mkdir' | 'create' | 'write' | 'fsync' | 'rename' | 'link' | 'unlink' | 'touch';

/** Called before each step. Throwing makes the step fail; tests end the process here. */
export type BeforeStep = (operation: FileOperation, path: string) => void;

export interface FileState {
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * The file operations of all that must outlive a crash, each announced before it happens, so that a test can list
 * the steps of a save and end the process at every one of them.
 *
 * Only fsync waits for the disk and is asynchronous. The others end in the kernel's memory within microseconds, a
 * tenth of what a promise of them costs.
 */
export class FileLayer {
  private readonly before: BeforeStep;

  constructor(before: BeforeStep = () => {}) {
    this.before = before;
  }

  /** Makes the folder and its parents, 0700, so that they outlive a crash of the machine. */
  async makeFolder(path: string): Promise<void> {
    if (this.state(path) !== null) return;
    this.before('mkdir', path);
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let made = path; ; made = dirname(made)) {
      await this.syncFolder(dirname(made));
      if (made === first) return;
    }
  }

  /** Makes a new file, 0600, without waiting for the disk. When it cannot be written it is taken away again. */
  create(path: string, data: string): void {
    const file = this.open(path);
    try {
      try {
        this.write(file, path, Buffer.from(data));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  /**
   * Writes `data` to a temporary file beside `target` and waits until it is on the disk. `rename` publishes it.
   *
   * @returns the path of the temporary file.
   * @throws the system's error (ENOSPC, EACCES, ...); the temporary file is taken away again.
   */
  async stage(target: string, data: Uint8Array | readonly Uint8Array[]): Promise<string> {
    const temporary = temporaryName(target);
    const file = this.open(temporary);
    try {
      try {
        for (const part of data instanceof Uint8Array ? [data] : data) this.write(file, temporary, part);
        await this.sync(file, temporary);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return temporary;
  }

  /** Gives a staged file its name; when that fails, the staged file is taken away. */
  publish(temporary: string, target: string): void {
    try {
      this.rename(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** Writes into a file that is there, from `position` on, without waiting for the disk. */
  writeAt(path: string, position: number, data: Uint8Array): void {
    const file = openSync(path, 'r+');
    try {
      this.write(file, path, data, position);
    } finally {
      closeSync(file);
    }
  }

  /**
   * Writes over the beginning of a file whose bytes are all there already, and waits for the disk: of the file's size
   * and place nothing changes, so one wait for its data is enough. The first byte comes last: who reads meanwhile sees
   * the one of before, or all of it.
   */
  async overwrite(path: string, data: Uint8Array): Promise<void> {
    const file = openSync(path, 'r+');
    try {
      if (data.length > 1) this.write(file, path, data.subarray(1), 1);
      this.write(file, path, data.subarray(0, 1), 0);
      await this.sync(file, path, fdatasync);
    } finally {
      closeSync(file);
    }
  }

  /** Bytes that are free for us on the disk of a folder. */
  free(folder: string): number {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  }

  /** Waits until what was written to a file is on the disk. */
  async syncFile(path: string): Promise<void> {
    const file = openSync(path, 'r');
    try {
      await this.sync(file, path);
    } finally {
      closeSync(file);
    }
  }

  rename(from: string, to: string): void {
    this.before('rename', to);
    renameSync(from, to);
  }

  /** @returns false when the name is taken. */
  link(from: string, to: string): boolean {
    this.before('link', to);
    try {
      linkSync(from, to);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** Takes a file away; one that is gone already is fine. */
  unlink(path: string): void {
    this.before('unlink', path);
    try {
      unlinkSync(path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  /** Sets the file's time to now. @returns false when there is no such file. */
  touch(path: string): boolean {
    this.before('touch', path);
    try {
      const now = Date.now() / 1000;
      utimesSync(path, now, now);
      return true;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Waits until the names in a folder are on the disk. */
  async syncFolder(path: string): Promise<void> {
    const folder = openSync(path, 'r');
    try {
      await this.sync(folder, path);
    } finally {
      closeSync(folder);
    }
  }

  /** The names in a folder, in no order; none when there is no such folder. */
  names(path: string): string[] {
    try {
      return readdirSync(path);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  /** The bytes of a file, or null when there is none. */
  read(path: string): Buffer | null {
    try {
      return readFileSync(path);
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** Up to `length` bytes from `position`, or null when there is no such file. */
  readPart(path: string, position: number, length: number): Buffer | null {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
    try {
      const bytes = Buffer.allocUnsafe(length);
      let got = 0;
      while (got < length) {
        const read = readSync(file, bytes, got, length - got, position + got);
        if (read === 0) break;
        got += read;
      }
      return bytes.subarray(0, got);
    } finally {
      closeSync(file);
    }
  }

  /** Size and time of a file or folder, or null when there is none. */
  state(path: string): FileState | null {
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? null : { size: found.size, mtimeMs: found.mtimeMs };
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /**
   * Takes away what a process that died in the middle of its work has left in the folder: temporary files (see
   * `temporaryName`) whose process is gone. Those of living ones stay.
   */
  sweepLitter(folder: string, names: readonly string[] = this.names(folder)): void {
    for (const name of names) {
      const pid = Number(litterPattern.exec(name)?.[1] ?? process.pid);
      if (pid === process.pid) continue;
      const path = `${folder}/${name}`;
      // A pid is used again after a while: what is older than an hour was left by an earlier owner of it.
      const isOld = Date.now() - (this.state(path)?.mtimeMs ?? Date.now()) > 3_600_000;
      if (isOld || !isAlive(pid, null)) this.unlink(path);
    }
  }

  private open(path: string): number {
    this.before('create', path);
    return openSync(path, 'wx', 0o600);
  }

  private write(file: number, path: string, data: Uint8Array, position: number | null = null): void {
    this.before('write', path);
    // write() may take less than it was given (a signal, a disk that fills): the rest tells why.
    for (let done = 0; done < data.length; ) {
      const left = data.length - done;
      done += writeSync(file, data, done, left, position === null ? null : position + done);
    }
  }

  private sync(file: number, path: string, wait: typeof fsync | typeof fdatasync = fsync): Promise<void> {
    this.before('fsync', path);
    return new Promise((done, fail) => {
      wait(file, (error) => {
        // A folder on some file systems cannot be synced, and needs not.
        if (error && error.code !== 'EINVAL' && error.code !== 'ENOTSUP') fail(error);
        else done();
      });
    });
  }
}

export const realFiles = new FileLayer();

const litterPattern = /\.(\d+)\.[0-9a-f]{8}\.tmp$/;

/** A name beside `target` that says which process made it: `<target>.<pid>.<8 hex>.tmp`. */
export function temporaryName(target: string): string {
  return `${target}.${process.pid}.${randomHex(4)}.tmp`;
}

function isAbsent(error: unknown): boolean {
  return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
}
