import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import type { Registry } from '../workspace/registry.js';
import { Saver } from './save.js';

/** Checkpoints of a workspace that are kept; older ones go the way of all snapshots. */
const kept = 3;

/**
 * Saves a workspace as it is before something that cannot be taken back happens to it, and keeps that snapshot from
 * the retention.
 *
 * @param note why, for people.
 * @returns the snapshot's number; null when the workspace is not open any more, or could not be saved.
 * @throws CwError `tmux-unusable` when tmux did not answer.
 */
export async function checkpoint(
  connection: Connection,
  registry: Registry,
  settings: Pick<Settings, 'scrollbackLines' | 'paneHistory'>,
  workspace: string,
  note: string,
): Promise<number | null> {
  const saver = new Saver(connection, registry, settings);
  const [saved] = await saver.save({ reason: 'checkpoint', only: new Set([workspace]), note });
  if (!saved || saved.sequence === null) return null;
  const store = saver.store(workspace);
  await store.pin(saved.sequence);
  const older = (await store.list())
    .filter((entry) => entry.reason === 'checkpoint' && entry.pinned)
    .sort((a, b) => b.sequence - a.sequence)
    .slice(kept);
  for (const { sequence } of older) await store.unpin(sequence);
  return saved.sequence;
}
