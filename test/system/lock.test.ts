import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { acquireLock, acquireLocks, withLock } from '../../src/system/lock.js';
import { bootId, hostId } from '../../src/system/process.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'cw-lock-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid;
}

const here = () => ({ host: hostId(), boot: bootId() });

test('one holds it at a time, and nothing is left of it', async () => {
  const path = join(folder(), 'new', 'lock');
  let holders = 0;
  let most = 0;
  const work = () =>
    withLock(path, async () => {
      most = Math.max(most, ++holders);
      await new Promise((done) => setImmediate(done));
      holders--;
    });
  await Promise.all(Array.from({ length: 8 }, work));
  expect(most).toBe(1);
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

test('who waits in vain is told who holds it', async () => {
  const path = join(folder(), 'lock');
  const release = await acquireLock(path);
  const seen: number[] = [];
  const late = acquireLock(path, { wait: 10, onWait: (pid) => seen.push(pid) });
  await expect(late).rejects.toThrow(`locked by process ${process.pid}`);
  expect(seen).toEqual([process.pid]);
  release();
  (await acquireLock(path))();
});

test('several are taken with one file; one that is not free is named, the others are held', async () => {
  const path = folder();
  const paths = ['c', 'a', 'b', 'a'].map((name) => join(path, name));
  const release = await acquireLock(paths[2]!);
  const { release: releaseAll, failed } = await acquireLocks(paths, { wait: 0 });
  expect([...failed.keys()]).toEqual([paths[2]]);
  expect(readdirSync(path).sort()).toEqual(['a', 'b', 'c']);
  releaseAll();
  expect(readdirSync(path)).toEqual(['b']);
  release();
  expect(readdirSync(path)).toEqual([]);
});

test('two who take the same ones in another order never wait for each other', async () => {
  const path = folder();
  const names = ['a', 'b', 'c', 'd'].map((name) => join(path, name));
  const work = async (paths: string[]) => {
    const { release, failed } = await acquireLocks(paths);
    expect(failed.size).toBe(0);
    await new Promise((done) => setImmediate(done));
    release();
  };
  await Promise.all([work(names), work([...names].reverse()), work(names.slice(1, 3))]);
});

test('the lock of a dead holder is taken over: ended, of another boot, or unreadable and old', async () => {
  const path = join(folder(), 'lock');
  const dead = [
    JSON.stringify({ ...here(), pid: deadPid(), start: null }),
    JSON.stringify({ ...here(), pid: process.pid, start: 'another' }),
    JSON.stringify({ ...here(), boot: 'another', pid: process.pid, start: null }),
    'x',
  ];
  for (const text of dead) {
    writeFileSync(path, text);
    utimesSync(path, 1000, 1000);
    const release = await acquireLock(path, { wait: 0 });
    expect(readFileSync(path, 'utf8')).toContain(`"pid":${process.pid}`);
    release();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  }
});

test('the lock of another host, or one that cannot be judged yet, stays', async () => {
  const path = join(folder(), 'lock');
  for (const text of [JSON.stringify({ host: 'another', boot: 'b', pid: 1, start: null }), '']) {
    writeFileSync(path, text);
    await expect(acquireLock(path, { wait: 0 })).rejects.toMatchObject({ kind: 'failed' });
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

test('a lock that was taken away by hand and made anew is not released by the old holder', async () => {
  const path = join(folder(), 'lock');
  const old = await acquireLock(path);
  rmSync(path);
  const release = await acquireLock(path);
  old();
  expect(readdirSync(join(path, '..'))).toEqual(['lock']);
  release();
});
