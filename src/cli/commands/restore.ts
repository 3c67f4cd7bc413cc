import { CwError, messageOf } from '../../errors.js';
import { ended, requireWorkspace } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Command } from '../command.js';
import { wakeDaemon } from '../entering.js';
import { reportText, restoreMany } from '../restoring.js';

export const verb: Command = {
  name: 'restore',
  summary: 'Bring workspaces back as they were saved.',
  description:
    'Windows, layouts, folders, options, environment, scrollback and programs. Programs that are known to be harmless start by themselves; others are typed and wait for Enter. What is open is left alone.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'Workspaces to bring back.', variadic: true },
  ],
  options: {
    all: { type: 'boolean', describe: 'All that ended with their tmux server.' },
    at: {
      type: 'string',
      completes: 'snapshot',
      value: 'TIME|ID',
      describe: 'An earlier moment: 14:30, "2026-01-31 14:30", 2h, or the number of a snapshot.',
    },
    as: { type: 'string', value: 'NEWNAME', describe: 'Beside the one that is open, under another name.' },
    wait: { type: 'boolean', describe: 'Follow the Claude conversations until each is proven.' },
    'no-run': { type: 'boolean', describe: 'Start and type no programs.' },
    'dry-run': { type: 'boolean', describe: 'Print the steps, and do nothing.' },
  },
  examples: [
    { line: 'cw restore --all', does: 'Bring back what was open before a crash.' },
    {
      line: 'cw restore shop --at 1 --as shop-before',
      does: 'An earlier moment, beside the present one.',
    },
    { line: 'cw restore shop --dry-run', does: 'See what would be done.' },
  ],
  async run(args, context) {
    const { all, at, as } = args.options;
    if (!all && args.rest.length === 0) {
      throw new CwError('usage', 'No workspace was named.', {
        hint: 'cw restore NAME..., or cw restore --all',
      });
    }
    if (all && (args.rest.length > 0 || at !== undefined || as !== undefined)) {
      throw new CwError('usage', '--all takes no names, and neither --at nor --as.', {
        hint: 'cw restore NAME --at TIME',
      });
    }
    if (as !== undefined && args.rest.length > 1) {
      throw new CwError('usage', '--as names one workspace, and several were given.', {
        hint: 'One at a time: cw restore NAME --as NEWNAME',
      });
    }
    const world = await readWorld(context.tmux(), context.env);
    const places = placesOf(world, context.settings(), context.cwd, context.env);
    const chosen = all ? ended(world.workspaces) : args.rest.map((name) => requireWorkspace(name, places));
    if (chosen.length === 0)
      return { data: [], text: 'Nothing ended that is not closed: nothing to bring back.' };
    const wish = {
      at: typeof at === 'string' ? at : undefined,
      as: typeof as === 'string' ? as : undefined,
      run: !args.options['no-run'],
      dryRun: args.options['dry-run'] === true,
      wait: args.options.wait === true,
    };
    const { reports, failures, seconds } = await restoreMany(world, chosen, context, wish);
    if (chosen.length === 1 && failures[0]) throw failures[0].error;
    if (reports.some((report) => report.created) && !wish.dryRun) await wakeDaemon(context);
    const hasFailed = reports.some(({ panes }) =>
      panes.some((pane) => pane.conversation?.state === 'failed'),
    );
    const failed = failures.map(({ name, error }) => ({ name, message: messageOf(error) }));
    return {
      data: all || chosen.length > 1 ? { workspaces: reports, failures: failed } : reports[0],
      text: reportText(reports, failures, seconds),
      ...((failures.length > 0 || hasFailed) && { exit: reports.length > 0 ? 6 : 1 }),
    };
  },
};
