import { CwError } from '../errors.js';
import { type SnapshotEntry, SnapshotStore } from '../snapshot/store.js';
import { requireWorkspace, type Workspace } from '../workspace/find.js';
import { placesOf, readWorld, type World } from '../workspace/world.js';
import type { Context } from './command.js';

/** What the verbs on snapshots have in common: a workspace by its name, and one of its snapshots by number or time. */

export async function workspaceAndStore(
  name: string,
  context: Context,
): Promise<{ world: World; workspace: Workspace; store: SnapshotStore }> {
  const world = await readWorld(context.tmux(), context.env);
  const workspace = requireWorkspace(name, placesOf(world, context.settings(), context.cwd, context.env));
  return { world, workspace, store: new SnapshotStore(world.registry.folder, workspace.id) };
}

/**
 * The snapshot that a word names: a number, or a time, which stands for the newest one that is not later. No word is
 * the newest one.
 *
 * @throws CwError `not-found` when there is none; `usage` for a word that is neither.
 */
export async function findEntry(
  store: SnapshotStore,
  name: string,
  word: string | undefined,
): Promise<SnapshotEntry> {
  const entries = await store.list();
  const hint = `Its snapshots: cw snapshots ${name}`;
  const newest = entries.find((entry) => !entry.doubtful);
  if (!newest)
    throw new CwError('not-found', `There is no snapshot of ${name}.`, {
      hint: 'They are made by the daemon (cw daemon start), and by cw save.',
    });
  if (word === undefined) return newest;
  if (/^\d+$/.test(word)) {
    const found = entries.find((entry) => entry.id === String(Number(word)));
    if (!found) throw new CwError('not-found', `${name} has no snapshot ${word}.`, { hint });
    return found;
  }
  const time = parseTime(word);
  if (time === null) {
    throw new CwError('usage', `${JSON.stringify(word)} is neither the number of a snapshot nor a time.`, {
      hint: 'A time is 14:30, "2026-01-31 14:30", 2026-01-31T14:30:00Z, or an age like 10m, 2h, 3d.',
    });
  }
  const found = entries.find((entry) => Date.parse(entry.at) <= time && !entry.doubtful);
  if (!found)
    throw new CwError(
      'not-found',
      `${name} has no snapshot from ${new Date(time).toLocaleString('sv')} or before.`,
      { hint },
    );
  return found;
}

const units: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds since 1970 for a time of day (today's), a date and time (local), an ISO time, or an age. */
export function parseTime(word: string, now = new Date()): number | null {
  const age = /^(\d+)([smhdw])(?: ago)?$/.exec(word);
  if (age) return now.getTime() - Number(age[1]) * (units[age[2] ?? ''] ?? 0);
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(word);
  if (clock) {
    const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 59)];
    if (hours > 23 || minutes > 59 || seconds > 59) return null;
    const today = new Date(now);
    today.setHours(hours, minutes, seconds, 999);
    // Of a time that is still to come, yesterday's is meant.
    return today.getTime() > now.getTime() + 60_000 ? today.getTime() - 86_400_000 : today.getTime();
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(word)) return null;
  const time = Date.parse(word.replace(' ', 'T'));
  return Number.isNaN(time) ? null : time;
}
