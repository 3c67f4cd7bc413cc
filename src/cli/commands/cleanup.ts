import { judge } from '../../cleanup/look.js';
import { shippedKeepPrograms, type Verdict } from '../../cleanup/policy.js';
import { rulesOf, type Swept, sweep } from '../../cleanup/sweep.js';
import { CwError } from '../../errors.js';
import { durationForm, parseDuration } from '../../system/duration.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import { type Style, styler, table } from '../output.js';

export const verb: Command = {
  name: 'cleanup',
  summary: 'Close workspaces that nobody used for long and that lose nothing by it.',
  description:
    'Never one that is attached, pinned (cw pin), has an agent working or waiting, text or files that are not saved or committed, commits that are not pushed (all of them, where there is no remote), a stash, or anything that could not be read. Used means attached, typed into, or an event of an agent; what programs print does not count. ' +
    'Each is saved with all its text first and looked at again, and comes back as it was: cw restore NAME. ' +
    `Programs that keep their workspace (cw config set cleanup.keep_programs ...): ${shippedKeepPrograms.join(', ')}; so do jobs in the background and all that a restore would not start by itself.`,
  options: {
    'older-than': {
      type: 'string',
      value: 'D',
      describe: 'Not used for so long: 30m, 24h, 1w. The default is the setting cleanup.older_than.',
    },
    'dry-run': { type: 'boolean', describe: 'Say what would be done, and do nothing.' },
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
  },
  examples: [
    { line: 'cw cleanup --dry-run', does: 'The verdict on each workspace, and why.' },
    { line: 'cw cleanup --older-than 1w --yes', does: 'Close what was not used for a week.' },
    { line: "cw config set schedule.cleanup '30 4 * * *'", does: 'Have the daemon do it each night.' },
  ],
  async run(args, context) {
    const settings = context.settings();
    const rules = rulesOf(settings, olderThan(args));
    const options = { connection: context.tmux(), rules, settings, env: context.env };
    const verdicts = await judge(options, rules);
    const wanted = verdicts.filter(({ action }) => action === 'remove');
    if (args.options['dry-run'] || wanted.length === 0) return told(verdicts, args, context);
    if (!args.options.yes) {
      if (!context.terminal.interactive) {
        const names = wanted.map(({ name }) => name).join(', ');
        throw new CwError('refused', `Closing ${names} needs a yes.`, {
          hint: 'Nothing was closed. See why: cw cleanup --dry-run\nWithout a terminal: cw cleanup --yes',
        });
      }
      context.note(picture(verdicts, context));
      if (!(await context.ask(`Close ${count(wanted.length)}? (each is saved first)`)))
        return {
          data: { workspaces: verdicts.map((verdict) => entryOf(verdict)), removed: 0 },
          text: 'Nothing was closed.',
        };
    }
    // In a pane of what is closed we lose our terminal with it; what comes after must be done all the same.
    process.on('SIGHUP', () => {});
    const swept = await sweep(verdicts, options, ({ name }) => {
      if (context.terminal.interactive && !context.json) context.note(`${name} ...`);
    });
    // Who was asked has seen the others already.
    const shown = args.options.yes ? verdicts : wanted;
    return done(verdicts, shown, swept, context);
  },
};

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

/** What `--json` says of one workspace. */
function entryOf({ name, action, ground, reason }: Verdict, swept?: Swept) {
  return {
    name,
    action,
    ground,
    reason,
    ...(swept && { outcome: swept.outcome, snapshot: swept.snapshot, notes: swept.notes }),
    ...(swept?.outcome === 'removed' && { undo: `cw restore ${name}` }),
    ...(swept && swept.outcome !== 'removed' && { why: swept.reason }),
  };
}

function told(verdicts: readonly Verdict[], args: Args, context: Context): Outcome {
  const data = { workspaces: verdicts.map((verdict) => entryOf(verdict)), removed: 0 };
  if (verdicts.length === 0) return { data, text: 'No workspace is open.' };
  const wanted = verdicts.filter(({ action }) => action === 'remove');
  const names = wanted.map(({ name }) => name).join(' ');
  const older =
    typeof args.options['older-than'] === 'string' ? ` --older-than ${args.options['older-than']}` : '';
  const next =
    wanted.length === 0
      ? 'Nothing to close.'
      : `Nothing was changed. Close ${count(wanted.length)} with: cw cleanup${older} --yes\n(a snapshot is saved first; undo: cw restore ${names})`;
  return { data, text: `${picture(verdicts, context)}\n${next}` };
}

function done(
  verdicts: readonly Verdict[],
  shown: readonly Verdict[],
  swept: readonly Swept[],
  context: Context,
): Outcome {
  const byId = new Map(swept.map((one) => [one.workspace, one]));
  const removed = swept.filter(({ outcome }) => outcome === 'removed');
  const failed = swept.filter(({ outcome }) => outcome === 'failed');
  const data = {
    workspaces: verdicts.map((verdict) => entryOf(verdict, byId.get(verdict.workspace))),
    removed: removed.length,
  };
  const notes = swept.flatMap(({ name, notes: lines }) => lines.map((line) => `${name}: ${line}`));
  const undo = removed.map(({ name }) => name).join(' ');
  const last =
    removed.length === 0
      ? 'Nothing was closed.'
      : `Closed ${count(removed.length)}, each saved with its text. Undo: cw restore ${undo}`;
  return {
    data,
    text: [picture(shown, context, byId), ...notes, last].join('\n'),
    ...(failed.length > 0 && { exit: removed.length > 0 ? 6 : 1 }),
  };
}

const words = { removed: 'removed', kept: 'keep', failed: 'failed' } as const;

/** A line for each: those that go first. */
function picture(
  verdicts: readonly Verdict[],
  context: Context,
  swept: ReadonlyMap<string, Swept> = new Map(),
): string {
  const style = styler(context.terminal.color);
  const rows = verdicts.map((verdict) => {
    const became = swept.get(verdict.workspace);
    const word = became ? words[became.outcome] : verdict.action;
    const late = became?.outcome === 'kept' ? `${became.reason} (it was: ${verdict.reason})` : became?.reason;
    return { word, name: verdict.name, reason: late ?? verdict.reason };
  });
  const order = ['failed', 'remove', 'removed', 'keep'];
  rows.sort((a, b) => order.indexOf(a.word) - order.indexOf(b.word));
  return table(
    rows.map(({ word, name, reason }) => [{ text: word, style: colour(word, style) }, name, reason]),
    context.terminal.columns,
    [{ fixed: true }],
  );
}

function colour(word: string, style: Style): (text: string) => string {
  if (word === 'keep') return (text) => style('dim', text);
  return (text) => style(word === 'failed' ? 'red' : ['bold'], text);
}

function count(number: number): string {
  return `${number} ${number === 1 ? 'workspace' : 'workspaces'}`;
}
