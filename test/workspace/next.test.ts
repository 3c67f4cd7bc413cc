import { join } from 'node:path';
import { expect, it } from 'vitest';
import { installFakeClaude, prompt, ready, waitForStatus } from '../support/claude.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

const next = (world: Sandbox, env: NodeJS.ProcessEnv = {}) =>
  world.run(join(root, 'bin/claude-switch'), ['--next'], { env });

/** What the one client that is attached shows. */
const seen = (world: Sandbox) => world.tmux('list-clients', '-F', '#{session_name} #{pane_id}').trim();

it('claude-switch --next goes to who has waited longest, in any workspace', async () => {
  const world = sandbox();
  installFakeClaude(world);
  for (const name of ['shop', 'api']) {
    world.file(
      `projects/${name}/.cw.yaml`,
      'windows: [{name: code, panes: [{role: claude, run: claude}]}, {name: other, panes: [null], focus: true}]\n',
    );
    await world.cw(['up', '--detach', '--trust', `projects/${name}`]);
  }
  const paneOf = (name: string) =>
    world.tmux('list-panes', '-t', `=claude-dev-${name}:code`, '-F', '#{pane_id}').trim();
  const [shop, api] = [paneOf('shop'), paneOf('api')];
  for (const pane of [shop, api]) await ready(world, pane);
  await prompt(world, shop, 'slow');
  await waitForStatus(world, shop, 'busy');
  // Its TMUX_PANE is the pane of a key binding.
  const alone = await next(world, { TMUX_PANE: api });
  expect(alone).toMatchObject({ code: 3, stderr: expect.stringContaining('No other Claude waits for you.') });
  await prompt(world, api, 'question');
  await waitForStatus(world, api, 'waiting');

  const sentence = `api, pane ${api}, has waited for an answer for \\d+ s\\. On a terminal, claude-switch --next goes there\\.`;
  await waitUntil('it is said away from a terminal', async () => {
    const said = await next(world);
    return said.code === 0 && new RegExp(`^${sentence}\n$`).test(said.stdout);
  });
  const screen = terminal(world);
  screen.line('claude-switch --next');
  await waitUntil('it is attached there', () => seen(world) === `claude-dev-api ${api}`);

  // Another one waits, for less time: from the first one it is the next, and from elsewhere the first one is.
  world.tmux('send-keys', '-t', shop, 'Escape');
  await waitForStatus(world, shop, 'idle');
  await prompt(world, shop, 'permission');
  await waitForStatus(world, shop, 'waiting');
  const socket = world.tmux('display-message', '-p', '#{socket_path},#{pid},0').trim();
  const press = (pane: string) => next(world, { TMUX: socket, TMUX_PANE: pane });
  await waitUntil('the next one is there', async () => {
    expect(await press(api)).toMatchObject({ code: 0, stderr: '' });
    return seen(world) === `claude-dev-shop ${shop}`;
  });
  expect(
    await press(world.tmux('list-panes', '-t', '=claude-dev-shop:other', '-F', '#{pane_id}').trim()),
  ).toMatchObject({ code: 0 });
  expect(seen(world)).toBe(`claude-dev-api ${api}`);
});
