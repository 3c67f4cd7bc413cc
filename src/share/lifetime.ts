import { userInfo } from 'node:os';
import { durationText } from '../system/duration.js';
import type { Ended } from './relay.js';

/** Milliseconds between two looks at the clock. */
const tick = 1000;

/** How long a share lasts: by the clock on the wall and by time that passed, whichever says first that it is over. */
export class Lifetime {
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  readonly endsAt: string;
  private readonly deadline: number;
  private readonly begun = performance.now();
  private timer: NodeJS.Timeout | null = null;

  /** @param span milliseconds. */
  constructor(private readonly span: number) {
    const now = Date.now();
    this.startedAt = new Date(now).toISOString();
    this.deadline = now + span;
    this.endsAt = new Date(this.deadline).toISOString();
  }

  /**
   * Resolves when the time is over, or the signal says to end it. A sleeping machine stops the timers but not the clock,
   * and a clock that was set back stops nothing.
   *
   * @param look is asked at each tick: what it gives ends it too.
   */
  over(signal: AbortSignal, look: () => Promise<Ended | null> = async () => null): Promise<Ended> {
    return new Promise((resolve) => {
      const unshared = () => resolve({ reason: 'unshared', text: `${userInfo().username} ended the share.` });
      if (signal.aborted) return unshared();
      signal.addEventListener('abort', unshared);
      const next = () => {
        const left = Math.min(this.deadline - Date.now(), this.span - (performance.now() - this.begun));
        if (left <= 0)
          return resolve({ reason: 'time', text: `Its time of ${durationText(this.span)} is over.` });
        this.timer = setTimeout(
          () => {
            void look().then((ended) => (ended ? resolve(ended) : next()));
          },
          Math.min(left, tick),
        );
      };
      next();
    });
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
  }
}
