import { basename } from 'node:path';
import { autocomplete, isCancel } from '@clack/prompts';
import { CwError } from '../errors.js';
import { tildePath } from '../system/paths.js';
import { type Found, type Places, projectFolder, projectFolders } from '../workspace/find.js';
import { listEntries } from '../workspace/list.js';
import type { World } from '../workspace/world.js';
import type { Context } from './command.js';
import { age, table, visible } from './output.js';

/** Cells that the frame and the mark before a choice take. */
const frame = 6;

/**
 * Lets the user pick among the open workspaces, the closed ones, and the folders below the roots, by typing a part
 * of the name. null: the user left without picking.
 */
export async function pick(world: World, places: Places, context: Context): Promise<Found | null> {
  const choices: { value: Found; name: string; state: string; path: string }[] = [];
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
      name: entry.name,
      state: seen,
      path: visible(tildePath(entry.path, context.env)),
    });
  }
  const taken = new Set(world.workspaces.map((workspace) => workspace.path));
  for (const folder of projectFolders(places.roots)) {
    if (taken.has(folder)) continue;
    choices.push({
      value: { folder },
      name: visible(basename(folder)),
      state: '-',
      path: visible(tildePath(folder, context.env)),
    });
  }
  if (choices.length === 0) {
    throw new CwError('not-found', 'There are no workspaces yet, and no projects below the roots.', {
      hint: `Open a folder: cw up PATH        roots searched: ${places.roots.join(', ')}   (cw config set roots ...)`,
    });
  }
  // A choice takes one line: a longer one would be folded, and the list drawn twice.
  const lines = table(
    choices.map(({ name, state, path }) => [name, state, path]),
    context.terminal.columns - frame,
    [{}, {}, { cut: 'start' }],
  ).split('\n');
  const answer = await autocomplete<Found>({
    message: 'Go to',
    options: choices.map(({ value, name, path }, at) => ({
      value,
      label: lines[at] ?? name,
      search: `${name} ${path}`.toLowerCase(),
    })) as never,
    filter: (typed, option) =>
      typed
        .toLowerCase()
        .split(/\s+/)
        .every((word) => (option as unknown as { search: string }).search.includes(word)),
    maxItems: Math.max(4, context.terminal.rows - 8),
  });
  if (isCancel(answer)) return null;
  return 'folder' in answer ? { folder: projectFolder(answer.folder, context.env) } : answer;
}
