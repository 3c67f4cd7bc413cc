import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { waitUntil } from './wait.js';

export const root = resolve(import.meta.dirname, '../..');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A user's world: a home, XDG folders, and a tmux server on a socket of its own. */
export interface Sandbox {
  readonly folder: string;
  readonly home: string;
  readonly socket: string;
  readonly env: NodeJS.ProcessEnv;
  /** Makes a file in the home folder, with its parents. */
  file(path: string, text: string, mode?: number): string;
  /** Runs the built program as a user would. */
  cw(
    args: readonly string[],
    options?: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string },
  ): Promise<Ran>;
  /** Runs any program in the sandbox. */
  run(
    program: string,
    args: readonly string[],
    options?: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string },
  ): Promise<Ran>;
  /** Asks this sandbox's tmux server. Throws when tmux fails. */
  tmux(...args: string[]): string;
  /** The screen of a pane as text. */
  screen(target: string): string;
}

/** Makes a sandbox. `dispose` ends its server, waits until that is gone, and removes its files. */
export function makeSandbox(): Sandbox & { dispose(): Promise<void> } {
  // Short: a socket's path may hold about 100 bytes.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cw-')));
  const home = join(folder, 'home');
  const socket = join(folder, 's', 'tmux');
  mkdirSync(home);
  mkdirSync(dirname(socket), { mode: 0o700 });
  mkdirSync(join(folder, 'run'), { mode: 0o700 });
  const env: NodeJS.ProcessEnv = {
    PATH: pathWithoutClaude(),
    HOME: home,
    SHELL: '/bin/bash',
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    TMPDIR: tmpdir(),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_STATE_HOME: join(home, '.local/state'),
    XDG_DATA_HOME: join(home, '.local/share'),
    XDG_RUNTIME_DIR: join(folder, 'run'),
    CW_TMUX_SOCKET: socket,
    CW_TEST: '1',
    GIT_AUTHOR_NAME: 'A Developer',
    GIT_AUTHOR_EMAIL: 'dev@example.org',
    GIT_COMMITTER_NAME: 'A Developer',
    GIT_COMMITTER_EMAIL: 'dev@example.org',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const run: Sandbox['run'] = (program, args, options = {}) =>
    new Promise((done) => {
      const child = execFile(
        program,
        args as string[],
        // A test that wants a daemon starts it, and ends it.
        {
          env: { ...env, CW_DAEMON: 'off', ...options.env },
          cwd: options.cwd ?? home,
          maxBuffer: 64 * 1024 * 1024,
        },
        (error, stdout, stderr) => {
          const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
          done({ code, stdout: String(stdout), stderr: String(stderr) });
        },
      );
      child.stdin?.on('error', () => {}); // a program that does not read its input has closed it
      child.stdin?.end(options.input ?? '');
    });
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-u', '-S', socket, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const dispose = async () => {
    let pid = 0;
    try {
      pid = Number(tmux('display-message', '-p', '#{pid}'));
      tmux('kill-server');
    } catch {
      // No server runs: nothing to take down.
    }
    if (pid > 0) await waitUntil('the test tmux server is gone', () => isGone(pid));
    // A `cw` that ran inside of a pane does not know that it is in a test, and starts one.
    await waitUntil('no daemon of this sandbox is left', () => endDaemons(socket) === 0);
    // Programs of its panes may still write for a moment after their server is gone.
    await waitUntil(`${folder} is removed`, () => {
      rmSync(folder, { recursive: true, force: true });
      return true;
    });
  };
  return {
    dispose,
    folder,
    home,
    socket,
    env,
    run,
    tmux,
    file(path, text, mode) {
      const full = resolve(home, path);
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, text, mode === undefined ? {} : { mode });
      return full;
    },
    cw: (args, options) => run(join(root, 'bin/cw'), args, options),
    screen: (target) => tmux('capture-pane', '-p', '-t', target),
  };
}

/** Ends the daemons that serve a socket, by their pids; gives how many there were. */
function endDaemons(socket: string): number {
  const pids = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const [words, env] = ['cmdline', 'environ'].map((file) =>
        readFileSync(`/proc/${name}/${file}`, 'latin1'),
      );
      return words!.endsWith('\0daemon\0run\0') && `\0${env}`.includes(`\0CW_TMUX_SOCKET=${socket}\0`);
    } catch {
      return false; // gone meanwhile, or somebody else's
    }
  });
  for (const pid of pids.map(Number)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
  return pids.length;
}

function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** No test may start the real Claude of who runs it: those that want one put the fake before all. */
function pathWithoutClaude(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !existsSync(join(folder, 'claude'))).join(delimiter);
}
