import { CwError } from '../../errors.js';
import { requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'pin',
  summary: 'Keep workspaces from being cleaned up.',
  description:
    'No `cw cleanup` closes a pinned workspace, by hand or on schedule. A pin stays when the workspace is closed and brought back. Without a name: which ones are pinned.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'Workspaces, open or closed.', variadic: true },
  ],
  options: { remove: { type: 'boolean', describe: 'Take the pin away again.' } },
  examples: [
    { line: 'cw pin shop', does: 'Never clean shop up.' },
    { line: 'cw pin', does: 'What is pinned.' },
    { line: 'cw pin --remove shop', does: 'Treat it as the others again.' },
  ],
  async run(args, context) {
    const world = await readWorld(context.tmux(), context.env);
    const { registry, workspaces } = world;
    const remove = args.options.remove === true;
    if (args.rest.length === 0) {
      if (remove) throw new CwError('usage', 'No workspace was named.', { hint: 'cw pin --remove NAME...' });
      const pinned = workspaces.filter(({ id }) => registry.isPinned(id)).map(({ name }) => name);
      return { data: pinned, text: pinned.join('\n') || 'Nothing is pinned.' };
    }
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = [...new Set(args.rest.map((name) => requireWorkspace(name, places)))];
    const done = chosen.map(({ id, name }) => {
      const changed = remove ? registry.unpin(id) : registry.pin(id);
      return { name, pinned: !remove, changed };
    });
    const sentence = ({ name, changed }: (typeof done)[number]) => {
      if (remove) return changed ? `${name} is not pinned any more.` : `${name} was not pinned.`;
      return changed ? `${name} is pinned: no cleanup closes it.` : `${name} was pinned already.`;
    };
    return { data: done, text: done.map(sentence).join('\n') };
  },
};
