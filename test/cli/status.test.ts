import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verb } from '../../src/cli/commands/status.js';
import { width } from '../../src/cli/output.js';
import { type About, statusPicture } from '../../src/cli/status-picture.js';
import {
  agentSeen,
  ago,
  now,
  paneSeen,
  surveyOf,
  treeState,
  workspaceSeen,
  worktree,
} from '../health/facts.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { runVerb } from './run-verb.js';

const code = { id: '@1', key: 'code', name: 'code' };
const session = workspaceSeen().session!;

/** Four panes: two agents, an editor, git; and a window of one pane. */
const shop = workspaceSeen({
  session: {
    ...session,
    windows: [
      {
        id: '@1',
        index: 1,
        name: 'code',
        layout:
          '9b8d,200x50,0,0{90x50,0,0[90x25,0,0,1,90x24,0,26,2],109x50,91,0[109x34,91,0,3,109x15,91,35,4]}',
        active: true,
        zoomed: false,
      },
      { id: '@2', index: 2, name: 'dev', layout: 'aca2,200x50,0,0,5', active: false, zoomed: false },
    ],
  },
  panes: [
    paneSeen({ id: '%1', place: '1.1', window: code, path: '/home/a/shop/.worktrees/cart' }),
    paneSeen({ id: '%2', place: '1.2', window: code, title: '✳ Prices with tax' }),
    paneSeen({
      id: '%3',
      place: '1.3',
      window: code,
      run: 'nvim .',
      program: { kind: 'declared', stopped: [] },
      path: '/home/a/shop/src',
    }),
    paneSeen({ id: '%4', place: '1.4', window: code, role: 'git' }),
    paneSeen({
      id: '%5',
      place: '2.1',
      window: { id: '@2', key: 'dev', name: 'dev' },
      run: 'npm run dev',
      dead: true,
      deadStatus: 7,
    }),
  ],
  agents: [
    agentSeen({ pane: '%1', state: 'waiting', detail: 'permission', since: ago({ minutes: 4 }) }),
    agentSeen({ pane: '%2', state: 'working', since: ago({ seconds: 20 }) }),
  ],
  git: {
    kind: 'repository',
    trees: [treeState({ status: { ahead: 2, changed: 3 } }), worktree()],
  },
});

const about: About = {
  workspace: shop,
  survey: surveyOf([shop]),
  pinned: true,
  saved: { count: 41, newest: null },
  findings: [
    {
      id: 'git.changed',
      level: 'warning',
      subject: 'git main',
      message: '3 files changed',
      fix: null,
      workspace: 'shop',
    },
    {
      id: 'panes.dead',
      level: 'error',
      subject: 'shop',
      message: '2.1 is dead',
      fix: null,
      workspace: 'shop',
    },
  ],
};

const picture = (columns: number, changes: Partial<About> = {}) =>
  statusPicture(
    { ...about, ...changes },
    { terminal: { interactive: true, columns, rows: 40, color: false }, env: { HOME: '/home/a' } },
  );

describe('the picture of a workspace', () => {
  it('shows its windows as they lie, what runs in them, and what is wrong, worst first', () => {
    expect(now).toBe(about.survey.at);
    expect(picture(76)).toBe(
      [
        'shop  generic  ~/shop                             open 3 d, attached, pinned',
        '┌ 1 code * ───────────────────────┬────────────────────────────────────────┐',
        '│ 1 claude  waiting 4m  feat/cart │ 3 nvim .  src                          │',
        '│   for a permission              │                                        │',
        '├─────────────────────────────────┤                                        │',
        '│ 2 claude  working 20s  main     ├────────────────────────────────────────┤',
        '│   Prices with tax               │ 4 git  2 ahead, 3 changed              │',
        '└─────────────────────────────────┴────────────────────────────────────────┘',
        '  2 dev   npm run dev  exited 7',
        'git        main 2 ahead, 3 changed',
        'worktrees  .worktrees/cart feat/cart clean',
        'saved      never',
        'uses       19 MB, 1.0% CPU, 2 processes',
        '✗ 2.1 is dead',
        '! git main: 3 files changed',
      ].join('\n'),
    );
  });

  it.each([40, 60, 100, 200])('no line is longer than a terminal of %i columns', (columns) => {
    const lines = picture(columns).split('\n');
    expect(lines.filter((line) => width(line) > columns)).toEqual([]);
    if (columns >= 60) expect(lines.join('\n')).toContain('waiting 4m');
  });

  it('says what is not known, and how a closed one is opened', () => {
    const unknown = picture(76, {
      workspace: {
        ...shop,
        git: { kind: 'unknown', reason: 'git did not answer in 5 s' },
        use: { count: 0, memoryBytes: null, cpuPercent: null },
        snapshotUnknown: 'it is of a newer cw',
      },
      survey: { ...about.survey, agentsUnknown: 'the processes could not be read' },
    });
    expect(unknown).toContain('git        unknown: git did not answer in 5 s');
    expect(unknown).toContain('saved      unknown: it is of a newer cw');
    expect(unknown).toContain('memory unknown, CPU unknown');
    expect(unknown).toContain('agents     unknown: the processes could not be read');
    const record = { ...shop.record!, closedAt: ago({ days: 2 }) };
    const closed = picture(76, { workspace: { ...shop, session: null, panes: [], record }, findings: [] });
    expect(closed).toMatch(/closed 2 d ago, pinned\n/);
    expect(closed).toMatch(/\nOpen it: claude-switch shop$/);
  });
});

describe('cw status', () => {
  it('tells of a real workspace, open and closed, by its name and by its folder', async () => {
    const world = sandbox();
    const path = join(world.home, 'projects/shop');
    mkdirSync(path, { recursive: true });
    await world.cw(['up', path, '--template', 'generic']);
    const pane = world
      .tmux(
        'new-window',
        '-d',
        '-n',
        'watch',
        '-P',
        '-F',
        '#{pane_id}',
        '-c',
        path,
        '-t',
        'claude-dev-shop:',
        'cat',
      )
      .trim();
    await waitUntil(
      'it runs',
      () => world.tmux('display', '-p', '-t', pane, '#{pane_current_command}') === 'cat\n',
    );
    await world.cw(['save']);
    const around = { env: world.env, cwd: path };
    const { data, text } = await runVerb(verb, [], around);
    const windows = (data as { windows: { layout: string; panes: { id: string; program: unknown }[] }[] })
      .windows;
    expect(data).toMatchObject({
      name: 'shop',
      state: 'open',
      path,
      template: 'generic',
      git: { kind: 'none' },
      saved: { reason: 'manual', snapshots: 1 },
      use: { memoryBytes: expect.any(Number), cpuPercent: expect.any(Number) },
    });
    expect(windows.at(-1)?.panes).toMatchObject([{ id: pane, program: { kind: 'group', words: ['cat'] } }]);
    expect(windows.map(({ layout }) => layout)).toEqual(
      world.tmux('list-windows', '-t', 'claude-dev-shop:', '-F', '#{window_layout}').trim().split('\n'),
    );
    expect(text).toMatch(/^ +\d watch +cat$/m);
    expect(text).toMatch(/^┌ \d code \* ─.*┬─+┐$/m);
    expect(text).toMatch(/^saved +\d+ s ago \(manual\), 1 snapshot, not rehearsed yet$/m);

    await world.cw(['kill', 'shop', '--yes', '--force']);
    const closed = await runVerb(verb, ['shop'], around);
    expect(closed.data).toMatchObject({ name: 'shop', state: 'closed', windows: [], findings: [] });
    expect(closed.text).toContain('as it was saved: cw restore shop');
    expect(await runVerb(verb, ['shp'], around)).toMatchObject({ kind: 'not-found' });
  });
});
