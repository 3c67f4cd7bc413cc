import { join } from 'node:path';
import { expect, it } from 'vitest';
import { verb as kill } from '../../src/cli/commands/kill.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { runVerb } from '../cli/run-verb.js';
import { installFakeClaude, prompt, ready, waitForStatus } from '../support/claude.js';
import { sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { cleaning } from './support.js';

it('one that another client looks at is named and asked about, and only --force answers that beforehand', async () => {
  const world = sandbox();
  const { open, isOpen, registry } = cleaning(world);
  await open('shop');
  await open('api');
  const screen = terminal(world, { columns: 100, rows: 20 });
  screen.line(`tmux -S ${world.socket} attach -t =claude-dev-shop`);
  await screen.waitFor('the workspace is on the screen', /\[claude-de/);
  const around = { env: world.env, cwd: world.home };

  for (const words of [['shop'], ['shop', '--yes'], ['--all', '--yes'], ['api', 'shop', '--yes']]) {
    const refused = await world.cw(['kill', ...words]);
    expect([words, refused.code, refused.stderr]).toEqual([
      words,
      4,
      expect.stringContaining('shop: another client looks at it.'),
    ]);
    expect(refused.stderr).toContain('--force');
  }
  const no = await runVerb(kill, ['--all', '--yes'], { ...around, answer: false });
  expect(no.notes).toEqual([
    'shop: another client looks at it.',
    expect.stringMatching(/^Close .*\(2 panes\) all the same\?$/),
  ]);
  expect([no.text, isOpen('shop'), isOpen('api')]).toEqual(['Nothing was closed.', true, true]);
  // What nobody looks at needs no more than the plain yes.
  expect((await runVerb(kill, ['api', '--yes'], { ...around, answer: false })).notes).toEqual([]);
  expect(isOpen('api')).toBe(false);

  const forced = await world.cw(['kill', 'shop', '--force']);
  expect(forced).toMatchObject({ code: 0, stdout: expect.stringContaining('Undo: cw restore shop') });
  expect(isOpen('shop')).toBe(false);
  for (const { id, closedBy } of registry.readAll().records) {
    expect(closedBy).toBe('user');
    expect(await new SnapshotStore(registry.folder, id).latest()).toMatchObject({ reason: 'close' });
  }
});

it('the client in whose pane it is typed is no other client; a second one is', async () => {
  const world = sandbox();
  const { open, isOpen } = cleaning(world);
  await open('shop');
  const attach = async () => {
    const screen = terminal(world, { columns: 100, rows: 20 });
    screen.line(`tmux -S ${world.socket} attach -t =claude-dev-shop`);
    await screen.waitFor('the workspace is on the screen', /\[claude-de/);
  };
  await attach();
  const of = (format: string) =>
    world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', format).trim();
  const env = { ...world.env, TMUX: `${world.socket},${of('#{pid}')},0`, TMUX_PANE: of('#{pane_id}') };
  await attach();
  expect((await runVerb(kill, ['shop', '--yes'], { env, cwd: world.home })).text).toBe(
    'shop: another client looks at it.',
  );
  world.tmux('detach-client', '-t', world.tmux('list-clients', '-F', '#{client_name}').split('\n')[0]!);
  expect(await runVerb(kill, ['shop', '--yes'], { env, cwd: world.home })).toMatchObject({ kind: 'done' });
  expect(isOpen('shop')).toBe(false);
});

it('one in which an agent works is named and asked about', { timeout: 120_000 }, async () => {
  const world = sandbox();
  installFakeClaude(world, { notify: 300 });
  const { open, isOpen } = cleaning(world);
  await open('shop', '[{ name: code, panes: [{ role: claude, run: claude }] }]');
  const pane = world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_id}').trim();
  await ready(world, pane);
  await prompt(world, pane, 'slow');
  await waitForStatus(world, pane, 'busy');
  const refused = await world.cw(['kill', 'shop', '--yes']);
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/shop: an agent works in its window code/),
  });
  expect(isOpen('shop')).toBe(true);
  expect((await world.cw(['kill', 'shop', '--force'])).code).toBe(0);
  expect(isOpen('shop')).toBe(false);
});

it('files that are not committed stay, and are mentioned', async () => {
  const world = sandbox();
  const { open, repository } = cleaning(world);
  const sh = await repository(join(world.home, 'projects/shop'));
  await sh('echo two >b && echo two >a');
  await open('shop');
  const ran = await world.cw(['kill', 'shop', '--yes']);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toContain('2 files not committed (main): they stay on disk.');
  await sh('test "$(git status --porcelain | wc -l)" -eq 2');
});
