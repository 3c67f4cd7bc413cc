import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { listenVariable } from '../blueprint/start.js';
import { isHookedVim, vimPipeVariable, vimScriptVariable } from '../blueprint/vim-hook.js';
import { packageFolder } from '../system/paths.js';
import { shortHash } from '../system/short-hash.js';

/**
 * The socket on which the nvim of a pane listens. Not beside its session: the path of a socket may hold about 100
 * bytes, and a home folder can be deep. It belongs into the runtime folder, which a reboot empties too.
 */
export function editorSocket(runtimeFolder: string, workspaceFolder: string, pane: string): string {
  const hash = shortHash(`${workspaceFolder}\0${pane}`);
  return join(runtimeFolder, 'nvim', `${hash}.sock`);
}

/** The named pipe on which the vim of a pane listens, beside the socket. */
export function editorPipe(socket: string): string {
  return socket.replace(/\.sock$/, '.vim');
}

/** The file with the session of a pane's nvim or vim. */
export function editorSessionFile(workspaceFolder: string, pane: string): string {
  return join(workspaceFolder, 'editors', `${pane.replace(/[^A-Za-z0-9_.-]/g, '_')}.vim`);
}

/**
 * Whether a command line starts nvim somewhere. Only a guess: where it is wrong a pane has a variable that nobody
 * reads.
 */
export function startsNvim(line: string | null): boolean {
  return line !== null && /(^|[\s;&|(/])nvim($|[\s;&|)])/.test(line);
}

/**
 * The variables by which the editors that these lines start listen; null where they start none, or none that can.
 *
 * @param socket of the pane; its folder is made. One that is too long is no socket, and no nvim listens then.
 */
export async function editorEnvOf(
  socket: string,
  lines: readonly (string | null)[],
): Promise<Readonly<Record<string, string>> | null> {
  const env: Record<string, string> = {};
  if (Buffer.byteLength(socket) <= longestSocket && lines.some(startsNvim)) {
    await prepareEditorSocket(socket);
    env[listenVariable] = socket;
  }
  if (lines.some((line) => line !== null && isHookedVim(line))) {
    mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
    env[vimScriptVariable] = join(packageFolder(), 'shell', 'cw.vim');
    env[vimPipeVariable] = editorPipe(socket);
  }
  return Object.keys(env).length > 0 ? env : null;
}

// sockaddr_un.sun_path on macOS, the shortest one.
const longestSocket = 103;

/**
 * Before a pane starts: makes the folder of its socket, and takes away what a dead nvim left of it. The pane that had
 * it is gone, so an nvim that still answers there is ending with its terminal: it is waited for, since a new one would
 * otherwise listen elsewhere.
 *
 * @param limit milliseconds to wait; one that lives longer keeps its socket.
 */
export async function prepareEditorSocket(socket: string, limit = 1000): Promise<void> {
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  for (const end = performance.now() + limit; isSocket(socket); ) {
    if (await isRefused(socket)) rmSync(socket, { force: true });
    else if (performance.now() > end) return;
    else await new Promise((done) => setTimeout(done, 10));
  }
}

function isRefused(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      done(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'));
  });
}

export function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
