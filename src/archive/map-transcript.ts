import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { PathMap } from './path-map.js';

/** A line of a conversation is far shorter; a hostile one must not fill the memory. */
const longestLine = 64 * 1024 * 1024;
const batchBytes = 1024 * 1024;

/**
 * Writes a transcript with the paths of this machine. Lines without any of the other machine's stay byte for byte, and
 * so do those that are no JSON.
 *
 * @param to a file that is not there yet; it is made 0600.
 */
export async function mapTranscript(from: string, to: string, paths: PathMap): Promise<void> {
  const target = await open(to, 'wx', 0o600);
  try {
    let batch: Buffer[] = [];
    let bytes = 0;
    const flush = async () => {
      await target.writeFile(Buffer.concat(batch));
      batch = [];
      bytes = 0;
    };
    for await (const line of linesOf(from)) {
      const written = mapLine(line, paths);
      batch.push(written);
      bytes += written.length;
      if (bytes > batchBytes) await flush();
    }
    await flush();
  } finally {
    await target.close();
  }
}

function mapLine(line: Buffer, paths: PathMap): Buffer {
  if (line.length > longestLine || !paths.concerns(line)) return line;
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    const end = line.at(-1) === 0x0a ? '\n' : '';
    return Buffer.from(`${JSON.stringify(paths.json(value))}${end}`);
  } catch {
    return line; // torn: Claude Code passes over it, too
  }
}

/** The lines with their newlines. A longer one than is looked at comes in parts. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let newline = piece.indexOf(10); newline >= 0; newline = piece.indexOf(10, start)) {
      const part = piece.subarray(start, newline + 1);
      yield rest.length === 0 ? part : Buffer.concat([...rest, part]);
      rest = [];
      restBytes = 0;
      start = newline + 1;
    }
    if (start < piece.length) {
      rest.push(piece.subarray(start));
      restBytes += piece.length - start;
    }
    if (restBytes > longestLine) {
      yield Buffer.concat(rest);
      rest = [];
      restBytes = 0;
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}
