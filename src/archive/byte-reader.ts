/** Takes bytes from a stream as they are wanted. */
export class ByteReader {
  private readonly source: AsyncIterator<Buffer>;
  private piece: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** So many bytes; fewer where the stream ends before. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const part = await this.some(left);
      if (part === null) break;
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** One byte up to so many, whatever is there; null at the end. */
  async some(most: number): Promise<Buffer | null> {
    while (this.piece.length === 0) {
      const next = await this.source.next();
      if (next.done) return null;
      this.piece = next.value;
    }
    const part = this.piece.subarray(0, most);
    this.piece = this.piece.subarray(part.length);
    return part;
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    await this.source.return?.();
  }
}
