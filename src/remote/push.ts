import { z } from 'zod';
import { Channel } from './channel.js';
import { type Attempt, persistently } from './persist.js';
import { type ArchiveFacts, type Imported, type ImportWish, importedSchema, protocol } from './protocol.js';
import type { SshSettings } from './ssh.js';
import { bytesFrom } from './transfers.js';

/** What a transfer tells on its way. */
export interface TransferListener {
  /** Of `of` bytes so many are on the other side. */
  onBytes(bytes: number, of: number): void;
  /** A sentence for the user. */
  onNote(text: string): void;
}

export interface Push {
  readonly host: string;
  /** The archive's file here. */
  readonly file: string;
  readonly archive: ArchiveFacts;
  readonly wish: ImportWish;
  /** Whether ssh may ask on the terminal. */
  readonly asks: boolean;
}

const haveSchema = z.object({ have: z.int().min(0) });
const verifiedSchema = z.object({ verified: z.string() });
const doneSchema = z.object({ imported: importedSchema });

/**
 * Brings an archive to a host and has it imported there. A connection that is cut is made again, and goes on where the
 * far side is; what was imported is not imported again for a report that got lost.
 *
 * @throws CwError with nothing imported (the far side's own error, or why it cannot be reached), or with a hint that says
 *   what is not known.
 */
export async function push(job: Push, settings: SshSettings, listener: TransferListener): Promise<Imported> {
  return persistently(listener, (attempt) => pushOnce(job, settings, listener, attempt));
}

async function pushOnce(
  { host, file, archive, wish, asks }: Push,
  settings: SshSettings,
  listener: TransferListener,
  attempt: Attempt,
): Promise<Imported> {
  const channel = await Channel.open(host, ['cw', 'remote', 'receive'], settings, asks);
  try {
    await channel.send({ protocol, archive, import: wish });
    const { have } = await channel.receive(haveSchema);
    await give(channel, file, archive, have, listener, attempt);
    const { verified } = await channel.receive(verifiedSchema);
    if (verified !== archive.sha256) throw channel.strange();
    const { imported } = await channel.receive(doneSchema);
    await channel.send({ settled: true });
    return imported;
  } finally {
    await channel.close();
  }
}

async function give(
  channel: Channel,
  file: string,
  archive: ArchiveFacts,
  from: number,
  listener: TransferListener,
  attempt: Attempt,
): Promise<void> {
  if (from > archive.bytes) throw channel.strange();
  attempt.goesOnAt(from, archive.bytes);
  let sent = from;
  if (from < archive.bytes)
    for await (const bytes of bytesFrom(file, from)) {
      // A far side that has ended says why; there is no use in sending it the rest.
      if (channel.isOver) break;
      await channel.sendBytes(bytes);
      sent += bytes.length;
      listener.onBytes(sent, archive.bytes);
    }
}
