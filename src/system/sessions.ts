import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hasEnded, type ProcStat, readStat } from './stat.js';

/**
 * All living processes by pid, from one look at /proc: one small file for each. Empty where there is none (macOS): then
 * nothing is known of whose a process is, and nobody may end any.
 */
export function readSessions(): ReadonlyMap<number, ProcStat> {
  const found = new Map<number, ProcStat>();
  if (process.platform !== 'linux') return found;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const one = readSession(Number(name));
    if (one) found.set(one.pid, one);
  }
  return found;
}

/** One process as it is now; null where it has ended (a zombie has). */
export function readSession(pid: number): ProcStat | null {
  const stat = readStat(pid);
  return stat && !hasEnded(stat) ? stat : null;
}

/**
 * The processes that are a pane's own: its first one, all that descend from it, and all of its session, which orphans
 * stay in. What left by a session of its own *and* has another parent by now (a daemon) is none of these.
 *
 * @param pid of the pane's first process, which leads a session: tmux makes it so.
 */
export function ownProcesses(pid: number, all: ReadonlyMap<number, ProcStat>): ProcStat[] {
  const children = new Map<number, ProcStat[]>();
  for (const one of all.values()) {
    const list = children.get(one.parent);
    if (list) list.push(one);
    else children.set(one.parent, [one]);
  }
  const found = new Map<number, ProcStat>();
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
