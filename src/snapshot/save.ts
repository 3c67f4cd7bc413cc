import { ConversationRegistry } from '../claude/registry.js';
import { vaultAll, vaultFolder } from '../claude/vault.js';
import { messageOf } from '../errors.js';
import { realFiles } from '../system/file-layer.js';
import { processAge } from '../system/process.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { serverState } from '../tmux/server.js';
import { followName, movedFolder, rebind } from '../workspace/follow.js';
import type { Registry } from '../workspace/registry.js';
import { BlobStore } from './blobs.js';
import { collectBlobs } from './blobs-collect.js';
import { type Kept, keptOf } from './conversations.js';
import { pruneSetAside } from './damaged.js';
import { EditorSaves } from './editor-saves.js';
import type { Reason } from './model.js';
import { type Observation, type ObserveRequest, Observer, type PaneStand } from './observe.js';
import { programsOf } from './programs.js';
import type { RetentionPolicy } from './retention.js';
import {
  type SaveOptions,
  type SaveResult,
  type ServerLife,
  type SnapshotDraft,
  SnapshotStore,
  StoreCache,
  saveAll,
  settle,
} from './store.js';
import { Strangers } from './strangers.js';

export interface SaveRequest {
  readonly reason: Reason;
  /** Ids of workspaces; all open ones when not given. */
  readonly only?: ReadonlySet<string>;
  readonly note?: string | null;
  /** The server is known to be ending (a shutdown): what is missing was not closed by the user. */
  readonly dying?: boolean;
}

export interface Saved {
  readonly workspace: string;
  readonly name: string;
  readonly path: string;
  /** The process of the tmux server that it is on. */
  readonly server: number;
  /** The snapshot that holds this state; null when it was not kept. */
  readonly sequence: number | null;
  /** False: nothing had changed. */
  readonly written: boolean;
  /** Why it was not kept. */
  readonly failure: string | null;
  /** The folder that its project was in at the save before, when it was moved since; else null. */
  readonly movedFrom: string | null;
  /**
   * It has lost panes just now: it is saved, and becomes the latest when it is saved again after so many milliseconds
   * and its server lives. null when it is the latest.
   */
  readonly settlesIn: number | null;
  /** It has programs that are to be started again when they end. */
  readonly restarts: boolean;
  readonly stands: readonly PaneStand[];
}

/**
 * Milliseconds that panes must be gone before a save that nobody asked for takes that for the user's will: at a logout
 * they go one by one, and then the server does.
 */
const lossSettles = 10_000;

/** Somebody wants this very state. */
const deliberate: ReadonlySet<Reason> = new Set([
  'manual',
  'close',
  'cleanup',
  'restore',
  'import',
  'checkpoint',
]);

/**
 * Saves the workspaces of one tmux server. One that lives long remembers what it saved, so that a save in which
 * nothing changed costs a reading of tmux and nothing else.
 */
export class Saver {
  readonly blobs: BlobStore;
  private readonly cache = new StoreCache();
  private readonly editors: EditorSaves;
  private readonly conversations: ConversationRegistry;
  private readonly strangers: Strangers;
  private observer: Observer;
  /** The session of each workspace at the last save. */
  private readonly names = new Map<string, string>();
  /** Workspaces that lost panes: how many are left, and since when. */
  private readonly losses = new Map<string, { readonly panes: number; readonly since: number }>();

  constructor(
    private readonly connection: Connection,
    private readonly registry: Registry,
    private settings: Pick<Settings, 'scrollbackLines' | 'paneHistory'>,
  ) {
    this.blobs = new BlobStore(registry.folder);
    this.editors = new EditorSaves(registry, this.blobs);
    this.conversations = new ConversationRegistry(this.registry.folder);
    this.strangers = new Strangers(connection, registry.folder);
    this.observer = this.newObserver();
  }

  /** Takes other settings from now on. */
  reconfigure(settings: Pick<Settings, 'scrollbackLines' | 'paneHistory'>): void {
    if (
      settings.scrollbackLines === this.settings.scrollbackLines &&
      settings.paneHistory === this.settings.paneHistory
    )
      return;
    this.settings = settings;
    this.observer = this.newObserver();
  }

  private newObserver(): Observer {
    return new Observer(this.blobs, {
      lines: this.settings.scrollbackLines,
      programs: (panes) => programsOf(panes),
      dirty: (workspace) => this.registry.read(workspace)?.git?.dirty ?? false,
      historyFile: (workspace, pane) =>
        this.settings.paneHistory ? this.registry.historyPath(workspace, pane) : null,
      kept: (place, program) => {
        const endingFile = this.registry.endingPath(place.workspace, place.record?.key ?? place.key);
        const age = () => processAge(place.pid) ?? Number.POSITIVE_INFINITY;
        const look = () => keptOf(this.conversations, { ...place, endingFile, age }, program, Date.now());
        const kept = look();
        if (kept.isStranger) this.strangers.note({ ...place, name: `${place.id} ${place.pid}`, look });
        if (kept.givenUp !== null) this.giveUp(kept.givenUp, place.id);
        return kept;
      },
    });
  }

  /** So that it is given up for good: the pane may be at its prompt again at the next save. */
  private giveUp(conversation: NonNullable<Kept['givenUp']>, pane: string): void {
    const evidence = 'another program was started in its pane before it had begun';
    const at = new Date().toISOString();
    this.conversations.append([
      { kind: 'end', at, conversation, pane, process: null, reason: 'replaced', evidence },
    ]);
  }

  /**
   * Reads all and saves what changed. Where no server runs, nothing is open and nothing is saved.
   *
   * @throws CwError `tmux-unusable` when tmux could not be asked; what was saved before stays the latest.
   */
  async save(request: SaveRequest): Promise<Saved[]> {
    // Those that come by themselves, one after the other, ask for what moved.
    const isFrequent = request.reason === 'change' || request.reason === 'output';
    const details = isFrequent ? 'changed' : 'all';
    let observed = await this.observe(request, details);
    const moved = await this.followUser(observed);
    if (moved.size > 0) observed = await this.observe(request, 'all');
    if (observed.length === 0) return [];
    const now = performance.now();
    const isTrusted = (draft: SnapshotDraft) =>
      deliberate.has(request.reason) || this.settlesIn(draft, now) === 0;
    let lived: Promise<ServerLife> | undefined;
    const livedOn = () => (lived ??= this.livedOn());
    const optionsOf = (draft: SnapshotDraft): SaveOptions => ({
      reason: request.reason,
      note: request.note ?? null,
      server: request.dying ? 'dying' : isTrusted(draft) ? livedOn : 'unknown',
    });
    await this.strangers.introduce(observed);
    // Before the snapshots, which name the sessions.
    await this.editors.save(observed, !isFrequent);
    const results = await saveAll(
      observed.map(({ workspace, draft }) => ({
        store: this.store(workspace),
        draft,
        options: optionsOf(draft),
      })),
      this.blobs,
    );
    await this.storeTexts();
    // Claude deletes its transcripts by itself: what a snapshot names is kept beside it. (Each finished turn is, too.)
    if (!isFrequent) await vaultAll(vaultFolder(this.registry.folder), conversationsIn(observed));
    return observed.map(({ workspace, name, path, draft, stands }, index) => {
      const result = results[index];
      const failure =
        result instanceof Error
          ? messageOf(result)
          : result?.refused === 'empty'
            ? 'it had no windows when it was read'
            : null;
      return {
        workspace,
        name,
        path,
        server: draft.server.pid,
        sequence: result instanceof Error ? null : (result?.sequence ?? null),
        written: result instanceof Error ? false : (result?.written ?? false),
        failure,
        movedFrom: moved.get(workspace) ?? null,
        stands,
        restarts: draft.blueprint.windows.some(({ panes }) =>
          panes.some((pane) => pane.run !== null && pane.restart !== 'never'),
        ),
        settlesIn: isDoubtful(result) ? this.noteLoss(draft, now) : this.forgetLoss(workspace),
      };
    });
  }

  /** None where no server runs. */
  private async observe({ only }: SaveRequest, details: ObserveRequest['details']): Promise<Observation[]> {
    try {
      return await this.observer.observe(this.connection, { details, ...(only && { only }) });
    } catch (error) {
      if (isNoServer(error)) return [];
      throw error;
    }
  }

  /**
   * Notes sessions that the user renamed, and binds workspaces anew whose project was moved.
   *
   * @returns where those were, by the workspace's id.
   */
  private async followUser(observed: readonly Observation[]): Promise<Map<string, string>> {
    const moved = new Map<string, string>();
    for (const { workspace: id, path, captured } of observed) {
      const { session, blueprint } = captured;
      const folders = blueprint.windows.flatMap((window) => window.panes.map((pane) => pane.cwd));
      const seen = { id, session, path, folders };
      if (this.names.get(id) !== session.name) followName(this.registry, seen);
      this.names.set(id, session.name);
      const folder = movedFolder(this.registry, seen);
      if (folder === null) continue;
      await rebind(this.connection, this.registry, { id, path, session: session.id }, folder);
      moved.set(id, path);
    }
    return moved;
  }

  /** Milliseconds until the loss of panes that this draft shows is settled; null when no such loss is known. */
  private settlesIn(draft: SnapshotDraft, now: number): number | null {
    const loss = this.losses.get(draft.workspace);
    return loss?.panes === paneCount(draft) ? Math.max(0, loss.since + lossSettles - now) : null;
  }

  private noteLoss(draft: SnapshotDraft, now: number): number {
    const left = this.settlesIn(draft, now);
    if (left === null) this.losses.set(draft.workspace, { panes: paneCount(draft), since: now });
    return left ?? lossSettles;
  }

  private forgetLoss(workspace: string): null {
    this.losses.delete(workspace);
    return null;
  }

  store(workspace: string): SnapshotStore {
    return new SnapshotStore(this.registry.folder, workspace, { cache: this.cache });
  }

  /** Writes the files that saves left for a quiet moment. */
  async settle(): Promise<void> {
    await settle(this.registry.folder, realFiles, this.cache.ahead);
  }

  /** The same, and makes ready for the next save: for a process that saves often. `close` when it does no more. */
  async prepare(): Promise<void> {
    await this.settle();
    await this.cache.ahead.prepare(this.registry.folder);
  }

  close(): void {
    this.cache.ahead.remove();
  }

  /** What nothing was saved for is stored too: it is known here by its name already. */
  private async storeTexts(): Promise<void> {
    try {
      await this.blobs.flush();
    } catch {
      // Nothing names it yet: what was saved is whole, and the next save begins anew.
    }
    if (this.blobs.takeFailure()) this.observer = this.newObserver();
  }

  /** From a server that was ending, windows are missing that nobody closed: ask it once more. */
  private async livedOn(): Promise<'alive' | 'unknown'> {
    try {
      return (await serverState(this.connection)) === 'running' ? 'alive' : 'unknown';
    } catch {
      return 'unknown'; // no answer is no evidence either way
    }
  }
}

function isDoubtful(result: SaveResult | Error | undefined): boolean {
  return !(result instanceof Error) && result?.doubtful === true;
}

function paneCount({ blueprint }: SnapshotDraft): number {
  return blueprint.windows.reduce((sum, window) => sum + window.panes.length, 0);
}

function conversationsIn(observed: readonly Observation[]) {
  return observed.flatMap(({ draft }) =>
    Object.values(draft.panes).flatMap(({ conversation }) => conversation ?? []),
  );
}

/**
 * Removes the snapshots of all workspaces that the retention does not keep, what was set aside long ago, and text that
 * none names any more.
 *
 * @returns how many snapshots.
 */
export async function pruneAll(
  registry: Registry,
  policy: RetentionPolicy,
  now = Date.now(),
): Promise<number> {
  await settle(registry.folder);
  let dropped = 0;
  for (const { id } of registry.readAll().records) {
    dropped += (await new SnapshotStore(registry.folder, id).prune(policy, now)).length;
  }
  // Before the text: what was set aside names some.
  pruneSetAside(registry.folder, now);
  await collectBlobs(registry.folder, now);
  return dropped;
}

/** The retention of the settings. */
export function retentionOf({ minutes, hours, days, weeks }: Settings['retention']): RetentionPolicy {
  const minute = 60_000;
  const hour = 60 * minute;
  const day = 24 * hour;
  return {
    tiers: [
      { every: minute, during: minutes * minute },
      { every: hour, during: hours * hour },
      { every: day, during: days * day },
      { every: 7 * day, during: weeks * 7 * day },
    ],
  };
}
