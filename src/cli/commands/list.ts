import { CwError } from '../../errors.js';
import { branchAt } from '../../git/head.js';
import { daemonRuns, daemonStarts } from '../../rpc/answers.js';
import { livingShares } from '../../share/record.js';
import { shareText } from '../../share/words.js';
import { ended } from '../../workspace/find.js';
import { type Glance, readGlance } from '../../workspace/glance.js';
import { listEntries } from '../../workspace/list.js';
import { readWorld, type World } from '../../workspace/world.js';
import type { Command, Context } from '../command.js';
import { listPicture } from '../list-picture.js';

export const verb: Command = {
  name: 'list',
  summary: 'The workspaces, open and closed.',
  description:
    'Open workspaces first, the last used before the others; ● is attached, ○ closed. A * after a branch stands for ' +
    'uncommitted work, +2 for commits that are not pushed. AGENTS, SAVED and MEM are what the daemon last wrote down ' +
    '(the state of git: at most ten minutes old); - where none runs.',
  positionals: [{ name: 'host', completes: 'host', describe: 'More hosts, after --host.', variadic: true }],
  options: {
    fresh: {
      type: 'boolean',
      describe: 'Read all of it now: agents, memory, saves, and the git state of each project.',
    },
    open: { type: 'boolean', describe: 'Leave out the closed ones.' },
    host: {
      type: 'string',
      multiple: true,
      value: 'HOST...',
      describe: 'Those of other hosts, over ssh; all are asked at once, by cw there.',
    },
    'all-hosts': { type: 'boolean', describe: 'Those of the hosts in the setting remote.hosts.' },
  },
  examples: [
    { line: 'cw list', does: 'All workspaces.' },
    { line: 'cw list --fresh', does: 'With everything as it is now.' },
    { line: 'cw list --json', does: 'For programs.' },
    { line: 'cw list --host desktop laptop', does: 'What is open on two other machines.' },
  ],
  async run(args, context) {
    if (args.options.host !== undefined || args.options['all-hosts']) {
      const { farList } = await import('../far-list.js');
      return farList(args, context);
    }
    if (args.rest.length > 0) {
      throw new CwError('usage', `cw list: "${args.rest[0]}" is one word too many.`, {
        hint: 'cw status NAME shows one workspace; cw list --host HOST those of another host.',
      });
    }
    const world = await readWorld(context.tmux(), context.env);
    for (const file of world.damaged)
      context.note(`${file} cannot be read and is left out; its workspace is found again when it is open.`);
    const server = context.tmux().address.socketPath;
    const runs = daemonRuns(server, context.env);
    const glance = args.options.fresh ? await fresh(world, context) : glanceNow(world, runs);
    const entries = listEntries(world.workspaces, glance)
      .filter((entry) => !args.options.open || entry.state === 'open')
      // Which branch it is costs nothing to ask; whether it is dirty is from the last reading.
      .map((entry) => ({ ...entry, branch: branchAt(entry.path) ?? entry.branch }));
    const isUnsaved =
      !runs && entries.some((entry) => entry.state === 'open') && !daemonStarts(server, context.env);
    const unknown = args.options.fresh
      ? ''
      : '\nWhat agents do, saves and memory are not known without it: cw list --fresh';
    const remark = isUnsaved
      ? `\nNo daemon runs: nothing is saved by itself. Start it: cw daemon start${unknown}`
      : '';
    const restorable = new Set(ended(world.workspaces).map((workspace) => workspace.name));
    const shares = livingShares(world.registry.folder);
    const shared = shares.map(
      (share) => `\n${share.name} is shared: ${shareText(share)} (cw unshare ${share.name})`,
    );
    return {
      data: entries.map((entry) => ({
        ...entry,
        shared: shares
          .filter(({ workspace }) =>
            world.workspaces.some(({ id, name }) => id === workspace && name === entry.name),
          )
          .map(({ mode, guests, endsAt }) => ({ mode, users: guests.map(({ name }) => name), endsAt })),
      })),
      text: `${listPicture(entries, restorable, context)}${shared.join('')}${remark}`,
    };
  },
};

async function fresh(world: World, context: Context): Promise<Glance> {
  const { freshGlance } = await import('../fresh-glance.js');
  return freshGlance(world, context);
}

/**
 * What the daemon last wrote of all. Without a daemon nobody knows what agents do or what is used by now, or whether it
 * was saved since: only of closed ones does it still hold.
 */
function glanceNow(world: World, runs: boolean): Glance | null {
  const glance = readGlance(world.registry.folder);
  if (glance === null || runs) return glance;
  const closed = world.workspaces.filter(({ session }) => session === null);
  return {
    memoryAt: null,
    workspaces: Object.fromEntries(
      closed.flatMap(({ id }) => {
        const one = glance.workspaces[id];
        return one ? [[id, one]] : [];
      }),
    ),
  };
}
