import { ConversationRegistry } from '../../claude/registry.js';
import { CwError } from '../../errors.js';
import { type Days, setRestores, setTalk } from '../../metrics/accumulate.js';
import { type Day, dayOf, lastDays } from '../../metrics/model.js';
import { report } from '../../metrics/report.js';
import { MetricsStore } from '../../metrics/store.js';
import { talkFrom, talkSince } from '../../metrics/talk.js';
import { durationForm, parseDuration } from '../../system/duration.js';
import { Registry } from '../../workspace/registry.js';
import type { Command, Context } from '../command.js';
import { metricsPicture } from '../metrics-picture.js';
import { styler } from '../output.js';

export const verb: Command = {
  name: 'metrics',
  summary: 'What workspaces and their agents did, day by day.',
  description:
    'Time attached, time in which agents worked and waited for you (of all agents together), conversations, turns, tokens and what they cost ' +
    'by list prices (+: a model without a known price was used too), saves, restores, and for how long not all was well. The daemon ' +
    'adds it up while it runs, and keeps a year of it; turns and tokens are read from the transcripts, also of days before.',
  positionals: [{ name: 'name', completes: 'workspace', describe: 'One workspace; all when none is given.' }],
  options: {
    since: { type: 'string', value: 'DURATION', describe: 'How far back: 1d, 12w; 14d when not given.' },
  },
  examples: [
    { line: 'cw metrics', does: 'The last 14 days.' },
    { line: 'cw metrics shop --since 12w', does: 'One workspace, over twelve weeks.', exit: 3 },
    { line: 'cw metrics --json', does: 'For programs: each day of each workspace, times in milliseconds.' },
  ],
  async run(args, context) {
    const now = Date.now();
    const days = lastDays(daysOf(args.options.since), now);
    const all = report(days, await keptOf(days, context, now));
    const { name } = args.positionals;
    const chosen = name === undefined ? all : all.filter((one) => one.name === name || one.id === name);
    if (name !== undefined && chosen.length === 0) {
      throw new CwError('not-found', `Nothing is known of ${JSON.stringify(name)} in ${days.length} days.`, {
        hint: 'All that is known: cw metrics',
      });
    }
    const data = { since: days[0], until: days.at(-1), workspaces: chosen };
    if (chosen.length === 0)
      return { data, text: 'Nothing was added up yet. The daemon does it while it runs: cw daemon start' };
    const { columns, color } = context.terminal;
    return { data, text: metricsPicture(chosen, { columns: Math.min(columns, 120), style: styler(color) }) };
  },
};

const dayLength = 24 * 3600_000;

function daysOf(since: unknown): number {
  if (typeof since !== 'string') return 14;
  const milliseconds = parseDuration(since);
  if (milliseconds === null || milliseconds <= 0)
    throw new CwError('usage', `--since ${JSON.stringify(since)} is no time back.`, {
      hint: `Write ${durationForm}.`,
    });
  return Math.min(366, Math.max(1, Math.ceil(milliseconds / dayLength)));
}

/** What is kept, and what was said and restored since the daemon wrote last. */
async function keptOf(
  days: readonly string[],
  context: Context,
  now: number,
): Promise<ReadonlyMap<string, Day>> {
  const { env } = context;
  const registry = new Registry(context.tmux().address, env);
  const store = new MetricsStore(registry.folder);
  const nameOf = (id: string) => registry.read(id)?.name ?? id;
  let kept: Days = Object.fromEntries(days.map((day) => [day, store.read(day)]));
  const { conversations } = new ConversationRegistry(registry.folder).state();
  for (const one of await talkSince(conversations.values(), talkFrom(store, now), env)) {
    if (!(one.day in kept)) continue;
    const of = { id: one.workspace, name: nameOf(one.workspace) };
    kept = setTalk(kept, one.day, of, { [one.conversation]: one.talk });
  }
  const today = dayOf(now);
  for (const [id, { name, count }] of store.restores(today))
    kept = setRestores(kept, today, { id, name }, count);
  return new Map(Object.entries(kept));
}
