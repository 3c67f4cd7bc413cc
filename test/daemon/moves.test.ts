import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Moves, windowsPrinted } from '../../src/daemon/moves.js';
import { folderOfIdleShell } from '../../src/system/process.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

test('windows that printed in the last two seconds are told', () => {
  expect([...windowsPrinted('%subscription-changed cw-printed $1 - - - :  @1=9 @12=11 @3=10 @4=2')]).toEqual([
    '@12',
    '@3',
  ]);
  expect(windowsPrinted('%subscription-changed cw-printed $1 - - - : ').size).toBe(0);
});

test('a shell that went elsewhere, a program that began or ended is a move, and is told once', () => {
  const now = new Map<number, string | null>([
    [1, '/a'],
    [2, null],
    [3, '/c'],
  ]);
  const moves = new Moves((pid) => now.get(pid));
  const save = () =>
    moves.saved([
      { window: '@1', pid: 1, folder: '/a' },
      { window: '@1', pid: 2, folder: null },
      { window: '@2', pid: 3, folder: '/c' },
    ]);
  const moved = () => moves.hasMoved(new Set(['@1', '@9']));
  save();
  expect(moved()).toBe(false);
  for (const [pid, place] of [
    [1, '/b'],
    [1, null],
    [2, '/'],
  ] as const) {
    now.set(pid, place);
    expect([pid, place, moved(), moved()]).toEqual([pid, place, true, false]);
  }
  save();
  expect(moved()).toBe(false); // the save saw something else, and we said what we see
  now.set(3, '/d');
  expect(moved()).toBe(false); // its window showed nothing
  now.delete(1); // it ended
  expect(moved()).toBe(false);
});

test('the folder of a shell at its prompt is looked up in /proc', async () => {
  const world = sandbox();
  world.tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-s',
    'one',
    '-c',
    world.home,
    'bash --norc --noprofile',
  );
  const pid = Number(world.tmux('display-message', '-p', '-t', '=one:', '#{pane_pid}'));
  await waitUntil('it prompts', () => folderOfIdleShell(pid) === realpathSync(world.home));
  world.tmux('send-keys', '-t', '=one:', 'cd /usr; sleep 1000', 'Enter');
  await waitUntil('a program runs', () => folderOfIdleShell(pid) === null);
  world.tmux('send-keys', '-t', '=one:', 'C-c');
  await waitUntil('it is back, elsewhere', () => folderOfIdleShell(pid) === '/usr');
  const child = spawn('sleep', ['1000']);
  onTestFinished(() => void child.kill('SIGKILL'));
  child.kill('SIGKILL');
  await waitUntil('it ended', () => child.signalCode !== null);
  expect(folderOfIdleShell(child.pid!)).toBeUndefined();
});
