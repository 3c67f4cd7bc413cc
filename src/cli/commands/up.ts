import { CwError } from '../../errors.js';
import { type Found, find } from '../../workspace/find.js';
import { type OpenRequest, openWorkspace, workspaceOf } from '../../workspace/open.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { enter, openRequest, requireFolder } from '../entering.js';
import { attachArguments } from '../opening.js';

export const verb: Command = {
  name: 'up',
  summary: "Open a project's workspace, or attach to it when it is open.",
  description:
    'PATH is a folder; a plain word is a workspace or a project below the configured roots. `cw PATH` and `cw PROJECT` do the same.',
  positionals: [
    {
      name: 'project',
      completes: 'project',
      describe: 'A folder or the name of a project; this folder when not given.',
    },
  ],
  options: {
    template: {
      type: 'string',
      completes: 'template',
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
    if (word === '') {
      throw new CwError('usage', 'The project is an empty word.', {
        hint: 'cw up PATH, or cw up for this folder',
      });
    }
    if (typeof args.options.name === 'string') checkName(args.options.name);
    const world = await readWorld(context.tmux(), context.env);
    const found = find(word, placesOf(world, context.settings(), context.cwd, context.env));
    return open(atFolder(found, world, args), world, args, context);
  },
};

/** Names are made fit for tmux; of some nothing would be left. */
function checkName(name: string): void {
  if (/[A-Za-z0-9_]/.test(name.normalize('NFKD'))) return;
  throw new CwError('usage', `--name ${JSON.stringify(name)} holds nothing that a name can be made of.`, {
    hint: 'Letters a-z, digits, _ and - stay; every other character becomes a -.',
  });
}

/** The workspace of a folder, where it has one of the name that is asked for. */
function atFolder(found: Found, world: World, args: Args): Found {
  if ('workspace' in found) return found;
  const { name } = args.options;
  const workspace = workspaceOf(world.workspaces, found.folder, typeof name === 'string' ? name : undefined);
  return workspace ? { workspace } : found;
}

async function open(found: Found, world: World, args: Args, context: Context): Promise<Outcome> {
  const { template, set, window, name, trust } = args.options;
  const detach = args.options.detach === true;
  const isWish = template !== undefined || set !== undefined || window !== undefined || name !== undefined;
  const request: Partial<OpenRequest> = {
    ...(typeof name === 'string' && { name }),
    ...(typeof template === 'string' && { template }),
    overrides: assignments(Array.isArray(set) ? set : []),
    windows: Array.isArray(window) ? window : [],
  };
  if (args.options['dry-run']) return dryRun(found, { ...request, asTrusted: trust === true }, context);
  const session = 'workspace' in found ? found.workspace.session : null;
  if (session && !isWish && context.terminal.interactive && !detach && !context.json) {
    return { attach: attachArguments(session.id, context) };
  }
  return enter(found, world, { trust: trust === true, detach, ...(isWish && { request }) }, context);
}

async function dryRun(found: Found, request: Partial<OpenRequest>, context: Context): Promise<Outcome> {
  requireFolder(found, context);
  const opened = await openWorkspace(
    context.tmux(),
    openRequest(found, { ...request, dryRun: true }, context),
  );
  if (!context.json) for (const note of opened.notes) context.note(note);
  return {
    data: { ...opened, sessionId: undefined },
    text: opened.created ? opened.steps.join('\n') : `${opened.name} is open already: nothing would be done.`,
  };
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
