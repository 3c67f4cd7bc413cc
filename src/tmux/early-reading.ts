import { closeSync, fstatSync, readFile } from 'node:fs';
import { shortHash } from '../system/short-hash.js';
import { type BatchResult, type Command, type Connection, defaultTimeout } from './connection.js';
import { noAnswer } from './failure.js';

/**
 * The reading that a list and an opening begin with, asked by the `sh` launcher while Node still starts: a start takes
 * as long as the answer, and there are two cores. The launcher runs `dist/reading.sh`, which the build writes from
 * `earlyReadingScript`, and hands the answer over on the descriptor that `CW_READING` names.
 *
 * It is only ever used whole: the last line says which commands it answers, and which server did. An answer without
 * that line (no server, another build, a tmux that refused) counts as none, and is asked for again in the usual way.
 */

/** What the answer to these commands ends with; after it stands the socket's path. */
export function earlyMark(commands: readonly Command[]): string {
  return `cw-early-${shortHash(JSON.stringify(commands))}`;
}

/**
 * The connection, with the launcher's answer for the first batch, if that is what the launcher asked.
 *
 * @param reading the descriptor, as the launcher named it.
 * @param isStale whether something was built since that moment (milliseconds since 1970), so that the answer must not
 *   be used any more.
 */
export function withEarlyReading(
  connection: Connection,
  reading: string | undefined,
  isStale: (askedAt: number) => boolean,
): Connection {
  let descriptor = /^([3-9]|\d\d+)$/.test(reading ?? '') ? Number(reading) : null;
  return {
    ...connection,
    async batch(commands, options) {
      const given = descriptor;
      descriptor = null;
      const early = given === null ? null : await earlyAnswer(given, commands, connection, isStale);
      return early ?? connection.batch(commands, options);
    },
  };
}

async function earlyAnswer(
  descriptor: number,
  commands: readonly Command[],
  connection: Connection,
  isStale: (askedAt: number) => boolean,
): Promise<BatchResult | null> {
  const { address } = connection;
  try {
    const pipe = fstatSync(descriptor);
    // Linux stamps a pipe when it is made, by the clock that files are stamped with: the answer is not older.
    if (process.platform !== 'linux' || !pipe.isFIFO() || isStale(pipe.mtimeMs)) return null;
  } catch {
    return null; // no such descriptor: the variable came from elsewhere
  }
  const output = await new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => reject(noAnswer(address, defaultTimeout)), defaultTimeout);
    readFile(descriptor, (error, data) => {
      clearTimeout(timer);
      resolve(error ? Buffer.alloc(0) : data);
    });
  });
  closeSync(descriptor);
  const last = Buffer.from(`${earlyMark(commands)} ${address.socketPath}\n`);
  const at = output.length - last.length;
  if (at < 0 || !output.subarray(at).equals(last)) return null;
  return { stdout: output.subarray(0, at), errors: [] };
}
