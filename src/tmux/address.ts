import { realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { CwError } from '../errors.js';
import type { ServerAddress } from './connection.js';

type Env = NodeJS.ProcessEnv;

/**
 * The tmux server that the environment picks: `CW_TMUX_SOCKET` (a name, or an absolute path), then `$TMUX` of
 * the session we run in, then the user's default one.
 *
 * @throws CwError `usage` for a name or path that cannot be a socket's.
 */
export function serverAddress(env: Env): ServerAddress {
  const wanted = env.CW_TMUX_SOCKET;
  if (wanted?.startsWith('/')) return checked({ args: ['-S', wanted], socketPath: wanted });
  if (wanted) {
    if (wanted.includes('/')) {
      throw new CwError('usage', `CW_TMUX_SOCKET is "${wanted}": neither a name nor an absolute path.`, {
        hint: 'Give a name without "/" (tmux -L) or a path that begins with "/" (tmux -S).',
      });
    }
    return checked({ args: ['-L', wanted], socketPath: `${socketFolder(env)}/${wanted}` });
  }
  // $TMUX is SOCKET,PID,SESSION; the path itself may hold commas.
  const inside = /^(\/.*),\d+,\d+$/s.exec(env.TMUX ?? '')?.[1];
  if (inside) return checked({ args: ['-S', inside], socketPath: inside, inside: true });
  if (env.CW_TEST === '1') {
    throw new Error('a test asked for the default tmux server, which is the own one of the user');
  }
  return checked({ args: [], socketPath: `${socketFolder(env)}/default` });
}

/** The folder of named sockets, as tmux finds it: below TMUX_TMPDIR where that exists, otherwise /tmp. */
export function socketFolder(env: Env): string {
  const base = real(env.TMUX_TMPDIR) ?? real('/tmp') ?? '/tmp';
  return `${base}/tmux-${userInfo().uid}`;
}

function real(path: string | undefined): string | null {
  if (!path) return null;
  try {
    return realpathSync(path);
  } catch {
    return null; // tmux passes over a folder that it cannot resolve, and so do we
  }
}

// sockaddr_un.sun_path with its final NUL: 108 bytes on Linux, 104 on macOS.
const longest = process.platform === 'darwin' ? 103 : 107;

function checked(address: ServerAddress): ServerAddress {
  const length = Buffer.byteLength(address.socketPath);
  if (length > longest) {
    throw new CwError(
      'usage',
      `The path of the tmux socket is too long (${length} bytes, at most ${longest}): ${address.socketPath}`,
      { hint: 'Set CW_TMUX_SOCKET or TMUX_TMPDIR to something shorter.' },
    );
  }
  return address;
}

/** The environment for a tmux client of ours: without the traces of a session that we may run in. */
export function childEnv(env: Env): Env {
  const { TMUX: _socket, TMUX_PANE: _pane, ...rest } = env;
  return rest;
}

const scrubbed =
  /^(npm_.*|TMUX(?!_TMPDIR$).*|CLAUDECODE|CLAUDE_CODE_.*|CW_.*|INIT_CWD|NODE_OPTIONS|NODE_PATH|NODE_V8_COVERAGE|VITEST.*|OLDPWD|_)$/i;
// Folders that npm puts before the user's own PATH while it runs a script.
const scrubbedFolder = /\/node_modules\/\.bin\/?$|\/node-gyp-bin\/?$/;

/**
 * The environment for a server that we are the first to start. The server keeps it for ever and gives it to
 * every pane, so what belongs to this one call is taken out: npm's variables and PATH entries, the marks of an
 * agent that we may have been started by, and our own. `TMUX_TMPDIR` stays: by it tmux finds the folder of the socket.
 */
export function serverEnv(env: Env): Env {
  const underNpm = Object.keys(env).some((name) => name.startsWith('npm_'));
  const kept: Env = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || scrubbed.test(name)) continue;
    if (underNpm && (name === 'NODE' || name === 'COLOR')) continue; // npm sets these two as well
    kept[name] = value;
  }
  const folders = (env.PATH ?? '').split(':').filter((folder) => folder && !scrubbedFolder.test(folder));
  kept.PATH = folders.join(':') || '/usr/local/bin:/usr/bin:/bin';
  return kept;
}
