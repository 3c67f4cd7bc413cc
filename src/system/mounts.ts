import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CwError } from '../errors.js';
import { shellWord } from './paths.js';

/**
 * File systems that can hang: on a network, or made by a program (FUSE). A call that looks into one whose other end
 * went away does not come back, and cannot be given up: a synchronous one holds the process, one of Node's thread pool
 * holds its thread, of which there are four, and the process at its end. So a child is sent ahead, which can be killed.
 */

/** What is on a disk or in memory of this machine answers, or fails. */
const local = new Set(
  (
    'aufs bcachefs bpf btrfs cgroup cgroup2 configfs debugfs devpts devtmpfs ext2 ext3 ext4 exfat f2fs fusectl ' +
    'hugetlbfs iso9660 jfs mqueue msdos nsfs ntfs3 overlay proc pstore ramfs reiserfs rootfs securityfs squashfs ' +
    'sysfs tmpfs tracefs udf ufs vfat xfs zfs'
  ).split(' '),
);

interface Mount {
  readonly at: string;
  readonly type: string;
}

/** Milliseconds that a file system has for an answer. */
const patience = 1000;
/** Milliseconds for which an answer, and silence, is believed. */
const believed = { answer: 1000, silence: 30_000 };
/** Milliseconds for which the table of mounts is believed. */
const tableAge = 50;

let table: { readonly text: string; readonly mounts: readonly Mount[]; readonly at: number } = {
  text: '',
  mounts: [],
  at: Number.NEGATIVE_INFINITY,
};
const heard = new Map<string, { readonly answers: boolean; readonly at: number }>();

/**
 * Whether the file system of a path answers. Costs nothing for what is on this machine; else a child looks, at most
 * once in a second for each mount, and has a second for it (one that begins to hang within that second is not known to). Where there is no table of mounts (macOS) it is true.
 *
 * @param path absolute; a link on the way to another file system is not followed.
 */
export function answers(path: string): boolean {
  const mount = mountOf(path, mounts());
  if (!mount || local.has(mount.type)) return true;
  const known = heard.get(mount.at);
  const now = performance.now();
  if (known && now - known.at < (known.answers ? believed.answer : believed.silence)) return known.answers;
  const child = spawnSync('sh', ['-c', '[ -d "$1/." ]; exit 0', 'sh', path], {
    timeout: patience,
    killSignal: 'SIGKILL',
    stdio: 'ignore',
    cwd: '/',
  });
  const isAnswered = child.status === 0;
  heard.set(mount.at, { answers: isAnswered, at: performance.now() });
  return isAnswered;
}

/** What is said of a path whose file system does not answer. */
export function hangs(path: string): CwError {
  return new CwError('failed', `${path} does not answer: its file system hangs.`, {
    hint: `See what is mounted there: findmnt -T ${shellWord(path)}`,
  });
}

function mounts(): readonly Mount[] {
  const now = performance.now();
  if (now - table.at < tableAge) return table.mounts;
  let text = '';
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // No /proc: nothing is known of mounts.
  }
  table = { text, mounts: text === table.text ? table.mounts : parseMounts(text), at: now };
  return table.mounts;
}

/** The lines of `/proc/PID/mountinfo`: what is mounted where, in order; a later one lies above an earlier one. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ');
    const at = before.split(' ')[4];
    const type = after?.split(' ')[0];
    if (at === undefined || type === undefined) return [];
    return [{ at: unescaped(at), type }];
  });
}

/** The mount that a path is on: of those with the longest way to it the last. */
export function mountOf(path: string, all: readonly Mount[]): Mount | null {
  let found: Mount | null = null;
  for (const mount of all) {
    const isAbove = mount.at === '/' || path === mount.at || path.startsWith(`${mount.at}/`);
    if (isAbove && mount.at.length >= (found?.at.length ?? 0)) found = mount;
  }
  return found;
}

/** Spaces, tabs, newlines and backslashes are written in octal (proc(5)). */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
