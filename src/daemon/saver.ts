import type { SaveParams, SaveReason, SaveReport } from '../rpc/protocol.js';

export interface SaverOptions {
  readonly save: (request: SaveParams & { readonly reason: SaveReason }) => Promise<SaveReport>;
  readonly saved: (reason: SaveReason, report: SaveReport) => void;
  readonly failed: (reason: SaveReason, error: unknown) => void;
  /** Milliseconds without a change before it is saved, and the longest that a first change waits for that. */
  readonly quiet?: number;
  readonly longest?: number;
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
  private stopped = false;

  constructor(private readonly options: SaverOptions) {
    this.quiet = options.quiet ?? 150;
    this.longest = options.longest ?? 1000;
    this.retry = options.retry ?? 5000;
  }

  /** Something changed in tmux. */
  changed(): void {
    if (this.stopped) return;
    const now = performance.now();
    this.firstChange ??= now;
    this.arm(Math.max(0, Math.min(this.quiet, this.firstChange + this.longest - now)));
  }

  /** Saves now, or right after the save that runs. @throws what the save throws. */
  save(request: SaveParams & { readonly reason: SaveReason }): Promise<SaveReport> {
    const all = request.workspaces === undefined;
    const result = this.tail.then(async () => {
      if (all) this.forgetChange();
      try {
        const report = await this.options.save(request);
        this.options.saved(request.reason, report);
        if (report.failed.length > 0) this.tryAgain();
        else if (all) this.failures = 0;
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
      this.save({ reason: 'change' }).catch(() => {}); // told above
    }, wait);
  }

  private forgetChange(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.firstChange = null;
  }

  private tryAgain(): void {
    if (this.stopped || this.timer) return;
    this.failures++;
    this.arm(Math.min(this.retry * 2 ** (this.failures - 1), 300_000));
  }
}
