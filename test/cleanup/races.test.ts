import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { judge } from '../../src/cleanup/look.js';
import { sweep } from '../../src/cleanup/sweep.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { acquireLock } from '../../src/system/lock.js';
import { root, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';
import { cleaning } from './support.js';

it('what came up between the decision and the kill is found: each such workspace survives', async () => {
  const world = sandbox();
  const { open, repository, options, registry, isOpen } = cleaning(world);
  const sh = await repository(join(world.home, 'projects/dirtied'));
  for (const name of ['dirtied', 'visited', 'pinned', 'closed', 'free']) await open(name);
  const { verdicts } = await judge(options, options.rules);
  expect(verdicts.map(({ action }) => action)).toEqual(['remove', 'remove', 'remove', 'remove', 'remove']);

  await sh('echo two >b');
  const screen = terminal(world, { columns: 100, rows: 20 });
  screen.line(`tmux -S ${world.socket} attach -t =claude-dev-visited`);
  await screen.waitFor('the workspace is on the screen', /\[claude-de/);
  registry.pin(registry.readAll().records.find(({ name }) => name === 'pinned')!.id);
  world.tmux('kill-session', '-t', '=claude-dev-closed');

  const swept = await sweep(verdicts, options);
  expect(
    Object.fromEntries(swept.map(({ name, outcome, reason }) => [name, `${outcome}: ${reason}`])),
  ).toEqual({
    dirtied: 'kept: 1 file not committed (main)',
    visited: 'kept: attached',
    pinned: 'kept: pinned',
    closed: 'kept: it is not open any more',
    free: expect.stringMatching(/^removed: not seen for /),
  });
  for (const name of ['dirtied', 'visited', 'pinned']) expect([name, isOpen(name)]).toEqual([name, true]);
  // Nothing was said of them that is not so.
  for (const { name, closedAt, closing } of registry.readAll().records)
    if (name !== 'free') expect([name, closedAt, closing ?? null]).toEqual([name, null, null]);
});

it('who comes after the last look is found by tmux itself, in the command that would end the session', async () => {
  const world = sandbox();
  const { open, close, isOpen, registry } = cleaning(world);
  await open('shop');
  await open('twin');
  await open('typed');
  const screen = terminal(world, { columns: 100, rows: 20 });
  const attachLate = (session: string) => {
    let looks = 0;
    return async () => {
      if (++looks < 2) return null;
      screen.line(`tmux -S ${world.socket} attach -t =${session}`);
      await waitUntil(
        `${session} is attached`,
        () => world.tmux('display-message', '-p', '-t', `=${session}:`, '#{session_attached}').trim() === '1',
      );
      return null;
    };
  };
  await expect(close('shop', attachLate('claude-dev-shop'))).rejects.toMatchObject({ kind: 'refused' });
  world.tmux('detach-client', '-s', '=claude-dev-shop:');
  // One that looks at it through another session of its group.
  world.tmux('new-session', '-d', '-s', 'other', '-t', '=claude-dev-twin');
  await expect(close('twin', attachLate('other'))).rejects.toMatchObject({ kind: 'refused' });
  expect([isOpen('shop'), isOpen('twin')]).toEqual([true, true]);
  for (const { closedAt, closing } of registry.readAll().records)
    expect([closedAt, closing ?? null]).toEqual([null, null]);
});

it('a sweep closes under the lock of the workspace, and says beforehand what it is about to do', async () => {
  const world = sandbox();
  const { open, close, registry, isOpen } = cleaning(world);
  await open('shop');
  const [record] = registry.readAll().records;
  let looks = 0;
  await close(
    'shop',
    async () => {
      if (++looks === 2) {
        const lock = acquireLock(join(registry.workspaceFolder(record!.id), 'lock'), { wait: 0 });
        await expect(lock).rejects.toMatchObject({ kind: 'failed' });
      }
      return null;
    },
    () => {
      const { closing, closedAt } = registry.read(record!.id)!;
      expect([closing?.by, closedAt]).toEqual(['sweep', null]);
      looks += 10;
    },
  );
  expect([looks, isOpen('shop')]).toEqual([12, false]);
});

it('one that cannot be saved is not closed, and holds up no other', async () => {
  const world = sandbox();
  const { open, sweep: all, registry, isOpen } = cleaning(world);
  await open('shop');
  await open('api');
  const { id } = registry.readAll().records.find(({ name }) => name === 'shop')!;
  writeFileSync(join(registry.workspaceFolder(id), 'snapshots'), 'in the way');
  const swept = await all();
  expect(swept.map(({ name, outcome }) => `${name} ${outcome}`).sort()).toEqual([
    'api removed',
    'shop failed',
  ]);
  expect(isOpen('shop')).toBe(true);
});

it('a sweep that is killed half-way loses nothing, and the next one goes on', {
  timeout: 120_000,
}, async () => {
  const world = sandbox();
  const { open, registry, isOpen, rows, aged } = cleaning(world);
  const names = ['a', 'b', 'c'];
  // The hook says that the sweep has begun with this one, and holds it there.
  for (const name of names)
    await open(
      name,
      undefined,
      `hooks: { before_close: "touch ~/began-${name}; while test -e ~/hold-${name}; do sleep 0.05; done" }`,
    );
  world.file('hold-b', '');
  await aged();
  const first = spawn(join(root, 'bin/cw'), ['cleanup', '--older-than', '1s', '--yes'], {
    env: { ...world.env, CW_DAEMON: 'off' },
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise((done) => first.on('exit', done));
  onTestFinished(() => void first.kill('SIGKILL'));
  await waitUntil('the sweep is at the second', () => existsSync(join(world.home, 'began-b')));
  process.kill(-first.pid!, 'SIGKILL');
  await ended;
  world.run('rm', [join(world.home, 'hold-b')]);

  expect(names.map(isOpen)).toEqual([false, true, true]);
  const byName = new Map(registry.readAll().records.map((record) => [record.name, record]));
  expect(byName.get('a')).toMatchObject({ closedBy: 'sweep' });
  for (const name of ['b', 'c']) expect(byName.get(name)).toMatchObject({ closedAt: null, closedBy: null });
  expect(await new SnapshotStore(registry.folder, byName.get('a')!.id).latest()).toMatchObject({
    reason: 'cleanup',
  });

  const swept = await rows('--yes');
  expect(swept.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['b removed', 'c removed']);
  expect(readdirSync(join(registry.folder, 'locks')).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  expect((await world.cw(['restore', ...names])).code).toBe(0);
  expect(names.map(isOpen)).toEqual([true, true, true]);
});
