import { z } from 'zod';
import { CwError, isCwError } from '../errors.js';
import { withLock } from '../system/lock.js';
import { Channel } from './channel.js';
import { type Attempt, persistently } from './persist.js';
import {
  type ArchiveFacts,
  archiveSchema,
  type Closing,
  closingSchema,
  type Imported,
  type ImportWish,
  type PullRequest,
  protocol,
} from './protocol.js';
import type { TransferListener } from './push.js';
import type { Importer } from './receive.js';
import type { SshSettings } from './ssh.js';
import { PartialFile, readyTransfers } from './transfers.js';

export interface Pull {
  readonly host: string;
  readonly request: Omit<PullRequest, 'wanted'>;
  readonly wish: ImportWish;
  readonly asks: boolean;
}

export interface Pulled {
  readonly archive: ArchiveFacts;
  /** What is not in it, a line each. */
  readonly missing: readonly string[];
  readonly imported: Imported;
  /** null: it was not asked for, or not all was imported. */
  readonly closed: Closing | null;
  /** Why the source is as it was, though it was to be closed; null: it is not. */
  readonly notClosed: CwError | null;
}

const announced = z.object({ archive: archiveSchema, missing: z.array(z.string()) });
const closedSchema = z.object({ closed: closingSchema });

/**
 * Brings a workspace of another host here, and imports it. With `close` the far one is closed once that is done.
 *
 * @throws CwError with nothing imported, and the source as it was.
 */
export async function pull(
  job: Pull,
  settings: SshSettings,
  importArchive: Importer,
  listener: TransferListener,
): Promise<Pulled> {
  const memory: Memory = { wanted: null, missing: [] };
  return persistently(listener, (attempt) =>
    pullOnce(job, settings, importArchive, listener, attempt, memory),
  );
}

/** What earlier attempts of the same call came to. */
interface Memory {
  wanted: string | null;
  missing: readonly string[];
}

async function pullOnce(
  { host, request, wish, asks }: Pull,
  settings: SshSettings,
  importArchive: Importer,
  listener: TransferListener,
  attempt: Attempt,
  memory: Memory,
): Promise<Pulled> {
  const folder = await readyTransfers(settings.env);
  const channel = await Channel.open(host, ['cw', 'remote', 'send'], settings, asks);
  try {
    await channel.send({ protocol, ...request, wanted: memory.wanted });
    const { archive, missing } = await channel.receive(announced);
    memory.wanted = archive.sha256;
    // An attempt that goes on with an archive does not know it any more.
    if (missing.length > 0) memory.missing = missing;
    const part = await PartialFile.open(folder, archive);
    try {
      attempt.goesOnAt(part.have, archive.bytes);
      await channel.send({ have: part.have });
      for await (const bytes of channel.receiveBytes(archive.bytes - part.have)) {
        await part.append(bytes);
        listener.onBytes(part.have, archive.bytes);
      }
      if (!part.isWhole) throw await channel.gone();
      if (!(await part.verify()))
        throw new CwError('failed', 'The archive that came is not the one that was sent.', {
          hint: 'It was thrown away, and nothing was imported. Try again.',
        });
      const imported = await withLock(`${part.path}.lock`, () => importArchive(part.path, wish));
      await part.remove();
      return {
        archive,
        missing: memory.missing,
        imported,
        ...(await closing(channel, archive, request.close && imported.exit === 0)),
      };
    } finally {
      await part.close();
    }
  } finally {
    await channel.close();
  }
}

/** Tells the far side that it is here. From here on nothing is thrown: the workspace has come. */
async function closing(
  channel: Channel,
  { sha256 }: ArchiveFacts,
  isWanted: boolean,
): Promise<Pick<Pulled, 'closed' | 'notClosed'>> {
  await channel.send({ verified: sha256, close: isWanted });
  if (!isWanted) return { closed: null, notClosed: null };
  try {
    const { closed } = await channel.receive(closedSchema);
    return { closed, notClosed: null };
  } catch (error) {
    if (!isCwError(error)) throw error;
    return { closed: null, notClosed: error };
  }
}
