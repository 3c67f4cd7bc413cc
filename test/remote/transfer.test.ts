import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { transfersFolder } from '../../src/remote/transfers.js';
import type { Sandbox } from '../support/sandbox.js';
import { sshdProgram } from '../support/sshd.js';
import { twoUsers } from '../support/two-users.js';
import { waitUntil } from '../support/wait.js';

/** So many bytes a second go through ssh's connection, so that it can be cut in the middle. */
const slowly = (near: Sandbox, bytesEach10ms: number) =>
  near.file(
    'slow.mjs',
    `import { connect } from 'node:net';
import { Transform } from 'node:stream';
const slow = () => new Transform({
  highWaterMark: 1,
  transform(piece, _, done) {
    this.push(piece);
    setTimeout(done, (piece.length / ${bytesEach10ms}) * 10);
  },
});
const socket = connect(Number(process.argv[2]), '127.0.0.1');
process.stdin.pipe(slow()).pipe(socket).pipe(slow()).pipe(process.stdout);
socket.on('error', () => process.exit(1)).on('close', () => process.exit(0));
`,
  );

/** A project with work of which git knows nothing, opened and saved. */
async function shopOf(s: Sandbox, megabytes = 0): Promise<void> {
  s.file('projects/shop/cart.ts', 'export const cart = [];\n');
  const made = await s.run('bash', [
    '-ec',
    'cd projects/shop && git init -q -b main && git add . && git commit -qm Start && echo "// changed" >>cart.ts' +
      (megabytes > 0 ? ` && head -c ${megabytes}M /dev/urandom >data.bin` : ''),
  ]);
  expect(made).toMatchObject({ code: 0 });
  expect(await s.cw(['up', 'shop', '--detach'])).toMatchObject({ code: 0 });
}

function names(s: Sandbox): string[] {
  try {
    return s.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n').sort();
  } catch {
    return [];
  }
}

/** These make archives, unpack them, and wait for connections to come back. */
const limit = 240_000;

/** What lies in the folder of transfers, without what is of no size to speak of. */
function onTheWay(s: Sandbox): string[] {
  const folder = transfersFolder(s.env);
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('.lock')) : [];
}

describe.skipIf(!sshdProgram)('cw push', { timeout: limit }, () => {
  it('brings a workspace over, with its work as it was; --move closes it here', async () => {
    const { near, far } = await twoUsers();
    await shopOf(near);
    const copied = await near.cw(['push', 'shop', 'desktop', '--json']);
    expect(copied).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(copied.stdout)).toMatchObject({
      host: 'desktop',
      workspace: 'shop',
      closed: null,
      kept: null,
    });
    expect(names(far)).toEqual(['claude-dev-shop']);
    expect(names(near)).toEqual(['claude-dev-shop']);
    expect(readFileSync(join(far.home, 'projects/shop/cart.ts'), 'utf8')).toBe(
      'export const cart = [];\n// changed\n',
    );
    expect(onTheWay(far)).toEqual([]);
    expect(onTheWay(near)).toEqual([]);
    // The same again is left alone there; now it is closed here.
    const moved = await near.cw(['push', 'shop', 'desktop', '--move']);
    expect(moved.stderr).toBe('');
    expect(moved.stdout).toMatch(/is on desktop, verified/);
    expect(moved.stdout).toMatch(/^Closed shop, saved as snapshot \d+\. Undo: cw restore shop$/m);
    expect(moved.stdout).toContain('Go there: claude-switch desktop:shop');
    expect(moved.code).toBe(0);
    expect(names(near)).toEqual([]);
    expect(names(far)).toEqual(['claude-dev-shop']);
    expect(await near.cw(['restore', 'shop'])).toMatchObject({ code: 0 });
  });

  it('imports nothing of what was cut off, leaves the source, and goes on where it was', async () => {
    const { near, far, sshd } = await twoUsers();
    sshd.reachFrom(near, `Host *\n  ProxyCommand node ${slowly(near, 10_000)} %p\n`);
    await shopOf(near, 4);
    const part = () => {
      const name = onTheWay(far).find((one) => one.endsWith('.part'));
      return name === undefined ? 0 : statSync(join(transfersFolder(far.env), name)).size;
    };
    const first = near.cw(['push', 'shop', 'desktop', '--move']);
    await waitUntil('a part of it is there', () => part() > 300_000, 120_000);
    // The other machine is away for good.
    await sshd.stop();
    const failed = await first;
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toMatch(
      /The connection to desktop was cut while it answered\. Trying again in 1 s\./,
    );
    expect(failed.stderr).toMatch(/Nothing was changed here\. The same line again goes on where it was cut/);
    expect(names(near)).toEqual(['claude-dev-shop']);
    expect(names(far)).toEqual([]);
    expect(existsSync(join(far.home, 'projects'))).toBe(false);
    const reached = part();
    expect(reached).toBeGreaterThan(300_000);
    await sshd.start();
    // Cut once more, for a moment: it goes on by itself, from where the first one was.
    const second = near.cw(['push', 'shop', 'desktop', '--move']);
    await waitUntil('more of it is there', () => part() > reached + 300_000, 120_000);
    sshd.cut();
    const done = await second;
    expect(done.stderr).toMatch(
      /It goes on where it was cut: [1-9]\d? % are there\.[\s\S]*Trying again in 1 s\.\nIt goes on where it was cut/,
    );
    expect(done.code).toBe(0);
    expect(names(near)).toEqual([]);
    expect(names(far)).toEqual(['claude-dev-shop']);
    expect(statSync(join(far.home, 'projects/shop/data.bin')).size).toBe(4 * 1024 * 1024);
    expect(onTheWay(far)).toEqual([]);
  });

  it('throws away a part that is not what it should be, and sweeps what nobody came back for', async () => {
    const { near, far } = await twoUsers();
    await shopOf(near);
    const folder = transfersFolder(far.env);
    // A first push tells hash and size; the part that lies there then is damaged.
    const ran = await near.cw(['push', 'shop', 'desktop', '--as', 'one', '--into', '~/one', '--json']);
    expect(ran).toMatchObject({ code: 0 });
    const { sha256, bytes } = (JSON.parse(ran.stdout) as { archive: { sha256: string; bytes: number } })
      .archive;
    const part = join(folder, `${sha256}-${bytes}.part`);
    writeFileSync(part, Buffer.alloc(100, 'x'));
    const old = join(folder, `${'0'.repeat(64)}-5.part`);
    writeFileSync(old, 'old');
    utimesSync(old, new Date(0), new Date(0));
    const damaged = await near.cw(['push', 'shop', 'desktop', '--as', 'two', '--into', '~/two']);
    expect(damaged).toMatchObject({ code: 1, stdout: '' });
    expect(damaged.stderr).toContain('desktop: The archive that came is not the one that was sent.');
    expect(onTheWay(far)).toEqual([]);
    expect(names(far)).toEqual(['claude-dev-one']);
    // What is whole and right is taken; of this very archive it has a workspace already.
    const again = await near.cw(['push', 'shop', 'desktop', '--as', 'two', '--into', '~/two']);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toContain('It was imported from this file before, and is open');
    expect(names(far)).toEqual(['claude-dev-one']);
    expect(onTheWay(far)).toEqual([]);
  });

  it('refuses a move that would close what somebody looks at, before anything is sent', async () => {
    const { near, far } = await twoUsers();
    await shopOf(near);
    const { terminal } = await import('../support/terminal.js');
    const screen = terminal(near);
    screen.line('claude-switch shop');
    await waitUntil('a client is attached', () => near.tmux('list-clients').trim() !== '');
    const refused = await near.cw(['push', 'shop', 'desktop', '--move']);
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect(refused.stderr).toMatch(/shop: another client looks at it\.\n +Nothing was sent/);
    expect(names(far)).toEqual([]);
    expect(await near.cw(['push', 'shop', 'desktop', '--move', '--force'])).toMatchObject({ code: 0 });
    expect([names(near), names(far)]).toEqual([[], ['claude-dev-shop']]);
  });

  it('says what the far side cannot do', async () => {
    const { near, far, sshd } = await twoUsers('Host refused\n  Port 1\n');
    await shopOf(near);
    expect((await near.cw(['push', 'nope', 'desktop'])).code).toBe(3);
    expect((await near.cw(['push', 'shop', '-oProxyCommand=x'])).code).toBe(2);
    const none = await near.cw(['push', 'shop', 'refused']);
    expect(none.stderr).toMatch(/^refused refused the connection/);
    far.file(
      'bin/cw',
      '#!/bin/sh\n[ "$1" = --version ] && { echo 0.0.1; exit; }\necho "cw has no remote" >&2; exit 2\n',
      0o755,
    );
    sshd.account({ path: `${join(far.home, 'bin')}:${far.env.PATH}` });
    const older = await near.cw(['push', 'shop', 'desktop']);
    expect(older.stderr).toMatch(/The cw on desktop answered in a form .* it is 0\.0\.1/);
    expect(older.stderr).toContain('Update the one there');
    expect(names(near)).toEqual(['claude-dev-shop']);
  });
});

describe.skipIf(!sshdProgram)('cw pull', { timeout: limit }, () => {
  it('brings a workspace here; --move closes it there once it is', async () => {
    const { near, far } = await twoUsers();
    await shopOf(far);
    const copied = await near.cw(['pull', 'shop', 'desktop']);
    expect(copied.stderr).toBe('');
    expect(copied.stdout).toMatch(/came from desktop, verified/);
    expect(copied.code).toBe(0);
    expect([names(near), names(far)]).toEqual([['claude-dev-shop'], ['claude-dev-shop']]);
    expect(readFileSync(join(near.home, 'projects/shop/cart.ts'), 'utf8')).toContain('// changed');
    expect([onTheWay(near), onTheWay(far)]).toEqual([[], []]);
    const moved = await near.cw(['pull', 'shop', 'desktop', '--move', '--json']);
    expect(moved).toMatchObject({ code: 0 });
    expect(JSON.parse(moved.stdout)).toMatchObject({
      workspace: 'shop',
      closed: { name: 'shop' },
      kept: null,
    });
    expect([names(near), names(far)]).toEqual([['claude-dev-shop'], []]);
    expect((await near.cw(['pull', 'nope', 'desktop'])).stderr).toMatch(/^desktop: No workspace "nope"/);
  });

  it('goes on with the very archive when the connection was cut, and leaves the source until it is here', async () => {
    const { near, far, sshd } = await twoUsers();
    sshd.reachFrom(near, `Host *\n  ProxyCommand node ${slowly(near, 10_000)} %p\n`);
    await shopOf(far, 4);
    const part = () => {
      const name = onTheWay(near).find((one) => one.endsWith('.part'));
      return name === undefined ? 0 : statSync(join(transfersFolder(near.env), name)).size;
    };
    const running = near.cw(['pull', 'shop', 'desktop', '--move']);
    await waitUntil('a part of it is here', () => part() > 300_000, 120_000);
    sshd.cut();
    // It goes on with that one, also when the workspace has changed meanwhile.
    far.tmux('rename-window', '-t', '=claude-dev-shop:', 'renamed');
    const done = await running;
    expect(done.stderr).toMatch(
      /cut while it answered\. Trying again in 1 s\.\nIt goes on where it was cut: [1-9]/,
    );
    expect(done.code).toBe(0);
    expect([names(near), names(far)]).toEqual([['claude-dev-shop'], []]);
    expect([onTheWay(near), onTheWay(far)]).toEqual([[], []]);
  });
});
