import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAlive } from '../../src/system/process.js';
import { runGroup } from '../../src/system/run-group.js';
import { waitUntil } from '../support/wait.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'cw-group-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const env = { PATH: process.env.PATH };

describe('a foreign command', () => {
  it('says how it ended, and what it printed last', async () => {
    const cwd = folder();
    expect(await runGroup('pwd; echo oops >&2; exit 3', { cwd, env, timeout: 30_000 })).toEqual({
      tail: `${cwd}\noops\n`,
      exitCode: 3,
      timedOut: false,
      failedToStart: null,
    });
    expect((await runGroup('read line; echo "[$line]"', { cwd, env, timeout: 30_000 })).tail).toBe('[]\n'); // no input
    expect((await runGroup('kill -9 $$', { cwd, env, timeout: 30_000 })).exitCode).toBeNull();
  });

  it('that cannot be started says so', async () => {
    const ran = await runGroup('true', { cwd: '/nowhere', env, timeout: 30_000 });
    expect(ran.failedToStart).toContain('ENOENT');
  });

  it('that hangs is ended with all that it started, also what ignores TERM', async () => {
    const cwd = folder();
    const script = `trap '' TERM; sh -c 'trap "" TERM; echo $$ > child; while :; do sleep 1; done' & echo $$ > own; wait; sleep 1000`;
    const ran = await runGroup(script, { cwd, env, timeout: 1000 });
    expect(ran).toMatchObject({ timedOut: true, exitCode: null });
    const pids = ['own', 'child'].map((name) => Number(readFileSync(join(cwd, name), 'utf8')));
    await waitUntil('none is left', () => pids.every((pid) => !isAlive(pid, null)));
  });

  it('that leaves something in the background is not waited for, and that is ended', async () => {
    const cwd = folder();
    const ran = await runGroup('sleep 1000 & echo $! > child; echo done', { cwd, env, timeout: 30_000 });
    expect(ran).toMatchObject({ tail: 'done\n', exitCode: 0, timedOut: false });
    expect(existsSync(join(cwd, 'child'))).toBe(true);
    const pid = Number(readFileSync(join(cwd, 'child'), 'utf8'));
    await waitUntil('it is gone', () => !isAlive(pid, null));
  });

  it('is not waited for by who left its group and holds its output open', async () => {
    const cwd = folder();
    const script =
      'setsid sh -c "echo \\$\\$ > child; exec sleep 1000" & while ! [ -s child ]; do sleep 0.01; done; echo done';
    const ran = await runGroup(script, { cwd, env, timeout: 30_000 });
    process.kill(Number(readFileSync(join(cwd, 'child'), 'utf8')), 'SIGKILL');
    expect(ran).toMatchObject({ tail: 'done\n', exitCode: 0, timedOut: false });
  });

  it('that floods its output is read to its end and kept in a small part', async () => {
    const ran = await runGroup('head -c 50000000 /dev/zero | tr "\\0" x; echo; echo end', {
      cwd: folder(),
      env,
      timeout: 60_000,
      keep: 1000,
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.tail).toHaveLength(1000);
    expect(ran.tail.endsWith('x\nend\n')).toBe(true);
  });

  it('that floods for ever is ended in time', async () => {
    const ran = await runGroup('yes', { cwd: folder(), env, timeout: 500, keep: 100 });
    expect(ran).toMatchObject({ timedOut: true });
    expect(ran.tail).toHaveLength(100);
  });
});
