import { basename } from 'node:path';
import { autocomplete, isCancel } from '@clack/prompts';
import { CwError } from '../errors.js';
import { tildePath } from '../system/paths.js';
import { type Found, type Places, projectFolder, projectFolders } from '../workspace/find.js';
import { listEntries } from '../workspace/list.js';
import type { World } from '../workspace/world.js';
import type { Context } from './command.js';
import { age, visible } from './output.js';

/**
 * Lets the user pick among the open workspaces, the closed ones, and the folders below the roots, by typing a part
 * of the name. null: the user left without picking.
 */
export async function pick(world: World, places: Places, context: Context): Promise<Found | null> {
  const choices: { value: Found; label: string; hint: string }[] = [];
  for (const entry of listEntries(world.workspaces)) {
    const workspace = world.workspaces.find(({ name }) => name === entry.name);
    if (!workspace) continue;
    const seen = entry.attached
      ? 'attached'
      : entry.lastAttachedAt
        ? `seen ${age(entry.lastAttachedAt)} ago`
        : entry.state;
    choices.push({
      value: { workspace },
      label: entry.name,
      hint: `${seen}, ${visible(tildePath(entry.path, context.env))}`,
    });
  }
  const taken = new Set(world.workspaces.map((workspace) => workspace.path));
  for (const folder of projectFolders(places.roots)) {
    if (taken.has(folder)) continue;
    choices.push({
      value: { folder },
      label: visible(basename(folder)),
      hint: visible(tildePath(folder, context.env)),
    });
  }
  if (choices.length === 0) {
    throw new CwError('not-found', 'There are no workspaces yet, and no projects below the roots.', {
      hint: `Open a folder: cw up PATH        roots searched: ${places.roots.join(', ')}   (cw config set roots ...)`,
    });
  }
  const answer = await autocomplete<Found>({
    message: 'Go to',
    options: choices as never,
    maxItems: Math.max(4, context.terminal.rows - 8),
  });
  if (isCancel(answer)) return null;
  return 'folder' in answer ? { folder: projectFolder(answer.folder, context.env) } : answer;
}
