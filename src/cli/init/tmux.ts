import { boundKeys, tmuxCommands, tmuxConf, userConf } from '../../integration/tmux-conf.js';
import { shellWord, tildePath } from '../../system/paths.js';
import { changeUserFile, changingOptions, checkChanging } from '../changing-file.js';
import type { Command, Context } from '../command.js';
import { visible } from '../output.js';

/** @param verbs the verbs of `cw`: a key is bound only for one that there is. */
export function initTmux(verbs: readonly string[]): Command {
  return {
    name: 'init tmux',
    summary: 'Show agents in the status line of tmux, and bind keys to hop.',
    description:
      `Adds a block to your tmux.conf: who waits and who works in the status line (by options that the daemon keeps; no process is started), a mark at windows in which a Claude waits, and behind your prefix ${boundKeys.next} for claude-switch --next and ${boundKeys.pick} for a list of workspaces` +
      `${verbs.includes('dashboard') ? `, ${boundKeys.dashboard} for the dashboard` : ''}. Shows it and asks before it is written; the undo gives the file back as it was.`,
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
        const commands = tmuxCommands(verbs);
        return { data: { path, commands }, text: commands.trimEnd() };
      }
      const shown = tildePath(path, context.env);
      return changeUserFile(
        {
          path,
          edit: tmuxConf(verbs),
          mode: 0o644,
          what: 'block',
          line: 'cw init tmux',
          remove: remove === true,
          yes: yes === true,
          remarks: () => otherBindings(verbs, context),
          afterwards: remove
            ? 'A tmux server that runs keeps what it has read until it ends.'
            : `A tmux server that runs reads it by: tmux source-file ${shellWord(shown)}`,
        },
        context,
      );
    },
  };
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
