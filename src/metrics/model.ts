/**
 * What is kept of a workspace and a day. Times are milliseconds, by a clock that nobody sets; days are those of the
 * user's calendar, `2026-01-31`.
 */
export interface DayOfWorkspace {
  /** As it was called last. */
  readonly name: string;
  readonly open: number;
  /** A terminal showed it. */
  readonly attached: number;
  /** Of all its agents together: two that work for an hour are two hours. */
  readonly working: number;
  readonly waiting: number;
  readonly saves: number;
  readonly restores: number;
  /** For how long health was at its worst so; what was not looked at is in none. */
  readonly health: { readonly ok: number; readonly warning: number; readonly error: number };
  /** By conversation; each is what its transcript says of the whole day, and replaces what was read of it before. */
  readonly talk: Readonly<Record<string, Talk>>;
}

/** What one conversation used on one day. */
export interface Talk {
  readonly turns: number;
  /** All that was sent and got, the cache too. */
  readonly tokens: number;
  /** List prices; null: a model that was used has none that is known here. */
  readonly dollars: number | null;
}

/** By the workspace's id. */
export type Day = Readonly<Record<string, DayOfWorkspace>>;

export const emptyDay: Omit<DayOfWorkspace, 'name'> = {
  open: 0,
  attached: 0,
  working: 0,
  waiting: 0,
  saves: 0,
  restores: 0,
  health: { ok: 0, warning: 0, error: 0 },
  talk: {},
};

/** The day of a moment, in local time. */
export function dayOf(time: number | Date): string {
  const date = new Date(time);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** When a day began that has this moment in it, in local time; milliseconds since 1970. */
export function beginOf(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** The last so many days up to this moment, the oldest first. Days are not all of 24 hours: the calendar counts. */
export function lastDays(count: number, now: number): string[] {
  const date = new Date(now);
  return Array.from({ length: count }, (_, at) =>
    dayOf(new Date(date.getFullYear(), date.getMonth(), date.getDate() - (count - 1 - at), 12)),
  );
}
