import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MetricsStore } from '../../src/metrics/store.js';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

interface Told {
  readonly workspaces: readonly {
    readonly name: string;
    readonly total: { readonly open: number; readonly saves: number; readonly restores: number };
  }[];
}

async function metrics(world: Sandbox) {
  const { stdout, stderr } = await world.cw(['metrics', '--json']);
  const told = JSON.parse(stdout) as Told;
  if (!told.workspaces) throw new Error(stdout + stderr);
  return told.workspaces.find(({ name }) => name === 'shop')?.total;
}

function metricsFolder(world: Sandbox): string {
  const state = join(world.env.XDG_STATE_HOME!, 'cw');
  const found = (readdirSync(state, { recursive: true }) as string[]).find((path) =>
    path.endsWith('/metrics'),
  );
  return join(state, found!);
}

it('what was added up goes on after the daemon was stopped, killed, and its file damaged', async () => {
  const world = sandbox();
  world.file('projects/shop/README.md', '');
  await world.cw(['up', 'projects/shop', '--template', 'generic', '--detach']);
  const daemon = await withDaemon(world);
  await daemon.start();
  await waitUntil('the daemon has saved', async () => {
    const { stdout } = await world.cw(['daemon', 'status', '--json']);
    return (JSON.parse(stdout) as { lastSaveAt: string | null }).lastSaveAt !== null;
  });
  await daemon.stop();
  const first = await metrics(world);
  expect(first).toMatchObject({ saves: 1, restores: 0 });
  expect(first?.open).toBeGreaterThan(0);

  // A restore is told of by whoever makes it; without a daemon too.
  await world.cw(['kill', 'shop', '--yes']);
  expect(await world.cw(['restore', 'shop'])).toMatchObject({ code: 0 });
  expect(await metrics(world)).toMatchObject({ restores: 1 });

  await daemon.start();
  await daemon.watching();
  await daemon.kill('SIGKILL');
  const second = await metrics(world);
  expect(second?.open).toBeGreaterThanOrEqual(first?.open ?? 0);
  expect(second).toMatchObject({ restores: 1 });
  await daemon.start();
  await daemon.watching();
  await daemon.stop();
  const third = await metrics(world);
  expect(third?.open).toBeGreaterThan(first?.open ?? 0);
  expect(third).toMatchObject({ restores: 1 });

  // What cannot be read is begun anew, and is no failure.
  const folder = metricsFolder(world);
  for (const name of readdirSync(folder).filter((one) => /^\d/.test(one)))
    writeFileSync(join(folder, name), '{"for');
  appendFileSync(join(folder, 'restores.jsonl'), '{"at": "2026');
  expect(await metrics(world)).toMatchObject({ open: 0, restores: 1 });
  await daemon.start();
  await daemon.watching();
  await daemon.stop();
  const [day] = readdirSync(folder).filter((one) => /^\d/.test(one));
  expect(readFileSync(join(folder, day!), 'utf8')).toContain('"shop"');
});

it('keeps a year, and counts the restores of one day', () => {
  const world = sandbox();
  const store = new MetricsStore(world.folder);
  const now = new Date(2026, 5, 15, 12).getTime();
  store.write({ '2025-06-14': {}, '2025-06-15': {}, '2026-06-15': {} });
  store.prune(now);
  expect(store.days()).toEqual(['2025-06-15', '2026-06-15']);
  store.noteRestore('a', 'shop', now - 24 * 3600_000);
  store.noteRestore('a', 'shop', now);
  store.noteRestore('a', 'shop', now);
  expect([...store.restores('2026-06-15')]).toEqual([['a', { name: 'shop', count: 2 }]]);
});
