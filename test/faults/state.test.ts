import { readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { headerLine } from '../../src/snapshot/encode.js';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import {
  end,
  expectSound,
  json,
  opened,
  ownDisk,
  paneCount,
  panesOf,
  serverPid,
  sessionsOf,
  sleepers,
  stateOf,
  storeOf,
} from './support.js';

/** A sandbox whose state is on a disk of its own, of 2 MB. */
function withDisk(context: TestContext) {
  const disk = ownDisk('size=2m');
  if ('why' in disk) return context.skip(disk.why);
  // Made after the disk, so that its daemon and panes end before that is taken away.
  const world = sandbox();
  world.env.XDG_STATE_HOME = disk.path;
  return { world, disk };
}

function fill(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(bavail * bsize));
  expect(statfsSync(folder).bavail).toBe(0);
}

/** What the verbs say of a state folder that takes nothing. */
async function expectRefused(world: Sandbox, reason: RegExp): Promise<void> {
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'sleep', '100000');
  world.file('projects/api/.cw.yaml', sleepers(1));
  for (const line of [['save'], ['kill', 'shop', '--yes'], ['up', '--detach', '--trust', 'projects/api']]) {
    const ran = await world.cw(line);
    expect({ line, code: ran.code }).toEqual({ line, code: 1 });
    expect(`${ran.stdout}${ran.stderr}`).toMatch(reason);
    expect(ran.stderr).not.toContain('did not foresee');
  }
  expect(sessionsOf(world)).toEqual(['claude-dev-shop']);
  expect(panesOf(world)).toHaveLength(3);
}

describe('a state folder that takes nothing', () => {
  it('when it is full: up, save and kill say so, nothing is closed, and what was saved is whole', async (context) => {
    const { world, disk } = withDisk(context);
    await opened(world, sleepers(2));
    const [saved] = await json(world, 'save');
    const daemon = await withDaemon(world);
    await daemon.watching();
    fill(disk.path);
    await expectRefused(world, /no space/);
    expect((await storeOf(world).latest())?.sequence).toBe(Number(saved.id));
    const status = await json(world, 'daemon', 'status');
    expect(status.lastSaveError).toMatch(/no space/);
    // When there is room again the daemon goes on by itself.
    writeFileSync(join(disk.path, 'ballast'), '');
    await waitUntil('it is saved', async () => paneCount(await storeOf(world).latest()) === 3);
    await daemon.stop();
    await expectSound(world);
  });

  it('when it is read-only it is the same', async (context) => {
    const { world, disk } = withDisk(context);
    await opened(world, sleepers(2));
    const [saved] = await json(world, 'save');
    disk.remount('ro');
    await expectRefused(world, /read-only/);
    // What was saved can be looked at, and rehearsed.
    expect(await json(world, 'snapshots', 'shop')).toMatchObject([{ id: saved.id }]);
    expect((await world.cw(['verify', 'shop'])).code).toBe(0);
    disk.remount('rw');
    expect(await json(world, 'save')).toMatchObject([{ failure: null, written: true }]);
    await expectSound(world);
  });
});

it('a format newer than ours is refused and stays as it is; save, restore and the daemon say so', async () => {
  const world = sandbox();
  await opened(world, sleepers(2));
  await json(world, 'save');
  const folder = join(stateOf(world), storeOf(world).workspace, 'snapshots');
  const [name = ''] = readdirSync(folder);
  const file = join(folder, name.replace('00000001', '00000002'));
  const line = readFileSync(join(folder, name), 'latin1').split('\n')[0] ?? '';
  const { check: _, ...header } = JSON.parse(line) as Record<string, unknown>;
  writeFileSync(file, `${headerLine({ ...header, format: 2, sequence: 2 })}what only that knows`);
  const before = readFileSync(file, 'utf8');
  const says = /made by a newer cw \(format 2; this one knows 1\)/;

  const save = await world.cw(['save']);
  expect(save).toMatchObject({ code: 1, stdout: expect.stringMatching(says) });
  const daemon = await withDaemon(world);
  await daemon.watching();
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'sleep', '100000');
  await waitUntil('the daemon says it', () => daemon.log().some(({ msg }) => says.test(msg)));
  const kill = await world.cw(['kill', 'shop', '--yes']);
  expect(kill).toMatchObject({ code: 1, stderr: expect.stringMatching(says) });
  expect(sessionsOf(world)).toEqual(['claude-dev-shop']);
  await daemon.stop();
  await end(serverPid(world));
  for (const line of [
    ['restore', 'shop'],
    ['snapshots', 'shop'],
    ['snapshot', 'show', 'shop'],
  ]) {
    const ran = await world.cw(line);
    expect({ line, code: ran.code, stderr: ran.stderr }).toMatchObject({
      line,
      code: 4,
      stderr: expect.stringMatching(says),
    });
    expect(ran.stderr).toContain('Update cw');
  }
  const all = await world.cw(['restore', '--all']);
  expect(all.code).not.toBe(0);
  expect(`${all.stdout}${all.stderr}`).toMatch(says);
  expect(readdirSync(folder).sort()).toEqual([name, name.replace('00000001', '00000002')]);
  expect(readFileSync(file, 'utf8')).toBe(before);
});

it('a record of a newer format stays as it is, and its workspace is left alone', async () => {
  const world = sandbox();
  await opened(world, sleepers(1));
  await json(world, 'save');
  const file = join(stateOf(world), storeOf(world).workspace, 'workspace.json');
  const newer = readFileSync(file, 'utf8').replace('"format": 1', '"format": 2');
  writeFileSync(file, newer);
  const kill = await world.cw(['kill', 'shop', '--yes']);
  expect(kill).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/made by a newer cw[\s\S]*Update cw/),
  });
  expect(sessionsOf(world)).toEqual(['claude-dev-shop']);
  // What it holds is saved all the same.
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'sleep', '100000');
  expect(await json(world, 'save')).toMatchObject([{ failure: null, written: true }]);
  expect(readFileSync(file, 'utf8')).toBe(newer);
});

it('a clock that jumps back breaks no order: the newest is what was saved last', async () => {
  const world = sandbox();
  const back = world.file(
    'back.cjs',
    `const day = 86_400_000;
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...parts) {
    if (parts.length === 0) super(Real.now() - day);
    else super(...parts);
  }
  static now() {
    return Real.now() - day;
  }
};
`,
  );
  await opened(world, sleepers(1));
  await json(world, 'save', '--note', 'today');
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'sleep', '100000');
  const ran = await world.cw(['save', '--note', 'yesterday'], { env: { NODE_OPTIONS: `--require ${back}` } });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const list = await json(world, 'snapshots', 'shop');
  expect(list.map(({ note }: { note: string }) => note)).toEqual(['yesterday', 'today']);
  expect(Date.parse(list[0].at)).toBeLessThan(Date.parse(list[1].at));
  await world.cw(['prune'], { env: { NODE_OPTIONS: `--require ${back}` } });
  await json(world, 'prune');
  await end(serverPid(world));
  expect(await json(world, 'restore', 'shop')).toMatchObject({
    sequence: list[0].sequence ?? Number(list[0].id),
  });
  expect(panesOf(world)).toHaveLength(2);
  await expectSound(world);
});
