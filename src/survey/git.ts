import { messageOf } from '../errors.js';
import { many } from '../git/many.js';
import { findRepository } from '../git/repository.js';
import { type TreePlace, type TreeState, treePlaces, treeState } from '../git/worktree-states.js';
import type { Settings } from '../system/settings.js';
import type { GitSeen, WorkspaceSeen } from './model.js';

/** What git says, by the folder of a project. */
export type Trees = ReadonlyMap<string, GitSeen>;

/** Looks at the working trees of these projects; those that several share, once. */
export async function gitOf(
  paths: readonly string[],
  { health }: Settings,
  env: NodeJS.ProcessEnv,
): Promise<Trees> {
  const found = new Map<string, { readonly places: readonly TreePlace[] } | GitSeen>();
  const places = new Map<string, TreePlace>();
  for (const path of new Set(paths)) {
    try {
      const repository = findRepository(path);
      const own = repository ? treePlaces(repository) : null;
      for (const place of own ?? []) places.set(place.path, place);
      found.set(path, own ? { places: own } : { kind: 'none' });
    } catch (error) {
      found.set(path, { kind: 'unknown', reason: messageOf(error) });
    }
  }
  const all = [...places.values()];
  const options = { timeout: health.gitSeconds * 1000, env };
  const states = await many(all, (place) => treeState(place, options));
  const byPath = new Map<string, TreeState>(states.map((state) => [state.path, state]));
  return new Map(
    [...found].map(([path, one]): [string, GitSeen] => [
      path,
      'places' in one
        ? { kind: 'repository', trees: one.places.flatMap((place) => byPath.get(place.path) ?? []) }
        : one,
    ]),
  );
}

/** What of it is a workspace's. */
export function gitSeen(
  { path, folder }: Pick<WorkspaceSeen, 'path' | 'folder'>,
  trees: Trees | null,
): GitSeen {
  if (trees === null) return { kind: 'unread' };
  const found = trees.get(path);
  if (found) return found;
  const reason = folder === 'gone' ? 'the folder is gone' : 'the file system does not answer';
  return { kind: 'unknown', reason };
}
