import { basename, join } from 'node:path';
import type { AgentRow } from '../../claude/overview.js';
import { CwError } from '../../errors.js';
import { isFolder } from '../../system/files.js';
import { type Found, find, type Places, sessionLabel, type Workspace } from '../../workspace/find.js';
import { listEntries } from '../../workspace/list.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Command, Context, Outcome } from '../command.js';
import { enter } from '../entering.js';
import { attachArguments } from '../opening.js';
import { age } from '../output.js';

export const verb: Command = {
  name: 'switch',
  summary: 'Go to a workspace, and open it when it is not open (claude-switch).',
  description:
    'Attaches outside tmux and switches the client inside it. `-` goes back to the workspace before. With no name: a list to pick from on a terminal, a plain list elsewhere. HOST:NAME is one of another host (cw ssh --help).',
  positionals: [
    {
      name: 'project',
      completes: 'project',
      describe: 'A workspace, a project below the configured roots, a folder, HOST:NAME, or -.',
    },
  ],
  options: {
    next: {
      type: 'boolean',
      describe: 'Go to the Claude that has waited for you longest, in any workspace.',
    },
    trust: { type: 'boolean', describe: "Allow the project's own commands, as `cw trust` does." },
  },
  examples: [
    { line: 'claude-switch shop', does: 'Go to shop.' },
    { line: 'claude-switch --next || true', does: 'Go to who waits for you.' },
    { line: 'claude-switch', does: 'Pick from a list.' },
    { line: 'claude-switch | head -3', does: 'The names, the last used first.' },
  ],
  async run(args, context) {
    const word = args.positionals.project;
    const world = await readWorld(context.tmux(), context.env);
    if (args.options.next) return next(world, context);
    if (word === '-') return back(world, context);
    if (word === undefined) return pickOrList(world, context);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    if (word.includes(':') && !isHere(word, places)) {
      const { splitFarName } = await import('../../remote/host.js');
      const { goFar } = await import('../reaching.js');
      const far = splitFarName(word);
      if (far) return goFar(far, context);
    }
    const found = find(word, places);
    return go(found, args.options.trust === true, world, context);
  },
};

/** A folder may have a colon in its name (its workspace has not): what is here comes before another host. */
function isHere(word: string, { workspaces, roots, cwd }: Places): boolean {
  return (
    workspaces.some(({ path }) => basename(path) === word) ||
    [...roots, cwd].some((folder) => isFolder(join(folder, word)))
  );
}

async function go(found: Found, trust: boolean, world: World, context: Context): Promise<Outcome> {
  if ('workspace' in found && found.workspace.session) return to(found.workspace, context);
  return enter(found, world, { trust, detach: false }, context);
}

function to({ name, session, path }: Workspace, context: Context): Outcome {
  if (!session) throw new Error('only for open ones');
  const data = { name, session: session.name, path };
  if (context.json || (!context.terminal.interactive && !context.env.TMUX)) {
    return { data, text: `${name} is open. On a terminal, claude-switch ${name} attaches to it.` };
  }
  return { data, attach: attachArguments(session.id, context) };
}

/** The pane of the agent that has waited longest: first those that ask something, then those that are done. */
async function next(world: World, context: Context): Promise<Outcome> {
  const { drain } = await import('../../claude/intake.js');
  const { claudeFacts } = await import('../../claude/facts.js');
  const { agentRows, waitsFor } = await import('../../claude/overview.js');
  const { withDialogs } = await import('../../claude/dialogs.js');
  const drained = await drain(world.registry.folder, () => claudeFacts(world.connection, context.env));
  const rows = await withDialogs(world.connection, drained.facts, agentRows(drained.facts, drained));
  const [row] = ['waiting', 'idle'].flatMap((state) =>
    rows.filter((one) => one.state === state && one.pane !== context.env.TMUX_PANE),
  );
  if (!row) {
    // From a key binding, which says in which pane it was pressed.
    const isHere = rows.some(({ pane }) => pane === context.env.TMUX_PANE);
    throw new CwError('not-found', `No ${isHere ? 'other ' : ''}Claude waits for you.`, {
      hint: 'cw agents shows what each is doing.',
    });
  }
  const data = { session: row.session, pane: row.pane, state: row.state, since: row.since };
  if (context.json || (!context.terminal.interactive && !context.env.TMUX)) {
    return { data, text: sentence(row, waitsFor(row.detail)) };
  }
  // A pane as the target: its window and itself are chosen too.
  return { data, attach: attachArguments(row.pane, context) };
}

function sentence({ session, pane, state, detail, since }: AgentRow, wanted: string): string {
  const what =
    state === 'waiting'
      ? `has waited for ${wanted} for ${age(since)}`
      : `${detail === null ? 'is done' : `failed (${detail})`}, since ${age(since)}`;
  return `${sessionLabel(session)}, pane ${pane}, ${what}. On a terminal, claude-switch --next goes there.`;
}

/** Inside tmux, where this client was before; outside, the workspace that was last looked at. */
async function back(world: World, context: Context): Promise<Outcome> {
  const open = world.workspaces.filter((workspace) => workspace.session);
  const pane = context.env.TMUX_PANE;
  let current: string | undefined;
  if (context.env.TMUX && pane) {
    const answer = await world.connection.batch([['display-message', '-p', '-t', pane, '#{session_id}']]);
    current = answer.stdout.toString('utf8').trim();
  }
  const before = open
    .filter((workspace) => workspace.session?.id !== current && workspace.session?.lastAttached)
    .sort((a, b) => (b.session?.lastAttached ?? 0) - (a.session?.lastAttached ?? 0))[0];
  if (!before)
    throw new CwError('not-found', 'There is no workspace to go back to.', {
      hint: 'cw list shows the open ones.',
    });
  return to(before, context);
}

async function pickOrList(world: World, context: Context): Promise<Outcome> {
  const entries = listEntries(world.workspaces);
  if (!context.terminal.interactive || context.json) {
    return { data: entries, text: entries.map((entry) => entry.name).join('\n') };
  }
  const { pick } = await import('../picker/picker.js');
  const chosen = await pick(world, placesOf(world, context.settings(), context.cwd, context.env), context);
  if (chosen === null) return {};
  return go(chosen, false, world, context);
}
