import { CwError } from '../errors.js';
import { findProgram } from '../system/programs.js';
import { run } from '../system/run.js';
import type { Guest } from './guests.js';

type Env = NodeJS.ProcessEnv;

/** POSIX access control lists, by `setfacl` and `getfacl`. */

/** Whether both programs are there; the file system may still know none. */
export function hasAcl(env: Env): boolean {
  return ['setfacl', 'getfacl'].every((name) => findProgram(name, env.PATH) !== null);
}

/**
 * Gives users rights on a file beside its own ones.
 *
 * @param rights as `x` or `rw`.
 * @returns false where the file system (or the system) has no access control lists; nothing is changed then.
 */
export async function allow(
  path: string,
  guests: readonly Guest[],
  rights: string,
  env: Env,
): Promise<boolean> {
  const entries = guests.map(({ uid }) => `u:${uid}:${rights}`).join(',');
  const { exitCode } = await run('setfacl', ['-m', entries, '--', path], { env, timeout: 10_000 });
  return exitCode === 0;
}

/**
 * Takes away what `allow` gave. Where no other user has rights of their own then, the file is as if it never had a list.
 *
 * @throws CwError `failed` when that could not be done.
 */
export async function withdraw(path: string, guests: readonly Guest[], env: Env): Promise<void> {
  const uids = (await usersOf(path, env)) ?? [];
  const gone = guests.filter(({ uid }) => uids.includes(uid));
  if (gone.length === 0) return;
  const isAll = uids.every((uid) => gone.some((guest) => guest.uid === uid));
  const words = isAll ? ['-b'] : ['-x', gone.map(({ uid }) => `u:${uid}`).join(',')];
  const { exitCode, stderr } = await run('setfacl', [...words, '--', path], { env, timeout: 10_000 });
  if (exitCode === 0) return;
  throw new CwError(
    'failed',
    `The rights on ${path} could not be taken away: ${stderr.trim() || 'setfacl failed'}.`,
    {
      hint: `Do it by hand: setfacl -b ${path}`,
    },
  );
}

/** The lines of a file's list, users and groups by number, sorted; null where it could not be read. */
export async function listOf(path: string, env: Env): Promise<string[] | null> {
  const { stdout, exitCode } = await run('getfacl', ['-cpnE', '--', path], { env, timeout: 10_000 });
  if (exitCode !== 0) return null;
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort();
}

/** The users who have rights of their own there; null where it could not be read. */
export async function usersOf(path: string, env: Env): Promise<number[] | null> {
  const lines = await listOf(path, env);
  return lines?.flatMap((line) => /^user:(\d+):/.exec(line)?.[1] ?? []).map(Number) ?? null;
}
