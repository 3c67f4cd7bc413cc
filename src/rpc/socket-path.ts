import { lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { CwError } from '../errors.js';
import { readTextIfAny } from '../system/files.js';
import { runtimeFolder } from '../system/paths.js';
import { isAlive, processStart } from '../system/process.js';
import { serverFolder, serverLabel } from '../system/server-folder.js';
import { shortHash } from '../system/short-hash.js';

type Env = NodeJS.ProcessEnv;

// sockaddr_un.sun_path with its final NUL: 108 bytes on Linux, 104 on macOS. Less what the name has more while a
// new socket is made beside it.
const longest = (process.platform === 'darwin' ? 103 : 107) - 12;

/**
 * Where the daemon of a tmux server listens: in the runtime folder, or under a short name in /tmp when that path would
 * be too long for a socket.
 *
 * @param server the path of the tmux server's socket.
 */
export function daemonSocket(server: string, env: Env): string {
  const label = serverLabel(server);
  const path = join(runtimeFolder(env), `${label}.sock`);
  if (Buffer.byteLength(path) <= longest) return path;
  const hash = shortHash(path);
  return `/tmp/cw-${userInfo().uid}/${hash}.sock`;
}

/**
 * The file in which a daemon writes where it listens. XDG_RUNTIME_DIR differs between a login, `su` and cron; the
 * state folder is the same for all, so a client finds a daemon that was started with another environment.
 */
export function addressFile(server: string, env: Env): string {
  return join(serverFolder(server, env), 'daemon.json');
}

/** Where the daemon said that it listens, or null. */
export function recordedSocket(server: string, env: Env): string | null {
  return recordedDaemon(server, env)?.socket ?? null;
}

/** What the daemon wrote of itself; one that was killed has left it behind. */
export function recordedDaemon(server: string, env: Env): { pid: number; socket: string } | null {
  const text = readTextIfAny(addressFile(server, env));
  if (text === null) return null;
  try {
    const { pid, socket } = JSON.parse(text) as { pid?: unknown; socket?: unknown };
    if (typeof pid !== 'number' || typeof socket !== 'string' || !socket.startsWith('/')) return null;
    return { pid, socket };
  } catch {
    return null; // damaged: it is only a hint, and the next daemon writes it anew
  }
}

/** The longest time in milliseconds that a daemon is taken to be starting. */
const longestStart = 30_000;

function startingFile(server: string, env: Env): string {
  return join(serverFolder(server, env), 'daemon.starting');
}

/** Notes the process that was started to become the daemon: it answers only after a moment. */
export function noteStarting(server: string, env: Env, pid: number): void {
  writeFileSync(startingFile(server, env), `${pid} ${processStart(pid) ?? ''}\n`, { mode: 0o600 });
}

/** The process that was started to become the daemon a moment ago and lives; it may answer by now. */
export function startingDaemon(server: string, env: Env): number | null {
  const file = startingFile(server, env);
  const [, pid, start] = /^(\d+) (\d*)$/m.exec(readTextIfAny(file) ?? '') ?? [];
  if (pid === undefined || !isAlive(Number(pid), start || null)) return null;
  const noted = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - noted < longestStart ? Number(pid) : null;
}

/**
 * Makes the folder of a socket, 0700, or makes sure of one that is there: in /tmp somebody else could have made it
 * first, and would then hold the door.
 *
 * @throws CwError `failed` when it is not a folder, not ours, or open to others; the system's error when it cannot be
 *   made.
 */
export function ensureSocketFolder(socket: string): void {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0) {
    throw new CwError('failed', `The folder ${folder} is not ours alone, so no socket can be kept there.`, {
      hint: 'It has to be a folder of yours with mode 0700. Remove it, or set XDG_RUNTIME_DIR to one that is.',
    });
  }
}
