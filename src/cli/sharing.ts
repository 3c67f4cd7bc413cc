import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CwError, type ErrorKind, exitCodes } from '../errors.js';
import { daemonEnv } from '../rpc/start.js';
import { readShares, type ShareRecord } from '../share/record.js';
import { spawnDetached } from '../system/detached.js';
import { ensurePrivateFolder, readTextIfAny } from '../system/files.js';
import { packageFolder } from '../system/paths.js';
import { randomHex } from '../system/random.js';

/** Milliseconds that a share has to begin. */
const patience = 20_000;

/**
 * Starts the process of a share in the background: `cw share ... --foreground`, in a session of its own.
 *
 * @param words of `cw share`.
 * @param server the path of the tmux server's socket.
 * @param folder that of the tmux server.
 * @returns the share, which can be used then.
 * @throws CwError what that process said when it could not begin.
 */
export async function shareInBackground(
  words: readonly string[],
  server: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<ShareRecord> {
  ensurePrivateFolder(join(folder, 'shares'));
  const output = join(folder, 'shares', `${randomHex(4)}.out`);
  const program = [join(packageFolder(), 'dist', 'cw.cjs'), 'share', ...words, '--foreground', '--json'];
  try {
    const child = await spawnDetached(process.execPath, program, { env: daemonEnv(server, env), output });
    let isOver = false;
    void child.ended.then(() => {
      isOver = true;
    });
    for (const end = performance.now() + patience; ; ) {
      // Read before the look: one that is over by then and has left nothing will leave nothing.
      const wasOver = isOver;
      const share = readShares(folder).find(({ pid }) => pid === child.pid);
      if (share?.ready) return share;
      if (wasOver) throw saidBy(readTextIfAny(output) ?? '');
      if (performance.now() > end) {
        process.kill(child.pid, 'SIGTERM');
        throw new CwError('failed', `The share did not begin within ${patience / 1000} s.`, {
          hint: 'See what it says: cw share NAME --foreground',
        });
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  } finally {
    rmSync(output, { force: true });
  }
}

/** The failure that the other process printed, as its own. */
function saidBy(text: string): CwError {
  for (const line of text.split('\n').reverse()) {
    try {
      const { error } = JSON.parse(line) as { error?: { code?: string; message?: string; hint?: string } };
      if (!error?.message) continue;
      const kind = error.code !== undefined && error.code in exitCodes ? (error.code as ErrorKind) : 'failed';
      return new CwError(kind, error.message, { hint: error.hint });
    } catch {
      // A warning of Node's, or half a line.
    }
  }
  return new CwError('failed', 'The share ended before it began.', {
    hint: text.trim().slice(-500) || undefined,
  });
}
