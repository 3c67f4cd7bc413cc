import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { endServer } from '../../src/tmux/server.js';
import { readIfRunning, startServer } from '../../src/workspace/start-server.js';
import { sandbox } from '../support/sandbox.js';

it('a server is started by the words before tmux, and without them where they fail', async () => {
  const world = sandbox();
  const connection = processConnection(serverAddress(world.env), world.env);
  const prefix = world.file(
    'bin/scope',
    `#!/bin/sh\necho "$@" >>'${world.folder}/said'\nshift\nexec "$@"\n`,
    0o755,
  );
  const started = await startServer(connection, '0000000001', world.env, [prefix, '--']);
  expect(started.reading.pid).toBe(Number(world.tmux('display-message', '-p', '#{pid}')));
  expect(readFileSync(join(world.folder, 'said'), 'utf8')).toMatch(/^-- tmux -u -S \S+ new-session /);
  world.tmux('kill-session', '-t', started.keeper);

  const other = sandbox();
  const its = processConnection(serverAddress(other.env), other.env);
  const broken = other.file('bin/scope', '#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n', 0o755);
  const without = await startServer(its, '0000000002', other.env, [broken, '--']);
  expect(without.reading.pid).toBe(Number(other.tmux('display-message', '-p', '#{pid}')));
});

it('a server with a name is started in the folder of TMUX_TMPDIR, and found there again', async () => {
  const world = sandbox();
  const env = { ...world.env, TMUX_TMPDIR: join(world.folder, 't'), CW_TMUX_SOCKET: 'named' };
  mkdirSync(env.TMUX_TMPDIR);
  const connection = processConnection(serverAddress(env), env);
  onTestFinished(() => endServer(connection));
  const started = await startServer(connection, '0000000003', env);
  expect((await readIfRunning(connection))?.pid).toBe(started.reading.pid);
});
