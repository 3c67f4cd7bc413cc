import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allow, hasAcl, listOf, usersOf, withdraw } from '../../src/share/acl.js';
import { makeDoor, openDoor, removeDoor, socketIn } from '../../src/share/door.js';
import { findGuests } from '../../src/share/guests.js';
import { requireWriteAccess } from '../../src/share/write-access.js';
import { serverAddress } from '../../src/tmux/address.js';
import type { Connection } from '../../src/tmux/connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { sandbox } from '../support/sandbox.js';
import { group, noUsers, type User, user } from './users.js';

const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8);

async function door(): Promise<string> {
  const folder = makeDoor();
  const server = createServer((socket) => socket.end('in'));
  await new Promise<void>((done) => server.listen(socketIn(folder), done));
  onTestFinished(() => {
    server.close();
    removeDoor(folder);
  });
  return folder;
}

/** A PATH with a few programs of the system, and others that fail. */
function pathWith(names: readonly string[], failing: readonly string[] = []): NodeJS.ProcessEnv {
  const s = sandbox();
  mkdirSync(join(s.home, 'bin'));
  for (const name of names)
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(s.home, 'bin', name));
  for (const name of failing)
    s.file(`bin/${name}`, '#!/bin/sh\necho "Operation not supported" >&2\nexit 1\n', 0o755);
  return { PATH: join(s.home, 'bin') };
}

const enter =
  "require('net').connect(process.argv[1]).on('data', (d) => process.stdout.write(d)).on('error', (e) => process.stdout.write(e.code))";
const tries = async (who: User, folder: string, gid?: number) =>
  (await who.run(process.execPath, ['-e', enter, socketIn(folder)], gid)).stdout;

describe('the folder of a share', () => {
  it('is made for ourselves alone, under another name each time', async () => {
    const [one, other] = [await door(), await door()];
    expect(one).not.toBe(other);
    expect(mode(one)).toBe('700');
    expect(await openDoor(one, [], {})).toBe('nobody');
    expect(mode(socketIn(one))).toBe('600');
    removeDoor(one);
    expect(existsSync(one)).toBe(false);
  });

  it('is not opened when it was changed meanwhile', async () => {
    const folder = await door();
    chmodSync(folder, 0o755);
    await expect(openDoor(folder, [], {})).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('was changed by somebody'),
    });
  });

  it('is all that is ever removed', () => {
    const other = mkdtempSync(join(tmpdir(), 'cw-shared-'));
    onTestFinished(() => void execFileSync('rmdir', [other]));
    for (const path of [other, `${other}/..`, '/tmp/cw-share-x/../..', '/tmp']) removeDoor(path);
    expect(existsSync(other)).toBe(true);
  });
});

describe.skipIf(!hasAcl(process.env))('access lists', () => {
  it('are taken back from some, and gone with the last', async () => {
    const s = sandbox();
    const path = s.file('shared', '');
    const before = await listOf(path, process.env);
    const [bob, eve] = [
      { name: 'bob', uid: 4242 },
      { name: 'eve', uid: 4243 },
    ];
    expect(await allow(path, [bob, eve], 'rw', process.env)).toBe(true);
    expect(await usersOf(path, process.env)).toEqual([bob.uid, eve.uid]);
    await withdraw(path, [bob], process.env);
    expect(await usersOf(path, process.env)).toEqual([eve.uid]);
    // Who has none, loses none, and nobody else does.
    await withdraw(path, [bob], process.env);
    expect(await usersOf(path, process.env)).toEqual([eve.uid]);
    await withdraw(path, [eve], process.env);
    expect(await listOf(path, process.env)).toEqual(before);
    expect(await allow(`${path}/none`, [bob], 'rw', process.env)).toBe(false);
  });
});

describe.skipIf(noUsers)(`with other users${noUsers ? ` (skipped: ${noUsers})` : ''}`, () => {
  it('an access list lets in each of them, and nobody else', async () => {
    const [bob, carol, eve] = [user(), user(), user()];
    const folder = await door();
    const guests = await findGuests([bob.name, carol.name, bob.name, 'root'], process.env);
    expect(guests.map(({ uid }) => uid)).toEqual([bob.uid, carol.uid]);
    expect(await tries(bob, folder)).toBe('EACCES');
    expect(await openDoor(folder, guests, process.env)).toBe('acl');
    expect(mode(folder)).toBe('710');
    expect(await Promise.all([bob, carol, eve].map((who) => tries(who, folder)))).toEqual([
      'in',
      'in',
      'EACCES',
    ]);
  });

  it('a list that the folder has from elsewhere is not taken', async () => {
    const [bob, eve] = [user(), user()];
    const folder = await door();
    execFileSync('setfacl', ['-m', `u:${eve.uid}:rwx`, folder]);
    execFileSync('chmod', ['700', folder]);
    await expect(openDoor(folder, [bob], process.env)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('would let in others too'),
    });
  });

  it.each([
    ['without setfacl', ['getent'], []],
    ['where the file system takes no lists', ['getent', 'getfacl'], ['setfacl']],
  ])('%s a group lets them in that has no other members', async (_, names, failing) => {
    const [bob, eve] = [user(), user()];
    const env = pathWith(names, failing);
    const folder = await door();
    const none = openDoor(folder, [bob], env);
    await expect(none).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(`There is no way to let in ${bob.name} and nobody else`),
      hint: expect.stringContaining(`gpasswd -M ${bob.name},`),
    });
    expect(mode(folder)).toBe('700');

    const wide = group(bob, eve);
    await expect(openDoor(folder, [bob], env)).rejects.toMatchObject({ kind: 'refused' });
    expect(await tries(bob, folder, wide)).toBe('EACCES');

    // A member by the account itself, whom the group's own line does not name.
    const own = group(bob);
    execFileSync('usermod', ['-g', String(own), user().name]);
    await expect(openDoor(folder, [bob], env)).rejects.toMatchObject({ kind: 'refused' });
    expect(mode(folder)).toBe('700');

    const exact = group(bob);
    expect(await openDoor(folder, [bob], env)).toBe('group');
    expect([mode(folder), mode(socketIn(folder)), statSync(folder).gid]).toEqual(['710', '660', exact]);
    expect(await tries(bob, folder, exact)).toBe('in');
    expect(await tries(eve, folder)).toBe('EACCES');
  });
});

describe('write access', () => {
  const connection = { address: { args: [], socketPath: '/tmp/x/tmux' } } as unknown as Connection;
  it('is refused on an older tmux, and without setfacl', async () => {
    const guests = [{ name: 'bob', uid: 4242 }];
    await expect(requireWriteAccess(connection, 302, guests, process.env)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('3.3 or newer'),
    });
    await expect(requireWriteAccess(connection, 303, guests, { PATH: '/nonexistent' })).rejects.toMatchObject(
      {
        kind: 'refused',
        message: expect.stringContaining('setfacl is not there'),
      },
    );
  });

  it.skipIf(!hasAcl(process.env))(
    'is refused where somebody has rights already on the socket or its folder',
    async () => {
      const s = sandbox();
      s.tmux('-f', '/dev/null', 'new-session', '-d');
      chmodSync(s.folder, 0o711);
      const real = processConnection(serverAddress(s.env), s.env);
      const bob = { name: 'bob', uid: 4242 };
      const asked = () => requireWriteAccess(real, 303, [bob], process.env);
      await asked();
      for (const path of [s.socket, dirname(s.socket)]) {
        await allow(path, [bob], 'rw', process.env);
        await expect(asked()).rejects.toMatchObject({
          kind: 'refused',
          message: expect.stringContaining('bob was let in to this tmux server before'),
        });
        await withdraw(path, [bob], process.env);
      }
      chmodSync(s.folder, 0o700);
      await expect(asked()).rejects.toMatchObject({ message: expect.stringContaining('is closed to them') });
    },
  );
});
