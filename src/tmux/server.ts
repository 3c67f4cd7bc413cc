import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { CwError, systemCode } from '../errors.js';
import { isAlive, processStart } from '../system/process.js';
import type { Connection, ServerAddress } from './connection.js';
import { isNoServer } from './failure.js';

export { isNoServer } from './failure.js';

/**
 * Whether a server runs. There are three answers: it does, it certainly does not, and it could not be found out,
 * which is thrown. Nothing may be restored, removed or written over on the third.
 *
 * @throws CwError `tmux-unusable`: no tmux, no answer in time, no access, or a server that has lost its socket.
 */
export async function serverState(connection: Connection): Promise<'running' | 'none'> {
  try {
    await connection.batch([['display-message', '-p', '']]);
    return 'running';
  } catch (error) {
    noServerOrThrow(error, connection.address);
    return 'none';
  }
}

/**
 * Returns when the error says for certain that no server runs. A client of tmux looks only at the socket's file: a
 * server whose file was deleted (systemd-tmpfiles does so after about ten days) looks to it like none. And where
 * `$TMUX` says that we run inside of a server, it is not for us to start another one in its place.
 *
 * @throws the error itself when it is another one; CwError `tmux-unusable` for a server that has lost its file.
 */
export function noServerOrThrow(error: unknown, address: ServerAddress): void {
  if (!isNoServer(error)) throw error;
  if (address.inside) {
    throw new CwError('tmux-unusable', `$TMUX names a tmux server that is gone: ${address.socketPath}.`, {
      hint: 'Open a new terminal, or leave that server behind: unset TMUX TMUX_PANE',
      cause: error,
    });
  }
  const inode = listeningInode(address.socketPath);
  if (inode === null) return;
  const pid = ownerOf(inode);
  throw new CwError(
    'tmux-unusable',
    `A tmux server${pid ? ` (process ${pid})` : ''} lives, but its socket ${address.socketPath} was deleted.`,
    {
      hint: `Make it create the socket again: ${pid ? `kill -USR1 ${pid}` : 'kill -USR1 PID, with the pid of "tmux: server"'}`,
      cause: error,
    },
  );
}

// SO_ACCEPTCON in the flags of /proc/net/unix: a socket that is listened on.
const listening = 0x10000;

/** The inode of the socket that some process listens on under this path, be its file there or not (Linux only). */
function listeningInode(path: string): string | null {
  let table: string;
  try {
    table = readFileSync('/proc/net/unix', 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'EACCES') return null; // macOS, or a closed /proc
    throw error;
  }
  for (const line of table.split('\n')) {
    // Num RefCount Protocol Flags Type St Inode Path
    const found = /^\S+ \S+ \S+ ([0-9A-F]{8}) \S+ \S+ +(\d+) (.*)$/.exec(line);
    if (found?.[3] === path && (Number.parseInt(found[1] ?? '', 16) & listening) !== 0)
      return found[2] ?? null;
  }
  return null;
}

function ownerOf(inode: string): number | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const files = readdirSync(`/proc/${pid}/fd`);
      if (files.some((file) => readlinkSync(`/proc/${pid}/fd/${file}`) === `socket:[${inode}]`))
        return Number(pid);
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }
  return null;
}

/**
 * Ends the server and waits until its process is gone: a client that comes while the old one is still ending is told
 * "server exited unexpectedly". Nothing to do when none runs.
 *
 * @throws CwError `tmux-unusable` when it does not end in time.
 */
export async function endServer(connection: Connection, timeout = 10_000): Promise<void> {
  let pid: number;
  try {
    const answer = await connection.batch([['display-message', '-p', '#{pid}']]);
    pid = Number(answer.stdout.toString().trim());
    const start = processStart(pid);
    await connection.batch([['kill-server']]).catch((error: unknown) => {
      if (!isNoServer(error)) throw error;
    });
    for (const end = performance.now() + timeout; isAlive(pid, start); ) {
      if (performance.now() > end)
        throw new CwError('tmux-unusable', `The tmux server (process ${pid}) does not end.`, {
          hint: `End it: kill ${pid}`,
        });
      await new Promise((done) => setTimeout(done, 5));
    }
  } catch (error) {
    noServerOrThrow(error, connection.address);
  }
}
