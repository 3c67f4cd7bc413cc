import type { Readable } from 'node:stream';

/** No message of ours is longer; what is, is none. */
const longestLine = 16 * 1024 * 1024;

/** A stream of lines and of bytes whose number a line has said. */
export class Incoming {
  private readonly chunks: AsyncIterator<Buffer>;
  private held: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The next line without its end; null: the stream ended before it did. */
  async line(): Promise<string | null> {
    const parts: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const end = this.held.indexOf(10);
      if (end >= 0) {
        parts.push(this.held.subarray(0, end));
        this.held = this.held.subarray(end + 1);
        return Buffer.concat(parts).toString('utf8');
      }
      parts.push(this.held);
      bytes += this.held.length;
      this.held = Buffer.alloc(0);
      if (bytes > longestLine || !(await this.more())) return null;
    }
  }

  /** The next so many bytes, in pieces as they come; fewer where the stream ends before. */
  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.held.length === 0 && !(await this.more())) return;
      const piece = this.held.subarray(0, left);
      this.held = this.held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  private async more(): Promise<boolean> {
    try {
      const { value, done } = await this.chunks.next();
      if (done) return false;
      this.held = value;
      return true;
    } catch {
      return false; // destroyed: for whoever reads it has ended
    }
  }
}
