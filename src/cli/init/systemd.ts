import { CwError } from '../../errors.js';
import {
  enableUnit,
  installedUnit,
  lingers,
  ownUnit,
  removeUnit,
  systemdState,
  unitIsActive,
  unitName,
  unitPath,
  writeUnit,
} from '../../integration/systemd.js';
import { findDaemon } from '../../rpc/start.js';
import { tildePath } from '../../system/paths.js';
import type { Command, Context, Outcome } from '../command.js';
import { indent } from '../output.js';

export const systemd: Command = {
  name: 'init systemd',
  summary: 'Start the daemon at login, or at boot, as a systemd user service.',
  description:
    'Shows the unit and asks before it is written. At boot, before any login, it starts only for a user who lingers (loginctl enable-linger).',
  options: {
    print: { type: 'boolean', describe: 'Print the unit, change nothing.' },
    remove: { type: 'boolean', describe: 'Stop it and take the unit away again.' },
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
  },
  examples: [
    { line: 'cw init systemd --print', does: 'See the unit first.' },
    { line: 'cw init systemd --remove', does: 'As it was before.' },
  ],
  async run(args, context) {
    if (args.options.print && args.options.remove)
      throw new CwError('usage', 'Both --print and --remove were given.', { hint: 'Give one of them.' });
    const path = unitPath(context.env);
    if (args.options.print)
      return { data: { path, unit: ownUnit(context.env) }, text: ownUnit(context.env).trimEnd() };
    return args.options.remove ? remove(context, path) : install(context, path, args.options.yes === true);
  },
};

async function install(context: Context, path: string, yes: boolean): Promise<Outcome> {
  const { env } = context;
  const state = await systemdState(env);
  if (!state.running) {
    throw new CwError(
      'failed',
      `systemd does not run for this user (${state.why}), so there is nothing to install.`,
      {
        hint: 'Opening a workspace starts the daemon too. The unit itself: cw init systemd --print',
      },
    );
  }
  const before = installedUnit(env);
  if (before !== 'same') {
    const what =
      before === 'none' ? 'This unit will be written' : 'The unit there is another one; it will become';
    context.note(`${what}, enabled and started: ${tildePath(path, env)}\n${indent(ownUnit(env).trimEnd())}`);
    if (!yes) {
      if (!context.terminal.interactive)
        throw new CwError('refused', `Installing ${unitName} needs a yes.`, {
          hint: 'Nothing was written. Without a terminal: cw init systemd --yes',
        });
      if (!(await context.ask('Install it?')))
        return { data: { path, changed: false }, text: 'Nothing was written.' };
    }
  }
  const changed = writeUnit(env);
  if (!(await unitIsActive(env))) await endOther(context);
  await enableUnit(env);
  const linger = await lingers(env);
  if (linger === false)
    context.note(
      'You do not linger: it starts with your first login and ends with your last. At boot: loginctl enable-linger',
    );
  const done = changed
    ? `${unitName} is installed and runs.`
    : `${unitName} was installed already; it is enabled and runs.`;
  return {
    data: { path, changed, linger },
    text: `${done}\nUndo: cw init systemd --remove`,
  };
}

/** A daemon that was started by hand would make the unit's give up at once. */
async function endOther(context: Context): Promise<void> {
  const found = await findDaemon(context.tmux().address.socketPath, context.env);
  if (found.state !== 'running') return;
  context.note(`The daemon that runs (process ${found.client.hello.pid}) gives way to the service.`);
  await found.client.call('stop', {});
  await found.client.closed;
}

async function remove(context: Context, path: string): Promise<Outcome> {
  const state = await systemdState(context.env);
  const changed = await removeUnit(context.env, state);
  if (changed && !state.running)
    context.note(`systemd does not run for this user (${state.why}): only the file was removed.`);
  return {
    data: { path, changed },
    text: changed ? `${unitName} is removed.` : `${unitName} is not installed.`,
  };
}
