import type { Command } from '../command.js';
import { goFar } from '../reaching.js';

export const verb: Command = {
  name: 'ssh',
  summary: 'Go to a workspace on another host (claude-switch HOST:NAME).',
  description:
    'By your own ssh, with its configuration and keys; there, cw opens the workspace, or brings it back, when it is not ' +
    'open. Without NAME, its list to pick from. Inside tmux the other host gets a window of its own; keys for the tmux ' +
    'there begin with your prefix twice. Without a terminal the workspace is only opened.',
  positionals: [
    {
      name: 'host',
      completes: 'host',
      describe: 'A host as ssh knows it: NAME, USER@NAME, ssh://USER@NAME:PORT.',
      required: true,
    },
    { name: 'name', describe: 'A workspace, a project or a folder there.' },
  ],
  examples: [
    { line: 'cw ssh desktop shop', does: 'Go to shop on desktop.' },
    { line: 'claude-switch desktop:shop', does: 'The same.' },
    { line: 'cw ssh desktop', does: 'Pick one of its workspaces.' },
  ],
  async run(args, context) {
    return goFar({ host: args.positionals.host ?? '', name: args.positionals.name ?? null }, context);
  },
};
