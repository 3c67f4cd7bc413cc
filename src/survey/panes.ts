import { type PaneRecord, parsePaneRecord, parseWindowRecord } from '../blueprint/record.js';
import { argvWithoutVimHook } from '../blueprint/vim-hook.js';
import type { Program } from '../snapshot/model.js';
import { programsOf } from '../snapshot/programs.js';
import { family, type Processes, type ProcessSample, readProcesses } from '../system/processes.js';
import type { Connection } from '../tmux/connection.js';
import { type Pane, type Reading, readServer, type Session, type Window } from '../tmux/reading.js';
import type { Ending } from '../workspace/ending.js';
import { sessionLabel } from '../workspace/find.js';
import { utc } from '../workspace/list.js';
import type { FolderSeen } from './folders.js';
import type { PaneSeen, SessionSeen } from './model.js';

export interface PaneFacts {
  /** The folders that the panes of a session are in. */
  readonly pathsOf: (session: string) => readonly string[];
  readonly of: (session: string, folders: ReadonlyMap<string, FolderSeen>) => readonly PaneSeen[];
  /** The processes of panes by the panes' own, each once. */
  readonly processesOf: (pids: readonly number[]) => readonly ProcessSample[];
}

/** How the command of a pane ended, as its shell noted it. */
export type EndingOf = (workspace: string, key: string) => Ending | 'open' | null;

/** A pane of a workspace, as far as it takes to see what its program does. */
export interface ProgramSeen {
  /** The workspace's id and name. */
  readonly workspace: string;
  readonly name: string;
  readonly pane: PaneSeen;
  readonly record: PaneRecord;
}

/**
 * The panes with a declared program whose record a caller wants, by one batch of tmux and one reading of the processes.
 *
 * @throws CwError `tmux-unusable`; `isNoServer` tells the case that no server runs.
 */
export async function readPrograms(
  connection: Connection,
  endingOf: EndingOf,
  wants: (record: PaneRecord) => boolean,
): Promise<{ readonly programs: readonly ProgramSeen[]; readonly defaultShell: string }> {
  const reading = await readServer(connection);
  const { defaultShell } = reading;
  const wanted = reading.panes.filter((pane) => {
    const record = parsePaneRecord(pane.mark ?? '');
    return record !== null && record.run !== null && wants(record);
  });
  if (wanted.length === 0) return { programs: [], defaultShell };
  const processes = readProcesses();
  const programs = programsOf(wanted, processes.byPid);
  const windows = new Map(reading.windows.map((window) => [window.id, window]));
  const sessions = new Map(reading.sessions.map((session) => [session.id, session]));
  const seen = wanted.flatMap((pane): ProgramSeen[] => {
    const window = windows.get(pane.window);
    const session = window && sessions.get(window.session);
    const record = parsePaneRecord(pane.mark ?? '');
    if (!window || !record || session?.workspace == null) return [];
    const name = sessionLabel(session.name);
    const { workspace } = session;
    const ending = (key: string) => endingOf(workspace, key);
    const one = paneSeen(window, pane, new Map(), programs.get(pane.id), processes, ending);
    return [{ workspace, name, pane: one, record }];
  });
  return { programs: seen, defaultShell };
}

/** The panes of a reading by their sessions. A window that several sessions show is in each of them. */
export function panesOf(
  reading: Reading,
  processes: Processes | null,
  programs: ReadonlyMap<string, Program>,
  endingOf: EndingOf,
): PaneFacts {
  const windows = new Map<string, Window[]>();
  for (const window of reading.windows.toSorted((a, b) => a.index - b.index))
    windows.set(window.session, [...(windows.get(window.session) ?? []), window]);
  const panes = new Map<string, Pane[]>();
  for (const pane of reading.panes.toSorted((a, b) => a.index - b.index))
    panes.set(pane.window, [...(panes.get(pane.window) ?? []), pane]);
  const inSession = (session: string) =>
    (windows.get(session) ?? []).flatMap((window) =>
      (panes.get(window.id) ?? []).map((pane) => ({ window, pane })),
    );
  return {
    pathsOf: (session) => inSession(session).map(({ pane }) => pane.currentPath),
    of: (session, folders) => {
      const workspace = reading.sessions.find(({ id }) => id === session)?.workspace ?? '';
      const ending = (key: string) => endingOf(workspace, key);
      return inSession(session).map(({ window, pane }) =>
        paneSeen(window, pane, folders, programs.get(pane.id), processes, ending),
      );
    },
    processesOf(pids) {
      if (!processes) return [];
      const all = pids.flatMap((pid) => family(pid, processes));
      return [...new Map(all.map((sample) => [sample.pid, sample])).values()];
    },
  };
}

function paneSeen(
  window: Window,
  pane: Pane,
  folders: ReadonlyMap<string, FolderSeen>,
  program: Program = { kind: 'unknown', reason: 'it was not read' },
  processes: Processes | null,
  endingOf: (key: string) => ReturnType<EndingOf>,
): PaneSeen {
  const record = parsePaneRecord(pane.mark ?? '');
  const own = processes?.byPid.get(pane.pid);
  const inFront = own && own.foreground > 0 && own.foreground !== own.group ? own.foreground : null;
  const leader = foregroundOf(pane, program, inFront, processes);
  // What the program in front keeps for itself (a language server, what a vim of ours listens with) is no job.
  const helpers = new Set(
    processes && leader && leader.pid !== pane.pid ? family(leader.pid, processes).map(({ pid }) => pid) : [],
  );
  const behind = processes
    ? family(pane.pid, processes).filter(
        ({ pid, group }) => pid !== pane.pid && group !== inFront && !helpers.has(pid),
      )
    : [];
  return {
    id: pane.id,
    place: `${window.index}.${pane.index}`,
    window: { id: window.id, key: parseWindowRecord(window.mark ?? '')?.key ?? null, name: window.name },
    key: record?.key ?? null,
    role: record?.role ?? null,
    run: record?.run ?? null,
    restart: record?.restart ?? 'never',
    startCommand: record?.startCommand ?? null,
    title: pane.title,
    pid: pane.pid,
    dead: pane.dead,
    deadStatus: pane.deadStatus,
    path: pane.currentPath,
    // A dead pane is nowhere.
    folder: pane.dead || pane.currentPath === '' ? 'unknown' : (folders.get(pane.currentPath) ?? 'unknown'),
    program,
    foreground: leader && {
      pid: leader.pid,
      argv: argvWithoutVimHook(processes?.table.argv(leader.pid) ?? []),
      ageSeconds: leader.ageSeconds,
    },
    ending: record !== null && record.run !== null ? endingOf(record.key) : null,
    background: behind.length,
    active: pane.active && window.active,
    scrollbackBytes: pane.historyBytes,
    cursor: `${pane.cursorX},${pane.cursorY},${pane.historySize}`,
  };
}

function foregroundOf(
  pane: Pane,
  program: Program,
  group: number | null,
  processes: Processes | null,
): ProcessSample | null {
  if (!processes || program.kind === 'shell' || program.kind === 'dead') return null;
  if (group === null) return processes.byPid.get(pane.pid) ?? null;
  return (
    processes.byPid.get(group) ??
    // The leader of a pipe may have ended before the others.
    family(pane.pid, processes).find((sample) => sample.group === group) ??
    null
  );
}

/** Of a session that is in the reading. */
export function sessionOf(reading: Reading, id: string): SessionSeen | null {
  const session = reading.sessions.find((one) => one.id === id);
  if (!session) return null;
  const group = groupOf(session, reading);
  const shown = reading.windows.filter((window) => window.session === id).map((window) => window.activity);
  return {
    id: session.id,
    name: session.name,
    attached: session.attached,
    createdAt: utc(session.created),
    lastAttachedAt: session.lastAttached === null ? null : utc(session.lastAttached),
    activeAt: utc(Math.max(session.activity, ...shown)),
    usedAt: utc(
      Math.max(
        ...group.flatMap(({ created, activity, lastAttached }) => [created, activity, lastAttached ?? 0]),
      ),
    ),
    lookers: lookersOf(session, group, reading),
    windows: reading.windows
      .filter((window) => window.session === id)
      .toSorted((a, b) => a.index - b.index)
      .map(({ id: window, index, name, layout, active, zoomed }) => ({
        id: window,
        index,
        name,
        layout,
        active,
        zoomed,
      })),
  };
}

/** The session and those that share all its windows. */
function groupOf(session: Session, { sessions }: Reading): Session[] {
  if (session.group === null) return [session];
  return sessions.filter((other) => other.id === session.id || other.group === session.group);
}

function lookersOf(session: Session, group: readonly Session[], reading: Reading): string[] {
  const watched = new Set(reading.clients.map(({ sessionId }) => sessionId));
  const found: string[] = watched.has(session.id) ? ['attached'] : [];
  for (const other of group)
    if (other !== session && watched.has(other.id)) found.push(`attached through ${other.name}`);
  const own = new Set(reading.windows.filter((window) => window.session === session.id).map(({ id }) => id));
  for (const window of reading.windows) {
    const other = reading.sessions.find(({ id }) => id === window.session);
    if (!own.has(window.id) || !other || group.includes(other) || !watched.has(other.id)) continue;
    found.push(`its window ${window.name} is shown in ${other.name}, which is attached`);
  }
  return found;
}
