import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { candidatesOf, clockOf } from '../../src/cleanup/candidates.js';
import { verb as pin } from '../../src/cli/commands/pin.js';
import { takeSurvey } from '../../src/survey/survey.js';
import { runVerb } from '../cli/run-verb.js';
import { ask, installFakeClaude, prompt, ready, waitForStatus } from '../support/claude.js';
import { sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';
import { cleaning, type Row } from './support.js';

/** `cw list-panes` of a session, as a user sees it. */
const shape =
  '#{window_index} #{window_name} #{pane_left},#{pane_top} #{pane_width}x#{pane_height} #{pane_index} #{pane_title} #{pane_current_path}';

it('a dozen workspaces in every condition: only those go that may, and each comes back as it was', {
  timeout: 240_000,
}, async () => {
  const world = sandbox();
  const { open, repository, type, rows, isOpen } = cleaning(world);
  const path = (name: string) => join(world.home, 'projects', name);
  const git = async (name: string, script = ':') => (await repository(path(name)))(script);

  await git('dirty', 'echo two >b');
  await git('unpushed', 'git commit -q --allow-empty -m two');
  await git('stashed', 'echo two >a && git stash -q');
  await git(
    'worktree',
    'git worktree add -q -b feat .worktrees/feat && echo x >.worktrees/feat/x && echo .worktrees >>.git/info/exclude',
  );
  await git(
    'detached',
    'git checkout -q --detach && git commit -q --allow-empty -m two && git checkout -q --detach HEAD',
  );
  await git('lonely', 'git remote remove origin');
  await git(
    'merging',
    'git checkout -q -b side && echo s >a && git commit -qam s && git push -q -u origin side && git checkout -q main && echo m >a && git commit -qam m && git push -q && ! git merge -q side',
  );
  await git('broken', 'rm .git/HEAD && mkdir .git/HEAD');
  await git(
    'clean',
    'git worktree add -q -b feat .worktrees/feat && echo .worktrees >>.git/info/exclude && git -C .worktrees/feat push -q -u origin feat',
  );
  for (const name of ['dirty', 'unpushed', 'stashed', 'worktree', 'detached', 'lonely', 'merging', 'broken'])
    await open(name);
  await open(
    'clean',
    '[{ name: code, layout: { columns: [1, { rows: [2, 3] }] }, panes: [{ title: one }, { run: "tail -f a" }, {}] }, { name: logs, panes: [{}] }]',
  );
  await open('plain');
  for (const name of ['pinned', 'attached', 'listed', 'behind', 'asleep', 'typed', 'gone', 'lost'])
    await open(name);

  expect(await runVerb(pin, ['pinned'], { env: world.env, cwd: world.home })).toMatchObject({ kind: 'done' });
  const screen = terminal(world, { columns: 100, rows: 20 });
  screen.line(`tmux -S ${world.socket} attach -t =claude-dev-attached`);
  await screen.waitFor('the workspace is on the screen', /\[claude-de/);
  await type('listed', `exec -a ssh sleep 5551`, /^ssh 5551$/m);
  await type('behind', 'sleep 5552 &', /^sleep 5552$/m);
  await type('typed', 'sleep 5553', /^sleep 5553$/m);
  await type('asleep', 'sleep 5554', /^sleep 5554$/m);
  world.tmux('send-keys', '-t', '=claude-dev-asleep:', 'C-z');
  await waitUntil('it is stopped', async () =>
    /^T/m.test((await world.run('sh', ['-c', 'ps -axo stat,args | grep "[s]leep 5554"'])).stdout),
  );
  rmSync(path('gone'), { recursive: true });
  const { registry } = cleaning(world);
  const lost = registry.readAll().records.find(({ name }) => name === 'lost')!;
  rmSync(join(registry.workspaceFolder(lost.id), 'workspace.json'));
  await waitUntil('tail follows', async () =>
    /^tail -f a$/m.test((await world.run('ps', ['-axo', 'args'])).stdout),
  );

  const before = world.tmux('list-panes', '-s', '-t', '=claude-dev-clean:', '-F', shape);
  const told = Object.fromEntries(
    (await rows('--dry-run')).map((row) => [row.name, `${row.action} ${row.ground}`]),
  );
  const expected = {
    clean: 'remove old',
    plain: 'remove old',
    dirty: 'keep uncommitted',
    unpushed: 'keep unpushed',
    stashed: 'keep stashed',
    worktree: 'keep uncommitted',
    detached: 'keep unpushed',
    lonely: 'keep unpushed',
    merging: 'keep operation',
    broken: 'keep unknown',
    pinned: 'keep pinned',
    attached: 'keep attached',
    listed: 'keep program',
    behind: 'keep program',
    asleep: 'keep program',
    typed: 'keep program',
    gone: 'keep unknown',
    lost: 'keep unknown',
  };
  expect(told).toEqual(expected);
  for (const name of Object.keys(expected)) expect([name, isOpen(name)]).toEqual([name, true]);

  const swept = await rows('--yes');
  const removed = swept.filter((row) => row.outcome === 'removed').map(({ name }) => name);
  expect(removed.sort()).toEqual(['clean', 'plain']);
  for (const name of Object.keys(expected))
    expect([name, isOpen(name)]).toEqual([name, !removed.includes(name)]);

  const undo = swept.find(({ name }) => name === 'clean')?.undo;
  expect(undo).toBe('cw restore clean');
  const restored = await world.cw(undo!.split(' ').slice(1));
  expect(restored).toMatchObject({ code: 0 });
  expect(world.tmux('list-panes', '-s', '-t', '=claude-dev-clean:', '-F', shape)).toBe(before);
  await waitUntil('tail follows again', async () =>
    /^tail -f a$/m.test((await world.run('ps', ['-axo', 'args'])).stdout),
  );

  // The other one opens from its snapshot by the everyday word as well.
  expect(registry.readAll().records.find(({ name }) => name === 'plain')).toMatchObject({
    closedBy: 'sweep',
  });
  const reopened = await world.cw(['up', 'plain', '--detach', '--json']);
  expect(JSON.parse(reopened.stdout)).toMatchObject({ name: 'plain', sequence: 1 });
  expect(isOpen('plain')).toBe(true);
});

it('an agent that works or waits keeps its workspace; one that is done does not, and its conversation comes back', {
  timeout: 180_000,
}, async () => {
  const world = sandbox();
  installFakeClaude(world, { notify: 300 });
  const { open, rows } = cleaning(world);
  for (const name of ['works', 'waits', 'idle'])
    await open(name, '[{ name: main, panes: [{ role: claude, run: claude }] }]');
  const pane = (name: string) =>
    world.tmux('display-message', '-p', '-t', `=claude-dev-${name}:`, '#{pane_id}').trim();
  for (const name of ['works', 'waits', 'idle']) await ready(world, pane(name));
  await ask(world, pane('idle'), 'build the cart');
  await prompt(world, pane('works'), 'slow');
  await waitForStatus(world, pane('works'), 'busy');
  await prompt(world, pane('waits'), 'permission');
  await waitForStatus(world, pane('waits'), 'waiting');
  const grounds = async () =>
    Object.fromEntries(
      (await rows('--dry-run')).map((row: Row) => [
        row.name,
        `${row.action} ${row.reason.replace(/\d+ s/, 'N s')}`,
      ]),
    );
  const agents = await world.cw(['agents', '--json']);
  const conversation = (JSON.parse(agents.stdout) as { session: string; conversation: string }[]).find(
    ({ session }) => session === 'claude-dev-idle',
  )?.conversation;
  await waitUntil('the last event is a second old', async () => (await grounds()).idle?.startsWith('remove'));
  expect(await grounds()).toEqual({
    works: 'keep an agent working',
    waits: 'keep an agent waiting',
    idle: 'remove not seen for N s',
  });
  const swept = await rows('--yes');
  expect(swept.filter(({ outcome }) => outcome === 'removed').map(({ name }) => name)).toEqual(['idle']);
  const restored = await world.cw(['restore', 'idle', '--wait', '--json']);
  expect(restored.stdout).toContain(conversation);
  expect(JSON.parse(restored.stdout).panes[0].conversation).toMatchObject({ state: 'recovered' });
});

it('what was used within the time is kept: typed into, and not what only prints', async () => {
  const world = sandbox();
  const { open, options, type } = cleaning(world);
  await open('prints');
  await open('typed');
  await type('prints', 'while sleep 0.1; do echo tick; done', /^sleep 0\.1$/m);
  const activity = (name: string) =>
    Number(world.tmux('display-message', '-p', '-t', `=claude-dev-${name}:`, '#{session_activity}'));
  const before = activity('prints');
  await waitUntil('some seconds passed', () => Date.now() / 1000 - before > 3.2);
  const screen = terminal(world, { columns: 100, rows: 20 });
  screen.line(`tmux -S ${world.socket} attach -t =claude-dev-typed`);
  await screen.waitFor('the workspace is on the screen', /\[claude-de/);
  screen.keys('x');
  await screen.waitFor('it is typed', /x *$/m);
  world.tmux('detach-client', '-s', '=claude-dev-typed:');
  const { survey, processes } = await takeSurvey(options);
  const facts = { processes, isPinned: () => false, patterns: [], editors: new Map() };
  const clock = clockOf(survey);
  const candidates = candidatesOf(survey, facts);
  const age = (name: string) => clock.now - candidates.find((one) => one.name === name)!.lastUsed;
  expect(age('prints')).toBeGreaterThan(3000);
  expect(age('typed')).toBeLessThan(age('prints'));
  expect(Math.abs(clock.set ?? 0)).toBeLessThan(5000);
  expect(options.rules.olderThan).toBe(1);
});

it('a git that hangs is an answer that never came: kept', { timeout: 120_000 }, async () => {
  const world = sandbox();
  const { open, repository, rows } = cleaning(world);
  await repository(join(world.home, 'projects/infra'));
  await open('infra');
  const folder = join(world.folder, 'slow');
  mkdirSync(folder);
  writeFileSync(join(folder, 'git'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  world.env.PATH = `${folder}:${world.env.PATH}`;
  const [row] = await rows('--yes');
  expect(row).toMatchObject({
    name: 'infra',
    action: 'keep',
    reason: 'state unknown: git did not answer in 5 s',
  });
});

it('what was not made by cw is neither named nor touched, whatever it is called (gastown #923)', async () => {
  const world = sandbox();
  const { open, rows } = cleaning(world);
  await open('shop');
  world.tmux('new-session', '-d', '-s', 'claude-dev-mine', 'exec -a claude sleep 7771');
  expect((await rows('--yes')).map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['shop removed']);
  expect(world.tmux('list-sessions', '-F', '#S').trim()).toBe('claude-dev-mine');
});
