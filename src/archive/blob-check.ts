import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { CwError } from '../errors.js';
import { visible } from '../system/visible.js';

const unpack = promisify(gunzip);

/** How many are unpacked at once. */
const together = 4;

/**
 * Looks whether chunks of text hold what their names promise. They are kept under these names for all workspaces, so a
 * wrong one would come up in the text of others.
 */
export class BlobCheck {
  private readonly running = new Set<Promise<void>>();
  private failure: unknown = null;

  /** @param most bytes of a chunk when it is unpacked */
  constructor(
    private readonly most: number,
    private readonly refuse: (what: string) => CwError,
  ) {}

  /** Begins to look at a chunk, once there is room. @throws what was wrong with an earlier one. */
  async add(name: string, blob: string, data: Buffer): Promise<void> {
    while (this.running.size >= together) await Promise.race(this.running);
    if (this.failure) throw this.failure;
    const look = this.look(name, blob, data)
      .catch((error) => {
        this.failure ??= error;
      })
      .finally(() => this.running.delete(look));
    this.running.add(look);
  }

  /** Waits until all are looked at. @throws what was wrong with one. */
  async done(): Promise<void> {
    await this.settled();
    if (this.failure) throw this.failure;
  }

  async settled(): Promise<void> {
    await Promise.all(this.running);
  }

  private async look(name: string, blob: string, data: Buffer): Promise<void> {
    let text: Buffer;
    try {
      text = await unpack(data, { maxOutputLength: this.most });
    } catch {
      throw this.refuse(`holds ${visible(name)}, which does not unpack, or to more than ${this.most} bytes`);
    }
    // Its last four bytes tell how much it holds: by them the store knows a whole one.
    const size = data.length >= 4 ? data.readUInt32LE(data.length - 4) : -1;
    if (hash('sha256', text, 'hex') !== blob || size !== text.length)
      throw this.refuse(`holds ${visible(name)}, in which there is another text than its name says`);
  }
}
