import { CwError } from '../../errors.js';
import type { Command, Context, Outcome } from '../command.js';

export const verb: Command = {
  name: 'dashboard',
  summary: 'All workspaces on one screen that keeps up to date, with keys for what to do.',
  description:
    'Who needs you comes first: agents that wait, failures, agents that are done. For each workspace what its agents do, health, processor and ' +
    'memory, the last save; below it the end of a pane. Enter goes there; s saves, x closes, r brings back, p pins, m sends a line to the agent, ' +
    '/ filters, ? shows all keys, q leaves. The daemon tells it what happens; without one it looks every two seconds. `cw init tmux` binds a key that ' +
    'shows it in a popup. With --json: what it would show, once.',
  examples: [
    { line: 'cw dashboard', does: 'Until q.', endless: true },
    { line: 'cw dashboard --json', does: 'The rows, for programs.' },
  ],
  async run(_, context): Promise<Outcome> {
    if (context.json) {
      const { readRows } = await import('../dashboard/reader.js');
      const { rows, shared } = await readRows(context, {});
      return { data: { workspaces: rows, shared } };
    }
    if (!context.terminal.interactive) {
      throw new CwError('usage', 'The dashboard needs a terminal.', {
        hint: 'Without one: cw list, cw health, or cw dashboard --json',
      });
    }
    const { runDashboard } = await import('../dashboard/run.js');
    const left = await runDashboard(context);
    if (left === null) return {};
    if ('signal' in left) {
      // As any program that the signal ends. What Ink brought along listens still, and would keep us for a moment.
      process.removeAllListeners(left.signal);
      process.kill(process.pid, left.signal);
      return { exit: 1 };
    }
    if (left.way !== null) return { attach: left.way };
    return open(left.hop.name, context);
  },
};

/** One that is not open, as `claude-switch` opens it: brought back, or from its template. */
async function open(name: string, context: Context): Promise<Outcome> {
  const { verb } = await import('./switch.js');
  if ('subcommands' in verb) throw new Error('switch is one command');
  return verb.run({ positionals: { project: name }, rest: [], options: {}, afterDashes: [] }, context);
}
