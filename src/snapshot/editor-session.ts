import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { messageOf } from '../errors.js';
import { randomHex } from '../system/random.js';
import { isSocket } from '../workspace/editor-socket.js';
import { callFrame, type MessagePack, readMessage } from './message-pack.js';

export type EditorSave =
  | { readonly saved: true }
  /** `why` is null where no editor listens, which is nothing to report. */
  | { readonly saved: false; readonly why: string | null };

/**
 * Has the nvim behind a socket write its session: buffers, splits, tabs and cursors. It is asked over the socket, so
 * that no process is started; one that waits for a key in the middle of something, or is stopped, is left alone.
 *
 * @param limit milliseconds until it counts as not answering; never throws for what the editor does.
 */
export async function saveEditorSession(socket: string, file: string, limit = 1000): Promise<EditorSave> {
  if (!isSocket(socket)) return { saved: false, why: null };
  const temporary = `${file}.${randomHex(4)}.tmp`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const why = await talk(socket, limit, async (call) => {
      // Answered at once also while nvim waits for a key; anything else would wait for that key with us.
      const mode = await call('nvim_get_mode', []);
      if (mode instanceof Map && mode.get('blocking') === true) return 'it waits for a key';
      // One that still opens its session has nothing of it yet, and would write over it.
      if ((await call('nvim_eval', ['exists("g:cw_session") || exists("g:SessionLoad")'])) === 1)
        return 'it still opens its session';
      const quoted = `'${temporary.replaceAll("'", "''")}'`;
      await call('nvim_command', [`execute 'mksession! ' . fnameescape(${quoted})`]);
      await call('nvim_command', [`call writefile(${waitForSize} + readfile(${quoted}), ${quoted})`]);
      return null;
    });
    if (why !== null) return { saved: false, why };
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
    return { saved: true };
  } catch (error) {
    rmSync(temporary, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    // Left behind by an nvim that was killed, or it ended just now.
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return { saved: false, why: null };
    return { saved: false, why: messageOf(error) };
  }
}

/**
 * How many buffers of the nvim behind a socket hold text that is not written to a file.
 *
 * @param limit milliseconds until it counts as not answering.
 * @returns null where it could not be asked: no editor listens, it waits for a key, or it does not answer.
 */
export async function unsavedBuffers(socket: string, limit = 1000): Promise<number | null> {
  if (!isSocket(socket)) return null;
  try {
    return await talk(socket, limit, async (call) => {
      const mode = await call('nvim_get_mode', []);
      if (mode instanceof Map && mode.get('blocking') === true) return null;
      // Terminals and lists of its own count as changed in some versions; only what has a file, or could have one.
      const changed = `len(filter(getbufinfo({'bufmodified': 1}), 'getbufvar(v:val.bufnr, "&buftype") ==# ""'))`;
      const found = await call('nvim_eval', [changed]);
      return typeof found === 'number' ? found : null;
    });
  } catch {
    return null;
  }
}

/**
 * The first lines of a session, as an expression of nvim's. A pane that is brought back has its size a moment after its
 * program has started, and splits that are made before would not be as they were: the rest waits for that, half a
 * second at most. (`wait()` sees no change of the size.)
 */
const waitForSize = `[
  'if has("nvim") && !exists("g:cw_session") && (&columns != ' . &columns . ' || &lines != ' . &lines . ')',
  '  let g:cw_session = [expand("<sfile>:p"), ' . &columns . ', ' . &lines . ']',
  '  lua local s, n, t = vim.g.cw_session, 0, vim.loop.new_timer() t:start(20, 20, vim.schedule_wrap(function()'
    . ' n = n + 1 if not t or (n < 25 and (vim.o.columns ~= s[2] or vim.o.lines ~= s[3])) then return end'
    . ' t:close() t = nil local ok, why = pcall(vim.cmd, "source " .. vim.fn.fnameescape(s[1]))'
    . ' vim.g.cw_session = nil if not ok then error(why) end end))',
  '  finish',
  'endif']`.replaceAll('\n', ' ');

type Call = (method: string, args: readonly string[]) => Promise<MessagePack>;

/** One conversation in nvim's RPC: one call after the other, `[0, id, method, args]` answered by `[1, id, error, result]`. */
async function talk<T>(socket: string, limit: number, conversation: (call: Call) => Promise<T>): Promise<T> {
  const connection = connect(socket);
  let waiting: { readonly done: (value: MessagePack) => void; readonly fail: (error: Error) => void } | null =
    null;
  let failure: Error | null = null;
  let received = Buffer.alloc(0);
  const fail = (error: Error) => {
    failure ??= error;
    waiting?.fail(failure);
  };
  connection.on('error', fail);
  connection.on('close', () => fail(new Error('it closed the connection')));
  connection.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    try {
      for (let read = readMessage(received); read; read = readMessage(received)) {
        received = received.subarray(read.length);
        const message = read.value;
        if (!Array.isArray(message) || message[0] !== 1) continue;
        if (message[2] === null) waiting?.done(message[3] ?? null);
        else waiting?.fail(new Error(`it answered: ${JSON.stringify(message[2])}`));
      }
    } catch (error) {
      fail(error as Error);
    }
  });
  const timer = setTimeout(() => fail(new Error(`it did not answer in ${limit} ms`)), limit);
  let id = 0;
  const call: Call = (method, args) =>
    new Promise<MessagePack>((done, failed) => {
      waiting = { done, fail: failed };
      if (failure) failed(failure);
      else connection.write(callFrame(id++, method, args));
    });
  try {
    return await conversation(call);
  } finally {
    clearTimeout(timer);
    connection.destroy();
  }
}
