import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { CwError, messageOf, systemCode } from '../errors.js';
import { tildePath } from '../system/paths.js';
import { packageVersion } from '../system/version.js';
import { visible } from '../system/visible.js';
import { BlobCheck } from './blob-check.js';
import { ByteReader } from './byte-reader.js';
import { armourMark, encryptedMark } from './encrypt-marks.js';
import { GzipFault, gunzipped } from './gzip.js';
import { HeaderReader } from './header-reader.js';
import { type Limits, limits, sizeText } from './limits.js';
import { archiveFormat, archiveKind, FormatMark, Manifest, type ManifestEntry } from './manifest.js';
import { type Member, memberName } from './members.js';
import { onDisk } from './staging.js';
import { blockSize, endSize, paddingOf } from './tar-blocks.js';

/** Where a member goes: it is kept in memory, written to a new file (0600), or only looked at. */
export type Place = 'memory' | 'skip' | { readonly file: string };

export interface ReadOptions {
  /** Called for an archive that is encrypted. */
  readonly passphrase?: () => Promise<string>;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with the bytes of the archive that were read so far, and how many it has. */
  readonly onProgress?: (bytes: number, of: number) => void;
  readonly limits?: Limits;
}

export interface ReadArchive {
  readonly manifest: Manifest;
  /** In the archive's order, without `format.json` and `manifest.json`. */
  readonly members: readonly (Member & { readonly bytes: number; readonly sha256: string })[];
  /** The bytes of what was placed there, by name. */
  readonly memory: ReadonlyMap<string, Buffer>;
  /** Bytes of the archive's file. */
  readonly bytes: number;
}

const pieceSize = 256 * 1024;

/**
 * Reads an archive from its beginning to its end, in constant memory, as if somebody hostile had made it: only plain
 * members whose names are ours (`members.ts`), within limits, each once, and each as the manifest has it. What it
 * placed is good once the promise is kept and not before: give it files in a folder that goes away whole
 * (`withStaging`).
 *
 * @param place called once a member, before its bytes are read. The folders of a file are made, 0700; a file that is
 *   there already is never written to.
 * @throws CwError `not-found` where there is no such file; `failed` for one that cannot be read or is damaged, or when a
 *   file cannot be written; `refused` for what no archive of ours is.
 */
export async function readArchive(
  path: string,
  place: (member: Member) => Place,
  options: ReadOptions = {},
): Promise<ReadArchive> {
  const shown = visible(tildePath(path, options.env));
  const { file, size } = openArchive(path, shown);
  const reading = new Reading(shown, place, options);
  try {
    const bytes = bytesOf(file, shown, (done) => options.onProgress?.(done, size));
    return await reading.all(await opened(bytes, file, shown, options), size);
  } catch (error) {
    if (error instanceof GzipFault)
      throw error.isForeign ? refused(`${shown} ${error.message}.`) : damaged(`${shown} ${error.message}.`);
    throw error;
  } finally {
    reading.close();
    closeSync(file);
  }
}

function openArchive(path: string, shown: string): { file: number; size: number } {
  let file: number;
  try {
    // Without waiting for the other end of a FIFO.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new CwError('not-found', `There is no file ${shown}.`, {
        hint: 'Write one with: cw export NAME',
      });
    throw new CwError('failed', `${shown} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const state = fstatSync(file);
  if (state.isFile()) return { file, size: state.size };
  closeSync(file);
  throw new CwError('refused', `${shown} is no file${state.isDirectory() ? ', but a folder' : ''}.`, {
    hint: 'Give the file that cw export wrote.',
  });
}

/** The bytes of the archive itself: decrypted, where it is encrypted. */
async function opened(
  bytes: AsyncIterable<Uint8Array>,
  file: number,
  shown: string,
  { passphrase }: ReadOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const head = Buffer.alloc(armourMark.length);
  const got = readSync(file, head, 0, head.length, 0);
  if (head.toString('latin1', 0, got) === armourMark)
    throw new CwError('refused', `${shown} is encrypted and written as text.`, {
      hint: 'Decrypt it first: age -d FILE > claude-session.tar.gz',
    });
  if (!head.subarray(0, got).toString('latin1').startsWith(encryptedMark)) return bytes;
  if (!passphrase)
    throw new CwError('refused', `${shown} is encrypted.`, {
      hint: 'Decrypt it first: age -d FILE > claude-session.tar.gz',
    });
  const { decrypted } = await import('./encrypt.js');
  return decrypted(bytes, await passphrase(), shown);
}

async function* bytesOf(
  file: number,
  shown: string,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const piece = Buffer.allocUnsafe(pieceSize);
    let got: number;
    try {
      got = readSync(file, piece, 0, piece.length, at);
    } catch (error) {
      throw new CwError('failed', `${shown} cannot be read: ${messageOf(error)}`, { cause: error });
    }
    if (got === 0) return;
    at += got;
    yield piece.subarray(0, got);
    tell(at);
  }
}

/** Somebody has made it so: it is no damage. */
function refused(sentence: string): CwError {
  return new CwError('refused', sentence, {
    hint: 'cw writes no such archive: something else has made or changed it. Nothing of it was kept.',
  });
}

function damaged(sentence: string): CwError {
  return new CwError('failed', sentence, {
    hint: 'Nothing of it was kept. Copy it again from where it was written, or write it anew: cw export NAME',
  });
}

type Listed = Member & { bytes: number; sha256: string };

/** One archive while it is read. */
class Reading {
  private readonly limits: Limits;
  private readonly headers: HeaderReader;
  private readonly blobs: BlobCheck;
  private readonly listed: Listed[] = [];
  private readonly memory = new Map<string, Buffer>();
  private readonly made = new Set<string>();
  private inMemory = 0;
  private open: number | null = null;

  constructor(
    private readonly shown: string,
    private readonly place: (member: Member) => Place,
    options: ReadOptions,
  ) {
    this.limits = options.limits ?? limits;
    const refuse = (what: string) => refused(`${shown} ${what}.`);
    this.headers = new HeaderReader(this.limits, refuse, (what) => damaged(`${shown} ${what}.`));
    this.blobs = new BlobCheck(this.limits.blob, refuse);
  }

  close(): void {
    if (this.open !== null) closeSync(this.open);
    this.open = null;
  }

  async all(source: AsyncIterable<Uint8Array>, size: number): Promise<ReadArchive> {
    const { ratio, ratioFrom, total } = this.limits;
    const unpacked = gunzipped(source, (out, into) => {
      if (out > total + total / 8) throw this.refused(`unpacks to more than ${sizeText(total)}`);
      if (out > ratioFrom && out > ratio * into)
        throw this.refused(`unpacks to more than ${ratio} times its size, as no text does`);
    });
    const bytes = new ByteReader(unpacked);
    try {
      const manifest = await this.members(bytes);
      await this.end(bytes);
      this.compare(manifest);
      await this.blobs.done();
      return { manifest, members: this.listed, memory: this.memory, bytes: size };
    } finally {
      await bytes.close();
      await this.blobs.settled();
    }
  }

  /** Reads all members up to the manifest. */
  private async members(bytes: ByteReader): Promise<Manifest> {
    for (;;) {
      const block = await this.exactly(bytes, blockSize);
      const { member, size } = this.headers.read(block);
      if (member.kind === 'format') this.checkMark(await this.json(bytes, size, member));
      else if (member.kind === 'manifest') return this.manifestOf(await this.json(bytes, size, member));
      else this.listed.push({ ...member, bytes: size, sha256: await this.placed(bytes, size, member) });
      await this.zeros(bytes, paddingOf(size), `behind ${visible(member.name)}`);
    }
  }

  private async json(bytes: ByteReader, size: number, { name }: Member): Promise<unknown> {
    const data = await this.exactly(bytes, size);
    if (name === memberName.manifest) await this.zeros(bytes, paddingOf(size), `behind ${name}`);
    else this.mark = { name, bytes: size, sha256: sha256(data) };
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
    } catch (error) {
      throw this.refused(`has a ${name} that is no JSON (${visible(messageOf(error))})`);
    }
  }

  private mark: ManifestEntry | null = null;

  private checkMark(value: unknown): void {
    const mark = FormatMark.safeParse(value);
    if (!mark.success)
      throw this.refused(`is no ${archiveKind}: its ${memberName.format} says something else`);
    const { format, cw } = mark.data;
    if (format === archiveFormat) return;
    throw new CwError(
      'refused',
      `${this.shown} was written by cw ${visible(cw)} in format ${format}; this cw (${packageVersion()}) reads format ${archiveFormat}.`,
      { hint: `Update cw here, to ${visible(cw)} or later. Nothing of the archive was kept.` },
    );
  }

  private manifestOf(value: unknown): Manifest {
    const manifest = Manifest.safeParse(value);
    if (manifest.success) return manifest.data;
    const issue = manifest.error.issues[0];
    throw this.refused(
      `has a manifest that is not as it has to be (${visible(issue?.path.join('.') ?? '')}: ${visible(issue?.message ?? '')})`,
    );
  }

  /** Takes a member to its place. @returns its SHA-256. */
  private async placed(bytes: ByteReader, size: number, member: Member): Promise<string> {
    const place = this.place(member);
    const sum = createHash('sha256');
    const isBlob = member.kind === 'scrollback' || member.kind === 'editor';
    const kept: Buffer[] | null = place === 'memory' || isBlob ? [] : null;
    if (place === 'memory') {
      this.inMemory += size;
      if (this.inMemory > this.limits.memory)
        throw this.refused(`holds more than ${sizeText(this.limits.memory)} of what is looked at`);
    }
    if (typeof place === 'object') this.create(place.file);
    for (let left = size; left > 0; ) {
      const piece = await bytes.some(left);
      if (piece === null) throw this.cutOff();
      left -= piece.length;
      sum.update(piece);
      kept?.push(piece);
      if (typeof place === 'object') this.write(place.file, piece);
    }
    this.close();
    if (kept) {
      // Of its own: a part of a piece would hold all of it.
      const data = Buffer.concat(kept);
      if (place === 'memory') this.memory.set(member.name, data);
      if (isBlob) await this.blobs.add(member.name, member.blob, data);
    }
    return sum.digest('hex');
  }

  private create(file: string): void {
    this.disk(file, () => {
      const folder = dirname(file);
      if (!this.made.has(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.made.add(folder);
      this.open = openSync(file, 'wx', 0o600);
    });
  }

  private write(file: string, piece: Buffer): void {
    this.disk(file, () => {
      for (let done = 0; done < piece.length; )
        done += writeSync(this.open!, piece, done, piece.length - done);
    });
  }

  private disk(file: string, work: () => void): void {
    onDisk(visible(file), work, 'Make room, or look at that folder; then try again.');
  }

  /** What stands behind the manifest: two blocks of zeros, and nothing more. */
  private async end(bytes: ByteReader): Promise<void> {
    await this.zeros(bytes, endSize, 'behind its manifest');
    if ((await bytes.some(1)) !== null) throw this.refused('has something behind its end');
  }

  private async zeros(bytes: ByteReader, count: number, where: string): Promise<void> {
    if (count === 0) return;
    const block = await this.exactly(bytes, count);
    if (block.some((byte) => byte !== 0)) throw this.refused(`has something hidden ${where}`);
  }

  private async exactly(bytes: ByteReader, count: number): Promise<Buffer> {
    const data = await bytes.take(count);
    if (data.length < count) throw this.cutOff();
    return data;
  }

  private compare(manifest: Manifest): void {
    const found = [this.mark!, ...this.listed];
    const known = new Map(manifest.members.map((entry) => [entry.name, entry]));
    for (const { name, bytes, sha256: sum } of found) {
      const entry = known.get(name);
      if (!entry) throw this.refused(`holds ${visible(name)}, which its manifest does not list`);
      if (entry.bytes !== bytes || entry.sha256 !== sum)
        throw damaged(`${this.shown} is damaged: ${visible(name)} is not what its manifest says (checksum).`);
      known.delete(name);
    }
    for (const name of known.keys())
      throw this.refused(`does not hold ${visible(name)}, which its manifest lists`);
    if (
      manifest.members.length !== found.length ||
      found.some(({ name }, at) => manifest.members[at]!.name !== name)
    )
      throw this.refused('lists its members in another order than it holds them, or twice');
  }

  private cutOff(): CwError {
    return damaged(`${this.shown} is cut off: it ends in the middle.`);
  }

  private refused(what: string): CwError {
    return refused(`${this.shown} ${what}.`);
  }
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
