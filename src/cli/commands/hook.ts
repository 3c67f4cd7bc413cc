import { hookEvents } from '../../claude/model.js';
import { CwError } from '../../errors.js';
import type { Command } from '../command.js';

/**
 * A line that is an event and nothing else never gets here: `bin/cw` gives it to `shell/cw-hook`, which needs no
 * Node.
 */
export const verb: Command = {
  name: 'hook',
  summary: "Note an event of Claude Code's: what its hooks call.",
  description: `Takes what Claude writes on standard input, and where it comes from, into the spool that CW_SPOOL names; the daemon, or the next command that wants to know, takes it from there. Without CW_SPOOL it does nothing. It prints nothing and exits 0 whatever happens, so that it never holds Claude up. Events: ${hookEvents.join(', ')}.`,
  positionals: [{ name: 'event', describe: 'The hook event.', required: true }],
  examples: [
    {
      line: `echo '{"hook_event_name":"Stop"}' | cw hook Stop`,
      does: 'What Claude does when it has answered. `cw init claude` writes such hooks into its settings.',
    },
  ],
  async run() {
    throw new CwError('usage', 'A hook is called with one event and nothing else.', {
      hint: `cw hook EVENT, which is one of: ${hookEvents.join(', ')}`,
    });
  },
};
