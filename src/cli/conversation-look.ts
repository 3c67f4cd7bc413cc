import { type Branch, type Conversation, forkTree, pruned, rootOf } from '../claude/catalog.js';
import { modelOf } from '../claude/context.js';
import { expiringKnown } from '../claude/expiry.js';
import { matcherOf, type SearchHit, searchTranscript } from '../claude/search.js';
import { digestTranscript } from '../claude/transcripts.js';
import { contextShare, type Usage, usageOf } from '../claude/usage.js';
import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { shellWord, tildePath } from '../system/paths.js';
import type { Args, Command, Context, Outcome } from './command.js';
import { chosenIn, prunable } from './conversation-forks.js';
import { headlessLimit } from './conversation-launch.js';
import {
  type Conversations,
  facts,
  filesOf,
  goneHint,
  labelById,
  labelOf,
  money,
  nameArgument,
  named,
  placeOf,
  readConversations,
  stateOf,
} from './conversations.js';
import { age, harmless, indent, table, visible } from './output.js';

/** The commands that show conversations and change nothing. */

export const list: Command = {
  name: 'conversation list',
  summary: 'The conversations, with their forks, state and cost.',
  description:
    'The last used first; forks stand below what they come from. COST is by list prices; a subscription pays nothing more. Very long ' +
    'transcripts are only read for it with --cost.',
  options: {
    all: { type: 'boolean', short: 'a', describe: 'Pruned forks, and those that were never prompted, too.' },
    cost: { type: 'boolean', describe: 'Read every transcript, however long, for its cost.' },
  },
  examples: [
    { line: 'cw conversation list', does: 'All that can be gone on with.' },
    { line: 'cw conversation list --json', does: 'For programs.' },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const shown = world.all.filter((one) => args.options.all || isWorthShowing(one));
    return listing(forkTree(shown), world, context, args.options.cost === true);
  },
};

function isWorthShowing(one: Conversation): boolean {
  if (one.known?.ended?.reason === pruned) return false;
  return one.live || one.prompted || one.vault !== null || one.known?.current === true || one.name !== null;
}

/** Bytes of transcripts that a list reads for costs without being asked to. */
const costBytes = 200 * 1024 * 1024;

async function listing(
  branches: readonly Branch[],
  world: Conversations,
  context: Context,
  readAll: boolean,
): Promise<Outcome> {
  // Parents first, so that what a fork copied from them counts once.
  const counted = new Set<string>();
  const usages = new Map<string, Usage>();
  let room = readAll ? Number.POSITIVE_INFINITY : costBytes;
  for (const { conversation } of branches) {
    if (conversation.transcript === null || conversation.bytes > room) continue;
    room -= conversation.bytes;
    usages.set(conversation.id, await usageOf(filesOf(conversation), { counted }));
  }
  const data = branches.map(({ conversation, depth }) => ({
    ...facts(conversation, world),
    depth,
    usage: usages.get(conversation.id) ?? null,
  }));
  if (branches.length === 0) {
    return { data, text: 'No conversations yet. Start one: cw conversation start NAME "PROMPT"' };
  }
  const rows = branches.map(({ conversation, depth }) => [
    `${depth > 0 ? `${'  '.repeat(depth - 1)}└ ` : ''}${conversation.name ?? '-'}`,
    conversation.id.slice(0, 8),
    placeOf(conversation, world),
    stateOf(conversation, world),
    conversation.prompted ? 'yes' : 'no',
    money(usages.get(conversation.id)),
    age(conversation.usedAt),
  ]);
  const head = ['NAME', 'ID', 'WHERE', 'STATE', 'PROMPTED', 'COST', 'USED'];
  const columns = [{}, { fixed: true }, {}, {}, {}, { align: 'right' as const }, {}];
  const lines = [
    table([head, ...rows], context.terminal.columns, columns),
    ...warnings(branches, world, context),
  ];
  return { data, text: lines.join('\n') };
}

/** Files that are about to be deleted by Claude Code, and forks that nobody needs. */
function warnings(branches: readonly Branch[], world: Conversations, context: Context): string[] {
  const days = context.settings().health.expiringDays;
  const soon = expiringKnown(
    branches.map(({ conversation: { id, configDir } }) => ({ conversation: id, configDir })),
    world.vault,
    days,
    context.env,
  );
  const lost = soon.filter(({ copied }) => !copied);
  const names = (list: readonly { readonly conversation: string }[]) =>
    list.map(({ conversation }) => labelById(conversation, world)).join(', ');
  const unused = prunable(
    branches.map(({ conversation }) => conversation),
    chosenIn(world.folder),
  );
  return [
    ...(soon.length === 0
      ? []
      : [
          `Claude Code deletes ${soon.length} of these within ${days} days (${names(soon)}); ` +
            (lost.length === 0
              ? 'cw has copies: cw conversation restore NAME'
              : `there is no copy of ${names(lost)}: the daemon makes one within an hour`),
        ]),
    ...(unused.length < 5 ? [] : [`${unused.length} forks are not used: cw conversation prune`]),
  ];
}

export const tree: Command = {
  name: 'conversation tree',
  summary: 'A conversation with all forks of the same beginning.',
  positionals: [nameArgument],
  examples: [
    { line: 'cw conversation tree cart', does: 'What "cart" was forked from, and its forks.', exit: 3 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const root = rootOf(named(args.positionals.name ?? '', world), world.all);
    const family = world.all.filter((one) => rootOf(one, world.all).id === root.id);
    return listing(forkTree(family), world, context, true);
  },
};

export const show: Command = {
  name: 'conversation show',
  summary: 'What is known of a conversation: its state, cost, files and last answer.',
  positionals: [nameArgument],
  examples: [{ line: 'cw conversation show cart', does: 'All of "cart".', exit: 3 }],
  async run(args, context) {
    const world = await readConversations(context);
    const one = named(args.positionals.name ?? '', world);
    const source = one.transcript ?? one.vault?.path ?? null;
    const digest = source === null ? null : await digestTranscript(source);
    const usage = source === null ? null : await usageOf(one.transcript === null ? [source] : filesOf(one));
    const share =
      source === null
        ? null
        : await contextShare(source, modelOf(one.known?.flags ?? []), context.settings().context.windows);
    const data = { ...facts(one, world), digest, usage, context: share };
    const rows: [string, string | null][] = [
      ['Name', one.name],
      ['Title', digest?.title ?? null],
      ['Id', one.id],
      ['Where', placeOf(one, world)],
      ['Folder', tildePath(one.cwd, context.env)],
      ['State', stateOf(one, world)],
      ['Evidence', world.agents.get(one.id)?.evidence ?? null],
      ['Fork of', one.forkOf === null ? null : labelById(one.forkOf, world)],
      [
        'Started with',
        one.known && one.known.flags.length > 0 ? one.known.flags.map(shellWord).join(' ') : null,
      ],
      ['First used', digest?.firstAt ? `${age(digest.firstAt)} ago` : null],
      ['Last used', `${age(one.usedAt)} ago`],
      [
        'Said',
        digest && `${digest.prompts} prompts, ${digest.answers} answers, ${digest.compactions} compactions`,
      ],
      ['Cost', usage && costText(usage)],
      [
        'Context',
        share &&
          `${Math.round(share.share * 100)}% of ${share.window / 1000}k tokens${share.known ? '' : ' (the model is not known here)'}`,
      ],
      ['Transcript', one.transcript && tildePath(one.transcript, context.env)],
      ['Copy', one.vault && tildePath(one.vault.path, context.env)],
      ['Unreadable', digest && digest.unreadable > 0 ? `${digest.unreadable} lines` : null],
    ];
    const lines = rows.flatMap(([name, value]) => (value ? [`${name.padEnd(13)}${visible(value)}`] : []));
    if (one.transcript === null && one.known?.prompted)
      lines.push(goneHint(one).message, indent(goneHint(one).hint));
    if (digest && digest.files.length > 0) {
      lines.push(
        'Files it wrote:',
        ...digest.files.slice(0, 30).map((file) => `  ${visible(tildePath(file, context.env))}`),
      );
    }
    if (digest?.lastPrompt) lines.push('Last prompt:', indent(harmless(clipped(digest.lastPrompt, 10))));
    if (digest?.lastAnswer) lines.push('Last answer:', indent(harmless(clipped(digest.lastAnswer, 40))));
    return { data, text: lines.join('\n') };
  },
};

function clipped(text: string, most: number): string {
  const lines = text.trim().split('\n');
  return lines.length <= most
    ? lines.join('\n')
    : [...lines.slice(0, most), `… ${lines.length - most} more lines`].join('\n');
}

function costText(usage: Usage): string {
  const { input, output, cacheRead, cacheWrite1h, cacheWrite5m } = usage.tokens;
  const dollars =
    usage.dollars === null
      ? `no known price for ${usage.unpriced.join(', ')}`
      : `$${usage.dollars.toFixed(2)}`;
  const thousands = (tokens: number) => `${Math.round(tokens / 1000)}k`;
  return `${dollars}; ${thousands(input + cacheRead + cacheWrite1h + cacheWrite5m)} in (${thousands(cacheRead)} from the cache), ${thousands(output)} out; ${usage.turns} turns, ${Math.round(usage.workedMs / 1000)} s`;
}

export const search: Command = {
  name: 'conversation search',
  summary: 'Find what was said in conversations.',
  description:
    'Prompts and answers are searched, also in copies of what Claude Code has deleted. Capitals count where TEXT has some.',
  positionals: [{ name: 'text', describe: 'What is looked for.', required: true }],
  options: {
    regex: { type: 'boolean', short: 'e', describe: 'TEXT is a regular expression.' },
    context: { type: 'string', short: 'C', value: 'LINES', describe: 'Lines around each hit.' },
    in: { type: 'string', value: 'NAME', describe: 'In this conversation only.' },
    limit: { type: 'string', value: 'N', describe: 'Hits in each conversation, at most; 20 by default.' },
  },
  examples: [
    { line: 'cw conversation search "rate limit"', does: 'In all of them.' },
    { line: "cw conversation search -e 'TODO|FIXME' -C 1", does: 'A pattern, with a line around each hit.' },
  ],
  async run(args, context) {
    const text = args.positionals.text ?? '';
    const query = {
      text,
      regex: args.options.regex === true,
      context: numberOf(args, 'context', 0),
      limit: numberOf(args, 'limit', 20),
    };
    const matches = matcherOf(query);
    const world = await readConversations(context);
    const where = args.options.in === undefined ? world.all : [named(String(args.options.in), world)];
    const hits: SearchHit[] = [];
    const lines: string[] = [];
    for (const one of where) {
      const path = one.transcript ?? one.vault?.path;
      if (path === undefined) continue;
      const before = hits.length;
      for await (const hit of searchTranscript(one.id, path, query, matches)) {
        if (hits.length === before) lines.push(`${labelOf(one)} (${one.id.slice(0, 8)})`);
        hits.push(hit);
        const speaker = hit.said === 'prompt' ? 'you' : 'claude';
        const when = hit.at === null ? '' : `, ${age(hit.at)} ago`;
        lines.push(`  ${speaker}${when}:`);
        lines.push(
          ...[
            ...hit.before.map((line) => `    ${visible(line)}`),
            `  > ${visible(hit.line)}`,
            ...hit.after.map((line) => `    ${visible(line)}`),
          ],
        );
      }
    }
    if (hits.length === 0) return { data: hits, text: `Nothing was found for ${JSON.stringify(text)}.` };
    return { data: hits, text: lines.join('\n') };
  },
};

function numberOf(args: Args, name: string, preset: number): number {
  const value = args.options[name];
  if (value === undefined) return preset;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= 10_000) return number;
  throw new CwError('usage', `--${name} ${JSON.stringify(value)} is no number of them.`, {
    hint: `Write it as --${name} 3`,
  });
}

export const compare: Command = {
  name: 'conversation compare',
  summary: 'Two conversations side by side: what they cost, what they changed, what they say.',
  positionals: [
    { ...nameArgument, name: 'a', describe: 'One conversation.' },
    { name: 'b', describe: 'The other one.', required: true },
  ],
  options: {
    measure: {
      type: 'string',
      value: 'COMMAND',
      describe: 'Run this in the folder of each, and compare how it ends.',
    },
  },
  examples: [
    { line: "cw conversation compare cart cart-2 --measure 'npm test'", does: 'Which one passes?', exit: 3 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const pair = [named(args.positionals.a ?? '', world), named(args.positionals.b ?? '', world)];
    const command = args.options.measure;
    const sides: Side[] = [];
    for (const one of pair)
      sides.push(await sideOf(one, typeof command === 'string' ? command : null, world, context));
    const row = (name: string, value: (side: Side) => string) => [name, ...sides.map(value)];
    const rows = [
      ['', ...pair.map(labelOf)],
      row('state', (side) => side.state),
      row('folder', (side) => tildePath(side.cwd, context.env)),
      row('cost', (side) => money(side.usage ?? undefined)),
      row('turns', (side) => String(side.usage?.turns ?? 0)),
      row('worked', (side) => `${Math.round((side.usage?.workedMs ?? 0) / 1000)} s`),
      row('answers', (side) => String(side.answers)),
      row('files', (side) => String(side.files.length)),
      row('git', (side) => side.diff ?? '-'),
      ...(typeof command === 'string'
        ? [
            row('measure', ({ measured }) =>
              measured
                ? `exit ${measured.exit ?? 'none'} in ${measured.seconds.toFixed(1)} s`
                : 'its folder is gone',
            ),
            row('', ({ measured }) => measured?.lastLine ?? ''),
          ]
        : []),
    ];
    const answers = sides.map(
      (side, at) =>
        `${labelOf(pair[at]!)} says last:\n${indent(harmless(clipped(side.lastAnswer ?? '-', 12)))}`,
    );
    return {
      data: { a: sides[0], b: sides[1] },
      text: [table(rows, context.terminal.columns), ...answers].join('\n'),
    };
  },
};

interface Side {
  readonly conversation: string;
  readonly state: string;
  readonly cwd: string;
  readonly usage: Usage | null;
  readonly answers: number;
  readonly files: readonly string[];
  readonly lastAnswer: string | null;
  /** Uncommitted work in its folder, in git's words. */
  readonly diff: string | null;
  readonly measured: {
    readonly exit: number | null;
    readonly seconds: number;
    readonly lastLine: string;
  } | null;
}

async function sideOf(
  one: Conversation,
  command: string | null,
  world: Conversations,
  context: Context,
): Promise<Side> {
  const source = one.transcript ?? one.vault?.path ?? null;
  const digest = source === null ? null : await digestTranscript(source);
  return {
    conversation: one.id,
    state: stateOf(one, world),
    cwd: one.cwd,
    usage: source === null ? null : await usageOf(one.transcript === null ? [source] : filesOf(one)),
    answers: digest?.answers ?? 0,
    files: digest?.files ?? [],
    lastAnswer: digest?.lastAnswer ?? null,
    diff: await shortStat(one.cwd, context),
    measured: command === null || !isFolder(one.cwd) ? null : await measure(command, one.cwd, context),
  };
}

async function shortStat(cwd: string, context: Context): Promise<string | null> {
  if (!isFolder(cwd)) return null;
  const { git } = await import('../git/git.js');
  const ran = await git(cwd, ['diff', '--shortstat', 'HEAD', '--'], { env: context.env });
  return ran.exitCode === 0 ? ran.stdout.trim() || 'clean' : null;
}

/** The user's own command line, by his shell. */
async function measure(command: string, cwd: string, context: Context): Promise<Side['measured']> {
  const { run } = await import('../system/run.js');
  const started = performance.now();
  const ran = await run('/bin/sh', ['-c', command], {
    cwd,
    env: context.env,
    timeout: headlessLimit * 60_000,
  });
  const lastLine = `${ran.stdout}\n${ran.stderr}`.trim().split('\n').at(-1) ?? '';
  return { exit: ran.exitCode, seconds: (performance.now() - started) / 1000, lastLine };
}
