import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lookup } from '../../src/rpc/client.js';
import { daemonSocket } from '../../src/rpc/socket-path.js';
import { ensureDaemon, findDaemon, logFile } from '../../src/rpc/start.js';
import { isAlive } from '../../src/system/process.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import {
  answering,
  bundleFakeDaemon,
  fakeEnv,
  fakeProgram,
  notesOf,
  startFake,
} from './support/processes.js';

bundleFakeDaemon();

const lockOf = (world: { socket: string; env: NodeJS.ProcessEnv }) =>
  join(serverFolder(world.socket, world.env), 'locks', 'daemon.lock');

describe('one daemon', () => {
  test('answers, saves what it is asked to, and leaves nothing when it is stopped', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    const client = await answering(world);
    expect(client.hello).toMatchObject({
      protocol: 1,
      pid: daemon.pid,
      server: world.socket,
      version: '0.0.1',
    });
    const socket = daemonSocket(world.socket, world.env);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);

    const report = await client.call('save', { workspaces: ['shop'], note: 'before the merge' });
    expect(report.workspaces).toBe(0);
    expect(notesOf(world)).toContainEqual({
      save: { workspaces: ['shop'], note: 'before the merge', reason: 'manual' },
      how: '',
    });
    const status = await waitUntil('it has looked for tmux', async () => {
      const said = await client.call('status', {});
      return said.watching !== 'unknown' && said;
    });
    expect(status).toMatchObject({
      running: true,
      pid: daemon.pid,
      socket,
      watching: 'no-server',
      protocol: 1,
    });
    expect(status.schedules.map((job) => job.name)).toEqual(['save', 'prune', 'verify']);
    expect(status.lastSaveAt).not.toBeNull();

    expect(await client.call('stop', {})).toEqual({ pid: daemon.pid });
    expect(await daemon.ended).toBe(0);
    expect(notesOf(world).at(-1)).toMatchObject({ save: { reason: 'shutdown' } });
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(lockOf(world))).toBe(false);
    expect(statSync(logFile(world.socket, world.env)).mode & 0o777).toBe(0o600);
    expect(await findDaemon(world.socket, world.env)).toMatchObject({ state: 'none' });
  });

  test('tells who subscribed, and nobody else', async () => {
    const world = sandbox();
    startFake(world);
    const [one, two] = [await answering(world), await answering(world)];
    const seen: string[] = [];
    for (const client of [one, two])
      client.on('saved', ({ reason }) => seen.push(`${client === one ? 1 : 2} ${reason}`));
    expect((await one.call('subscribe', {})).events).toContain('saved');
    await two.call('save', {});
    await two.call('status', {});
    await waitUntil('the event came', () => seen.length > 0);
    expect(seen).toEqual(['1 manual']);
  });

  test('a second one is refused, naming the first, and does it no harm', async () => {
    const world = sandbox();
    const first = startFake(world);
    await answering(world);
    const second = startFake(world);
    expect(await second.ended).toBe(4);
    expect(second.stderr()).toContain(`process ${first.pid}`);
    expect((await answering(world)).hello.pid).toBe(first.pid);
  });

  test('after kill -9 the next one takes the lock and the socket over', async () => {
    const world = sandbox();
    const first = startFake(world);
    await answering(world);
    first.child.kill('SIGKILL');
    await first.ended;
    const socket = daemonSocket(world.socket, world.env);
    expect(existsSync(lockOf(world))).toBe(true);
    expect(await lookup(socket)).toEqual({ state: 'stale' });
    const second = startFake(world);
    expect((await answering(world)).hello.pid).toBe(second.pid);
  });

  test('SIGTERM saves first; a save that hangs is not waited for', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    await answering(world);
    writeFileSync(join(world.folder, 'mode'), 'hang');
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(notesOf(world).at(-1)).toEqual({ save: { reason: 'shutdown' }, how: 'hang' });
    expect(readFileSync(logFile(world.socket, world.env), 'utf8')).toContain('the last save did not end');
  });

  test('a restore after boot that hangs does not keep it from answering, nor from ending', async () => {
    const world = sandbox();
    const daemon = startFake(world, { FAKE_RESTORE: 'hang' });
    const client = await answering(world);
    await waitUntil('it restores', () => notesOf(world).includes('restoreAfterBoot'));
    await client.call('stop', {});
    expect(await daemon.ended).toBe(0);
    expect(existsSync(lockOf(world))).toBe(false);
  });

  test('a save that fails is told to who asked, and the daemon lives on', async () => {
    const world = sandbox();
    startFake(world);
    const client = await answering(world);
    writeFileSync(join(world.folder, 'mode'), 'throw');
    await expect(client.call('save', {})).rejects.toThrow('the disk is full');
    expect((await client.call('status', {})).lastSaveError).toBe('the disk is full');
    writeFileSync(join(world.folder, 'mode'), '');
    await client.call('save', {});
    expect((await client.call('status', {})).lastSaveError).toBeNull();
  });

  test('an error that nobody caught ends it with 1, after a last save', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    const client = await answering(world);
    writeFileSync(join(world.folder, 'mode'), 'crash');
    client.call('save', {}).catch(() => {}); // it may end before it answers
    await waitUntil('it saves', () => notesOf(world).length > 1);
    writeFileSync(join(world.folder, 'mode'), '');
    expect(await daemon.ended).toBe(1);
    expect(notesOf(world)).toContainEqual(expect.objectContaining({ save: { reason: 'shutdown' } }));
    expect(readFileSync(logFile(world.socket, world.env), 'utf8')).toContain('a mistake of ours');
    expect(existsSync(lockOf(world))).toBe(false);
  });

  test('SIGHUP and a changed settings file are reloads', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    await answering(world);
    daemon.child.kill('SIGHUP');
    await waitUntil('SIGHUP reloads', () =>
      notesOf(world).some((note) => JSON.stringify(note) === '{"reload":[]}'),
    );
    const file = world.file('.config/cw/config.json', '{}');
    await waitUntil('the file reloads', () =>
      notesOf(world).some((note) => JSON.stringify(note) === JSON.stringify({ reload: [file] })),
    );
  });

  test('its socket file is published again when somebody deletes it, or its folder', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    const before = await answering(world);
    const socket = daemonSocket(world.socket, world.env);
    rmSync(socket);
    expect((await answering(world)).hello.pid).toBe(daemon.pid);
    renameSync(dirname(socket), join(world.folder, 'moved'));
    expect((await answering(world)).hello.pid).toBe(daemon.pid);
    rmSync(socket);
    expect((await answering(world)).hello.pid).toBe(daemon.pid);
    await before.call('status', {}); // who was connected still is
  });
});

describe('with tmux', () => {
  const saves = (world: Parameters<typeof notesOf>[0]) =>
    notesOf(world).flatMap((note) => (note as { panes?: string[] }).panes?.join(', ') ?? []);

  test('a server that begins is seen, its changes are saved, and its end is told', async () => {
    const world = sandbox();
    rmSync(dirname(world.socket), { recursive: true });
    const daemon = startFake(world);
    const client = await answering(world);
    await waitUntil(
      'it waits for a server',
      async () => (await client.call('status', {})).watching === 'no-server',
    );
    expect(statSync(dirname(world.socket)).mode & 0o777).toBe(0o700);

    world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-shop', '-c', '/', 'cat');
    world.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_id', 'w000000000001');
    await waitUntil(
      'the server is seen',
      async () => (await client.call('status', {})).watching === 'server',
    );
    await waitUntil('it is saved', () => saves(world).includes('claude-dev-shop %0 /'));
    const begun = performance.now();
    world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', '-c', '/usr', 'cat');
    await waitUntil('the split is saved', () =>
      saves(world).includes('claude-dev-shop %0 /, claude-dev-shop %2 /usr'),
    );
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect((await client.call('status', {})).workspaces).toBe(1);

    expect(notesOf(world)).not.toContain('serverDied');
    world.tmux('kill-server');
    await waitUntil('the death is told', () => notesOf(world).includes('serverDied'));
    expect((await client.call('status', {})).watching).toBe('no-server');
    expect(isAlive(daemon.pid, null)).toBe(true);

    world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-again', 'cat');
    await waitUntil(
      'the next one is seen',
      async () => (await client.call('status', {})).watching === 'server',
    );
  });

  test('when it ends, by a stop or by kill -9, nothing of it is left in tmux', async () => {
    const world = sandbox();
    world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'mine', 'cat');
    const sessions = () => world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n');
    for (const end of ['SIGTERM', 'SIGKILL'] as const) {
      const daemon = startFake(world);
      await answering(world, daemon.pid);
      await waitUntil('its session is there', () => sessions().includes('cw-keeper'));
      daemon.child.kill(end);
      await daemon.ended;
      await waitUntil('its session is gone', () => sessions().join() === 'mine');
      if (end === 'SIGTERM') {
        expect(world.tmux('show-hooks', '-g')).not.toContain('cw_bell');
      }
    }
  });
});

describe('starting it', () => {
  const start = (world: ReturnType<typeof sandbox>, program = fakeProgram()) => {
    const started = ensureDaemon(world.socket, { ...fakeEnv(world) }, { program });
    onTestFinished(async () => {
      const { pid } = (await started.catch(() => null))?.client.hello ?? {};
      if (pid !== undefined && isAlive(pid, null)) process.kill(pid, 'SIGKILL');
    });
    return started;
  };
  // The work's files come in by the environment, which a daemon keeps but for what belongs to one call.

  test('several at once start one, and all get it', async () => {
    const world = sandbox();
    const started = await Promise.all([start(world), start(world), start(world)]);
    const pids = new Set(started.map(({ client }) => client.hello.pid));
    expect(pids.size).toBe(1);
    expect(started.filter(({ fresh }) => fresh)).toHaveLength(1);
    for (const { client } of started) client.close();
    const again = await start(world);
    expect(again.fresh).toBe(false);
    expect(again.client.hello.pid).toBe([...pids][0]);
    // In a session of its own, with no terminal, and in a folder that nobody has to hold.
    const stat = readFileSync(`/proc/${again.client.hello.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    expect(stat[3]).toBe(String(again.client.hello.pid));
    again.client.close();
  });

  test('one that cannot start is reported with what it said', async () => {
    const world = sandbox();
    const program = [process.execPath, '-e', 'console.error("no such luck"); process.exit(3)'] as const;
    const failure = await start(world, program as unknown as readonly [string, ...string[]]).catch(
      (error) => error,
    );
    expect(failure.message).toContain('it ended (3)');
    expect(failure.hint).toContain('no such luck');
  });

  test('a runtime folder in which no socket can be made is a failure that says why', async () => {
    const world = sandbox();
    writeFileSync(join(world.folder, 'plain-file'), '');
    world.env.XDG_RUNTIME_DIR = join(world.folder, 'plain-file');
    const failure = await start(world).catch((error) => error);
    expect(failure.message).toContain('did not start');
    expect(failure.hint).toMatch(/ENOTDIR|EEXIST/);
  });

  test('a folder that is open to others is refused', async () => {
    const world = sandbox();
    mkdirSync(join(world.folder, 'run/cw'), { mode: 0o755 });
    const failure = await start(world).catch((error) => error);
    expect(failure.hint).toContain('is not ours alone');
  });

  test('one started with another XDG_RUNTIME_DIR is found', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    await answering(world);
    const other = join(world.folder, 'other');
    mkdirSync(other, { mode: 0o700 });
    const found = await findDaemon(world.socket, { ...world.env, XDG_RUNTIME_DIR: other });
    expect(found).toMatchObject({ state: 'running', socket: daemonSocket(world.socket, world.env) });
    if (found.state !== 'running') return;
    expect(found.client.hello.pid).toBe(daemon.pid);
    found.client.close();
  });

  test('a stopped one with a full queue is busy, not gone', async () => {
    const world = sandbox();
    const daemon = startFake(world);
    await answering(world);
    const socket = daemonSocket(world.socket, world.env);
    daemon.child.kill('SIGSTOP');
    onTestFinished(() => void daemon.child.kill('SIGCONT'));
    // Node asks for 511; the kernel's own limit (somaxconn) may be lower. All of them wait, and the next is refused.
    const waiting = Array.from({ length: 600 }, () => connect({ path: socket }).on('error', () => {}));
    onTestFinished(() => {
      for (const stream of waiting) stream.destroy();
    });
    expect(await lookup(socket, 300)).toMatchObject({ state: 'silent' });
    await expect(ensureDaemon(world.socket, world.env, { program: fakeProgram() })).rejects.toThrow(
      'does not answer',
    );
    expect(isAlive(daemon.pid, null)).toBe(true);
    for (const stream of waiting) stream.destroy();
    daemon.child.kill('SIGCONT');
    expect((await answering(world)).hello.pid).toBe(daemon.pid);
  });
});
