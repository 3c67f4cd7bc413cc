import { CwError } from '../errors.js';
import {
  boundKeys,
  type ConfFile,
  tmuxCommands,
  userConf,
  withBlock,
  withoutBlock,
  writeConf,
} from '../integration/tmux-conf.js';
import { shellWord, tildePath } from '../system/paths.js';
import type { Command, Context, Outcome } from './command.js';
import { indent, visible } from './output.js';

/** @param verbs the verbs of `cw`: a key is bound only for one that there is. */
export function initTmux(verbs: readonly string[]): Command {
  return {
    name: 'init tmux',
    summary: 'Show agents in the status line of tmux, and bind keys to hop.',
    description:
      `Adds a block to your tmux.conf: who waits and who works in the status line (by options that the daemon keeps; no process is started), a mark at windows in which a Claude waits, and behind your prefix ${boundKeys.next} for claude-switch --next and ${boundKeys.pick} for a list of workspaces` +
      `${verbs.includes('dashboard') ? `, ${boundKeys.dashboard} for the dashboard` : ''}. Shows it and asks before it is written; the undo gives the file back as it was.`,
    options: {
      print: { type: 'boolean', describe: 'Print the commands, change nothing.' },
      remove: { type: 'boolean', describe: 'Take the block out again.' },
      yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
    },
    examples: [
      { line: 'cw init tmux --print', does: 'See the commands first.' },
      {
        line: 'cw init tmux --print | tmux -S "$CW_TMUX_SOCKET" source-file -',
        does: 'Try them in the server that runs.',
      },
      { line: 'cw init tmux --yes', does: 'Add them to tmux.conf.' },
      { line: 'cw init tmux --remove --yes', does: 'As it was before.' },
    ],
    async run(args, context) {
      const { print, remove, yes } = args.options;
      if (print && remove)
        throw new CwError('usage', 'Both --print and --remove were given.', { hint: 'Give one of them.' });
      const commands = tmuxCommands(verbs);
      const file = userConf(context.env);
      if (print) return { data: { path: file.path, commands }, text: commands.trimEnd() };
      return change(file, remove === true, yes === true, verbs, context);
    },
  };
}

async function change(
  file: ConfFile,
  remove: boolean,
  yes: boolean,
  verbs: readonly string[],
  context: Context,
): Promise<Outcome> {
  const { env } = context;
  const { path, text } = file;
  const after = !remove ? withBlock(text, verbs) : text === null ? null : withoutBlock(text);
  const shown = tildePath(path, env);
  if (after === text) {
    const said = remove ? `There is no block of cw in ${shown}.` : `The block is in ${shown} already.`;
    return { data: { path, changed: false }, text: said };
  }
  const target = file.target === path ? '' : `, a link to ${tildePath(file.target, env)}`;
  const what = remove
    ? after === null
      ? `This file will be removed: ${shown}`
      : `The block of cw will be taken out of ${shown}`
    : `${text === null ? 'This will be written' : 'This will be added'}: ${shown}`;
  context.note(`${what}${target}${remove ? '' : `\n${indent(visibleLines(tmuxCommands(verbs)))}`}`);
  if (!remove) for (const note of await otherBindings(verbs, context)) context.note(note);
  if (!yes) {
    if (!context.terminal.interactive)
      throw new CwError('refused', `Changing ${shown} needs a yes.`, {
        hint: `Nothing was written. Without a terminal: cw init tmux ${remove ? '--remove ' : ''}--yes`,
      });
    if (!(await context.ask('Write it?')))
      return { data: { path, changed: false }, text: 'Nothing was written.' };
  }
  if (!writeConf(file, after, env))
    throw new CwError('failed', `${shown} was changed meanwhile.`, {
      hint: 'Nothing was written. Try again.',
    });
  const text_ = remove
    ? `The block is out of ${shown}. A tmux server that runs keeps what it has read until it ends.`
    : `The block is in ${shown}. A tmux server that runs reads it by: tmux source-file ${shellWord(shown)}\nUndo: cw init tmux --remove`;
  return { data: { path, changed: true }, text: text_ };
}

function visibleLines(text: string): string {
  return text.trimEnd().split('\n').map(visible).join('\n');
}

/** Keys that the user has bound to something else, as far as a server that runs knows. */
async function otherBindings(verbs: readonly string[], context: Context): Promise<string[]> {
  const keys = Object.entries(boundKeys).flatMap(([name, key]) =>
    name === 'dashboard' && !verbs.includes('dashboard') ? [] : [key],
  );
  try {
    const { stdout } = await context.tmux().batch(
      keys.map((key) => ['list-keys', '-T', 'prefix', key]),
      { timeout: 2000 },
    );
    return stdout
      .toString('utf8')
      .split('\n')
      .filter((line) => line.startsWith('bind-key') && !/claude-switch|\/bin\/cw"? dashboard/.test(line))
      .map((line) => `Your tmux has a binding of that key, which the block replaces: ${visible(line)}`);
  } catch {
    return []; // no server runs, or none that answers: nothing is known
  }
}
