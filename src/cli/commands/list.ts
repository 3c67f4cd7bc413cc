import { branchAt } from '../../git/head.js';
import { daemonRuns } from '../../rpc/answers.js';
import { tildePath } from '../../system/paths.js';
import { ended } from '../../workspace/find.js';
import { type ListEntry, listEntries } from '../../workspace/list.js';
import type { GitReading } from '../../workspace/registry.js';
import { readWorld, type World } from '../../workspace/world.js';
import type { Command, Context } from '../command.js';
import { age, table } from '../output.js';

export const verb: Command = {
  name: 'list',
  summary: 'The workspaces, open and closed.',
  description:
    'Open workspaces first, the last used before the others. A * after a branch stands for uncommitted work.',
  options: {
    fresh: {
      type: 'boolean',
      describe: 'Read the git state of each project now, not from the last reading.',
    },
    open: { type: 'boolean', describe: 'Leave out the closed ones.' },
  },
  examples: [
    { line: 'cw list', does: 'All workspaces.' },
    { line: 'cw list --fresh', does: 'With the git state as it is now.' },
    { line: 'cw list --json', does: 'For programs.' },
  ],
  async run(args, context) {
    const world = await readWorld(context.tmux(), context.env);
    for (const file of world.damaged)
      context.note(`${file} cannot be read and is left out; its workspace is found again when it is open.`);
    const git = args.options.fresh ? await freshGit(world, context) : undefined;
    const entries = listEntries(world.workspaces, git)
      .filter((entry) => !args.options.open || entry.state === 'open')
      // Which branch it is costs nothing to ask; whether it is dirty is from the last reading.
      .map((entry) => ({ ...entry, branch: branchAt(entry.path) ?? entry.branch }));
    const isUnsaved =
      !context.json &&
      entries.some((entry) => entry.state === 'open') &&
      !daemonRuns(context.tmux().address.socketPath, context.env);
    const remark = isUnsaved ? '\nNo daemon runs: nothing is saved by itself. Start it: cw daemon start' : '';
    const restorable = new Set(ended(world.workspaces).map((workspace) => workspace.name));
    return { data: entries, text: `${picture(entries, restorable, context)}${remark}` };
  },
};

async function freshGit(world: World, context: Context): Promise<ReadonlyMap<string, GitReading>> {
  const { refreshGit } = await import('../../workspace/refresh.js');
  const { readings, unknown } = await refreshGit(world);
  for (const { name, reason } of unknown) context.note(`${name}: the git state could not be read: ${reason}`);
  return readings;
}

function picture(entries: readonly ListEntry[], restorable: ReadonlySet<string>, context: Context): string {
  if (entries.length === 0) return 'No workspaces yet. Open one with: cw up PATH';
  const open = entries.filter((entry) => entry.state === 'open').length;
  const rows = entries.map((entry) => [
    entry.attached ? '●' : entry.state === 'open' ? ' ' : '○',
    entry.name,
    entry.state === 'closed'
      ? restorable.has(entry.name)
        ? 'ended'
        : 'closed'
      : `${entry.windows} win, ${entry.panes} ${entry.panes === 1 ? 'pane' : 'panes'}`,
    entry.branch === null && entry.dirty === null
      ? '-'
      : `${entry.branch ?? 'detached'}${entry.dirty ? ' *' : ''}`,
    entry.attached ? 'now' : entry.lastAttachedAt ? age(entry.lastAttachedAt) : '-',
    tildePath(entry.path, context.env),
  ]);
  const lines = table(
    [['', 'WORKSPACE', 'HOLDS', 'BRANCH', 'SEEN', 'PATH'], ...rows],
    context.terminal.columns,
  );
  const lost = entries.filter((entry) => entry.state === 'closed' && restorable.has(entry.name)).length;
  const hint = lost > 0 ? ` ${lost} ended with tmux: cw restore --all` : '';
  return `${lines}\n${open} open, ${entries.length - open} closed.${hint}`;
}
