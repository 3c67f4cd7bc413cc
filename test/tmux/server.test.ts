import { existsSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isAlive } from '../../src/system/process.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { readSessions } from '../../src/tmux/reading.js';
import { endServer, serverState } from '../../src/tmux/server.js';
import { waitUntil } from '../support/wait.js';
import { emptyWorld, world } from './connect.js';

describe('whether a server runs', () => {
  test('is one of three answers', async () => {
    const { connection, box } = emptyWorld();
    expect(await serverState(connection)).toBe('none');
    box.tmux('new-session', '-d', 'cat');
    expect(await serverState(connection)).toBe('running');
    await endServer(connection);
    expect(await serverState(connection)).toBe('none');
    const broken = processConnection(connection.address, { PATH: box.home });
    await expect(serverState(broken)).rejects.toThrow('tmux was not found');
  });

  test('a stale socket file is none', async () => {
    const { connection, box } = world();
    const pid = Number(box.tmux('display-message', '-p', '#{pid}'));
    process.kill(pid, 'SIGKILL');
    await waitUntil('the server is gone', () => !isAlive(pid, null));
    expect(existsSync(box.socket)).toBe(true);
    expect(await serverState(connection)).toBe('none');
    expect(await readSessions(connection)).toBe(null);
  });

  test.runIf(existsSync('/proc/net/unix'))('a server that has lost its socket file is not none', async () => {
    const { connection, box } = world();
    const pid = Number(box.tmux('display-message', '-p', '#{pid}'));
    rmSync(box.socket);
    const error = await serverState(connection).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      kind: 'tmux-unusable',
      hint: expect.stringContaining(`kill -USR1 ${pid}`),
    });
    await expect(readSessions(connection)).rejects.toThrow('was deleted');
    process.kill(pid, 'SIGUSR1');
    await waitUntil('the socket is there again', () => existsSync(box.socket));
    expect(await serverState(connection)).toBe('running');
  });

  test('it is ended with its process gone, so that the next can start at once', async () => {
    const { connection, box } = world();
    const pid = Number(box.tmux('display-message', '-p', '#{pid}'));
    await endServer(connection);
    expect(isAlive(pid, null)).toBe(false);
    await endServer(connection);
    box.tmux('new-session', '-d', 'cat');
  });
});
