import { existsSync } from 'node:fs';
import { serverEnv } from '../tmux/address.js';
import type { Connection } from '../tmux/connection.js';
import { NoServerError } from '../tmux/failure.js';
import { readSessions, type SessionsReading } from '../tmux/reading.js';
import { noServerOrThrow } from '../tmux/server.js';

/**
 * Reads the sessions, or null where no server runs. Where there is no socket that is known without a process.
 *
 * @throws CwError `tmux-unusable` as `readSessions` does.
 */
export async function readIfRunning(connection: Connection): Promise<SessionsReading | null> {
  const { address } = connection;
  if (existsSync(address.socketPath)) return readSessions(connection);
  noServerOrThrow(new NoServerError(address), address);
  return null;
}

export interface StartedServer {
  readonly reading: SessionsReading;
  /** The session that keeps the new server alive until it has another one; to be killed by this id. */
  readonly keeper: string;
}

/**
 * Starts a server, which reads the user's tmux.conf, and reads the options that a plan needs (base-index and
 * such are known only now). The environment it gets stays with it for ever: that of a login, without what npm, an
 * agent or an outer tmux put into ours.
 *
 * @param prefix words before `tmux`, for a caller whose service manager would end the server with it.
 */
export async function startServer(
  connection: Connection,
  nonce: string,
  env: NodeJS.ProcessEnv,
  prefix: readonly string[] = [],
): Promise<StartedServer> {
  const name = `cw-tmp-${nonce}-start`;
  const start = (words: readonly string[]) =>
    readSessions(connection, {
      // Two words: tmux starts the program itself, without a shell.
      commands: [['new-session', '-d', '-s', name, '-c', '/', 'sleep', '600']],
      env: serverEnv(env),
      prefix: words,
    });
  const reading = await start(prefix).catch((error: unknown) => {
    // Where the prefix does not work (no service manager answers), a server in the wrong place is better than none.
    if (prefix.length === 0) throw error;
    return start([]);
  });
  const keeper = reading?.sessions.find((session) => session.name === name)?.id;
  if (!reading || !keeper) throw new Error('tmux started a session and does not list it');
  return { reading, keeper };
}
