import { CwError } from '../../errors.js';
import { forgetWorkspace } from '../../snapshot/forget.js';
import { SnapshotStore } from '../../snapshot/store.js';
import { requireWorkspace, type Workspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Command } from '../command.js';
import { age } from '../output.js';

export const verb: Command = {
  name: 'forget',
  summary: 'Forget closed workspaces, with all that was saved of them.',
  description:
    'Its record, snapshots, saved text and histories go for good. The project stays as it is, and so do its Claude conversations. One that is open is never forgotten.',
  positionals: [{ name: 'name', completes: 'workspace', describe: 'Closed workspaces.', variadic: true }],
  options: { yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' } },
  examples: [{ line: 'cw forget blog --yes', does: 'Take a closed workspace off the list.' }],
  async run(args, context) {
    if (args.rest.length === 0)
      throw new CwError('usage', 'No workspace was named.', { hint: 'cw forget NAME...' });
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = [...new Set(args.rest.map((name) => requireWorkspace(name, places)))];
    const open = chosen.filter(({ session }) => session !== null);
    if (open.length > 0) {
      const names = open.map(({ name }) => name).join(' ');
      throw new CwError(
        'refused',
        `${names.replaceAll(' ', ', ')} ${open.length === 1 ? 'is' : 'are'} open.`,
        {
          hint: `Nothing was forgotten. Close first: cw kill ${names}`,
        },
      );
    }
    const losses = await Promise.all(chosen.map((workspace) => lossOf(world, workspace)));
    if (!args.options.yes) {
      const what = losses.map(({ text }) => text).join('\n');
      if (!context.terminal.interactive) {
        throw new CwError('refused', 'Forgetting needs a yes: it cannot be undone.', {
          hint: `${what}\nNothing was forgotten. Without a terminal: cw forget ${args.rest.join(' ')} --yes`,
        });
      }
      context.note(what);
      if (!(await context.ask('Forget this for good?'))) return { data: [], text: 'Nothing was forgotten.' };
    }
    for (const workspace of chosen) await forgetWorkspace(world.registry, workspace.id);
    return {
      data: losses.map(({ name, snapshots }) => ({ name, snapshots })),
      text: losses.map(({ text }) => `Forgotten: ${text}`).join('\n'),
    };
  },
};

/** What goes with a workspace, for people. */
async function lossOf(
  { registry }: World,
  { id, name }: Workspace,
): Promise<{ name: string; snapshots: number; text: string }> {
  const entries = await new SnapshotStore(registry.folder, id).list();
  const [newest, oldest] = [entries[0], entries.at(-1)];
  const pinned = entries.filter((entry) => entry.pinned).length;
  const count = `${entries.length} ${entries.length === 1 ? 'snapshot' : 'snapshots'}`;
  const span =
    newest && oldest && newest !== oldest
      ? `, ${age(oldest.at)} to ${age(newest.at)} old`
      : newest
        ? `, ${age(newest.at)} old`
        : '';
  return {
    name,
    snapshots: entries.length,
    text: `${name}: ${count}${span}${pinned > 0 ? `, ${pinned} pinned` : ''}`,
  };
}
