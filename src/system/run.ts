import { execa } from 'execa';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds; the process and what it started in its group is ended after it. */
  readonly timeout?: number;
  readonly input?: string | Uint8Array;
  /** One character for each byte of what it says (Latin-1), so that no byte is lost. */
  readonly bytes?: boolean;
  /** Its output goes to this file, which is written anew; `stdout` is empty then. */
  readonly outputFile?: string;
  /** What it says on its error output while it runs, as it comes. */
  readonly onError?: (text: string) => void;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** null when it ended by a signal, did not start, or ran out of time. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** Set when it could not be started at all: the system's code, such as ENOENT. */
  readonly failedToStart: string | null;
}

/** Runs a program with exact arguments (no shell), waits for it, and never throws for how it ended. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const running = execa(program, args, {
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 64 * 1024 * 1024,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env, extendEnv: false }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout, forceKillAfterDelay: 500 }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.bytes ? { encoding: 'latin1' as const } : {}),
    ...(options.outputFile === undefined ? {} : { stdout: { file: options.outputFile } }),
  });
  if (options.onError) running.stderr.on('data', (chunk) => options.onError?.(String(chunk)));
  const result = await running;
  return {
    stdout: String(result.stdout ?? ''),
    stderr: String(result.stderr ?? ''),
    exitCode: result.exitCode ?? null,
    timedOut: result.timedOut,
    failedToStart:
      result.exitCode === undefined && !result.timedOut && result.signal === undefined
        ? (result.code ?? 'unknown')
        : null,
  };
}
