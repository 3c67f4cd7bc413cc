import { dirname, join } from 'node:path';
import { CwError } from '../errors.js';
import { type FileLayer, realFiles } from '../system/file-layer.js';
import { withLock } from '../system/lock.js';
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
}

export interface JournalPart {
  readonly workspace: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const suffix = '.journal';
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
  const entries = parts.map(({ workspace, name, bytes }) => [workspace, name, bytes.length]);
  const line = Buffer.from(headerLine({ format: snapshotFormat, entries }));
  const target = join(folder, `${Date.now()}-${process.pid}-${randomHex(4)}${suffix}`);
  const temporary = await files.stage(target, Buffer.concat([line, ...parts.map((part) => part.bytes)]));
  return { temporary, target };
}

/** The state of all journals of a server. */
export interface Journals {
  readonly entries: readonly JournalEntry[];
  /** Paths of those that do not read, and why. */
  readonly damaged: readonly { readonly path: string; readonly why: string }[];
}

/**
 * Reads what the journals hold, without the snapshots themselves.
 *
 * @throws CwError `refused` when a newer cw has written one.
 */
export function readJournals(registryFolder: string, files: FileLayer): Journals {
  const folder = journalFolder(registryFolder);
  const entries: JournalEntry[] = [];
  const damaged: { path: string; why: string }[] = [];
  for (const name of files.names(folder).sort()) {
    if (!name.endsWith(suffix)) continue;
    const path = join(folder, name);
    const size = files.state(path)?.size;
    // The first line of most fits in 64 KB.
    let start = files.readPart(path, 0, 65_536);
    if (start?.length === 65_536 && !start.includes(0x0a)) start = files.readPart(path, 0, firstLineLimit);
    if (start === null || size === undefined) continue; // It has been settled just now.
    const line = readHeaderLine(start);
    if (!line.ok) {
      if (line.newer !== undefined) throw newerFormat(path, line.newer);
      damaged.push({ path, why: line.why });
      continue;
    }
    let position = line.end;
    for (const [workspace, file, bytes] of line.value.entries as [string, string, number][]) {
      const sequence = sequenceOf(file);
      // Their own checksums judge the snapshots; here counts only that each lies within the file.
      if (sequence !== null && position + bytes <= size)
        entries.push({ workspace, name: file, sequence, journal: path, position, bytes });
      position += bytes;
    }
    if (position !== size) damaged.push({ path, why: `it has ${size} bytes where ${position} were written` });
  }
  return { entries, damaged };
}

/**
 * Gives the snapshots of all journals files of their own, and takes the journals away. Any process may do it at any
 * time; what a crash leaves is done by the next one. A workspace whose folder is gone was forgotten, and its
 * snapshots with it.
 *
 * @returns the number of snapshots that were given a file.
 */
export async function settle(registryFolder: string, files: FileLayer = realFiles): Promise<number> {
  if (!files.names(journalFolder(registryFolder)).length) return 0;
  const lock = join(registryFolder, 'locks', 'journal.lock');
  return await withLock(
    lock,
    async () => {
      files.sweepLitter(journalFolder(registryFolder));
      files.sweepLitter(dirname(lock));
      // Read under the lock: another process may have settled meanwhile.
      const { entries, damaged } = readJournals(registryFolder, files);
      const folders = new Set<string>();
      const publish = async (entry: JournalEntry) => {
        const { folder, snapshots } = storeFolders(registryFolder, entry.workspace);
        if (files.state(folder) === null) return;
        const bytes = files.readPart(entry.journal, entry.position, entry.bytes);
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
        if (!broken.has(path)) files.unlink(path);
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
