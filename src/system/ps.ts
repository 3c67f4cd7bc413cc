import { spawnSync } from 'node:child_process';
import type { Stat } from './stat.js';

/** A line of `ps -axo pid,ppid,pgid,tpgid,stat,lstart,args`. */
export interface PsRow extends Stat {
  /** When it started, as `ps` prints it; to the second. */
  readonly started: string;
  readonly arguments: string;
}

/** The rows of `ps -axo pid,ppid,pgid,tpgid,stat,lstart,args`; its heading and what is no row are passed over. */
export function parsePs(output: string): PsRow[] {
  // A newline in the arguments is printed as it is on some systems: what follows it looks like no row.
  const pattern =
    /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+[\d:]{8}\s+\d{4})(?:\s(.*))?$/;
  return output.split('\n').flatMap((line) => {
    const found = pattern.exec(line);
    if (!found) return [];
    const [, pid, parent, group, foreground, state = '', started = '', args = ''] = found;
    const words = args.trim();
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        foreground: Number(foreground),
        state: state[0] ?? '',
        command: words.replace(/^-/, '').split(' ')[0]?.split('/').at(-1) ?? '',
        started,
        arguments: words,
      },
    ];
  });
}

/** All processes by one `ps`, for where there is no /proc. @throws Error when it gives no answer. */
export function psRows(): PsRow[] {
  const { stdout, error, status } = spawnSync('ps', ['-axo', 'pid,ppid,pgid,tpgid,stat,lstart,args'], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 5000,
  });
  if (error || status !== 0) throw new Error(`ps failed: ${error?.message ?? `exit ${status}`}`);
  return parsePs(stdout);
}
