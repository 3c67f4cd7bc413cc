import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PaneResume } from '../blueprint/facts.js';
import type { Size } from '../blueprint/layout.js';
import type { Blueprint } from '../blueprint/model.js';
import { plan } from '../blueprint/plan.js';
import type { Problem } from '../blueprint/step.js';
import { messageOf } from '../errors.js';
import { ensurePrivateFolder, isFolder, writeFileAtomic } from '../system/files.js';
import { withLock } from '../system/lock.js';
import { homeFolder } from '../system/paths.js';
import { hostId } from '../system/process.js';
import { findProgram } from '../system/programs.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import type { SessionsReading } from '../tmux/reading.js';
import { applyBlueprint, serverFacts } from '../workspace/build.js';
import { joinWorkspaces, sessionPrefix, type Workspace } from '../workspace/find.js';
import { chooseName } from '../workspace/name.js';
import { recordOf } from '../workspace/record.js';
import { Registry, type WorkspaceRecord } from '../workspace/registry.js';
import { readIfRunning } from '../workspace/start-server.js';
import { mayRun } from './allow-list.js';
import { captureWorkspace } from './capture.js';
import type { ResurrectSave } from './resurrect.js';
import { type ImportedSession, toBlueprints } from './resurrect-blueprints.js';
import { findSave, readPaneTexts, resurrectFolder } from './resurrect-files.js';

export interface ImportRequest {
  /** A save file, or a folder of them; null: where tmux-resurrect saves. */
  readonly path: string | null;
  /** Nothing is opened; the report says what would be. */
  readonly dryRun: boolean;
  /** For windows whose size was not saved. */
  readonly size: Size;
  /** Patterns of command lines that start by themselves; others are typed. */
  readonly patterns: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Told what is waited for. */
  readonly note: (text: string) => void;
}

/**
 * `opened`; `would open` in a dry run; `open` already, with the same windows, layouts and folders; `kept`: something
 * of that name is open and is not what was saved; `failed`.
 */
export type SessionOutcome = 'opened' | 'would open' | 'open' | 'kept' | 'failed';

export interface PaneReport {
  /** As it was called when it was saved: `main:1.0`. */
  readonly pane: string;
  readonly folder: string;
  /** What ran in it; null: a shell at its prompt. */
  readonly command: string | null;
  /** `restored`: its shell. Else what became of its command: `typed` waits for Enter. */
  readonly outcome: 'restored' | 'started' | 'typed';
  /** What is not as it was: a folder that is gone, a command that was not saved whole. */
  readonly notes: readonly string[];
}

export interface SessionReport {
  /** The name of the session that was saved. */
  readonly saved: string;
  readonly name: string;
  readonly session: string;
  readonly id: string;
  readonly path: string;
  readonly outcome: SessionOutcome;
  readonly windows: number;
  /** Of a session that was opened, or would be. One that shows the windows of another has none. */
  readonly panes: readonly PaneReport[];
  readonly notes: readonly string[];
}

export interface ImportReport {
  readonly path: string;
  /** Local time, `2026-11-29 11:48:27`; null where the file's name does not say it. */
  readonly savedAt: string | null;
  /** The workspaces that the client showed, and before that; null: none, or none of these. */
  readonly active: string | null;
  readonly last: string | null;
  readonly sessions: readonly SessionReport[];
  /** Which save was taken instead of which, and what in it could not be read. */
  readonly notes: readonly string[];
}

/**
 * Opens the sessions of a tmux-resurrect save as workspaces. What is open already is left alone, so that a second
 * import doubles nothing.
 *
 * @throws CwError as `findSave` does, and `tmux-unusable`. A session that cannot be opened is in the report.
 */
export async function importResurrect(connection: Connection, request: ImportRequest): Promise<ImportReport> {
  const { env, path } = request;
  const server = await readIfRunning(connection);
  const found = findSave(path ?? (await resurrectFolder(server ? connection : null, env)), env);
  const { texts, notes } = await readPaneTexts(dirname(found.path), labelsOf(found.save));
  const facts = {
    home: homeFolder(env),
    baseIndex: server?.baseIndex ?? null,
    size: request.size,
    idOf: (session: string) => workspaceId(connection, session),
    mayStart: (argv: readonly string[]) => mayRun(argv, request.patterns),
    programExists: (program: string) => findProgram(program, env.PATH ?? '') !== null,
  };
  const imported = toBlueprints(found.save, facts, texts);
  const importer = new Importer(connection, request);
  const sessions: SessionReport[] = [];
  const openAll = async () => {
    for (const session of imported.sessions) sessions.push(await importer.bring(session));
  };
  if (request.dryRun) await openAll();
  else {
    await withLock(importer.registry.openLock('import from tmux-resurrect'), openAll, {
      wait: 90_000,
      onWait: (pid) => request.note(`Process ${pid} is importing: waiting for that.`),
    });
  }
  const nameOf = (saved: string | null) => sessions.find((session) => session.saved === saved)?.name ?? null;
  return {
    path: found.path,
    savedAt: found.savedAt,
    active: nameOf(found.save.activeSession),
    last: nameOf(found.save.lastSession),
    sessions,
    notes: [...found.notes, ...notes, ...imported.problems],
  };
}

function labelsOf(save: ResurrectSave): Set<string> {
  return new Set(
    save.sessions.flatMap(({ name, windows }) =>
      windows.flatMap(({ index, panes }) => panes.map((pane) => `${name}:${index}.${pane.index}`)),
    ),
  );
}

/** The same for each import of a session of this name on this server: a second one finds the first, even renamed. */
function workspaceId(connection: Connection, session: string): string {
  const source = JSON.stringify(['tmux-resurrect', hostId(), connection.address.socketPath, session]);
  return `w${createHash('sha256').update(source).digest('hex').slice(0, 12)}`;
}

class Importer {
  readonly registry: Registry;

  constructor(
    private readonly connection: Connection,
    private readonly request: ImportRequest,
  ) {
    this.registry = new Registry(connection.address, request.env);
  }

  async bring(wanted: ImportedSession): Promise<SessionReport> {
    const imported = { ...wanted, blueprint: { ...wanted.blueprint, path: realPath(wanted.blueprint.path) } };
    // Read anew: the session before has changed it, and a group is joined by a living member.
    const server = await readIfRunning(this.connection);
    const workspaces = joinWorkspaces(server?.sessions ?? [], this.registry.readAll().records);
    const known = sameWorkspace(imported, workspaces);
    if (known?.session) return this.openAlready(imported, known);
    const names = server?.sessions.map((session) => session.name) ?? [];
    if (keepsItsName(imported) && names.includes(imported.blueprint.session)) {
      return report(imported, 'kept', [
        'A session of that name that cw did not make is open, and is left alone.',
      ]);
    }
    if (imported.shows !== null && !this.request.dryRun && !hasGroup(server, imported.blueprint.group)) {
      return report(imported, 'kept', [
        `The windows of ${imported.shows} cannot be shared: it is in no group.`,
      ]);
    }
    const { name, path } = imported.blueprint;
    const chosen = known?.record
      ? { name: known.name, session: known.record.session, note: null }
      : chooseName(name, path, { workspaces, sessionNames: names }, this.request.env);
    const named: Blueprint = {
      ...imported.blueprint,
      id: known?.id ?? imported.blueprint.id,
      name: chosen.name,
      session: chosen.session,
    };
    return this.open({ ...imported, blueprint: named }, chosen.note, known?.record ?? null, server);
  }

  private async open(
    imported: ImportedSession,
    note: string | null,
    record: WorkspaceRecord | null,
    server: SessionsReading | null,
  ): Promise<SessionReport> {
    const { blueprint, resumes } = imported;
    const { env, dryRun } = this.request;
    const notes = note === null ? [] : [note];
    if (dryRun) {
      const resume = paneResumes(resumes, () => null);
      const { problems } = plan(blueprint, { ...serverFacts(server, '0', env), resume });
      return report(imported, 'would open', notes, problems);
    }
    try {
      const problems = await openResumed(this.connection, this.registry, imported, server, env);
      this.registry.write({ ...(record ?? recordOf(blueprint)), closedAt: null, closedBy: null });
      return report(imported, 'opened', notes, problems);
    } catch (error) {
      return report(imported, 'failed', [...notes, messageOf(error)]);
    }
  }

  private async openAlready(imported: ImportedSession, known: Workspace): Promise<SessionReport> {
    const { blueprint } = imported;
    const there = await captureWorkspace(this.connection, known.id);
    const found = {
      ...blueprint,
      id: known.id,
      name: known.name,
      session: known.session?.name ?? known.name,
    };
    const different = there ? differences(blueprint, there.blueprint) : ['it ends just now'];
    const session = { ...imported, blueprint: found };
    if (different.length === 0) return report(session, 'open', []);
    return report(session, 'kept', [
      `${known.name} is open and is not as it was saved (${different.join(', ')}): it is left alone.`,
    ]);
  }
}

/**
 * Opens a workspace with what ran in its panes and what they showed.
 *
 * @throws CwError as `applyBlueprint`; no file of its texts is left behind then.
 */
async function openResumed(
  connection: Connection,
  registry: Registry,
  { blueprint, resumes }: ImportedSession,
  server: SessionsReading | null,
  env: NodeJS.ProcessEnv,
): Promise<readonly Problem[]> {
  // Where a restore keeps such texts too: it sweeps away those that no pane has printed.
  const folder = join(registry.workspaceFolder(blueprint.id), 'restore');
  ensurePrivateFolder(folder);
  const written: string[] = [];
  const resume = paneResumes(resumes, (text) => {
    const file = join(folder, `${randomHex(6)}.txt`);
    writeFileAtomic(file, `${text.replace(/\n$/, '')}\x1b[0m\n`);
    written.push(file);
    return file;
  });
  try {
    const applied = await applyBlueprint(connection, registry, blueprint, server, env, resume);
    return applied.problems;
  } catch (error) {
    for (const file of written) rmSync(file, { force: true });
    throw error;
  }
}

/** @param keep puts a text into a file; its path */
function paneResumes(
  resumes: ImportedSession['resumes'],
  keep: (text: string) => string | null,
): Map<string, PaneResume> {
  return new Map(
    [...resumes].map(([key, { run, typed, text }]) => [
      key,
      { run, typed, textFile: text === null ? null : keep(text), historyFile: null },
    ]),
  );
}

/** The workspace that this session is: of an import before, or of its name and either its prefix or its folder. */
function sameWorkspace(imported: ImportedSession, workspaces: readonly Workspace[]): Workspace | undefined {
  const { id, session, path } = imported.blueprint;
  return (
    workspaces.find((workspace) => workspace.id === id) ??
    workspaces.find(
      (workspace) =>
        (workspace.session?.name ?? workspace.record?.session) === session &&
        (keepsItsName(imported) || workspace.path === path),
    )
  );
}

/** It was a workspace when it was saved: what has that name now is the same one. */
function keepsItsName(imported: ImportedSession): boolean {
  return imported.saved.startsWith(sessionPrefix);
}

function hasGroup(server: SessionsReading | null, group: string | null): boolean {
  return server?.sessions.some((session) => group !== null && session.group === group) ?? false;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // it is gone: the plan starts in the nearest parent and says so
  }
}

/** In what an open workspace is not as it was saved, of all that a save tells of and that does not change by itself. */
function differences(saved: Blueprint, now: Blueprint): string[] {
  const places = (blueprint: Blueprint) =>
    blueprint.windows.map(({ index }) => index - (blueprint.windows[0]?.index ?? 0)).join(' ');
  if (places(saved) !== places(now)) return ['other windows'];
  const found = new Set<string>();
  for (const [at, window] of saved.windows.entries()) {
    const other = now.windows[at]!;
    if (window.panes.length !== other.panes.length) found.add('other panes');
    else if (window.layout !== other.layout && window.layout !== 'tiled') found.add('another layout');
    if (window.options['automatic-rename'] === 'off' && window.name !== other.name) found.add('other names');
    for (const [place, { cwd }] of window.panes.entries()) {
      if (isFolder(cwd) && realPath(cwd) !== other.panes[place]?.cwd) found.add('other folders');
    }
  }
  return [...found];
}

function report(
  imported: ImportedSession,
  outcome: SessionOutcome,
  notes: readonly string[],
  problems: readonly Problem[] = [],
): SessionReport {
  const { id, name, session, path, windows } = imported.blueprint;
  const made = outcome === 'opened' || outcome === 'would open';
  const messagesOf = (wanted: (subject: string) => boolean) =>
    problems.filter(({ subject }) => wanted(subject)).map(({ message }) => message);
  return {
    saved: imported.saved,
    name,
    session,
    id,
    path,
    outcome,
    windows: windows.length,
    panes: made
      ? imported.panes.map(({ label, key, folder, notes: own }): PaneReport => {
          const { run = null, typed = null } = imported.resumes.get(key) ?? {};
          return {
            pane: label,
            folder,
            command: run ?? typed,
            outcome: run !== null ? 'started' : typed !== null ? 'typed' : 'restored',
            notes: [...own, ...messagesOf((subject) => subject === `pane:${key}`)],
          };
        })
      : [],
    notes: [
      ...notes,
      ...(made ? imported.notes : []),
      ...messagesOf((subject) => !subject.startsWith('pane:')),
    ],
  };
}
