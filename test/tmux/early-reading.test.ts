import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Command, Connection } from '../../src/tmux/connection.js';
import { earlyMark, withEarlyReading } from '../../src/tmux/early-reading.js';
import { sandbox } from '../support/sandbox.js';

const question: readonly Command[] = [['list-sessions', '-F', '#{session_id}']];
const address = { args: [], socketPath: '/tmp/some socket' };

/** A connection that answers "asked anew", and counts how often. */
function later(): Connection & { asked: number } {
  return {
    address,
    asked: 0,
    async batch() {
      this.asked += 1;
      return { stdout: Buffer.from('asked anew'), errors: [] };
    },
    async close() {},
  };
}

const open: number[] = [];
afterEach(() => {
  for (const descriptor of open.splice(0)) {
    try {
      closeSync(descriptor);
    } catch {
      // was read, and closed with that
    }
  }
});

/** A pipe that holds an answer, as the launcher hands one over. */
function pipe(text: string): string {
  const { folder } = sandbox();
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  spawn('sh', ['-c', 'printf %s "$1" >"$2"', 'sh', text, path], { stdio: 'ignore' });
  const descriptor = openSync(path, 'r');
  open.push(descriptor);
  // The launcher's is one digit; here many others are open.
  return String(descriptor);
}

const isFresh = () => false;
const whole = (answer: string) => `${answer}${earlyMark(question)} ${address.socketPath}\n`;

async function answered(
  reading: string | undefined,
  commands = question,
  isStale: (askedAt: number) => boolean = isFresh,
): Promise<string> {
  const connection = withEarlyReading(later(), reading, isStale);
  return (await connection.batch(commands)).stdout.toString();
}

describe("the launcher's answer", () => {
  it('is taken for the very question, and once', async () => {
    const inner = later();
    const connection = withEarlyReading(inner, pipe(whole('$1\n')), isFresh);
    expect((await connection.batch(question)).stdout.toString()).toBe('$1\n');
    expect(inner.asked).toBe(0);
    expect((await connection.batch(question)).stdout.toString()).toBe('asked anew');
  });

  it('is told with the moment after which it is too old', async () => {
    const before = Date.now();
    let askedAt = 0;
    const stale = (moment: number) => {
      askedAt = moment;
      return true;
    };
    expect(await answered(pipe(whole('$1\n')), question, stale)).toBe('asked anew');
    // A tick of the kernel's clock, by which it stamps, is up to 10 ms.
    expect(askedAt).toBeGreaterThan(before - 20);
    expect(askedAt).toBeLessThanOrEqual(Date.now() + 20);
  });

  it.each([
    ['for another question', whole('$1\n'), [['list-clients']]],
    ['of another server', `$1\n${earlyMark(question)} /tmp/other\n`, question],
    ['that ends early', whole('$1\n').slice(0, -1), question],
    ['of a tmux that refused', 'no server running on /tmp/some socket\n', question],
    ['that is none', '', question],
  ])('%s is none', async (_what, text, commands) => {
    expect(await answered(pipe(text), commands)).toBe('asked anew');
  });

  it('is none where the variable names nothing of ours', async () => {
    for (const reading of [undefined, '', 'x', '1', '999999'])
      expect(await answered(reading)).toBe('asked anew');
  });
});
