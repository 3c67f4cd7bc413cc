import { createHash, type Hash, hash } from 'node:crypto';
import { closeSync, fsync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { CwError, messageOf } from '../errors.js';
import { realFiles, temporaryName } from '../system/file-layer.js';
import { undoneBySignal } from '../system/interrupted.js';
import { packageVersion } from '../system/version.js';
import { visible } from '../system/visible.js';
import { gzipped } from './gzip.js';
import { type Limits, limits, sizeText } from './limits.js';
import { archiveFormat, archiveKind, type FormatMark, Manifest, type ManifestEntry } from './manifest.js';
import { MemberNames, memberName, parseMember } from './members.js';
import { onDisk } from './staging.js';
import { blockSize, endSize, headerBlock, paddingOf } from './tar-blocks.js';

/**
 * One member to be: its bytes, or a file of which the first `bytes` are taken (a transcript grows meanwhile), or a
 * stream that gives exactly so many.
 */
export type MemberSource = { readonly name: string } & (
  | { readonly data: Uint8Array }
  | { readonly bytes: number; readonly path: string }
  | { readonly bytes: number; readonly stream: () => AsyncIterable<Uint8Array> }
);

export interface WriteOptions {
  /** The archive is encrypted with it: see `encrypt.ts`. The bytes are other ones each time then. */
  readonly passphrase?: string;
  /** Called with the bytes of members that were taken so far. */
  readonly onProgress?: (bytes: number) => void;
  readonly limits?: Limits;
}

export interface WrittenArchive {
  readonly path: string;
  /** Of the file. */
  readonly bytes: number;
  readonly manifest: Manifest;
}

const pieceSize = 256 * 1024;

/**
 * Writes an archive, in constant memory: to a temporary file beside the target (0600), which gets the target's name
 * once it is whole and on the disk, and is taken away at any failure, SIGINT and SIGTERM. The same members give the
 * same bytes.
 *
 * @param members in the order of the archive; `format.json` and `manifest.json` are written by this
 * @param manifestOf called once all are written, with their sizes and checksums
 * @throws CwError `failed` when a member or the target cannot be read or written, `refused` for what no archive takes.
 */
export async function writeArchive(
  target: string,
  members: AsyncIterable<MemberSource>,
  manifestOf: (entries: readonly ManifestEntry[]) => Manifest,
  options: WriteOptions = {},
): Promise<WrittenArchive> {
  sweepBeside(target);
  const temporary = temporaryName(target);
  const takeAway = () => rmSync(temporary, { force: true });
  return undoneBySignal(takeAway, async () => {
    const body = new ArchiveBody(members, manifestOf, options);
    try {
      const file = atTarget(target, () => openSync(temporary, 'wx', 0o600));
      let bytes = 0;
      try {
        for await (const chunk of await sealed(gzipped(body.bytes()), options.passphrase)) {
          atTarget(target, () => writeWhole(file, chunk));
          bytes += chunk.length;
        }
        await promisify(fsync)(file).catch((error) => atTarget(target, () => raise(error)));
      } finally {
        closeSync(file);
      }
      atTarget(target, () => renameSync(temporary, target));
      await realFiles.syncFolder(dirname(target));
      return { path: target, bytes, manifest: body.manifest! };
    } catch (error) {
      takeAway();
      throw error;
    }
  });
}

async function sealed(bytes: AsyncIterable<Uint8Array>, passphrase: string | undefined) {
  if (passphrase === undefined) return bytes;
  const { encrypted } = await import('./encrypt.js');
  return encrypted(bytes, passphrase);
}

/** Takes away what a killed one of this target has left. */
function sweepBeside(target: string): void {
  const folder = dirname(target);
  const own = `${basename(target)}.`;
  realFiles.sweepLitter(
    folder,
    realFiles.names(folder).filter((name) => name.startsWith(own)),
  );
}

/** The bytes of the tar, and the manifest once they have been given. */
class ArchiveBody {
  manifest: Manifest | null = null;
  private readonly entries: ManifestEntry[] = [];
  private readonly names = new MemberNames();
  private readonly limits: Limits;
  private done = 0;

  constructor(
    private readonly members: AsyncIterable<MemberSource>,
    private readonly manifestOf: (entries: readonly ManifestEntry[]) => Manifest,
    private readonly options: WriteOptions,
  ) {
    this.limits = options.limits ?? limits;
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const mark: FormatMark = { format: archiveFormat, kind: archiveKind, cw: packageVersion() };
    yield* this.member({ name: memberName.format, data: jsonOf(mark) });
    for await (const member of this.members) yield* this.member(member);
    this.manifest = Manifest.parse(this.manifestOf([...this.entries]));
    yield* this.member({ name: memberName.manifest, data: jsonOf(this.manifest) });
    yield Buffer.alloc(endSize);
  }

  private async *member(source: MemberSource): AsyncGenerator<Uint8Array> {
    const { name } = source;
    const bytes = 'data' in source ? source.data.length : source.bytes;
    yield this.header(name, bytes);
    if ('data' in source) {
      yield source.data;
      this.progress(bytes);
      this.note(name, bytes, hash('sha256', source.data, 'hex'));
    } else {
      const sum = createHash('sha256');
      yield* this.streamed(source, sum);
      this.note(name, bytes, sum.digest('hex'));
    }
    if (bytes % blockSize > 0) yield Buffer.alloc(paddingOf(bytes));
  }

  private async *streamed(
    source: Exclude<MemberSource, { data: Uint8Array }>,
    sum: Hash,
  ): AsyncGenerator<Uint8Array> {
    const { name, bytes } = source;
    let got = 0;
    for await (const chunk of 'path' in source ? readPart(source.path, bytes) : source.stream()) {
      got += chunk.length;
      if (got > bytes) break;
      sum.update(chunk);
      yield chunk;
      this.progress(chunk.length);
    }
    if (got === bytes) return;
    throw new CwError(
      'failed',
      `${visible(name)} became ${got < bytes ? 'shorter' : 'longer'} while it was read.`,
      {
        hint: 'Something else writes it. Try again.',
      },
    );
  }

  private header(name: string, bytes: number): Buffer {
    const member = parseMember(name);
    const clash = member && this.names.add(name);
    const block = member && headerBlock(name, bytes);
    if (!member || clash || !block) {
      const why = clash ?? 'is no name that a member of an archive can have';
      throw new CwError('refused', `"${visible(name)}" ${why}.`, {
        hint: 'Rename that file, or leave it out.',
      });
    }
    const most = this.limits.member[member.kind];
    if (bytes > most)
      throw new CwError(
        'refused',
        `${visible(name)} has ${sizeText(bytes)}; an archive takes ${sizeText(most)}.`,
        {
          hint: 'Leave it out: --without scrollback,transcripts,git,journal (those that are too large).',
        },
      );
    if (this.entries.length + 2 > this.limits.members || this.done + bytes > this.limits.total)
      throw new CwError(
        'refused',
        `That is more than an archive takes: ${this.limits.members} members, ${sizeText(this.limits.total)}.`,
        { hint: 'Leave something out: --without scrollback,transcripts,git,journal' },
      );
    return block;
  }

  private note(name: string, bytes: number, sha256: string): void {
    if (name !== memberName.manifest) this.entries.push({ name, bytes, sha256 });
  }

  private progress(bytes: number): void {
    this.done += bytes;
    this.options.onProgress?.(this.done);
  }
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/**
 * The first `bytes` of a file; fewer where it has no more.
 *
 * @throws CwError `failed` when it cannot be read.
 */
export async function* readPart(path: string, bytes: number): AsyncGenerator<Uint8Array> {
  const failure = (error: unknown) =>
    new CwError('failed', `${visible(path)} cannot be read: ${messageOf(error)}`, {
      hint: 'Look at it, or leave it out.',
      cause: error,
    });
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw failure(error);
  }
  try {
    for (let at = 0; at < bytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceSize, bytes - at));
      let got: number;
      try {
        got = readSync(file, piece, 0, piece.length, at);
      } catch (error) {
        throw failure(error);
      }
      if (got === 0) return;
      at += got;
      yield piece.subarray(0, got);
    }
  } finally {
    closeSync(file);
  }
}

function writeWhole(file: number, chunk: Uint8Array): void {
  // write() may take less than it was given (a disk that fills): the rest tells why.
  for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done, chunk.length - done);
}

/** Does something with the target, and says so of the system's errors. */
function atTarget<T>(target: string, work: () => T): T {
  return onDisk(`The archive ${visible(target)}`, work, 'Write it elsewhere: -o FILE');
}

function raise(error: unknown): never {
  throw error;
}
