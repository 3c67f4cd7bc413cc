import { receive } from '../../remote/receive.js';
import { send } from '../../remote/send.js';
import type { Command, Context, Verb } from '../command.js';
import { allowClosing, closeMoved, exportInto, findHere, importFrom } from '../transferring.js';

/** Nobody is at this end: what would be asked or drawn is not. */
function unattended(context: Context): Context {
  const { env, cwd, note, ask } = context;
  return {
    env,
    cwd,
    note,
    ask,
    json: true,
    terminal: { interactive: false, columns: 100, rows: 24, color: false },
    settings: () => context.settings(),
    tmux: () => context.tmux(),
  };
}

const streams = () => ({ input: process.stdin, output: process.stdout });

const receiving: Command = {
  name: 'remote receive',
  summary: 'The far end of cw push: takes an archive from its input, and imports it.',
  description:
    'cw on another machine starts it over ssh; by hand it is of no use. What came of an archive whose connection was ' +
    'cut is kept for a day.',
  examples: [
    { line: 'cw remote receive </dev/null', does: 'What it says without a cw at the other end.', exit: 1 },
  ],
  async run(_args, context) {
    const here = unattended(context);
    return { exit: await receive(streams(), (file, wish) => importFrom(file, wish, here), context.env) };
  },
};

const sending: Command = {
  name: 'remote send',
  summary: 'The far end of cw pull: gives the archive of a workspace on its output.',
  description: 'cw on another machine starts it over ssh; by hand it is of no use.',
  examples: [
    { line: 'cw remote send </dev/null', does: 'What it says without a cw at the other end.', exit: 1 },
  ],
  async run(_args, context) {
    const here = unattended(context);
    let agreed = false;
    const exit = await send(
      streams(),
      {
        export: ({ workspace, without, includeEnv }, file) =>
          exportInto(file, workspace, { without, includeEnv }, here),
        async allowClosing({ workspace: word, force }) {
          const { workspace, world } = await findHere(word, here);
          agreed = await allowClosing(workspace, world, force, here);
        },
        close: (workspace) => closeMoved(workspace, agreed, here),
      },
      context.env,
    );
    return { exit };
  },
};

export const verb: Verb = {
  name: 'remote',
  summary: 'The far ends of push and pull: what they start over ssh',
  subcommands: { receive: receiving, send: sending },
};
