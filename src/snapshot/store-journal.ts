import { dirname, join } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { type FileLayer, realFiles } from '../system/file-layer.js';
import { withLock } from '../system/lock.js';
import { isAlive } from '../system/process.js';
import { randomHex } from '../system/random.js';
import { headerLine, readHeaderLine } from './encode.js';
import { snapshotFormat } from './format.js';
import { sequenceOf, storeFolders } from './store-folder.js';

/**
 * Many snapshots in one file. To make a file and to wait for the disk is what a save costs, and both cost as much
 * for 200 small files as for 200 large ones; so a save of many workspaces writes one file, `journal/<name>.journal`,
 * and its snapshots are theirs as soon as that is on the disk. `settle` makes the single files out of it, later.
 *
 * The order keeps every moment safe: who reads looks into the journals first and into the folders then, and a
 * journal goes away only when all of its snapshots are on the disk under their own names. Who takes a snapshot
 * away settles first, so that no journal brings it back.
 */
export interface JournalEntry {
  readonly workspace: string;
  /** The name of the snapshot's file. */
  readonly name: string;
  readonly sequence: number;
  readonly journal: string;
  readonly position: number;
  readonly bytes: number;
  /** The journal's first line. */
  readonly line: Buffer;
}

export interface JournalPart {
  readonly workspace: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const suffix = '.journal';
/** Enough for a first line that names some fifty snapshots. */
const firstLineMostly = 4096;
/** Far more than the first line of 10,000 workspaces. */
const firstLineLimit = 2 * 1024 * 1024;

function journalFolder(registryFolder: string): string {
  return join(registryFolder, 'journal');
}

/** A file that is on the disk and has yet to get its name. */
export interface Staged {
  readonly temporary: string;
  readonly target: string;
}

/** Writes the snapshots in one file. They are theirs when that has its name, and the name is on the disk. */
export async function stageJournal(
  registryFolder: string,
  parts: readonly JournalPart[],
  files: FileLayer,
): Promise<Staged> {
  const folder = journalFolder(registryFolder);
  await files.makeFolder(folder);
  const target = newPath(folder);
  return { temporary: await files.stage(target, journalBytes(parts, {})), target };
}

/** @param marks of the first line. */
function journalBytes(parts: readonly JournalPart[], marks: { readonly ahead?: true }): Buffer {
  const entries = parts.map(({ workspace, name, bytes }) => [workspace, name, bytes.length]);
  const line = Buffer.from(headerLine({ format: snapshotFormat, ...marks, entries }));
  return Buffer.concat([line, ...parts.map((part) => part.bytes)]);
}

function newPath(folder: string): string {
  return join(folder, `${Date.now()}-${process.pid}-${randomHex(4)}${suffix}`);
}

/** False where the process that made a journal is gone. */
function isOwned(path: string): boolean {
  const pid = /\/\d+-(\d+)-[0-9a-f]+\.journal$/.exec(path)?.[1];
  return pid !== undefined && isAlive(Number(pid), null);
}

/** Of a journal that is made ahead: room for a save of some fifty workspaces. */
const aheadBytes = 256 * 1024;
/** On a disk that is nearly full saves fail and say so, and are not crammed into what was set apart. */
const leastFree = 1024 * 1024;

/**
 * A journal that is there before it is needed, all zeros, its bytes and its name on the disk. A save writes over it and
 * waits once for its data, where a new file takes two waits, for its bytes and for its name, and the file system's own
 * journal both times. For a process that saves often. Nobody else writes to it while it is empty, and its owner does
 * not while it is full: `settle` empties it.
 */
export class JournalAhead {
  path: string | null = null;
  private isEmpty = false;

  constructor(private readonly files: FileLayer = realFiles) {}

  get isReady(): boolean {
    return this.path !== null && this.isEmpty;
  }

  /** Makes one where there is none. */
  async prepare(registryFolder: string): Promise<void> {
    const { files } = this;
    if (this.path !== null && files.state(this.path) !== null) return;
    this.path = null;
    const folder = journalFolder(registryFolder);
    await files.makeFolder(folder);
    if (files.free(folder) < leastFree) return;
    const target = newPath(folder);
    files.publish(await files.stage(target, Buffer.alloc(aheadBytes)), target);
    await files.syncFolder(folder);
    this.path = target;
    this.isEmpty = true;
  }

  /**
   * Writes the snapshots into it. They are theirs when the promise is kept.
   *
   * @returns false when it has no room, or is no more: nothing was written then.
   * @throws the system's error; the snapshots may be there then, or not.
   */
  async fill(parts: readonly JournalPart[]): Promise<boolean> {
    const { files, path } = this;
    if (path === null || !this.isReady) return false;
    const bytes = journalBytes(parts, { ahead: true });
    if (bytes.length > aheadBytes || files.free(dirname(path)) < leastFree) return false;
    this.isEmpty = false;
    try {
      await files.overwrite(path, bytes);
      return true;
    } catch (error) {
      this.path = null;
      // Taken away by hand, or on a disk that takes nothing any more: it was not opened.
      if (['ENOENT', 'EROFS', 'EACCES'].includes(systemCode(error) ?? '')) return false;
      files.unlink(path); // what is told as not saved is not to come back
      throw error;
    }
  }

  /** Makes it empty again, after all in it has files of its own. @returns false for a journal that is not this one. */
  async empty(path: string): Promise<boolean> {
    if (path !== this.path) return false;
    await this.files.overwrite(path, Buffer.alloc(1));
    this.isEmpty = true;
    return true;
  }

  /** Takes it away, where it is empty. */
  remove(): void {
    if (this.path !== null && this.isEmpty) this.files.unlink(this.path);
    this.path = null;
    this.isEmpty = false;
  }
}

/** The state of all journals of a server. */
export interface Journals {
  readonly entries: readonly JournalEntry[];
  /** Paths of those that do not read, and why. */
  readonly damaged: readonly { readonly path: string; readonly why: string }[];
  /** Paths of those that were made ahead and hold nothing. */
  readonly empty: readonly string[];
}

/**
 * Reads what the journals hold, without the snapshots themselves.
 *
 * @param ahead the caller's own: while that is empty, nobody else fills it.
 * @throws CwError `refused` when a newer cw has written one.
 */
export function readJournals(
  registryFolder: string,
  files: FileLayer,
  ahead: JournalAhead | null = null,
): Journals {
  const folder = journalFolder(registryFolder);
  const entries: JournalEntry[] = [];
  const damaged: { path: string; why: string }[] = [];
  const empty: string[] = [];
  for (const name of files.names(folder).sort()) {
    if (!name.endsWith(suffix)) continue;
    const path = join(folder, name);
    if (ahead?.isReady && ahead.path === path) {
      empty.push(path);
      continue;
    }
    const size = files.state(path)?.size;
    let start = files.readPart(path, 0, firstLineMostly);
    if (start?.length === firstLineMostly && start[0] !== 0 && !start.includes(0x0a))
      start = files.readPart(path, 0, firstLineLimit);
    if (start === null || size === undefined) continue; // It has been settled just now.
    if (start[0] === 0 && size === aheadBytes) {
      empty.push(path);
      continue;
    }
    const line = readHeaderLine(start);
    if (!line.ok) {
      if (line.newer !== undefined) throw newerFormat(path, line.newer);
      damaged.push({ path, why: line.why });
      continue;
    }
    let position = line.end;
    const first = start.subarray(0, line.end);
    for (const [workspace, file, bytes] of line.value.entries as [string, string, number][]) {
      const sequence = sequenceOf(file);
      // Their own checksums judge the snapshots; here counts only that each lies within the file.
      if (sequence !== null && position + bytes <= size)
        entries.push({ workspace, name: file, sequence, journal: path, position, bytes, line: first });
      position += bytes;
    }
    // What was made ahead is longer, and what it held before follows.
    const isWhole = line.value.ahead === true ? position <= size : position === size;
    if (!isWhole) damaged.push({ path, why: `it has ${size} bytes where ${position} were written` });
  }
  return { entries, damaged, empty };
}

/**
 * Up to `length` bytes of what a journal holds of a snapshot. null: that has a file of its own by now. A journal that
 * was made ahead holds something else then, or soon, and its first line is the first thing of it to change: where it
 * still stands after the reading, what was read is good.
 */
export function readEntry(entry: JournalEntry, files: FileLayer, length = entry.bytes): Buffer | null {
  const { journal, position, bytes, line } = entry;
  const read = files.readPart(journal, position, Math.min(length, bytes));
  return read && files.readPart(journal, 0, line.length)?.equals(line) ? read : null;
}

/**
 * Gives the snapshots of all journals files of their own, and takes the journals away. Any process may do it at any
 * time; what a crash leaves is done by the next one. A workspace whose folder is gone was forgotten, and its
 * snapshots with it.
 *
 * @param ahead the caller's own: it is made empty, and stays.
 * @returns the number of snapshots that were given a file.
 */
export async function settle(
  registryFolder: string,
  files: FileLayer = realFiles,
  ahead: JournalAhead | null = null,
): Promise<number> {
  const folder = journalFolder(registryFolder);
  // Nothing but the one that waits for the next save: that is how it is nearly always.
  const isOwn = (name: string) => ahead?.isReady === true && join(folder, name) === ahead.path;
  if (files.names(folder).every(isOwn)) return 0;
  const lock = join(registryFolder, 'locks', 'journal.lock');
  return await withLock(
    lock,
    async () => {
      files.sweepLitter(journalFolder(registryFolder));
      files.sweepLitter(dirname(lock));
      // Read under the lock: another process may have settled meanwhile.
      const { entries, damaged, empty } = readJournals(registryFolder, files);
      for (const path of empty) if (!isOwned(path)) files.unlink(path);
      const folders = new Set<string>();
      const publish = async (entry: JournalEntry) => {
        const { folder, snapshots } = storeFolders(registryFolder, entry.workspace);
        if (files.state(folder) === null) return;
        const bytes = readEntry(entry, files);
        if (bytes === null) return;
        await files.makeFolder(snapshots);
        const target = join(snapshots, entry.name);
        folders.add(snapshots);
        if (files.state(target)?.size === bytes.length) return;
        files.publish(await files.stage(target, bytes), target);
      };
      // A few at a time: the disk takes their fsyncs together, and the process answers others in between.
      for (let next = 0; next < entries.length; next += 8)
        await Promise.all(entries.slice(next, next + 8).map(publish));
      await Promise.all([...folders].map((folder) => files.syncFolder(folder)));

      const broken = new Set(damaged.map(({ path }) => path));
      for (const path of broken) {
        const aside = join(registryFolder, 'damaged');
        await files.makeFolder(aside);
        files.rename(path, join(aside, path.slice(dirname(path).length + 1)));
      }
      for (const path of new Set(entries.map((entry) => entry.journal))) {
        if (broken.has(path) || (await ahead?.empty(path))) continue;
        files.unlink(path);
      }
      return entries.length;
    },
    { files },
  );
}

export function newerFormat(path: string, format: number): CwError {
  return new CwError(
    'refused',
    `${path} was made by a newer cw (format ${format}; this one knows ${snapshotFormat}).`,
    { hint: 'Update cw. Until then nothing of this workspace is saved, and its file stays as it is.' },
  );
}
