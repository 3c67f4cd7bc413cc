import { basename, join } from 'node:path';
import { stateFolder } from './paths.js';
import { hostId } from './process.js';
import { shortHash } from './short-hash.js';

/**
 * A name for a tmux server by its socket's path, fit for a file: readable, and never the same for two servers of one
 * host.
 */
export function serverLabel(socketPath: string): string {
  const hash = shortHash(socketPath).slice(0, 8);
  return `${basename(socketPath).replace(/[^A-Za-z0-9_-]/g, '_')}-${hash}`;
}

/**
 * The folder of all that we keep of one tmux server on this host: a home can be shared by hosts, and a user can have
 * several servers.
 */
export function serverFolder(socketPath: string, env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), hostId(), serverLabel(socketPath));
}
