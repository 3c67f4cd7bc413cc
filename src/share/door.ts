import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CwError } from '../errors.js';
import { randomHex } from '../system/random.js';
import { allow, hasAcl, listOf } from './acl.js';
import { type Guest, groupOfExactly } from './guests.js';

type Env = NodeJS.ProcessEnv;

/**
 * The folder of a viewer socket. Who may enter it may connect, and nobody else: Node cannot ask a socket who is at its
 * other end, so that the system has to keep others out. It lies in /tmp, since the home and the runtime folder of who
 * shares are closed to others.
 */

const parent = '/tmp';
const namePattern = /^\/tmp\/cw-share-[0-9a-f]{16}$/;

/** How others are let in: nobody is; a list on the file; a group that has no other members. */
export type Way = 'nobody' | 'acl' | 'group';

export function socketIn(folder: string): string {
  return join(folder, 'socket');
}

/**
 * Makes the folder, for ourselves alone (0700) under a name that nobody can know before.
 *
 * @throws CwError `refused` where anybody could put another one in its place.
 */
export function makeDoor(): string {
  const { mode, uid } = statSync(parent);
  if (uid !== 0 || ((mode & 0o002) !== 0 && (mode & 0o1000) === 0)) {
    throw new CwError(
      'refused',
      `${parent} is not safe: others could put a folder of theirs in the place of ours.`,
      {
        hint: `It has to be root's, with mode 1777: chmod 1777 ${parent}`,
      },
    );
  }
  const folder = join(parent, `cw-share-${randomHex(8)}`);
  mkdirSync(folder, { mode: 0o700 }); // fails where there is one
  requireOurs(folder);
  return folder;
}

function requireOurs(folder: string): void {
  const stat = lstatSync(folder);
  if (stat.isDirectory() && stat.uid === userInfo().uid && (stat.mode & 0o777) === 0o700) return;
  throw new CwError('refused', `${folder} was changed by somebody while it was made.`);
}

/**
 * Lets these users in, the folder last: until then nobody else can reach the socket. What was given is read back.
 *
 * @throws CwError `refused` where there is no way to let in exactly these.
 */
export async function openDoor(folder: string, guests: readonly Guest[], env: Env): Promise<Way> {
  const socket = socketIn(folder);
  chmodSync(socket, 0o600);
  requireOurs(folder);
  if (guests.length === 0) return 'nobody';
  if (hasAcl(env)) {
    if ((await allow(socket, guests, 'rw', env)) && (await allow(folder, guests, 'x', env))) {
      await requireExactly(folder, guests, env);
      return 'acl';
    }
    // This file system has no lists: what a first call may have given goes.
    chmodSync(folder, 0o700);
  }
  const gid = await groupOfExactly(guests, env);
  if (gid === null) throw noWay(guests, env);
  chownSync(socket, -1, gid);
  chmodSync(socket, 0o660);
  chownSync(folder, -1, gid);
  chmodSync(folder, 0o710);
  return 'group';
}

/** A list that a folder got from the one above it could let in more than was meant. */
async function requireExactly(folder: string, guests: readonly Guest[], env: Env): Promise<void> {
  const wanted = [
    'group::---',
    'mask::--x',
    'other::---',
    'user::rwx',
    ...guests.map(({ uid }) => `user:${uid}:--x`),
  ].sort();
  const found = await listOf(folder, env);
  if (found?.join() === wanted.join()) return;
  throw new CwError(
    'refused',
    `${folder} would let in others too: its access list is ${found?.join(' ') ?? 'not to be read'}.`,
    {
      hint: `Does ${parent} have a default list? See: getfacl ${parent}`,
    },
  );
}

function noWay(guests: readonly Guest[], env: Env): CwError {
  const names = guests.map(({ name }) => name);
  const why = hasAcl(env) ? `${parent} takes no access lists` : 'setfacl is not there';
  return new CwError(
    'refused',
    `There is no way to let in ${names.join(' and ')} and nobody else: ${why}, and no group has exactly these members.`,
    {
      hint: [
        ...(hasAcl(env) ? [] : ['Install setfacl: apt install acl, dnf install acl.']),
        `Or have root make a group of them: groupadd cw-guests; gpasswd -M ${names.join(',')},${userInfo().username} cw-guests   (then log in anew)`,
      ].join('\n'),
    },
  );
}

/** Removes the folder with its socket, when it is one of ours. */
export function removeDoor(folder: string): void {
  if (!namePattern.test(folder)) return;
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat?.isDirectory() && stat.uid === userInfo().uid) rmSync(folder, { recursive: true, force: true });
}
