import { promisify } from 'node:util';
import { constants, crc32, createInflateRaw, deflateRaw, type InflateRaw, type ZlibOptions } from 'node:zlib';
import { messageOf, systemCode } from '../errors.js';

/**
 * gzip (RFC 1952) around Node's own deflate. The header is the same on every system and at any time, without a name;
 * Node's differ by the system.
 */
export const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** CRC-32 and size of what was packed. */
export const gzipTrailerSize = 8;

/** As `gzip` does it by itself: the best ratio for its time on text. */
const level = 6;
const pieceSize = 256 * 1024;
/** So far deflate looks back. */
const windowSize = 32 * 1024;
/** So many pieces are packed at once or wait for their turn; memory is that of so many. */
const ahead = 4;
/** An empty last block (RFC 1951, 3.2.6), behind pieces none of which knew whether it was the last. */
const lastBlock = Buffer.from([3, 0]);

const deflatePiece = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);

/**
 * Packs a stream of bytes. Pieces of one size are packed beside each other in Node's thread pool, each with the end of
 * the one before as its dictionary, and ended on a byte: together they are one stream, as `pigz` makes it. The same
 * bytes give the same stream, however they are cut and however many cores there are.
 */
export async function* gzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let size = 0;
  let before: Uint8Array | null = null;
  const packing: Promise<Buffer>[] = [];
  yield gzipHeader;
  for await (const piece of inPieces(source)) {
    crc = crc32(piece, crc);
    size += piece.length;
    const packed = deflatePiece(piece, {
      level,
      chunkSize: pieceSize / 2,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(before && { dictionary: before }),
    });
    packed.catch(() => {}); // thrown where it is waited for
    packing.push(packed);
    before = piece.subarray(-windowSize);
    if (packing.length === ahead) yield await packing.shift()!;
  }
  for (const packed of packing) yield await packed;
  yield lastBlock;
  yield gzipTrailer(crc, size);
}

/** The same bytes in new pieces of one size: members can be small. */
async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = Buffer.allocUnsafe(pieceSize);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + pieceSize - filled);
      piece.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < pieceSize) continue;
      yield piece;
      piece = Buffer.allocUnsafe(pieceSize);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

export function gzipTrailer(crc: number, size: number): Buffer {
  const trailer = Buffer.alloc(gzipTrailerSize);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  return trailer;
}

/** What is wrong with packed bytes, as the rest of a sentence that begins with the file's name. */
export class GzipFault extends Error {
  constructor(
    message: string,
    /** More than damage: no gzip of ours has it. */
    readonly isForeign = false,
  ) {
    super(message);
  }
}

const cutOff = 'is cut off: its end is missing';

/**
 * Unpacks a stream of bytes, in pieces, and looks at the checksum and that nothing follows when all were taken. It is
 * exactly one gzip stream with the header of ours; Node's own reading goes on into a second one, and passes over
 * what follows the last.
 *
 * @param look called before each piece is given, with the bytes that came out and went in
 * @throws GzipFault; whatever the source or `look` throws.
 */
export async function* gunzipped(
  source: AsyncIterable<Uint8Array>,
  look: (out: number, into: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const body = afterHeader(source);
  const inflate = createInflateRaw({ chunkSize: pieceSize });
  const feeding = feed(body, inflate);
  feeding.catch((error) => inflate.destroy(error));
  let crc = 0;
  let size = 0;
  try {
    for await (const piece of inflate) {
      crc = crc32(piece, crc);
      size += piece.length;
      look(size, inflate.bytesWritten);
      yield piece as Buffer;
    }
    const rest = await feeding;
    if (rest.length < gzipTrailerSize) throw new GzipFault(cutOff);
    if (!rest.subarray(0, gzipTrailerSize).equals(gzipTrailer(crc, size)))
      throw new GzipFault('is damaged: its checksum is wrong');
    if (rest.length > gzipTrailerSize)
      throw new GzipFault(
        rest.subarray(gzipTrailerSize, gzipTrailerSize + 2).equals(gzipHeader.subarray(0, 2))
          ? 'holds a second archive behind the first'
          : 'has something behind its end',
        true,
      );
  } catch (error) {
    throw faultOf(error);
  } finally {
    inflate.destroy();
    await feeding.catch(() => {});
  }
}

function faultOf(error: unknown): unknown {
  const code = systemCode(error);
  // What zlib says of bytes: https://www.zlib.net/manual.html#Constants
  if (code === 'Z_BUF_ERROR') return new GzipFault(cutOff);
  if (code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT')
    return new GzipFault(`is damaged: it does not unpack (${messageOf(error)})`);
  return error;
}

async function* afterHeader(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of source) {
    if (head === null) {
      yield bufferOf(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < gzipHeader.length) continue;
    if (!head.subarray(0, gzipHeader.length).equals(gzipHeader)) throw wrongHeader(head);
    if (head.length > gzipHeader.length) yield head.subarray(gzipHeader.length);
    head = null;
  }
  if (head === null) return;
  throw head.equals(gzipHeader.subarray(0, head.length)) ? new GzipFault(cutOff) : wrongHeader(head);
}

function wrongHeader(head: Buffer): GzipFault {
  return head.subarray(0, 3).equals(gzipHeader.subarray(0, 3))
    ? new GzipFault('was packed by another program than cw, or is damaged at its beginning', true)
    : new GzipFault('is no archive: it is not packed with gzip', true);
}

/** Gives the bytes to the stream, one piece after the other. @returns those behind the end of what it unpacks: the first few. */
async function feed(source: AsyncIterable<Buffer>, inflate: InflateRaw): Promise<Buffer> {
  let given = 0;
  let rest: Buffer | null = null;
  for await (const chunk of source) {
    if (rest !== null) {
      rest = Buffer.concat([rest, chunk.subarray(0, 2 * gzipTrailerSize)]);
    } else {
      await written(chunk, inflate);
      given += chunk.length;
      // It takes nothing more once it has come to the end.
      if (inflate.bytesWritten < given) rest = chunk.subarray(chunk.length - (given - inflate.bytesWritten));
    }
    if (rest !== null && rest.length > gzipTrailerSize + 2) break;
  }
  inflate.end();
  return rest ?? Buffer.alloc(0);
}

function written(chunk: Buffer, inflate: InflateRaw): Promise<void> {
  return new Promise((done, fail) => {
    // Bytes that do not unpack end it without an answer to this.
    const ended = () => fail(new Error('It was ended.'));
    inflate.once('close', ended);
    inflate.write(chunk, (error) => {
      inflate.off('close', ended);
      if (error) fail(error);
      else done();
    });
  });
}

function bufferOf(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
}
