import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isCwError, messageOf } from '../errors.js';
import { findProgram } from '../system/programs.js';
import { run } from '../system/run.js';
import { childEnv, serverAddress } from '../tmux/address.js';
import type { Connection, ServerAddress } from '../tmux/connection.js';
import { processConnection } from '../tmux/process-connection.js';
import { serverState } from '../tmux/server.js';
import { parseVersion } from '../tmux/version.js';
import type { Finding } from './finding.js';

type Env = NodeJS.ProcessEnv;

/** Milliseconds that tmux has to answer. */
const patience = 5000;

/** Checks tmux itself: the program, its socket, its server, and the `$TMUX` that we are in. */
export async function checkTmux(env: Env): Promise<Finding[]> {
  const program = await checkProgram(env);
  let address: ServerAddress;
  try {
    address = serverAddress(env);
  } catch (error) {
    return [program, failure('tmux.socket', 'tmux socket', error)];
  }
  const folder = checkSocketFolder(address);
  if (program.id === 'tmux.found') return [program, folder];
  return [program, folder, await checkServer(address, env), ...(env.TMUX ? [await checkInside(env)] : [])];
}

async function checkProgram(env: Env): Promise<Finding> {
  const program = findProgram('tmux', env.PATH);
  if (!program) {
    return {
      id: 'tmux.found',
      level: 'error',
      subject: 'tmux',
      message: 'not found on the PATH',
      fix: 'apt install tmux, dnf install tmux, or brew install tmux',
    };
  }
  const asked = await run(program, ['-V'], { env: childEnv(env), timeout: patience });
  try {
    parseVersion(asked.stdout);
  } catch (error) {
    return failure('tmux.version', 'tmux', error);
  }
  return {
    id: 'tmux.version',
    level: 'ok',
    subject: 'tmux',
    message: `${asked.stdout.trim().replace(/^tmux /, '')} (${program})`,
    fix: null,
  };
}

function checkSocketFolder(address: ServerAddress): Finding {
  const folder = dirname(address.socketPath);
  const about = { id: 'tmux.socket-folder', subject: 'socket folder' };
  const stat = statSync(folder, { throwIfNoEntry: false });
  // A socket given by its path may stand anywhere; tmux makes the folder of the others by itself.
  const isOwn = address.args[0] !== '-S';
  if (!stat) {
    return isOwn
      ? { ...about, level: 'ok', message: `${folder} (made by tmux at its first start)`, fix: null }
      : { ...about, level: 'error', message: `${folder} does not exist`, fix: `mkdir -m 700 -p '${folder}'` };
  }
  if (!stat.isDirectory()) {
    return {
      ...about,
      level: 'error',
      message: `${folder} is no folder`,
      fix: `Move it away: mv '${folder}' '${folder}.old'`,
    };
  }
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
  // Who reaches the socket has the whole account: tmux refuses a folder of its own that is open to others.
  if ((stat.mode & 0o077) !== 0) {
    const sticky = (stat.mode & 0o1000) !== 0;
    if (isOwn || !sticky) {
      return {
        ...about,
        level: isOwn && (stat.mode & 0o007) !== 0 ? 'error' : 'warning',
        message: `${folder} is open to others (mode ${mode})`,
        fix: `chmod 700 '${folder}'`,
      };
    }
  }
  return { ...about, level: 'ok', message: `${folder} (mode ${mode})`, fix: null };
}

async function checkServer(address: ServerAddress, env: Env): Promise<Finding> {
  const about = { id: 'tmux.server', subject: 'tmux server' };
  try {
    if ((await serverState(impatient(processConnection(address, env)))) === 'running') {
      return { ...about, level: 'ok', message: `runs on ${address.socketPath}`, fix: null };
    }
  } catch (error) {
    // Not asked in time is not the same as broken.
    const finding = failure('tmux.server', 'tmux server', error);
    return /did not answer/.test(finding.message) ? { ...finding, level: 'unknown' } : finding;
  }
  if (lstatSync(address.socketPath, { throwIfNoEntry: false })) {
    return {
      ...about,
      // tmux leaves its socket behind when it ends: nothing is wrong with that.
      id: 'tmux.stale-socket',
      level: 'ok',
      message: 'none runs (its last socket is still there); the first workspace starts it',
      fix: null,
    };
  }
  return { ...about, level: 'ok', message: 'none runs; the first workspace starts it', fix: null };
}

/** The server that `$TMUX` names: it can be dead while its terminal lives on (ssh, a nested shell). */
async function checkInside(env: Env): Promise<Finding> {
  const about = { id: 'tmux.inside', subject: '$TMUX' };
  const socketPath = /^(\/.*),\d+,\d+$/s.exec(env.TMUX ?? '')?.[1];
  const fix = 'unset TMUX TMUX_PANE';
  if (!socketPath) return { ...about, level: 'warning', message: `"${env.TMUX}" names no server`, fix };
  try {
    const connection = processConnection({ args: ['-S', socketPath], socketPath }, env);
    if ((await serverState(impatient(connection))) === 'running') {
      return { ...about, level: 'ok', message: `a server that lives (${socketPath})`, fix: null };
    }
    return { ...about, level: 'warning', message: `names a server that is gone (${socketPath})`, fix };
  } catch (error) {
    return { ...failure('tmux.inside', '$TMUX', error), level: 'unknown' };
  }
}

function impatient(connection: Connection): Connection {
  return {
    ...connection,
    batch: (commands, options) => connection.batch(commands, { timeout: patience, ...options }),
  };
}

function failure(id: string, subject: string, error: unknown): Finding {
  return {
    id,
    level: 'error',
    subject,
    message: messageOf(error),
    fix: isCwError(error) ? (error.hint ?? null) : null,
  };
}
