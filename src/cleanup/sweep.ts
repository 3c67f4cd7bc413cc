import { isCwError, messageOf } from '../errors.js';
import type { SurveyOptions } from '../survey/survey.js';
import type { Settings } from '../system/settings.js';
import { readWorld } from '../workspace/world.js';
import { killWorkspace } from './kill.js';
import { judge } from './look.js';
import { type CleanupRules, shippedKeepPrograms, type Verdict } from './policy.js';

/** The rules of the settings. */
export function rulesOf(settings: Settings, olderThan: number = settings.cleanup.olderThan): CleanupRules {
  return { olderThan, keepPrograms: settings.cleanup.keepPrograms ?? shippedKeepPrograms };
}

export interface SweepOptions extends Pick<SurveyOptions, 'connection' | 'env' | 'settings' | 'intake'> {
  readonly rules: CleanupRules;
}

/** What became of one workspace that was to be removed. */
export interface Swept {
  readonly workspace: string;
  readonly name: string;
  /** `kept`: something came up at the last moment. */
  readonly outcome: 'removed' | 'kept' | 'failed';
  /** Why, for people, without a stop. */
  readonly reason: string;
  /** The number of the snapshot that brings it back; null where it was not removed. */
  readonly snapshot: string | null;
  readonly notes: readonly string[];
}

/**
 * Removes the workspaces that the verdicts say, one after the other: each is looked at again, saved, read back, looked
 * at once more under its lock, and ended. One that fails holds up no other.
 *
 * @param began called with each that is begun.
 */
export async function sweep(
  verdicts: readonly Verdict[],
  options: SweepOptions,
  began: (verdict: Verdict) => void = () => {},
): Promise<Swept[]> {
  const swept: Swept[] = [];
  for (const verdict of verdicts.filter(({ action }) => action === 'remove')) {
    began(verdict);
    swept.push(await removeOne(verdict, options));
  }
  return swept;
}

async function removeOne(verdict: Verdict, options: SweepOptions): Promise<Swept> {
  const { connection, env, settings, rules } = options;
  const { workspace, name } = verdict;
  const nothing = { workspace, name, snapshot: null, notes: [] };
  let kept: string | null = null;
  const recheck = async () => {
    const { verdicts } = await judge({ ...options, only: new Set([workspace]) }, rules);
    const [now] = verdicts;
    kept = now === undefined ? 'it is not open any more' : now.action === 'keep' ? now.reason : null;
    return kept;
  };
  try {
    // Read anew: others may have gone, or been renamed, while the one before was saved.
    const world = await readWorld(connection, env);
    const found = world.workspaces.find(({ id, session }) => id === workspace && session !== null);
    if (!found) return { ...nothing, outcome: 'kept', reason: 'it is not open any more' };
    const closed = await killWorkspace(world, found, settings, env, { by: 'sweep', recheck });
    const { snapshot, notes } = closed;
    return { workspace, name, outcome: 'removed', reason: verdict.reason, snapshot, notes };
  } catch (error) {
    if (isCwError(error) && error.kind === 'refused')
      return { ...nothing, outcome: 'kept', reason: kept ?? messageOf(error).replace(/\.$/, '') };
    return { ...nothing, outcome: 'failed', reason: messageOf(error).replace(/\.$/, '') };
  }
}
