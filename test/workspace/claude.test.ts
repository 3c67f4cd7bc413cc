import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ask, installFakeClaude, ready } from '../support/claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
};

it('a conversation that is alive is not opened a second time', async () => {
  const world = sandbox();
  installFakeClaude(world);
  world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [{role: claude, run: claude}]}]\n');
  await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  const pane = world.tmux('list-panes', '-a', '-F', '#{pane_id}').trim();
  await ready(world, pane);
  await ask(world, pane, 'hello');
  await cw(world, 'save');
  const report = await cw(world, 'restore', 'shop', '--as', 'copy');
  expect(report.panes[0]).toMatchObject({ state: 'not made again' });
  expect(report.panes[0].notes.join()).toContain(`open in pane ${pane}`);
});

it('a pane without hooks of ours, and a project without claude, start as ever', async () => {
  const world = sandbox();
  world.file('projects/shop/README.md', '');
  await world.cw(['up', '--detach', 'projects/shop']);
  const log = readdirSync(join(world.home, '.local/state/cw'), { recursive: true })
    .map(String)
    .find((name) => name.endsWith('registry.log'));
  expect(
    log === undefined ||
      !existsSync(join(world.home, '.local/state/cw', log)) ||
      readFileSync(join(world.home, '.local/state/cw', log), 'utf8') === '',
  ).toBe(true);
});
