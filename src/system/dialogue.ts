import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { systemCode } from '../errors.js';

/** How a program ended that was spoken with. */
export interface DialogueEnd {
  /** null: a signal ended it, or it did not start. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** The system's code where it could not be started at all, such as ENOENT. */
  readonly failedToStart: string | null;
  /** The end of what it wrote on standard error. */
  readonly stderr: string;
}

/** A program that runs, with its input and output as streams. */
export interface Dialogue {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Never rejects. All of its output has been read by then, or nobody will. */
  readonly ended: Promise<DialogueEnd>;
  /** Asks it to end; kills it when it does not. */
  end(): void;
  /** Waits for it to end by itself for so many milliseconds, then ends it. */
  endWithin(milliseconds: number): Promise<DialogueEnd>;
}

export interface DialogueOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until it is ended; for ever when not given. */
  readonly timeout?: number;
}

const grace = 500;
const stderrKept = 16 * 1024;

/**
 * Starts a program with exact arguments. It stays in our process group, so that it can ask on the terminal and the
 * terminal's Ctrl-C ends it too; and a child of its that holds its output open does not keep us waiting for it.
 */
export function startDialogue(program: string, args: readonly string[], options: DialogueOptions): Dialogue {
  const child = spawn(program, args, { env: options.env, stdio: ['pipe', 'pipe', 'pipe'] });
  const timers: NodeJS.Timeout[] = [];
  let stderr = '';
  let timedOut = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrKept);
  });
  // Told by how it ended; an error event that nobody hears would end us.
  child.stdin.on('error', () => {});
  const end = () => {
    child.kill('SIGTERM');
    timers.push(setTimeout(() => child.kill('SIGKILL'), grace));
  };
  const ended = new Promise<DialogueEnd>((done) => {
    const finish = (exitCode: number | null, failedToStart: string | null) => {
      for (const timer of timers) clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      child.stdin.destroy();
      done({ exitCode: timedOut ? null : exitCode, timedOut, failedToStart, stderr });
    };
    child.on('error', (error) => finish(null, systemCode(error) ?? 'unknown'));
    child.on('close', (code) => finish(code, null));
    child.on('exit', (code) => timers.push(setTimeout(() => finish(code, null), grace)));
  });
  if (options.timeout !== undefined)
    timers.push(
      setTimeout(() => {
        timedOut = true;
        end();
      }, options.timeout),
    );
  const endWithin = async (milliseconds: number) => {
    const late = setTimeout(end, milliseconds);
    return ended.finally(() => clearTimeout(late));
  };
  return { stdin: child.stdin, stdout: child.stdout, ended, end, endWithin };
}
