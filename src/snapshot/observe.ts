import { parsePaneRecord } from '../blueprint/record.js';
import { isCwError, systemCode } from '../errors.js';
import { type Head, Heads } from '../git/head.js';
import { bootId, hostId, processStart } from '../system/process.js';
import { packageVersion } from '../system/version.js';
import type { Connection } from '../tmux/connection.js';
import {
  type Details,
  type Pane,
  type Reading,
  readDetails,
  readServer,
  type Session,
  type Window,
} from '../tmux/reading.js';
import type { BlobStore } from './blobs.js';
import { type Captured, capture, indexReading, type ReadingIndex } from './capture.js';
import type { Kept, PanePlace } from './conversations.js';
import { type EditorPane, editorPane } from './editor-saves.js';
import type { SnapshotDraft } from './encode.js';
import type { ObservedPane, Program } from './model.js';
import { Scrollbacks } from './scrollback.js';
import { waitingLines } from './typed.js';

/** One workspace as it is now, ready to be saved. */
export interface Observation {
  readonly workspace: string;
  readonly name: string;
  /** The project's folder. */
  readonly path: string;
  readonly draft: SnapshotDraft;
  readonly captured: Captured;
  /** Panes in which an editor is in the foreground that can be asked for its session. */
  readonly editors: readonly EditorPane[];
  readonly stands: readonly PaneStand[];
}

/** What can be looked at again without asking tmux; see `folderOfIdleShell`. */
export interface PaneStand {
  readonly window: string;
  /** Of the pane's shell. */
  readonly pid: number;
  /** Where the shell stands; null while a program runs in it. */
  readonly folder: string | null;
}

export interface ObserveRequest {
  /** Ids of the workspaces that are wanted; all when not given. */
  readonly only?: ReadonlySet<string>;
  /**
   * `all` asks tmux for every option and environment again; `changed` only for those of workspaces whose windows
   * and panes changed, which is what a reading shows for nothing.
   */
  readonly details: 'all' | 'changed';
}

export interface ObserverOptions {
  /** Lines of scrollback kept of a pane; 0 keeps none. */
  readonly lines: number;
  /** What each pane runs, by its id. */
  readonly programs: (panes: readonly Pane[]) => ReadonlyMap<string, Program>;
  /** Whether the repository of a workspace had uncommitted work when that was last read. */
  readonly dirty: (workspace: string) => boolean;
  /** The history file that a pane's shell was given; null when none. */
  readonly historyFile: (workspace: string, pane: string) => string | null;
  /** What a pane is saved with. */
  readonly kept: (
    place: Omit<PanePlace, 'endingFile' | 'age'> & { readonly pid: number },
    program: Program,
  ) => Pick<Kept, 'program' | 'conversation'>;
}

/**
 * Reads all workspaces of a server. One that lives long remembers what does not change from one reading to the next,
 * so that reading again costs one batch.
 */
export class Observer {
  private readonly details = new Map<string, { shape: string; details: Details }>();
  private readonly texts: Scrollbacks;
  private readonly heads = new Heads();
  private readonly version = packageVersion();

  constructor(
    blobs: BlobStore,
    private readonly options: ObserverOptions,
  ) {
    this.texts = new Scrollbacks(blobs, { lines: options.lines });
  }

  /**
   * @throws CwError `tmux-unusable`; `isNoServer` tells the case that no server runs.
   */
  async observe(connection: Connection, request: ObserveRequest): Promise<Observation[]> {
    const reading = await readServer(connection);
    const index = indexReading(reading);
    const sessions = reading.sessions.filter(
      ({ workspace }) => workspace !== null && (request.only?.has(workspace) ?? true),
    );
    const details = await this.detailsOf(connection, reading, index, sessions, request.details);
    const panes = sessions.flatMap((session) => panesOf(index, session));
    const programs = this.options.programs(panes);
    const typed = await waitingLines(connection, panes, programs);
    const isIdle = (pane: Pane) => programs.get(pane.id)?.kind === 'shell';
    const texts =
      this.options.lines > 0
        ? await this.texts.update(connection, reading, panes, isIdle)
        : new Map<string, never>();
    if (!request.only) this.texts.keepOnly(new Set(panes.map((pane) => pane.id)));
    const windows = new Map(reading.windows.map((window) => [window.id, window]));
    const [host, boot] = [hostId(), bootId()];
    const server = {
      pid: reading.pid,
      start: processStart(reading.pid),
      version: `${Math.floor(reading.version / 100)}.${reading.version % 100}`,
    };
    return sessions.flatMap((session) => {
      const captured = capture(
        index,
        details.get(session.id) ?? { sessions: new Map(), windows: new Map(), panes: new Map() },
        session,
      );
      if (!captured || session.workspace === null) return [];
      const observed: Record<string, ObservedPane> = {};
      const editors: EditorPane[] = [];
      const stands: PaneStand[] = [];
      for (const [key, id] of captured.paneIds) {
        const pane = index.panes.get(id);
        if (!pane) continue;
        const record = parsePaneRecord(pane.mark ?? '');
        const kept = this.options.kept(
          { workspace: session.workspace, key, id, pid: pane.pid, server: reading.pid, record },
          programs.get(id) ?? { kind: 'unknown', reason: 'it was not read' },
        );
        observed[key] = {
          id,
          pid: pane.pid,
          program: kept.program,
          scrollback: texts.get(id) ?? null,
          alternateScreen: pane.alternateOn,
          historyFile: this.options.historyFile(session.workspace, key),
          conversation: kept.conversation,
          ...(typed.has(id) && { typed: typed.get(id) ?? null }),
        };
        const folder = programs.get(id)?.kind === 'shell' ? pane.currentPath : null;
        stands.push({ window: pane.window, pid: pane.pid, folder });
        const editor = editorPane(key, pane, windows.get(pane.window), programs.get(id));
        if (editor) editors.push(editor);
      }
      const { blueprint } = captured;
      const head = this.headOf(blueprint.path);
      const draft: SnapshotDraft = {
        workspace: session.workspace,
        host,
        boot,
        server,
        cwVersion: this.version,
        blueprint,
        panes: observed,
        git: head && { ...head, dirty: this.options.dirty(session.workspace) },
      };
      return [
        {
          workspace: session.workspace,
          name: blueprint.name,
          path: blueprint.path,
          draft,
          captured,
          editors,
          stands,
        },
      ];
    });
  }

  /** null where there is no repository, or none that can be read: that holds up no save. */
  private headOf(folder: string): Head | null {
    try {
      return this.heads.read(folder);
    } catch (error) {
      if (!isCwError(error) && systemCode(error) === undefined) throw error;
      return null;
    }
  }

  private async detailsOf(
    connection: Connection,
    reading: Reading,
    index: ReadingIndex,
    sessions: readonly Session[],
    wanted: ObserveRequest['details'],
  ): Promise<ReadonlyMap<string, Details>> {
    const shapes = new Map(sessions.map((session) => [session.id as string, shapeOf(index, session)]));
    const stale =
      wanted === 'all'
        ? sessions
        : sessions.filter((session) => this.details.get(session.id)?.shape !== shapes.get(session.id));
    if (stale.length > 0) {
      const windows = stale.flatMap((session) => index.windows.get(session.id) ?? []);
      const read = await readDetails(connection, reading.version, {
        sessions: stale.map((session) => session.id),
        windows: [...new Set(windows.map((window) => window.id))],
        panes: [...new Set(stale.flatMap((session) => panesOf(index, session).map((pane) => pane.id)))],
      });
      for (const session of stale)
        this.details.set(session.id, { shape: shapes.get(session.id) ?? '', details: read });
    }
    for (const id of this.details.keys()) if (!index.sessions.has(id)) this.details.delete(id);
    return new Map([...this.details].map(([id, { details }]) => [id, details]));
  }
}

function panesOf(index: ReadingIndex, session: Session): Pane[] {
  return (index.windows.get(session.id) ?? []).flatMap((window) => index.panesByWindow.get(window.id) ?? []);
}

/**
 * What of a session a reading shows that its options and its environment may depend on: which windows and panes it
 * has, and how often a variable of it was set, which the watch of tmux counts.
 */
function shapeOf(index: ReadingIndex, session: Session): string {
  const windows = index.windows.get(session.id) ?? [];
  const shape = (window: Window) =>
    `${window.id}:${window.name}:${window.synchronized}(${(index.panesByWindow.get(window.id) ?? []).map((pane) => pane.id)})`;
  return `${session.name} ${session.touched} ${windows.map(shape).join(' ')}`;
}
