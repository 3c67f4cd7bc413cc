import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { shortHash } from './short-hash.js';

/**
 * Field 22 of /proc/PID/stat: when the process started, in clock ticks since boot. With the pid it names one
 * process for ever, since pids are used again. null where there is no such process, or no /proc.
 */
export function processStart(pid: number): string | null {
  return statFields(pid)?.[19] ?? null;
}

/** Seconds since the process started; null where that is not known (no such process, or no /proc). */
export function processAge(pid: number): number | null {
  const start = Number(statFields(pid)?.[19] ?? Number.NaN);
  try {
    // Counted in hundredths of a second since boot, on every Linux.
    const age = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - start / 100;
    return Number.isNaN(age) ? null : age;
  } catch {
    return null;
  }
}

/** The fields of /proc/PID/stat from the third on, which is the state. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in field 2 can hold spaces and parentheses: count from the last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** True when a process of this pid lives (with this start time, where it is known). */
export function isAlive(pid: number, start: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const fields = statFields(pid);
  // A zombie has ended; only its parent has not asked yet (an init that seldom does, in small containers).
  if (fields?.[0] === 'Z') return false;
  const now = fields?.[19] ?? null;
  return start === null || now === null || now === start;
}

/** A text that is another one after each boot. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** A short text for this machine, so that hosts which share a home keep their state apart. */
export function hostId(): string {
  let identity = hostname();
  try {
    identity = `${readFileSync('/etc/machine-id', 'utf8').trim()}-${identity}`;
  } catch {
    // macOS and small containers have none: the host's name alone.
  }
  return shortHash(identity).slice(0, 12);
}
