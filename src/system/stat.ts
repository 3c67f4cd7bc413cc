import { readFileSync } from 'node:fs';

/** What the family of a process is told by, wherever that was read. */
export interface Stat {
  readonly pid: number;
  /** Its name as the kernel has it, at most 15 bytes. */
  readonly command: string;
  /** One letter: `R` running, `S` sleeping, `T` stopped, `Z` a zombie ... */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  /** The foreground group of its terminal; -1 without one. */
  readonly foreground: number;
}

/** What /proc/PID/stat tells besides (`man 5 proc`). */
export interface ProcStat extends Stat {
  /** The process that leads its session (setsid). */
  readonly session: number;
  /** Field 22: when it started, in clock ticks since boot. With the pid it names one process for ever. */
  readonly start: string;
  /** Clock ticks that it has used, in user and system mode. */
  readonly ticks: number;
  /** Pages of memory that it has in use, shared ones too. */
  readonly residentPages: number;
}

/** USER_HZ, which is 100 on every Linux that Node runs on (`man 7 time`). */
export const ticksPerSecond = 100;

/** The line of /proc/PID/stat. The name in it can hold spaces, parentheses and newlines: its end is the last `)`. */
export function parseStat(line: string): ProcStat | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  // From the state on, which is field 3 of the manual.
  const fields = line.slice(close + 2).split(' ', 22);
  const [state, parent, group, session, , foreground] = fields;
  const start = fields[19];
  if (open < 0 || close < open || state === undefined || start === undefined) return null;
  return {
    pid: Number(line.slice(0, open)),
    command: line.slice(open + 1, close),
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    foreground: Number(foreground),
    ticks: Number(fields[11]) + Number(fields[12]),
    start: start.trim(),
    residentPages: Number(fields[21] ?? 0),
  };
}

/** One process as it is now, also a zombie; null where there is no such process, or no /proc. */
export function readStat(pid: number): ProcStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** A zombie has ended; only its parent has not asked yet. */
export function hasEnded({ state }: Stat): boolean {
  return state === 'Z' || state === 'X';
}

/** Seconds since boot, which no clock that is set can change. @throws the system's error where there is no /proc. */
export function uptime(): number {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
}
