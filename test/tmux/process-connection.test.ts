import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../../src/system/process.js';
import { serverAddress } from '../../src/tmux/address.js';
import type { Command } from '../../src/tmux/connection.js';
import { processConnection, spawned } from '../../src/tmux/process-connection.js';
import { isNoServer } from '../../src/tmux/server.js';
import { waitUntil } from '../support/wait.js';
import { emptyWorld, world } from './connect.js';

const say = (text: string): Command => ['display-message', '-p', text];
const failing: Command = ['kill-window', '-t', 'no-such-window'];

async function spawns(work: () => Promise<unknown>): Promise<number> {
  const before = spawned.count;
  await work();
  return spawned.count - before;
}

describe('a batch', () => {
  test('of nothing is no process', async () => {
    const { connection } = emptyWorld();
    expect(await spawns(() => connection.batch([]))).toBe(0);
  });

  test('goes on after a failure, or stops at it, in one process', async () => {
    const { connection } = world();
    const commands = [say('a'), failing, say('b'), failing];
    const error = "can't find window: no-such-window";
    expect(
      await spawns(async () => {
        const { stdout, errors } = await connection.batch(commands);
        expect(stdout.toString()).toBe('a\nb\n');
        expect(errors).toEqual([error, error]);
      }),
    ).toBe(1);
    expect(
      await spawns(async () => {
        const { stdout, errors } = await connection.batch(commands, { stopOnError: true });
        expect(stdout.toString()).toBe('a\n');
        expect(errors).toEqual([error]);
      }),
    ).toBe(1);
  });

  test('that does not parse fails as a whole, though tmux may say that all is well', async () => {
    const { connection, box } = world();
    const commands: Command[] = [['new-window', '-d', '-n', 'made', 'cat'], ['no-such-command'], say('x')];
    await expect(connection.batch(commands)).rejects.toThrow('unknown command: no-such-command');
    expect((await connection.batch(commands, { stopOnError: true })).errors).toEqual([
      'unknown command: no-such-command',
    ]);
    expect(box.tmux('list-windows', '-F', '#{window_name}')).not.toContain('made');
  });

  test('longer than tmux takes at once is sent in parts', async () => {
    const { connection } = world();
    const texts = Array.from({ length: 1_100 }, (_, at) => `text ${at} ${'x'.repeat(480)}`);
    const expected = texts.map((text) => `${text}\n`).join('');
    expect(
      await spawns(async () => {
        expect((await connection.batch(texts.map(say))).stdout.toString()).toBe(expected);
      }),
    ).toBe(3);
    expect(
      await spawns(async () => {
        expect((await connection.batch(texts.map(say), { stopOnError: true })).stdout.toString()).toBe(
          expected,
        );
      }),
    ).toBeGreaterThan(3);
  });

  test('with one word longer than that is sent all the same, and stops at a failure', async () => {
    const { connection } = world();
    const long = 'é'.repeat(60_000);
    const { stdout, errors } = await connection.batch(
      [
        say('a'),
        ['set-option', '-s', '@long', long],
        say('#{n:@long}'),
        failing,
        ['set-option', '-s', '@late', long],
        say('b'),
      ],
      { stopOnError: true },
    );
    expect(stdout.toString()).toBe('a\n120000\n');
    expect(errors).toHaveLength(1);
  });

  test('prints UTF-8 in a locale without it', async () => {
    const { box, connection } = world();
    const plain = processConnection(connection.address, { PATH: box.env.PATH, LC_ALL: 'C' });
    expect((await plain.batch([say('日本\té')])).stdout.toString()).toBe('日本\té\n');
  });
});

describe('a server', () => {
  test('is started by a batch, with the environment that was given', async () => {
    const { connection, box } = emptyWorld();
    await connection.batch(
      [
        ['set-option', '-s', '@early', '1'],
        ['new-session', '-d', '-s', 'a', 'cat'],
      ],
      {
        stopOnError: true,
        env: { ...box.env, GIVEN: 'yes' },
      },
    );
    expect(box.tmux('show-environment', '-g', 'GIVEN')).toBe('GIVEN=yes\n');
    expect(box.tmux('show-options', '-sv', '@early')).toBe('1\n');
  });

  test('that ends when the next is wanted is waited for', async () => {
    const { connection } = world();
    for (let round = 0; round < 10; round++) {
      await connection.batch([['kill-server']]).catch(() => undefined);
      const { errors } = await connection.batch([['new-session', '-d', '-s', 'home', 'cat']], {
        stopOnError: true,
      });
      expect(errors).toEqual([]);
    }
  });

  test('that is not there is told apart from one that could not be asked', async () => {
    const { connection, box } = emptyWorld();
    const none = await connection.batch([say('x')]).catch((error: unknown) => error);
    expect(isNoServer(none)).toBe(true);
    expect(none).toMatchObject({ kind: 'tmux-unusable', message: expect.stringContaining(box.socket) });
    expect(isNoServer(await connection.batch([say('x'), say('y')]).catch((error: unknown) => error))).toBe(
      true,
    );

    const nowhere = processConnection(
      { args: ['-S', `${box.folder}/no/s`], socketPath: `${box.folder}/no/s` },
      box.env,
    );
    await expect(nowhere.batch([['new-session', '-d']], { stopOnError: true })).rejects.toThrow(
      'cannot make its socket',
    );

    const missing = processConnection(connection.address, { ...box.env, PATH: box.home });
    await expect(missing.batch([say('x')])).rejects.toThrow('tmux was not found');
  });

  test('whose file is left behind by one that was killed is none', async () => {
    const { connection, box } = world();
    const pid = Number(box.tmux('display-message', '-p', '#{pid}'));
    process.kill(pid, 'SIGKILL');
    await waitUntil('the server is gone', () => !isAlive(pid, null));
    expect(isNoServer(await connection.batch([say('x')]).catch((error: unknown) => error))).toBe(true);
    await connection.batch([['new-session', '-d', '-s', 'again', 'cat']], { stopOnError: true });
    expect(box.tmux('list-sessions', '-F', '#{session_name}')).toBe('again\n');
  });

  test('that does not answer in time is an error, not an absence', async () => {
    const { connection, box } = world();
    const pid = Number(box.tmux('display-message', '-p', '#{pid}'));
    process.kill(pid, 'SIGSTOP');
    try {
      const error = await connection.batch([say('x')], { timeout: 300 }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        kind: 'tmux-unusable',
        message: expect.stringContaining('within 0.3 s'),
      });
      expect(isNoServer(error)).toBe(false);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  test('in a folder that others can enter is refused by tmux, and so by us', async () => {
    const { box } = emptyWorld();
    const env = { ...box.env, CW_TMUX_SOCKET: 'named', TMUX_TMPDIR: box.folder };
    const address = serverAddress(env);
    mkdirSync(dirname(address.socketPath));
    chmodSync(dirname(address.socketPath), 0o777);
    const connection = processConnection(address, env);
    const error = await connection.batch([say('x')]).catch((thrown: unknown) => thrown);
    expect(isNoServer(error)).toBe(false);
    expect(error).toMatchObject({ kind: 'tmux-unusable' });
  });
});
