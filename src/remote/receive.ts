import { rm } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { CwError } from '../errors.js';
import { withLock } from '../system/lock.js';
import { packageVersion } from '../system/version.js';
import { Incoming } from './incoming.js';
import {
  type ArchiveFacts,
  archiveSchema,
  errorMessage,
  type Imported,
  type ImportWish,
  protocol,
  putMessage,
  wishSchema,
} from './protocol.js';
import { PartialFile, readyTransfers } from './transfers.js';

/** Imports an archive that has come whole. @throws CwError when nothing of it was imported. */
export type Importer = (file: string, wish: ImportWish) => Promise<Imported>;

const helloSchema = z.object({ archive: archiveSchema, import: wishSchema });

/** A question of the near side. @throws CwError of one that this cw does not understand. */
export async function readHello<T>(incoming: Incoming, schema: z.ZodType<T>): Promise<T> {
  const line = await incoming.line();
  let hello: unknown;
  try {
    hello = JSON.parse(line ?? '');
  } catch {
    throw new CwError('usage', 'This is for another cw, over ssh.', {
      hint: 'cw push NAME HOST, cw pull NAME HOST',
    });
  }
  const spoken = z.object({ protocol: z.number() }).safeParse(hello).data?.protocol;
  const read = schema.safeParse(hello);
  if (spoken === protocol && read.success) return read.data;
  throw new CwError(
    'failed',
    `This cw (${packageVersion()}) does not understand how the other one transfers.`,
    {
      hint: `Update the ${spoken !== undefined && spoken > protocol ? 'one there' : 'older of the two'}: npm install -g claude-workspaces`,
    },
  );
}

/**
 * The far end of a push: takes an archive in, and imports it when it is whole and the very one that was announced.
 * Nothing of an incomplete one is ever imported; what came is kept for a day, for another attempt.
 *
 * @returns the exit code.
 */
export async function receive(
  streams: { readonly input: Readable; readonly output: Writable },
  importArchive: Importer,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { output } = streams;
  // A near side that is gone is noticed by its silence.
  output.on('error', () => {});
  const incoming = new Incoming(streams.input);
  try {
    const { archive, import: wish } = await readHello(incoming, helloSchema);
    const folder = await readyTransfers(env);
    const part = await take(incoming, output, folder, archive);
    if (part === null) return 1;
    // An attempt whose connection was cut may still be at it; the import leaves alone what came from the same file.
    const imported = await withLock(`${part}.lock`, () => importArchive(part, wish));
    await putMessage(output, { imported });
    // Until the near side knows, it may ask again.
    if ((await incoming.line()) !== null) await rm(part, { force: true });
    return 0;
  } catch (error) {
    await putMessage(output, errorMessage(error));
    return 1;
  }
}

/** @returns the file; null when the near side went away before all was here. */
async function take(
  incoming: Incoming,
  output: Writable,
  folder: string,
  archive: ArchiveFacts,
): Promise<string | null> {
  const part = await PartialFile.open(folder, archive);
  try {
    await putMessage(output, { have: part.have });
    for await (const bytes of incoming.bytes(archive.bytes - part.have)) await part.append(bytes);
    if (!part.isWhole) return null;
    if (!(await part.verify()))
      throw new CwError('failed', 'The archive that came is not the one that was sent.', {
        hint: 'It was thrown away, and nothing was imported. Try again.',
      });
    await putMessage(output, { verified: archive.sha256 });
    return part.path;
  } finally {
    await part.close();
  }
}
