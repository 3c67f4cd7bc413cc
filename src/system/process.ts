import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { shortHash } from './short-hash.js';
import { hasEnded, readStat, ticksPerSecond, uptime } from './stat.js';

/**
 * Field 22 of /proc/PID/stat: when the process started, in clock ticks since boot. With the pid it names one
 * process for ever, since pids are used again. null where there is no such process, or no /proc.
 */
export function processStart(pid: number): string | null {
  return readStat(pid)?.start ?? null;
}

/** Seconds since the process started; null where that is not known (no such process, or no /proc). */
export function processAge(pid: number): number | null {
  const stat = readStat(pid);
  return stat && uptime() - Number(stat.start) / ticksPerSecond;
}

/**
 * The folder that a shell stands in while it has its terminal to itself; null while a program runs in it, undefined
 * where neither can be told (it has ended, or there is no /proc).
 */
export function folderOfIdleShell(pid: number): string | null | undefined {
  const stat = readStat(pid);
  if (stat === null) return undefined;
  if (stat.group !== stat.foreground) return null;
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** True when a process of this pid lives (with this start time, where it is known). */
export function isAlive(pid: number, start: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const stat = readStat(pid);
  // An init that seldom asks for its zombies is usual in small containers.
  if (stat && hasEnded(stat)) return false;
  const now = stat?.start ?? null;
  return start === null || now === null || now === start;
}

let boot: string | undefined;

/** A text that is another one after each boot. */
export function bootId(): string {
  try {
    boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    boot = 'unknown';
  }
  return boot;
}

let host: string | undefined;

/** A short text for this machine, so that hosts which share a home keep their state apart. */
export function hostId(): string {
  if (host !== undefined) return host;
  let identity = hostname();
  try {
    identity = `${readFileSync('/etc/machine-id', 'utf8').trim()}-${identity}`;
  } catch {
    // macOS and small containers have none: the host's name alone.
  }
  host = shortHash(identity).slice(0, 12);
  return host;
}
