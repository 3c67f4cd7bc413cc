import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { spawned } from '../../src/tmux/process-connection.js';
import { readDetails, readServer, readSessions } from '../../src/tmux/reading.js';
import type { PaneId } from '../../src/tmux/target.js';
import { reapChildren } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';
import { emptyWorld, world } from './connect.js';

/** Three sessions: `home`; `shop` with a split, zoomed window and one shared with home; `twin` in a group with shop. */
function shop() {
  const made = world();
  const { box } = made;
  const odd = join(box.home, 'odd\tfolder\nwith #{pid} é');
  mkdirSync(odd);
  box.tmux('set-option', '-g', 'base-index', '1', ';', 'set-option', '-gw', 'pane-base-index', '2');
  box.tmux('set-option', '-g', 'history-limit', '1234');
  box.tmux('rename-window', '-t', '=home:', 'base');
  box.tmux('new-session', '-d', '-s', 'shop', '-n', 'co:de', '-x', '120', '-y', '50', 'cat');
  box.tmux('set-option', '-s', '@f', odd, ';', 'split-window', '-h', '-t', '=shop:', '-c', '#{@f}', 'cat');
  box.tmux('resize-pane', '-Z', '-t', '=shop:');
  box.tmux('new-window', '-d', '-t', '=shop:', '-n', 'logs', 'cat');
  box.tmux('link-window', '-d', '-s', '=shop:logs', '-t', '=home:');
  box.tmux(
    'set-option',
    '-t',
    '=shop:',
    '@cw_id',
    'id-1',
    ';',
    'set-option',
    '-t',
    '=shop:',
    '@cw_path',
    odd,
  );
  box.tmux('set-option', '-w', '-t', '=shop:2', '@cw_window', '{"key":"logs, }"}');
  box.tmux('set-option', '-p', '-t', '=shop:2', '@cw_pane', '{"key":"tail"}');
  box.tmux('new-session', '-d', '-s', 'twin', '-t', 'shop');
  return { ...made, odd };
}

describe('the sessions', () => {
  test('are read with one process', async () => {
    const { connection, odd, control } = shop();
    await control({ target: '=shop:' });
    const before = spawned.count;
    const reading = await readSessions(connection);
    expect(spawned.count - before).toBe(1);
    expect(reading).toMatchObject({
      version: 303,
      baseIndex: 1,
      paneBaseIndex: 2,
      historyLimit: 1234,
      defaultShell: '/bin/bash',
    });
    const [home, project, twin] = reading!.sessions;
    expect(home).toMatchObject({
      name: 'home',
      windows: 2,
      panes: 2,
      group: null,
      workspace: null,
      path: null,
      lastAttached: null,
    });
    expect(project).toMatchObject({
      name: 'shop',
      windows: 2,
      panes: 3,
      // The control client that is attached to it does not count.
      attached: 0,
      group: 'shop',
      workspace: 'id-1',
      path: odd,
      windowMarks: [
        { id: '@1', mark: null },
        { id: '@2', mark: '{"key":"logs, }"}' },
      ],
    });
    expect(project!.lastAttached).toBeGreaterThan(0);
    expect(Math.abs(project!.created - Date.now() / 1000)).toBeLessThan(600);
    expect(twin).toMatchObject({ name: 'twin', group: 'shop', workspace: null });
  });

  test('of a server that has none are an empty list, and without a server there is no list', async () => {
    const { connection, box } = emptyWorld();
    expect(await readSessions(connection)).toBe(null);
    box.tmux('-f', '/dev/null', 'start-server', ';', 'set-option', '-s', 'exit-empty', 'off');
    expect(await readSessions(connection)).toMatchObject({ version: 303, sessions: [] });
    expect(await readServer(connection)).toMatchObject({ sessions: [], windows: [], panes: [], clients: [] });
  });
});

describe('a whole server', () => {
  test('is read in one batch, alike over both connections', async () => {
    const { connection, box, odd, control } = shop();
    await waitUntil('the pane runs in its folder', () =>
      box.tmux('list-panes', '-t', '=shop:1', '-F', '#{pane_current_path}').includes(odd),
    );
    const before = spawned.count;
    const reading = await readServer(connection);
    expect(spawned.count - before).toBe(1);
    expect(reading.sessions.map(({ name, activeWindow, group }) => [name, activeWindow, group])).toEqual([
      ['home', '@0', null],
      ['shop', '@1', 'shop'],
      ['twin', '@1', 'shop'],
    ]);
    const places = reading.windows.map(({ session, id, index, name }) => [session, id, index, name]);
    expect(places).toEqual([
      ['$0', '@0', 0, 'base'],
      ['$0', '@2', 1, 'logs'],
      ['$1', '@1', 1, 'co:de'],
      ['$1', '@2', 2, 'logs'],
      ['$2', '@1', 1, 'co:de'],
      ['$2', '@2', 2, 'logs'],
    ]);
    const code = reading.windows[2]!;
    expect(code).toMatchObject({
      zoomed: true,
      active: true,
      last: false,
      linked: false,
      width: 120,
      height: 50,
      panes: 2,
    });
    expect(code.layout).toMatch(/^[0-9a-f]{4},120x50,0,0\{/);
    expect(reading.windows[3]).toMatchObject({
      mark: '{"key":"logs, }"}',
      active: false,
      zoomed: false,
      linked: true,
    });
    expect(reading.panes.map(({ id, window, index, mark }) => [id, window, index, mark])).toEqual([
      ['%0', '@0', 2, null],
      ['%3', '@2', 2, '{"key":"tail"}'],
      ['%1', '@1', 2, null],
      ['%2', '@1', 3, null],
    ]);
    expect(reading.panes[3]).toMatchObject({
      currentPath: odd,
      startPath: odd,
      startCommand: 'cat',
      currentCommand: 'cat',
      active: true,
      last: false,
      dead: false,
      deadStatus: null,
      historyLimit: 1234,
      historySize: 0,
      alternateOn: false,
      cursorX: 0,
      cursorY: 0,
    });
    expect(reading.panes[2]).toMatchObject({ active: false, last: true });
    expect(reading.panes[3]!.pid).toBeGreaterThan(0);

    const persistent = await control();
    const same = await readServer(persistent);
    expect(same.windows).toEqual(reading.windows);
    expect(same.panes).toEqual(reading.panes);
    expect(same.clients).toMatchObject([{ control: true, sessionId: '$0' }]);
    expect(same.sessions.map((session) => session.attached)).toEqual([0, 0, 0]);
  });

  test('shows a pane whose program has ended, with its status', async () => {
    const { connection, box } = world();
    box.tmux('set-option', '-g', 'remain-on-exit', 'on', ';', 'new-window', '-t', '=home:', 'exit 7');
    // Its terminal is closed a moment before tmux is told how it ended.
    const pane = await waitUntil('tmux knows how it ended', async () => {
      reapChildren(box);
      const [, found] = (await readServer(connection)).panes;
      return found?.dead && found.deadStatus !== null && found;
    });
    expect(pane.deadStatus).toBe(7);
  });
});

test('a terminal counts as attached, and who only looks does not', async () => {
  const { connection, box } = world();
  const counts = async () => [
    (await readServer(connection)).sessions[0]?.attached,
    (await readSessions(connection))?.sessions[0]?.attached,
  ];
  const attach = async (...flags: string[]) => {
    const clients = box.tmux('list-clients').split('\n').length;
    terminal(box).line(`tmux -S ${box.socket} attach ${flags.join(' ')} -t =home:`);
    await waitUntil('it is a client', () => box.tmux('list-clients').split('\n').length > clients);
    return counts();
  };
  expect(await attach('-f', 'read-only,ignore-size')).toEqual([0, 0]);
  // Its size is that of the windows, or it is typed into: somebody works there.
  expect(await attach('-f', 'read-only')).toEqual([1, 1]);
  expect(await attach('-f', 'ignore-size')).toEqual([2, 2]);
  expect(await attach()).toEqual([3, 3]);
});

describe('details', () => {
  test('are read in one batch; what is gone is missing', async () => {
    const { connection, box } = shop();
    box.tmux(
      'set-option',
      '-t',
      '=shop:',
      '@note',
      'a\ncw-section $HOME "é"',
      ';',
      'set-option',
      '-t',
      '=shop:',
      'mouse',
      'on',
    );
    box.tmux('set-option', '-w', '-t', '=shop:1', 'synchronize-panes', 'on');
    box.tmux('set-option', '-p', '-t', '%2', 'remain-on-exit', 'on');
    box.tmux('set-environment', '-t', '=shop:', 'PLAIN', 'x\ny="z"');
    box.tmux(
      'set-environment',
      '-h',
      '-t',
      '=shop:',
      'HIDDEN',
      'h',
      ';',
      'set-environment',
      '-r',
      '-t',
      '=shop:',
      'GONE',
    );
    const reading = await readServer(connection);
    const before = spawned.count;
    const details = await readDetails(connection, reading.version, {
      sessions: reading.sessions.map(({ id }) => id),
      windows: [...new Set(reading.windows.map(({ id }) => id))],
      panes: [...reading.panes.map(({ id }) => id), '%99' as PaneId],
    });
    expect(spawned.count - before).toBe(1);
    const project = details.sessions.get(reading.sessions[1]!.id)!;
    expect(project.options).toEqual({
      '@cw_id': 'id-1',
      '@cw_path': expect.stringContaining('odd\tfolder\n'),
      '@note': 'a\ncw-section $HOME "é"',
      'default-size': '120x50',
      mouse: 'on',
    });
    expect(project.environment).toEqual(
      expect.arrayContaining([
        { name: 'PLAIN', value: 'x\ny="z"', hidden: false },
        { name: 'HIDDEN', value: 'h', hidden: true },
        { name: 'GONE', value: null, hidden: false },
      ]),
    );
    expect(details.windows.get(reading.windows[2]!.id)).toMatchObject({ 'synchronize-panes': 'on' });
    expect(Object.fromEntries(details.panes)).toEqual({
      '%0': {},
      '%1': {},
      '%2': { 'remain-on-exit': 'on' },
      '%3': { '@cw_pane': '{"key":"tail"}' },
    });
  });
});
