import type { SaveParams, SaveReason, SaveReport } from '../rpc/protocol.js';

export interface SaverOptions {
  readonly save: (request: SaveParams & { readonly reason: SaveReason }) => Promise<SaveReport>;
  readonly saved: (reason: SaveReason, report: SaveReport) => void;
  readonly failed: (reason: SaveReason, error: unknown) => void;
  /** Milliseconds without a change before it is saved, and the longest that a first change waits for that. */
  readonly quiet?: number;
  readonly longest?: number;
  /**
   * The same for what panes print, where nothing else changes. The first is longer than the second in which tmux tells
   * of it once: a pane that prints all the time is then saved as often as the other one says.
   */
  readonly printQuiet?: number;
  readonly printLongest?: number;
  /** Milliseconds after which a save that failed is tried again; doubled each time, up to 5 minutes. */
  readonly retry?: number;
}

/**
 * One save at a time. Changes are gathered until it is quiet; what comes while a save runs makes one more after it,
 * since the one that runs may have read before. A save that failed is tried again even if nothing changes any more.
 */
export class Saver {
  private readonly quiet: number;
  private readonly longest: number;
  private readonly retry: number;
  private tail: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | null = null;
  private firstChange: number | null = null;
  private failures = 0;
  private queuedChange = false;
  private readonly printQuiet: number;
  private readonly printLongest: number;
  private printTimer: NodeJS.Timeout | null = null;
  private settling: NodeJS.Timeout | null = null;
  private firstPrint: number | null = null;
  private lastBegun = Number.NEGATIVE_INFINITY;
  /** What the next save by itself is for. */
  private reason: 'change' | 'output' = 'output';
  private stopped = false;

  constructor(private readonly options: SaverOptions) {
    this.quiet = options.quiet ?? 150;
    this.longest = options.longest ?? 1000;
    this.retry = options.retry ?? 5000;
    this.printQuiet = options.printQuiet ?? 1500;
    this.printLongest = options.printLongest ?? 10_000;
  }

  /** Something changed in tmux. */
  changed(): void {
    if (this.stopped) return;
    const now = performance.now();
    this.firstChange ??= now;
    this.reason = 'change';
    this.arm(Math.max(0, Math.min(this.quiet, this.firstChange + this.longest - now)));
  }

  /**
   * A pane showed something. What comes after a rest is saved at once. And always once more when it is quiet, since
   * tmux tells seconds apart and no less: what came later in the last one told of was not told.
   */
  printed(): void {
    if (this.stopped) return;
    const now = performance.now();
    if (now - this.lastBegun > this.printLongest && !this.timer) this.arm(this.quiet);
    this.firstPrint ??= now;
    if (this.printTimer) clearTimeout(this.printTimer);
    const wait = Math.max(0, Math.min(this.printQuiet, this.firstPrint + this.printLongest - now));
    this.printTimer = setTimeout(() => {
      this.forgetPrint();
      if (!this.timer) this.arm(0);
    }, wait);
  }

  /** Saves now, or right after the save that runs. @throws what the save throws. */
  save(request: SaveParams & { readonly reason: SaveReason }): Promise<SaveReport> {
    return this.queue(() => request);
  }

  /** @param wanted asked when it begins: a change may have come since. */
  private queue(wanted: () => SaveParams & { readonly reason: SaveReason }): Promise<SaveReport> {
    const result = this.tail.then(async () => {
      const request = wanted();
      const all = request.workspaces === undefined;
      if (all) {
        this.forgetChange();
        this.lastBegun = performance.now();
      }
      try {
        const report = await this.options.save(request);
        this.options.saved(request.reason, report);
        if (report.failed.length > 0) this.tryAgain();
        else if (all) this.failures = 0;
        if (all) this.settle(report.settlesIn ?? null);
        return report;
      } catch (error) {
        this.options.failed(request.reason, error);
        this.tryAgain();
        throw error;
      }
    });
    this.tail = result.catch(() => {}); // told above
    return result;
  }

  /** No save begins by itself any more; waits for those asked for. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.forgetChange();
    this.forgetPrint();
    this.settle(null);
    await this.tail;
  }

  private arm(wait: number): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.queuedChange || this.stopped) return;
      this.queuedChange = true;
      const done = () => {
        this.queuedChange = false;
      };
      // The flag falls when the save begins: a change from then on is one for the next.
      void this.tail.then(done);
      this.queue(() => ({ reason: this.reason })).catch(() => {}); // told above
    }, wait);
  }

  private forgetChange(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.firstChange = null;
    this.reason = 'output';
  }

  /** Saves once more after so many milliseconds, though nothing changes; null when there is no need. */
  private settle(wait: number | null): void {
    if (this.settling) clearTimeout(this.settling);
    this.settling = wait === null || this.stopped ? null : setTimeout(() => this.changed(), wait);
  }

  private forgetPrint(): void {
    if (this.printTimer) clearTimeout(this.printTimer);
    this.printTimer = null;
    this.firstPrint = null;
  }

  private tryAgain(): void {
    if (this.stopped || this.timer) return;
    this.failures++;
    this.reason = 'change';
    this.arm(Math.min(this.retry * 2 ** (this.failures - 1), 300_000));
  }
}
