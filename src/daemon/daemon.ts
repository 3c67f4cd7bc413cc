import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CwError, messageOf } from '../errors.js';
import {
  capabilities,
  type DaemonStatus,
  type EventName,
  type Events,
  protocolNumber,
  type SaveReport,
} from '../rpc/protocol.js';
import { RpcServer } from '../rpc/server.js';
import { addressFile, daemonSocket } from '../rpc/socket-path.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { acquireLock } from '../system/lock.js';
import { configFolder } from '../system/paths.js';
import { serverFolder } from '../system/server-folder.js';
import { Disposer } from './disposer.js';
import type { Log } from './log.js';
import { Saver } from './saver.js';
import { defaultSchedules, type JobName, Scheduler, type Schedules } from './schedule.js';
import { type FileWatch, watchFiles } from './watch-files.js';
import type { TmuxEvents } from './watch-tmux.js';
import type { DaemonWork } from './work.js';

export interface DaemonOptions {
  /** The path of the tmux server's socket. */
  readonly server: string;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly events: TmuxEvents;
  readonly work: DaemonWork;
  readonly log: Log;
  readonly logFile: string;
  /** Reads the schedules from the settings as they are now. Parts left out are the defaults. */
  readonly schedules: () => Partial<Schedules>;
  /** A sentence for each thing that is wrong with the settings as they are now. */
  readonly settingsProblems?: () => readonly string[];
  /** Milliseconds that the last save may take. */
  readonly lastSaveLimit?: number;
}

/** Where the lock lies that the daemon of a tmux server holds while it lives. */
export function daemonLock(server: string, env: NodeJS.ProcessEnv): string {
  return join(serverFolder(server, env), 'locks', 'daemon.lock');
}

/** A running daemon. One for each tmux server: it holds a lock while it lives. */
export class Daemon {
  /** Settles when the daemon has ended, with why. */
  readonly ended: Promise<string>;
  private readonly begun = performance.now();
  private readonly disposer: Disposer;
  private readonly saver: Saver;
  private readonly scheduler: Scheduler;
  private rpc: RpcServer | null = null;
  private files: FileWatch | null = null;
  private socket: string;
  private workspaces: number | null = null;
  private lastSaveAt: string | null = null;
  private lastSaveError: string | null = null;
  private stopping: Promise<void> | null = null;
  private resolveEnded!: (why: string) => void;

  constructor(private readonly options: DaemonOptions) {
    const { log, work, server, env } = options;
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.socket = daemonSocket(server, env);
    this.disposer = new Disposer((what, error) => log.error(what, error));
    this.saver = new Saver({
      save: (request) => work.save(request),
      saved: (reason, report) => this.saved(reason, report),
      failed: (reason, error) => {
        this.lastSaveError = messageOf(error);
        log.error(`saving (${reason})`, error);
        this.tell('save-failed', { reason, message: messageOf(error) });
      },
    });
    const memory = join(serverFolder(server, env), 'schedules.json');
    this.scheduler = new Scheduler({
      jobs: this.jobs(),
      failed: (job, error) => log.error(`the scheduled ${job}`, error),
      memory: {
        read: () => readMemory(memory),
        write: (last) => writeFileAtomic(memory, `${JSON.stringify(last)}\n`),
      },
    });
  }

  /**
   * Takes the lock, opens the socket, and begins to watch and to save.
   *
   * @throws CwError `refused` with the holder's pid when another daemon serves this tmux server; the failure of any
   *   step, after what was begun has been ended again; an Error when it was stopped meanwhile.
   */
  async start(): Promise<void> {
    try {
      await this.begin();
    } catch (error) {
      await this.disposer.dispose();
      throw error;
    }
  }

  private async begin(): Promise<void> {
    const { server, env, log, work, events, version } = this.options;
    await this.disposer.add('the lock', await takeLock(server, env));

    const settings = configFolder(env);
    ensurePrivateFolder(settings);
    const files = await watchFiles({
      folder: settings,
      changed: (paths) => void this.reload(paths),
      failed: (what, error) => log.error(what, error),
    });
    await this.disposer.add('the watch of the settings', () => files.stop());
    this.files = files;

    const rpc = await RpcServer.listen({
      socket: this.socket,
      handlers: {
        hello: () => ({ protocol: protocolNumber, capabilities, version, pid: process.pid, server }),
        status: () => this.status(),
        save: (params) => this.saver.save({ ...params, reason: 'manual' }),
        reload: () => this.reload([]),
        stop: () => {
          // After the answer has gone out.
          setImmediate(() => void this.stop('asked to stop'));
          return { pid: process.pid };
        },
      },
      remark: (text) => log.warn(text),
      failed: (what, error) => log.error(what, error),
    });
    await this.disposer.add('the socket', () => rpc.close());
    this.rpc = rpc;

    const address = addressFile(server, env);
    writeFileAtomic(address, `${JSON.stringify({ pid: process.pid, socket: this.socket })}\n`);
    await this.disposer.add('the address file', () => rmSync(address, { force: true }));

    await this.disposer.add('the saves', () => this.saver.stop());
    for (const problem of this.settingsProblems()) log.warn(`the settings: ${problem}`);
    this.setSchedules();
    await this.disposer.add('the schedules', () => this.scheduler.stop());

    const ended = work.begin?.((event) => this.tell(event, {}));
    if (ended) await this.disposer.add('the watch of agents', ended);
    await this.attempt('bringing back what was open', () => work.restoreAfterBoot());
    const changed = () => {
      this.saver.changed();
      work.changed?.();
      this.tell('changed', {});
    };
    await events.start({
      changed,
      printed: (windows) => {
        this.saver.printed();
        if (work.hasMoved?.(windows)) changed();
      },
      serverSeen: () => {
        log.info(`a tmux server answers on ${server}`);
        this.tell('server-seen', {});
        void this.attempt('a new server', () => work.serverSeen?.());
      },
      serverGone: () => {
        log.warn(`the tmux server on ${server} is gone`);
        this.tell('server-died', {});
        void this.attempt('the end of the server', () => work.serverDied());
      },
      remark: (text) => log.info(text),
      failed: (what, error) => log.error(what, error),
    });
    await this.disposer.add('the watch of tmux', () => events.stop());
    log.info(`serving ${server} on ${this.socket}`);
  }

  status(): DaemonStatus {
    return {
      running: true,
      pid: process.pid,
      socket: this.socket,
      server: this.options.server,
      uptimeSeconds: Math.floor((performance.now() - this.begun) / 1000),
      workspaces: this.workspaces,
      lastSaveAt: this.lastSaveAt,
      lastSaveError: this.lastSaveError,
      watching: this.options.events.watching,
      schedules: this.scheduler.status(),
      protocol: protocolNumber,
      log: this.options.logFile,
    };
  }

  /**
   * Reads settings again.
   *
   * @param changed the files that did; none when a user asked.
   * @returns what is wrong with them, in sentences; what was right before holds then.
   */
  async reload(changed: readonly string[]): Promise<{ problems: readonly string[] }> {
    const problems = [...this.settingsProblems()];
    try {
      this.setSchedules();
    } catch (error) {
      problems.push(messageOf(error));
    }
    await this.options.work.reload?.(changed).catch((error: unknown) => {
      problems.push(messageOf(error));
    });
    for (const problem of problems) this.options.log.warn(`reloading: ${problem}`);
    this.options.log.info('settings were read again', { changed });
    this.tell('reloaded', { changed });
    return { problems };
  }

  /** Saves what can be saved within the limit, and ends everything in reverse order. Idempotent. */
  stop(why: string): Promise<void> {
    this.stopping ??= this.end(why);
    return this.stopping;
  }

  private async end(why: string): Promise<void> {
    const { log } = this.options;
    log.info(`stopping: ${why}`);
    this.tell('stopping', { why });
    const limit = this.options.lastSaveLimit ?? 5000;
    let timer: NodeJS.Timeout | undefined;
    const outOfTime = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), limit);
    });
    const last = this.saver.save({ reason: 'shutdown' }).then(
      () => 'saved' as const,
      () => 'failed' as const, // told by the saver
    );
    const how = await Promise.race([last, outOfTime]);
    clearTimeout(timer);
    if (how === 'late') log.error(`the last save did not end within ${limit} ms`);
    // A job or save that hangs must not keep us: the lock falls with the process in any case.
    await Promise.race([
      this.disposer.dispose(),
      new Promise<void>((done) => setTimeout(done, limit).unref()),
    ]);
    log.info('ended');
    this.resolveEnded(why);
  }

  private jobs(): Partial<Record<JobName, () => Promise<unknown>>> {
    const { work } = this.options;
    return {
      save: async () => {
        // Backstops for what has no event of its own.
        await this.rpc?.check();
        await this.options.events.refresh();
        await this.saver.save({ reason: 'schedule' });
      },
      prune: () => work.prune(),
      verify: () => work.verify(),
      ...(work.health
        ? {
            health: async () => {
              await work.health!();
              this.tell('health', {});
            },
          }
        : {}),
      ...(work.cleanup ? { cleanup: () => work.cleanup!() } : {}),
    };
  }

  private settingsProblems(): readonly string[] {
    return this.options.settingsProblems?.() ?? [];
  }

  private setSchedules(): void {
    this.scheduler.set({ ...defaultSchedules, ...this.options.schedules() });
  }

  private saved(reason: Events['saved']['reason'], report: SaveReport): void {
    const { log } = this.options;
    this.workspaces = report.workspaces;
    this.lastSaveError = report.failed[0]
      ? `${report.failed[0].workspace}: ${report.failed[0].reason}`
      : null;
    if (report.failed.length === 0) this.lastSaveAt = new Date().toISOString();
    for (const { workspace, reason: why } of report.failed)
      log.error(`saving ${workspace} (${reason}): ${why}`);
    if (report.saved.length > 0) log.info(`saved (${reason})`, { saved: report.saved });
    this.files?.setFiles(report.folders.map((folder) => join(folder, '.env.claude')));
    if (report.saved.length > 0 || reason === 'manual') this.tell('saved', { reason, report });
    this.scheduler.catchUp();
  }

  private tell<E extends EventName>(event: E, data: Events[E]): void {
    this.rpc?.broadcast(event, data);
  }

  private async attempt(what: string, work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.log.error(what, error);
    }
  }
}

async function takeLock(server: string, env: NodeJS.ProcessEnv): Promise<() => void> {
  let holder: number | null = null;
  try {
    return await acquireLock(daemonLock(server, env), {
      wait: 0,
      onWait: (pid) => {
        holder = pid;
      },
    });
  } catch (error) {
    if (holder === null) throw error;
    throw new CwError('refused', `A daemon serves this tmux server already: process ${holder}.`, {
      hint: 'cw daemon status shows it; cw daemon stop ends it.',
      cause: error,
    });
  }
}

function readMemory(file: string): Record<string, string> {
  const text = readTextIfAny(file);
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {}; // damaged: no job is known to have run
  }
}
