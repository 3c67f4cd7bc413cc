import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { daemonSocket } from '../../src/rpc/socket-path.js';
import { withDaemon } from '../support/daemon.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { expectSound, json, opened, panesOf, sleepers, stateOf, storeOf } from './support.js';

it('a daemon that is killed in the middle of a save loses nothing, and the next one goes on', async () => {
  const world = sandbox();
  await opened(world, sleepers(2));
  const daemon = await withDaemon(world);
  await daemon.watching();
  await (await daemon.save()).ended;
  const store = storeOf(world);
  const lock = join(stateOf(world), store.workspace, 'lock');
  for (let round = 1; round <= 3; round += 1) {
    const before = (await store.latest())?.sequence ?? 0;
    // Changes flow until it is seen to save. Without a pause: it holds its lock for some milliseconds only.
    for (let change = 0, next = 0; !existsSync(lock); ) {
      if (performance.now() < next) continue;
      next = performance.now() + 1000;
      change += 1;
      if (change > 30) throw new Error('it was never seen to save');
      world.tmux('rename-window', '-t', '=claude-dev-shop:', `change-${round}-${change}`);
    }
    await daemon.kill();
    world.tmux('rename-window', '-t', '=claude-dev-shop:', `round-${round}`);
    expect(existsSync(daemonSocket(world.socket, world.env))).toBe(true);
    expect((await store.latest())?.sequence).toBeGreaterThanOrEqual(before);

    await daemon.start();
    await waitUntil('saves go on', async () => {
      return (await store.latest())?.blueprint.windows[0]?.name === `round-${round}`;
    });
    await daemon.watching();
  }
  await daemon.stop();
  await expectSound(world);
  expect(existsSync(daemonSocket(world.socket, world.env))).toBe(false);
});

it('two daemons are one; it and two `cw save` at once lose nothing and number each once', async () => {
  const world = sandbox();
  await opened(world, sleepers(2));
  const daemon = await withDaemon(world);
  const first = await daemon.start();
  const second = await world.cw(['daemon', 'run'], { env: { CW_DAEMON: undefined } });
  expect(second).toMatchObject({ code: 4, stderr: expect.stringContaining(`process ${first}`) });
  expect(await json(world, 'daemon', 'start')).toMatchObject({ pid: first, started: false });
  await daemon.watching();
  const saves = Array.from({ length: 3 }, async (_, round) => {
    world.tmux('rename-window', '-t', '=claude-dev-shop:', `round-${round}`);
    const save = daemon.save().then(({ ended }) => ended);
    const both = await Promise.all(['a', 'b'].map((who) => json(world, 'save', '--note', `${who}${round}`)));
    await save;
    return both.flat();
  });
  const saved = (await Promise.all(saves)).flat();
  expect(saved.map(({ failure }) => failure)).toEqual(saved.map(() => null));
  const list = await json(world, 'snapshots', 'shop');
  const ids = list.map(({ id }: { id: string }) => Number(id));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(ids.toSorted((a: number, b: number) => b - a));
  const notes = list.map(({ note }: { note: string | null }) => note).filter(Boolean);
  expect(notes.sort()).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2']);
  await daemon.stop();
  await expectSound(world);
});

it('a program that floods its pane stops no save, and no other client', async () => {
  const world = sandbox();
  await opened(world, 'windows: [{name: code, panes: ["yes flood", null]}]\n');
  await waitUntil('it floods', () => world.screen('=claude-dev-shop:0.0').includes('flood'));
  const daemon = await withDaemon(world);
  await daemon.watching();
  const saves = Promise.all([json(world, 'save'), daemon.save().then(({ ended }) => ended)]);
  let answers = 0;
  let done = false;
  void saves.finally(() => {
    done = true;
  });
  while (!done) {
    expect(panesOf(world)).toHaveLength(2);
    answers += 1;
    await new Promise((next) => setTimeout(next, 10));
  }
  await saves;
  expect(answers).toBeGreaterThan(1);
  const latest = await storeOf(world).latest();
  const lines = Object.values(latest?.panes ?? {}).map((pane) => pane.scrollback?.lines ?? 0);
  expect(Math.max(...lines)).toBeGreaterThan(20);
  await daemon.stop();
  await expectSound(world);
});
