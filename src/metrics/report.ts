import type { Day, DayOfWorkspace } from './model.js';

/** What one workspace did on one day, with its conversations added up. */
export interface DaySum extends Omit<DayOfWorkspace, 'name' | 'talk'> {
  readonly day: string;
  readonly conversations: number;
  readonly turns: number;
  readonly tokens: number;
  /** Of what has a known price. */
  readonly dollars: number;
  /** Some of it has none. */
  readonly unpriced: boolean;
}

export interface WorkspaceMetrics {
  readonly id: string;
  readonly name: string;
  /** Each day once, in order, also those on which nothing was. */
  readonly days: readonly DaySum[];
  readonly total: Omit<DaySum, 'day'>;
}

/** What each workspace did on these days, by what is kept of each; the one with most to it first. */
export function report(days: readonly string[], kept: ReadonlyMap<string, Day>): WorkspaceMetrics[] {
  const names = new Map<string, string>();
  for (const day of days)
    for (const [id, { name }] of Object.entries(kept.get(day) ?? {})) names.set(id, name);
  return [...names]
    .map(([id, name]) => {
      const own = days.map((day) => kept.get(day)?.[id]);
      const sums = own.map((one, at) => ({ day: days[at]!, ...sumOf(one) }));
      // A conversation that went on for days is one.
      const conversations = new Set(own.flatMap((one) => Object.keys(one?.talk ?? {}))).size;
      const { day: _, ...total } = sums.reduce((a, b) => ({ ...plus(a, b), day: '' }));
      return { id, name, days: sums, total: { ...total, conversations } };
    })
    .sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
}

function weight({ total }: WorkspaceMetrics): number {
  return total.attached + total.working;
}

function sumOf(one: DayOfWorkspace | undefined): Omit<DaySum, 'day'> {
  const talks = Object.values(one?.talk ?? {});
  const { open = 0, attached = 0, working = 0, waiting = 0, saves = 0, restores = 0 } = one ?? {};
  return {
    open,
    attached,
    working,
    waiting,
    saves,
    restores,
    health: one?.health ?? { ok: 0, warning: 0, error: 0 },
    conversations: talks.length,
    turns: talks.reduce((sum, { turns }) => sum + turns, 0),
    tokens: talks.reduce((sum, { tokens }) => sum + tokens, 0),
    dollars: talks.reduce((sum, { dollars }) => sum + (dollars ?? 0), 0),
    unpriced: talks.some(({ dollars }) => dollars === null),
  };
}

/** Two of them together: of the same day, or of one workspace. Conversations are added as if none was in both. */
export function plus<T extends Omit<DaySum, 'day'>>(a: T, b: T): T {
  return {
    ...a,
    open: a.open + b.open,
    attached: a.attached + b.attached,
    working: a.working + b.working,
    waiting: a.waiting + b.waiting,
    saves: a.saves + b.saves,
    restores: a.restores + b.restores,
    health: {
      ok: a.health.ok + b.health.ok,
      warning: a.health.warning + b.health.warning,
      error: a.health.error + b.health.error,
    },
    conversations: a.conversations + b.conversations,
    turns: a.turns + b.turns,
    tokens: a.tokens + b.tokens,
    dollars: a.dollars + b.dollars,
    unpriced: a.unpriced || b.unpriced,
  };
}
