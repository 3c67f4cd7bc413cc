import { readFileSync } from 'node:fs';
import { family, type Processes, type ProcessSample } from '../system/processes.js';
import type { Stray } from './model.js';

/** Programs that are started to outlive whoever started them. */
const daemons = /^(ssh-agent|gpg-agent|dbus-daemon|dbus-launch|tmux|tmux: .*|watchman|systemd|adb)$/;

export interface StrayFacts {
  readonly processes: Processes;
  /** Pid of the tmux server, and the path of its socket. */
  readonly server: number;
  readonly socketPath: string;
  /** All panes of the server, in workspaces or not. */
  readonly panes: readonly { readonly id: string; readonly pid: number }[];
  /** The workspace of a project's folder; null: none is open there. */
  readonly workspaceAt: (project: string) => string | null;
}

/**
 * Processes that were started in a pane of a workspace on this server, where that pane is gone: by the variables that
 * every process inherits. Of a family of them only the eldest is named. Another user's cannot be looked into.
 */
export function findStrays(facts: StrayFacts): Stray[] {
  const { processes, server, panes } = facts;
  const started = Number(processes.byPid.get(server)?.start ?? Number.NaN);
  const living = new Set(panes.map((pane) => pane.id));
  const inPanes = new Set([server, process.pid]);
  for (const pane of panes) for (const { pid } of family(pane.pid, processes)) inPanes.add(pid);
  const found = new Map<number, Stray>();
  for (const sample of processes.byPid.values()) {
    // Kernel threads are children of process 2. Nothing in a pane is older than the server.
    if (inPanes.has(sample.pid) || sample.parent === 2 || Number(sample.start) < started) continue;
    if (daemons.test(sample.command)) continue;
    const stray = strayOf(sample, facts, living);
    if (stray) found.set(sample.pid, stray);
  }
  return [...found.values()].filter(({ pid }) => !found.has(processes.byPid.get(pid)?.parent ?? 0));
}

function strayOf(sample: ProcessSample, facts: StrayFacts, living: ReadonlySet<string>): Stray | null {
  const environment = environmentOf(sample.pid);
  const pane = environment?.get('TMUX_PANE');
  const project = environment?.get('PROJECT_ROOT');
  if (!pane || !project || living.has(pane)) return null;
  // SOCKET,PID,SESSION. A socket's path may hold commas.
  const [, socket, pid] = /^(.*),(\d+),\d+$/.exec(environment?.get('TMUX') ?? '') ?? [];
  if (socket !== facts.socketPath || Number(pid) !== facts.server) return null;
  return {
    pid: sample.pid,
    start: sample.start,
    argv: facts.processes.table.argv(sample.pid),
    pane,
    project,
    workspace: facts.workspaceAt(project),
    ageSeconds: sample.ageSeconds,
  };
}

/** The three variables that are asked for; nothing else of an environment is kept: it holds secrets. */
function environmentOf(pid: number): ReadonlyMap<string, string> | null {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8');
    if (!text.includes('TMUX_PANE=')) return null;
    const wanted = text.split('\0').filter((entry) => /^(TMUX|TMUX_PANE|PROJECT_ROOT)=/.test(entry));
    return new Map(
      wanted.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    );
  } catch {
    return null; // it has ended, or is somebody else's
  }
}
