import { type Killed, killWorkspace } from '../../cleanup/kill.js';
import { CwError } from '../../errors.js';
import { type Places, requireWorkspace, sessionPrefix, type Workspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Command } from '../command.js';

export const verb: Command = {
  name: 'kill',
  summary: 'Close workspaces; the text of every pane is saved first.',
  description:
    'Ends the tmux session and the programs in it. Files stay as they are. Only what cw made is closed.',
  positionals: [{ name: 'name', describe: 'Workspaces to close.', variadic: true }],
  options: {
    all: { type: 'boolean', describe: 'All open workspaces.' },
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
  },
  examples: [
    { line: 'cw kill shop --yes', does: 'Close one workspace.' },
    { line: 'cw kill --all --yes', does: 'Close all workspaces.' },
  ],
  async run(args, context) {
    if (args.options.all && args.rest.length > 0) {
      throw new CwError('usage', 'Both names and --all were given.', { hint: 'Give the names, or --all.' });
    }
    if (!args.options.all && args.rest.length === 0) {
      throw new CwError('usage', 'No workspace was named.', { hint: 'cw kill NAME..., or cw kill --all' });
    }
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = args.options.all
      ? world.workspaces.filter((workspace) => workspace.session)
      : [...new Set(args.rest.map((name) => requireOurs(name, world, places)))];
    const closed = chosen.find((workspace) => !workspace.session);
    if (closed)
      throw new CwError('not-found', `${closed.name} is not open.`, { hint: 'cw list shows what is.' });
    if (chosen.length === 0) return { data: [], text: 'No workspace is open.' };
    const names = chosen.map((workspace) => workspace.name).join(', ');
    if (!args.options.yes) {
      if (!context.terminal.interactive) {
        throw new CwError('refused', `Closing ${names} needs a yes.`, {
          hint: `Nothing was closed. Without a terminal: cw kill ${args.options.all ? '--all' : args.rest.join(' ')} --yes`,
        });
      }
      const panes = chosen.reduce((sum, workspace) => sum + (workspace.session?.panes ?? 0), 0);
      if (!(await context.ask(`Close ${names} (${panes} ${panes === 1 ? 'pane' : 'panes'})?`)))
        return { data: [], text: 'Nothing was closed.' };
    }
    // In a pane of what is closed we lose our terminal with it; what comes after must be done all the same.
    process.on('SIGHUP', () => {});
    const killed: Killed[] = [];
    const failures: string[] = [];
    for (const workspace of chosen) {
      try {
        killed.push(await killWorkspace(world, workspace, context.settings(), context.env));
      } catch (error) {
        if (chosen.length === 1) throw error;
        failures.push(`${workspace.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    for (const failure of failures) context.note(failure);
    return {
      data: killed,
      text: killed
        .map((one) =>
          [
            `Closed ${one.name}, saved with its text as snapshot ${one.snapshot}. Undo: cw restore ${one.name}`,
            ...one.notes,
          ].join('\n'),
        )
        .join('\n'),
      ...(failures.length > 0 ? { exit: killed.length > 0 ? 6 : 1 } : {}),
    };
  },
};

/**
 * The workspace of this name.
 *
 * @throws CwError `refused` for a session that cw did not make.
 */
function requireOurs(name: string, world: World, places: Places): Workspace {
  const known = world.workspaces.some((one) => one.name === name || one.session?.name === name);
  const foreign = world.server?.sessions.find(
    (session) => session.workspace === null && [name, sessionPrefix + name].includes(session.name),
  );
  if (known || !foreign) return requireWorkspace(name, places);
  throw new CwError('refused', `The session ${foreign.name} was not made by cw: it is left alone.`, {
    hint: `To end it all the same: tmux kill-session -t '=${foreign.name}'`,
  });
}
