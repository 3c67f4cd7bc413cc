import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CwError } from '../errors.js';
import { processStart } from '../system/process.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import { allow, hasAcl, usersOf, withdraw } from './acl.js';
import { sizeOfSession } from './client.js';
import type { Guest } from './guests.js';
import { Lifetime } from './lifetime.js';
import { removeShare, type ShareRecord, writeShare } from './record.js';
import type { Ended, ShareOptions } from './relay.js';

type Env = NodeJS.ProcessEnv;

/** CHANGES of tmux: `server-access` came with 3.3. */
const since = 303;

/**
 * What has to be so before the tmux server itself can be given to others.
 *
 * @param version of the server, as major * 100 + minor.
 * @throws CwError `refused` with what is missing.
 */
export async function requireWriteAccess(
  connection: Connection,
  version: number,
  guests: readonly Guest[],
  env: Env,
): Promise<void> {
  if (version < since) {
    throw new CwError(
      'refused',
      `The tmux server that runs is too old to let in others: 3.3 or newer is needed.`,
      {
        hint: 'Let them look instead, without --write; or install a newer tmux and end the server: tmux kill-server',
      },
    );
  }
  if (!hasAcl(env)) {
    throw new CwError(
      'refused',
      'setfacl is not there, by which exactly these users get to the socket of tmux.',
      {
        hint: 'Install it: apt install acl, dnf install acl.',
      },
    );
  }
  const { socketPath } = connection.address;
  const shut = foldersAbove(dirname(socketPath)).find((folder) => (statSync(folder).mode & 0o001) === 0);
  if (shut !== undefined) {
    throw new CwError(
      'refused',
      `Others cannot get to the socket of tmux (${socketPath}): ${shut} is closed to them.`,
      {
        hint: 'Use a server whose socket lies in /tmp (tmux does so without TMUX_TMPDIR), or let them look, without --write.',
      },
    );
  }
  const { stdout } = await connection.batch([['server-access', '-l']]);
  const known = stdout
    .toString()
    .split('\n')
    .map((line) => line.replace(/ \([RW]\)$/, ''));
  const uids = [
    ...((await usersOf(socketPath, env)) ?? []),
    ...((await usersOf(dirname(socketPath), env)) ?? []),
  ];
  const already = guests.find(({ name, uid }) => known.includes(name) || uids.includes(uid));
  if (already) {
    throw new CwError('refused', `${already.name} was let in to this tmux server before, and not by cw.`, {
      hint: `See: tmux server-access -l; getfacl ${socketPath}. To take it back: tmux server-access -d ${already.name}`,
    });
  }
}

function foldersAbove(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [] : [above, ...foldersAbove(above)];
}

/**
 * Lets the guests use the tmux server until the share ends, and withdraws all of it then.
 *
 * @throws CwError `failed` when they could not be let in; nothing is left of it then.
 */
export async function giveWriteAccess(options: ShareOptions, signal: AbortSignal): Promise<Ended> {
  const { connection, env, folder, workspace, guests } = options;
  const { socketPath } = connection.address;
  const life = new Lifetime(options.span);
  const share: ShareRecord = {
    format: 1,
    id: randomHex(8),
    workspace: workspace.id,
    name: workspace.name,
    mode: 'write',
    guests,
    way: 'acl',
    socket: socketPath,
    folder: null,
    opened: [dirname(socketPath), socketPath],
    startedAt: life.startedAt,
    endsAt: life.endsAt,
    pid: process.pid,
    ready: false,
    processStart: processStart(process.pid),
  };
  // Written down first: whatever happens to us, what was given is known, and can be taken back.
  writeShare(folder, share);
  try {
    const { errors } = await connection.batch(
      guests.flatMap(({ name }) => [
        ['server-access', '-a', name],
        ['server-access', '-w', name],
      ]),
    );
    if (errors.length > 0) throw new CwError('failed', `tmux did not let them in: ${errors.join('; ')}.`);
    if (
      !(await allow(socketPath, guests, 'rw', env)) ||
      !(await allow(dirname(socketPath), guests, 'x', env))
    ) {
      throw new CwError('failed', `${socketPath} takes no access lists, so its guests would not get to it.`, {
        hint: 'Use a server whose socket lies in another folder (CW_TMUX_SOCKET), or let them look, without --write.',
      });
    }
    const given = { ...share, ready: true };
    writeShare(folder, given);
    options.onReady(given);
    return await life.over(signal, async () =>
      existsSync(socketPath) && (await isOpen(connection, workspace.session))
        ? null
        : { reason: 'closed', text: `${workspace.name} was closed.` },
    );
  } finally {
    life.stop();
    await takeBack(connection, share, env);
    removeShare(folder, share.id);
  }
}

/** false only where it is certain: a server that does not answer may still run. */
async function isOpen(connection: Connection, session: string): Promise<boolean> {
  try {
    return (await sizeOfSession(connection, session)) !== null;
  } catch {
    return existsSync(connection.address.socketPath);
  }
}

/**
 * Takes back what a `write` share gave: tmux puts these users out, and the files are as they were.
 *
 * @throws CwError `failed` when rights on a file could not be taken back.
 */
export async function takeBack(connection: Connection, share: ShareRecord, env: Env): Promise<void> {
  // A server that is gone has forgotten them.
  await connection.batch(share.guests.map(({ name }) => ['server-access', '-d', name])).catch(() => {});
  for (const path of share.opened) if (existsSync(path)) await withdraw(path, share.guests, env);
}
