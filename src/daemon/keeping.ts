import { removeLeftovers } from '../cleanup/leftovers.js';
import { judge } from '../cleanup/look.js';
import { rulesOf, sweep } from '../cleanup/sweep.js';
import { CwError, messageOf } from '../errors.js';
import { HealthState } from '../health/state.js';
import { serverStartPrefix } from '../integration/systemd.js';
import type { SaveParams, SaveReason, SaveReport } from '../rpc/protocol.js';
import { defaultPatterns } from '../snapshot/allow-list.js';
import { checkpoint } from '../snapshot/checkpoint.js';
import { isFaithful, recordRehearsal } from '../snapshot/rehearsal.js';
import { restoreWorkspace } from '../snapshot/restore.js';
import { Stagger } from '../snapshot/restore-conversations.js';
import { pruneAll, retentionOf, Saver } from '../snapshot/save.js';
import { SnapshotStore } from '../snapshot/store.js';
import { verifySnapshot } from '../snapshot/verify.js';
import type { Survey } from '../survey/model.js';
import { bootId } from '../system/process.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { readSessions } from '../tmux/reading.js';
import { joinWorkspaces } from '../workspace/find.js';
import { Registry } from '../workspace/registry.js';
import { AgentsWatch } from './agents.js';
import { keepExpiring } from './expiry.js';
import { GlanceKeeper } from './glance.js';
import { HealthWatch } from './health.js';
import type { Log } from './log.js';
import { MetricsWatch } from './metrics.js';
import { Moves } from './moves.js';
import { Notifier } from './notifier.js';
import { Restarts } from './restarts.js';
import type { DaemonWork } from './work.js';

export interface KeepingOptions {
  readonly connection: Connection;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: () => Settings;
  /** Milliseconds that server and daemon must live on after a workspace went away, until it counts as closed. */
  readonly grace?: number;
}

/** What the daemon does with workspaces: it calls the rooms that know how. */
export function keeping(options: KeepingOptions): DaemonWork {
  return new Keeping(options);
}

class Keeping implements DaemonWork {
  private readonly registry: Registry;
  private readonly saver: Saver;
  /** Open ones at the last save by id, with the process of the server that they were on. */
  private open = new Map<string, number>();
  /** By it the user is told what he may want to know at once. */
  private readonly notifier: Notifier;
  private readonly gone = new Map<string, NodeJS.Timeout>();
  private isStopping = false;
  private readonly healthWatch: HealthWatch;
  private readonly restarts: Restarts;
  /** What a list of workspaces reads. */
  private readonly glance: GlanceKeeper;
  private readonly metrics: MetricsWatch;
  private agents: AgentsWatch | null = null;
  private readonly moves = new Moves();
  private lastSave: { readonly lastSaveAt: string | null; readonly lastSaveError: string | null } = {
    lastSaveAt: null,
    lastSaveError: null,
  };

  constructor(private readonly options: KeepingOptions) {
    this.registry = new Registry(options.connection.address, options.env);
    this.saver = new Saver(options.connection, this.registry, options.settings());
    this.notifier = new Notifier(options);
    const { notifier, registry } = this;
    const state = new HealthState(registry.folder);
    this.glance = new GlanceKeeper({ ...options, registry });
    const seen = ({ workspaces, at }: Survey) => this.glance.git(workspaces, at);
    this.healthWatch = new HealthWatch({ ...options, state, notifier, seen });
    this.restarts = new Restarts({ ...options, state, registry });
    this.metrics = new MetricsWatch({
      ...options,
      registryFolder: registry.folder,
      health: state,
      agents: () => this.agents?.rows ?? [],
      nameOf: (id) => registry.read(id)?.name ?? id,
    });
  }

  begin(tell: (event: 'agents') => void): () => Promise<void> {
    const { connection, env, log } = this.options;
    const { notifier } = this;
    const agents = new AgentsWatch({
      connection,
      registryFolder: this.registry.folder,
      env,
      log,
      notifier,
      settings: this.options.settings,
      changed: () => {
        tell('agents');
        this.metrics.changed();
      },
      seen: (rows) => this.glance.agents(rows),
      checkpoint: (workspace, note) =>
        checkpoint(connection, this.registry, this.options.settings(), workspace, note),
    });
    this.agents = agents;
    this.glance.start();
    agents.start();
    this.metrics.start();
    return async () => {
      await this.restarts.stop();
      await this.metrics.stop();
      await agents.stop();
      this.glance.stop();
      await notifier.stop();
      this.saver.close();
    };
  }

  changed(): void {
    this.metrics.changed();
  }

  async health(): Promise<void> {
    await this.healthWatch.look(this.lastSave, this.restarts.seen());
    this.metrics.judged();
    await this.metrics.roll();
  }

  async save(request: SaveParams & { readonly reason: SaveReason }): Promise<SaveReport> {
    try {
      const report = await this.saveNow(request);
      const [failed] = report.failed;
      this.lastSave = failed
        ? { ...this.lastSave, lastSaveError: `${failed.workspace}: ${failed.reason}` }
        : { lastSaveAt: new Date().toISOString(), lastSaveError: null };
      return report;
    } catch (error) {
      this.lastSave = { ...this.lastSave, lastSaveError: messageOf(error) };
      throw error;
    }
  }

  private async saveNow(request: SaveParams & { readonly reason: SaveReason }): Promise<SaveReport> {
    if (request.reason === 'shutdown') this.stopWatchingTheGone();
    const wanted = request.workspaces && new Set(request.workspaces.map((word) => this.idOf(word)));
    const saved = await this.saver.save({
      reason: request.reason,
      note: request.note ?? null,
      ...(wanted && { only: wanted }),
    });
    if (request.reason !== 'shutdown' && saved.some((one) => one.restarts)) this.restarts.changed();
    this.glance.saved(saved, !wanted);
    for (const { workspace, name, written } of saved)
      if (written) this.metrics.saved({ id: workspace, name });
    if (!wanted) this.moves.saved(saved.flatMap((one) => one.stands));
    if (!wanted) this.watchTheGone(new Map(saved.map((one) => [one.workspace, one.server])));
    for (const { name, path, movedFrom } of saved)
      if (movedFrom !== null)
        this.options.log.info(`the project of ${name} was moved from ${movedFrom} to ${path}`);
    const report = {
      workspaces: saved.length,
      saved: saved.flatMap((one) => (one.written ? [{ workspace: one.name, id: String(one.sequence) }] : [])),
      failed: saved.flatMap((one) =>
        one.failure === null ? [] : [{ workspace: one.name, reason: one.failure }],
      ),
      folders: saved.map((one) => one.path),
      settlesIn: Math.max(0, ...saved.map((one) => one.settlesIn ?? 0)) || null,
    };
    // What one file holds gets files of its own when there is time.
    setImmediate(() => {
      this.saver.prepare().catch((error: unknown) => this.options.log.error('splitting up a save', error));
    });
    return report;
  }

  hasMoved(windows: ReadonlySet<string>): boolean {
    return this.moves.hasMoved(windows);
  }

  private idOf(word: string): string {
    return this.registry.readAll().records.find((record) => record.name === word)?.id ?? word;
  }

  /**
   * A workspace that went away while its server lives, and that nobody killed by `cw`, was closed by the user (the
   * last shell ended). But at a logout sessions go one by one, with the same notices, and then the server: only
   * after some seconds is it certain.
   */
  private watchTheGone(now: ReadonlyMap<string, number>): void {
    for (const id of now.keys()) {
      clearTimeout(this.gone.get(id));
      this.gone.delete(id);
    }
    for (const [id, server] of this.open) {
      if (now.has(id) || this.gone.has(id) || this.isStopping) continue;
      this.gone.set(
        id,
        setTimeout(() => {
          this.gone.delete(id);
          this.markClosed(id, server).catch((error: unknown) =>
            this.options.log.error(`noting that ${id} was closed`, error),
          );
        }, this.options.grace ?? 10_000),
      );
    }
    this.open = new Map(now);
  }

  private async markClosed(id: string, on: number): Promise<void> {
    const server = await readSessions(this.options.connection);
    // No server, or another one: it went down with its own after all.
    if (server?.pid !== on || server.sessions.some((session) => session.workspace === id)) return;
    const record = this.registry.read(id);
    if (!record || record.closedAt !== null) return;
    // Somebody was about to close it, and died before that was noted.
    const { closing, ...rest } = record;
    const isClosing = closing && Math.abs(Date.now() - Date.parse(closing.at)) < 60_000;
    const closedBy = isClosing ? closing.by : 'user';
    this.registry.write({ ...rest, closedAt: new Date().toISOString(), closedBy });
    this.options.log.info(`${record.name} was closed`);
  }

  private stopWatchingTheGone(): void {
    this.isStopping = true;
    for (const timer of this.gone.values()) clearTimeout(timer);
    this.gone.clear();
  }

  async prune(): Promise<void> {
    await this.saver.settle();
    const removed = await pruneAll(this.registry, retentionOf(this.options.settings().retention));
    if (removed > 0) this.options.log.info(`${removed} snapshots were too old`);
    const { env, log } = this.options;
    const days = this.options.settings().health.expiringDays;
    const tell = this.notifier.tell.bind(this.notifier);
    await keepExpiring({ registryFolder: this.registry.folder, env, days, log, tell });
  }

  /** The same as `cw cleanup --yes`, and no more. */
  async cleanup(): Promise<void> {
    const { connection, env, log } = this.options;
    const settings = this.options.settings();
    const rules = rulesOf(settings);
    // What hooks of Claude tell is taken by the watch of agents, which tells of it.
    const options = { connection, rules, settings, env, intake: 'peek' as const };
    const { verdicts } = await judge(options, rules);
    for (const one of await sweep(verdicts, options)) {
      if (one.outcome === 'removed')
        log.info(`closed ${one.name} (${one.reason}); to bring it back: cw restore ${one.name}`, {
          snapshot: one.snapshot,
          notes: one.notes,
        });
      else log.warn(`${one.name} was ${one.outcome === 'kept' ? 'kept' : 'not closed'}: ${one.reason}`);
    }
    const left = await removeLeftovers({ connection, registry: this.registry, env, dryRun: false });
    if (left.length > 0) log.info('took away what was left over', { left });
  }

  async verify(): Promise<void> {
    const failures: string[] = [];
    for (const id of this.open.keys()) {
      const snapshot = await new SnapshotStore(this.registry.folder, id).latest();
      if (!snapshot) continue;
      const found = await verifySnapshot(snapshot, this.saver.blobs, this.options.env);
      recordRehearsal(this.registry, found);
      const said = `${found.name}: ${found.equal} of ${found.fields} fields came back`;
      if (isFaithful(found)) {
        this.options.log.info(`rehearsed ${said}`);
        continue;
      }
      failures.push(said);
      const { differences, problems } = found;
      this.options.log.warn(`the rehearsal of ${said}`, { differences, problems });
    }
    if (failures.length > 0)
      throw new CwError('failed', `A rehearsed restore was not exact: ${failures.join('; ')}.`);
  }

  async restoreAfterBoot(): Promise<void> {
    const { settings, connection, env, log } = this.options;
    if (!settings().restoreOnBoot) return;
    const server = await readSessions(connection);
    const { records } = this.registry.readAll();
    const ended = joinWorkspaces(server?.sessions ?? [], records).filter(
      ({ session, record }) => session === null && record !== null && record.closedAt === null,
    );
    const stagger = new Stagger();
    for (const workspace of ended) {
      try {
        const snapshot = await new SnapshotStore(this.registry.folder, workspace.id).latest();
        // A server that died within this boot is the user's to bring back.
        if (!snapshot || snapshot.boot === bootId()) continue;
        const report = await restoreWorkspace(connection, this.registry, this.saver.blobs, snapshot, {
          run: true,
          dryRun: false,
          patterns: settings().restorePrograms ?? defaultPatterns,
          paneHistory: settings().paneHistory,
          knowsPrograms: false,
          isNewest: true,
          stagger,
          background: { startPrefix: serverStartPrefix(env) },
          env,
        });
        log.info(`brought back ${workspace.name} from the boot before`, {
          panes: report.panes.length,
          problems: report.problems,
        });
      } catch (error) {
        log.error(`bringing back ${workspace.name}: ${messageOf(error)}`, error);
      }
    }
  }

  async serverDied(): Promise<void> {
    // At a logout sessions go one by one, and then their server: they ended with it.
    const ended = new Set([...this.open.keys(), ...this.gone.keys()]);
    this.stopWatchingTheGone();
    this.isStopping = false;
    for (const id of ended) {
      const record = this.registry.read(id);
      const entry = (await new SnapshotStore(this.registry.folder, id).list()).find((one) => !one.doubtful);
      if (!record || record.closedAt !== null || !entry) continue;
      const seconds = Math.round((Date.now() - Date.parse(entry.at)) / 1000);
      this.options.log.warn(
        `${record.name} ended with its tmux server; its last snapshot, ${entry.id}, is ${seconds} s old. To bring it back: cw restore ${record.name}`,
      );
    }
    this.open.clear();
  }

  async reload(): Promise<void> {
    this.saver.reconfigure(this.options.settings());
  }
}
