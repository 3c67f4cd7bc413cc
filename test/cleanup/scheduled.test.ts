import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keeping } from '../../src/daemon/keeping.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { withDaemon } from '../support/daemon.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { cleaning } from './support.js';

const silent = { info: () => {}, warn: () => {}, error: () => {} };

it('the daemon sweeps when it is set to, by the same policy, and not before', {
  timeout: 120_000,
}, async () => {
  const world = sandbox();
  const { open, registry, isOpen, aged } = cleaning(world);
  await open('shop');
  await open('pinned');
  const record = (name: string) => registry.readAll().records.find((one) => one.name === name)!;
  registry.pin(record('pinned').id);
  expect((await world.cw(['config', 'set', 'cleanup.older_than', '1s'])).code).toBe(0);
  // When it swept last: as soon as that is scheduled, it is overdue.
  const folder = serverFolder(world.socket, world.env);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'schedules.json'), '{"cleanup":"2020-01-01T00:00:00.000Z"}\n');
  const daemon = await withDaemon(world);
  await daemon.watching();
  await aged();
  const status = JSON.parse((await world.cw(['daemon', 'status', '--json'])).stdout);
  expect(status.schedules.map(({ name }: { name: string }) => name)).not.toContain('cleanup');
  await daemon.save().then(({ ended }) => ended);
  expect(isOpen('shop')).toBe(true);

  expect((await world.cw(['config', 'set', 'schedule.cleanup', '30 4 * * *'])).code).toBe(0);
  const said = await waitUntil('the log tells of it', () =>
    daemon.log().find(({ msg }) => msg.startsWith('closed shop')),
  );
  expect(said.msg).toMatch(/^closed shop \(not seen for \d+ s\); to bring it back: cw restore shop$/);
  expect([isOpen('shop'), isOpen('pinned')]).toEqual([false, true]);
  expect(record('shop').closedBy).toBe('sweep');
  expect(record('shop').closing).toBeUndefined();
  await daemon.stop();
  expect(daemon.log().filter(({ level }) => level === 'error')).toEqual([]);
  expect((await world.cw(['restore', 'shop'])).code).toBe(0);
  expect(isOpen('shop')).toBe(true);
});

it('a workspace whose sweep died right after its session did is one that a sweep closed', async () => {
  const world = sandbox();
  const { open, registry, connection, options } = cleaning(world);
  for (const name of ['swept', 'long', 'left', 'stays']) await open(name);
  const work = keeping({
    connection,
    log: silent,
    env: world.env,
    settings: () => options.settings,
    grace: 50,
  });
  await work.save({ reason: 'schedule' });
  const record = (name: string) => registry.readAll().records.find((one) => one.name === name)!;
  const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  registry.write({ ...record('swept'), closing: { by: 'sweep', at: at(0) } });
  // Of a sweep that died before, whose workspace lived on.
  registry.write({ ...record('long'), closing: { by: 'sweep', at: at(5) } });
  for (const name of ['swept', 'long', 'left']) world.tmux('kill-session', '-t', `=claude-dev-${name}`);
  await work.save({ reason: 'schedule' });
  await waitUntil('all three are noted', () =>
    ['swept', 'long', 'left'].every((name) => record(name).closedAt),
  );
  expect(['swept', 'long', 'left', 'stays'].map((name) => record(name).closedBy)).toEqual([
    'sweep',
    'user',
    'user',
    null,
  ]);
  expect(record('swept').closing ?? null).toBeNull();
});
