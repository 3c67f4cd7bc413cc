import { lstatSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expiringKnown } from '../claude/expiry.js';
import { type ClaudeFacts, paneFacts } from '../claude/facts.js';
import { type Drained, drain } from '../claude/intake.js';
import { type AgentRow, agentRows } from '../claude/overview.js';
import { peek } from '../claude/peek.js';
import { isHeld } from '../claude/registry.js';
import type { Known } from '../claude/registry-log.js';
import { vaultFolder } from '../claude/vault.js';
import { messageOf, systemCode } from '../errors.js';
import { envFileName } from '../project/env-file.js';
import { readProjectFile } from '../project/project-file.js';
import { trustState } from '../project/trust.js';
import { isKept, readShares } from '../share/record.js';
import { programsOf } from '../snapshot/programs.js';
import { lastRehearsal } from '../snapshot/rehearsal.js';
import { SnapshotStore } from '../snapshot/store.js';
import { isFolder } from '../system/files.js';
import { type Processes, type ProcessSample, readProcesses, useOf } from '../system/processes.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { type Reading, readServer } from '../tmux/reading.js';
import { type Declared, declaredOf } from '../workspace/declared.js';
import { readEnding } from '../workspace/ending.js';
import { sessionLabel } from '../workspace/find.js';
import { Registry, type WorkspaceRecord } from '../workspace/registry.js';
import { type FolderSeen, lookAtFolders } from './folders.js';
import { gitOf, gitSeen } from './git.js';
import type {
  AgentSeen,
  Disk,
  ExpiringSeen,
  ProjectSeen,
  Saving,
  Survey,
  TmuxSeen,
  WorkspaceSeen,
} from './model.js';
import { type PaneFacts, panesOf, sessionOf } from './panes.js';
import { findStrays } from './strays.js';

export interface SurveyOptions {
  readonly connection: Connection;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: Settings;
  /** Ids of the workspaces that are looked at; all when not given. */
  readonly only?: ReadonlySet<string>;
  /** Also those that are closed; of these what is on the disk. */
  readonly closed?: boolean;
  /** The processes of a survey before, so that what they use is told for the time since. */
  readonly before?: Processes | null;
  readonly saving?: Saving | null;
  /** False: the working trees are not looked at, and no git is started. */
  readonly git?: boolean;
  /**
   * Who takes what hooks of Claude have left: this survey (`drain`, when not given), or another who does so all the
   * time and is told what was new in it.
   */
  readonly intake?: 'drain' | 'peek';
}

export interface Taken {
  readonly survey: Survey;
  /** For the next survey's `before`; null: they could not be read. */
  readonly processes: Processes | null;
}

/** Milliseconds that the file system of a project has to say whether its folder is there. */
const folderPatience = 2000;

/**
 * Reads everything at one moment: one batch of tmux, one reading of the processes, at most one git process for each
 * working tree (as many at once as there are processors), and small files. What cannot be read is said in its place;
 * it throws only for a fault of our own.
 */
export async function takeSurvey(options: SurveyOptions): Promise<Taken> {
  const { connection, env, settings } = options;
  const registry = new Registry(connection.address, env);
  const asked = readTmux(connection);
  const { records, damaged } = registry.readAll();
  const { reading, tmux } = await asked;
  const { processes, processesUnknown } = processesNow();
  const { drained, agentsUnknown } = await agentsNow(registry.folder, reading, processes, options);
  const places = placesOf(reading, records, options);
  const panes = reading ? readPanes(reading, processes, registry) : null;
  const folders = await lookAtFolders(
    places.flatMap(({ path, sessionId }) => [path, ...(panes && sessionId ? panes.pathsOf(sessionId) : [])]),
    folderPatience,
  );
  const reachable = places.filter(({ path }) => folders.get(path) === 'there').map(({ path }) => path);
  const git = options.git === false ? null : gitOf(reachable, settings, env);
  const agents = drained ? rowsByWorkspace(drained, processes) : new Map<string, AgentSeen[]>();
  const conversations = conversationsByWorkspace(drained);
  const soon = drained
    ? expiringOf(drained, registry.folder, settings, env)
    : new Map<string, ExpiringSeen>();
  // What is read of the disk while git works.
  const rest: (Omit<WorkspaceSeen, 'git'> & { readonly path: string })[] = [];
  for (const place of places) {
    const { id, path, record, sessionId } = place;
    const folder = folders.get(path) ?? 'unknown';
    const seen = sessionId && panes ? panes.of(sessionId, folders) : [];
    const pids = seen.filter((pane) => !pane.dead).map((pane) => pane.pid);
    const known = conversations.get(id) ?? [];
    rest.push({
      id,
      name: place.name,
      path,
      record,
      session: reading && sessionId ? sessionOf(reading, sessionId) : null,
      panes: seen,
      declared: await declared(place, folder, options),
      agents: agents.get(id) ?? [],
      use: processes
        ? useOf(panes?.processesOf(pids) ?? [], processes, options.before)
        : { count: 0, memoryBytes: null, cpuPercent: null },
      folder,
      project: folder === 'there' ? projectOf(path, env) : null,
      ...snapshotOf(registry.folder, id),
      rehearsal: lastRehearsal(registry, id),
      expiring: known.flatMap(({ conversation }) => soon.get(conversation) ?? []),
      unusedForks: known.filter((one) => isUnusedFork(one, drained, processes)).length,
    });
  }
  const trees = await git;
  const workspaces = rest.map((one): WorkspaceSeen => ({ ...one, git: gitSeen(one, trees) }));
  return {
    processes,
    survey: {
      at: new Date().toISOString(),
      tmux: tmuxSeen(tmux, reading, processes, connection.address),
      workspaces,
      strays: straysOf(reading, processes, connection, workspaces),
      disk: await diskOf(registry.folder),
      damaged,
      saving: options.saving ?? null,
      shares: readShares(registry.folder).map((share) => ({ ...share, kept: isKept(share) })),
      agentsUnknown,
      processesUnknown,
    },
  };
}

type Conversations = Pick<Drained, 'agents' | 'registry' | 'files' | 'facts'>;

interface Place {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly record: WorkspaceRecord | null;
  readonly sessionId: string | null;
}

/** The workspaces that are looked at: sessions that carry our id, and the records of closed ones. */
function placesOf(
  reading: Reading | null,
  records: readonly WorkspaceRecord[],
  options: SurveyOptions,
): Place[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const open = (reading?.sessions ?? []).flatMap((session): Place[] => {
    if (session.workspace === null) return [];
    const record = byId.get(session.workspace) ?? null;
    byId.delete(session.workspace);
    const path = session.path ?? record?.path ?? '';
    return [{ id: session.workspace, name: sessionLabel(session.name), path, record, sessionId: session.id }];
  });
  const closed = [...byId.values()].map(
    (record): Place => ({ id: record.id, name: record.name, path: record.path, record, sessionId: null }),
  );
  return [...open, ...(options.closed ? closed : [])].filter(({ id }) => options.only?.has(id) ?? true);
}

async function readTmux(connection: Connection): Promise<{
  readonly reading: Reading | null;
  readonly tmux: 'none' | 'running' | { readonly reason: string };
}> {
  try {
    return { reading: await readServer(connection), tmux: 'running' };
  } catch (error) {
    return { reading: null, tmux: isNoServer(error) ? 'none' : { reason: messageOf(error) } };
  }
}

function processesNow(): { processes: Processes | null; processesUnknown: string | null } {
  try {
    return { processes: readProcesses(), processesUnknown: null };
  } catch (error) {
    return { processes: null, processesUnknown: messageOf(error) };
  }
}

async function agentsNow(
  folder: string,
  reading: Reading | null,
  processes: Processes | null,
  { env, intake }: SurveyOptions,
): Promise<{ drained: Conversations | null; agentsUnknown: string | null }> {
  if (!processes) return { drained: null, agentsUnknown: 'the processes could not be read' };
  const facts: ClaudeFacts = {
    server: reading && { pid: reading.pid },
    panes: reading ? paneFacts(reading) : [],
    processes: processes.table,
    now: new Date(),
    env,
  };
  try {
    return {
      drained: intake === 'peek' ? peek(folder, facts) : await drain(folder, facts),
      agentsUnknown: null,
    };
  } catch (error) {
    return { drained: null, agentsUnknown: messageOf(error) };
  }
}

function rowsByWorkspace(drained: Conversations, processes: Processes | null): Map<string, AgentSeen[]> {
  const rows = agentRows(drained.facts, drained).map((row: AgentRow): AgentSeen => {
    const known = drained.registry.conversations.get(row.conversation);
    const process = known?.process ? processes?.byPid.get(known.process.pid) : undefined;
    const isSame = process && (known?.process?.start === null || known?.process?.start === process.start);
    const lastEventAt = drained.agents.get(row.conversation)?.lastEventAt ?? null;
    return {
      ...row,
      heard: lastEventAt !== null || known?.by === 'hook',
      lastEventAt,
      processSeconds: isSame ? process.ageSeconds : null,
    };
  });
  return grouped(rows, (row) => row.workspace);
}

function conversationsByWorkspace(drained: Conversations | null): Map<string, Known[]> {
  return grouped([...(drained?.registry.conversations.values() ?? [])], (known) => known.workspace);
}

function isUnusedFork(known: Known, drained: Conversations | null, processes: Processes | null): boolean {
  if (known.forkOf === null || known.ended?.reason === 'pruned' || !processes) return false;
  // One that goes on in another fork is where that came from.
  const isRoot = [...(drained?.registry.conversations.values() ?? [])].some(
    (other) => other.forkOf === known.conversation,
  );
  return !isRoot && !known.prompted && !isHeld(known, processes.table);
}

function expiringOf(
  drained: Conversations,
  folder: string,
  { health }: Settings,
  env: NodeJS.ProcessEnv,
): Map<string, ExpiringSeen> {
  const known = [...drained.registry.conversations.values()];
  const found = expiringKnown(known, vaultFolder(folder), health.expiringDays, env);
  return new Map(found.map((one) => [one.conversation, one]));
}

async function declared(place: Place, folder: FolderSeen, options: SurveyOptions): Promise<Declared> {
  if (folder !== 'there') return { kind: 'unknown', reason: "the project's folder cannot be looked into" };
  if (!place.record) return { kind: 'unknown', reason: 'its record is lost' };
  return declaredOf(place.record, options.settings.template, options.env);
}

function projectOf(path: string, env: NodeJS.ProcessEnv): ProjectSeen {
  try {
    return {
      file: readProjectFile(path),
      trust: trustState(path, env).state,
      envReadable: isReadableByOthers(join(path, envFileName)),
      unknown: null,
    };
  } catch (error) {
    return { file: null, trust: 'untrusted', envReadable: null, unknown: messageOf(error) };
  }
}

function isReadableByOthers(file: string): boolean | null {
  const found = lstatSync(file, { throwIfNoEntry: false });
  return found?.isFile() ? (found.mode & 0o044) !== 0 : null;
}

function snapshotOf(folder: string, id: string): Pick<WorkspaceSeen, 'snapshot' | 'snapshotUnknown'> {
  try {
    const newest = new SnapshotStore(folder, id).newest();
    return { snapshot: newest && { at: newest.at, sequence: newest.sequence }, snapshotUnknown: null };
  } catch (error) {
    return { snapshot: null, snapshotUnknown: messageOf(error) };
  }
}

function tmuxSeen(
  state: 'none' | 'running' | { readonly reason: string },
  reading: Reading | null,
  processes: Processes | null,
  address: Connection['address'],
): TmuxSeen {
  if (!reading) {
    return typeof state === 'object' ? { state: 'unknown', reason: state.reason } : { state: 'none' };
  }
  const server = processes?.byPid.get(reading.pid);
  return {
    state: 'running',
    words: address.inside ? [] : address.args,
    pid: reading.pid,
    version: reading.version,
    memoryBytes: server && processes ? useOf([server], processes).memoryBytes : null,
    scrollbackBytes: reading.panes.reduce((sum, pane) => sum + pane.historyBytes, 0),
    clockSet: clockSet(reading.startTime, server),
    otherSessions: reading.sessions.filter((session) => session.workspace === null).length,
  };
}

/** What the clock says of the time since the server's start, less what the kernel says of it. Milliseconds. */
function clockSet(startTime: number, server: ProcessSample | undefined): number | null {
  return server?.ageSeconds == null ? null : Date.now() - (startTime + server.ageSeconds) * 1000;
}

function straysOf(
  reading: Reading | null,
  processes: Processes | null,
  connection: Connection,
  workspaces: readonly WorkspaceSeen[],
): Survey['strays'] {
  if (!reading) return [];
  if (processes?.uptime == null) return null;
  const at = new Map(workspaces.map(({ path, id }) => [path, id]));
  return findStrays({
    processes,
    server: reading.pid,
    socketPath: connection.address.socketPath,
    panes: reading.panes,
    workspaceAt: (project) => at.get(project) ?? null,
  });
}

async function diskOf(folder: string): Promise<Disk | null> {
  let path = folder;
  while (!isFolder(path) && path !== dirname(path)) path = dirname(path);
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { path: folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return null;
  }
}

function readPanes(reading: Reading, processes: Processes | null, registry: Registry): PaneFacts {
  const programs = programsOf(reading.panes, processes?.byPid ?? null);
  return panesOf(reading, processes, programs, (id, key) => readEnding(registry.endingPath(id, key)));
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
