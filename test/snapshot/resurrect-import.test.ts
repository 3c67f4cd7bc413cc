import { existsSync, mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseLayout, printLayout } from '../../src/blueprint/layout.js';
import { verb } from '../../src/cli/commands/import.js';
import type { ImportReport } from '../../src/snapshot/resurrect-import.js';
import { isAlive } from '../../src/system/process.js';
import { recordOf } from '../../src/workspace/record.js';
import { Registry } from '../../src/workspace/registry.js';
import { blueprintOf } from '../blueprint/examples.js';
import { type Answer, runVerb } from '../cli/run-verb.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** A tmux server with sessions as a user has them, and what they look like. */
function userSessions(box: Sandbox): void {
  for (const folder of ['projects/shop', 'projects/my api/src', 'notes'])
    mkdirSync(join(box.home, folder), { recursive: true });
  const shop = join(box.home, 'projects/shop');
  const api = join(box.home, 'projects/my api');
  const sleep = ['sh', '-c', 'sleep 100000'];
  const size = ['-x', '120', '-y', '40'];
  box.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'shop', ...size, '-n', 'code', '-c', shop, ...sleep);
  box.tmux('set-option', '-g', 'base-index', '1');
  box.tmux('set-option', '-gw', 'pane-base-index', '1');
  box.tmux('split-window', '-h', '-l', '30', '-t', 'shop:0', '-c', shop, ...sleep);
  box.tmux('split-window', '-v', '-l', '7', '-t', 'shop:0', '-c', join(box.home, 'notes'), ...sleep);
  box.tmux('select-pane', '-t', 'shop:0.2', '-T', 'the editor');
  box.tmux('move-window', '-s', 'shop:0', '-t', 'shop:1');
  box.tmux('new-window', '-d', '-t', 'shop:4', '-n', 'logs', '-c', shop, ...sleep);
  box.tmux('split-window', '-d', '-t', 'shop:4', '-c', shop, ...sleep);
  box.tmux('resize-pane', '-Z', '-t', 'shop:4.2');
  box.tmux('select-window', '-t', 'shop:4');
  box.tmux('select-window', '-t', 'shop:1');
  box.tmux('new-session', '-d', '-s', 'my.api', ...size, '-n', 'all', '-c', join(api, 'src'), ...sleep);
  // An empty title is what shifts the columns.
  box.tmux('select-pane', '-t', 'my_api:1.1', '-T', '');
  box.tmux('new-session', '-d', '-s', 'twin', '-t', 'shop');
  box.tmux('select-window', '-t', 'twin:4');
}

/** Saves by hand what the script saves: tmux's lines, without empty fields, a folder's first blank escaped. */
function save(box: Sandbox, commands: Record<string, string> = {}): string {
  const list = (...words: string[]) =>
    box
      .tmux(...words)
      .trimEnd()
      .split('\n');
  const panes = list(
    'list-panes',
    '-a',
    '-F',
    'pane\t#{session_name}\t#{window_index}\t#{window_active}\t:#{window_flags}\t#{pane_index}\t#{pane_title}\t:#{pane_current_path}\t#{pane_active}\t#{pane_current_command}\t4711\t9',
  ).map((line) => {
    const fields = line.split('\t').filter((field) => field !== '');
    if (fields.length === 12) fields[7] = fields[7]!.replace(' ', '\\ ');
    const command = fields.length === 12 ? (commands[`${fields[1]}:${fields[2]}.${fields[5]}`] ?? '') : '';
    return [...fields.slice(0, 10), `:${command}`].join('\t');
  });
  const windows = list(
    'list-windows',
    '-a',
    '-F',
    'window\t#{session_name}\t#{window_index}\t:#{window_name}\t#{window_active}\t:#{window_flags}\t#{window_layout}\toff',
  );
  const own = (line: string) => line.split('\t')[1] !== 'twin';
  const lines = [
    'grouped_session\ttwin\tshop\t:1\t:4',
    ...panes.filter(own),
    ...windows.filter(own),
    'state\tshop\tmy_api',
  ];
  return box.file('.local/share/tmux/resurrect/tmux_resurrect_20260102T030405.txt', `${lines.join('\n')}\n`);
}

/** Windows with their layouts, and panes with their folders, titles and marks. */
function seen(box: Sandbox, session: string): string[] {
  const format = (text: string) =>
    box.tmux('list-panes', '-s', '-t', `=${session}:`, '-F', text).trimEnd().split('\n');
  const layouts = format('#{window_layout}').map((layout) => {
    const root = parseLayout(layout);
    return printLayout(root, [0, 1, 2, 3]);
  });
  return format(
    '#{window_index} #{window_name} #{window_active}#{window_last_flag}#{window_zoomed_flag} #{pane_index} #{pane_active} #{pane_title} #{pane_current_path}',
  ).map((line, at) => `${line} ${layouts[at]}`);
}

const run = (box: Sandbox, ...words: string[]): Promise<Answer> =>
  runVerb(verb, ['--from', 'resurrect', ...words], { env: box.env, cwd: box.home });
const reportOf = (answer: Answer) => answer.data as ImportReport;
const outcomes = (answer: Answer) => reportOf(answer).sessions.map(({ name, outcome }) => [name, outcome]);

it('what a server had is there again, beside it, and a second import doubles nothing', async () => {
  const box = sandbox();
  userSessions(box);
  save(box);
  const tried = await run(box, '--dry-run');
  expect(outcomes(tried)).toEqual([
    ['my_api', 'would open'],
    ['shop', 'would open'],
    ['twin', 'would open'],
  ]);
  const before = box.tmux('list-sessions', '-F', '#{session_name}');
  expect(before.split('\n')).toHaveLength(4);

  const first = await run(box);
  expect(outcomes(first).map(([, outcome]) => outcome)).toEqual(['opened', 'opened', 'opened']);
  for (const name of ['shop', 'my_api', 'twin'])
    expect(seen(box, `claude-dev-${name}`)).toEqual(seen(box, name));
  expect(reportOf(first)).toMatchObject({ savedAt: '2026-01-02 03:04:05', active: 'shop', last: 'my_api' });
  const path = (name: string) => reportOf(first).sessions.find((session) => session.name === name)?.path;
  expect([path('shop'), path('my_api')]).toEqual([
    realpathSync(join(box.home, 'projects/shop')),
    join(box.home, 'projects/my api/src'),
  ]);
  // The windows of a group are the same ones, not others like them.
  const ids = (name: string) => box.tmux('list-windows', '-t', `=${name}:`, '-F', '#{window_id}');
  expect(ids('claude-dev-twin')).toBe(ids('claude-dev-shop'));

  const all = box.tmux('list-panes', '-a', '-F', '#{pane_id}');
  const second = await run(box);
  expect(outcomes(second).map(([, outcome]) => outcome)).toEqual(['open', 'open', 'open']);
  expect(box.tmux('list-panes', '-a', '-F', '#{pane_id}')).toBe(all);
});

it('one that has changed since is left alone, renamed or not, and one that was closed comes back as itself', async () => {
  const box = sandbox();
  userSessions(box);
  save(box);
  const first = reportOf(await run(box));
  box.tmux('kill-session', '-t', '=claude-dev-my_api');
  box.tmux('rename-session', '-t', '=claude-dev-shop', 'claude-dev-store');
  box.tmux('kill-pane', '-t', '=claude-dev-store:4.2');
  const second = await run(box);
  expect(outcomes(second)).toEqual([
    ['my_api', 'opened'],
    ['store', 'kept'],
    ['twin', 'kept'],
  ]);
  expect(second.text).toContain('left alone');
  expect(reportOf(second).sessions.map(({ id }) => id)).toEqual(first.sessions.map(({ id }) => id));
});

it('a folder that is gone is said, and the pane is kept; on an empty server too', async () => {
  const box = sandbox();
  userSessions(box);
  save(box, { 'shop:1.2': 'vim notes.md' });
  const server = Number(box.tmux('display-message', '-p', '#{pid}'));
  box.tmux('kill-server');
  await waitUntil('the server is gone', () => !isAlive(server, null));
  rmSync(join(box.home, 'notes'), { recursive: true });
  const answer = await run(box, '.local/share/tmux/resurrect');
  const shop = reportOf(answer).sessions.find(({ name }) => name === 'shop')!;
  expect(shop.outcome).toBe('opened');
  expect(shop.panes.map(({ pane, outcome }) => [pane, outcome])).toHaveLength(5);
  expect(shop.panes.filter(({ notes }) => notes.some((note) => note.includes('is gone')))).toMatchObject([
    { pane: 'shop:1.3', folder: join(box.home, 'notes') },
  ]);
  expect(shop.panes.find(({ pane }) => pane === 'shop:1.2')?.command).toBe('vim notes.md');
  expect(answer.text).toContain('vim notes.md');
  expect(box.tmux('list-panes', '-s', '-t', '=claude-dev-shop:').trimEnd().split('\n')).toHaveLength(5);
  expect(box.tmux('list-sessions', '-F', '#{session_name}').trimEnd().split('\n')).toEqual([
    'claude-dev-my_api',
    'claude-dev-shop',
    'claude-dev-twin',
  ]);
});

it('what panes showed is there again, an allowed command starts, and another is typed and waits for Enter', async () => {
  const box = sandbox();
  symlinkSync(box.home, join(box.folder, 'link'));
  const line = `pane\tmain\t0\t1\t:*\t0\ttitle\t:${box.folder}/link\t1\ttouch\t:touch ran; echo $((40 + 2))\n`;
  const other = `pane\tmain\t1\t1\t:*\t0\ttitle\t:${box.home}\t1\ttail\t:tail -f log\n`;
  box.file('log', 'from the log\n');
  const file = box.file('saves/save.txt', line + other);
  box.file('pack/pane_contents/pane-main:0.0', 'what was here before\n');
  await box.run('tar', ['czf', 'saves/pane_contents.tar.gz', '-C', 'pack', './pane_contents/']);
  const answer = await run(box, file);
  expect(reportOf(answer).sessions[0]?.path).toBe(box.home);
  expect(answer.text).toContain('touch ran; echo $((40 + 2)): typed, waits for Enter');
  expect(answer.text).toContain('tail -f log: started');
  await waitUntil('the allowed one runs', () => box.screen('=claude-dev-main:1').includes('from the log'));
  const screen = () => box.screen('=claude-dev-main:0');
  await waitUntil('it is typed', () => screen().includes('touch ran; echo $((40 + 2))'));
  expect(screen()).toContain('what was here before');
  expect(existsSync(join(box.home, 'ran'))).toBe(false);
  box.tmux('send-keys', '-t', '=claude-dev-main:0', 'Enter');
  await waitUntil('it ran', () => screen().includes('\n42'));
  expect(existsSync(join(box.home, 'ran'))).toBe(true);
});

it('a session of its name that cw did not make is left alone', async () => {
  const box = sandbox();
  const line = `pane\tclaude-dev-shop\t0\t1\t:*\t0\ttitle\t:${box.home}\t1\tbash\t:\n`;
  const file = box.file('save.txt', line + line.replace('claude-dev-shop', 'other'));
  box.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-shop', 'sleep', '100000');
  box.tmux('new-session', '-d', '-s', 'claude-dev-other', 'sleep', '100000');
  const answer = await run(box, file);
  expect(outcomes(answer)[0]).toEqual(['shop', 'kept']);
  // This one was never ours: it gets another name.
  expect(outcomes(answer)[1]).toEqual([expect.stringMatching(/^other-[0-9a-f]{4}$/), 'opened']);
  expect((await run(box, file)).text).toContain('open already');
});

it('a workspace that is known is that one, and one of its name alone is another', async () => {
  const box = sandbox();
  const line = (name: string) => `pane\t${name}\t0\t1\t:*\t0\ttitle\t:${box.home}\t1\tbash\t:\n`;
  const file = box.file('save.txt', line('claude-dev-shop') + line('api'));
  const registry = new Registry({ args: ['-S', box.socket], socketPath: box.socket }, box.env);
  for (const [name, id] of [
    ['shop', 'w0123456789ab'],
    ['api', 'wba9876543210'],
  ] as const) {
    const names = { id, name, session: `claude-dev-${name}`, path: box.folder, template: 'node' };
    registry.write({ ...recordOf({ ...blueprintOf([{}]), ...names }), closedAt: '2026-01-02T03:04:05.000Z' });
  }
  const { sessions } = reportOf(await run(box, file));
  expect(sessions[0]).toMatchObject({ name: 'shop', id: 'w0123456789ab', outcome: 'opened' });
  expect(registry.read('w0123456789ab')).toMatchObject({ template: 'node', closedAt: null });
  expect(sessions[1]).toMatchObject({ name: expect.stringMatching(/^api-[0-9a-f]{4}$/), outcome: 'opened' });
  expect(sessions[1]?.id).not.toBe('wba9876543210');
});

it('a line that says no kind, or one that is not known, is wrong usage', async () => {
  const box = sandbox();
  expect(await runVerb(verb, [], { env: box.env, cwd: box.home })).toMatchObject({ kind: 'usage' });
  const answer = await runVerb(verb, ['--from', 'screen'], { env: box.env, cwd: box.home });
  expect(answer).toMatchObject({ kind: 'usage', hint: expect.stringContaining('--from resurrect') });
  expect(await run(box)).toMatchObject({ kind: 'not-found' });
});
