import { isAlive } from '../system/process.js';
import { recordedDaemon, startingDaemon } from './socket-path.js';

/**
 * Whether a daemon runs for this tmux server, by what the daemon wrote of itself: cheap enough for a command that shows
 * it by the way. A connection to its socket would take longer than all the rest of a list.
 */
export function daemonRuns(server: string, env: NodeJS.ProcessEnv): boolean {
  try {
    const recorded = recordedDaemon(server, env);
    return recorded !== null && isAlive(recorded.pid, null);
  } catch {
    return true; // it could not be looked at: that none runs is not known
  }
}

/** Whether one was started a moment ago, and will run in another. */
export function daemonStarts(server: string, env: NodeJS.ProcessEnv): boolean {
  try {
    return startingDaemon(server, env) !== null;
  } catch {
    return false;
  }
}
