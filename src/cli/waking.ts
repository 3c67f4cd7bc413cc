import { messageOf } from '../errors.js';
import { wake } from '../rpc/start.js';
import type { Context } from './command.js';
import { daemonProgram } from './commands/daemon.js';

/** Starts the daemon in the background where none answers, without waiting for it. A failure is said, and stops nothing. */
export async function startInBackground(context: Context): Promise<void> {
  try {
    await wake(context.tmux().address.socketPath, context.env, daemonProgram());
  } catch (error) {
    context.note(`Nothing saves this workspace by itself: ${messageOf(error)} (cw daemon start)`);
  }
}
