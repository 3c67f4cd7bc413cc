import { existsSync } from 'node:fs';
import { CwError } from '../errors.js';
import { isAlive } from '../system/process.js';
import type { Connection } from '../tmux/connection.js';
import { removeDoor } from './door.js';
import { isKept, readShares, removeShare, type ShareRecord, shareFile } from './record.js';
import { takeBack } from './write-access.js';

type Env = NodeJS.ProcessEnv;

/** Milliseconds that the process of a share has to end by itself. */
const patience = 5000;

/**
 * Ends a share now: its process tells the viewers and cleans up, or it is ended and we do so.
 *
 * @throws CwError `failed` when something of it could not be taken back.
 */
export async function endShare(
  connection: Connection,
  folder: string,
  share: ShareRecord,
  env: Env,
): Promise<void> {
  const { pid, processStart, id } = share;
  if (isKept(share)) {
    process.kill(pid, 'SIGTERM');
    for (const end = performance.now() + patience; isAlive(pid, processStart); ) {
      if (performance.now() > end) {
        process.kill(pid, 'SIGKILL');
        break;
      }
      await new Promise((done) => setTimeout(done, 10));
    }
  }
  if (existsSync(shareFile(folder, id))) await cleanUp(connection, folder, share, env);
}

/**
 * Takes away what shares have left whose process died (of one that lets others only look nothing lives on but an empty
 * folder; of a `write` share the access itself).
 *
 * @returns those shares.
 */
export async function endDeadShares(
  connection: Connection,
  folder: string,
  env: Env,
): Promise<ShareRecord[]> {
  const dead = readShares(folder).filter((share) => !isKept(share));
  for (const share of dead) await cleanUp(connection, folder, share, env);
  return dead;
}

async function cleanUp(connection: Connection, folder: string, share: ShareRecord, env: Env): Promise<void> {
  if (share.folder !== null) removeDoor(share.folder);
  if (share.mode === 'write') {
    try {
      await takeBack(connection, share, env);
    } catch (cause) {
      throw new CwError('failed', `The access that ${share.name} gave could not be taken back whole.`, {
        hint: `Look at it: tmux server-access -l; getfacl ${share.opened.join(' ')}`,
        cause,
      });
    }
  }
  removeShare(folder, share.id);
}
