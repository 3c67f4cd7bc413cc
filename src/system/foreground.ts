import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program on our own terminal and waits for it. Signals of the keyboard are its to answer meanwhile.
 *
 * @returns its exit code; 128 and the signal's number when one ended it, as shells have it.
 * @throws the system's error when it could not be started.
 */
export function runInForeground(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const ignore = () => {};
  process.on('SIGINT', ignore).on('SIGQUIT', ignore);
  return new Promise<number>((done, fail) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    child.on('error', fail);
    child.on('close', (code, signal) => done(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  }).finally(() => process.off('SIGINT', ignore).off('SIGQUIT', ignore));
}
