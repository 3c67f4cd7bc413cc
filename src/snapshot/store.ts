import { CwError } from '../errors.js';
import { type FileLayer, realFiles } from '../system/file-layer.js';
import { type LockOptions, withLock } from '../system/lock.js';
import type { BlobStore } from './blobs.js';
import type { Header, SnapshotDraft } from './encode.js';
import { snapshotFormat } from './format.js';
import type { Migration } from './migrate.js';
import type { Reason, Snapshot } from './model.js';
import { type RetentionPolicy, retain } from './retention.js';
import { newerFormat, settle } from './store-journal.js';
import { type SaveOptions, type SaveResult, StoreCache, saveItems } from './store-save.js';
import { type Place, Shelf, type StoreFinding } from './store-shelf.js';

export type { SnapshotDraft } from './encode.js';
export { settle } from './store-journal.js';
export { type SaveOptions, type SaveResult, type ServerLife, StoreCache } from './store-save.js';
export type { StoreFinding } from './store-shelf.js';

/** A snapshot in a list. */
export interface SnapshotEntry {
  readonly sequence: number;
  /** What a user types to name it: the sequence. */
  readonly id: string;
  readonly workspace: string;
  readonly at: string;
  readonly reason: Reason;
  readonly note: string | null;
  readonly windows: number;
  readonly panes: number;
  /** Of the file, without the scrollback that it shares with others. */
  readonly bytes: number;
  readonly pinned: boolean;
  /** Another text for each life of the tmux server. */
  readonly life: string;
  /** It has fewer windows or panes than the one before it had. */
  readonly poorer: boolean;
  /** Poorer, and read when it was not certain that the server lived. It is never the latest. */
  readonly doubtful: boolean;
}

export interface StoreOptions {
  readonly files?: FileLayer;
  /** Shared by the stores of a process that saves often. */
  readonly cache?: StoreCache;
  /** How older formats become the present one. */
  readonly migrations?: Readonly<Record<number, Migration>>;
}

/**
 * The snapshots of one workspace. What is written is on the disk, whole, before the promise is kept; what does not
 * read is set aside in `damaged/`, told by `takeFindings`, and the one before it is used. Reading needs no lock;
 * what changes takes the workspace's own.
 */
export class SnapshotStore {
  private readonly shelf: Shelf;
  private readonly cache: StoreCache;
  private held = false;

  /**
   * @param registryFolder the folder of this host's and tmux server's workspaces
   */
  constructor(
    private readonly registryFolder: string,
    readonly workspace: string,
    private readonly options: StoreOptions = {},
  ) {
    this.shelf = new Shelf(registryFolder, workspace, options.files ?? realFiles);
    this.cache = options.cache ?? new StoreCache();
  }

  /**
   * The newest snapshot that reads, or null when there is none. Doubtful ones are passed over.
   *
   * @throws CwError `refused` when a newer cw has written a newer one.
   */
  async latest(): Promise<Snapshot | null> {
    for (let attempt = 0; ; attempt++) {
      let isVanished = false;
      for (const place of this.shelf.places()) {
        const read = await this.decode(place);
        if (read === null) isVanished = true;
        if (read && !read.doubtful) return read.snapshot;
        // An amended one went away while we looked: what took its place is newer than all the rest.
        if (isVanished && attempt < 5) break;
      }
      if (!isVanished || attempt >= 5) return null;
    }
  }

  /**
   * @throws CwError `not-found` when there is no such snapshot, `failed` when it does not read, `refused` when a
   * newer cw has written it.
   */
  async read(sequence: number): Promise<Snapshot> {
    const places = this.shelf.places().filter((place) => place.sequence === sequence);
    for (const place of places) {
      const read = await this.decode(place);
      if (read) return read.snapshot;
    }
    if (places.length === 0) throw this.noSuch(sequence);
    const finding = this.shelf.findings.findLast((one) => places.some((place) => place.file === one.path));
    throw new CwError('failed', `Snapshot ${sequence} cannot be read: ${finding?.why ?? 'it went away'}.`, {
      hint: finding?.movedTo
        ? `It was set aside as ${finding.movedTo}. "cw snapshots" lists the others.`
        : '"cw snapshots" lists the others.',
    });
  }

  /**
   * All snapshots, newest first, from their first lines alone: those that are damaged further on are listed. Ones
   * that do not read are told by `takeFindings`.
   *
   * @throws CwError `refused` when a newer cw has written one of them.
   */
  async list(): Promise<SnapshotEntry[]> {
    const { entries } = this.survey();
    return entries.filter((entry) => !entry.isReplaced).map(({ entry }) => entry);
  }

  /**
   * The newest one that a restore would take, by its first lines alone, which is all that is read. null: there is none.
   *
   * @throws CwError `refused` when a newer cw has written it.
   */
  newest(): SnapshotEntry | null {
    for (const place of this.shelf.places()) {
      const header = this.shelf.header(place);
      if (header && !header.doubtful) return entryOf(header, this.shelf.isPinned(place.sequence));
    }
    return null;
  }

  /**
   * Saves a reading. Nothing is written when nothing changed; a change of what panes show amends the newest one
   * within its minute; any other change makes a version.
   *
   * @throws CwError `refused` when a newer cw has saved this workspace; `failed` when it cannot be written or is
   * locked for long. Nothing that was saved before is lost then.
   */
  async save(draft: SnapshotDraft, options: SaveOptions): Promise<SaveResult> {
    const [result] = await saveAll([{ store: this, draft, options }]);
    if (result instanceof Error) throw result;
    return result!;
  }

  /** Keeps a snapshot until it is unpinned. @throws CwError `not-found` */
  async pin(sequence: number): Promise<void> {
    const { files, folders } = this.shelf;
    await this.locked(async () => {
      if (!this.has(sequence)) throw this.noSuch(sequence);
      if (this.shelf.isPinned(sequence)) return;
      await files.makeFolder(folders.pins);
      files.create(this.shelf.pinFile(sequence), '');
      await files.syncFolder(folders.pins);
    });
  }

  async unpin(sequence: number): Promise<void> {
    const { files, folders } = this.shelf;
    await this.locked(async () => {
      if (!this.shelf.isPinned(sequence)) return;
      files.unlink(this.shelf.pinFile(sequence));
      await files.syncFolder(folders.pins);
    });
  }

  /** @throws CwError `not-found`; `refused` when it is pinned. */
  async remove(sequence: number): Promise<void> {
    await this.locked(async () => {
      if (!this.has(sequence)) throw this.noSuch(sequence);
      if (this.shelf.isPinned(sequence))
        throw new CwError('refused', `Snapshot ${sequence} is pinned.`, { hint: 'Unpin it first.' });
      await this.drop([sequence]);
    });
  }

  /**
   * Drops what the policy does not keep.
   *
   * @param now milliseconds since 1970
   * @returns what was dropped, newest first.
   */
  async prune(policy: RetentionPolicy, now: number): Promise<SnapshotEntry[]> {
    return await this.locked(async () => {
      const { files, folders } = this.shelf;
      files.sweepLitter(folders.folder);
      files.sweepLitter(folders.snapshots);
      const { entries } = this.survey();
      const isGone = (one: Surveyed) => one.isReplaced && !one.entry.pinned;
      const visible = entries.filter((one) => !isGone(one)).map((one) => one.entry);
      const dropped = new Set(retain(visible, policy, now).drop);
      for (const one of entries) if (isGone(one)) dropped.add(one.entry);
      await this.drop([...dropped].map((entry) => entry.sequence));
      return [...dropped].sort((a, b) => b.sequence - a.sequence);
    });
  }

  /**
   * Runs `work` while this workspace's lock is held, and gives it a store that does not take it again.
   *
   * @throws CwError `failed` naming the holder when it is not free in time.
   */
  async locked<T>(work: (store: SnapshotStore) => Promise<T> | T, options: LockOptions = {}): Promise<T> {
    if (this.held) return await work(this);
    const { files, folders } = this.shelf;
    const inner = new SnapshotStore(this.registryFolder, this.workspace, {
      ...this.options,
      cache: this.cache,
    });
    inner.held = true;
    try {
      return await withLock(folders.lock, () => work(inner), { files, ...options });
    } finally {
      this.shelf.findings.push(...inner.takeFindings());
    }
  }

  /** What did not read since the last call, and where it was put. */
  takeFindings(): StoreFinding[] {
    return this.shelf.findings.splice(0);
  }

  /** For `saveAll`. */
  item(draft: SnapshotDraft, options: SaveOptions) {
    return { shelf: this.shelf, held: this.held, cache: this.cache, draft, options };
  }

  /** The headers of all there is, newest first. */
  private survey(): { entries: Surveyed[] } {
    const pins = this.shelf.pins();
    const entries: Surveyed[] = [];
    const replaced = new Set<number>();
    for (const place of this.shelf.places()) {
      const header = this.shelf.header(place);
      if (header === null) continue;
      if (header.replaces !== null) replaced.add(header.replaces);
      const isPinned = pins.has(place.sequence);
      entries.push({
        entry: entryOf(header, isPinned),
        isReplaced: replaced.has(place.sequence) && !isPinned,
      });
    }
    return { entries };
  }

  private async drop(sequences: readonly number[]): Promise<void> {
    if (sequences.length === 0) return;
    const { files, folders } = this.shelf;
    await settle(this.registryFolder, files);
    const dropped = new Set(sequences);
    for (const place of this.shelf.places()) {
      if (dropped.has(place.sequence) && place.file !== null) files.unlink(place.file);
    }
    if (files.state(folders.snapshots) !== null) await files.syncFolder(folders.snapshots);
  }

  private has(sequence: number): boolean {
    return this.shelf.places().some((place) => place.sequence === sequence);
  }

  private noSuch(sequence: number): CwError {
    return new CwError('not-found', `Workspace ${this.workspace} has no snapshot ${sequence}.`, {
      hint: '"cw snapshots" lists those that there are.',
    });
  }

  /** The snapshot at a place; null when it went away; undefined when it does not read. */
  private async decode(place: Place) {
    // Here and not at the top: the schema library takes longer to load than a save takes.
    const { decode } = await import('./decode.js');
    const expected = { workspace: this.workspace, sequence: place.sequence };
    let found = false;
    for (const { path, isFile, bytes } of this.shelf.copies(place)) {
      found = true;
      const read = decode(bytes, expected, this.options.migrations);
      if (read.kind === 'newer') throw newerFormat(path, read.format);
      if (read.kind === 'snapshot') return read;
      if (isFile) await this.shelf.setAside(path, read.why);
      else this.shelf.report(path, read.why);
    }
    return found ? undefined : null;
  }
}

interface Surveyed {
  readonly entry: SnapshotEntry;
  /** A newer one was amended from it, and it could not be taken away yet. */
  readonly isReplaced: boolean;
}

function entryOf(header: Header, pinned: boolean): SnapshotEntry {
  const { sequence, workspace, at, reason, note, windows, panes, bytes, life, poorer, doubtful } = header;
  return {
    sequence,
    id: String(sequence),
    workspace,
    at,
    reason,
    note,
    windows,
    panes,
    bytes,
    pinned,
    life,
    poorer,
    doubtful,
  };
}

/**
 * Saves many workspaces of one tmux server at once. When many of them changed, they are written as one file that
 * `settle` splits up later: call it when there is time.
 *
 * @param blobs with texts that the drafts name and that are not stored yet: they are, when the promise is kept.
 * @returns for each, in order, its result or what went wrong with it: one that fails holds up no other.
 */
export async function saveAll(
  saves: readonly { store: SnapshotStore; draft: SnapshotDraft; options: SaveOptions }[],
  blobs: BlobStore | null = null,
): Promise<(SaveResult | Error)[]> {
  return await saveItems(
    saves.map(({ store, draft, options }) => store.item(draft, options)),
    blobs,
  );
}

export { snapshotFormat };
