import { messageOf } from '../errors.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { serverState } from '../tmux/server.js';
import type { Registry } from '../workspace/registry.js';
import { BlobStore } from './blobs.js';
import { collectBlobs } from './blobs-collect.js';
import type { Reason } from './model.js';
import { type Observation, Observer } from './observe.js';
import { programsOf } from './programs.js';
import type { RetentionPolicy } from './retention.js';
import { type SaveOptions, SnapshotStore, StoreCache, saveAll, settle } from './store.js';

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
  /** The snapshot that holds this state; null when it was not kept. */
  readonly sequence: number | null;
  /** False: nothing had changed. */
  readonly written: boolean;
  /** Why it was not kept. */
  readonly failure: string | null;
}

/**
 * Saves the workspaces of one tmux server. One that lives long remembers what it saved, so that a save in which
 * nothing changed costs a reading of tmux and nothing else.
 */
export class Saver {
  readonly blobs: BlobStore;
  private readonly cache = new StoreCache();
  private observer: Observer;

  constructor(
    private readonly connection: Connection,
    private readonly registry: Registry,
    private settings: Pick<Settings, 'scrollbackLines' | 'paneHistory'>,
  ) {
    this.blobs = new BlobStore(registry.folder);
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
      programs: programsOf,
      dirty: (workspace) => this.registry.read(workspace)?.git?.dirty ?? false,
      historyFile: (workspace, pane) =>
        this.settings.paneHistory ? this.registry.historyFile(workspace, pane) : null,
    });
  }

  /**
   * Reads all and saves what changed. Where no server runs, nothing is open and nothing is saved.
   *
   * @throws CwError `tmux-unusable` when tmux could not be asked; what was saved before stays the latest.
   */
  async save(request: SaveRequest): Promise<Saved[]> {
    let observed: Observation[];
    try {
      observed = await this.observer.observe(this.connection, {
        details: request.reason === 'change' ? 'changed' : 'all',
        ...(request.only && { only: request.only }),
      });
    } catch (error) {
      if (isNoServer(error)) return [];
      throw error;
    }
    if (observed.length === 0) return [];
    const options: SaveOptions = {
      reason: request.reason,
      note: request.note ?? null,
      server: request.dying ? 'dying' : await this.livedOn(),
    };
    const results = await saveAll(
      observed.map(({ workspace, draft }) => ({ store: this.store(workspace), draft, options })),
    );
    return observed.map(({ workspace, name, path }, index) => {
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
        sequence: result instanceof Error ? null : (result?.sequence ?? null),
        written: result instanceof Error ? false : (result?.written ?? false),
        failure,
      };
    });
  }

  store(workspace: string): SnapshotStore {
    return new SnapshotStore(this.registry.folder, workspace, { cache: this.cache });
  }

  /** Writes the files that a save of many left for a quiet moment. */
  async settle(): Promise<void> {
    await settle(this.registry.folder);
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

/** Removes the snapshots of all workspaces that the retention does not keep, and text that none names any more. */
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
