import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { removeLeftovers } from '../../src/cleanup/leftovers.js';
import { acquireLock } from '../../src/system/lock.js';
import { runtimeFolder, stateFolder } from '../../src/system/paths.js';
import { isAlive } from '../../src/system/process.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { cleaning } from './support.js';

function aged(path: string, minutes: number): string {
  const then = Date.now() / 1000 - minutes * 60;
  utimesSync(path, then, then);
  return path;
}

/** A socket; nobody listens on it any more, where it is dead. */
async function socketAt(path: string, state: 'dead' | 'alive', minutes = 5): Promise<string> {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  const server = createServer();
  server.listen(`${path}~`);
  await once(server, 'listening');
  renameSync(`${path}~`, path);
  if (state === 'alive') onTestFinished(() => void server.close());
  else {
    server.close();
    await once(server, 'close');
  }
  return aged(path, minutes);
}

it('what crashes left goes, and nothing that may be anybody else’s', { timeout: 120_000 }, async () => {
  const world = sandbox();
  const { open, registry, connection } = cleaning(world);
  await open('shop');
  const runtime = runtimeFolder(world.env);
  const goes = [
    await socketAt(join(runtime, 'tmux-0123abcd.sock'), 'dead'),
    await socketAt(join(runtime, 'nvim/0123456789abcdef.sock'), 'dead'),
    await socketAt(join(runtime, 'verify-0123456789'), 'dead'),
    await socketAt(join(runtime, '.0123456789'), 'dead'),
  ];
  const [record] = registry.readAll().records;
  const printed = join(registry.workspaceFolder(record!.id), 'restore');
  mkdirSync(printed, { recursive: true });
  const logs = join(registry.folder, 'logs');
  mkdirSync(logs, { recursive: true });
  const errors = join(stateFolder(world.env), 'logs');
  mkdirSync(errors, { recursive: true });
  const file = (path: string, minutes: number) => {
    writeFileSync(path, 'x');
    return aged(path, minutes);
  };
  const blobs = join(registry.folder, 'blobs');
  mkdirSync(blobs, { recursive: true });
  goes.push(
    file(join(printed, 'old'), 61),
    file(join(logs, 'daemon.log.2'), 31 * 24 * 60),
    file(join(errors, 'errors.log.1'), 31 * 24 * 60),
    file(join(blobs, `ab${'0'.repeat(62)}.gz`), 11),
  );
  const stays = [
    await socketAt(join(runtime, 'tmux-0123abce.sock'), 'alive'),
    await socketAt(join(runtime, 'tmux-0123abcf.sock'), 'dead', 0),
    await socketAt(join(runtime, 'mine.sock'), 'dead'),
    await socketAt(join(world.folder, 'tmux-0123abcd.sock'), 'dead'),
    file(join(runtime, 'tmux-0123abc0.sock'), 5),
    file(join(printed, 'new'), 5),
    file(join(logs, 'daemon.log'), 31 * 24 * 60),
    file(join(logs, 'daemon.log.1'), 29 * 24 * 60),
  ];
  symlinkSync(join(world.folder, 'tmux-0123abcd.sock'), join(runtime, 'tmux-0123abc1.sock'));
  stays.push(join(runtime, 'tmux-0123abc1.sock'));

  // A server of a rehearsal that has outlived its hour, and one that is at work.
  const scratch = async (name: string, minutes: number) => {
    const socket = join(runtime, name);
    await world.run('tmux', ['-f', '/dev/null', '-S', socket, 'new-session', '-d', 'sleep 600']);
    const pid = Number((await world.run('tmux', ['-S', socket, 'display-message', '-p', '#{pid}'])).stdout);
    onTestFinished(async () => void (await world.run('tmux', ['-S', socket, 'kill-server'])));
    return { socket: aged(socket, minutes), pid };
  };
  const [old, young] = [await scratch('verify-00000000aa', 61), await scratch('verify-00000000bb', 59)];
  for (const name of ['cw-tmp-0123456789', 'cw-tmp-mine', 'other'])
    world.tmux('new-session', '-d', '-s', name);

  const options = { connection, registry, env: world.env };
  const would = await removeLeftovers({ ...options, dryRun: true });
  expect(goes.filter((path) => !existsSync(path))).toEqual([]);
  expect(isAlive(old.pid, null)).toBe(true);
  const went = await removeLeftovers({ ...options, dryRun: false });
  expect(went.slice(0, -1)).toEqual(would);
  expect(went.map(({ kind }) => kind).sort()).toEqual([
    'blobs',
    'half-built session',
    'log',
    'log',
    'scratch server',
    'socket',
    'socket',
    'socket',
    'socket',
    'text',
  ]);
  expect(goes.filter((path) => existsSync(path))).toEqual([]);
  expect(stays.filter((path) => !lstatSync(path, { throwIfNoEntry: false }))).toEqual([]);
  await waitUntil('the old server is gone', () => !isAlive(old.pid, null));
  expect([isAlive(young.pid, null), existsSync(young.socket)]).toEqual([true, true]);
  expect(world.tmux('list-sessions', '-F', '#S').trim().split('\n').sort()).toEqual([
    'claude-dev-shop',
    'cw-tmp-mine',
    'other',
  ]);
  expect(await removeLeftovers({ ...options, dryRun: false })).toEqual([]);
});

it('what a living builder builds is left to it', async () => {
  const world = sandbox();
  const { open, registry, connection } = cleaning(world);
  await open('shop');
  world.tmux('new-session', '-d', '-s', 'cw-tmp-0123456789');
  const release = await acquireLock(registry.buildLock());
  const options = { connection, registry, env: world.env, dryRun: false };
  expect(await removeLeftovers(options)).toEqual([]);
  release();
  // One that carries a workspace's id is one, whatever its name.
  world.tmux('new-session', '-d', '-s', 'cw-tmp-aaaaaaaaaa');
  world.tmux('set-option', '-t', '=cw-tmp-aaaaaaaaaa:', '@cw_id', 'w00000000000a');
  expect(await removeLeftovers(options)).toEqual([{ kind: 'half-built session', what: 'cw-tmp-0123456789' }]);
});

it('a worktree that is merged and clean is offered, and removed only when that is asked for (claude-squad #44)', async () => {
  const world = sandbox();
  const { open, repository, cleanup, registry } = cleaning(world);
  const path = join(world.home, 'projects/shop');
  const sh = await repository(path);
  await sh(
    [
      'echo .worktrees >>.git/info/exclude',
      'for b in merged dirty busy fresh ahead; do git worktree add -q -b $b .worktrees/$b; done',
      'for b in merged dirty busy; do (cd .worktrees/$b && git commit -q --allow-empty -m $b); git merge -q $b -m $b; done',
      'echo x >.worktrees/dirty/x',
      '(cd .worktrees/ahead && git commit -q --allow-empty -m ahead)',
      'git push -q',
    ].join('\n'),
  );
  await open('shop');
  registry.pin(registry.readAll().records[0]!.id);
  const inside = spawn('sleep', ['600'], { cwd: join(path, '.worktrees/busy') });
  onTestFinished(() => void inside.kill());
  const has = (name: string) => existsSync(join(path, '.worktrees', name));

  const offered = await cleanup('--yes');
  expect(offered.text).toContain('Worktrees that are merged and clean: busy of shop, merged of shop.');
  expect(has('merged')).toBe(true);
  expect((await cleanup('--dry-run', '--worktrees')).text).toContain('busy of shop, merged of shop');
  expect(has('merged')).toBe(true);

  const removed = await cleanup('--worktrees');
  expect(removed.text).toContain(
    'shop: the worktree of merged is removed (merged into main); the branch stays.',
  );
  expect(removed.text).toContain(`shop: the worktree of busy was kept: process ${inside.pid} is in it.`);
  expect(['merged', 'dirty', 'busy', 'fresh', 'ahead'].map(has)).toEqual([false, true, true, true, true]);
  await sh('git rev-parse --verify -q refs/heads/merged');
});
