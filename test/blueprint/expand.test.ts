import { describe, expect, test } from 'vitest';
import { expand, fillHooks } from '../../src/blueprint/expand.js';
import { quoteWord } from '../../src/blueprint/fill.js';
import { parseLayout } from '../../src/blueprint/layout.js';
import { Blueprint, type Pane } from '../../src/blueprint/model.js';
import type { Template, TemplatePane } from '../../src/blueprint/template.js';
import { hostileTexts } from '../support/arbitraries.js';
import { projectFacts } from './examples.js';

type Facts = Parameters<typeof projectFacts>[0];

function opened(template: Template, facts: Facts = {}) {
  const { blueprint, notes } = expand(template, projectFacts(facts));
  expect(() => Blueprint.parse(blueprint)).not.toThrow();
  return { blueprint, notes, windows: blueprint.windows };
}

function paneOf(
  pane: TemplatePane | string | null,
  facts: Facts = {},
  rest: Template = {},
): Pane & { notes: readonly string[] } {
  const { windows, notes } = opened({ ...rest, windows: [{ name: 'code', panes: [pane] }] }, facts);
  return { ...windows[0]!.panes[0]!, notes };
}

describe('a template', () => {
  test('becomes a blueprint: keys, indexes, the size and the environment', () => {
    const { blueprint, notes } = opened(
      {
        options: { mouse: true, 'status-left': '${project}' },
        history_limit: 9000,
        windows: [
          { name: 'code', panes: [{ role: 'claude', run: 'claude' }, '${editor} .', null, { role: 'git' }] },
          { name: 'notes on ${project}', focus: true },
        ],
      },
      { environment: [{ name: 'A', value: '${project}' }] },
    );
    expect(blueprint).toMatchObject({
      id: 'abc123',
      name: 'shop',
      session: 'claude-dev-shop',
      path: '/home/dev/shop',
      template: null,
      size: { width: 120, height: 40 },
      options: { mouse: 'on', 'status-left': 'shop', 'history-limit': '9000' },
      environment: [{ name: 'A', value: '${project}', hidden: false }],
      activeWindow: 'w2',
      windows: [
        {
          key: 'w1',
          index: 0,
          name: 'code',
          layout: 'tiled',
          activePane: 'w1.p1',
          options: { 'automatic-rename': 'off' },
        },
        {
          key: 'w2',
          index: 1,
          name: 'notes on shop',
          layout: 'even-horizontal',
          panes: [{ key: 'w2.p1', run: null }],
        },
      ],
    });
    expect(blueprint.windows[0]!.panes.map(({ key, title, run }) => [key, title, run])).toEqual([
      ['w1.p1', 'claude', 'claude'],
      ['w1.p2', '', 'nvim .'],
      ['w1.p3', '', null],
      ['w1.p4', 'git', null],
    ]);
    expect(notes).toEqual([]);
  });

  test('without windows is one with a shell', () => {
    expect(opened({}).windows).toMatchObject([
      { name: 'main', panes: [{ run: null, cwd: '/home/dev/shop' }] },
    ]);
  });

  test('its focus, synchronize, restart, options and environment of panes come along', () => {
    const { windows } = opened({
      windows: [
        {
          name: 'w',
          synchronize: true,
          options: { 'automatic-rename': true, 'monitor-silence': 30 },
          panes: [
            null,
            { focus: true, restart: 'always', env: { PORT: 3000, ROOT: '${root}:${X}', IN: '${folder}' } },
          ],
        },
      ],
    });
    expect(windows[0]).toMatchObject({
      activePane: 'w1.p2',
      options: { 'automatic-rename': 'on', 'monitor-silence': '30', 'synchronize-panes': 'on' },
      panes: [
        { restart: 'never' },
        {
          restart: 'always',
          environment: { PORT: '3000', ROOT: '/home/dev/shop:${X}', IN: '/home/dev/shop' },
        },
      ],
    });
  });

  test('options of our own cannot be set', () => {
    expect(() => opened({ options: { '@cw_id': 'x' } })).toThrow(/@cw_id of the options cannot be set/);
  });

  test('hooks are filled; those of the opening are not in the blueprint', () => {
    const template: Template = {
      hooks: { before_create: 'make ${project}', on_attach: 'echo ${root} $HOME' },
    };
    expect(opened(template).blueprint.hooks).toEqual({ on_attach: 'echo /home/dev/shop $HOME' });
    expect(fillHooks(template, projectFacts()).before_create).toBe('make shop');
  });
});

describe('variables', () => {
  const template: Template = {
    vars: { port: 3000, test: 'npm test' },
    windows: [{ name: 'w', panes: ['echo ${test} ${port}'] }],
  };

  test('have the value of --set before their own, and may be several words', () => {
    expect(opened(template).windows[0]!.panes[0]!.run).toBe('echo npm test 3000');
    const set = { test: 'make -j4 test' };
    expect(opened(template, { overrides: set }).windows[0]!.panes[0]!.run).toBe('echo make -j4 test 3000');
  });

  test('that the template does not have cannot be set', () => {
    expect(() => opened(template, { overrides: { prot: '1' } })).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringContaining('"prot"'),
        hint: expect.stringMatching(/"port"\? It has: port, test/),
      }),
    );
    expect(() => opened({}, { overrides: { x: '1' } })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('none at all') }),
    );
  });

  test('an unknown hole is an error but in commands', () => {
    expect(() => opened({ windows: [{ name: '${projct}' }] })).toThrow(
      /\$\{projct\} in the name of a window/,
    );
    expect(() => paneOf({ title: '${nothing}' })).toThrow(/the title of a pane of window "code"/);
    expect(() => paneOf({ root: '${folder}' })).toThrow(/Nothing is known for \$\{folder\}/);
    expect(paneOf('echo ${nothing}').run).toBe('echo ${nothing}');
  });

  test.each(hostileTexts)('a project called %j stays one word of a command, and whole elsewhere', (name) => {
    const { windows } = opened(
      { windows: [{ name: '${project}', panes: [{ run: 'echo ${project}', title: '${project}' }] }] },
      { name: name || 'x' },
    );
    expect(windows[0]).toMatchObject({ name: name || 'x', panes: [{ title: name || 'x' }] });
    expect(windows[0]!.panes[0]!.run).toBe(`echo ${quoteWord(name || 'x')}`);
  });
});

describe('a command', () => {
  test.each<[string, string | TemplatePane['run'], Facts, string | null]>([
    ['the first that can work', ['cargo watch', 'claude', 'git'], {}, 'claude'],
    ['none can', ['cargo watch', 'go test'], {}, null],
    ['assignments before it', 'A=b C="d e" cargo x', {}, null],
    ['assignments before one that exists', 'A=b C="d e" git x', {}, 'A=b C="d e" git x'],
    ['a word of the shell', 'cd src && cargo x', {}, 'cd src && cargo x'],
    ['a compound command', 'if true; then cargo x; fi', {}, 'if true; then cargo x; fi'],
    ['a subshell', '(cargo x)', {}, '(cargo x)'],
    ['a variable of the shell', '$EDITOR .', {}, '$EDITOR .'],
    ['a quoted program', `'cargo' x`, {}, null],
    ['a program with a path', './gradlew run', {}, null],
    ['one that exists', './gradlew run', { programs: ['/home/dev/shop/./gradlew'] }, './gradlew run'],
    ['an editor with words', '${editor} x', { editor: 'git -p' }, 'git -p x'],
    ['an editor that is not there', '${editor} x', { editor: 'emacs -nw' }, null],
    ['a script', 'npm run dev', { scripts: { dev: 'vite' } }, 'npm run dev'],
    ['no such script', 'npm run dev', { scripts: { start: 'x' } }, null],
    ['no such script, for toString', 'npm run toString', {}, null],
    ['npm test', 'npm test', {}, null],
    ['npm install', 'npm install', {}, 'npm install'],
    ['npm with a folder', 'npm --prefix web run dev', {}, 'npm --prefix web run dev'],
    ['pnpm with a folder', 'pnpm --dir web dev', { programs: ['pnpm'] }, 'pnpm --dir web dev'],
    ['npm run with options', 'npm run -s dev', { scripts: { dev: 'x' } }, 'npm run -s dev'],
    [
      'the package manager',
      '${package_manager} run dev',
      { packageManager: 'pnpm', programs: ['pnpm'], scripts: { dev: 'x' } },
      'pnpm run dev',
    ],
    ['pnpm X', 'pnpm dev', { programs: ['pnpm'] }, null],
    ['pnpm X with it', 'pnpm dev', { programs: ['pnpm'], scripts: { dev: 'x' } }, 'pnpm dev'],
    ['pnpm exec', 'pnpm exec vite', { programs: ['pnpm'] }, 'pnpm exec vite'],
    ['yarn X', 'yarn dev', { programs: ['yarn'] }, null],
    ['yarn alone', 'yarn', { programs: ['yarn'] }, 'yarn'],
    ['bun run X', 'bun run dev', { programs: ['bun'] }, null],
    ['bun run FILE', 'bun run index.ts', { programs: ['bun'], files: ['index.ts'] }, 'bun run index.ts'],
    ['a file that it needs', [{ run: 'git x', file: ['a', 'b'] }], { files: ['a'] }, null],
    ['files that are there', [{ run: 'git x', file: ['a', 'b'] }], { files: ['a', 'b'] }, 'git x'],
    ['one more program', [{ run: 'git x', program: 'git-x' }, 'git y'], {}, 'git y'],
  ])('%s', (_, run, facts, expected) => {
    const pane = paneOf({ run: run! }, facts);
    expect(pane.run).toBe(expected);
    expect(pane.notes).toHaveLength(expected === null ? 1 : 0);
  });

  test('that cannot work is told in one short line, however much it lacks', () => {
    const run = ['a', 'b', './node_modules/.bin/c', 'd', 'npm run e'];
    expect(paneOf({ run }).notes[0]).toBe(
      'A plain shell in a pane of window "code": no a, no b, no c, 2 more.',
    );
  });

  test('that cannot work is told with its reason', () => {
    expect(paneOf({ run: ['npm run dev', 'cargo x'] }).notes[0]).toBe(
      'A plain shell in a pane of window "code": no script "dev", no cargo.',
    );
  });

  test('a missing claude leaves a hint in the pane', () => {
    const pane = paneOf({ role: 'claude', run: 'claude' }, { programs: [] });
    expect(pane.run).toMatch(/^printf .*npm install -g @anthropic-ai\/claude-code/);
    expect(pane.notes).toEqual([]);
    expect(paneOf({ role: 'claude', run: 'npm run x' }).run).toBe(null);
  });
});

describe('a folder', () => {
  const worktrees = [
    { name: 'api', path: '/home/dev/shop/.worktrees/api' },
    { name: 'cart', path: '/home/dev/shop/.worktrees/cart' },
  ];
  const inCart = '/home/dev/shop/.worktrees/cart/src';

  test.each<[string, TemplatePane, Facts, string, number]>([
    ['one that exists', { root: 'src' }, { folders: ['/home/dev/shop/src'] }, '/home/dev/shop/src', 0],
    [
      'the first that exists',
      { root: ['a', './src/', 'b'] },
      { folders: ['/home/dev/shop/src'] },
      '/home/dev/shop/src',
      0,
    ],
    ['none exists', { root: ['a', 'b'] }, {}, '/home/dev/shop', 1],
    ['below home', { root: '~/x' }, { folders: ['/home/dev/x'] }, '/home/dev/x', 0],
    ['absolute', { root: '/srv/x' }, { folders: ['/srv/x'] }, '/srv/x', 0],
    ['a worktree by number', { worktree: 2 }, { worktrees }, worktrees[1]!.path, 0],
    ['a number too high', { worktree: 3 }, { worktrees }, '/home/dev/shop', 0],
    ['a worktree by name', { worktree: 'api' }, { worktrees }, worktrees[0]!.path, 0],
    ['an unknown worktree', { worktree: 'x' }, { worktrees }, '/home/dev/shop', 1],
    [
      'a folder in a worktree',
      { worktree: 'cart', root: 'src' },
      { worktrees, folders: [inCart] },
      inCart,
      0,
    ],
    [
      'one that only the project has',
      { worktree: 'cart', root: 'src' },
      { worktrees, folders: ['/home/dev/shop/src'] },
      worktrees[1]!.path,
      1,
    ],
  ])('%s', (_, pane, facts, cwd, notes) => {
    const found = paneOf(pane, {
      ...facts,
      folders: [...(facts?.folders ?? []), ...worktrees.map(({ path }) => path)],
    });
    expect(found.cwd).toBe(cwd);
    expect(found.notes).toHaveLength(notes);
  });

  test('is relative to that of the window', () => {
    const window = { name: 'w', root: 'web', panes: [null, { root: 'src' }, { root: 'none' }] };
    const { windows, notes } = opened(
      { windows: [window] },
      { folders: ['/home/dev/shop/web', '/home/dev/shop/web/src'] },
    );
    expect(windows[0]!.panes.map((pane) => pane.cwd)).toEqual([
      '/home/dev/shop/web',
      '/home/dev/shop/web/src',
      '/home/dev/shop/web',
    ]);
    expect(notes).toEqual([
      'There is no folder none for a pane of window "w": it starts in /home/dev/shop/web.',
    ]);
  });

  test('a shell is found on the PATH', () => {
    expect(paneOf({ shell: 'zsh' }, { programs: ['zsh'] }).shell).toBe('/usr/bin/zsh');
    expect(paneOf({ shell: 'zsh' })).toMatchObject({ shell: null, notes: [expect.stringContaining('zsh')] });
  });
});

describe('windows', () => {
  const template: Template = {
    windows: [
      { name: 'code', panes: ['cargo x'] },
      { name: 'dev', panes: ['npm run dev', 'cargo watch'] },
      { name: 'mixed', panes: ['cargo watch', null] },
      { name: 'logs', manual: true, panes: ['git log'] },
    ],
  };

  test('in which nothing can work are left out, but the first', () => {
    const { windows, notes } = opened(template);
    expect(windows.map(({ name, index, key }) => [name, index, key])).toEqual([
      ['code', 0, 'w1'],
      ['mixed', 1, 'w3'],
    ]);
    expect(notes).toHaveLength(3);
    expect(notes[1]).toBe('Window "dev" left out: no script "dev", no cargo.');
  });

  test('asked for are opened and no others, manual ones too', () => {
    expect(opened(template, { windows: ['logs', 'dev'] }).windows.map(({ name }) => name)).toEqual([
      'dev',
      'logs',
    ]);
  });

  test('that are not there cannot be asked for', () => {
    expect(() => opened(template, { windows: ['log'] })).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringContaining('"log"'),
        hint: expect.stringContaining('"logs"?'),
      }),
    );
    expect(() => opened({ windows: [{ name: 'x', manual: true }] })).toThrow(
      /All windows of the template are manual/,
    );
  });
});

describe('layouts', () => {
  const panes = (count: number): TemplatePane[] => Array.from({ length: count }, () => ({}));
  const window = (layout: NonNullable<Template['windows']>[number]['layout'], of: TemplatePane[]) =>
    opened({ windows: [{ name: 'w', layout, panes: of }] });

  test.each([
    [1, 'even-horizontal'],
    [2, 'even-horizontal'],
    [3, 'tiled'],
  ])('%i panes without one are %s', (count, name) => {
    expect(opened({ windows: [{ name: 'w', panes: panes(count) }] }).windows[0]!.layout).toBe(name);
  });

  test('a name stays a name, and sizes of panes make it cells', () => {
    expect(window('main-vertical', panes(3)).windows[0]!.layout).toBe('main-vertical');
    const sized = (layout: string, sizes: (number | string | undefined)[]) =>
      window(
        layout,
        sizes.map((size) => (size === undefined ? {} : { size })),
      ).windows[0]!.layout.slice(5);
    expect(sized('even-horizontal', [30, undefined])).toBe('120x40,0,0{30x40,0,0,0,89x40,31,0,1}');
    expect(sized('even-vertical', ['50%', undefined])).toBe('120x40,0,0[120x20,0,0,0,120x19,0,21,1]');
    expect(sized('main-vertical', [80, 9, undefined])).toBe(
      '120x40,0,0{80x40,0,0,0,39x40,81,0[39x9,81,0,1,39x30,81,10,2]}',
    );
    expect(sized('main-horizontal-mirrored', [30, 60, undefined])).toBe(
      '120x40,0,0[120x9,0,0{60x9,0,0,0,59x9,61,0,1},120x30,0,10,2]',
    );
    expect(window('tiled', [{ size: 3 }, {}, {}]).notes).toEqual([expect.stringContaining('have no effect')]);
  });

  test('a string is made for this size', () => {
    const { layout } = window('b8e4,60x20,0,0{30x20,0,0,0,29x20,31,0,1}', panes(2)).windows[0]!;
    expect(parseLayout(layout)).toMatchObject({
      width: 120,
      height: 40,
      children: [{ width: 61 }, { width: 58 }],
    });
  });

  test('cells decide the order of panes, keys and focus stay with the panes', () => {
    const found = window({ columns: [2, { rows: [3, 1] }] }, [
      { title: 'a', focus: true },
      { title: 'b' },
      { title: 'c' },
    ]).windows[0]!;
    expect(found.panes.map(({ key, title }) => [key, title])).toEqual([
      ['w1.p2', 'b'],
      ['w1.p3', 'c'],
      ['w1.p1', 'a'],
    ]);
    expect(found.activePane).toBe('w1.p1');
  });

  test.each<[NonNullable<Template['windows']>[number]['layout'], number, RegExp]>([
    ['tild', 2, /window "w": "tild" is none of tmux's layouts/],
    ['ffff,60x20,0,0,1', 1, /window "w": .* its checksum should be/],
    ['b8e4,60x20,0,0{30x20,0,0,0,29x20,31,0,1}', 3, /It has 2 cells, but the window has 3 panes/],
    [{ rows: [1] }, 2, /window "w": The layout has no cell for pane 2/],
    ['even-vertical', 21, /window "w": .*21 panes do not fit into 120x40/],
    ['tiled', 2000, /do not fit/],
  ])('%j for %i panes is refused', (layout, count, why) => {
    expect(() => window(layout, panes(count))).toThrow(why);
    expect(() => window(layout, panes(count))).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});

describe('what a window and a pane can say besides', () => {
  test('windows have the index that they ask for, and the others the next free one', () => {
    const { windows, blueprint } = opened({
      windows: [
        { name: 'a', index: 5 },
        { name: 'b', index: 0 },
        { name: 'c' },
        { name: 'd', index: 1 },
        { name: 'e' },
      ],
    });
    expect(windows.map(({ name, index }) => [name, index])).toEqual([
      ['b', 0],
      ['d', 1],
      ['c', 2],
      ['e', 3],
      ['a', 5],
    ]);
    expect(blueprint.activeWindow).toBe('w2');
    const focused = opened({
      windows: [
        { name: 'a', index: 1, focus: true },
        { name: 'b', index: 0 },
      ],
    });
    expect(focused.blueprint.activeWindow).toBe('w1');
    expect(() =>
      opened({
        windows: [
          { name: 'a', index: 2 },
          { name: 'b', index: 2 },
        ],
      }),
    ).toThrow('The windows "a" and "b" have the same index, 2.');
  });

  test('the root of the template is where the folders of windows begin', () => {
    const there = ['/home/dev/other', '/home/dev/other/src'];
    const template: Template = {
      root: '~/other',
      windows: [{ name: 'w', root: 'src', panes: ['ls'] }, { name: 'v' }],
    };
    const folderExists = (path: string) => there.includes(path);
    const made = opened(template, { folderExists });
    expect(made.windows.map(({ panes }) => panes[0]!.cwd)).toEqual([there[1], there[0]]);
    expect(made.blueprint.path).toBe('/home/dev/shop');
    const gone = opened({ ...template, windows: [{ name: 'v' }] }, { folderExists: () => false });
    expect(gone.windows[0]!.panes[0]!.cwd).toBe('/home/dev/shop');
    expect(gone.notes).toEqual([
      'There is no folder /home/dev/other, the root of the template: windows start in /home/dev/shop.',
    ]);
  });

  test('commands are run unseen when the template says so', () => {
    const pane = { run: 'an-alias-of-mine --now' };
    expect(paneOf(pane).run).toBeNull();
    expect(paneOf(pane, {}, { check_commands: false })).toMatchObject({ run: pane.run, notes: [] });
  });

  test('a start command, options of a pane, zoom', () => {
    const { windows } = opened({
      windows: [
        { name: 'w', zoom: true, panes: [{ start_command: 'top -d ${n}', options: { '@a': true } }, null] },
        { name: 'v', zoom: true },
      ],
      vars: { n: 5 },
    });
    expect(windows[0]).toMatchObject({
      zoomed: true,
      panes: [{ startCommand: 'top -d 5', options: { '@a': 'on' } }, {}],
    });
    expect(windows[1]!.zoomed).toBe(false);
  });

  test('a line that is typed is told by the key of its pane, and stands beside no command', () => {
    const line = (pane: TemplatePane) =>
      expand({ windows: [{ name: 'w', panes: [null, pane] }] }, projectFacts({}));
    expect([...line({ typed: 'rm -r ${project}' }).typed]).toEqual([['w1.p2', 'rm -r shop']]);
    expect(() => line({ typed: 'a', run: 'b' })).toThrow('stands beside');
    expect(() => line({ typed: 'a\nb' })).toThrow('cannot be typed');
    expect(() => line({ typed: 'a', start_command: 'b' })).toThrow('cannot be typed');
  });
});
