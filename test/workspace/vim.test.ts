import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { saveVimSession, unsavedVimBuffers } from '../../src/snapshot/vim-session.js';
import { isAlive, processStart } from '../../src/system/process.js';
import { findProgram } from '../../src/system/programs.js';
import { serverAddress } from '../../src/tmux/address.js';
import { editorPipe } from '../../src/workspace/editor-socket.js';
import { Registry } from '../../src/workspace/registry.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
};

async function end(pid: number): Promise<void> {
  const start = processStart(pid);
  process.kill(pid, 'SIGKILL');
  await waitUntil('it is gone', () => !isAlive(pid, start));
}

function command(world: Sandbox, pane: string, text: string) {
  world.tmux('send-keys', '-t', pane, '-l', '--', `:${text}`);
  world.tmux('send-keys', '-t', pane, 'Enter');
}

/** What vim answers to an expression. */
async function evaluated(world: Sandbox, pane: string, expression: string): Promise<unknown> {
  const file = join(world.folder, 'answer');
  rmSync(file, { force: true });
  command(world, pane, `call writefile([json_encode(${expression})], '${file}')`);
  const text = await waitUntil(
    `an answer to ${expression}`,
    () => existsSync(file) && readFileSync(file, 'utf8'),
  );
  return JSON.parse(text);
}

/** Each tab's windows with their place, file and cursor, and all buffers. (The lines of a tab are known once it is shown.) */
const picture =
  `[tabpagenr(), winnr(), map(getwininfo(), {_, w -> [w.tabnr, bufname(w.bufnr), line('.', w.winid),
  w.wincol, w.width, w.tabnr == tabpagenr() ? w.height : 0]}),
  map(getbufinfo({'buflisted': 1}), {_, b -> fnamemodify(b.name, ':t')})]`.replaceAll(/\n\s*/g, ' ');

/** What a save must leave as it is. */
const own =
  `[&sessionoptions, v:this_session, v:errmsg, undotree().seq_cur, undotree().seq_last, @", @a, getpos("''"),
  &cpoptions, getline(1, '$'), &modified, histnr(':') > 0, execute('messages')]`.replaceAll(/\n\s*/g, ' ');

const pidOf = async (world: Sandbox, pane: string) => Number(await evaluated(world, pane, 'getpid()'));

const pipeOf = (world: Sandbox, key: string) => {
  const registry = new Registry(serverAddress(world.env), world.env);
  return editorPipe(registry.editorSocket(registry.readAll().records[0]!.id, key));
};

const lines = (name: string) => Array.from({ length: 60 }, (_, at) => `${name} line ${at + 1}`).join('\n');

// Where no vim is installed there is nothing real to ask.
describe.skipIf(findProgram('vim') === null)('the vim of a template', () => {
  it('comes back with its tabs, splits and cursors, and is not touched by that', async () => {
    const world = sandbox();
    const odd = `it's a [file] "%#" |$HOME.txt`;
    for (const name of ['one.txt', 'two.txt', 'three.txt', 'plain.txt', 'bare.txt', 'more.txt', odd])
      world.file(`projects/shop/${name}`, lines(name));
    world.file('.vimrc', 'set nocompatible hidden sessionoptions=buffers,options noequalalways\n');
    world.file(
      'projects/shop/.cw.yaml',
      'windows: [{name: code, panes: [vim one.txt, null]}, {name: bare, panes: [vim -u NONE -i NONE bare.txt]}]\n',
    );
    await cw(world, 'up', '--detach', '--trust', 'projects/shop');
    const pane = '=claude-dev-shop:code.0';
    const bare = '=claude-dev-shop:bare.0';
    const plain = '=claude-dev-shop:code.1';
    await waitUntil('vim shows its file', () => world.screen(pane).includes('one.txt line 1'));
    await waitUntil('the other shows its own', () => world.screen(bare).includes('bare.txt line 1'));
    command(world, pane, 'vsplit two.txt');
    command(world, pane, '20wincmd |');
    command(world, pane, 'call cursor(33, 3)');
    command(world, pane, `execute 'tabedit ' .. fnameescape('it''s a [file] "%#" |$HOME.txt')`);
    command(world, pane, 'call cursor(44, 2)');
    command(world, pane, 'for i in range(5) | new three.txt | call cursor(10 + i, 1) | endfor');
    command(world, pane, 'badd four.txt');
    command(world, bare, 'split more.txt');
    command(world, bare, 'call cursor(17, 1)');
    // Text that is not saved, and an undo that could be undone.
    command(world, pane, 'call setline(3, "not saved")');
    command(world, pane, 'call setline(4, "undone")');
    command(world, pane, 'undo');
    const before = await evaluated(world, pane, picture);
    const bareBefore = await evaluated(world, bare, picture);
    const mine = await evaluated(world, pane, own);
    world.tmux('send-keys', '-t', plain, 'vim plain.txt', 'Enter');
    await waitUntil('a plain one', () => world.screen(plain).includes('plain.txt line 1'));
    command(world, plain, 'split nothing.txt');
    const [saved] = await cw(world, 'save', 'shop');
    expect(saved.failure).toBeNull();

    // Nothing of the user's has changed, and what is started from it is no vim of ours.
    expect(await evaluated(world, pane, own)).toEqual(mine);
    expect(await evaluated(world, pane, '[$CW_VIM, $CW_VIM_ASK]')).toEqual(['', '']);
    expect(await evaluated(world, plain, '[exists("g:CwLater"), len(job_info())]')).toEqual([0, 0]);
    // As the user knows it.
    const process = async (target: string) =>
      readFileSync(`/proc/${await pidOf(world, target)}/cmdline`, 'utf8').split('\0');
    expect((await process(plain)).slice(0, 2)).toEqual(['vim', 'plain.txt']);
    expect((await process(pane))[1]).toBe('--cmd');
    expect(await unsavedVimBuffers(pipeOf(world, 'w1.p1'))).toBe(1);
    // As the settings ship, no vim is closed at all.
    expect((await world.cw(['config', 'set', 'cleanup.keep_programs', 'ssh'])).code).toBe(0);
    await waitUntil('a cleanup keeps it for that text', async () => {
      const verdicts = await cw(world, 'cleanup', '--dry-run', '--older-than', '1s');
      return JSON.stringify(verdicts).includes('holds text that is not saved');
    });

    const pids = [await pidOf(world, pane), await pidOf(world, plain), await pidOf(world, bare)];
    const starts = pids.map(processStart);
    await end(Number(world.tmux('display-message', '-p', '#{pid}')));
    // They end with their terminals, and have their files open for so long.
    await waitUntil('the vims are gone', () => pids.every((pid, at) => !isAlive(pid, starts[at] ?? null)));
    const report = await cw(world, 'restore', 'shop');
    expect(report.panes.map(({ line }: { line: string }) => line)).toEqual([
      expect.stringMatching(/^vim -S .*w1\.p1\.vim$/),
      'vim plain.txt',
      expect.stringMatching(/^vim -S .*w2\.p1\.vim$/),
    ]);
    // It is vim that asks about the text that was not saved.
    await waitUntil('it asks', () => /swap file/i.test(world.screen(pane)));
    for (let asked = 0; asked < 8; asked += 1) {
      if (!/swap file|E325|Press ENTER|-- More --/i.test(world.screen(pane))) break;
      const shown = world.screen(pane);
      world.tmux(
        'send-keys',
        '-t',
        pane,
        '-l',
        '--',
        /\[E\]dit anyway|\(E\)dit anyway/.test(shown) ? 'e' : ' ',
      );
      await waitUntil('it goes on', () => world.screen(pane) !== shown);
    }
    await waitUntil('its last file', () => world.screen(pane).includes(`$HOME.txt line 44`));
    expect(await evaluated(world, pane, picture)).toEqual(before);
    await waitUntil('the other is back', () => world.screen(bare).includes('more.txt line 17'));
    expect(await evaluated(world, bare, picture)).toEqual(bareBefore);
    await waitUntil('the plain one', () => world.screen(plain).includes('plain.txt line 1'));
    expect(await evaluated(world, plain, 'winnr("$")')).toBe(1);

    // What the user starts in its place is his.
    command(world, bare, 'qall!');
    await waitUntil('it has ended', () => !world.screen(bare).includes('line 17'));
    world.tmux('send-keys', '-t', bare, 'vim -u NONE -i NONE bare.txt', 'Enter');
    await waitUntil('his own', () => world.screen(bare).includes('bare.txt line 1'));
    await cw(world, 'save', 'shop');
    const again = await cw(world, 'restore', 'shop', '--as', 'copy', '--dry-run');
    expect(again.panes[2].line ?? again.panes[2].command).not.toContain('-S');
  });

  it('is not asked in the middle of something, and leaves nothing behind', async () => {
    const world = sandbox();
    world.file('projects/shop/one.txt', lines('one.txt'));
    world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [vim -n one.txt]}]\n');
    await cw(world, 'up', '--detach', '--trust', 'projects/shop');
    const pane = '=claude-dev-shop:code.0';
    await waitUntil('vim shows its file', () => world.screen(pane).includes('one.txt line 1'));
    const pipe = pipeOf(world, 'w1.p1');
    const file = join(world.folder, 'session.vim');
    const ask = (limit?: number) => saveVimSession(pipe, file, limit);
    await waitUntil('it answers', async () => (await ask()).saved);
    const type = (...keys: string[]) => world.tmux('send-keys', '-t', pane, ...keys);
    const why = (text: string) =>
      waitUntil(text, async () => {
        const saved = await ask();
        return !saved.saved && saved.why === text;
      });
    for (const keys of [[':echo 1'], ['d'], [':call input("")', 'Enter']]) {
      type(...keys);
      await why('it waits for a key');
      type('C-c');
      await waitUntil('it goes on', async () => (await ask()).saved);
    }
    // In the insert mode nothing is in the middle.
    type('i', 'x');
    await waitUntil('text', () => world.screen(pane).includes('INSERT'));
    expect(await ask()).toEqual({ saved: true });
    type('Escape');
    command(world, pane, 'let g:SessionLoad = 1');
    await why('it still opens its session');
    command(world, pane, 'unlet g:SessionLoad');
    await waitUntil('it goes on', async () => (await ask()).saved);

    // One that runs a command answers nobody, and writes nothing when it comes back.
    command(world, pane, '!read x');
    await waitUntil('the limit', async () => {
      const saved = await ask(50);
      return !saved.saved && saved.why === 'it did not answer in 50 ms';
    });
    type('x', 'Enter');
    type('Enter');
    await waitUntil('it goes on', async () => (await ask()).saved);
    const left = () => readdirSync(dirname(pipe)).filter((name) => join(dirname(pipe), name) !== pipe);
    expect(left()).toEqual([]);

    const pid = await pidOf(world, pane);
    const listener = Number(await evaluated(world, pane, 'job_info(job_info()[0]).process'));
    const start = processStart(listener);
    await end(pid);
    await waitUntil('what listened has ended too', () => !isAlive(listener, start));
    expect(await ask()).toEqual({ saved: false, why: null });
    expect(left()).toEqual([]);
  });
});
