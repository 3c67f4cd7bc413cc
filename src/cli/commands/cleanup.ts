import { type Leftover, removeLeftovers } from '../../cleanup/leftovers.js';
import { judge } from '../../cleanup/look.js';
import { shippedKeepPrograms } from '../../cleanup/policy.js';
import { rulesOf, sweep } from '../../cleanup/sweep.js';
import { type MergedWorktree, mergedWorktrees, removeWorktrees } from '../../cleanup/worktrees.js';
import { CwError } from '../../errors.js';
import { durationForm, parseDuration } from '../../system/duration.js';
import { Registry } from '../../workspace/registry.js';
import { cleaningData, cleaningText, count, verdictTable } from '../cleaning.js';
import type { Args, Command, Context } from '../command.js';

export const verb: Command = {
  name: 'cleanup',
  summary: 'Close workspaces that nobody used for long and that lose nothing by it.',
  description:
    'Never one that is attached, shared, pinned (cw pin), has an agent working or waiting, text or files that are not saved or committed, commits that are not pushed (all of them, where there is no remote), a stash, or anything that could not be read. Used means attached, typed into, or an event of an agent; what programs print does not count. ' +
    'Each is saved with all its text first and looked at again, and comes back as it was: cw restore NAME. What crashes left of cw itself (sockets, servers of rehearsals, text that no snapshot names) goes too. ' +
    `Programs that keep their workspace (cw config set cleanup.keep_programs ...): ${shippedKeepPrograms.join(', ')}; so do jobs in the background and all that a restore would not start by itself.`,
  options: {
    'older-than': {
      type: 'string',
      value: 'D',
      describe: 'Not used for so long: 30m, 24h, 1w. The default is the setting cleanup.older_than.',
    },
    'dry-run': { type: 'boolean', describe: 'Say what would be done, and do nothing.' },
    worktrees: {
      type: 'boolean',
      describe: 'Also remove worktrees that are clean and merged; their branches stay.',
    },
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
  },
  examples: [
    { line: 'cw cleanup --dry-run', does: 'The verdict on each workspace, and why.' },
    { line: 'cw cleanup --older-than 1w --yes', does: 'Close what was not used for a week.' },
    { line: "cw config set schedule.cleanup '30 4 * * *'", does: 'Have the daemon do it each night.' },
  ],
  async run(args, context) {
    const connection = context.tmux();
    const { env } = context;
    const settings = context.settings();
    const rules = rulesOf(settings, olderThan(args));
    const options = { connection, rules, settings, env };
    const { verdicts, survey } = await judge(options, rules);
    const wanted = verdicts.filter(({ action }) => action === 'remove');
    const merged = mergedWorktrees(survey);
    const registry = new Registry(connection.address, env);
    const clear = (dryRun: boolean): Promise<Leftover[]> =>
      removeLeftovers({ connection, registry, env, dryRun });

    if (args.options['dry-run']) {
      const told = { verdicts, shown: verdicts, merged, leftovers: await clear(true) };
      const older = args.options['older-than'];
      const line = `cw cleanup${typeof older === 'string' ? ` --older-than ${older}` : ''}`;
      return { data: cleaningData(told), text: cleaningText({ ...told, line }, context) };
    }
    const isAsked = wanted.length > 0 && !args.options.yes;
    if (isAsked) {
      if (!context.terminal.interactive) {
        throw new CwError('refused', `Closing ${wanted.map(({ name }) => name).join(', ')} needs a yes.`, {
          hint: 'Nothing was closed. See why: cw cleanup --dry-run\nWithout a terminal: cw cleanup --yes',
        });
      }
      context.note(verdictTable(verdicts, context));
      if (!(await context.ask(`Close ${count(wanted.length, 'workspace')}? (each is saved first)`)))
        return { data: cleaningData({ verdicts, merged, leftovers: [] }), text: 'Nothing was closed.' };
    }
    const goes = merged.length > 0 && (await removesTrees(merged, args, context));
    // In a pane of what is closed we lose our terminal with it; what comes after must be done all the same.
    process.on('SIGHUP', () => {});
    const swept = await sweep(verdicts, options, ({ name }) => {
      if (context.terminal.interactive && !context.json) context.note(`${name} ...`);
    });
    const removed = goes ? await removeWorktrees(merged, env) : [];
    // Who was asked has seen the others already.
    const shown = isAsked ? wanted : verdicts;
    const done = { verdicts, shown, swept, merged, removed, leftovers: await clear(false) };
    const failed = swept.filter(({ outcome }) => outcome === 'failed').length;
    const closed = swept.some(({ outcome }) => outcome === 'removed');
    return {
      data: cleaningData(done),
      text: cleaningText(done, context),
      ...(failed > 0 && { exit: closed ? 6 : 1 }),
    };
  },
};

/** Only who asks for it, on the line or on the terminal, has worktrees removed: they are files. */
async function removesTrees(
  merged: readonly MergedWorktree[],
  args: Args,
  context: Context,
): Promise<boolean> {
  if (args.options.worktrees) return true;
  if (!context.terminal.interactive || args.options.yes) return false;
  for (const { workspace, branch, into } of merged)
    context.note(`${workspace}: ${branch} is merged into ${into}, and clean`);
  return context.ask(`Remove ${count(merged.length, 'worktree')}? (branches stay)`);
}

/** @throws CwError `usage` for a text that is no duration. */
function olderThan(args: Args): number | undefined {
  const text = args.options['older-than'];
  if (typeof text !== 'string') return undefined;
  const span = parseDuration(text);
  if (span !== null) return span;
  throw new CwError('usage', `--older-than ${JSON.stringify(text)} is no length of time.`, {
    hint: `It has to be ${durationForm}, longer than nothing and at most ten years.`,
  });
}
