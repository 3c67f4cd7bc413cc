import { hash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import pLimit from 'p-limit';
import { messageOf } from '../errors.js';
import { type FileLayer, realFiles } from '../system/file-layer.js';
import { chunkLines, chunkOf, chunkText } from './chunks.js';
import type { Scrollback } from './model.js';

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** A chunk is far smaller; a damaged or hostile file must not fill the memory. */
const mostBytes = 64 * 1024 * 1024;
/** How many are packed and written at once. */
const together = 16;

export function blobFolder(registryFolder: string): string {
  return join(registryFolder, 'blobs');
}

/** Where a blob is kept, by its SHA-256. */
export function blobPath(registryFolder: string, name: string): string {
  return join(blobFolder(registryFolder), `${name}.gz`);
}

/** Where the collector moves a blob before it takes it away; see `collectBlobs`. */
export function dyingPath(path: string): string {
  return `${path}.dying`;
}

/** Made anew by a collector that took something away. */
export function collectedFile(registryFolder: string): string {
  return join(blobFolder(registryFolder), 'collected');
}

/** A chunk of text that could not be read, and why. */
export interface BlobFinding {
  readonly path: string;
  readonly why: string;
}

/** Chunks of text, shared by all workspaces of one tmux server, each kept once under the hash of its bytes. */
export class BlobStore {
  private readonly findings: BlobFinding[] = [];
  /** Those that this process has seen whole: their files are only looked at, not read again. */
  private readonly seen = new Set<string>();
  /** Those that this process found damaged: they are written again when their text comes again. */
  private readonly broken = new Set<string>();
  /** What was added and has no name yet: its temporary file. */
  private readonly coming = new Map<string, Promise<string>>();
  private readonly limit = pLimit(together);
  private failed = false;
  /** When a collector took something away, as far as that was asked for. */
  private collected: number | null;

  constructor(
    private readonly registryFolder: string,
    private readonly files: FileLayer = realFiles,
  ) {
    this.collected = this.collectedAt();
  }

  /** Stores the lines of a pane. What a snapshot names is on the disk when the promise is kept. */
  async putLines(lines: readonly string[]): Promise<Scrollback> {
    return { chunks: await this.put(chunkLines(lines).map(chunkText)), lines: lines.length };
  }

  /**
   * Stores texts; ones that are there already are not written again.
   *
   * @returns their names, in order.
   */
  async put(texts: readonly string[]): Promise<string[]> {
    const names = this.add(texts);
    await this.flush();
    return names;
  }

  /**
   * The same, without waiting: the texts are packed and written while the caller goes on. They are stored once `flush`
   * is done, or `staged`, `publish` and a sync of `folder`.
   */
  add(texts: readonly string[]): string[] {
    return texts.map((text) => {
      const name = hash('sha256', text, 'hex');
      if (this.coming.has(name) || this.keep(name, text)) return name;
      const staged = this.limit(() => this.stage(name, text));
      staged.catch(() => {}); // told by `staged`
      this.coming.set(name, staged);
      return name;
    });
  }

  /** Waits until what was added is on the disk under names of its own. @throws the system's error; all is given up then. */
  async staged(): Promise<void> {
    const coming = [...this.coming.values()];
    const failed = (await Promise.allSettled(coming)).find((result) => result.status === 'rejected');
    if (!failed) return;
    this.failed = true;
    for (const staged of coming) {
      const temporary = await staged.catch(() => null);
      if (temporary !== null) this.files.unlink(temporary);
    }
    this.coming.clear();
    throw failed.reason;
  }

  /** Gives what is staged its names. @returns the folder whose names have to be on the disk; null: nothing was new. */
  async publish(): Promise<string | null> {
    const coming = [...this.coming];
    this.coming.clear();
    for (const [name, staged] of coming) {
      try {
        this.files.publish(await staged, blobPath(this.registryFolder, name));
      } catch (error) {
        this.failed = true;
        throw error;
      }
      this.seen.add(name);
      this.broken.delete(name);
    }
    return coming.length > 0 ? blobFolder(this.registryFolder) : null;
  }

  /** Stores what was added and nobody else has stored. */
  async flush(): Promise<void> {
    await this.staged();
    const folder = await this.publish();
    if (folder !== null) await this.files.syncFolder(folder);
  }

  /** Whether something that was added could not be stored, since this was last asked: its name names nothing then. */
  takeFailure(): boolean {
    const { failed } = this;
    this.failed = false;
    return failed;
  }

  /**
   * Whether a collector took something away since this was last asked. Who names blobs without storing them again has
   * to see then whether they are there: their snapshots may have been removed.
   */
  takeCollected(): boolean {
    const now = this.collectedAt();
    const isNew = now !== this.collected;
    this.collected = now;
    return isNew;
  }

  has(name: string): boolean {
    return this.files.state(blobPath(this.registryFolder, name)) !== null;
  }

  private collectedAt(): number | null {
    return this.files.state(collectedFile(this.registryFolder))?.mtimeMs ?? null;
  }

  private async stage(name: string, text: string): Promise<string> {
    const bytes = await pack(text, { level: 3 });
    await this.files.makeFolder(blobFolder(this.registryFolder));
    return await this.files.stage(blobPath(this.registryFolder, name), bytes);
  }

  /** The text of a blob, or null (and a finding) when it is missing or damaged. */
  async get(name: string): Promise<string | null> {
    const path = blobPath(this.registryFolder, name);
    try {
      const bytes = this.files.read(path) ?? this.files.read(dyingPath(path)) ?? this.files.read(path);
      if (bytes === null) return this.report(name, 'it is missing');
      const text = await unpack(bytes, { maxOutputLength: mostBytes });
      if (hash('sha256', text, 'hex') !== name) return this.report(name, 'its checksum is wrong');
      return text.toString('utf8');
    } catch (error) {
      // Damage shows as an error of zlib, a bad sector as one of the system: the rest of the text is still good.
      return this.report(name, messageOf(error));
    }
  }

  /**
   * The lines of a pane, oldest first. A chunk that does not read leaves one line that says so.
   *
   * @returns `missing`: how many chunks did not read.
   */
  async readLines(scrollback: Scrollback): Promise<{ lines: string[]; missing: number }> {
    const lines: string[] = [];
    let missing = 0;
    for (const name of scrollback.chunks) {
      const text = await this.get(name);
      if (text === null) missing++;
      lines.push(...(text === null ? [missingText] : chunkOf(text)));
    }
    return { lines, missing };
  }

  /** What did not read since the last call. */
  takeFindings(): BlobFinding[] {
    return this.findings.splice(0);
  }

  /** True when the blob is there and whole. Its time is set to now, so that no collector takes it before it is named. */
  private keep(name: string, text: string): boolean {
    const path = blobPath(this.registryFolder, name);
    const state = this.files.state(path);
    if (state === null || this.broken.has(name)) return false;
    if (!this.seen.has(name)) {
      // gzip ends with the size of what it holds: a file that was cut off or overwritten ends with something else.
      const end = this.files.readPart(path, Math.max(0, state.size - 4), 4);
      if (end?.length !== 4 || end.readUInt32LE() !== Buffer.byteLength(text)) return false;
    }
    if (!this.files.touch(path)) return false;
    this.seen.add(name);
    return true;
  }

  private report(name: string, why: string): null {
    this.broken.add(name);
    this.findings.push({ path: blobPath(this.registryFolder, name), why });
    return null;
  }
}

/** What stands in for a chunk that is lost. */
export const missingText = '[cw: some lines of this scrollback could not be read]';
