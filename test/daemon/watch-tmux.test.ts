import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keeperName, type TmuxListener, tmuxWatch } from '../../src/daemon/watch-tmux.js';
import { isAlive } from '../../src/system/process.js';
import { serverAddress } from '../../src/tmux/address.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

interface Seen {
  changes: number;
  prints: number;
  seen: number;
  gone: number;
  failures: unknown[];
  remarks: string[];
}

async function watching(world: Sandbox, panesASecond?: number) {
  const counts: Seen = { changes: 0, prints: 0, seen: 0, gone: 0, failures: [], remarks: [] };
  const listener: TmuxListener = {
    changed: () => counts.changes++,
    printed: () => counts.prints++,
    serverSeen: () => counts.seen++,
    serverGone: () => counts.gone++,
    remark: (text) => counts.remarks.push(text),
    failed: (_what, error) => counts.failures.push(error),
  };
  const watch = tmuxWatch({
    address: serverAddress(world.env),
    env: world.env,
    attachLock: join(world.folder, 'build.lock'),
    retry: 50,
    ...(panesASecond === undefined ? {} : { panesASecond }),
  });
  onTestFinished(() => watch.stop());
  await watch.start(listener);
  if (existsSync(world.socket)) await waitUntil('it watches', () => watch.watching === 'server');
  return { watch, counts };
}

/** A server with one workspace, and a session that is none. */
function server(world: Sandbox) {
  world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-shop', '-c', '/', 'bash --norc');
  world.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_id', 'w000000000001');
}

const sessions = (world: Sandbox) =>
  world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n').sort();

/** Waits until nothing has been told for longer than tmux takes to look. */
async function quiet(counts: Seen) {
  let last = -1;
  let since = 0;
  await waitUntil('it is quiet', () => {
    if (counts.changes !== last) {
      last = counts.changes;
      since = performance.now();
    }
    return performance.now() - since > 1500;
  });
}

test('it sees what no notification tells: a cd, an environment, a synchronized window; and not what is not ours', async () => {
  const world = sandbox();
  server(world);
  world.tmux('new-session', '-d', '-s', 'other', '-c', '/', 'bash --norc');
  world.tmux('set-hook', '-g', 'after-set-environment', 'set-option -s @user_saw yes');
  const { watch, counts } = await watching(world);
  expect(counts).toMatchObject({ seen: 1, gone: 0 });
  const causes: [string, () => void][] = [
    ['a cd', () => world.tmux('send-keys', '-t', '=claude-dev-shop:', 'cd /usr', 'Enter')],
    ['an environment', () => world.tmux('set-environment', '-t', '=claude-dev-shop:', 'PORT', '3000')],
    [
      'synchronize',
      () => world.tmux('set-option', '-w', '-t', '=claude-dev-shop:', 'synchronize-panes', 'on'),
    ],
    ['a window', () => world.tmux('new-window', '-d', '-t', '=claude-dev-shop:7', 'cat')],
    ['another number of it', () => world.tmux('move-window', '-r', '-t', '=claude-dev-shop:')],
    ['a split', () => world.tmux('split-window', '-d', '-t', '=claude-dev-shop:0', 'cat')],
    ['a zoom', () => world.tmux('resize-pane', '-Z', '-t', '=claude-dev-shop:0')],
    ['its end', () => world.tmux('resize-pane', '-Z', '-t', '=claude-dev-shop:0')],
    ['an option', () => world.tmux('set-option', '-t', '=claude-dev-shop:', 'status-left', 'mine')],
    [
      'an option of a window',
      () => world.tmux('set-option', '-wt', '=claude-dev-shop:', 'main-pane-width', '9'),
    ],
    ['an option of a pane', () => world.tmux('set-option', '-pt', '=claude-dev-shop:', '@mine', 'a; #{b}')],
    ['an option that goes', () => world.tmux('set-option', '-u', '-t', '=claude-dev-shop:', 'status-left')],
  ];
  for (const [what, cause] of causes) {
    await quiet(counts);
    const before = counts.changes;
    cause();
    await waitUntil(`${what} is seen`, () => counts.changes > before);
  }
  // What a pane prints is told too, and is no change.
  await quiet(counts);
  const [prints, changes] = [counts.prints, counts.changes];
  world.tmux('send-keys', '-t', '=claude-dev-shop:', 'echo printed', 'Enter');
  await waitUntil('what is printed is seen', () => counts.prints > prints);
  await quiet(counts);
  expect(counts.changes).toBe(changes);
  const before = counts.changes;
  world.tmux('send-keys', '-t', '=other:', 'cd /usr', 'Enter');
  world.tmux('set-environment', '-t', '=other:', 'PORT', '3000');
  world.tmux('set-option', '-t', '=other:', 'status-left', 'theirs');
  // Of no workspace, and what we note ourselves.
  world.tmux('set-option', '-g', 'status-right', 'all');
  world.tmux('set-option', '-s', '@continuum', '1');
  world.tmux('set-option', '-pt', '=claude-dev-shop:', '@cw_state', 'idle');
  await waitUntil(
    'the shell is there',
    () => world.tmux('display', '-p', '-t', '=other:', '#{pane_current_path}').trim() === '/usr',
  );
  await quiet(counts);
  expect(counts.changes).toBe(before);
  // The hook of the user's is as it was, and stays when ours goes.
  expect(world.tmux('show-options', '-sv', '@user_saw').trim()).toBe('yes');
  await watch.stop();
  expect(world.tmux('show-hooks', '-g', 'after-set-environment').trim()).toBe(
    'after-set-environment[0] set-option -s @user_saw yes',
  );
  expect(world.tmux('show-hooks', '-g', 'after-set-option').trim()).toBe('after-set-option');
  expect(counts.failures).toEqual([]);
});

test('it disturbs no session of the user, and a bare attach passes its own over', async () => {
  const world = sandbox();
  server(world);
  const facts = () =>
    world.tmux(
      'display',
      '-p',
      '-t',
      '=claude-dev-shop:',
      '#{session_attached} #{session_last_attached} #{session_activity} #{window_width}',
    );
  const before = facts();
  await watching(world);
  expect(sessions(world)).toEqual(['claude-dev-shop', keeperName]);
  expect(facts()).toBe(before);
  const terminal = spawn('script', ['-qec', `tmux -u -S ${world.socket} attach`, '/dev/null'], {
    env: world.env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  onTestFinished(() => void terminal.kill('SIGKILL'));
  const attached = await waitUntil(
    'it is attached',
    () => /^0 (.*)$/m.exec(world.tmux('list-clients', '-F', '#{client_control_mode} #{client_session}'))?.[1],
  );
  expect(attached).toBe('claude-dev-shop');
});

test('the server ends with the last session of the user, and one that begins is seen', async () => {
  const world = sandbox();
  server(world);
  const { watch, counts } = await watching(world);
  const pid = Number(world.tmux('display', '-p', '#{pid}'));
  world.tmux('kill-session', '-t', '=claude-dev-shop');
  await waitUntil('the server is gone', () => !isAlive(pid, null));
  await waitUntil('that is told', () => counts.gone === 1);
  expect(watch.watching).toBe('no-server');
  server(world);
  await waitUntil('the next one is seen', () => counts.seen === 2);
  expect(watch.watching).toBe('server');
  expect(counts.failures).toEqual([]);
});

test('whoever starts a server is not disturbed by it', async () => {
  const world = sandbox();
  const { counts } = await watching(world);
  for (let round = 1; round <= 8; round++) {
    server(world); // fails when its server is taken away from it
    await waitUntil('it is seen', () => counts.seen === round);
    const pid = Number(world.tmux('display', '-p', '#{pid}'));
    world.tmux('kill-server');
    await waitUntil('it is gone', () => counts.gone === round && !isAlive(pid, null));
  }
});

test('a server that is to live without sessions does', async () => {
  const world = sandbox();
  server(world);
  world.tmux('set-option', '-s', 'exit-empty', 'off');
  const { counts } = await watching(world);
  const before = counts.changes;
  world.tmux('kill-session', '-t', '=claude-dev-shop');
  await waitUntil('that is seen', () => counts.changes > before);
  await quiet(counts);
  expect(sessions(world)).toEqual([keeperName]);
  expect(counts.gone).toBe(0);
});

test('when its session is killed it makes another; one in which somebody works stays when it goes', async () => {
  const world = sandbox();
  server(world);
  const { watch, counts } = await watching(world);
  world.tmux('kill-session', '-a', '-t', '=claude-dev-shop');
  await waitUntil('it is there again', () => sessions(world).includes(keeperName));
  expect(counts.gone).toBe(0);
  await waitUntil('it watches', () => watch.watching === 'server');
  world.tmux('new-window', '-d', '-t', `=${keeperName}:`, 'cat');
  await waitUntil(
    'it lets go',
    () => !world.tmux('show-hooks', '-t', `=${keeperName}:`).includes('kill-session'),
  );
  await watch.stop();
  expect(sessions(world)).toEqual(['claude-dev-shop', keeperName]);
});

test('where no server runs it starts none; a lost socket is no death', async () => {
  const world = sandbox();
  const { watch, counts } = await watching(world);
  expect(watch.watching).toBe('no-server');
  await watch.refresh();
  expect(existsSync(world.socket)).toBe(false);
  expect(counts).toMatchObject({ seen: 0, gone: 0 });
  server(world);
  const pid = Number(world.tmux('display', '-p', '#{pid}'));
  await waitUntil('it is seen', () => counts.seen === 1);
  rmSync(world.socket);
  // Its client is connected still; a new look cannot tell.
  expect((await watch.connection.batch([['display-message', '-p', 'here']])).stdout.toString()).toBe(
    'here\n',
  );
  const { watch: second, counts: told } = await watching(world);
  expect(second.watching).toBe('unknown');
  expect(told.gone).toBe(0);
  await waitUntil('it is said', () => String(told.failures[0]).includes('was deleted'));
  process.kill(pid, 'SIGUSR1');
  await waitUntil('it is found again', () => second.watching === 'server');
});

test('with more panes than tmux should look at each second, we look less often, and see the same', async () => {
  const world = sandbox();
  server(world);
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'cat');
  world.tmux('split-window', '-d', '-t', '=claude-dev-shop:', 'cat');
  const { counts } = await watching(world, 2);
  await waitUntil('it is told', () => counts.remarks.some((text) => text.includes('3 panes')));
  for (const folder of ['/usr', '/tmp']) {
    await quiet(counts);
    const before = counts.changes;
    world.tmux('send-keys', '-t', '=claude-dev-shop:.0', `cd ${folder}`, 'Enter');
    await waitUntil(`the cd to ${folder} is seen`, () => counts.changes > before);
  }
  // With few panes again tmux looks for itself.
  world.tmux('kill-pane', '-a', '-t', '=claude-dev-shop:.0');
  await quiet(counts);
  const before = counts.changes;
  world.tmux('send-keys', '-t', '=claude-dev-shop:.0', 'cd /usr', 'Enter');
  await waitUntil('the last cd is seen', () => counts.changes > before);
  expect(counts.remarks).toHaveLength(1);
  expect(counts.failures).toEqual([]);
});
