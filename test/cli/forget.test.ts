import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { json, opened, stateOf, storeOf } from '../faults/support.js';
import { sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';

it('cw forget takes a closed workspace off the list for good, after it has said what is lost', async () => {
  const world = sandbox();
  await opened(world, 'windows: [{name: code, panes: [null]}]\n');
  await json(world, 'save', '--note', 'mine');
  const open = await world.cw(['forget', 'shop', '--yes']);
  expect(open).toMatchObject({ code: 4, stderr: expect.stringContaining('shop is open') });
  expect(await json(world, 'list')).toHaveLength(1);
  await json(world, 'kill', 'shop', '--yes');
  await json(world, 'snapshot', 'pin', 'shop');
  // Another one, which stays.
  world.file('projects/api/README.md', '');
  await json(world, 'up', '--detach', join(world.home, 'projects/api'));
  await json(world, 'save', 'api');
  const { workspace } = storeOf(world);

  const unsure = await world.cw(['forget', 'shop']);
  expect(unsure.code).toBe(4);
  expect(unsure.stderr).toMatch(/shop: \d snapshots?, .* old, 1 pinned/);
  const user = terminal(world);
  user.line('cw forget shop');
  await user.waitFor('the question', /shop: \d snapshots?.*\n.*Forget this for good\?/);
  user.line('n');
  await user.waitFor('the answer', 'Nothing was forgotten.');
  expect(existsSync(join(stateOf(world), workspace))).toBe(true);

  const ran = await world.cw(['forget', 'shop', '--yes']);
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Forgotten: shop: /) });
  expect(readdirSync(stateOf(world))).not.toContain(workspace);
  expect((await json(world, 'list')).map(({ name }: { name: string }) => name)).toEqual(['api']);
  expect(existsSync(join(world.home, 'projects/shop/.cw.yaml'))).toBe(true);
  expect((await storeOf(world, 'api').latest())?.workspace).toBe(storeOf(world, 'api').workspace);
  expect((await world.cw(['forget', 'shop', '--yes'])).code).toBe(3);
  // It opens as one that was never there.
  expect(await json(world, 'up', '--detach', join(world.home, 'projects/shop'))).toMatchObject({
    created: true,
  });
  expect(storeOf(world).workspace).not.toBe(workspace);
});

it('what was set aside is told by doctor, and goes after a month', async () => {
  const world = sandbox();
  await opened(world, 'windows: [{name: code, panes: [null]}]\n');
  await json(world, 'save');
  const store = storeOf(world);
  const folder = join(stateOf(world), store.workspace, 'snapshots');
  const [file = ''] = readdirSync(folder);
  writeFileSync(join(folder, file), 'torn');
  await store.latest();
  const said = await world.cw(['doctor']);
  expect(said.stdout).toMatch(
    /warning +saved files +1 saved file did not read and was set aside, the last one \d+ s ago/,
  );
  expect(await json(world, 'prune')).toEqual({ removed: 0, damaged: 0 });
  const { pruneSetAside, setAside } = await import('../../src/snapshot/damaged.js');
  expect(setAside(stateOf(world)).map(({ path }) => path)).toEqual([
    join(stateOf(world), store.workspace, 'damaged', file),
  ]);
  const day = 86_400_000;
  expect(pruneSetAside(stateOf(world), Date.now() + 29 * day)).toBe(0);
  expect(pruneSetAside(stateOf(world), Date.now() + 31 * day)).toBe(1);
  expect(setAside(stateOf(world))).toEqual([]);
});
