import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Ran, root } from '../support/sandbox.js';

/** Why there can be no second user; null: there can. Only root makes users, and runs programs as one. */
export const noUsers: string | null =
  process.getuid?.() !== 0
    ? 'not root'
    : (['useradd', 'userdel', 'setpriv', 'setfacl', 'getfacl'].find((name) => !isProgram(name)) ?? null);

function isProgram(name: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, name)));
}

/** A real user of this machine, for one test. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** Runs a program as this user. */
  run(program: string, args: readonly string[], gid?: number): Promise<Ran>;
  /** Runs the built `cw` as this user. */
  cw(...args: string[]): Promise<Ran>;
  /** The line of a shell of root's that runs a line of `cw` as this user. */
  line(words: string): string;
}

export function user(): User {
  const name = `cwt${randomBytes(4).toString('hex')}`;
  execFileSync('useradd', ['--no-create-home', '--no-user-group', '--shell', '/bin/sh', name]);
  onTestFinished(() => void execFileSync('userdel', [name]));
  const uid = Number(execFileSync('id', ['-u', name], { encoding: 'utf8' }));
  const gid = Number(execFileSync('id', ['-g', name], { encoding: 'utf8' }));
  const folder = builtForAll();
  const env = { PATH: process.env.PATH, HOME: '/', LANG: 'C.UTF-8', TERM: 'xterm-256color', CW_TEST: '1' };
  const run: User['run'] = (program, args, group = gid) =>
    new Promise((done) => {
      execFile(program, args as string[], { env, uid, gid: group, cwd: '/' }, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
        done({ code, stdout, stderr });
      });
    });
  return {
    name,
    uid,
    run,
    cw: (...args) => run(join(folder, 'bin/cw'), args),
    line: (words) =>
      `setpriv --reuid=${uid} --regid=${gid} --clear-groups env HOME=/ CW_TEST=1 ${folder}/bin/cw ${words}`,
  };
}

let built: string | null = null;

/** The built program where every user can read it: a clone may lie in a home that is closed to others. */
function builtForAll(): string {
  if (built) return built;
  const folder = mkdtempSync(join(tmpdir(), 'cw-built-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const id = readFileSync(join(root, 'dist/fingerprint'), 'utf8').slice(0, 8);
  for (const path of ['bin', 'package.json'])
    cpSync(join(root, path), join(folder, path), { recursive: true });
  mkdirSync(join(folder, 'dist'));
  for (const name of readdirSync(join(root, 'dist'))) {
    if (name.startsWith('.') || (/-[0-9a-f]{8}\.cjs$/.test(name) && !name.includes(id))) continue;
    cpSync(join(root, 'dist', name), join(folder, 'dist', name));
  }
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  chmodSync(folder, 0o755);
  built = folder;
  return folder;
}

/** A group of exactly these users; gone when the test ends. */
export function group(...members: readonly User[]): number {
  const name = `cwt${randomBytes(4).toString('hex')}`;
  execFileSync('groupadd', [name]);
  onTestFinished(() => void execFileSync('groupdel', [name]));
  execFileSync('gpasswd', ['-M', members.map((one) => one.name).join(','), name]);
  return Number(execFileSync('getent', ['group', name], { encoding: 'utf8' }).split(':')[2]);
}
