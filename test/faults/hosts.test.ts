import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withDaemon } from '../support/daemon.js';
import { root, sandbox } from '../support/sandbox.js';
import { end, expectSound, json, opened, serverPid, sessionsOf, sleepers } from './support.js';

/** Why no second host can be had here; null when it can. */
function noSecondHost(): string | null {
  try {
    execFileSync('unshare', ['--uts', 'hostname', 'other'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `another name for the host takes root and unshare: ${String(error).split('\n', 1)[0]}`;
  }
}

it('two hosts that share a home keep their workspaces apart, each under the same project', async (context) => {
  const why = noSecondHost();
  context.skip(why !== null, why ?? '');
  const world = sandbox();
  await opened(world, sleepers(2));
  const daemon = await withDaemon(world);
  await daemon.watching();
  await (await daemon.save()).ended;
  // The other host has another name, and a tmux server at the same place of a /tmp and a runtime folder of its own.
  const socket = join(world.folder, 'other/tmux');
  const runtime = join(world.folder, 'other/run');
  await world.run('mkdir', ['-p', '-m', '700', join(world.folder, 'other'), runtime]);
  const there = async (...args: string[]) => {
    const line = `hostname other && exec "$0" "$@"`;
    const words = ['--uts', 'sh', '-c', line, join(root, 'bin/cw'), ...args, '--json'];
    const ran = await world.run('unshare', words, {
      env: { CW_TMUX_SOCKET: socket, XDG_RUNTIME_DIR: runtime },
    });
    return { code: ran.code, stderr: ran.stderr, data: JSON.parse(ran.stdout) };
  };
  const tmuxThere = async (...args: string[]) => world.run('tmux', ['-S', socket, ...args]);

  expect((await there('list')).data).toEqual([]);
  expect((await there('restore', '--all')).data).toEqual([]);
  const up = await there('up', '--detach', join(world.home, 'projects/shop'));
  expect(up).toMatchObject({ code: 0, data: { name: 'shop', created: true } });
  await tmuxThere('rename-window', '-t', '=claude-dev-shop:', 'there');
  expect((await there('save')).data).toMatchObject([{ workspace: 'shop', failure: null }]);
  await (await daemon.save()).ended;
  const ids = [await json(world, 'snapshots', 'shop'), (await there('snapshots', 'shop')).data];
  expect(ids.map((list) => list.length > 0)).toEqual([true, true]);

  // Each dies, and comes back as its own, while the other lives.
  await end(serverPid(world));
  expect((await tmuxThere('list-sessions', '-F', '#{session_name}')).stdout).toBe('claude-dev-shop\n');
  expect((await json(world, 'restore', '--all')).workspaces).toHaveLength(1);
  expect(sessionsOf(world)).toEqual(['claude-dev-shop']);
  expect(world.tmux('list-windows', '-F', '#{window_name}')).not.toContain('there');
  await end(Number((await tmuxThere('display-message', '-p', '#{pid}')).stdout));
  expect((await there('restore', '--all')).data.workspaces).toHaveLength(1);
  expect((await tmuxThere('list-windows', '-F', '#{window_name}')).stdout).toBe('there\n');
  await end(Number((await tmuxThere('display-message', '-p', '#{pid}')).stdout));
  await daemon.stop();
  await expectSound(world);
});
