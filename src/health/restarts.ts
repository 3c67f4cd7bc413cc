import type { Restart } from '../blueprint/model.js';
import type { PaneSeen } from '../survey/model.js';
import type { Ending } from '../workspace/ending.js';

/**
 * Which programs of a template (`restart: always` or `on-failure`) are started again, and when: a pure policy over one
 * reading and what is remembered of the ones before. Times are milliseconds of a clock that is never set.
 */

/** What is remembered of a pane's program between two looks. */
export interface RestartMemory {
  /** How often it was started again without having run for a while. */
  readonly times: number;
  /** When it was seen not to run first; null: it runs. */
  readonly downSince: number | null;
  /** Since when the cursor is where it is. */
  readonly quietSince: number;
  /** When it was started again last; null: never, or it has run long enough since. */
  readonly startedAt: number | null;
  /** The place of the cursor once the prompt was there: if that moves, somebody types. */
  readonly cursor: string | null;
  /** The user has started it by hand: how it ended before says nothing of it. */
  readonly byHand: boolean;
  readonly gaveUp: boolean;
}

/** For the checks. */
export interface RestartSeen {
  readonly state: 'waits' | 'gave-up';
  readonly times: number;
}

/** What the next daemon has to know of it, so that the limit holds across daemons: one that crashes with us has its end. */
export interface RestartKept {
  readonly state: RestartSeen['state'] | 'runs';
  readonly times: number;
  readonly byHand: boolean;
}

export interface RestartPolicy {
  /** So often in a row it is started again. */
  readonly limit: number;
  /** Milliseconds: a program that ran for so long since it was started again is well. */
  readonly steady: number;
  /** Milliseconds before the first start; doubled with each. */
  readonly first: number;
  readonly longest: number;
}

export const defaultRestarts: Omit<RestartPolicy, 'limit'> = {
  steady: 60_000,
  first: 1000,
  longest: 300_000,
};

export type RestartStep =
  | { readonly do: 'nothing' }
  /** Look again after so many milliseconds. */
  | { readonly do: 'wait'; readonly wait: number }
  | { readonly do: 'start' }
  /** It was started again too often. */
  | { readonly do: 'give-up' };

const fresh: RestartMemory = {
  times: 0,
  downSince: null,
  quietSince: 0,
  startedAt: null,
  cursor: null,
  byHand: false,
  gaveUp: false,
};

/** Milliseconds after an end in which the shell prints its prompt. */
const prompting = 3000;

/** A pane by its workspace and its key. */
export function restartName(workspace: string, key: string): string {
  return `${workspace} ${key}`;
}

/**
 * What to do about a pane's program now, and what to remember.
 *
 * A program counts as ended when the pane's shell is at its prompt with nothing behind it. One that the user ended
 * (Ctrl-C) or started himself is his; somebody who types there has the pane: it is left alone until it runs again.
 *
 * Where it is not known how it ended, `on-failure` does nothing.
 */
export function decideRestart(
  pane: Pick<PaneSeen, 'program' | 'background' | 'cursor' | 'restart' | 'ending'>,
  before: RestartMemory | undefined,
  now: number,
  policy: RestartPolicy,
): { readonly memory: RestartMemory; readonly step: RestartStep } {
  const memory = before ?? fresh;
  const { ending } = pane;
  const left = { memory: { ...memory, downSince: null }, step: { do: 'nothing' } } as const;
  if (pane.program.kind === 'declared') {
    const byHand = ending !== null && ending !== 'open';
    return running({ ...memory, byHand }, now, policy);
  }
  if (pane.program.kind !== 'shell' || pane.background > 0) return left;
  if (memory.byHand || !isWanted(pane.restart, ending)) return left;
  if (memory.gaveUp) return { memory, step: { do: 'nothing' } };
  const seen =
    memory.downSince === null ? { ...memory, downSince: now, quietSince: now, cursor: pane.cursor } : memory;
  const downSince = seen.downSince ?? now;
  if (seen.times >= policy.limit) return { memory: { ...seen, gaveUp: true }, step: { do: 'give-up' } };
  const wait = Math.min(policy.first * 2 ** seen.times, policy.longest);
  if (seen.cursor !== pane.cursor) {
    if (now - downSince > prompting) return { memory: seen, step: { do: 'nothing' } };
    return { memory: { ...seen, quietSince: now, cursor: pane.cursor }, step: { do: 'wait', wait } };
  }
  const rest = Math.max(downSince + wait, seen.quietSince + policy.first) - now;
  if (rest > 0) return { memory: seen, step: { do: 'wait', wait: rest } };
  return { memory: { ...fresh, times: seen.times + 1, startedAt: now }, step: { do: 'start' } };
}

const interrupted = 130;

function isWanted(restart: Restart, ending: Ending | 'open' | null): boolean {
  if (ending === 'open' || (ending !== null && ending.status === interrupted)) return false;
  if (restart === 'always') return true;
  return restart === 'on-failure' && ending !== null && ending.status !== 0;
}

function running(
  memory: RestartMemory,
  now: number,
  { steady }: RestartPolicy,
): { readonly memory: RestartMemory; readonly step: RestartStep } {
  const ran = memory.startedAt === null ? Number.POSITIVE_INFINITY : now - memory.startedAt;
  if (ran >= steady) return { memory: { ...fresh, byHand: memory.byHand }, step: { do: 'nothing' } };
  // It may end again at once: when it has not, it is well.
  return {
    memory: { ...memory, downSince: null, gaveUp: false },
    step: { do: 'wait', wait: steady - ran },
  };
}

/** What is kept of it; null where a new daemon may begin anew. */
export function restartKept(memory: RestartMemory): RestartKept | null {
  const { times, byHand } = memory;
  const state = restartSeen(memory)?.state ?? 'runs';
  return times === 0 && state === 'runs' && !byHand ? null : { state, times, byHand };
}

/** The memory of a program that another daemon has kept. Whether it runs well is seen anew from `now` on. */
export function restartMemory({ state, times, byHand }: RestartKept, now: number): RestartMemory {
  return {
    ...fresh,
    times,
    byHand,
    gaveUp: state === 'gave-up',
    startedAt: state === 'runs' && times > 0 ? now : null,
  };
}

/** What the checks are told of it; null where it runs. */
export function restartSeen({ times, downSince, gaveUp }: RestartMemory): RestartSeen | null {
  if (gaveUp) return { state: 'gave-up', times };
  return downSince === null ? null : { state: 'waits', times };
}
