import { messageOf } from '../errors.js';
import { many } from '../git/many.js';
import { gitStatus } from '../git/status.js';
import type { GitReading } from './registry.js';
import type { World } from './world.js';

export interface Refreshed {
  /** By the workspace's id. */
  readonly readings: ReadonlyMap<string, GitReading>;
  /** Those that could not be read, and why: their last reading stands. */
  readonly unknown: readonly { readonly name: string; readonly reason: string }[];
}

// A repository on a file system that hangs costs no more than this.
const limit = 5000;

/** Reads the git state of every workspace's project, some at a time, and remembers it in the records. */
export async function refreshGit(world: World): Promise<Refreshed> {
  const readings = new Map<string, GitReading>();
  const unknown: { name: string; reason: string }[] = [];
  await many(world.workspaces, async (workspace) => {
    const status = await gitStatus(workspace.path, { timeout: limit });
    if (status.kind === 'unknown') {
      unknown.push({ name: workspace.name, reason: status.reason });
      return;
    }
    if (status.kind !== 'repository') return;
    const dirty = status.staged + status.changed + status.untracked + status.conflicted > 0;
    const reading = { branch: status.branch, dirty, ahead: status.ahead, at: new Date().toISOString() };
    readings.set(workspace.id, reading);
    if (!workspace.record) return;
    try {
      world.registry.write({ ...workspace.record, git: reading });
    } catch (error) {
      unknown.push({ name: workspace.name, reason: `the reading could not be kept: ${messageOf(error)}` });
    }
  });
  return { readings, unknown };
}
