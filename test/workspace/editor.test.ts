import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isUntracked } from '../../src/project/exclude.js';
import { isAlive, processStart } from '../../src/system/process.js';
import { findProgram } from '../../src/system/programs.js';
import { serverAddress } from '../../src/tmux/address.js';
import { Registry } from '../../src/workspace/registry.js';
import { repository } from '../git/repo.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

async function crash(world: Sandbox): Promise<void> {
  const pid = Number(world.tmux('display-message', '-p', '#{pid}'));
  const start = processStart(pid);
  process.kill(pid, 'SIGKILL');
  await waitUntil('the tmux server is gone', () => !isAlive(pid, start));
}

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
};

function command(world: Sandbox, pane: string, text: string) {
  world.tmux('send-keys', '-t', pane, '-l', '--', `:${text}`);
  world.tmux('send-keys', '-t', pane, 'Enter');
}

/** What nvim says of itself: its windows with the file, line and column of each, and the buffers. */
async function picture(world: Sandbox, pane: string): Promise<unknown> {
  const file = join(world.folder, 'picture');
  rmSync(file, { force: true });
  const windows = "map(getwininfo(), {_, w -> [bufname(w.bufnr), line('.', w.winid), w.wincol, w.width]})";
  const buffers = "map(getbufinfo({'buflisted': 1}), {_, b -> fnamemodify(b.name, ':t')})";
  command(world, pane, `call writefile([json_encode([winnr(), ${windows}, ${buffers}])], '${file}')`);
  const text = await waitUntil('nvim answers', () => existsSync(file) && readFileSync(file, 'utf8'));
  return JSON.parse(text);
}

// Where no nvim is installed there is nothing real to ask.
describe.skipIf(findProgram('nvim') === null)('the nvim of a template', () => {
  it('comes back with its buffers, splits and cursors, as often as it must, and in a copy', async () => {
    const world = sandbox();
    for (const name of ['one.txt', 'two.txt', 'three.txt'])
      world.file(
        `projects/shop/${name}`,
        Array.from({ length: 60 }, (_, line) => `${name} line ${line + 1}`).join('\n'),
      );
    world.file(
      'projects/shop/.cw.yaml',
      'windows: [{name: code, panes: [nvim one.txt]}, {name: other, panes: [null, null]}]\n',
    );
    await cw(world, 'up', '--detach', '--trust', 'projects/shop');
    const pane = '=claude-dev-shop:code.0';
    await waitUntil('nvim shows its file', () => world.screen(pane).includes('one.txt line 1'));
    command(world, pane, 'badd three.txt');
    command(world, pane, 'vsplit two.txt');
    command(world, pane, 'call cursor(33, 3)');
    await waitUntil('the cursor is there', () => world.screen(pane).includes('two.txt line 33'));
    const before = await picture(world, pane);
    // What the user starts comes back as often, too.
    world.tmux('send-keys', '-t', '=claude-dev-shop:other.0', 'less one.txt', 'Enter');
    world.tmux('send-keys', '-t', '=claude-dev-shop:other.1', 'nvim three.txt', 'Enter');
    const others = () =>
      ['one.txt line 1', 'three.txt line 1'].every((text, at) =>
        world.screen(`=claude-dev-shop:other.${at}`).includes(text),
      );
    await waitUntil('the others run', others);
    await cw(world, 'save', 'shop');

    for (const time of ['once', 'again', 'a third time']) {
      await crash(world);
      const report = await cw(world, 'restore', 'shop');
      expect([time, report.panes[0].state, report.panes[0].line]).toEqual([
        time,
        'starts',
        expect.stringMatching(/^nvim -S .*\.vim$/),
      ]);
      await waitUntil('nvim shows its files', () => world.screen(pane).includes('two.txt line 33'));
      expect(await picture(world, pane)).toEqual(before);
      await waitUntil('the others run again', others);
      expect(report.panes.slice(1).map(({ state }: { state: string }) => state)).toEqual([
        'starts',
        'starts',
      ]);
      const [saved] = await cw(world, 'save', 'shop');
      expect(saved.failure).toBeNull();
    }

    // A copy goes on by itself. (Beside the original nvim would ask what to do with a file that is open twice.)
    await cw(world, 'kill', '--yes', 'shop');
    await cw(world, 'restore', 'shop', '--as', 'copy');
    const copied = '=claude-dev-copy:code.0';
    await waitUntil('the copy shows them too', () => world.screen(copied).includes('two.txt line 33'));
    command(world, copied, 'call cursor(50, 1)');
    await waitUntil('it moved', () => world.screen(copied).includes('two.txt line 50'));
    await cw(world, 'save', '--all');
    const registry = new Registry(serverAddress(world.env), world.env);
    const session = (name: string) => {
      const { id } = registry.readAll().records.find((record) => record.name === name)!;
      return readFileSync(registry.editorSession(id, 'w1.p1'), 'utf8');
    };
    expect(session('copy')).toContain('keepjumps 50');
    expect(session('shop')).toContain('keepjumps 33');
  });

  it('comes back as it was at the moment that is restored, and then as it was last', async () => {
    const world = sandbox();
    const lines = Array.from({ length: 60 }, (_, line) => `one line ${line + 1}`);
    world.file('projects/shop/one.txt', lines.join('\n'));
    world.file('projects/shop/two.txt', 'two line 1\n');
    world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [nvim one.txt, null]}]\n');
    await cw(world, 'up', '--detach', '--trust', 'projects/shop');
    const pane = '=claude-dev-shop:code.0';
    await waitUntil('nvim shows its file', () => world.screen(pane).includes('one line 1'));
    command(world, pane, 'call cursor(33, 3)');
    await waitUntil('the cursor is there', () => world.screen(pane).includes('one line 40'));
    const [first] = await cw(world, 'save', 'shop', '--note', 'at 33');
    // Without a change of the windows: such a save takes the place of the one before, unless that has a note.
    command(world, pane, 'split two.txt');
    await waitUntil('the other file is there', () => world.screen(pane).includes('two line 1'));
    await cw(world, 'save', 'shop');
    await cw(world, 'kill', '--yes', 'shop');
    // A prune keeps one a minute.
    await cw(world, 'snapshot', 'pin', 'shop', first.id);
    const last = await cw(world, 'snapshot', 'pin', 'shop');

    await cw(world, 'restore', 'shop', '--at', first.id);
    await waitUntil('it is back', () => world.screen(pane).includes('one line 33'));
    expect(world.screen(pane)).not.toContain('two line 1');
    await cw(world, 'kill', '--yes', 'shop');
    await cw(world, 'restore', 'shop', '--at', last.id);
    await waitUntil('the later one is back', () => world.screen(pane).includes('two line 1'));
    // What is collected keeps what a snapshot names.
    await cw(world, 'prune');
    await cw(world, 'kill', '--yes', 'shop');
    await cw(world, 'restore', 'shop', '--at', first.id);
    await waitUntil('it is back again', () => world.screen(pane).includes('one line 33'));
    expect(world.screen(pane)).not.toContain('two line 1');
  });

  it('starts when its window is laid out: nvim 0.7 misses a size that comes while it starts', async () => {
    const world = sandbox();
    const log = join(world.folder, 'sizes');
    world.file(
      '.config/nvim/init.vim',
      `autocmd VimEnter * call writefile([&columns . 'x' . &lines], '${log}', 'a')\n`,
    );
    world.file(
      'projects/shop/.cw.yaml',
      `windows:
  - name: code
    layout: {columns: [{rows: [1, 2], size: 45%}, {rows: [{pane: 3, size: 70%}, 4]}]}
    panes: [null, null, nvim one.txt, null]
  - {name: more, panes: [null, null, null, null, null, null]}
`,
    );
    await cw(world, 'up', '--detach', '--trust', 'projects/shop');
    const sizes = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
    const pane = '=claude-dev-shop:code.2';
    const right = () =>
      world.tmux('display-message', '-p', '-t', pane, '#{pane_width}x#{pane_height}').trim();
    await waitUntil('nvim is there', () => sizes().length === 1);
    await waitUntil('it shows its file', () => world.screen(pane).includes('one.txt'));
    await cw(world, 'save', 'shop');
    await crash(world);
    await cw(world, 'restore', 'shop');
    await waitUntil('nvim is there again', () => sizes().length === 2);
    expect(sizes()).toEqual([right(), right()]);
  });

  it('with a Session.vim uses it, unless that came with a repository that is not trusted', async () => {
    const world = sandbox();
    world.file('projects/shop/Session.vim', 'edit one.txt\n');
    world.file('projects/shop/one.txt', 'from the session\n');
    world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [nvim]}]\n');
    const shop = join(world.home, 'projects/shop');
    const git = async (...args: string[]) =>
      expect((await world.run('git', ['-C', shop, ...args])).code).toBe(0);
    await git('init', '-q');
    await git('add', 'Session.vim');
    await cw(world, 'up', '--detach', '--trust', 'projects/shop');
    const pane = '=claude-dev-shop:code.0';
    await waitUntil('nvim runs', () => world.screen(pane).includes('[No Name]'));
    await cw(world, 'save', 'shop');
    const registry = new Registry(serverAddress(world.env), world.env);
    const { id } = registry.readAll().records[0]!;
    // As where nvim did not answer.
    rmSync(registry.editorSession(id, 'w1.p1'));
    rmSync(join(registry.folder, 'blobs'), { recursive: true });

    await cw(world, 'trust', '--remove', 'projects/shop');
    const wary = await cw(world, 'restore', 'shop', '--as', 'wary', '--dry-run');
    expect(wary.panes[0]).toMatchObject({
      command: 'nvim',
      notes: [expect.stringContaining('Session.vim, which runs commands')],
    });
    await git('rm', '-q', '--cached', 'Session.vim');
    const own = await cw(world, 'restore', 'shop', '--as', 'own', '--dry-run');
    expect(own.panes[0]).toMatchObject({ line: 'nvim -S Session.vim', notes: [] });
  });
});

it('what git certainly does not track is told from what it may', async () => {
  const { path, sh } = await repository();
  expect(isUntracked(path, 'Session.vim')).toBe(true);
  await sh('mkdir sub && touch Session.vim sub/Session.vim && git add sub/Session.vim');
  expect(isUntracked(path, 'Session.vim')).toBe(false);
  await sh('git rm -q --cached sub/Session.vim');
  expect(isUntracked(join(path, 'sub'), 'Session.vim')).toBe(true);
  // Shortened names cannot be looked for.
  await sh('git update-index --index-version 4 && git add a');
  expect(isUntracked(path, 'Session.vim')).toBe(false);
  await sh('git update-index --index-version 2 && git update-index --split-index');
  expect(isUntracked(path, 'Session.vim')).toBe(false);
  expect(isUntracked('/', 'Session.vim')).toBe(false);
});
