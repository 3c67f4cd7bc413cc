import { CwError } from '../../errors.js';
import { findGuests, type Guest } from '../../share/guests.js';
import { livingShares, type ShareRecord } from '../../share/record.js';
import { relay, type ShareOptions } from '../../share/relay.js';
import { endDeadShares } from '../../share/unshare.js';
import { clockText, shareText } from '../../share/words.js';
import { giveWriteAccess, requireWriteAccess } from '../../share/write-access.js';
import { durationForm, durationText, parseDuration } from '../../system/duration.js';
import { shellWord } from '../../system/paths.js';
import type { ServerAddress } from '../../tmux/connection.js';
import { requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { shareInBackground } from '../sharing.js';

const usual = '1h';
/** Milliseconds that a share may last. */
const longest = 7 * 86_400_000;

export const verb: Command = {
  name: 'share',
  summary: 'Let other users of this machine look at a workspace, for a while.',
  description:
    'Who is named types the line that this prints, `cw view SOCKET`, and sees that workspace as your terminal would show it: its windows, its status line, nothing of another workspace. Nothing that they type gets to it. The socket lies in a folder that only they may enter (by an access list, or a group that has no other members); without --user only you may. ' +
    'It ends after --for, by `cw unshare`, when the workspace is closed, and when its view is moved to another session. A view has the size of your window; `cw view` shows the part around the cursor on a smaller terminal. ' +
    'What you open in its panes is seen too, such as the list of sessions (prefix s). ' +
    'With --write the users get the tmux server itself. That gives away your account: they can run anything as you, in every workspace.',
  positionals: [
    {
      name: 'name',
      completes: 'workspace',
      describe: 'A workspace that is open; that of this folder when not given.',
    },
  ],
  options: {
    user: {
      type: 'string',
      multiple: true,
      value: 'U',
      describe: 'Who may look, by the name that they log in with. May be given more than once.',
    },
    for: {
      type: 'string',
      value: 'D',
      describe: `For how long: 10m, 1h, at most 7d. The default is ${usual}.`,
    },
    write: { type: 'boolean', describe: 'Let them type: this gives away your account.' },
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask whether to give your account away.' },
    foreground: {
      type: 'boolean',
      describe: 'Stay, and end the share on Ctrl-C, instead of leaving it to a process in the background.',
    },
  },
  examples: [
    { line: 'cw share shop', does: 'Only for yourself, on another terminal of this machine.' },
    { line: 'cw unshare shop', does: 'End it now.' },
    { line: 'cw share shop --user bob --for 30m', does: 'Bob may look for half an hour.', exit: 3 },
    {
      line: 'cw share shop --user bob --write',
      does: 'Bob may do all that you may. Asks first.',
      exit: 3,
    },
  ],
  async run(args, context) {
    const connection = context.tmux();
    const { env } = context;
    const world = await readWorld(connection, env);
    const places = placesOf(world, context.settings(), context.cwd, env);
    const { id, name, session } = requireWorkspace(args.positionals.name ?? '.', places);
    if (!session) {
      throw new CwError('not-found', `${name} is not open, so there is nothing to see.`, {
        hint: `Open it: claude-switch ${name}`,
      });
    }
    const { folder } = world.registry;
    const write = args.options.write === true;
    const names = (args.options.user ?? []) as readonly string[];
    if (write && names.length === 0) {
      throw new CwError('usage', '--write needs to be told who may write.', {
        hint: `cw share ${name} --user U --write`,
      });
    }
    const span = spanOf(args);
    const guests = await findGuests(names, env);
    await endDeadShares(connection, folder, env);
    const before = livingShares(folder).find((share) => share.workspace === id);
    if (before) {
      throw new CwError('refused', `${name} is shared already: ${shareText(before)}.`, {
        hint: `End that first: cw unshare ${name}`,
      });
    }
    if (write) {
      if (guests.length === 0)
        throw new CwError('usage', 'You and root can use your tmux server already.', {
          hint: 'Name another user: --user U',
        });
      await requireWriteAccess(connection, world.server?.version ?? 0, guests, env);
      if (!(await givesAccount(name, guests, span, args, context)))
        return { data: null, text: 'Nothing was shared.' };
    }
    if (args.options.foreground) {
      const workspace = { id, name, session: session.id };
      return inForeground({ connection, env, folder, workspace, guests, span }, write, context);
    }
    const words = [
      id,
      ...guests.flatMap((guest) => ['--user', guest.name]),
      ...['--for', `${Math.round(span / 1000)}s`],
      ...(write ? ['--write', '--yes'] : []),
    ];
    const share = await shareInBackground(words, connection.address.socketPath, folder, env);
    return { data: share, text: picture(share, session.name, connection.address) };
  },
};

function spanOf(args: Args): number {
  const text = typeof args.options.for === 'string' ? args.options.for : usual;
  const span = parseDuration(text);
  if (span !== null && span <= longest) return span;
  throw new CwError('usage', `--for ${JSON.stringify(text)} is no time to share for.`, {
    hint: `It has to be ${durationForm}, and at most 7d.`,
  });
}

/**
 * Whether the user means it, after it was said what that is.
 *
 * @throws CwError `refused` where there is no terminal to ask on, and no --yes.
 */
async function givesAccount(
  name: string,
  guests: readonly Guest[],
  span: number,
  args: Args,
  context: Context,
): Promise<boolean> {
  const who = guests.map((guest) => guest.name).join(' and ');
  const warning = [
    `This gives your account away. Whoever uses your tmux server runs programs as you: ${who} will be able to read and`,
    `change all your files, keys and mail, in every workspace and not only in ${name}, and to leave things behind that`,
    'stay when the share ends. Do it only for somebody to whom you would hand your unlocked computer.',
  ].join('\n');
  if (args.options.yes) {
    if (!args.options.foreground) context.note(warning);
    return true;
  }
  if (!context.terminal.interactive) {
    throw new CwError('refused', warning, {
      hint: `Nothing was shared. To do it without a terminal: add --yes. To let ${who} only look: leave out --write.`,
    });
  }
  context.note(warning);
  return context.ask(`Give ${who} your account for ${durationText(span)}?`);
}

async function inForeground(
  options: Omit<ShareOptions, 'onReady'>,
  write: boolean,
  context: Context,
): Promise<Outcome> {
  const over = new AbortController();
  const end = () => over.abort();
  process.on('SIGINT', end).on('SIGTERM', end).on('SIGHUP', end);
  const { name } = options.workspace;
  const { address } = options.connection;
  const onReady = (share: ShareRecord) => {
    const session = options.workspace.session;
    if (!context.json) context.note(picture(share, session, address));
  };
  const ended = await (write ? giveWriteAccess : relay)({ ...options, onReady }, over.signal);
  return { data: ended, text: `The share of ${name} is over. ${ended.text}` };
}

function picture(share: ShareRecord, session: string, { socketPath }: ServerAddress): string {
  const line =
    share.mode === 'view'
      ? `cw view ${share.socket}`
      : `tmux -S ${shellWord(socketPath)} attach-session -t '${session}'`;
  const span = durationText(Date.parse(share.endsAt) - Date.parse(share.startedAt));
  const who = share.guests.length === 0 ? 'only you' : 'nobody else';
  return [
    `${share.name}: ${shareText(share)} (${span}), ${who}. The line for that:`,
    '',
    `    ${line}`,
    '',
    `End it before ${clockText(share.endsAt)}: cw unshare ${share.name}`,
  ].join('\n');
}
