import { CwError } from '../../errors.js';
import { type Found, find } from '../../workspace/find.js';
import { openWorkspace } from '../../workspace/open.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { attachArguments, outcomeOf, workspaceSize } from '../opening.js';
import { ensureTrust } from '../trusting.js';

export const verb: Command = {
  name: 'up',
  summary: "Open a project's workspace, or attach to it when it is open.",
  description:
    'PATH is a folder; a plain word is a workspace or a project below the configured roots. `cw PATH` and `cw PROJECT` do the same.',
  positionals: [
    { name: 'project', describe: 'A folder or the name of a project; this folder when not given.' },
  ],
  options: {
    template: {
      type: 'string',
      short: 't',
      value: 'T',
      describe: 'Use this template: a name, or a YAML file.',
    },
    set: {
      type: 'string',
      multiple: true,
      value: 'K=V',
      describe: "Give a variable of the template's another value.",
    },
    window: {
      type: 'string',
      short: 'w',
      multiple: true,
      value: 'W',
      describe: 'Open only these windows (manual ones too).',
    },
    name: { type: 'string', value: 'N', describe: 'Call the workspace N.' },
    detach: { type: 'boolean', short: 'd', describe: 'Do not attach.' },
    trust: { type: 'boolean', describe: "Allow the project's own commands, as `cw trust` does." },
    'dry-run': { type: 'boolean', describe: 'Print the steps, and do nothing.' },
  },
  examples: [
    { line: 'cw up', does: 'Open the folder you are in.' },
    { line: 'cw up ~/projects/shop --detach', does: 'Open a folder without attaching.' },
    { line: 'cw up shop --template react --dry-run', does: 'See what would be done.' },
  ],
  async run(args, context) {
    const word = args.positionals.project ?? '.';
    return open(await locate(word, context), args, context);
  },
};

/** A word as `claude-switch` understands it. */
async function locate(word: string, context: Context): Promise<Found> {
  if (word === '')
    throw new CwError('usage', 'The project is an empty word.', {
      hint: 'cw up PATH, or cw up for this folder',
    });
  const isPath = word.includes('/') || word === '.' || word === '..' || word === '~';
  // A path needs no look at the server: the opening reads it anyway.
  if (isPath) return find(word, { workspaces: [], roots: [], cwd: context.cwd, env: context.env });
  const world = await readWorld(context.tmux(), context.env);
  return find(word, placesOf(world, context.settings(), context.cwd, context.env));
}

async function open(found: Found, args: Args, context: Context): Promise<Outcome> {
  const { template, set, window, name, detach, trust } = args.options;
  const dryRun = args.options['dry-run'] === true;
  if ('workspace' in found && found.workspace.session && !dryRun) {
    const { session } = found.workspace;
    if (context.terminal.interactive && !detach && !context.json)
      return { attach: attachArguments(session.id, context) };
  }
  const path = 'workspace' in found ? found.workspace.path : found.folder;
  if (!dryRun) await ensureTrust(path, trust === true, context);
  const opened = await openWorkspace(context.tmux(), {
    path,
    name: typeof name === 'string' ? name : 'workspace' in found ? found.workspace.name : undefined,
    template: typeof template === 'string' ? template : undefined,
    preferred: context.settings().template,
    overrides: assignments(Array.isArray(set) ? set : []),
    windows: Array.isArray(window) ? window : [],
    size: workspaceSize(context),
    dryRun,
    cwd: context.cwd,
    env: context.env,
    note: context.note,
  });
  if (dryRun) {
    for (const note of opened.notes) context.note(note);
    return {
      data: { ...opened, sessionId: undefined },
      text: opened.created
        ? opened.steps.join('\n')
        : `${opened.name} is open already: nothing would be done.`,
    };
  }
  return outcomeOf(opened, context, detach === true);
}

/** `--set k=v` words as a map. */
export function assignments(words: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1)
      throw new CwError('usage', `--set ${JSON.stringify(word)} has no name and value.`, {
        hint: 'Write it as --set name=value.',
      });
    values[word.slice(0, at)] = word.slice(at + 1);
  }
  return values;
}
