import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { CwError } from '../errors.js';
import { run } from '../system/run.js';

type Env = NodeJS.ProcessEnv;

/** A user of this machine who is let in. */
export interface Guest {
  readonly name: string;
  readonly uid: number;
}

/**
 * The users of these names, each once; who shares, and root, who may look at all anyway, are left out.
 *
 * @throws CwError `usage` for what cannot be a user's name, `not-found` for one that nobody has.
 */
export async function findGuests(names: readonly string[], env: Env): Promise<Guest[]> {
  const guests = new Map<number, Guest>();
  for (const name of names) {
    // The names that useradd takes, and those of directories (`first.last`, `user@domain`). No leading dash.
    if (!/^[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?$/.test(name)) {
      throw new CwError('usage', `${JSON.stringify(name.slice(0, 60))} is not a user's name.`, {
        hint: 'Give the name that they log in with on this machine: --user NAME',
      });
    }
    const { stdout, exitCode, failedToStart } = await run('id', ['-u', '--', name], { env, timeout: 10_000 });
    if (failedToStart || exitCode === null)
      throw new CwError(
        'failed',
        `Whether there is a user ${name} could not be found out: "id" did not answer.`,
      );
    if (exitCode !== 0 || !/^\d+\s*$/.test(stdout)) {
      throw new CwError('not-found', `There is no user ${name} on this machine.`, {
        hint: 'See who there is: getent passwd',
      });
    }
    const uid = Number(stdout);
    if (uid !== 0 && uid !== userInfo().uid) guests.set(uid, { name, uid });
  }
  return [...guests.values()];
}

/**
 * A group whose members are exactly these users (and, if need be, who shares).
 *
 * @returns its number; null where there is none, or where not all members of a group can be known: users of a directory
 *   (LDAP, SSSD) are not all listed.
 */
export async function groupOfExactly(guests: readonly Guest[], env: Env): Promise<number | null> {
  if (!areUsersListed()) return null;
  const options = { env, timeout: 10_000 };
  const [groups, users] = await Promise.all([
    run('getent', ['group'], options),
    run('getent', ['passwd'], options),
  ]);
  if (groups.exitCode !== 0 || users.exitCode !== 0) return null;
  const { uid: own, gid: ownGroup } = userInfo();
  const mine = new Set([ownGroup, ...(process.getgroups?.() ?? [])]);
  const rows = (text: string) => text.split('\n').flatMap((line) => (line ? [line.split(':')] : []));
  const accounts = rows(users.stdout).map(([name, , uid, gid]) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
  }));
  for (const [, , number, names = ''] of rows(groups.stdout)) {
    const gid = Number(number);
    // Only root may give a file to a group that it is not in.
    if (own !== 0 && !mine.has(gid)) continue;
    const listed = names.split(',').filter(Boolean);
    const members = new Set([
      ...accounts.filter((account) => account.gid === gid).map(({ uid }) => uid),
      ...listed.map((name) => accounts.find((account) => account.name === name)?.uid ?? Number.NaN),
    ]);
    const others = [...members].filter((uid) => uid !== own && !guests.some((guest) => guest.uid === uid));
    if (others.length === 0 && guests.every(({ uid }) => members.has(uid))) return gid;
  }
  return null;
}

/** Whether `getent` lists every user and group: those of files are. */
function areUsersListed(): boolean {
  try {
    const text = readFileSync('/etc/nsswitch.conf', 'utf8');
    return ['passwd', 'group', 'initgroups'].every((base) => {
      const sources = new RegExp(`^${base}:(.*)$`, 'm').exec(text)?.[1] ?? 'files';
      return sources
        .replace(/\[[^\]]*\]|#.*/g, '')
        .split(/\s+/)
        .every((source) => ['', 'files', 'compat', 'systemd'].includes(source));
    });
  } catch {
    return false;
  }
}
