import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CwError, isCwError, messageOf, systemCode } from '../errors.js';
import { realFiles } from '../system/file-layer.js';
import { undoneBySignal } from '../system/interrupted.js';
import { hostId, isAlive, processStart } from '../system/process.js';
import { randomHex } from '../system/random.js';

/** `.cw-staging.<host>.<pid>.<start, 0 where it is not known>.<8 hex>`: who made it can be asked for. */
const stagingPattern = /^\.cw-staging\.([0-9a-f]+)\.(\d+)\.(\d+)\.[0-9a-f]{8}$/;

/**
 * Runs `work` with a new folder (0700) in `parent` (which is made, too), and takes that away whole when the work is
 * done or failed, also by SIGINT, SIGTERM and SIGHUP. What a killed one has left is taken away by the next.
 *
 * @throws CwError `failed` when the folder cannot be made; whatever `work` throws.
 */
export async function withStaging<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  const start = processStart(process.pid) ?? '0';
  const folder = join(parent, `.cw-staging.${hostId()}.${process.pid}.${start}.${randomHex(4)}`);
  const takeAway = () => rmSync(folder, { recursive: true, force: true });
  return undoneBySignal(takeAway, async () => {
    try {
      await realFiles.makeFolder(parent);
      sweepStaging(parent);
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      throw new CwError('failed', `No folder can be made in ${parent}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    try {
      return await work(folder);
    } finally {
      takeAway();
    }
  });
}

/** Takes away the folders of processes of this host that are gone. */
function sweepStaging(parent: string): void {
  for (const name of realFiles.names(parent)) {
    const [, host, pid, start] = stagingPattern.exec(name) ?? [];
    if (host !== hostId() || isAlive(Number(pid), start === '0' ? null : start!)) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** Does something with a file that is written, and says so of the system's errors. */
export function onDisk<T>(what: string, work: () => T, elsewhere: string): T {
  try {
    return work();
  } catch (error) {
    if (isCwError(error)) throw error;
    const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');
    throw new CwError('failed', `${what} cannot be written: ${messageOf(error)}`, {
      hint: `${full ? 'The disk is full. ' : ''}Nothing was left there. ${elsewhere}`,
      cause: error,
    });
  }
}
