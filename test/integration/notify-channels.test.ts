import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Notice } from '../../src/integration/notify.js';
import { Channels, type NotifySettings } from '../../src/integration/notify-channels.js';
import { noticeKinds } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { readViews } from '../../src/tmux/clients.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

const off: NotifySettings = { on: noticeKinds, message: false, bell: false, command: null, webhook: null };
const notice: Notice = {
  key: 'agent %0',
  kind: 'waiting',
  level: 'warning',
  title: 'shop %0 waits for a permission',
  text: '$(touch pwned) "x" \'y\'',
  workspace: 'shop',
  pane: '%0',
};

function channels(world: Sandbox, now = Date.now) {
  const failures: string[] = [];
  const connection = processConnection(serverAddress(world.env), world.env);
  const made = new Channels({ connection, env: world.env, failed: (text) => void failures.push(text), now });
  return { failures, connection, tell: made.tell.bind(made) };
}

describe('in tmux', () => {
  it('shows what is said as it is, in each terminal, and rings the bell of the pane', async () => {
    const world = sandbox();
    world.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '100', '-y', '20', '-s', 'one', 'cat');
    world.tmux('new-window', '-d', 'cat');
    world.tmux('split-window', '-d', 'cat');
    const user = terminal(world, { columns: 120, rows: 20 });
    user.line(`tmux -u -S ${world.socket} attach -t one`);
    await user.waitFor('the session is there', '[one]');
    // It shows nothing, and is told nothing.
    const control = spawn('tmux', ['-u', '-S', world.socket, '-C', 'attach', '-t', 'one']);
    onTestFinished(() => void control.kill());
    await waitUntil('a control-mode client is there, too', () =>
      world.tmux('list-clients', '-F', '#{client_control_mode}').includes('1'),
    );
    const { connection, failures, tell } = channels(world);
    const views = await readViews(connection);
    expect(views).toEqual([
      {
        name: expect.stringMatching(/^\/dev\//),
        tty: expect.stringMatching(/^\/dev\//),
        activity: expect.any(Number),
        panes: ['%0', '%2'],
      },
    ]);
    expect(Math.abs(Date.now() / 1000 - views[0]!.activity)).toBeLessThan(60);
    world.tmux('resize-pane', '-Z', '-t', '%2');
    expect((await readViews(connection))[0]?.panes).toEqual(['%2']);

    const text = `50% #(touch ${world.home}/pwned) #{pid} %H #[fg=red]`;
    await tell([{ ...notice, text }], views, { ...off, message: true });
    await user.waitFor(
      'it is shown',
      `shop %0 waits for a permission: 50% #(touch ${world.home}/pwned) #{pid} %H # [fg=red]`,
    );
    expect(world.tmux('show-options', '-s')).not.toContain('@cw_message');

    world.tmux('set-option', '-g', 'visual-bell', 'both');
    await tell([{ ...notice, pane: '%1' }], views, { ...off, bell: true });
    await waitUntil('the window is marked', () =>
      world.tmux('list-windows', '-F', '#{window_bell_flag}').includes('1'),
    );
    // What is gone meanwhile is nobody's failure.
    await tell([{ ...notice, pane: '%77' }], [{ ...views[0]!, name: '/dev/pts/none' }], {
      ...off,
      message: true,
      bell: true,
    });
    expect(failures).toEqual([]);
    expect(existsSync(join(world.home, 'pwned'))).toBe(false);
  });
});

describe('a command', () => {
  it('gets the words as they are, or as variables of a line of sh', async () => {
    const world = sandbox();
    const { failures, tell } = channels(world);
    const file = join(world.home, 'told');
    const script = world.file('bin/tell', `#!/bin/sh\nprintf '<%s>' "$@" >'${file}'\n`, 0o755);
    await tell([notice], [], { ...off, command: [script, '{title}', '-- {text}', '{nothing}', ''] });
    expect(readFileSync(file, 'utf8')).toBe(`<${notice.title}><-- ${notice.text}><{nothing}><>`);
    await tell([notice], [], {
      ...off,
      command: `printf '%s|' "$CW_KIND" "$CW_LEVEL" "$CW_KEY" "$CW_TITLE" "$CW_TEXT" "$CW_WORKSPACE" "$CW_PANE" >'${file}'`,
    });
    expect(readFileSync(file, 'utf8')).toBe(
      ['waiting', 'warning', 'agent %0', notice.title, notice.text, 'shop', '%0', ''].join('|'),
    );
    expect(failures).toEqual([]);
  });

  it('that fails is said, and holds up nothing', async () => {
    const world = sandbox();
    const { failures, tell } = channels(world);
    await tell([notice], [], { ...off, command: 'echo no display >&2; exit 3' });
    await tell([notice], [], { ...off, command: ['no-such-program'] });
    expect(failures).toEqual([
      'notify.command failed: exit code 3: no display',
      'notify.command failed: no-such-program cannot be run (ENOENT)',
    ]);
  });
});

describe('a webhook', () => {
  /** A server that answers as it is told, and what it was sent. */
  async function server() {
    const got: unknown[] = [];
    const state = { status: 200 };
    const http = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        got.push(JSON.parse(body));
        response.writeHead(state.status, { location: '/elsewhere' }).end('x');
      });
    });
    await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
    onTestFinished(() => void http.close());
    return { got, state, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hook` };
  }

  it('gets all as JSON', async () => {
    const { got, url } = await server();
    const { failures, tell } = channels(sandbox());
    await tell([notice], [], { ...off, webhook: url });
    expect(got).toEqual([{ ...notice, host: expect.any(String), at: expect.stringMatching(/^\d{4}-.*Z$/) }]);
    expect(failures).toEqual([]);
  });

  it('that fails is asked once, follows nowhere, and is left alone after three', async () => {
    const { got, state, url } = await server();
    let now = Date.now();
    const { failures, tell } = channels(sandbox(), () => now);
    state.status = 500;
    await tell([notice], [], { ...off, webhook: url });
    expect(got).toHaveLength(1);
    state.status = 302;
    await tell([notice], [], { ...off, webhook: url });
    expect(got).toHaveLength(2);
    await tell([notice], [], { ...off, webhook: 'http://127.0.0.1:1/' });
    expect(failures).toEqual([
      'notify.webhook failed: it answered 500',
      expect.stringMatching(/^notify.webhook failed: fetch failed \(.*redirect/),
      expect.stringMatching(/^notify.webhook failed: fetch failed/),
      'notify.webhook is left alone for 10 min',
    ]);
    state.status = 200;
    for (let count = 0; count < 5; count++) await tell([notice], [], { ...off, webhook: url });
    expect(got).toHaveLength(2);
    now += 11 * 60_000;
    await tell([notice], [], { ...off, webhook: url });
    expect(got).toHaveLength(3);
  });
});
