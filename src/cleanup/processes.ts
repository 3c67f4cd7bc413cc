import { messageOf, systemCode } from '../errors.js';
import { argvOf } from '../system/command-line.js';
import { ownProcesses, readSession, readSessions, startedIn } from '../system/sessions.js';
import type { ProcStat } from '../system/stat.js';

/** A pane whose processes are to end with it. */
export interface EndingPane {
  /** `%5` */
  readonly id: string;
  readonly pid: number;
}

/** Processes as they were before their panes went away. */
export interface PaneProcesses {
  readonly panes: readonly EndingPane[];
  readonly own: readonly ProcStat[];
  /** Started in one of these panes, and gone from it before: a session and a parent of their own. */
  readonly left: readonly ProcessNote[];
}

/** A process that goes on, for people. */
export interface ProcessNote {
  readonly pid: number;
  readonly text: string;
}

export interface Ended {
  /** Processes that had to be ended after they had outlived the hangup, by the signal that did it. */
  readonly ended: readonly (ProcessNote & { readonly signal: 'SIGHUP' | 'SIGTERM' | 'SIGKILL' })[];
  /** Those that live on: daemons that had left, and what the system would not end. */
  readonly left: readonly (ProcessNote & { readonly why: string })[];
}

/**
 * Whose processes are whose, before anything ends: afterwards orphans have no parent to tell by.
 *
 * @param socketPath and `server`: of tmux, as in `$TMUX`, by which daemons that were started in a pane are known.
 */
export function processesOfPanes(
  panes: readonly EndingPane[],
  socketPath: string,
  server: number,
): PaneProcesses {
  const all = readSessions();
  const own = new Map<number, ProcStat>();
  for (const pane of panes) for (const one of ownProcesses(pane.pid, all)) own.set(one.pid, one);
  const ours = lineOf(process.pid, all).add(server);
  for (const pid of ours) own.delete(pid);
  const ids = new Set(panes.map(({ id }) => id));
  const left = [...all.values()].filter(({ pid, session, parent }) => {
    if (own.has(pid) || ours.has(pid)) return false;
    // Only what could have left: asking each process for its environment would cost more than all the rest.
    if (session !== pid && all.get(session)?.parent !== 1 && parent !== 1) return false;
    const from = startedIn(pid);
    return from !== null && ids.has(from.pane) && from.tmux.startsWith(`${socketPath},${server},`);
  });
  return {
    panes,
    own: [...own.values()],
    left: left.map(({ pid, command }) => ({ pid, text: textOf(pid, command) })),
  };
}

/** A process and those above it: one that closes its own pane lives until all is done, and its shell with it. */
function lineOf(pid: number, all: ReadonlyMap<number, ProcStat>): Set<number> {
  const line = new Set<number>();
  for (let at = all.get(pid); at && !line.has(at.pid); at = all.get(at.parent)) line.add(at.pid);
  return line;
}

/** Milliseconds that processes have for an end of their own after each signal. */
export interface Patience {
  readonly hangup: number;
  readonly hup: number;
  readonly term: number;
  readonly kill: number;
}

const usual: Patience = { hangup: 300, hup: 500, term: 3000, kill: 2000 };

/**
 * Ends what is left of processes whose panes are gone: the terminal's hangup has reached them, then HUP, then TERM, then
 * KILL. Each is named by its pid and its start, so that no signal reaches another process that has the pid by now.
 * What they started in the meantime is ended with them.
 */
export async function endProcesses(before: PaneProcesses, patience: Patience = usual): Promise<Ended> {
  const texts = new Map(before.own.map(({ pid, command }) => [pid, textOf(pid, command)]));
  let living = before.own;
  living = await wait(living, patience.hangup);
  const ended: { pid: number; text: string; signal: 'SIGHUP' | 'SIGTERM' | 'SIGKILL' }[] = [];
  const refused = new Map<number, string>();
  const steps = [
    ['SIGHUP', patience.hup],
    ['SIGTERM', patience.term],
    ['SIGKILL', patience.kill],
  ] as const;
  for (const [signal, time] of steps) {
    if (living.length === 0) break;
    living = withNewcomers(living, before);
    for (const one of living) {
      if (!texts.has(one.pid)) texts.set(one.pid, textOf(one.pid, one.command));
      const why = send(one, signal);
      if (why !== null) refused.set(one.pid, why);
    }
    const rest = await wait(living, time);
    for (const { pid } of living)
      if (!rest.some((one) => one.pid === pid)) ended.push({ pid, text: texts.get(pid) ?? '', signal });
    living = rest;
  }
  return {
    ended,
    left: [
      ...living.map(({ pid }) => ({
        pid,
        text: texts.get(pid) ?? '',
        why: refused.get(pid) ?? 'it does not end',
      })),
      ...before.left
        .filter(({ pid }) => readSession(pid) !== null)
        .map((one) => ({ ...one, why: 'it had left its pane' })),
    ],
  };
}

/** What survivors have started, and what joined their sessions, since they were read. */
function withNewcomers(living: readonly ProcStat[], { panes }: PaneProcesses): ProcStat[] {
  const all = readSessions();
  const found = new Map(living.map((one) => [one.pid, one]));
  // A pane's first process is gone by now; its session's number is not given away while somebody is in that.
  const sessions = new Set(
    living.map(({ session }) => session).filter((id) => panes.some(({ pid }) => pid === id)),
  );
  for (const one of all.values()) if (sessions.has(one.session)) found.set(one.pid, one);
  for (const { pid } of living)
    for (const one of ownProcesses(pid, all))
      if (one.pid !== process.pid && one.pid !== process.ppid) found.set(one.pid, one);
  return [...found.values()];
}

/** @returns why it could not be sent; null also when the process has ended. */
function send({ pid, start }: ProcStat, signal: NodeJS.Signals): string | null {
  const now = readSession(pid);
  if (!now || now.start !== start) return null;
  try {
    process.kill(pid, signal);
    // A stopped process takes no signal but KILL until it goes on.
    if (now.state === 'T' && signal !== 'SIGKILL') process.kill(pid, 'SIGCONT');
    return null;
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return null;
    return systemCode(error) === 'EPERM' ? "it is another user's" : messageOf(error);
  }
}

/** Those that live after so many milliseconds, or at once when none does. */
async function wait(processes: readonly ProcStat[], time: number): Promise<readonly ProcStat[]> {
  const end = performance.now() + time;
  for (;;) {
    const living = processes.filter(({ pid, start }) => readSession(pid)?.start === start);
    if (living.length === 0 || performance.now() >= end) return living;
    await new Promise((done) => setTimeout(done, 20));
  }
}

function textOf(pid: number, command: string): string {
  const text = argvOf(pid).join(' ') || command;
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
