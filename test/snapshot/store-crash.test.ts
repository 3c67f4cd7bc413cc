import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BlobStore } from '../../src/snapshot/blobs.js';
import { collectBlobs } from '../../src/snapshot/blobs-collect.js';
import { SnapshotStore, saveAll, settle } from '../../src/snapshot/store.js';
import { draftOf } from './store-draft.js';

const work = mkdtempSync(join(tmpdir(), 'cw-crash-'));
const program = join(work, 'child.mjs');
const ids = Array.from({ length: 4 }, (_, index) => `w00000000000${index}`);

beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, 'store-child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // It only saves: what reads with the schema is never loaded.
    external: ['./decode.js'],
    logLevel: 'warning',
  });
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Line {
  readonly workspace?: string;
  readonly sequence?: number;
  readonly cwd?: string;
  readonly pinned?: number;
  readonly pruned?: boolean;
  readonly killed?: string;
  readonly path?: string;
  readonly steps?: number;
}

function home(name: string): string {
  const folder = join(work, name);
  for (const id of ids) mkdirSync(join(folder, id), { recursive: true });
  return folder;
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

function runUntil(folder: string, step: number | 'crowd' | 'images'): Promise<Line[]> {
  return new Promise((done) => {
    execFile(process.execPath, [program, folder, String(step)], (_error, stdout) => done(linesOf(stdout)));
  });
}

/** What must hold after a death, whenever it came. `said`: what the process had said to be done. */
async function check(folder: string, said: readonly Line[]): Promise<void> {
  const pruned = said.some((line) => line.pruned);
  for (const id of ids) {
    const store = new SnapshotStore(folder, id);
    const saved = said.filter((line) => line.workspace === id);
    const latest = await store.latest();
    const last = saved.at(-1)?.sequence ?? 0;
    // What was said to be saved is there; what was under way may be, too.
    expect(latest?.sequence ?? 0).toBeGreaterThanOrEqual(last);
    expect(latest?.sequence ?? 0).toBeLessThanOrEqual(last + 1);
    if (latest && latest.sequence === last)
      expect(latest.blueprint.windows[0]?.panes[0]?.cwd).toBe(saved.at(-1)?.cwd);
    expect(store.takeFindings()).toEqual([]);
    for (const entry of await store.list())
      expect((await store.read(entry.sequence)).sequence).toBe(entry.sequence);
    if (id === ids[0] && said.some((line) => line.pinned)) expect((await store.read(1)).sequence).toBe(1);
    if (id === ids[0] && last >= 3 && !pruned && !said.some((line) => line.sequence === 5))
      expect((await store.read(3)).sequence).toBe(3);
    const scrollback = latest?.panes.p0?.scrollback;
    if (scrollback)
      expect(await new BlobStore(folder).readLines(scrollback)).toEqual({
        lines: ['some', `text of ${latest.blueprint.windows[0]?.panes[0]?.cwd}`],
        missing: 0,
      });
  }

  // Life goes on: no lock blocks, and the litter goes away.
  const started = performance.now();
  const draft = (id: string) => draftOf({ id, cwd: '/next' });
  const results = await saveAll(
    ids.map((id) => ({
      store: new SnapshotStore(folder, id),
      draft: draft(id),
      options: { reason: 'manual', server: 'alive', note: 'next' } as const,
    })),
  );
  for (const result of results) expect(result).toMatchObject({ written: true });
  await settle(folder);
  await new BlobStore(folder).putLines(['some', 'text']);
  await collectBlobs(folder, Date.now());
  expect(performance.now() - started).toBeLessThan(20_000);
  const names = readdirSync(folder, { recursive: true }) as string[];
  expect(names.filter((name) => /\.tmp$|\.dying$|lock$|\.journal$/.test(name))).toEqual([]);
  for (const id of ids) expect((await new SnapshotStore(folder, id).latest())?.note).toBe('next');
}

/** Checks the folder that a process left which ended before a step, and removes it. */
async function checkDeath(folder: string, said: readonly Line[]): Promise<void> {
  try {
    await check(folder, said);
  } catch (error) {
    const { killed, path } = said.at(-1) ?? {};
    throw new Error(`killed before: ${killed} ${path}`, { cause: error });
  }
  rmSync(folder, { recursive: true, force: true });
}

test('killed at any step, a process loses nothing that it saved, and the next one works', async () => {
  const folder = home('life');
  const said = await runUntil(folder, 'images');
  const steps = said.flatMap((line, index) => (line.killed === undefined ? [] : [index]));
  expect(said.at(-1)).toEqual({ steps: steps.length });
  // Locks, single files, journals, pins, blobs: all of it is made of steps that can be the last.
  expect(new Set(said.map((line) => line.killed ?? 'link'))).toEqual(
    new Set(['create', 'fsync', 'link', 'mkdir', 'rename', 'touch', 'unlink', 'write']),
  );
  for (const [step, index] of steps.entries()) {
    await checkDeath(`${folder}-${step + 1}`, said.slice(0, index + 1));
  }
  await check(folder, said);
}, 180_000);

test('killed by SIGKILL at each step of its first saves, it is the same', async () => {
  const one = async (step: number) => {
    const folder = home(`step-${step}`);
    const said = await runUntil(folder, step);
    expect(said.at(-1)?.killed, `step ${step}`).toBeDefined();
    await checkDeath(folder, said);
    return said.some((line) => line.sequence === 2);
  };
  // Blobs, then the first save and the second: each step of them, whatever their number is.
  for (let step = 1, isSaved = false; !isSaved; step += 2) {
    isSaved = (await Promise.all([one(step), one(step + 1)])).includes(true);
    expect(step).toBeLessThan(100);
  }
}, 180_000);

test('two saves of one workspace and one of all at once lose nothing and number each once', async () => {
  const folder = home('together');
  const lives = await Promise.all([1, 2, 3].map(() => runUntil(folder, 'crowd')));
  const said = lives.flat();
  expect(said.filter((line) => line.steps !== undefined)).toHaveLength(3);
  // Who had written something got a number of its own.
  const numbers = said
    .filter((line) => line.sequence !== undefined)
    .map((line) => `${line.workspace} ${line.sequence}`);
  expect(numbers).toHaveLength(3 * 14);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const id of ids) {
    const store = new SnapshotStore(folder, id);
    expect(await store.latest()).not.toBeNull();
    const sequences = (await store.list()).map((entry) => entry.sequence);
    expect(new Set(sequences).size).toBe(sequences.length);
    expect(store.takeFindings()).toEqual([]);
  }
  const names = readdirSync(folder, { recursive: true }) as string[];
  expect(names.filter((name) => /\.tmp$|lock$/.test(name))).toEqual([]);
});
