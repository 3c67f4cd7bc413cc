import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServerFacts } from '../../src/blueprint/facts.js';
import { parseLayout, printLayout } from '../../src/blueprint/layout.js';
import type { Blueprint } from '../../src/blueprint/model.js';
import { plan } from '../../src/blueprint/plan.js';
import { parsePaneRecord, parseWindowRecord } from '../../src/blueprint/record.js';
import { type Plan, parseCreated } from '../../src/blueprint/step.js';
import { findProgram } from '../../src/system/programs.js';
import { encodeWords } from '../../src/tmux/literal.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { blueprintOf, serverFacts } from './examples.js';

async function apply(box: Sandbox, made: Plan, nonce: string): Promise<Map<string, string>> {
  const connection = processConnection({ args: ['-S', box.socket], socketPath: box.socket }, box.env);
  const words = (steps: Plan['create']) => steps.map((step) => step.command);
  const created = await connection.batch(encodeWords(words(made.create), new Map(), nonce), {
    stopOnError: true,
  });
  expect(created.errors).toEqual([]);
  const ids = parseCreated(created.stdout.toString());
  expect([...ids.keys()].sort()).toEqual(made.create.flatMap((step) => step.creates).sort());
  const finished = await connection.batch(encodeWords(words(made.finish), ids, nonce));
  expect(finished.errors).toEqual([]);
  return ids;
}

function start(box: Sandbox, ...commands: string[]): void {
  box.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'other', 'sleep', '100000');
  for (const command of commands) box.tmux(...command.split(' '));
}

function factsFor(nonce: string, changes: Partial<ServerFacts> = {}): ServerFacts {
  return serverFacts({ nonce, shellFolder: join(root, 'shell'), folderExists: () => true, ...changes });
}

/** One value of a format; the newline that tmux adds is taken off, any in the value stays. */
function ask(box: Sandbox, target: string, format: string): string {
  return box.tmux('display-message', '-p', '-t', target, format).slice(0, -1);
}

test('what a plan makes is what the blueprint says, whatever it holds and whatever the indexes begin with', async () => {
  const box = sandbox();
  start(box, 'set -g base-index 1', 'set -g pane-base-index 1', 'set -g renumber-windows on');
  const odd = join(box.home, "odd #{pane_id} #(touch pwned) 'x\ty;");
  mkdirSync(odd);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryBlueprint([box.home, odd], { maxWindows: 3 }), async (blueprint) => {
      run += 1;
      const nonce = `n${run}`;
      const made = plan(blueprint, factsFor(nonce, { baseIndex: 1, paneBaseIndex: 1 }));
      expect(made.problems).toEqual([]);
      const ids = await apply(box, made, nonce);
      try {
        check(box, blueprint, ids);
      } finally {
        box.tmux('kill-session', '-t', ids.get('session')!);
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
  expect(box.tmux('list-sessions', '-F', '#{session_name}')).toBe('other\n');
  expect(box.tmux('show-options', '-s')).not.toContain('@cw');
});

function check(box: Sandbox, blueprint: Blueprint, ids: Map<string, string>): void {
  const session = ids.get('session')!;
  const option = (target: string, name: string, ...scope: string[]) =>
    box.tmux('show-options', '-v', ...scope, '-t', target, name).slice(0, -1);
  expect(ask(box, `${session}:`, '#{session_name}')).toBe(blueprint.session);
  for (const [name, value] of Object.entries(blueprint.options)) expect(option(session, name)).toBe(value);
  expect(option(session, '@cw_id')).toBe(blueprint.id);
  for (const [name, hook] of Object.entries(blueprint.hooks))
    expect(option(session, `@cw_hook_${name}`)).toBe(hook);
  if (!('renumber-windows' in blueprint.options)) expect(option(session, 'renumber-windows')).toBe('');
  for (const { name, value, hidden } of blueprint.environment) {
    const shown = box.tmux('show-environment', ...(hidden ? ['-h'] : []), '-t', session, name).slice(0, -1);
    expect(shown).toBe(value === null ? `-${name}` : `${name}=${value}`);
  }
  const windows = box.tmux(
    'list-windows',
    '-t',
    session,
    '-F',
    '#{window_index} #{window_id} #{window_flags}',
  );
  const flags = (key: string) =>
    key === blueprint.activeWindow ? '*' : key === blueprint.lastWindow ? '-' : '';
  expect(
    windows
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/[^*\-@\d ]/g, '').trimEnd()),
  ).toEqual(
    blueprint.windows.map(({ index, key }) =>
      `${index + 1} ${ids.get(`window:${key}`)} ${flags(key)}`.trimEnd(),
    ),
  );
  for (const window of blueprint.windows) {
    const id = ids.get(`window:${window.key}`)!;
    expect(ask(box, id, '#{window_name}')).toBe(window.name);
    expect(ask(box, id, '#{window_zoomed_flag}')).toBe(window.zoomed ? '1' : '0');
    const layout = printLayout(
      parseLayout(ask(box, id, '#{window_layout}')),
      window.panes.map((_, at) => at),
    );
    expect(layout).toBe(window.layout);
    for (const [name, value] of Object.entries(window.options)) expect(option(id, name, '-w')).toBe(value);
    if (!('window-size' in window.options)) expect(option(id, 'window-size', '-w')).toBe('');
    const record = parseWindowRecord(option(id, '@cw_window', '-w'));
    expect(record).toEqual({ key: window.key, layout: window.layout, size: window.size });
    const panes = box
      .tmux('list-panes', '-t', id, '-F', '#{pane_id} #{pane_active}#{pane_last}')
      .trimEnd()
      .split('\n');
    expect(panes).toEqual(
      window.panes.map(({ key }) => {
        const marks = `${key === window.activePane ? 1 : 0}${key === window.lastPane ? 1 : 0}`;
        return `${ids.get(`pane:${key}`)} ${marks}`;
      }),
    );
    for (const pane of window.panes) {
      const paneId = ids.get(`pane:${pane.key}`)!;
      expect(ask(box, paneId, '#{pane_title}')).toBe(pane.title);
      const limit = pane.historyLimit ?? blueprint.options['history-limit'] ?? '2000';
      expect(ask(box, paneId, '#{history_limit}')).toBe(String(limit));
      for (const [name, value] of Object.entries(pane.options))
        expect(option(paneId, name, '-p')).toBe(value);
      const { environment: env, title: _title, options: _options, historyLimit: _limit, ...rest } = pane;
      expect(parsePaneRecord(option(paneId, '@cw_pane', '-p'))).toEqual({
        ...rest,
        env,
        started: null,
        typed: null,
      });
    }
  }
}

test('panes get the folder, the environment and the command, and each shell outlives its command', async () => {
  const box = sandbox();
  start(box);
  const folder = join(box.home, 'a #(touch pwned) b');
  mkdirSync(folder);
  const shells = ['bash', 'dash', 'zsh', 'fish'].flatMap(
    (name) => findProgram(name, process.env.PATH ?? '') ?? [],
  );
  // What makes a shell read our start file is the user's again by the time the command runs.
  const own = { ZDOTDIR: join(box.home, 'zsh'), ENV: join(box.home, '.env.sh') };
  const panes = shells.map((shell, at) => ({
    shell,
    cwd: folder,
    run: `printf '%s|' "$PWD" "$T_ALL" "$T_ONE" "$ZDOTDIR" "$ENV" > out${at}; printenv T_GONE >> out${at}; mv out${at} done${at}`,
    environment: { ...own, T_ONE: 'x;\n$y' },
  }));
  const blueprint = blueprintOf([{ panes }], {
    environment: [
      { name: 'T_ALL', value: 'all "of" them', hidden: false },
      { name: 'T_GONE', value: null, hidden: false },
    ],
  });
  box.tmux('set-environment', '-g', 'T_GONE', 'still here');
  const ids = await apply(box, plan(blueprint, factsFor('n1')), 'n1');
  for (const [at, shell] of shells.entries()) {
    const file = join(folder, `done${at}`);
    const text = await waitUntil(`the command has run in ${shell}`, () => readFileSync(file, 'utf8'));
    expect(text).toBe(`${folder}|all "of" them|x;\n$y|${own.ZDOTDIR}|${own.ENV}|`);
    const pane = ids.get(`pane:w1.p${at + 1}`)!;
    await waitUntil(`${shell} is back`, () => ask(box, pane, '#{pane_current_command}') === basename(shell));
  }
});

test('many panes in a small window, and a named layout of another size', async () => {
  const box = sandbox();
  start(box);
  const many = Array.from({ length: 12 }, () => ({ startCommand: 'sleep 100000' }));
  const blueprint = blueprintOf(
    [
      { layout: 'tiled', panes: many },
      { layout: 'even-horizontal', size: { width: 100, height: 9 }, panes: many.slice(0, 3) },
      { layout: 'even-vertical', size: { width: 80, height: 7 }, panes: many.slice(0, 4) },
    ],
    { size: { width: 20, height: 6 } },
  );
  const ids = await apply(box, plan(blueprint, factsFor('n1')), 'n1');
  expect(box.tmux('list-panes', '-t', ids.get('window:w1')!).trim().split('\n')).toHaveLength(12);
  expect(ask(box, ids.get('window:w2')!, '#{window_layout}')).toMatch(/,100x9,0,0\{3\dx9,.*,3\dx9,.*,3\dx9,/);
  expect(ask(box, ids.get('window:w3')!, '#{window_layout}')).toMatch(/,80x7,0,0\[80x1,/);
});

test('shared windows and session groups are taken over from where they live', async () => {
  const box = sandbox();
  start(box);
  const first = blueprintOf([{ name: 'shared', panes: [{ startCommand: 'sleep 100000' }] }], {
    group: 'team',
    id: 'first',
  });
  const one = await apply(box, plan(first, factsFor('n1')), 'n1');
  expect(ask(box, one.get('session')!, '#{session_group}')).toBe('team');
  const live = {
    id: one.get('session')!,
    name: first.session,
    workspace: 'first',
    group: 'team',
    windows: { w1: one.get('window:w1')! },
  };
  const linking = blueprintOf(
    [{ panes: [{ startCommand: 'sleep 100000' }] }, { link: { workspace: 'first', window: 'w1' }, index: 4 }],
    { id: 'second', session: 'claude-dev-second', activeWindow: 'w2' },
  );
  const two = await apply(box, plan(linking, factsFor('n2', { sessions: [live] })), 'n2');
  expect(
    box.tmux(
      'list-windows',
      '-t',
      two.get('session')!,
      '-F',
      '#{window_index} #{window_id} #{window_active}',
    ),
  ).toBe(`0 ${two.get('window:w1')} 0\n4 ${live.windows.w1} 1\n`);
  const joining = { ...first, id: 'third', session: 'claude-dev-third' };
  const three = await apply(box, plan(joining, factsFor('n3', { sessions: [live] })), 'n3');
  expect(ask(box, three.get('session')!, '#{session_group} #{session_name} #{window_id} #{@cw_id}')).toBe(
    `team claude-dev-third ${live.windows.w1} third`,
  );
});

test('a shell without a start file of ours has its command typed, before typing goes to all panes', async () => {
  const box = sandbox();
  start(box);
  const shell = box.file(
    'bin/myshell',
    '#!/bin/sh\nwhile read -r line; do echo "got <$line>"; done\n',
    0o755,
  );
  const typed = 'say; "hello"; #(x);';
  const blueprint = blueprintOf([
    { options: { 'synchronize-panes': 'on' }, panes: [{ shell, run: typed }, { startCommand: 'cat' }] },
  ]);
  const ids = await apply(box, plan(blueprint, factsFor('n1')), 'n1');
  await waitUntil('it was typed', () => box.screen(ids.get('pane:w1.p1')!).includes(`got <${typed}>`));
  expect(box.screen(ids.get('pane:w1.p2')!)).not.toContain('hello');
  expect(box.tmux('show-options', '-w', '-t', ids.get('window:w1')!)).toContain('synchronize-panes on');
});
