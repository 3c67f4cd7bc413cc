import { expect, it } from 'vitest';
import type { ServerFacts } from '../../src/blueprint/facts.js';
import type { Blueprint, Pane } from '../../src/blueprint/model.js';
import { plan } from '../../src/blueprint/plan.js';
import { delays, Stagger } from '../../src/snapshot/restore-conversations.js';
import { isOnLine } from '../../src/snapshot/typed.js';
import type { ConversationStart } from '../../src/workspace/conversations.js';

const pane = (key: string): Pane => ({
  key,
  role: null,
  title: '',
  cwd: '/',
  shell: null,
  run: 'claude',
  startCommand: null,
  environment: {},
  options: {},
  historyLimit: null,
  restart: 'never',
});

const blueprint: Blueprint = {
  id: 'w1',
  name: 'shop',
  session: 'claude-dev-shop',
  path: '/',
  template: null,
  size: { width: 80, height: 24 },
  options: {},
  environment: [],
  group: null,
  hooks: {},
  activeWindow: 'w',
  lastWindow: null,
  windows: [
    {
      key: 'w',
      index: 0,
      name: 'code',
      layout: 'tiled',
      size: { width: 80, height: 24 },
      zoomed: false,
      activePane: 'c',
      lastPane: null,
      options: {},
      panes: ['a', 'b', 'c'].map(pane),
      link: null,
    },
  ],
};

const facts: ServerFacts = {
  running: true,
  version: 303,
  baseIndex: 0,
  paneBaseIndex: 0,
  defaultShell: '/bin/bash',
  historyLimit: 2000,
  sessions: [],
  shellFolder: '/cw/shell',
  nonce: 'n',
  folderExists: () => true,
};

it('as many Claudes begin in a second as there are cores, over all workspaces, and the one in view first', () => {
  const stagger = new Stagger(2);
  const start = (conversation: string): ConversationStart => ({
    conversation,
    line: `claude ${conversation}`,
    cwd: '/',
    note: null,
  });
  const starts = new Map(['a', 'b', 'c'].map((key) => [key, start(key)]));
  const refused = new Map([...starts, ['b', { ...start('b'), line: null }]]);
  expect(Object.fromEntries(delays(blueprint, starts, stagger))).toEqual({ c: 0, a: 0, b: 1 });
  expect(Object.fromEntries(delays(blueprint, refused, stagger))).toEqual({ c: 1, a: 2 });
});

it('a pane waits by itself, before its shell; one that need not wait begins as ever', () => {
  const resume = new Map(
    [0, 3].map((delay, at) => [
      ['a', 'b'][at]!,
      { run: 'claude', typed: null, textFile: null, historyFile: null, delay, endingFile: '/e' },
    ]),
  );
  const { create } = plan(blueprint, { ...facts, resume });
  const words = create
    .map(({ command }) => command.map(String))
    .filter((each) => each.includes('CW_RUN=claude'));
  expect(words.map((each) => each.slice(each.indexOf('--') + 1))).toEqual([
    ['/bin/bash', '--rcfile', '/cw/shell/cw.bash', '-i'],
    ['/bin/sh', '/cw/shell/cw-start', '', '', '3', '', '/bin/bash', '--rcfile', '/cw/shell/cw.bash', '-i'],
    ['/bin/bash', '--rcfile', '/cw/shell/cw.bash', '-i'],
  ]);
  expect(words.map((each) => each.includes('CW_ENDED=/e'))).toEqual([true, true, false]);
});

it.each([
  ['$ ./deploy.sh prod\n', true],
  ['~/shop (main)\n$ ./deploy.sh prod --now\n', true],
  ['$ ./deploy.sh prod\ndone\n$ \n', false],
  ['$ ./deploy.sh prod\n\n', false],
  ['', false],
])('a typed line waits where the cursor is: %j', (screen, expected) => {
  expect(isOnLine(screen, './deploy.sh prod ')).toBe(expected);
});

it('a window with an editor has its layout before anything is drawn in it', () => {
  const resume = new Map([
    [
      'b',
      {
        run: 'nvim -S x',
        typed: null,
        textFile: null,
        historyFile: null,
        editorEnv: { NVIM_LISTEN_ADDRESS: '/s' },
      },
    ],
  ]);
  const layout = 'even-vertical';
  const [window] = blueprint.windows;
  const laid = { ...blueprint, windows: [{ ...window!, layout }] };
  const create = (given: ServerFacts) =>
    plan(laid, given).create.flatMap(({ command }) => (command.at(-1) === layout ? [command[0]] : []));
  expect(create({ ...facts, resume })).toEqual(['select-layout']);
  expect(create(facts)).toEqual([]);
});
