import type { Restart } from '../blueprint/model.js';
import type { PaneSeen, WorkspaceSeen } from '../survey/model.js';

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
  readonly gaveUp: boolean;
}

/** For the checks. */
export interface RestartSeen {
  readonly state: 'waits' | 'gave-up';
  readonly times: number;
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
  gaveUp: false,
};

/** Milliseconds after an end in which the shell prints its prompt. */
const prompting = 3000;

/** A pane by its workspace and its key. */
export function restartName(workspace: string, key: string): string {
  return `${workspace} ${key}`;
}

/** Panes of open workspaces whose program is to be started again. */
export function restartable(
  workspaces: readonly WorkspaceSeen[],
): { workspace: WorkspaceSeen; pane: PaneSeen }[] {
  return workspaces.flatMap((workspace) =>
    workspace.panes
      .filter((pane) => pane.key !== null && pane.restart !== 'never' && pane.run !== null)
      .map((pane) => ({ workspace, pane })),
  );
}

/**
 * What to do about a pane's program now, and what to remember.
 *
 * A program counts as ended when the pane's shell is at its prompt with nothing behind it. Somebody who types there
 * has the pane: it is left alone until the program runs again.
 *
 * @param exit the code that the program ended with, by the pane's shell; null: not known, and then `on-failure` does
 *   nothing.
 */
export function decideRestart(
  pane: Pick<PaneSeen, 'program' | 'background' | 'cursor'> & { readonly restart: Restart },
  exit: number | null,
  before: RestartMemory | undefined,
  now: number,
  policy: RestartPolicy,
): { readonly memory: RestartMemory; readonly step: RestartStep } {
  const memory = before ?? fresh;
  if (pane.program.kind !== 'shell' || pane.background > 0) {
    if (pane.program.kind !== 'declared')
      return { memory: { ...memory, downSince: null }, step: { do: 'nothing' } };
    return running(memory, now, policy);
  }
  const wanted = pane.restart === 'always' || (exit !== null && exit !== 0);
  if (!wanted) return { memory: { ...memory, downSince: null }, step: { do: 'nothing' } };
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
  const left = Math.max(downSince + wait, seen.quietSince + policy.first) - now;
  if (left > 0) return { memory: seen, step: { do: 'wait', wait: left } };
  return {
    memory: { ...fresh, times: seen.times + 1, startedAt: now },
    step: { do: 'start' },
  };
}

function running(memory: RestartMemory, now: number, { steady }: RestartPolicy) {
  const ran = memory.startedAt === null ? Number.POSITIVE_INFINITY : now - memory.startedAt;
  if (ran >= steady) return { memory: fresh, step: { do: 'nothing' } as const };
  // It may end again at once: when it has not, it is well.
  return {
    memory: { ...memory, downSince: null, gaveUp: false },
    step: { do: 'wait', wait: steady - ran } as const,
  };
}

/** What the checks are told of it; null where it runs. */
export function restartSeen({ times, downSince, gaveUp }: RestartMemory): RestartSeen | null {
  if (gaveUp) return { state: 'gave-up', times };
  return downSince === null ? null : { state: 'waits', times };
}
