import { expect, test } from 'vitest';
import { listPicture } from '../../src/cli/list-picture.js';
import { width } from '../../src/cli/output.js';
import type { ListEntry } from '../../src/workspace/list.js';
import { withDaemon } from '../support/daemon.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const now = Date.parse('2026-03-01T12:00:00.000Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

function entry(name: string, changes: Partial<ListEntry> = {}): ListEntry {
  return {
    name,
    session: `claude-dev-${name}`,
    state: 'open',
    path: `/home/a/${name}`,
    template: 'react',
    windows: 1,
    panes: 4,
    attached: false,
    createdAt: ago(9000),
    lastAttachedAt: ago(7200),
    branch: 'main',
    dirty: false,
    ahead: null,
    gitAt: ago(60),
    agents: [],
    savedAt: ago(40),
    memory: 1_395_864_371,
    memoryAt: ago(30),
    ...changes,
  };
}

const agent = (state: string, seconds: number, pane = '%2', detail: string | null = null) => ({
  pane,
  state,
  detail,
  since: ago(seconds),
  conversation: 'c',
});

const entries = [
  entry('shop', {
    attached: true,
    branch: 'feat/cart',
    dirty: true,
    ahead: 2,
    agents: [agent('idle', 5), agent('waiting', 240), agent('waiting', 100, '%3')],
    savedAt: ago(12),
    memory: 851_443_712,
  }),
  entry('api', { agents: [agent('working', 60), agent('working', 20)] }),
  entry('data', { agents: [agent('idle', 60)], branch: 'fix/load', dirty: true }),
  entry('web', { agents: null, savedAt: null, memory: null, memoryAt: null }),
  entry('blog', { state: 'closed', memory: null, memoryAt: null, savedAt: ago(172_800) }),
  entry('lost', { state: 'closed', memory: null, memoryAt: null, lastAttachedAt: null }),
];

const picture = (columns: number, all: readonly ListEntry[] = entries) =>
  listPicture(
    all,
    new Set(['lost']),
    { terminal: { interactive: true, columns, rows: 40, color: false } },
    now,
  );

test('who waits, what is not pushed, what was saved and is used; and who is to be answered next', () => {
  expect(picture(100)).toBe(
    [
      '   WORKSPACE  AGENTS        BRANCH         SAVED  SEEN  MEM',
      '●  shop       2 waiting 4m  feat/cart *+2  12 s   now   812 MB',
      '   api        2 working     main           40 s   2 h   1.3 GB',
      '   data       idle          fix/load *     40 s   2 h   1.3 GB',
      '   web        -             main           -      2 h   -',
      '○  blog       closed        main           2 d    2 h   -',
      '○  lost       ended         main           40 s   -     -',
      '4 open, 2 closed. Next to answer: shop, pane %2 (claude-switch --next)',
      '1 ended with tmux: cw restore --all',
    ].join('\n'),
  );
});

test.each([20, 30, 40, 50, 60, 80])(
  'at %i columns names are whole, and the others go before they are cut',
  (columns) => {
    const lines = picture(columns).split('\n').slice(0, -2);
    expect(lines.filter((line) => width(line) > columns)).toEqual([]);
    for (const { name } of entries)
      expect(lines.join('\n')).toMatch(new RegExp(`^[●○ ] {2}${name}( |$)`, 'm'));
    if (columns >= 60) expect(lines[1]).toMatch(/2 waiting 4m .*feat\/cart \*\+2 .*12 s .*now/);
  },
);

test('a name that is too long for the terminal is cut', () => {
  const lines = picture(40, [entry('x'.repeat(80)), entry('y')]).split('\n');
  expect(lines.filter((line) => width(line) > 40)).toEqual([]);
  expect(lines[1]).toMatch(/^ {3}x+…/);
});

test('memory that was read long ago is said to be', () => {
  expect(picture(100, [entry('shop', { memoryAt: ago(1200) })])).toMatch(
    /\nMEM is 20 min old; cw list --fresh/,
  );
});

test('what the daemon knows is in the list, and no more when it does not run', async () => {
  const world = sandbox();
  world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [null]}]\n');
  world.file('projects/api/.cw.yaml', 'windows: [{name: code, panes: [null]}]\n');
  for (const name of ['shop', 'api']) await world.cw(['up', '--detach', '--trust', `projects/${name}`]);
  const list = async (...words: string[]) =>
    JSON.parse((await world.cw(['list', '--json', ...words])).stdout);
  expect((await list()).map(({ agents, savedAt, memory }: ListEntry) => [agents, savedAt, memory])).toEqual([
    [null, null, null],
    [null, null, null],
  ]);
  const daemon = await withDaemon(world);
  await daemon.start();
  const known = await waitUntil('the daemon has told of both', async () => {
    const all: ListEntry[] = await list();
    return all.every(({ savedAt, memory }) => savedAt !== null && memory !== null) && all;
  });
  expect(known[0]).toMatchObject({
    agents: [],
    savedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    memory: expect.any(Number),
    memoryAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  await world.cw(['kill', 'api', '--yes', '--force']);
  await waitUntil('it has seen that one was closed', async () =>
    (await list()).some(
      ({ name, memory, agents }: ListEntry) => name === 'api' && memory === null && agents?.length === 0,
    ),
  );
  await daemon.kill();
  expect(await list()).toMatchObject([
    { name: 'shop', agents: null, savedAt: null, memory: null },
    { name: 'api', state: 'closed', agents: [], savedAt: expect.any(String) },
  ]);
  // Read anew, all is known without a daemon.
  expect(await list('--fresh')).toMatchObject([
    { name: 'shop', agents: [], savedAt: expect.any(String), memory: expect.any(Number) },
    { name: 'api', savedAt: expect.any(String), memory: null },
  ]);
});
