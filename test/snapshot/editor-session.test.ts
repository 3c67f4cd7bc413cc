import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listenVariable } from '../../src/blueprint/start.js';
import { commandLine } from '../../src/snapshot/command-line.js';
import { editorResume } from '../../src/snapshot/editor.js';
import { saveEditorSession } from '../../src/snapshot/editor-session.js';
import { callFrame, readMessage } from '../../src/snapshot/message-pack.js';
import { findProgram } from '../../src/system/programs.js';
import { editorSessionFile, editorSocket, prepareEditorSocket } from '../../src/workspace/editor-socket.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

// Where no nvim is installed there is nothing real to ask.
describe.skipIf(findProgram('nvim') === null)('the session of a real nvim', () => {
  it('buffers, splits and cursors come back', async () => {
    const world = sandbox();
    const odd = "it's a [file].txt";
    for (const name of ['one.txt', 'two.txt', odd]) {
      world.file(name, Array.from({ length: 50 }, (_, line) => `${name} line ${line + 1}`).join('\n'));
    }
    const state = join(world.folder, "state 'odd'");
    const socket = editorSocket(join(world.folder, 'run'), state, 'code.p2');
    const file = editorSessionFile(state, 'code.p2');
    await prepareEditorSocket(socket);
    expect(statSync(join(socket, '..')).mode & 0o777).toBe(0o700);
    const open = (line: string) => {
      const words = ['-e', `${listenVariable}=${socket}`, '-c', world.home, 'bash', '--norc', '-i'];
      const [id = '', pid] = (
        existsSync(world.socket)
          ? world.tmux('new-window', '-P', '-F', '#{pane_id} #{pane_pid}', ...words)
          : world.tmux(
              '-f',
              '/dev/null',
              'new-session',
              '-d',
              '-x',
              '100',
              '-y',
              '30',
              '-P',
              '-F',
              '#{pane_id} #{pane_pid}',
              ...words,
            )
      )
        .trim()
        .split(' ');
      world.tmux('send-keys', '-t', id, '-l', '--', line);
      world.tmux('send-keys', '-t', id, 'Enter');
      return { id, pid: Number(pid) };
    };
    const first = open('nvim -u NONE -i NONE -n one.txt');
    await waitUntil('nvim listens', () => existsSync(socket));
    const type = (pane: string, text: string) => {
      world.tmux('send-keys', '-t', pane, '-l', '--', text);
      world.tmux('send-keys', '-t', pane, 'Enter');
    };
    // Waiting for a key, it is left alone.
    world.tmux('send-keys', '-t', first.id, 'Escape');
    type(first.id, ':badd two.txt');
    type(first.id, ":execute 'vsplit ' .. fnameescape(\"it's a [file].txt\")");
    type(first.id, ':call cursor(33, 3)');
    await waitUntil('the split', () => world.screen(first.id).includes(`${odd} line 33`));
    expect(await saveEditorSession(socket, file)).toEqual({ saved: true });
    const text = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(text).toContain('two.txt');

    world.tmux('send-keys', '-t', first.id, '-l', '"');
    await waitUntil('nvim waits for a key', async () => {
      const saved = await saveEditorSession(socket, file);
      return !saved.saved && saved.why === 'it waits for a key';
    });
    world.tmux('send-keys', '-t', first.id, 'Escape');
    await waitUntil('nvim goes on', async () => (await saveEditorSession(socket, file)).saved);

    // While it still opens its session it has nothing of it: that is not written over.
    type(first.id, ':let g:cw_session = []');
    await waitUntil('it is left alone', async () => {
      const saved = await saveEditorSession(socket, file);
      return !saved.saved && saved.why === 'it still opens its session';
    });
    expect(readFileSync(file, 'utf8')).toContain('two.txt');
    type(first.id, ':unlet g:cw_session');
    await waitUntil('it is saved again', async () => (await saveEditorSession(socket, file)).saved);

    // Killed, it leaves its socket; what is restored listens there again.
    const children = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8').trim().split(' ');
    for (const child of children) process.kill(Number(child), 'SIGKILL');
    await waitUntil('nvim is gone', async () => !(await saveEditorSession(socket, file)).saved);
    expect(await saveEditorSession(socket, file)).toEqual({ saved: false, why: null });
    await prepareEditorSocket(socket);
    expect(existsSync(socket)).toBe(false);
    const { argv = [] } = editorResume(['nvim', 'one.txt'], { session: file, folderSession: 'none' }) ?? {};
    const again = open(commandLine([...argv, '-u', 'NONE', '-i', 'NONE', '-n']));
    await waitUntil('the same picture', () => {
      const screen = world.screen(again.id);
      return screen.includes('one.txt line 1') && screen.includes(`${odd} line 33`);
    });
    const info = join(world.folder, 'info');
    type(
      again.id,
      `:call writefile([json_encode([winnr('$'), bufname('%'), line('.'), col('.'), len(getbufinfo({'buflisted': 1}))])], '${info}')`,
    );
    await waitUntil('its answer', () => existsSync(info) && readFileSync(info, 'utf8').endsWith('\n'));
    expect(JSON.parse(readFileSync(info, 'utf8'))).toEqual([2, odd, 33, 3, 3]);
    // It listens at the same place, and so is saved again.
    await waitUntil('a save of the second one', async () => (await saveEditorSession(socket, file)).saved);

    // A pane gets its size after its program has started: the splits are made for that.
    const widths = (id: string) => world.screen(id).split('\n')[0]?.indexOf('one.txt line 1') ?? 0;
    const before = await waitUntil('the split on the screen', () => Math.max(0, widths(again.id)));
    const line = `${commandLine(argv)} -u NONE -i NONE -n -c 'set noswapfile'`;
    const small = [
      'new-session',
      '-d',
      '-x',
      '40',
      '-y',
      '12',
      '-P',
      '-F',
      '#{pane_id}',
      '-c',
      world.home,
      line,
    ];
    const late = world.tmux(...small).trim();
    await waitUntil('it has begun', () => /~|No Name/.test(world.screen(late)));
    world.tmux('resize-window', '-t', late, '-x', '100', '-y', '30');
    await waitUntil('the same split', () => widths(late) === before);
  });
});

describe('an editor that does not answer', () => {
  it('costs its limit and no more, and the session of before stays', async () => {
    const world = sandbox();
    const socket = join(world.folder, 's', 'mute');
    const file = join(world.folder, 'x.vim');
    writeFileSync(file, 'before');
    expect(await saveEditorSession(socket, file)).toEqual({ saved: false, why: null });
    let answer = Buffer.alloc(0);
    const server = createServer((peer) => void peer.on('error', () => {}).write(answer)).listen(socket);
    onTestFinished(() => void server.close());
    await waitUntil('the socket', () => existsSync(socket));
    expect(await saveEditorSession(socket, file, 50)).toEqual({
      saved: false,
      why: 'it did not answer in 50 ms',
    });
    answer = Buffer.from([0xc1]);
    expect(await saveEditorSession(socket, file)).toMatchObject({ why: 'it does not speak MessagePack' });
    // `[1, 0, "no", nil]`
    answer = Buffer.from([0x94, 1, 0, 0xa2, 0x6e, 0x6f, 0xc0]);
    expect(await saveEditorSession(socket, file)).toMatchObject({ saved: false });
    expect(readFileSync(file, 'utf8')).toBe('before');
    // One that lives is not taken away.
    await prepareEditorSocket(socket, 30);
    expect(existsSync(socket)).toBe(true);
  });

  it('a message cut anywhere is waited for, and any bytes are read or refused', () => {
    const frame = callFrame(70_000, 'nvim_command', ['x', 'é'.repeat(200)]);
    for (let cut = 0; cut < frame.length; cut += 1) expect(readMessage(frame.subarray(0, cut))).toBeNull();
    expect(readMessage(frame)).toEqual({
      value: [0, 70_000, 'nvim_command', ['x', 'é'.repeat(200)]],
      length: frame.length,
    });
    // As nvim answers: `[1, 1, nil, {"mode": "n", "blocking": false}]`, and a few kinds that others send.
    const mode = Buffer.from('940101c082a46d6f6465a16ea8626c6f636b696e67c2', 'hex');
    expect(readMessage(mode)?.value).toEqual([
      1,
      1,
      null,
      new Map<string, unknown>([
        ['mode', 'n'],
        ['blocking', false],
      ]),
    ]);
    expect(readMessage(Buffer.from('93d1fffecb3ff8000000000000d40007', 'hex'))?.value).toEqual([
      -2,
      1.5,
      null,
    ]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          readMessage(Buffer.from(bytes));
        } catch (error) {
          expect((error as Error).message).toBe('it does not speak MessagePack');
        }
      }),
      { numRuns: 200 },
    );
  });
});
