import { join } from 'node:path';
import { messageOf, systemCode } from '../errors.js';
import type { FileLayer } from '../system/file-layer.js';
import { type Header, readHeader } from './encode.js';
import { fileName, pinName, readPins, sequenceOf, storeFolders } from './store-folder.js';
import { type JournalEntry, type Journals, newerFormat, readEntry, readJournals } from './store-journal.js';

/** Something that was not as it should be, and what was done about it. */
export interface StoreFinding {
  readonly workspace: string;
  /** Where it was. */
  readonly path: string;
  readonly why: string;
  /** Where it is now; null when it stayed. */
  readonly movedTo: string | null;
}

/** Where a snapshot is: in a file of its own, in a journal, or (while that is settled) in both. */
export interface Place {
  readonly sequence: number;
  readonly name: string;
  readonly file: string | null;
  readonly journal: JournalEntry | null;
}

/** Enough for the header of nearly every snapshot, in one read. */
const headSize = 4096;
/** More than any header: a note is a line of text. */
const headLimit = 1024 * 1024;

/** The snapshots of one workspace as they lie on the disk. */
export class Shelf {
  readonly folders: ReturnType<typeof storeFolders>;
  readonly findings: StoreFinding[] = [];

  constructor(
    readonly registryFolder: string,
    readonly workspace: string,
    readonly files: FileLayer,
  ) {
    this.folders = storeFolders(registryFolder, workspace);
  }

  /** All places, newest first. `journals` when the caller has read them already. */
  places(journals: Journals = readJournals(this.registryFolder, this.files)): Place[] {
    const found = new Map<string, Place>();
    for (const entry of journals.entries) {
      if (entry.workspace === this.workspace)
        found.set(entry.name, { sequence: entry.sequence, name: entry.name, file: null, journal: entry });
    }
    for (const name of this.files.names(this.folders.snapshots)) {
      const sequence = sequenceOf(name);
      if (sequence === null) continue;
      const journal = found.get(name)?.journal ?? null;
      found.set(name, { sequence, name, file: `${this.folders.snapshots}/${name}`, journal });
    }
    // By name where a sequence is there twice (a folder that was copied together): any order that stays the same.
    return [...found.values()].sort((a, b) => b.sequence - a.sequence || (a.name < b.name ? 1 : -1));
  }

  /** The name of the first of all `places`, without what it takes to make them; null when there is none. */
  newest(journals: Journals): string | null {
    const own = journals.entries.filter((entry) => entry.workspace === this.workspace);
    let newest: { sequence: number; name: string } | null = null;
    for (const name of [...own.map((entry) => entry.name), ...this.files.names(this.folders.snapshots)]) {
      const sequence = sequenceOf(name);
      if (sequence === null) continue;
      if (newest && (sequence < newest.sequence || (sequence === newest.sequence && name <= newest.name)))
        continue;
      newest = { sequence, name };
    }
    return newest?.name ?? null;
  }

  /** The copies of a snapshot's bytes: its file's, then its journal's. None when it went away meanwhile. */
  *copies(place: Place): Generator<{ path: string; isFile: boolean; bytes: Buffer }> {
    if (place.file !== null) {
      const bytes = this.readOrReport(place.file);
      if (bytes) yield { path: place.file, isFile: true, bytes };
    }
    if (place.journal === null) return;
    const bytes = readEntry(place.journal, this.files);
    if (bytes) yield { path: place.journal.journal, isFile: false, bytes };
    else if (place.file === null) yield* this.copies(this.settled(place));
  }

  /** Where a snapshot is that was in a journal a moment ago. */
  private settled({ sequence, name }: Place): Place {
    return { sequence, name, file: join(this.folders.snapshots, name), journal: null };
  }

  /** The header of a snapshot, or null (and a finding) when none of its copies has one that reads. */
  header(place: Place): Header | null {
    const { sequence } = place;
    if (place.file !== null) {
      const size = this.files.state(place.file)?.size;
      const found = this.readHead(place.file, 0, size ?? 0);
      if (found !== null && size !== undefined) {
        if (found.ok && found.end + found.header.bytes === size && found.header.sequence === sequence)
          return found.header;
        if (!found.ok && found.newer !== undefined) throw newerFormat(place.file, found.newer);
        if (place.journal === null)
          this.report(place.file, found.ok ? `it has ${size} bytes, and not what was written` : found.why);
      }
    }
    if (place.journal === null) return null;
    const start = readEntry(place.journal, this.files, headLimit);
    if (start === null) return place.file === null ? this.header(this.settled(place)) : null;
    const found = readHeader(start);
    if (found.ok) return found.header;
    this.report(place.journal.journal, found.why);
    return null;
  }

  /** Moves a file that does not read to `damaged/`, under its name; what cannot be moved is reported only. */
  async setAside(path: string, why: string): Promise<void> {
    const { damaged, snapshots } = this.folders;
    const name = path.slice(snapshots.length + 1);
    let target = join(damaged, name);
    for (let copy = 2; this.files.state(target) !== null; copy++) target = join(damaged, `${name}.${copy}`);
    try {
      await this.files.makeFolder(damaged);
      this.files.rename(path, target);
      await this.files.syncFolder(damaged);
    } catch (error) {
      // Another reader has moved it first; or nothing can be moved (a read-only disk), and the finding says so.
      if (systemCode(error) !== 'ENOENT') this.report(path, `${why}; not moved: ${messageOf(error)}`);
      return;
    }
    this.report(path, why, target);
  }

  report(path: string, why: string, movedTo: string | null = null): void {
    if (this.findings.some((finding) => finding.path === path && finding.why === why)) return;
    this.findings.push({ workspace: this.workspace, path, why, movedTo });
  }

  pins(): Set<number> {
    return readPins(this.folders.pins, this.files);
  }

  isPinned(sequence: number): boolean {
    return this.files.state(this.pinFile(sequence)) !== null;
  }

  pinFile(sequence: number): string {
    return join(this.folders.pins, pinName(sequence));
  }

  fileFor(sequence: number, at: string): { name: string; path: string } {
    const name = fileName(sequence, at);
    return { name, path: join(this.folders.snapshots, name) };
  }

  /** A number that no snapshot here has, nor one that was pinned or set aside. */
  nextSequence(places: readonly Place[]): number {
    const aside = this.files
      .names(this.folders.damaged)
      .map((name) => sequenceOf(name.slice(0, namelength)) ?? 0);
    return Math.max(0, ...places.map((place) => place.sequence), ...this.pins(), ...aside) + 1;
  }

  private readHead(path: string, position: number, length: number): ReturnType<typeof readHeader> | null {
    let start = this.files.readPart(path, position, Math.min(length, headSize));
    if (start !== null && start.length === headSize && !start.includes(0x0a))
      start = this.files.readPart(path, position, Math.min(length, headLimit));
    return start === null ? null : readHeader(start);
  }

  private readOrReport(path: string): Buffer | null {
    try {
      return this.files.read(path);
    } catch (error) {
      // A bad sector is damage that moving does not mend; all else (no permission) is nothing to judge a file by.
      if (systemCode(error) !== 'EIO') throw error;
      this.report(path, messageOf(error));
      return null;
    }
  }
}

const namelength = '00000001-20260131T235959Z.json'.length;
