import { boundKeys, tmuxCommands, tmuxConf, userConf } from '../../integration/tmux-conf.js';
import { readUserFile } from '../../integration/user-file.js';
import { shellWord, tildePath } from '../../system/paths.js';
import { changeUserFile, changingOptions, checkChanging } from '../changing-file.js';
import type { Command, Context } from '../command.js';
import { visible } from '../output.js';

export const tmux: Command = {
  name: 'init tmux',
  summary: 'Show agents in the status line of tmux, and bind keys to hop.',
  description:
    `Adds a block to your tmux.conf: who waits and who works in the status line (by options that the daemon keeps; no process is started), a mark at windows in which a Claude waits, and behind your prefix ${boundKeys.next} for claude-switch --next and ${boundKeys.pick} for a list of workspaces` +
    `, ${boundKeys.dashboard} for the dashboard, ${boundKeys.synchronize} to type into all panes, ${boundKeys.menu} for a menu. Shows it and asks before it is written; the undo gives the file back as it was.`,
  options: changingOptions,
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
    checkChanging(args.options);
    const { print, remove, yes } = args.options;
    const path = userConf(context.env);
    if (print) {
      const commands = tmuxCommands();
      return { data: { path, commands }, text: commands.trimEnd() };
    }
    const shown = tildePath(path, context.env);
    return changeUserFile(
      {
        path,
        edit: tmuxConf,
        mode: 0o644,
        what: 'block',
        line: 'cw init tmux',
        remove: remove === true,
        yes: yes === true,
        remarks: async () => [...(await otherBindings(context)), ...doubled(readUserFile(path).text ?? '')],
        afterwards: remove
          ? 'A tmux server that runs keeps what it has read until it ends.'
          : `A tmux server that runs reads it by: tmux source-file ${shellWord(shown)}`,
      },
      context,
    );
  },
};

/** Keys that the user has bound to something else, as far as a server that runs knows. */
async function otherBindings(context: Context): Promise<string[]> {
  const keys = Object.values(boundKeys);
  try {
    const { stdout } = await context.tmux().batch(
      keys.map((key) => ['list-keys', '-T', 'prefix', key]),
      { timeout: 2000 },
    );
    return stdout
      .toString('utf8')
      .split('\n')
      .filter(
        (line) =>
          line.startsWith('bind-key') && !/claude-switch|\/bin\/cw"? dashboard|synchronize-panes/.test(line),
      )
      .map((line) => `Your tmux has a binding of that key, which the block replaces: ${visible(line)}`);
  } catch {
    return []; // no server runs, or none that answers: nothing is known
  }
}

/** Plugins that do what cw does, too. */
function doubled(conf: string): string[] {
  const saves = /^[^#\n]*\btmux-(?:resurrect|continuum)\b/m.test(conf);
  return saves
    ? [
        'tmux-resurrect or tmux-continuum stands in this file: they save and bring back all sessions too. Both can stay; of what cw has opened, let cw bring it back (set -g @continuum-restore off), or there will be two.',
      ]
    : [];
}
