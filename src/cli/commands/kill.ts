import { type Killed, killWorkspace } from '../../cleanup/kill.js';
import { objections, uncommittedFiles } from '../../cleanup/protect.js';
import { CwError } from '../../errors.js';
import { type Places, requireWorkspace, sessionPrefix, type Workspace } from '../../workspace/find.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Args, Command, Context } from '../command.js';

export const verb: Command = {
  name: 'kill',
  summary: 'Close workspaces; the text of every pane is saved first.',
  description:
    'Ends the tmux session and the programs in it. Files stay as they are. Only what cw made is closed. One that another client looks at, or in which an agent works, is named and asked about.',
  positionals: [{ name: 'name', completes: 'workspace', describe: 'Workspaces to close.', variadic: true }],
  options: {
    all: { type: 'boolean', describe: 'All open workspaces.' },
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask whether to close them.' },
    force: {
      type: 'boolean',
      describe: 'Ask nothing, also where another client looks at one or an agent works in it.',
    },
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
    if (!(await allowed(chosen, world, args, context))) return { data: [], text: 'Nothing was closed.' };
    // In a pane of what is closed we lose our terminal with it; what comes after must be done all the same.
    process.on('SIGHUP', () => {});
    const killed: Killed[] = [];
    const failures: string[] = [];
    for (const workspace of chosen) {
      try {
        const closed = await killWorkspace(world, workspace, context.settings(), context.env);
        killed.push({ ...closed, notes: [...closed.notes, ...(await uncommitted(workspace, context))] });
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
 * Whether the user wants it. `--yes` answers the plain question; what would be a surprise is named and asked about all
 * the same, unless `--force` answers that too.
 *
 * @throws CwError `refused` where there is no terminal to ask on.
 */
async function allowed(
  chosen: readonly Workspace[],
  world: World,
  args: Args,
  context: Context,
): Promise<boolean> {
  const { yes, force } = args.options;
  if (force) return true;
  const names = chosen.map((workspace) => workspace.name).join(', ');
  const line = `cw kill ${args.options.all ? '--all' : args.rest.join(' ')}`;
  const against = await objections(context.tmux(), world.registry, context.env);
  const said = chosen.flatMap(({ id, name }) => (against.get(id) ?? []).map((why) => `${name}: ${why}.`));
  if (!context.terminal.interactive) {
    if (said.length > 0)
      throw new CwError('refused', said.join('\n'), {
        hint: `Nothing was closed. To close all the same: ${line} --force`,
      });
    if (yes) return true;
    throw new CwError('refused', `Closing ${names} needs a yes.`, {
      hint: `Nothing was closed. Without a terminal: ${line} --yes`,
    });
  }
  for (const sentence of said) context.note(sentence);
  if (yes && said.length === 0) return true;
  const panes = chosen.reduce((sum, workspace) => sum + (workspace.session?.panes ?? 0), 0);
  const same = said.length > 0 ? ' all the same' : '';
  return context.ask(`Close ${names} (${panes} ${panes === 1 ? 'pane' : 'panes'})${same}?`);
}

/** Files that are in no commit: they stay where they are, and that is all that is said of them. */
async function uncommitted({ path }: Workspace, context: Context): Promise<string[]> {
  return (await uncommittedFiles(path, context.env)).map(
    ({ files, label }) =>
      `${files} ${files === 1 ? 'file' : 'files'} not committed (${label}): ${files === 1 ? 'it stays' : 'they stay'} on disk.`,
  );
}

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
