/** The part of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that talking to nvim needs. */

export type MessagePack = null | boolean | number | string | MessagePack[] | Map<MessagePack, MessagePack>;

/** A call in MessagePack-RPC: `[0, id, method, args]`. */
export function callFrame(id: number, method: string, args: readonly string[]): Buffer {
  return Buffer.concat([
    Buffer.from([0x94, 0x00, 0xce, (id >>> 24) & 255, (id >>> 16) & 255, (id >>> 8) & 255, id & 255]),
    text(method),
    Buffer.from([0xdc, args.length >> 8, args.length & 255]),
    ...args.map(text),
  ]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(5, 0xdb);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/**
 * The first message in some bytes, and how many it takes; null while it is not whole.
 *
 * @throws Error for a byte that begins no value.
 */
export function readMessage(bytes: Buffer): { readonly value: MessagePack; readonly length: number } | null {
  const reader = new Reader(bytes);
  try {
    return { value: reader.value(), length: reader.at };
  } catch (error) {
    if (error instanceof RangeError) return null; // Buffer's own word for reading past its end
    throw error;
  }
}

class Reader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  value(): MessagePack {
    const type = this.number(1);
    if (type < 0x80) return type;
    if (type < 0x90) return this.map(type & 0x0f);
    if (type < 0xa0) return this.array(type & 0x0f);
    if (type < 0xc0) return this.text(type & 0x1f);
    if (type >= 0xe0) return type - 256;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.text(this.number(2 ** (type - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.number(2 ** (type - 0xc7)));
      case 0xca:
        return this.bytes.readFloatBE(this.skip(4));
      case 0xcb:
        return this.bytes.readDoubleBE(this.skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.number(2 ** (type - 0xcc));
      case 0xcf:
        return Number(this.bytes.readBigUInt64BE(this.skip(8)));
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.bytes.readIntBE(this.skip(2 ** (type - 0xd0)), 2 ** (type - 0xd0));
      case 0xd3:
        return Number(this.bytes.readBigInt64BE(this.skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(2 ** (type - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.number(2 ** (type - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.array(this.number(type === 0xdc ? 2 : 4));
      case 0xde:
      case 0xdf:
        return this.map(this.number(type === 0xde ? 2 : 4));
      default:
        throw new Error('it does not speak MessagePack');
    }
  }

  private skip(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.length) throw new RangeError('not whole');
    this.at = from + length;
    return from;
  }

  private number(length: number): number {
    return this.bytes.readUIntBE(this.skip(length), length);
  }

  private text(length: number): string {
    const from = this.skip(length);
    return this.bytes.toString('utf8', from, from + length);
  }

  /** nvim's handles of buffers, windows and tabs: nothing that is needed. */
  private extension(length: number): null {
    this.skip(length + 1);
    return null;
  }

  private array(length: number): MessagePack[] {
    const items: MessagePack[] = [];
    for (let count = 0; count < length; count += 1) items.push(this.value());
    return items;
  }

  private map(length: number): Map<MessagePack, MessagePack> {
    const entries = new Map<MessagePack, MessagePack>();
    for (let count = 0; count < length; count += 1) {
      const key = this.value();
      entries.set(key, this.value());
    }
    return entries;
  }
}
