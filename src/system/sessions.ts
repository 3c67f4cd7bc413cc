import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { parseCommandLine } from './proc.js';

/** A process with what says whose it is. */
export interface SessionProcess {
  readonly pid: number;
  /** With the pid it names one process for ever; as `processStart` gives it. */
  readonly start: string;
  readonly parent: number;
  readonly group: number;
  /** The process that leads its session (setsid): of all that a pane's shell started and that did not leave, that shell. */
  readonly session: number;
  /** The foreground group of its terminal; 0 or less without one. */
  readonly foreground: number;
  /** Its name as the kernel has it, at most 15 bytes. */
  readonly command: string;
  readonly stopped: boolean;
}

/**
 * All living processes by pid, from one look at /proc: one small file for each. Empty where there is none (macOS): then
 * nothing is known of whose a process is, and nobody may end any.
 */
export function readSessions(): ReadonlyMap<number, SessionProcess> {
  const found = new Map<number, SessionProcess>();
  if (process.platform !== 'linux') return found;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const one = readSession(Number(name));
    if (one) found.set(one.pid, one);
  }
  return found;
}

/** One process as it is now; null where it has ended (a zombie has). */
export function readSession(pid: number): SessionProcess | null {
  try {
    return parseSession(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** A line of /proc/PID/stat; null for a zombie, and for what is no such line. */
export function parseSession(line: string): SessionProcess | null {
  // The name in field 2 can hold spaces, parentheses and newlines: its end is the last `)`.
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  const fields = line.slice(close + 2).split(' ');
  const [state, parent, group, session, , foreground] = fields;
  const start = fields[19];
  if (open < 0 || close < open || start === undefined || state === 'Z' || state === 'X') return null;
  return {
    pid: Number(line.slice(0, open)),
    command: line.slice(open + 1, close),
    stopped: state === 'T',
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    foreground: Number(foreground),
    start: start.trim(),
  };
}

/** The words of a process; none where they cannot be read. */
export function wordsOf(pid: number): readonly string[] {
  try {
    return parseCommandLine(readFileSync(`/proc/${pid}/cmdline`)).argv;
  } catch {
    return [];
  }
}

/**
 * The processes that are a pane's own: its first one, all that descend from it, and all of its session, which orphans
 * stay in. What left by a session of its own *and* has another parent by now (a daemon) is none of these.
 *
 * @param pid of the pane's first process, which leads a session: tmux makes it so.
 */
export function ownProcesses(pid: number, all: ReadonlyMap<number, SessionProcess>): SessionProcess[] {
  const children = new Map<number, SessionProcess[]>();
  for (const one of all.values()) {
    const list = children.get(one.parent);
    if (list) list.push(one);
    else children.set(one.parent, [one]);
  }
  const found = new Map<number, SessionProcess>();
  const queue = [...all.values()].filter((one) => one.pid === pid || one.session === pid);
  for (let one = queue.pop(); one; one = queue.pop()) {
    if (found.has(one.pid)) continue;
    found.set(one.pid, one);
    for (const child of children.get(one.pid) ?? []) {
      // A parent that is younger than its child has only the pid of the true one.
      if (Number(child.start) >= Number(one.start)) queue.push(child);
    }
  }
  return [...found.values()];
}

/**
 * The pane that a process was started in, by the environment that it was started with: `TMUX` and `TMUX_PANE`. That is
 * evidence and no more: anything started there later carries it, wherever it went.
 */
export function startedIn(pid: number): { readonly tmux: string; readonly pane: string } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return null; // it has ended, or is another user's
  }
  const value = (name: string) =>
    text
      .split('\0')
      .find((variable) => variable.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  const [tmux, pane] = [value('TMUX'), value('TMUX_PANE')];
  return tmux && pane ? { tmux, pane } : null;
}

/** Milliseconds that a process has lived by the kernel's own count, which no clock that is set can change; null where that is not known. */
export function livedFor(pid: number): number | null {
  const one = readSession(pid);
  if (!one) return null;
  try {
    const uptime = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
    // USER_HZ is 100 on every Linux that Node runs on (man 7 time).
    return Number.isFinite(uptime) ? uptime * 1000 - Number(one.start) * 10 : null;
  } catch {
    return null;
  }
}

/** The processes that are in a folder or below it; none where that cannot be told (another user's, no /proc). */
export function processesIn(folder: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`);
      } catch {
        return false;
      }
    });
}
