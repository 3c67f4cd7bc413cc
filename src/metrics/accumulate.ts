import { beginOf, type Day, type DayOfWorkspace, dayOf, emptyDay, type Talk } from './model.js';

/** Adds up what was seen, from one look to the next. Pure. */

/** What is true of the workspaces that are open, at one moment. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds by a clock that only goes forward and that nobody sets. */
  readonly ticks: number;
  readonly workspaces: readonly SeenNow[];
}

export interface SeenNow {
  readonly id: string;
  readonly name: string;
  readonly attached: boolean;
  /** How many of its agents work, and wait for the user. */
  readonly working: number;
  readonly waiting: number;
  /** null: it was not looked at. */
  readonly health: 'ok' | 'warning' | 'error' | null;
}

/** Days by their names. */
export type Days = Readonly<Record<string, Day>>;

/**
 * Longest time between two looks that is counted, in milliseconds. Looks come each minute; where one is missing, the
 * computer slept or we were stopped, and what was then is not known.
 */
export const longestGap = 150_000;

/**
 * The days after one more look: what was so at the look before has been so until now. The length of that time is by the
 * ticks alone, so that a clock that is set adds and takes nothing; the clock only says which days it belongs to.
 */
export function accumulate(days: Days, before: Look | null, now: Look): Days {
  if (!before) return days;
  const elapsed = now.ticks - before.ticks;
  if (!(elapsed > 0) || elapsed > longestGap) return days;
  const today = Math.min(elapsed, Math.max(0, now.at - beginOf(now.at)));
  const yesterday = dayOf(beginOf(now.at) - 1);
  let result = days;
  for (const seen of before.workspaces) {
    result = addTime(result, dayOf(now.at), seen, today);
    if (today < elapsed) result = addTime(result, yesterday, seen, elapsed - today);
  }
  return result;
}

function addTime(days: Days, day: string, seen: SeenNow, time: number): Days {
  return change(days, day, seen, (old) => ({
    ...old,
    name: seen.name,
    open: old.open + time,
    attached: old.attached + (seen.attached ? time : 0),
    working: old.working + seen.working * time,
    waiting: old.waiting + seen.waiting * time,
    health:
      seen.health === null ? old.health : { ...old.health, [seen.health]: old.health[seen.health] + time },
  }));
}

/** The days with one more save. */
export function addSave(days: Days, day: string, of: Pick<SeenNow, 'id' | 'name'>): Days {
  return change(days, day, of, (old) => ({ ...old, name: of.name, saves: old.saves + 1 }));
}

/** The days with what conversations used, which replaces what was known of those before. */
export function setTalk(
  days: Days,
  day: string,
  of: Pick<SeenNow, 'id' | 'name'>,
  talk: Readonly<Record<string, Talk>>,
): Days {
  return change(days, day, of, (old) => ({ ...old, talk: { ...old.talk, ...talk } }));
}

/** The days with the restores that the log has of one, however often it is read. */
export function setRestores(
  days: Days,
  day: string,
  of: Pick<SeenNow, 'id' | 'name'>,
  restores: number,
): Days {
  return change(days, day, of, (old) => ({ ...old, restores: Math.max(old.restores, restores) }));
}

function change(
  days: Days,
  day: string,
  { id, name }: Pick<SeenNow, 'id' | 'name'>,
  by: (old: DayOfWorkspace) => DayOfWorkspace,
): Days {
  const old = days[day] ?? {};
  return { ...days, [day]: { ...old, [id]: by(old[id] ?? { ...emptyDay, name }) } };
}
