import { openWorkspace, type SideWorkspace, sideFolder } from '../../workspace/open.js';
import type { Command } from '../command.js';
import { outcomeOf, workspaceSize } from '../opening.js';

export const verb = sideVerb('scratch', 'A workspace at home, for what belongs to no project.');

/** The verb of a workspace beside the projects. */
export function sideVerb(side: SideWorkspace, summary: string): Command {
  return {
    name: side,
    summary,
    description: 'Opened when it is not open, attached when it is; kept and restored like the projects.',
    options: { detach: { type: 'boolean', short: 'd', describe: 'Do not attach.' } },
    examples: [{ line: `cw ${side} --detach`, does: 'Open it without attaching.' }],
    async run(args, context) {
      const opened = await openWorkspace(context.tmux(), {
        path: sideFolder(context.env),
        side,
        preferred: null,
        overrides: {},
        windows: [],
        size: workspaceSize(context),
        dryRun: false,
        cwd: context.cwd,
        env: context.env,
        note: context.note,
      });
      return outcomeOf(opened, context, args.options.detach === true);
    },
  };
}
