import { dirname } from 'node:path';
import { CwError, isCwError, messageOf, systemCode } from '../errors.js';
import type { FileLayer, FileState } from '../system/file-layer.js';
import { acquireLocks } from '../system/lock.js';
import type { BlobStore } from './blobs.js';
import {
  type Digest,
  digestOf,
  encode,
  type Header,
  type Placement,
  readChecked,
  type SnapshotDraft,
  structureOf,
} from './encode.js';
import { snapshotFormat } from './format.js';
import type { Reason } from './model.js';
import {
  JournalAhead,
  type JournalPart,
  type Journals,
  newerFormat,
  readJournals,
  type Staged,
  stageJournal,
} from './store-journal.js';
import type { Shelf } from './store-shelf.js';

export type ServerLife = 'alive' | 'dying' | 'unknown';

export interface SaveOptions {
  readonly reason: Reason;
  readonly note?: string | null;
  /**
   * Whether the tmux server lived on after the reading. `dying`: it is known to end (a shutdown, an `%exit`).
   * `unknown`: nobody looked. From a server that may be dying windows are missing that the user never closed. A
   * function is asked only where something changed.
   */
  readonly server: ServerLife | (() => Promise<ServerLife>);
  readonly now?: Date;
}

export interface SaveResult {
  readonly written: boolean;
  /** The snapshot that holds this state now; null when there is none. */
  readonly sequence: number | null;
  /** True when it took the place of the newest one. */
  readonly amended: boolean;
  /**
   * Why it was not kept. `empty`: it has no windows, or a window without panes. `dying`: the server was ending, and
   * the reading differs in more than what the panes show.
   */
  readonly refused?: 'empty' | 'dying';
  /** True when it was kept, but is never the latest: poorer than the one before, from a server that may have died. */
  readonly doubtful?: boolean;
}

/** What a save has to know of the snapshots before it. */
interface Known {
  /** The file with the highest number; null when there is none. */
  readonly newest: string | null;
  readonly next: number;
  /** The latest: what a new reading is compared with. */
  readonly base: Header | null;
  /** A doubtful one that is newer than the base. */
  readonly doubtful: Header | null;
  /** The state of the base's file; null while it is in a journal. */
  readonly baseFile: FileState | null;
  readonly folderTime: number;
  readonly checkedAt: number;
}

/**
 * What is known of each workspace's newest snapshot, so that a save that changes nothing reads nothing. For a
 * process that saves often. Each use is checked against names, sizes and times on the disk.
 */
export class StoreCache {
  readonly known = new Map<string, Known>();
  readonly ahead: JournalAhead;

  constructor(files?: FileLayer) {
    this.ahead = new JournalAhead(files);
  }
}

export interface SaveItem {
  readonly shelf: Shelf;
  /** True when the caller holds the workspace's lock. */
  readonly held: boolean;
  readonly cache: StoreCache;
  readonly draft: SnapshotDraft;
  readonly options: SaveOptions;
}

/** An item that knows whether its server lived on. */
interface Asked extends SaveItem {
  readonly options: SaveOptions & { readonly server: ServerLife };
}

async function ask(item: SaveItem): Promise<Asked> {
  const { server } = item.options;
  const life = typeof server === 'function' ? await server() : server;
  return { ...item, options: { ...item.options, server: life } };
}

/** From so many changed workspaces on they are written as one file, a journal. */
const journalFrom = 4;
/** Times of files move in ticks: a folder that changed just before it was looked at can change again unseen. */
const tick = 50;

interface Write {
  readonly item: SaveItem;
  readonly header: Header;
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly path: string;
  readonly known: Known;
}

/**
 * Saves many workspaces of one server at once: the result of each, or what went wrong with it, in the order of the
 * items. When a promise is kept, all of it is on the disk.
 *
 * @param blobs with texts that the drafts name and that are not stored yet. They are written side by side with them.
 */
export async function saveItems(
  items: readonly SaveItem[],
  blobs: BlobStore | null,
): Promise<(SaveResult | Error)[]> {
  const first = items[0];
  if (first === undefined) return [];
  const { registryFolder, files } = first.shelf;
  const results: (SaveResult | Error)[] = new Array(items.length);
  const changed: { item: Asked; digest: Digest; index: number }[] = [];
  const { ahead } = first.cache;
  const before = readJournals(registryFolder, files, ahead);
  for (const [index, wanted] of items.entries()) {
    const digest = digestOf(wanted.draft);
    const cached = wanted.cache.known.get(wanted.shelf.workspace);
    const known = cached === undefined ? null : revalidate(wanted.shelf, cached, before);
    if (known) wanted.cache.known.set(wanted.shelf.workspace, known);
    const equal = known === null ? null : equalToLatest(wanted, digest, known);
    if (equal) {
      results[index] = equal;
      continue;
    }
    const item = await ask(wanted);
    // No lock for what changes nothing: had another process saved since, this save would have come before it.
    const same = known === null ? null : unchanged(item, digest, known);
    if (same) results[index] = same;
    else changed.push({ item, digest, index });
  }
  if (changed.length === 0) return results;

  const wanted = changed.filter(({ item }) => !item.held).map(({ item }) => item.shelf.folders.lock);
  let locks: Awaited<ReturnType<typeof acquireLocks>>;
  try {
    locks = await acquireLocks(wanted, { files });
  } catch (error) {
    for (const { item, index } of changed) results[index] = saveError(item, error);
    return results;
  }
  const { release, failed } = locks;
  try {
    const journals = readJournals(registryFolder, files, ahead);
    const writes: (Write & { index: number })[] = [];
    for (const { item, digest, index } of changed) {
      try {
        const locked = failed.get(item.shelf.folders.lock);
        if (locked !== undefined && !item.held) throw locked;
        const planned = await plan(item, digest, journals);
        if ('bytes' in planned) writes.push({ ...planned, index });
        else results[index] = planned;
      } catch (error) {
        results[index] = saveError(item, error);
      }
    }
    const fail = (failed: readonly (Write & { index: number })[], error: Error) => {
      for (const { item, index } of failed) results[index] = saveError(item, error);
    };
    if (writes.length > 0 && ahead.isReady) {
      // What they name has to be on the disk, with its name, before them.
      const written = await settled(
        (blobs?.flush() ?? Promise.resolve()).then(() => ahead.fill(partsOf(writes))),
      );
      if (written instanceof Error) fail(writes, written);
      if (written === true)
        for (const write of writes) results[write.index] = attempt(write, () => done(write, true));
      if (written !== false) return results;
    }
    const together = writes.length >= journalFrom;
    const staged = together
      ? [{ writes, file: settled(stageWritten(registryFolder, writes, files)) }]
      : writes.map((write) => ({ writes: [write], file: settled(stageWrite(write)) }));
    const texts = await settled(blobs?.staged() ?? Promise.resolve());
    // A name must not be on the disk before what it names: the names of texts come first. Journaling file systems keep
    // that order, so one wait is enough for both; on another one a loss of power just here could cost a text.
    const named = texts instanceof Error ? texts : await settled(blobs?.publish() ?? Promise.resolve(null));
    const folders = new Set(typeof named === 'string' ? [named] : []);
    const published: (Write & { index: number })[] = [];
    for (const { writes, file } of staged) {
      const written = await file;
      if (written instanceof Error) fail(writes, written);
      else if (named instanceof Error) {
        files.unlink(written.temporary);
        fail(writes, named);
      } else {
        try {
          files.publish(written.temporary, written.target);
          folders.add(dirname(written.target));
          published.push(...writes);
        } catch (error) {
          fail(writes, error as Error);
        }
      }
    }
    const synced = await settled(Promise.all([...folders].map((folder) => files.syncFolder(folder))));
    if (synced instanceof Error) fail(published, synced);
    else for (const write of published) results[write.index] = attempt(write, () => done(write, together));
    return results;
  } finally {
    release();
  }
}

/** The result for a draft that is as the latest snapshot is, or that none can be made of; else null. */
function equalToLatest({ draft, options }: SaveItem, digest: Digest, { base }: Known): SaveResult | null {
  const { windows } = draft.blueprint;
  const result = { written: false, sequence: base?.sequence ?? null, amended: false } as const;
  if (windows.length === 0 || windows.some((window) => window.panes.length === 0))
    return { ...result, refused: 'empty' };
  // A note asks for a snapshot of its own.
  return !options.note && digest.content === base?.content ? result : null;
}

/** The result for a draft that says nothing new, else null. */
function unchanged(item: Asked, digest: Digest, known: Known): SaveResult | null {
  const equal = equalToLatest(item, digest, known);
  if (equal || item.options.note) return equal;
  const { doubtful } = known;
  return digest.content === doubtful?.content && item.options.server !== 'alive'
    ? { written: false, sequence: doubtful.sequence, amended: false, doubtful: true }
    : null;
}

/** Decides what becomes of a draft, with the lock held. */
async function plan(item: Asked, digest: Digest, journals: Journals): Promise<Write | SaveResult> {
  const { shelf, draft, options } = item;
  if (draft.workspace !== shelf.workspace)
    throw new Error(`a snapshot of ${draft.workspace} for the store of ${shelf.workspace}`);
  const known = await knownOf(item, journals);
  const same = unchanged(item, digest, known);
  if (same) return same;

  const { base } = known;
  const note = options.note || null;
  const structure = structureOf(draft);
  if (options.server === 'dying' && base !== null && structure !== base.structure)
    return { written: false, sequence: base.sequence, amended: false, refused: 'dying' };
  const poorer = base !== null && (digest.windows < base.windows || digest.panes < base.panes);
  const doubtful = poorer && options.server !== 'alive';
  const now = options.now ?? new Date();
  const isAmending =
    base !== null &&
    !doubtful &&
    structure === base.structure &&
    digest.life === base.life &&
    base.format === snapshotFormat &&
    // The minute is the finest step of retention: amending beyond it would leave a minute without a version.
    minuteOf(base.since) === minuteOf(now) &&
    isAutomatic(options.reason, note) &&
    isAutomatic(base.reason, base.note) &&
    !shelf.isPinned(base.sequence);
  const at = now.toISOString();
  const place: Placement = {
    sequence: known.next,
    at,
    since: isAmending ? base.since : at,
    reason: options.reason,
    note,
    poorer,
    doubtful,
    replaces: isAmending ? base.sequence : null,
  };
  return { item, known, ...encode(digest, structure, place), ...shelf.fileFor(known.next, at) };
}

/** Saves that nobody asked for: only such a one is amended, and only by such a one. */
function isAutomatic(reason: Reason, note: string | null): boolean {
  return note === null && (reason === 'change' || reason === 'output' || reason === 'schedule');
}

function minuteOf(time: string | Date): number {
  return Math.floor(new Date(time).getTime() / 60_000);
}

async function stageWrite({ item, bytes, path }: Write): Promise<Staged> {
  const { files, folders } = item.shelf;
  await files.makeFolder(folders.snapshots);
  return { temporary: await files.stage(path, bytes), target: path };
}

function stageWritten(registryFolder: string, writes: readonly Write[], files: FileLayer): Promise<Staged> {
  return stageJournal(registryFolder, partsOf(writes), files);
}

function partsOf(writes: readonly Write[]): JournalPart[] {
  return writes.map(({ item, name, bytes }) => ({ workspace: item.shelf.workspace, name, bytes }));
}

/** What a promise comes to, a failure as a value. */
async function settled<T>(promise: Promise<T>): Promise<T | Error> {
  try {
    return await promise;
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function attempt({ item }: Write, work: () => SaveResult): SaveResult | Error {
  try {
    return work();
  } catch (error) {
    return saveError(item, error);
  }
}

/** After the new one is safe: takes away what it was amended from, and notes what is known now. */
function done({ item, header, name, path, known }: Write, together: boolean): SaveResult {
  const { shelf, cache } = item;
  const { files, folders } = shelf;
  if (known.base !== null && header.replaces !== null) {
    // Where a journal holds it, it comes back when that is settled, and stays hidden until a prune.
    files.unlink(shelf.fileFor(known.base.sequence, known.base.at).path);
  }
  cache.known.set(shelf.workspace, {
    newest: name,
    next: header.sequence + 1,
    base: header.doubtful ? known.base : header,
    doubtful: header.doubtful ? header : null,
    baseFile: header.doubtful ? known.baseFile : together ? null : files.state(path),
    folderTime: files.state(folders.snapshots)?.mtimeMs ?? 0,
    checkedAt: Date.now(),
  });
  return {
    written: true,
    sequence: header.sequence,
    amended: header.replaces !== null,
    ...(header.doubtful ? { doubtful: true } : {}),
  };
}

async function knownOf(item: SaveItem, journals: Journals): Promise<Known> {
  const { shelf, cache } = item;
  const cached = cache.known.get(shelf.workspace);
  const valid = cached === undefined ? null : revalidate(shelf, cached, journals);
  const known = valid ?? (await look(shelf, journals));
  cache.known.set(shelf.workspace, known);
  return known;
}

/** The cached knowledge when the disk still says the same, else null. */
function revalidate(shelf: Shelf, cached: Known, journals: Journals): Known | null {
  const { files, folders } = shelf;
  const folderTime = files.state(folders.snapshots)?.mtimeMs ?? 0;
  const checkedAt = Date.now();
  const isSettled = folderTime === cached.folderTime && Math.abs(cached.checkedAt - folderTime) > tick;
  const isJournaled = journals.entries.some((entry) => entry.workspace === shelf.workspace);
  if ((!isSettled || isJournaled) && shelf.newest(journals) !== cached.newest) return null;
  if (cached.base === null) return { ...cached, folderTime, checkedAt };
  const file = files.state(shelf.fileFor(cached.base.sequence, cached.base.at).path);
  if (cached.baseFile === null) {
    // It was in a journal, and that may have been settled since.
    return file === null && !isJournaled ? null : { ...cached, baseFile: file, folderTime, checkedAt };
  }
  if (file?.size !== cached.baseFile.size || file.mtimeMs !== cached.baseFile.mtimeMs) return null;
  return { ...cached, folderTime, checkedAt };
}

/** Finds the newest that reads. Sets aside what does not, and takes the litter of dead processes away. */
async function look(shelf: Shelf, journals: Journals): Promise<Known> {
  const { files, folders } = shelf;
  files.sweepLitter(folders.folder);
  files.sweepLitter(folders.snapshots);
  const places = shelf.places(journals);
  const next = shelf.nextSequence(places);
  let base: Header | null = null;
  let baseFile: FileState | null = null;
  let doubtful: Header | null = null;
  search: for (const place of places) {
    for (const { path, isFile, bytes } of shelf.copies(place)) {
      const read = readChecked(bytes);
      if (!read.ok && read.newer !== undefined) throw newerFormat(path, read.newer);
      const why = !read.ok
        ? read.why
        : read.header.workspace !== shelf.workspace
          ? `it belongs to workspace ${read.header.workspace}`
          : read.header.sequence !== place.sequence
            ? `it is snapshot ${read.header.sequence}`
            : null;
      if (!read.ok || why !== null) {
        if (isFile) await shelf.setAside(path, why ?? 'it does not read');
        else shelf.report(path, why ?? 'it does not read');
        continue;
      }
      if (read.header.doubtful) {
        doubtful ??= read.header;
        continue search;
      }
      base = read.header;
      baseFile = isFile ? files.state(path) : null;
      break search;
    }
  }
  return {
    newest: shelf.newest(journals),
    next,
    base,
    doubtful,
    baseFile,
    folderTime: files.state(folders.snapshots)?.mtimeMs ?? 0,
    checkedAt: Date.now(),
  };
}

function saveError(item: SaveItem, error: unknown): Error {
  if (isCwError(error)) return error;
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error : new Error(messageOf(error));
  const { name } = item.draft.blueprint;
  const folder = dirname(item.shelf.folders.snapshots);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new CwError(
    'failed',
    full
      ? `Workspace ${name} could not be saved: no space left for ${folder}.`
      : `Workspace ${name} could not be saved: ${messageOf(error)}.`,
    {
      hint: full
        ? 'Make room, or drop old snapshots with "cw prune". The snapshots that were saved before are whole.'
        : `The snapshots that were saved before are whole. Look at ${folder}.`,
      cause: error,
    },
  );
}
