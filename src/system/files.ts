import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { randomHex } from './random.js';

/** Makes the folder and its parents, 0700: what we keep is the user's own. */
export function ensurePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Writes a file so that a reader sees the old content or the new one, whatever happens in between: a temporary
 * file beside it, fsynced, renamed, and the folder fsynced. Mode 0600 unless said otherwise.
 *
 * @throws the system's error (ENOSPC, EACCES, ...); the temporary file is taken away again.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): void {
  const temporary = `${path}.${process.pid}.${randomHex(4)}.tmp`;
  try {
    const file = openSync(temporary, 'wx', mode);
    try {
      writeFileSync(file, data);
      fchmodSync(file, mode);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The text of a file, or null when there is none. Other failures are thrown. */
export function readTextIfAny(path: string): string | null {
  try {
    // Asked first: an error costs many times what a look does, and most of what is asked for is not there.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return null;
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw error;
  }
}

/** True when the path is a folder (or a link to one) that can be looked at. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    // ENOTDIR, EACCES, ELOOP: for whoever asks there is no folder to be had.
    return false;
  }
}

/** True when the path is a plain file (or a link to one). */
export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // ENOTDIR, EACCES, ELOOP: for whoever asks there is no file to be had.
    return false;
  }
}
