import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CwError } from '../../src/errors.js';
import { lookup, type RpcClient } from '../../src/rpc/client.js';
import { frame } from '../../src/rpc/framing.js';
import type { SaveReport } from '../../src/rpc/protocol.js';
import { type Handlers, RpcServer, type RpcServerOptions } from '../../src/rpc/server.js';
import { daemonSocket, recordedSocket } from '../../src/rpc/socket-path.js';
import { waitUntil } from '../support/wait.js';

const report: SaveReport = { workspaces: 0, saved: [], failed: [], folders: [] };
const handlers: Handlers = {
  hello: () => ({ protocol: 1, capabilities: ['save'], version: '1', pid: 1, server: '/s' }),
  status: () => ({}) as never,
  save: () => report,
  reload: () => ({ problems: [] }),
  stop: () => ({ pid: 1 }),
};

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'cw-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function serve(options: Partial<RpcServerOptions> = {}) {
  const remarks: string[] = [];
  const failures: unknown[] = [];
  const socket = options.socket ?? join(folder(), 'run', 'd.sock');
  const server = await RpcServer.listen({
    socket,
    handlers,
    remark: (text) => remarks.push(text),
    failed: (_what, error) => failures.push(error),
    ...options,
  });
  onTestFinished(() => server.close());
  return { server, socket, remarks, failures };
}

async function client(socket: string): Promise<RpcClient> {
  const found = await lookup(socket);
  if (found.state !== 'running') throw new Error(found.state);
  onTestFinished(() => found.client.close());
  return found.client;
}

/** A client that sends what it likes, and keeps what it gets. */
function raw(socket: string): Socket & { lines: string[] } {
  const stream = Object.assign(connect({ path: socket }), { lines: [] as string[] });
  let text = '';
  stream.on('error', () => {});
  stream.on('data', (data) => {
    const parts = (text + data).split('\n');
    text = parts.pop()!;
    stream.lines.push(...parts);
  });
  onTestFinished(() => void stream.destroy());
  return stream;
}

describe('lookup', () => {
  test('none, stale and running are told apart', async () => {
    const place = folder();
    expect(await lookup(join(place, 'no/where.sock'))).toEqual({ state: 'none' });
    const { server, socket } = await serve();
    expect((await client(socket)).hello.version).toBe('1');
    await server.close();
    expect(await lookup(socket)).toEqual({ state: 'none' });
    // A process that dies leaves its file behind. Here one is left by a server that looks for it under its old name.
    const dead = createServer();
    await new Promise<void>((done) => dead.listen(join(place, 'made'), done));
    const left = join(place, 'left');
    renameSync(join(place, 'made'), left);
    await new Promise((done) => dead.close(done));
    expect(await lookup(left)).toEqual({ state: 'stale' });
    await serve({ socket: left });
    expect((await client(left)).hello.pid).toBe(1);
  });

  test('something that listens and says nothing, or something else, is silent', async () => {
    for (const answer of ['', 'HTTP/1.1 400 Bad Request\r\n\r\n']) {
      const socket = join(folder(), 's');
      const streams: Socket[] = [];
      const other = createServer((stream) => {
        streams.push(stream);
        stream.on('error', () => {});
        stream.write(answer);
      });
      await new Promise<void>((done) => other.listen(socket, done));
      onTestFinished(() => {
        for (const stream of streams) stream.destroy();
        other.close();
      });
      expect(await lookup(socket, 200)).toMatchObject({ state: 'silent' });
    }
  });
});

describe('the socket', () => {
  test('is ours alone, replaces what was there, and is found only when it answers', async () => {
    const socket = join(folder(), 'run', 'd.sock');
    mkdirSync(dirname(socket), { mode: 0o700 });
    writeFileSync(socket, 'left by a crash');
    await serve({ socket });
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(socket))).toEqual(['d.sock']);
  });

  test('a folder that others can write to, or that is a link, is refused', async () => {
    const place = folder();
    mkdirSync(join(place, 'open'));
    chmodSync(join(place, 'open'), 0o777);
    await expect(serve({ socket: join(place, 'open', 's') })).rejects.toThrow('not ours alone');
    mkdirSync(join(place, 'real'), { mode: 0o700 });
    symlinkSync('real', join(place, 'link'));
    await expect(serve({ socket: join(place, 'link', 's') })).rejects.toThrow('not ours alone');
  });

  test('a closing server does not take away the socket of the next one', async () => {
    const first = await serve();
    const second = await serve({ socket: first.socket });
    await first.server.close();
    expect((await client(first.socket)).hello.pid).toBe(1);
    await second.server.close();
    expect(await lookup(first.socket)).toEqual({ state: 'none' });
  });

  test('is published again by a check, once for many', async () => {
    const { server, socket, remarks } = await serve();
    rmSync(socket);
    const checks = await Promise.all([server.check(), server.check(), server.check()]);
    expect(checks.filter(Boolean).length).toBeLessThanOrEqual(1); // the watch may have been faster than all
    await client(socket);
    await waitUntil('it is told', () => remarks.length > 0);
    expect(remarks).toHaveLength(1);
    expect(await server.check()).toBe(false);
  });

  test('its path is short enough in any runtime folder, and another one for each server', () => {
    const env = { HOME: '/h', XDG_RUNTIME_DIR: '/run/user/1000' };
    expect(daemonSocket('/tmp/tmux-1000/default', env)).toMatch(
      /^\/run\/user\/1000\/cw\/default-[0-9a-f]{8}\.sock$/,
    );
    expect(daemonSocket('/tmp/a/default', env)).not.toBe(daemonSocket('/tmp/b/default', env));
    const deep = { ...env, XDG_RUNTIME_DIR: `/${'deep/'.repeat(30)}` };
    expect(daemonSocket('/tmp/a/default', deep)).toMatch(/^\/tmp\/cw-\d+\/[0-9a-f]{16}\.sock$/);
    expect(daemonSocket('/tmp/a/default', deep)).not.toBe(daemonSocket('/tmp/b/default', deep));
    expect(dirname(daemonSocket('/tmp/a/default', { HOME: '/h' }))).toMatch(/cw-\d+$/);
    expect(recordedSocket('/tmp/a/default', { HOME: '/nonexistent' })).toBeNull();
  });
});

describe('messages', () => {
  test('a bad one costs its sender an error, and the next is served', async () => {
    const { socket } = await serve();
    const other = await client(socket);
    const stream = raw(socket);
    stream.write('{not json}\n\n[1]\n{"id":1,"method":"nothing"}\n{"id":2,"met');
    stream.write(Buffer.from([0xff, 0x0a]));
    stream.write('{"id":3,"method":"reload"}\n');
    await waitUntil('all are answered', () => stream.lines.length === 5);
    expect(stream.lines.map((line) => JSON.parse(line)).map(({ id, error }) => [id, error?.code])).toEqual([
      [null, 'bad-message'],
      [null, 'bad-message'],
      [1, 'unknown-method'],
      [null, 'bad-message'],
      [3, undefined],
    ]);
    await other.call('reload', {});
  });

  test('a line of 10 MB is refused and its sender served on', async () => {
    const { socket } = await serve();
    const stream = raw(socket);
    stream.write(Buffer.alloc(10 * 1024 * 1024, 'x'));
    stream.write('\n{"id":1,"method":"reload"}\n');
    await waitUntil('it is answered', () => stream.lines.length === 2);
    expect(JSON.parse(stream.lines[0]!).error.message).toContain('longer than');
    expect(JSON.parse(stream.lines[1]!)).toEqual({ id: 1, result: { problems: [] } });
  });

  test('clients that hang up in the middle of a line, or of an answer, are forgotten', async () => {
    let release = () => {};
    const { server, socket, failures } = await serve({
      handlers: { ...handlers, save: () => new Promise((done) => (release = () => done(report))) },
    });
    const half = raw(socket);
    half.write('{"id":1,"meth');
    const waiting = raw(socket);
    waiting.write('{"id":1,"method":"save"}\n');
    await waitUntil('both are there', () => server.clientCount === 2);
    half.destroy();
    waiting.destroy();
    await waitUntil('both are gone', () => server.clientCount === 0);
    release();
    await client(socket);
    expect(failures).toEqual([]);
  });

  test('what a handler throws reaches the caller; a CwError with its kind and hint', async () => {
    const { socket, failures } = await serve({
      handlers: {
        ...handlers,
        save: () => Promise.reject(new CwError('not-found', 'No workspace shp.', { hint: 'shop?' })),
        reload: () => {
          throw new Error('a mistake');
        },
      },
    });
    const caller = await client(socket);
    await expect(caller.call('save', {})).rejects.toMatchObject({
      kind: 'not-found',
      message: 'No workspace shp.',
      hint: 'shop?',
    });
    expect(failures).toEqual([]);
    await expect(caller.call('reload', {})).rejects.toMatchObject({ kind: 'failed', message: 'a mistake' });
    expect(failures).toHaveLength(1);
  });

  test('an answer that is too long for a line is an error, not an end', async () => {
    const { socket } = await serve({
      handlers: { ...handlers, reload: () => ({ problems: ['x'.repeat(2 * 1024 * 1024)] }) },
    });
    const caller = await client(socket);
    await expect(caller.call('reload', {})).rejects.toThrow('bytes');
    await caller.call('save', {});
  });

  test('a call to a daemon that goes away fails and names it', async () => {
    const { server, socket } = await serve({ handlers: { ...handlers, save: () => new Promise(() => {}) } });
    const caller = await client(socket);
    const call = caller.call('save', {});
    const [result] = await Promise.allSettled([call, server.close()]);
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringContaining('process 1') },
    });
    await caller.closed;
    await expect(caller.call('save', {})).rejects.toThrow('closed the connection');
  });
});

describe('limits', () => {
  test('one that does not read is cut off, and the others are told on', async () => {
    const { server, socket, remarks } = await serve({ limits: { unread: 64 * 1024 } });
    const reader = await client(socket);
    let heard = 0;
    reader.on('reloaded', () => heard++);
    await reader.call('subscribe', {});
    const deaf = raw(socket);
    deaf.write('{"id":1,"method":"subscribe"}\n');
    await waitUntil('it subscribed', () => deaf.lines.length === 1);
    deaf.pause();
    const data = { changed: ['x'.repeat(16 * 1024)] };
    let sent = 0;
    await waitUntil('it is cut off', () => {
      server.broadcast('reloaded', data);
      sent++;
      return server.clientCount === 1;
    });
    expect(remarks[0]).toContain('unread');
    await waitUntil('the other heard all', () => heard === sent);
  });

  test('one that sends faster than it is served is not read from meanwhile', async () => {
    let inWork = 0;
    let most = 0;
    const { socket } = await serve({
      limits: { requests: 2 },
      handlers: {
        ...handlers,
        save: async () => {
          most = Math.max(most, ++inWork);
          await new Promise((done) => setImmediate(done));
          inWork--;
          return report;
        },
      },
    });
    const stream = raw(socket);
    // Each line of its own chunk: what has arrived is served.
    const line = frame({ id: 1, method: 'save', params: { note: 'x'.repeat(60_000) } });
    for (let i = 0; i < 50; i++) stream.write(line);
    await waitUntil('all are served', () => stream.lines.length === 50);
    expect(most).toBeLessThanOrEqual(3);
  });

  test('too many clients are told so, and room is made when one leaves', async () => {
    const { server, socket } = await serve({ limits: { clients: 2 } });
    const one = await client(socket);
    await client(socket);
    const third = raw(socket);
    await waitUntil('it is told', () => third.lines.length === 1);
    expect(JSON.parse(third.lines[0]!).error.code).toBe('busy');
    one.close();
    await waitUntil('one left', () => server.clientCount === 1);
    await client(socket);
  });
});
