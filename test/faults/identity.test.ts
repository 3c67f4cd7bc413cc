import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { end, expectSound, json, opened, serverPid, sessionsOf, storeOf } from './support.js';

const template = `windows:
  - {name: code, panes: [sleep 100000, {root: sub, run: sleep 100000}]}
`;

function folders(world: Sandbox, session = 'claude-dev-shop'): string[] {
  const paths = world.tmux('list-panes', '-s', '-t', `=${session}:`, '-F', '#{pane_current_path}');
  return paths.trim().split('\n');
}

async function openedWithFolder(world: Sandbox): Promise<{ from: string; to: string }> {
  const from = join(world.home, 'projects/shop');
  mkdirSync(join(from, 'sub'), { recursive: true });
  mkdirSync(join(world.home, 'work'));
  await opened(world, template);
  await waitUntil('its panes are there', () => folders(world).join() === `${from},${from}/sub`);
  return { from, to: join(world.home, 'work/boutique') };
}

async function expectAt(world: Sandbox, to: string): Promise<void> {
  const session = '=claude-dev-shop:';
  expect(world.tmux('display-message', '-p', '-t', session, '#{@cw_path}')).toBe(`${to}\n`);
  expect(world.tmux('show-environment', '-t', session, 'PROJECT_ROOT')).toBe(`PROJECT_ROOT=${to}\n`);
  expect(await json(world, 'list')).toMatchObject([{ name: 'shop', path: to, state: 'open' }]);
  await waitUntil('its panes are there', () => folders(world).join() === `${to},${to}/sub`);
}

it('a project that is moved while it is open is found through its panes, and restored where it is', async () => {
  const world = sandbox();
  const { from, to } = await openedWithFolder(world);
  const daemon = await withDaemon(world);
  await daemon.watching();
  await (await daemon.save()).ended;
  renameSync(from, to);
  await waitUntil('the daemon says it', () =>
    daemon.log().some(({ msg }) => msg === `the project of shop was moved from ${from} to ${to}`),
  );
  await expectAt(world, to);
  // Who tells it what it has seen is told so; any other folder that is not there is none.
  expect(await world.cw(['move', from, to])).toMatchObject({
    code: 0,
    stdout: 'shop is at ~/work/boutique already.\n',
  });
  expect(await world.cw(['move', from, world.home])).toMatchObject({ code: 3 });
  await daemon.stop();
  await end(serverPid(world));
  // Opened by its new folder it is the same workspace.
  expect(await json(world, 'up', '--detach', to)).toMatchObject({ name: 'shop', created: true });
  await expectAt(world, to);
  expect((await expectSound(world))?.blueprint.path).toBe(to);
});

it('a project that was moved while it was closed is bound anew by `cw move`, from any snapshot', async () => {
  const world = sandbox();
  const { from, to } = await openedWithFolder(world);
  await json(world, 'save');
  await end(serverPid(world));
  const early = await world.cw(['move', 'shop', 'work']);
  expect(early).toMatchObject({ code: 4, stderr: expect.stringContaining('mv ~/projects/shop ~/work') });
  renameSync(from, to);
  expect((await world.cw(['move', 'shop', to])).stdout).toBe(
    'shop moved from ~/projects/shop to ~/work/boutique.\n',
  );
  const report = await json(world, 'restore', 'shop');
  expect(report.problems).toEqual([`The project moved from ${from} to ${to}: its panes open there.`]);
  await expectAt(world, to);
  // While it is open, by its folder, and without any pane that tells.
  const back = join(world.home, 'projects/shop');
  renameSync(to, back);
  expect(await json(world, 'move', to, back)).toEqual({ name: 'shop', from: to, path: back });
  await expectAt(world, back);
  await expectSound(world);
});

it('what took the place of a moved folder is not taken for it', async () => {
  const world = sandbox();
  const { from, to } = await openedWithFolder(world);
  renameSync(from, to);
  mkdirSync(from);
  await json(world, 'save');
  expect(await json(world, 'list')).toMatchObject([{ name: 'shop', path: from }]);
  expect(existsSync(join(to, '.cw.yaml'))).toBe(true);
});

it('a session that the user renamed is shown, saved and restored under that name, as the same workspace', async () => {
  const world = sandbox();
  await opened(world, 'windows: [{name: code, panes: [null]}]\n');
  await json(world, 'save');
  const before = storeOf(world).workspace;
  world.tmux('rename-session', '-t', '=claude-dev-shop:', 'boutique');
  expect(await json(world, 'list')).toMatchObject([{ name: 'boutique', session: 'boutique' }]);
  // Before a save has noted it, it is found by both.
  expect(await json(world, 'save', 'shop')).toMatchObject([{ workspace: 'boutique', failure: null }]);
  await end(serverPid(world));
  expect(await json(world, 'list')).toMatchObject([{ name: 'boutique', state: 'closed' }]);
  expect(await json(world, 'restore', 'boutique')).toMatchObject({ name: 'boutique', session: 'boutique' });
  expect(sessionsOf(world)).toEqual(['boutique']);
  expect(await json(world, 'list')).toHaveLength(1);
  expect(storeOf(world, 'boutique').workspace).toBe(before);
  await expectSound(world, 'boutique');
});
