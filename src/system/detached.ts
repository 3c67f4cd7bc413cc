import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface Detached {
  readonly pid: number;
  /** How it ended, once it has: its exit code, or the name of the signal. */
  readonly ended: Promise<number | string>;
}

/**
 * Starts a program that outlives us: in a session of its own (setsid), in `/` so that no folder is held, without our
 * terminal, its output in a file that is begun anew (mode 0600). The descriptors that a launcher gave us (3, 4) are not passed
 * on: Node marks the low ones at its own start.
 *
 * @throws the system's error when it cannot be started at all, such as ENOENT.
 */
export function spawnDetached(
  program: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly output: string },
): Promise<Detached> {
  const output = openSync(options.output, 'w', 0o600);
  try {
    const child = spawn(program, args, {
      cwd: '/',
      env: options.env,
      detached: true,
      stdio: ['ignore', output, output],
    });
    const ended = new Promise<number | string>((resolve) => {
      child.on('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('spawn', () => {
        child.unref();
        resolve({ pid: child.pid!, ended });
      });
    });
  } finally {
    closeSync(output);
  }
}
