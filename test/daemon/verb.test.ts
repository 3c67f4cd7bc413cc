import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Args, Command, Context } from '../../src/cli/command.js';
import { daemonVerb } from '../../src/cli/commands/daemon.js';
import { daemonStarts } from '../../src/rpc/answers.js';
import { daemonSocket, noteStarting } from '../../src/rpc/socket-path.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { answering, bundleFakeDaemon, notesOf, startFake } from './support/processes.js';

bundleFakeDaemon();

/** Runs `cw daemon WORD` within the test. */
function daemon(world: Sandbox, word: string, options: Args['options'] = {}) {
  const verb = daemonVerb(() => Promise.reject(new Error('not in this test')));
  const notes: string[] = [];
  const context = {
    env: world.env,
    json: false,
    terminal: { interactive: false, columns: 100, rows: 40, color: false },
    note: (text: string) => void notes.push(text),
    tmux: () => processConnection(serverAddress(world.env), world.env),
  } as unknown as Context;
  const command = (verb as { subcommands: Record<string, Command> }).subcommands[word]!;
  return command
    .run({ positionals: {}, rest: [], options, afterDashes: [] }, context)
    .then((outcome) => ({ ...outcome, notes }));
}

test('without a daemon, each word says so', async () => {
  const world = sandbox();
  const status = await daemon(world, 'status');
  expect(status.data).toEqual({
    running: false,
    starting: false,
    pid: null,
    socket: daemonSocket(world.socket, world.env),
    uptimeSeconds: null,
    workspaces: null,
    lastSaveAt: null,
    schedules: [],
    protocol: null,
  });
  expect(status.text).toContain('cw daemon start');
  expect((await daemon(world, 'stop')).data).toEqual({ running: false, stopped: false });
  await expect(daemon(world, 'reload')).rejects.toMatchObject({ kind: 'not-found' });
  const logs = await daemon(world, 'logs');
  expect(logs.data).toEqual([]);
  expect(logs.notes[0]).toContain('Nothing was logged yet');
  await expect(daemon(world, 'logs', { lines: 'all' })).rejects.toMatchObject({ kind: 'usage' });
});

test('one that was started a moment ago is waited for, and none that has ended', async () => {
  const world = sandbox();
  mkdirSync(serverFolder(world.socket, world.env), { recursive: true });
  const ended = spawn('true');
  noteStarting(world.socket, world.env, ended.pid!);
  await once(ended, 'exit');
  expect((await daemon(world, 'status')).data).toMatchObject({ running: false, starting: false });
  expect(daemonStarts(world.socket, world.env)).toBe(false);

  const asked = spawn('sleep', ['600']);
  try {
    noteStarting(world.socket, world.env, asked.pid!);
    expect(daemonStarts(world.socket, world.env)).toBe(true);
    const status = daemon(world, 'status');
    const fake = startFake(world);
    expect((await status).data).toMatchObject({ running: true, pid: fake.pid });
    expect((await daemon(world, 'stop')).data).toMatchObject({ stopped: true, pid: fake.pid });
    expect(await daemon(world, 'status')).toMatchObject({
      data: { running: false, starting: true, pid: asked.pid },
      text: expect.stringContaining(`is starting: process ${asked.pid}`),
    });
  } finally {
    asked.kill();
  }
});

test('with one, status, reload, logs and stop are of it', async () => {
  const world = sandbox();
  const fake = startFake(world);
  const client = await answering(world);
  await client.call('save', {});
  const status = await daemon(world, 'status');
  expect(status.data).toMatchObject({
    running: true,
    pid: fake.pid,
    socket: daemonSocket(world.socket, world.env),
    uptimeSeconds: expect.any(Number),
    workspaces: 0,
    lastSaveAt: expect.stringMatching(/^\d{4}-/),
    protocol: 1,
  });
  expect(status.text).toContain(`process ${fake.pid}`);
  expect(status.text).toMatch(/^save +\*\/15 \* \* \* \* +in /m);
  expect((await daemon(world, 'reload')).data).toEqual({ reloaded: true, problems: [] });
  expect(notesOf(world)).toContainEqual({ reload: [] });
  // The log is written beside the answer.
  const newest = async () => (await daemon(world, 'logs', { lines: '1' })).text ?? '';
  await waitUntil('its log says so', async () =>
    /^\S+ info {2}settings were read again$/.test(await newest()),
  );
  expect((await daemon(world, 'start')).data).toMatchObject({ pid: fake.pid, started: false });
  expect((await daemon(world, 'stop')).data).toEqual({ running: false, stopped: true, pid: fake.pid });
  expect(await fake.ended).toBe(0);
  expect(existsSync(daemonSocket(world.socket, world.env))).toBe(false);
});
