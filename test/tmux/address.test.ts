import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { childEnv, serverAddress, serverEnv } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { endServer } from '../../src/tmux/server.js';
import { emptyWorld } from './connect.js';

const uid = userInfo().uid;

describe('which server', () => {
  test('CW_TMUX_SOCKET as a path, before $TMUX', () => {
    const env = { CW_TMUX_SOCKET: '/run/x/tmux', TMUX: '/tmp/other,1,0' };
    expect(serverAddress(env)).toEqual({ args: ['-S', '/run/x/tmux'], socketPath: '/run/x/tmux' });
  });

  test('CW_TMUX_SOCKET as a name, in the folder that tmux takes', () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cw-')));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    expect(serverAddress({ CW_TMUX_SOCKET: 'work', TMUX_TMPDIR: folder })).toEqual({
      args: ['-L', 'work'],
      socketPath: `${folder}/tmux-${uid}/work`,
    });
    // tmux passes over a TMUX_TMPDIR that is not there.
    expect(serverAddress({ CW_TMUX_SOCKET: 'work', TMUX_TMPDIR: `${folder}/none` }).socketPath).toBe(
      `${realpathSync('/tmp')}/tmux-${uid}/work`,
    );
  });

  test('$TMUX, whose path may hold commas', () => {
    expect(serverAddress({ TMUX: '/tmp/a,b/s,123,4' })).toEqual({
      args: ['-S', '/tmp/a,b/s'],
      socketPath: '/tmp/a,b/s',
      inside: true,
    });
  });

  test('otherwise the default one', () => {
    const address = { args: [], socketPath: `${realpathSync('/tmp')}/tmux-${uid}/default` };
    expect(serverAddress({})).toEqual(address);
    expect(serverAddress({ TMUX: 'nonsense', CW_TMUX_SOCKET: '' })).toEqual(address);
  });

  test('in a test never the default one', () => {
    expect(() => serverAddress({ CW_TEST: '1' })).toThrow('the default tmux server');
  });

  test('a path that is too long for a socket, and a relative one, are named', () => {
    const long = `/tmp/${'é'.repeat(60)}`;
    expect(() => serverAddress({ CW_TMUX_SOCKET: long })).toThrow(/too long \(125 bytes/);
    expect(() => serverAddress({ CW_TMUX_SOCKET: 'a/b' })).toThrow('"a/b"');
  });

  test('the computed path is where tmux puts its socket', async () => {
    const { box } = emptyWorld();
    mkdirSync(join(box.folder, 't'));
    const env = { ...box.env, CW_TMUX_SOCKET: 'named', TMUX_TMPDIR: join(box.folder, 't') };
    const address = serverAddress(env);
    const connection = processConnection(address, env);
    onTestFinished(() => endServer(connection));
    const made = await connection.batch(
      [
        ['new-session', '-d'],
        ['display-message', '-p', '#{socket_path}'],
      ],
      { stopOnError: true },
    );
    expect(made.stdout.toString()).toBe(`${address.socketPath}\n`);
  });
});

describe('environments', () => {
  test('a client does not know the session that it is called from', () => {
    expect(childEnv({ TMUX: 'x', TMUX_PANE: '%1', HOME: '/h' })).toEqual({ HOME: '/h' });
  });

  test('a server gets what a login would have', () => {
    const env = {
      HOME: '/h',
      LANG: 'C.UTF-8',
      CLAUDE_CONFIG_DIR: '/h/.claude2',
      PATH: '/p/node_modules/.bin:/x/node-gyp-bin:/p/node_modules/.bin/:/usr/bin::/home/x/bin',
      npm_config_prefix: '/x',
      npm_lifecycle_event: 'start',
      NODE: '/x/node',
      COLOR: '1',
      INIT_CWD: '/x',
      NODE_OPTIONS: '--inspect',
      CLAUDECODE: '1',
      CLAUDE_CODE_ENTRYPOINT: 'cli',
      TMUX: 'a,1,1',
      TMUX_PANE: '%1',
      TMUX_TMPDIR: '/x',
      CW_HANDOVER: '3',
      CW_TMUX_SOCKET: 's',
      CW_TEST: '1',
      VITEST_WORKER_ID: '1',
      OLDPWD: '/x',
      _: '/x/node',
    };
    expect(serverEnv(env)).toEqual({
      HOME: '/h',
      LANG: 'C.UTF-8',
      CLAUDE_CONFIG_DIR: '/h/.claude2',
      PATH: '/usr/bin:/home/x/bin',
      TMUX_TMPDIR: '/x',
    });
  });

  test('without npm its two plain names are the own ones of the user', () => {
    expect(serverEnv({ NODE: '/n', COLOR: '1', PATH: '' })).toEqual({
      NODE: '/n',
      COLOR: '1',
      PATH: '/usr/local/bin:/usr/bin:/bin',
    });
  });
});
