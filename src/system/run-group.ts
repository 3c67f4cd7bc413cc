import { spawn } from 'node:child_process';
import { messageOf } from '../errors.js';

export interface GroupOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until it is ended with all that it started. */
  readonly timeout: number;
  /** Bytes of the end of its output that are kept; 16 KiB by default. */
  readonly keep?: number;
}

export interface GroupResult {
  /** The end of what it printed on both streams, in the order in which that came. */
  readonly tail: string;
  /** null when a signal ended it, it did not start, or it was ended since its time was over. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** Why it could not be started; null: it was. */
  readonly failedToStart: string | null;
}

/** Milliseconds between the request to end and the end. */
const grace = 500;

/**
 * Runs foreign shell text in a process group of its own, without a terminal and without input, and waits for it. However
 * it behaves, nothing is left of it: its group is killed when its time is over, and also when it has ended (what it
 * left in the background would hold its output open). However much it prints, only the end is kept. It never throws.
 */
export async function runGroup(script: string, options: GroupOptions): Promise<GroupResult> {
  const { cwd, env, timeout, keep = 16 * 1024 } = options;
  return new Promise((done) => {
    const tail = new Tail(keep);
    let timedOut = false;
    let isOver = false;
    // detached: a session and a process group of its own, whose id is its pid.
    const child = spawn('/bin/sh', ['-c', script], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timers: NodeJS.Timeout[] = [];
    const finish = (exitCode: number | null, failedToStart: string | null) => {
      if (isOver) return;
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
      signalGroup(child.pid, 'SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      done({ tail: tail.text(), exitCode: timedOut ? null : exitCode, timedOut, failedToStart });
    };
    child.stdout.on('data', (bytes: Buffer) => tail.add(bytes));
    child.stderr.on('data', (bytes: Buffer) => tail.add(bytes));
    child.on('error', (error) => finish(null, messageOf(error)));
    child.on('exit', (code) => {
      signalGroup(child.pid, 'SIGKILL');
      // All that it wrote is read, unless somebody who left its group holds its output open.
      child.on('close', () => finish(code, null));
      timers.push(setTimeout(() => finish(code, null), grace));
    });
    timers.push(
      setTimeout(() => {
        timedOut = true;
        signalGroup(child.pid, 'SIGTERM');
        timers.push(setTimeout(() => signalGroup(child.pid, 'SIGKILL'), grace));
      }, timeout),
    );
  });
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // None of the group is left.
  }
}

/** The last bytes of all that is added. */
class Tail {
  private parts: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly keep: number) {}

  add(bytes: Buffer): void {
    this.parts.push(bytes);
    this.bytes += bytes.length;
    if (this.bytes > 4 * this.keep + 65_536) this.shrink();
  }

  text(): string {
    this.shrink();
    return Buffer.concat(this.parts).toString('utf8');
  }

  private shrink(): void {
    const all = Buffer.concat(this.parts);
    const kept = all.subarray(Math.max(0, all.length - this.keep));
    this.parts = [Buffer.from(kept)];
    this.bytes = kept.length;
  }
}
