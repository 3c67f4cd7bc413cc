import { restoreFromVault, vaultAll } from '../../claude/vault.js';
import { CwError } from '../../errors.js';
import { shellWord, tildePath } from '../../system/paths.js';
import type { Command, Verb } from '../command.js';
import { fork, fresh, resume, start } from '../conversation-begin.js';
import { choose, prune } from '../conversation-forks.js';
import { newName } from '../conversation-launch.js';
import { compare, list, search, show, tree } from '../conversation-look.js';
import { labelOf, nameArgument, named, readConversations, refuseLive, sourceOf } from '../conversations.js';

const rename: Command = {
  name: 'conversation rename',
  summary: 'Give a conversation another name.',
  positionals: [nameArgument, { name: 'new', describe: 'Its new name.', required: true }],
  examples: [
    { line: 'cw conversation rename 3f2a cart', does: 'Name the one whose id begins with 3f2a.', exit: 3 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const one = named(args.positionals.name ?? '', world);
    const name = newName(args.positionals.new ?? '', world);
    if (!one.known)
      throw new CwError('refused', 'Only its copy is left, which has no name.', {
        hint: `Put it back: cw conversation restore ${one.id}`,
      });
    const entry = {
      kind: 'name' as const,
      at: new Date().toISOString(),
      conversation: one.id,
      name,
      evidence: 'cw conversation rename',
    };
    world.registry.append([entry]);
    return { data: { conversation: one.id, name }, text: `${one.id.slice(0, 8)} is called ${name} now.` };
  },
};

const end: Command = {
  name: 'conversation end',
  summary: 'End the Claude Code of a conversation; it can be resumed.',
  positionals: [nameArgument],
  options: { force: { type: 'boolean', short: 'f', describe: 'Also while it works or waits.' } },
  examples: [{ line: 'cw conversation end cart', does: 'End "cart"; its pane has a shell then.', exit: 3 }],
  async run(args, context) {
    const world = await readConversations(context);
    const one = named(args.positionals.name ?? '', world);
    const holder = one.live ? one.known?.process : null;
    if (!holder)
      return { data: { conversation: one.id, ended: false }, text: `${labelOf(one)} does not run.` };
    const state = world.agents.get(one.id)?.state;
    if ((state === 'working' || state === 'waiting') && !args.options.force) {
      throw new CwError('refused', `${labelOf(one)} is ${state}.`, {
        hint: 'Wait until it is done, or end it all the same with --force.',
      });
    }
    await vaultAll(world.vault, [sourceOf(one)], { env: context.env });
    // Asked politely: it writes its transcript to the end. `live` has compared when it started.
    process.kill(holder.pid, 'SIGTERM');
    const deadline = performance.now() + 10_000;
    const { isAlive } = await import('../../system/process.js');
    while (isAlive(holder.pid, holder.start)) {
      if (performance.now() > deadline) {
        throw new CwError('failed', `${labelOf(one)} (process ${holder.pid}) does not end.`, {
          hint: `End it: kill -9 ${holder.pid}`,
        });
      }
      await new Promise((done) => setTimeout(done, 20));
    }
    return {
      data: { conversation: one.id, ended: true },
      text: `${labelOf(one)} has ended. Go on with it: cw conversation resume ${shellWord(labelOf(one))}`,
    };
  },
};

export const restore: Command = {
  name: 'conversation restore',
  summary: 'Put the copy of a conversation back, where Claude Code has deleted its own.',
  positionals: [nameArgument],
  options: {
    folder: {
      type: 'string',
      value: 'PATH',
      describe: 'Where it is resumed from then, when its own folder is gone.',
    },
  },
  examples: [{ line: 'cw conversation restore cart', does: 'Then: cw conversation resume cart', exit: 3 }],
  async run(args, context) {
    const world = await readConversations(context);
    const one = named(args.positionals.name ?? '', world);
    refuseLive(one, world);
    const { folder } = args.options;
    const { projectFolder } = await import('../../workspace/find.js');
    const { expandPath } = await import('../../system/paths.js');
    const cwd =
      typeof folder === 'string'
        ? projectFolder(expandPath(folder, context.cwd, context.env), context.env)
        : one.cwd;
    if (cwd === '') {
      throw new CwError('usage', 'Where it was started is not known.', {
        hint: 'Say it: cw conversation restore NAME --folder PATH',
      });
    }
    const put = await restoreFromVault(world.vault, one.id, one.configDir, cwd, { env: context.env });
    if (put.replaced !== null)
      context.note(`What stood there without a prompt is ${tildePath(put.replaced, context.env)} now.`);
    // It is resumed from where it is now.
    if (one.known && cwd !== one.cwd)
      world.registry.choose([{ ...one.known, cwd, evidence: 'cw conversation restore --folder' }]);
    return {
      data: put,
      text: `${labelOf(one)} is back: ${tildePath(put.path, context.env)}\nGo on with it: cw conversation resume ${shellWord(labelOf(one))}`,
    };
  },
};

export const verb: Verb = {
  name: 'conversation',
  summary: 'Claude conversations by name: list, start, resume, fork, search.',
  subcommands: {
    list,
    show,
    start,
    resume,
    fork,
    rename,
    search,
    end,
    restore,
    compare,
    choose,
    prune,
    fresh,
    tree,
  },
};
