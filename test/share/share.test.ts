import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isKept, readShares } from '../../src/share/record.js';
import { isAlive } from '../../src/system/process.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';
import { allGone, onlooker, print, ran, share, twoWorkspaces } from './shared.js';
import { noUsers, user } from './users.js';

const folderOf = (world: Sandbox) => serverFolder(world.socket, world.env);
const clientOf = (world: Sandbox) => world.tmux('list-clients', '-F', '#{client_tty}').trim();
const paneSize = (world: Sandbox) =>
  world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{window_width}x#{window_height}').trim();

describe.skipIf(noUsers)(`a share with a second user${noUsers ? ` (skipped: ${noUsers})` : ''}`, () => {
  it('is seen by who is named, and by nobody else', async () => {
    const world = await twoWorkspaces();
    const [bob, eve] = [user(), user()];
    const { socket, folder, way } = await share(world, 'shop', '--user', bob.name);
    expect(way).toBe('acl');
    const screen = terminal(world, { columns: 220, rows: 60 });
    screen.line(bob.line(`view ${socket}`));
    await screen.waitFor('bob sees the screen', 'WORD-OF-SHOP');
    await screen.waitFor('whose it is', /shop, shown by root until [-\d ]*\d\d:\d\d · q leaves/);
    print(world, 'shop', 'LATER-WORD');
    await screen.waitFor('what changes is seen', /^LATER-WORD/m);

    expect(await eve.cw('view', socket)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(`${socket} is not shared with you.`),
    });
    expect((await eve.run('ls', [folder!])).code).not.toBe(0);
    // Who may enter can do no more than connect.
    expect((await bob.run('ls', [folder!])).code).not.toBe(0);
    expect((await bob.run('touch', [`${folder}/mine`])).code).not.toBe(0);
    expect((await bob.run('rm', ['-f', socket])).code).not.toBe(0);
    expect((await bob.run('tmux', ['-S', world.socket, 'ls'])).code).not.toBe(0);

    screen.keys('q');
    await screen.waitFor('bob has left', 'You left shop.');
    expect(screen.screen()).not.toContain('WORD-OF-SHOP');
    screen.line('echo "the terminal is $(stty -a | grep -c " icanon ")"');
    await screen.waitFor('his terminal is as before', 'the terminal is 1');
  });

  it('is for its owner alone where nobody is named', async () => {
    const world = await twoWorkspaces();
    const eve = user();
    const { socket, way } = await share(world, 'shop');
    expect(way).toBe('nobody');
    expect((await eve.cw('view', socket)).code).toBe(4);
    expect((await world.cw(['view', socket])).stdout).toMatch(/^WORD-OF-SHOP/m);
  });

  it('takes nothing from who looks', async () => {
    const world = await twoWorkspaces();
    const bob = user();
    const { socket } = await share(world, 'shop', '--user', bob.name);
    const screen = terminal(world, { columns: 220, rows: 60 });
    screen.line(bob.line(`view ${socket}`));
    await screen.waitFor('bob sees the screen', 'WORD-OF-SHOP');
    const raw = await onlooker(socket);
    raw.send('echo TYPED\r\x02d\x02s\x04');
    screen.line('echo TYPED');
    screen.keys('C-b', 'd', 'C-b', 's');
    print(world, 'shop', 'AFTER-THAT');
    await screen.waitFor('it goes on', /^AFTER-THAT/m);
    await waitUntil('the other one too', () => /^AFTER-THAT/m.test(raw.picture()));
    expect(world.screen('=claude-dev-shop:')).not.toContain('TYPED');
    expect(world.tmux('display-message', '-p', '-t', '=claude-dev-shop:', '#{pane_in_mode}').trim()).toBe(
      '0',
    );
  });

  it('lets them type with --write, after it was said what that is, until it ends', async () => {
    const world = await twoWorkspaces();
    const [bob, eve] = [user(), user()];
    const words = ['share', 'shop', '--user', bob.name, '--write'];
    expect(await world.cw([...words, '--yes'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('is closed to them'),
    });
    await world.run('chmod', ['711', world.folder]);
    const refused = await world.cw(words);
    expect(refused).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('This gives your account away.'),
    });
    expect(refused.stderr).toContain('Nothing was shared.');

    const tmux = (who: typeof bob, ...args: string[]) => who.run('tmux', ['-S', world.socket, ...args]);
    const list = async (path: string) => (await world.run('getfacl', ['-cpn', path])).stdout;
    const places = [world.socket, `${world.folder}/s`];
    const before = await Promise.all(places.map(list));
    const record = await share(world, ...words.slice(1), '--yes');
    expect(record).toMatchObject({ mode: 'write', socket: world.socket });
    expect(await tmux(bob, 'display-message', '-p', '#{socket_path}')).toMatchObject({ code: 0 });
    expect((await tmux(bob, 'send-keys', '-t', '=claude-dev-shop:', 'echo BY-BOB', 'Enter')).code).toBe(0);
    await waitUntil('what bob typed is there', () => world.screen('=claude-dev-shop:').includes('BY-BOB'));
    expect((await tmux(eve, 'ls')).code).not.toBe(0);
    expect(await ran(world, 'list')).toMatch(
      new RegExp(`shop is shared: ${bob.name} can use your account until`),
    );

    await ran(world, 'unshare', 'shop');
    expect((await tmux(bob, 'ls')).code).not.toBe(0);
    expect(world.tmux('server-access', '-l')).not.toContain(bob.name);
    expect(await Promise.all(places.map(list))).toEqual(before);
    expect(readShares(folderOf(world))).toEqual([]);
  });

  it('takes write access back when its time is over, and when its process was killed', async () => {
    const world = await twoWorkspaces();
    const bob = user();
    await world.run('chmod', ['711', world.folder]);
    const words = ['shop', '--user', bob.name, '--write', '--yes'];
    const may = async () => (await bob.run('tmux', ['-S', world.socket, 'ls'])).code === 0;
    await share(world, ...words, '--for', '10s');
    expect(await may()).toBe(true);
    await waitUntil(
      'the time is over',
      async () => !(await may()) && readShares(folderOf(world)).length === 0,
    );

    const record = await share(world, ...words);
    process.kill(record.pid, 'SIGKILL');
    await waitUntil('its process is gone', () => !isKept(record));
    expect(await may(), 'when nobody ends it').toBe(true);
    // A look at health takes it back.
    await world.cw(['health']);
    expect(await may()).toBe(false);
    expect(world.tmux('server-access', '-l')).not.toContain(bob.name);
    // One who was let in by other means is left as he is.
    world.tmux('server-access', '-a', bob.name);
    expect(await world.cw(['share', ...words])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('was let in to this tmux server before'),
    });
    expect(world.tmux('server-access', '-l')).toContain(bob.name);
  });
});

describe('a share', () => {
  it('has a whole picture for each newcomer, and goes on for the others', async () => {
    const world = await twoWorkspaces();
    const { socket } = await share(world, 'shop');
    const written = () => Number(world.tmux('list-clients', '-F', '#{client_written}'));
    const before = written();
    const first = await onlooker(socket);
    await waitUntil('the first has a picture', () => /^WORD-OF-SHOP/m.test(first.picture()));
    // Beside the picture that is kept: whatever went wrong in that is right then.
    await waitUntil('tmux has drawn all anew', () => written() > before + 100);
    print(world, 'shop', 'SECOND-WORD');
    await waitUntil('the first sees more', () => /^SECOND-WORD/m.test(first.picture()));
    const second = await onlooker(socket);
    await waitUntil('the second has all of it', () =>
      /^WORD-OF-SHOP[\s\S]*^SECOND-WORD[\s\S]*0:code\*/m.test(second.picture()),
    );
    expect(second.messages.map(({ kind }) => kind).slice(0, 2)).toEqual(['hello', 'screen']);
    print(world, 'shop', 'THIRD-WORD');
    for (const one of [first, second])
      await waitUntil('both go on', () => /^WORD-OF-SHOP[\s\S]*^THIRD-WORD/m.test(one.picture()));
  });

  it('ends when its view is moved, and shows nothing of where it went', async () => {
    const world = await twoWorkspaces();
    const record = await share(world, 'shop');
    const one = await onlooker(record.socket);
    await waitUntil('it has a picture', () => /^WORD-OF-SHOP/m.test(one.picture()));
    world.tmux('switch-client', '-c', clientOf(world), '-t', '=claude-dev-api:');
    expect(await one.ended()).toEqual({
      kind: 'end',
      reason: 'moved',
      text: 'Its tmux client was moved to another session.',
    });
    expect(one.raw()).not.toMatch(/claude-dev-api|WORD-OF-API/);
    await allGone(world, record);
  });

  it('ends when it was moved there and back', async () => {
    const world = await twoWorkspaces();
    const record = await share(world, 'shop');
    const one = await onlooker(record.socket);
    const client = clientOf(world);
    world.tmux(
      ...['switch-client', '-c', client, '-t', '=claude-dev-api:', ';'],
      ...['switch-client', '-c', client, '-t', '=claude-dev-shop:'],
    );
    expect((await one.ended()).reason).toBe('moved');
    expect(one.raw()).not.toMatch(/claude-dev-api|WORD-OF-API/);
  });

  it('ends when the session ends, also where tmux would move its clients to another', async () => {
    const world = await twoWorkspaces();
    world.tmux('set-option', '-g', 'detach-on-destroy', 'off');
    const record = await share(world, 'shop');
    const one = await onlooker(record.socket);
    await waitUntil('it has a picture', () => /^WORD-OF-SHOP/m.test(one.picture()));
    world.tmux('kill-session', '-t', '=claude-dev-shop:');
    expect(await one.ended()).toMatchObject({ reason: 'closed', text: 'shop was closed.' });
    expect(one.raw()).not.toMatch(/claude-dev-api|WORD-OF-API/);
    await allGone(world, record);
  });

  it('ends with cw kill, with cw unshare, with its time, and with the tmux server', async () => {
    const world = await twoWorkspaces();
    const begin = async (...args: string[]) => {
      const record = await share(world, 'shop', ...args);
      const screen = terminal(world);
      screen.line(`cw view ${record.socket}`);
      await screen.waitFor('the screen is seen', 'shown by');
      return { record, screen };
    };
    const timed = await begin('--for', '3s');
    await timed.screen.waitFor('that it is over', 'The share of shop is over. Its time of 3 s is over.');
    await allGone(world, timed.record);

    const unshared = await begin();
    expect(await ran(world, 'unshare', 'shop')).toBe('The share of shop is over.\n');
    await allGone(world, unshared.record);
    await unshared.screen.waitFor('who ended it', /The share of shop is over\. \S+ ended the share\./);
    expect(await ran(world, 'unshare')).toBe('Nothing is shared.\n');

    const killed = await begin();
    await ran(world, 'kill', 'shop', '--force');
    await killed.screen.waitFor('why it ended', 'The share of shop is over. shop was closed.');
    await allGone(world, killed.record);

    const record = await share(world, 'api');
    const one = await onlooker(record.socket);
    world.tmux('kill-server');
    expect((await one.ended()).reason).toBe('closed');
    await allGone(world, record);
    expect(readShares(folderOf(world))).toEqual([]);
  });

  it('leaves nothing alive when its process is killed, and health takes the rest away', async () => {
    const world = await twoWorkspaces();
    const record = await share(world, 'shop');
    const screen = terminal(world);
    screen.line(`cw view ${record.socket}`);
    await screen.waitFor('the screen is seen', 'shown by');
    process.kill(record.pid, 'SIGKILL');
    await screen.waitFor('that it broke off', 'The share broke off. The process that kept it is gone.');
    await waitUntil('no client is left', () => clientOf(world) === '');
    expect(existsSync(record.folder!)).toBe(true);
    expect(await world.cw(['view', record.socket])).toMatchObject({ code: 3 });
    await world.cw(['health']);
    expect(existsSync(record.folder!)).toBe(false);
    expect(readShares(folderOf(world))).toEqual([]);
  });

  it('is told by health, status and list while it lasts', async () => {
    const world = await twoWorkspaces();
    const well = JSON.parse((await world.cw(['health', '--all', '--json'])).stdout);
    const levels = (said: { findings: { id: string; workspace: string; level: string }[] }) =>
      said.findings
        .filter(({ id }) => id === 'shared')
        .map(({ workspace, level }) => `${workspace} ${level}`)
        .sort();
    expect(levels(well)).toEqual(['api ok', 'shop ok']);
    await share(world, 'shop', '--for', '2h');
    expect(levels(JSON.parse((await world.cw(['health', '--all', '--json'])).stdout))).toEqual([
      'api ok',
      'shop warning',
    ]);
    const { stdout } = await world.cw(['health', 'shop']);
    expect(stdout).toMatch(/! shared .* you can look until .*\n.*End it: cw unshare shop/);
    expect(await ran(world, 'status', 'shop')).toMatch(/! shared: you can look until/);
    expect(await ran(world, 'list')).toMatch(/shop is shared: you can look until .* \(cw unshare shop\)/);
    const [shop] = JSON.parse(await ran(world, 'list', '--json')).filter(
      ({ name }: { name: string }) => name === 'shop',
    );
    // Its own client is nobody who works there; cleaning says what it is.
    expect(shop.attached).toBe(false);
    expect(JSON.parse(await ran(world, 'cleanup', '--json'))).toMatchObject({
      workspaces: expect.arrayContaining([
        expect.objectContaining({ name: 'shop', action: 'keep', ground: 'shared' }),
      ]),
    });
    expect(shop.shared).toEqual([{ mode: 'view', users: [], endsAt: expect.any(String) }]);
    expect(await world.cw(['share', 'shop'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('shared already'),
    });
  });

  it('leaves the size of windows as it is, and follows it', async () => {
    const world = await twoWorkspaces();
    const owner = terminal(world, { columns: 100, rows: 31 });
    owner.line('cw switch shop');
    await waitUntil('the owner is attached', () => paneSize(world) === '100x30');
    const { socket } = await share(world, 'shop');
    const one = await onlooker(socket);
    const size = () =>
      one.messages.flatMap((m) => (m.kind === 'screen' ? `${m.columns}x${m.rows}` : [])).at(-1);
    await waitUntil('it has the size of the window', () => size() === '100x31');
    expect(paneSize(world)).toBe('100x30');
    owner.resize(90, 25);
    await waitUntil('the view follows', () => size() === '90x25');
    expect(paneSize(world)).toBe('90x24');
    world.tmux('set-option', '-g', 'status', '2');
    await waitUntil(
      'lines of the status line count',
      () => size() === '90x25' && paneSize(world) === '90x23',
    );
    const small = terminal(world, { columns: 40, rows: 10 });
    small.line(`cw view ${socket}`);
    await small.waitFor('a part of it', /shop, shown by/);
    small.resize(80, 12);
    await small.waitFor('what it is a part of', /· a part of 90x25 · q leaves/);
    small.resize(120, 40);
    const whole = await small.waitFor('all of it', /0:code\*/);
    expect(whole).not.toContain('a part of');
    print(world, 'shop', 'AT-THE-END');
    await small.waitFor('it goes on', /^AT-THE-END/m);
  });

  it('does not hold more for a viewer that takes nothing, and does not wait for it', async () => {
    const world = await twoWorkspaces();
    const { socket, pid } = await share(world, 'shop');
    const [slow, quick] = [await onlooker(socket), await onlooker(socket)];
    await waitUntil('it has a picture', () => slow.picture().includes('WORD-OF-SHOP'));
    slow.pause();
    world.tmux('send-keys', '-t', '=claude-dev-shop:', 'seq 1 400000; echo D""ONE', 'Enter');
    await waitUntil('the quick one sees the end', () => /^DONE/m.test(quick.picture()));
    slow.resume();
    await waitUntil('the slow one is there too', () => /^DONE/m.test(slow.picture()));
    expect(slow.picture().trimEnd()).toBe(quick.picture().trimEnd());
    // What lay in the socket's buffers, and the newest picture: not the 400,000 lines.
    expect(slow.bytes()).toBeLessThan(3_000_000);
    expect(isAlive(pid, null)).toBe(true);
  });

  it('lets nothing of the workspace act on the terminal of who looks', async () => {
    const world = await twoWorkspaces();
    world.tmux('set-option', '-s', 'set-clipboard', 'on');
    world.tmux('set-option', '-g', 'set-titles', 'on');
    const { socket } = await share(world, 'shop');
    const one = await onlooker(socket);
    world.file(
      'acts',
      '\x1b]52;c;Q0xJUEJPQVJE\x07\x1b]2;TITLE-OF-IT\x07\x1b[c\x1b[?1003h\x1bPtmux;x\x1b\\ACTED\n',
    );
    world.tmux('send-keys', '-t', '=claude-dev-shop:', 'cat ~/acts', 'Enter');
    await waitUntil('it was printed', () => one.picture().includes('ACTED'));
    world.tmux('send-keys', '-t', '=claude-dev-shop:', 'clear', 'Enter');
    print(world, 'shop', 'AFTER-THAT');
    await waitUntil('it goes on', () => /^AFTER-THAT/m.test(one.picture()));
    expect(one.raw()).not.toMatch(/Q0xJ|\\u001b|\\u0007/);
  });

  it('is refused for what is no user, no workspace and no time', async () => {
    const world = await twoWorkspaces();
    const lines: [words: string[], code: number, said: string][] = [
      [['shop', '--user', 'nobody-of-that-name'], 3, 'There is no user nobody-of-that-name'],
      [['shop', '--user=--help'], 2, 'is not a user'],
      [['shop', '--user', 'x; touch pwned'], 2, 'is not a user'],
      [['shop', '--user', ''], 2, 'is not a user'],
      [['shop', '--user', 'a,u:b'], 2, 'is not a user'],
      [['shop', '--user', 'a\x1b[31m'], 2, 'is not a user'],
      [['no-such', '--for', '1h'], 3, 'No workspace "no-such"'],
      [['shop', '--for', '0s'], 2, 'is no time to share for'],
      [['shop', '--for', 'a while'], 2, 'is no time to share for'],
      [['shop', '--for', '8d'], 2, 'at most 7d'],
      [['shop', '--write', '--yes'], 2, '--write needs to be told who'],
    ];
    for (const [words, code, said] of lines) {
      const answer = await world.cw(['share', ...words]);
      expect({ words, ...answer }).toMatchObject({ words, code, stderr: expect.stringContaining(said) });
      expect(answer.stderr).not.toContain('\x1b');
    }
    expect(readShares(folderOf(world))).toEqual([]);
  });

  it('is refused without the program that makes terminals, and nothing is left', async () => {
    const world = await twoWorkspaces();
    world.file('bin/script', '#!/bin/sh\necho "script: no terminals left" >&2\nexit 1\n', 0o755);
    const PATH = `${world.home}/bin:${world.env.PATH}`;
    const answer = await world.cw(['share', 'shop'], { env: { PATH } });
    expect(answer).toMatchObject({ code: 1, stderr: expect.stringContaining('no terminals left') });
    expect(readShares(folderOf(world))).toEqual([]);
  });

  it('stays in the foreground when it is told to', async () => {
    const world = await twoWorkspaces();
    const screen = terminal(world);
    screen.line('cw share shop --foreground');
    await screen.waitFor('it says how to look', /cw view \/tmp\/cw-share-[0-9a-f]{16}\/socket/);
    expect(readShares(folderOf(world))).toHaveLength(1);
    screen.keys('C-c');
    await screen.waitFor('it has ended', 'The share of shop is over.');
    expect(readShares(folderOf(world))).toEqual([]);
  });
});

describe('cw view', () => {
  it('says what is wrong with a path that is no share', async () => {
    const world = sandbox();
    for (const path of [
      '/tmp/cw-share-0000000000000000/socket',
      '/etc/passwd',
      '/etc/passwd/x',
      `/tmp/${'x'.repeat(300)}`,
    ]) {
      const answer = await world.cw(['view', path]);
      expect({ path, ...answer }).toMatchObject({
        path,
        code: 3,
        stderr: expect.stringContaining('Nothing is shared on'),
      });
    }
  });
});
