import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { waitUntil } from './wait.js';

/**
 * Has `fusermount3` mount a file system of FUSE, and never answers anything that the kernel asks of it. `fusermount3`
 * passes a descriptor over the socket that `_FUSE_COMMFD` names; it stays in there, unread, so that the connection is
 * open as long as this process lives. Only core modules of Perl.
 */
const program = String.raw`
use strict; use Socket; use Fcntl;
socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
fcntl($theirs, F_SETFD, 0);
$ENV{_FUSE_COMMFD} = fileno $theirs;
system('fusermount3', '-o', 'fsname=cw-test', '--', $ARGV[0]) == 0 or die "fusermount3: $?";
$| = 1; print "mounted\n";
<STDIN>;
`;

export interface HangingDisk {
  readonly path: string;
  /** From now on every look at what is in the folder, and at the folder itself, hangs until the test is over. */
  hang(): Promise<void>;
}

/** A folder that can be made to hang, as one on a network whose server went away; or why there is none. For a whole file of tests. */
export function hangingDisk(): HangingDisk | { readonly why: string } {
  if (process.platform !== 'linux') return { why: 'FUSE is looked for on Linux only' };
  const path = mkdtempSync(join(tmpdir(), 'cw-hang-'));
  afterAll(() => {
    if (!isMounted(path)) rmSync(path, { recursive: true });
  });
  const why = trial(path);
  if (why !== null) return { why };
  return { path, hang: () => mounted(path) };
}

function trial(path: string): string | null {
  try {
    execFileSync('sh', ['-c', 'command -v perl && command -v fusermount3 && : <>/dev/fuse'], {
      stdio: 'pipe',
    });
    // Some containers have the device and may not mount.
    execFileSync('perl', ['-e', program, path], { stdio: ['ignore', 'pipe', 'pipe'] });
    return null;
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    return `FUSE cannot be used: ${String(stderr ?? '').trim() || String(error)}`;
  } finally {
    unmount(path);
  }
}

async function mounted(path: string): Promise<void> {
  const child = spawn('perl', ['-e', program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.once('exit', done));
  onTestFinished(async () => {
    // With the connection closed the kernel fails everything that waits for an answer.
    child.kill('SIGKILL');
    await ended;
    unmount(path);
    await waitUntil(`nothing is mounted on ${path}`, () => !isMounted(path));
  });
  await waitUntil(`it is mounted on ${path}`, () => isMounted(path));
}

function isMounted(path: string): boolean {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.some((line) => line.split(' ')[4] === path);
}

function unmount(path: string): void {
  try {
    if (isMounted(path)) execFileSync('fusermount3', ['-u', '-z', '--', path], { stdio: 'pipe' });
  } catch {
    // Unmounted by itself, as its process ended.
  }
}
