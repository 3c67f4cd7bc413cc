import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CwError, messageOf, systemCode } from '../errors.js';
import { ensurePrivateFolder } from '../system/files.js';
import { stateFolder } from '../system/paths.js';
import { hostId } from '../system/process.js';
import type { ArchiveFacts } from './protocol.js';

/** The folder of what is on its way; it holds nothing that anybody misses. */
export function transfersFolder(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), hostId(), 'transfers');
}

const oldest = 24 * 60 * 60 * 1000;

/** Makes the folder, and takes away what nobody came back for within a day. */
export async function readyTransfers(env: NodeJS.ProcessEnv, now = Date.now()): Promise<string> {
  const folder = transfersFolder(env);
  ensurePrivateFolder(folder);
  for (const name of await readdir(folder)) {
    if (name.startsWith('.')) continue; // of who is at work: `withStaging` looks after those
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found && now - found.mtimeMs > oldest) await rm(path, { recursive: true, force: true });
  }
  return folder;
}

/**
 * The part of an archive that has come so far. It is kept under the archive's hash and size when the connection is cut,
 * and the next attempt goes on where it ends. Two that receive the same one write the same bytes in the same places.
 */
export class PartialFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly facts: ArchiveFacts,
    private size: number,
  ) {}

  /** @param folder as `readyTransfers` gives it. */
  static async open(folder: string, facts: ArchiveFacts): Promise<PartialFile> {
    const path = join(folder, `${facts.sha256}-${facts.bytes}.part`);
    const file = await open(path, 'a+', 0o600).then(async (made) => {
      await made.close();
      return open(path, 'r+');
    });
    const { size } = await file.stat();
    // More than there can be is not a part of it.
    if (size > facts.bytes) await file.truncate(0);
    return new PartialFile(path, file, facts, size > facts.bytes ? 0 : size);
  }

  /** Bytes from the start that are here. */
  get have(): number {
    return this.size;
  }

  get isWhole(): boolean {
    return this.size === this.facts.bytes;
  }

  /** @throws CwError `failed` for a full disk and the like. */
  async append(bytes: Buffer): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; )
        at += (await this.file.write(bytes, at, bytes.length - at, this.size + at)).bytesWritten;
      this.size += bytes.length;
    } catch (error) {
      const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');
      // What cannot become whole only takes the space.
      if (isFull) await this.remove();
      throw new CwError('failed', `The archive cannot be written: ${messageOf(error)}`, {
        hint: isFull ? 'The disk is full: free some space, then try again.' : undefined,
        cause: error,
      });
    }
  }

  /** Whether it is the archive, byte for byte. One that is not is of no use, and is removed. */
  async verify(): Promise<boolean> {
    if (!this.isWhole) return false;
    await this.file.sync();
    const isSame = (await hashOf(this.path)) === this.facts.sha256;
    if (!isSame) await this.remove();
    return isSame;
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** The SHA-256 of a file, in hex; null: there is none. */
export async function hashOf(path: string): Promise<string | null> {
  const sum = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
      sum.update(chunk as Buffer);
    return sum.digest('hex');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The bytes of a file from an offset on. */
export function bytesFrom(path: string, start: number): AsyncIterable<Buffer> {
  return createReadStream(path, { start, highWaterMark: 256 * 1024 });
}
