import { connect } from 'node:net';
import { systemCode } from '../errors.js';
import { daemonSocket, recordedSocket } from './socket-path.js';

/**
 * Whether a daemon listens for this tmux server, by no more than a connection: cheap enough for a command that shows
 * it by the way. One that does not take the connection in time is there all the same.
 *
 * @param limit milliseconds.
 */
export async function daemonListens(server: string, env: NodeJS.ProcessEnv, limit = 200): Promise<boolean> {
  try {
    const socket = daemonSocket(server, env);
    if (await listens(socket, limit)) return true;
    const recorded = recordedSocket(server, env);
    return recorded !== null && recorded !== socket && (await listens(recorded, limit));
  } catch {
    return true; // it could not be looked at: that none listens is not known
  }
}

function listens(socket: string, limit: number): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = connect({ path: socket });
    const done = (answer: boolean) => {
      clearTimeout(timer);
      stream.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done(true), limit);
    stream.once('connect', () => done(true));
    stream.once('error', (error) => {
      const code = systemCode(error);
      done(code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ECONNREFUSED');
    });
  });
}
