import { withLock } from '../system/lock.js';
import type { Registry } from '../workspace/registry.js';
import { storeFolders } from './store-folder.js';
import { settle } from './store-journal.js';

/**
 * Removes all that is kept of a workspace which is not open. Its text goes with the next collection, what no other
 * workspace shares of it.
 *
 * @throws CwError `failed` when somebody saves it right now and does not end.
 */
export async function forgetWorkspace(registry: Registry, id: string): Promise<void> {
  // A save that is still in a journal would bring its folder back.
  await settle(registry.folder);
  await withLock(storeFolders(registry.folder, id).lock, async () => registry.remove(id));
}
