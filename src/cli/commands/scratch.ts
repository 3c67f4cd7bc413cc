import { type SideWorkspace, sideFolder, workspaceOf } from '../../workspace/open.js';
import { readWorld } from '../../workspace/world.js';
import type { Command } from '../command.js';
import { enter } from '../entering.js';

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
      const folder = sideFolder(context.env);
      const world = await readWorld(context.tmux(), context.env);
      const workspace = workspaceOf(world.workspaces, folder, side);
      const options = { trust: false, detach: args.options.detach === true };
      // What ended with its server comes back; for a first time, and when it was closed, its template is opened.
      const isKnown = workspace !== undefined && workspace.record?.closedBy !== 'user' && !workspace.session;
      const found = workspace ? { workspace } : { folder };
      return enter(
        found,
        world,
        { ...options, ...(!isKnown && { request: { side, name: undefined } }) },
        context,
      );
    },
  };
}
