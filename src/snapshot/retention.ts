/** One snapshot of each `every` milliseconds is kept while it is younger than `during` milliseconds. */
export interface RetentionTier {
  readonly every: number;
  readonly during: number;
}

/** Which snapshots are kept. Each tier's `every` is a multiple of the one before it. */
export interface RetentionPolicy {
  readonly tiers: readonly RetentionTier[];
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** One a minute for an hour, hourly for a day, daily for two weeks, weekly for three months. */
export const defaultRetention: RetentionPolicy = {
  tiers: [
    { every: minute, during: hour },
    { every: hour, during: day },
    { every: day, during: 14 * day },
    { every: 7 * day, during: 91 * day },
  ],
};

/** What retention knows of a snapshot. */
export interface Retained {
  /** Tells the order: the clock can jump. */
  readonly sequence: number;
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly pinned: boolean;
  /** A user's remark: the moment is one to remember. */
  readonly note: string | null;
  /** Another text for each life of the tmux server. */
  readonly life: string;
  /** Read while it was not certain that the server lived, and poorer than the one before: never the latest. */
  readonly doubtful: boolean;
}

/**
 * Says which snapshots to keep and which to drop. Kept always: the newest, the pinned ones, and the last one of
 * each life of the server. One with a note is kept as long as the oldest tier, whatever the finer ones say. Of the others, the newest in each minute, hour, day or week (counted from 1970 in UTC,
 * so that a repeated prune keeps what the first one kept), as old as the tier says. A time in the future (the
 * clock was wrong then, or is wrong now) is no age at all: while the clock is back by a day, nothing of that day is
 * older than now, and its minutes are kept. Doubtful ones never take the place of a good one.
 */
export function retain<T extends Retained>(
  entries: readonly T[],
  policy: RetentionPolicy,
  now: number,
): { keep: T[]; drop: T[] } {
  const newestFirst = [...entries].sort((a, b) => b.sequence - a.sequence);
  const kept = new Set<string>();
  const isFirst = (mark: string) => kept.size < kept.add(mark).size;
  const longest = Math.max(0, ...policy.tiers.map(({ during }) => during));
  const keep: T[] = [];
  const drop: T[] = [];
  for (const entry of newestFirst) {
    const time = Date.parse(entry.at);
    // A time that does not read counts as now, too: what cannot be judged is not thrown away as old.
    const at = Number.isNaN(time) ? now : time;
    const kind = entry.doubtful ? 'doubtful' : 'good';
    // All of them are asked: what one reason keeps is the first of its kind for the other reasons, too.
    const reasons = policy.tiers
      .filter(({ during }) => now - at < during)
      .map(({ every }) => isFirst(`${kind} ${every} ${Math.floor(at / every)}`));
    if (entry.note !== null) reasons.push(now - at < longest);
    if (!entry.doubtful) reasons.push(isFirst('newest'), isFirst(`life ${entry.life}`));
    (entry.pinned || reasons.includes(true) ? keep : drop).push(entry);
  }
  return { keep, drop };
}
