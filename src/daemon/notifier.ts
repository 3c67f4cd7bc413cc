import { decide, type Notice, nothingTold, seenPanes, type Told, withdraw } from '../integration/notify.js';
import { Channels, hasChannel } from '../integration/notify-channels.js';
import type { Settings } from '../system/settings.js';
import { type ClientView, readViews } from '../tmux/clients.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import type { Log } from './log.js';

export interface NotifierOptions {
  readonly connection: Connection;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: () => Settings;
  readonly log: Log;
}

/** Tells the user what he may want to know at once, by the ways and within the limits of the settings. */
export class Notifier {
  private told: Told = nothingTold;
  private fresh: Notice[] = [];
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;
  private readonly channels: Channels;

  constructor(private readonly options: NotifierOptions) {
    const { connection, env, log } = options;
    this.channels = new Channels({ connection, env, failed: (text) => log.warn(text) });
  }

  /**
   * Takes news; whether and when they are told is decided here. Returns at once.
   *
   * @param over keys of what is not true any more: what of it was not told yet is forgotten.
   */
  tell(notices: readonly Notice[], over: readonly string[] = []): void {
    this.told = withdraw(this.told, over);
    this.fresh = [...this.fresh.filter(({ key }) => !over.includes(key)), ...notices];
    if (this.fresh.length > 0) this.soon(0);
  }

  /** Nothing is told any more; waits for what is being told. */
  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
  }

  private soon(wait: number): void {
    if (this.isStopped) return;
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.running = this.running
        .then(() => this.work())
        .catch((error: unknown) => this.options.log.error('telling what is new', error));
    }, wait);
  }

  private async work(): Promise<void> {
    const { notify } = this.options.settings();
    if (!hasChannel(notify)) {
      this.fresh = [];
      this.told = nothingTold;
      return;
    }
    const views = await this.views();
    // What came while tmux was asked is decided now, too.
    const now = Date.now();
    const { tell, told, dueAt } = decide(this.told, this.fresh, now, {
      on: notify.on,
      seen: seenPanes(views, now),
    });
    this.told = told;
    this.fresh = [];
    if (dueAt !== null) this.soon(Math.max(100, dueAt - now));
    await this.channels.tell(tell, views, notify);
  }

  private async views(): Promise<ClientView[]> {
    try {
      return await readViews(this.options.connection);
    } catch (error) {
      if (!isNoServer(error))
        this.options.log.warn('tmux was not asked who looks at it', { error: String(error) });
      return []; // nobody looks: a webhook can still be called
    }
  }
}
