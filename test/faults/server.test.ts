import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Saver } from '../../src/snapshot/save.js';
import { isAlive, processStart } from '../../src/system/process.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { Registry } from '../../src/workspace/registry.js';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import {
  end,
  expectSound,
  faultyTmux,
  json,
  opened,
  paneCount,
  panesOf,
  serverPid,
  sessionsOf,
  sleepers,
  storeOf,
} from './support.js';

const printing = 'while :; do date; sleep 0.05; done';
const printers = `windows: [{name: code, layout: tiled, panes: [${Array.from({ length: 6 }, () => `"${printing}"`).join(', ')}]}]\n`;

const printed = (world: Sandbox) =>
  waitUntil('all panes print', () =>
    panesOf(world).every((pane) => /\d\d:\d\d:\d\d/.test(world.screen(pane))),
  );

describe('tmux killed in the middle of a capture', () => {
  it('of cw save, at each call of it: the last good snapshot stays, it is said, and all comes back', async () => {
    const world = sandbox();
    await opened(world, printers);
    await printed(world);
    const [first] = await json(world, 'save');
    for (let at = 1; ; at += 1) {
      const pid = serverPid(world);
      // It is stopped, so that the call is surely under way when it is killed.
      const env = faultyTmux(
        world,
        at,
        `exec 3<&0; kill -STOP ${pid}; "$real" "$@" <&3 & sleep 0.1; kill -KILL ${pid}; wait $!; exit $?`,
      );
      world.tmux('rename-window', '-t', '=claude-dev-shop:', `changed-${at}`);
      const ran = await world.cw(['save'], { env });
      if (isAlive(pid, null)) {
        expect(ran.code).toBe(0);
        expect(at).toBeGreaterThan(4);
        break;
      }
      const latest = await expectSound(world);
      expect(latest?.sequence).toBeGreaterThanOrEqual(Number(first.id));
      expect(paneCount(latest)).toBe(6);
      if (at === 1) {
        expect(ran).toMatchObject({
          code: 0,
          stdout: expect.stringMatching(/nothing to save.*cw restore --all/s),
        });
      } else if (ran.code === 0) {
        // It ended when all was on the disk.
        expect(ran.stdout).toContain(`snapshot ${latest?.sequence}`);
        expect(latest?.blueprint.windows[0]?.name).toBe(`changed-${at}`);
      } else {
        expect(ran.code).toBe(5);
        expect(ran.stderr).toMatch(/The tmux server ended while it was being read[\s\S]*cw restore --all/);
      }
      await json(world, 'restore', '--all', '--no-run');
      expect(panesOf(world)).toHaveLength(6);
    }
  });

  it('of the daemon: it says how old the last snapshot is, and all comes back', async () => {
    const world = sandbox();
    await opened(world, printers);
    await printed(world);
    const daemon = await withDaemon(world);
    await daemon.watching();
    await (await daemon.save()).ended;
    const before = await storeOf(world).latest();
    const pid = serverPid(world);
    process.kill(pid, 'SIGSTOP');
    const save = await daemon.save();
    await end(pid);
    await save.ended.catch(() => {});
    await waitUntil('the daemon says it', () =>
      daemon
        .log()
        .some(({ msg }) =>
          /^shop ended with its tmux server; its last snapshot, \d+, is \d+ s old/.test(msg),
        ),
    );
    expect((await expectSound(world))?.sequence).toBe(before?.sequence);
    await json(world, 'restore', '--all', '--no-run');
    expect(panesOf(world)).toHaveLength(6);
    // And it goes on.
    world.tmux('rename-window', '-t', '=claude-dev-shop:', 'again');
    await waitUntil(
      'it saves the new server',
      async () => (await storeOf(world).latest())?.blueprint.windows[0]?.name === 'again',
    );
  });
});

describe('a server that is dying', () => {
  it('pane by pane, as at a logout, never leaves a poorer latest', async () => {
    const world = sandbox();
    await opened(world, sleepers(4));
    await opened(world, sleepers(2), 'api');
    const daemon = await withDaemon(world);
    await daemon.watching();
    await (await daemon.save()).ended;
    const server = serverPid(world);
    for (const name of ['shop', 'api']) {
      const store = storeOf(world, name);
      const panes = world.tmux('list-panes', '-s', '-t', `=claude-dev-${name}:`, '-F', '#{pane_pid}').trim();
      const pids = panes.split('\n').map(Number);
      for (const [at, pid] of pids.entries()) {
        await end(pid);
        const left = pids.length - 1 - at;
        // Each loss is read and saved before the next comes.
        if (left > 0) await waitUntil('it is saved', async () => (await store.list())[0]?.panes === left);
      }
    }
    await waitUntil('the server is gone', () => !isAlive(server, null));
    expect(paneCount(await expectSound(world))).toBe(4);
    expect(paneCount(await expectSound(world, 'api'))).toBe(2);
    await waitUntil('the daemon says it of both', () =>
      ['shop', 'api'].every((name) =>
        daemon.log().some(({ msg }) => msg.startsWith(`${name} ended with its tmux server`)),
      ),
    );
    const report = await json(world, 'restore', '--all');
    expect(report.workspaces.map(({ panes }: { panes: unknown[] }) => panes.length).sort()).toEqual([2, 4]);
  });

  it.each(['kill-server', 'SIGTERM'] as const)('by %s leaves the last good one', async (how) => {
    const world = sandbox();
    await opened(world, sleepers(3));
    const daemon = await withDaemon(world);
    await daemon.watching();
    await (await daemon.save()).ended;
    const pid = serverPid(world);
    if (how === 'kill-server') world.tmux('kill-server');
    else process.kill(pid, how);
    await waitUntil('the daemon says it', () =>
      daemon.log().some(({ msg }) => msg.startsWith('shop ended with its tmux server')),
    );
    expect(paneCount(await expectSound(world))).toBe(3);
    await json(world, 'restore', '--all');
    expect(panesOf(world)).toHaveLength(3);
  });
});

it('what the user closes is gone from the latest when the server has lived on for ten seconds, or at once when asked', async () => {
  const world = sandbox();
  await opened(world, sleepers(4));
  const connection = processConnection(serverAddress(world.env), world.env);
  const saver = new Saver(
    connection,
    new Registry(connection.address, world.env),
    loadSettings(world.env, () => {}),
  );
  const now = vi.spyOn(performance, 'now');
  onTestFinished(() => now.mockRestore());
  const latest = async () => paneCount(await storeOf(world).latest());
  const save = async (at: number, reason: 'change' | 'manual' | 'shutdown' = 'change') => {
    now.mockReturnValue(at);
    const [saved] = await saver.save({ reason });
    return saved;
  };
  const close = () => world.tmux('kill-pane', '-t', panesOf(world).at(-1) ?? '');
  await save(0);
  close();
  expect(await save(1000)).toMatchObject({ written: true, settlesIn: 10_000 });
  expect(await save(4000, 'shutdown')).toMatchObject({ written: false, settlesIn: 7000 });
  // Another loss begins to wait anew.
  close();
  expect(await save(9000)).toMatchObject({ written: true, settlesIn: 10_000 });
  expect(await save(18_999)).toMatchObject({ settlesIn: 1 });
  expect(await latest()).toBe(4);
  expect(await save(19_000)).toMatchObject({ written: true, settlesIn: null });
  expect(await latest()).toBe(2);
  close();
  expect(await save(20_000, 'manual')).toMatchObject({ written: true, settlesIn: null });
  expect(await latest()).toBe(1);
  await expectSound(world);
});

it('a socket that was deleted is no death: nothing is restored or written over, and USR1 mends it', async () => {
  const world = sandbox();
  await opened(world, sleepers(2));
  await json(world, 'save');
  const pid = serverPid(world);
  const before = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[0];
  // However this test ends, the server is not left where nobody can reach it.
  const start = processStart(pid);
  onTestFinished(() => {
    if (isAlive(pid, start)) process.kill(pid, 'SIGTERM');
  });
  rmSync(world.socket);
  for (const line of [
    ['save'],
    ['restore', '--all'],
    ['up', '--detach', 'projects/shop'],
    ['list'],
    ['kill', 'shop', '--yes'],
  ]) {
    const ran = await world.cw(line);
    expect({ line, code: ran.code }).toEqual({ line, code: 5 });
    expect(ran.stderr).toContain(`process ${pid}`);
    expect(ran.stderr).toContain(`kill -USR1 ${pid}`);
  }
  const daemon = await withDaemon(world);
  await waitUntil('the daemon says it', () =>
    daemon.log().some((line) => JSON.stringify(line).includes(`kill -USR1 ${pid}`)),
  );
  process.kill(pid, 'SIGUSR1');
  await waitUntil('it is there again', () => serverPid(world) === Number(before));
  expect(sessionsOf(world)).toEqual(['claude-dev-shop']);
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:');
  expect(await json(world, 'save')).toMatchObject([{ workspace: 'shop', failure: null }]);
  expect(paneCount(await expectSound(world))).toBe(3);
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:');
  await waitUntil('the daemon saves again', async () => paneCount(await storeOf(world).latest()) === 4);
});
