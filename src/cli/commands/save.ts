import { CwError } from '../../errors.js';
import { Saver } from '../../snapshot/save.js';
import { ended, requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'save',
  summary: 'Save workspaces now.',
  description:
    'The daemon saves by itself on every change; this is for a moment that you want to name, or without it. A snapshot with a note is kept for three months (as long as any, by the settings); to keep one for ever: cw snapshot pin',
  positionals: [
    {
      name: 'name',
      completes: 'workspace',
      describe: 'Workspaces to save; all open ones when none is given.',
      variadic: true,
    },
  ],
  options: {
    all: { type: 'boolean', describe: 'All open workspaces.' },
    note: { type: 'string', value: 'TEXT', describe: 'A remark that the list of snapshots shows.' },
  },
  examples: [
    { line: 'cw save', does: 'Save all open workspaces.' },
    { line: 'cw save shop --note "before the upgrade"', does: 'Save one, with a remark.' },
  ],
  async run(args, context) {
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = args.options.all ? [] : args.rest.map((name) => requireWorkspace(name, places));
    const closed = chosen.find((workspace) => !workspace.session);
    if (closed)
      throw new CwError('not-found', `${closed.name} is not open.`, {
        hint: `Its snapshots: cw snapshots ${closed.name}`,
      });
    const saver = new Saver(context.tmux(), world.registry, context.settings());
    const saved = await saver.save({
      reason: 'manual',
      note: typeof args.options.note === 'string' ? args.options.note : null,
      ...(chosen.length > 0 && { only: new Set(chosen.map((workspace) => workspace.id)) }),
    });
    await saver.settle();
    if (saved.length === 0 && world.workspaces.some((workspace) => workspace.session)) {
      throw new CwError(
        'tmux-unusable',
        'The tmux server ended while it was being read: nothing was saved.',
        {
          hint: 'What was saved before is whole. To bring it back: cw restore --all',
        },
      );
    }
    if (saved.length === 0) return { data: [], text: nothingOpen(world) };
    for (const { name, path, movedFrom } of saved)
      if (movedFrom !== null) context.note(`The project of ${name} was moved from ${movedFrom} to ${path}.`);
    const failed = saved.filter((one) => one.failure !== null);
    return {
      data: saved.map(({ name, sequence, written, failure }) => ({
        workspace: name,
        id: sequence === null ? null : String(sequence),
        written,
        failure,
      })),
      text: saved
        .map((one) =>
          one.failure !== null
            ? `${one.name}: not saved: ${one.failure}`
            : `${one.name}  snapshot ${one.sequence}${one.written ? '' : ', nothing had changed'}`,
        )
        .join('\n'),
      ...(failed.length > 0 && { exit: failed.length === saved.length ? 1 : 6 }),
    };
  },
};

function nothingOpen({ workspaces }: World): string {
  const names = ended(workspaces).map((workspace) => workspace.name);
  return names.length === 0
    ? 'No workspace is open: nothing to save.'
    : `No workspace is open: nothing to save. Ended with their tmux server: ${names.join(', ')}. To bring back: cw restore --all`;
}
