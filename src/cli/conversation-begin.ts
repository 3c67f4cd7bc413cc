import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Conversation } from '../claude/catalog.js';
import { forkTranscript } from '../claude/fork.js';
import { pasteable } from '../claude/send.js';
import { claudeFolder, transcriptPath } from '../claude/slug.js';
import { digestTranscript } from '../claude/transcripts.js';
import { messageOf } from '../errors.js';
import { tildePath } from '../system/paths.js';
import type { Command, Context } from './command.js';
import {
  again,
  type Beginning,
  headless,
  inPane,
  newName,
  type Placed,
  promptOf,
  requirePrompted,
  runHeadless,
  startOptions,
  workspaceFor,
} from './conversation-launch.js';
import {
  type Conversations,
  labelOf,
  nameArgument,
  named,
  promptArgument,
  readConversations,
  refuseLive,
} from './conversations.js';
import { visible } from './output.js';

/** The commands that start conversations. */

export const start: Command = {
  name: 'conversation start',
  summary: 'Start a new conversation in a pane of its own, or headless.',
  description:
    'What follows -- goes to claude as it is (-- --model opus --permission-mode plan), and is used again at each resume.',
  positionals: [{ ...nameArgument, describe: 'What it is called.' }, promptArgument],
  options: startOptions,
  keepsAfterDashes: true,
  examples: [
    {
      line: 'cw conversation start cart "add a cart"',
      does: 'In a new pane of the workspace of this folder.',
      exit: 1,
    },
    { line: 'cw conversation start q "what is this?" -p', does: 'Headless: the answer is printed.', exit: 1 },
    { line: 'cw conversation start plan -- --permission-mode plan', does: 'With flags for claude.', exit: 1 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const name = newName(args.positionals.name ?? '', world);
    const prompt = promptOf(args.positionals.prompt, context);
    const id = randomUUID();
    const begin: Beginning = {
      conversation: id,
      name,
      prompt,
      mode: 'new',
      flags: args.afterDashes,
      forkOf: null,
      configDir: context.env.CLAUDE_CONFIG_DIR || null,
      evidence: 'cw conversation start',
    };
    if (args.options.print) return headless({ ...begin, cwd: context.cwd }, world, context);
    const place = workspaceFor(args, context.cwd, null, world);
    // A workspace that was named gets it in its own folder.
    const cwd = args.options.workspace === undefined ? context.cwd : (place.path ?? context.cwd);
    return inPane({ ...begin, cwd }, place, world, context);
  },
};

export const resume: Command = {
  name: 'conversation resume',
  summary: 'Go on with a conversation that has ended, in a new pane, with its own flags.',
  description:
    'It starts in its own folder, with the model, tools and permissions that it had. One that runs is not started a second time.',
  positionals: [nameArgument, promptArgument],
  options: startOptions,
  examples: [
    { line: 'cw conversation resume cart', does: 'Go on with "cart".', exit: 3 },
    { line: 'cw conversation resume cart "and now the tests"', does: 'With a prompt.', exit: 3 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const one = named(args.positionals.name ?? '', world);
    refuseLive(one, world);
    const prompt = promptOf(args.positionals.prompt, context);
    const begin = { ...again(one, world), prompt, evidence: 'cw conversation resume' };
    if (one.known?.prompted && begin.mode !== 'resume')
      context.note(`${labelOf(one)} begins anew under its id: it has no transcript, and no copy was kept.`);
    if (args.options.print) return headless(begin, world, context);
    return inPane(begin, workspaceFor(args, one.cwd, one.known?.workspace ?? null, world), world, context);
  },
};

export const fork: Command = {
  name: 'conversation fork',
  summary: 'Go on from here in a second conversation; the first one stays as it is.',
  description: 'With --worktree it gets a branch and a folder of its own, with the uncommitted work in it.',
  positionals: [
    nameArgument,
    { name: 'new', describe: 'What the fork is called.', required: true },
    promptArgument,
  ],
  options: {
    ...startOptions,
    worktree: { type: 'boolean', describe: 'In a new worktree, on a branch of the fork’s name.' },
  },
  examples: [
    { line: 'cw conversation fork cart cart-2 "try it with a map"', does: 'Try something else.', exit: 3 },
    { line: 'cw conversation fork cart cart-b --worktree', does: 'In a worktree of its own.', exit: 3 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const name = newName(args.positionals.new ?? '', world);
    const one = await requirePrompted(named(args.positionals.name ?? '', world), 'fork', world);
    const prompt = promptOf(args.positionals.prompt, context);
    const id = randomUUID();
    const begin: Placed = {
      conversation: id,
      name,
      prompt,
      mode: 'fork',
      flags: one.known?.flags ?? [],
      forkOf: one.id,
      configDir: one.configDir,
      cwd: one.cwd,
      evidence: `cw conversation fork of ${one.id}`,
    };
    // Before anything is made: a place for its pane.
    const place = args.options.print
      ? null
      : workspaceFor(args, one.cwd, one.known?.workspace ?? null, world);
    const placed = args.options.worktree ? await inWorktree(begin, one, context) : begin;
    return place ? inPane(placed, place, world, context) : headless(placed, world, context);
  },
};

/** A worktree for a fork, with the uncommitted work, and the fork's transcript, which is found from there. */
async function inWorktree(begin: Placed, parent: Conversation, context: Context): Promise<Placed> {
  const { addWorktree } = await import('../git/add-worktree.js');
  const { carryOver } = await import('../git/carry.js');
  const branch = (begin.name ?? begin.conversation).replace(/[^A-Za-z0-9_./-]+/g, '-');
  const { env } = context;
  const added = await addWorktree(parent.cwd, { branch, env });
  const carried = await carryOver(parent.cwd, added.path, { env });
  context.note(
    `${branch} is in ${tildePath(added.path, env)}, with ${carried.changed} changed and ${carried.untracked} untracked files.`,
  );
  await forkTranscript({
    from: parent.transcript ?? '',
    to: transcriptPath(claudeFolder(begin.configDir, env), added.path, begin.conversation),
    conversation: begin.conversation,
    cwd: added.path,
  });
  return { ...begin, mode: 'resume', cwd: added.path };
}

export const fresh: Command = {
  name: 'conversation fresh',
  summary: 'Go on in a new conversation, from a summary of the old one.',
  description:
    'Claude itself writes the summary, in a fork that leaves the old conversation as it is. Where it cannot, or with --local, the last prompts and answers are the summary.',
  positionals: [
    nameArgument,
    { name: 'new', describe: 'What the new one is called; NAME-2 when not given.' },
  ],
  options: { ...startOptions, local: { type: 'boolean', describe: 'Do not ask Claude for the summary.' } },
  examples: [
    { line: 'cw conversation fresh cart', does: 'With an empty context, where "cart" was.', exit: 3 },
  ],
  async run(args, context) {
    const world = await readConversations(context);
    const one = await requirePrompted(named(args.positionals.name ?? '', world), 'summarise', world);
    const name = newName(args.positionals.new ?? nextName(labelOf(one), world), world);
    const place = args.options.print
      ? null
      : workspaceFor(args, one.cwd, one.known?.workspace ?? null, world);
    const summary = args.options.local ? await localSummary(one) : await summaryOf(one, world, context);
    const begin: Placed = {
      conversation: randomUUID(),
      name,
      prompt: pasteable(`This goes on from an earlier conversation. Its summary:\n\n${printable(summary)}`),
      mode: 'new',
      flags: one.known?.flags ?? [],
      forkOf: null,
      configDir: one.configDir,
      cwd: one.cwd,
      evidence: `cw conversation fresh of ${one.id}`,
    };
    return place ? inPane(begin, place, world, context) : headless(begin, world, context);
  },
};

function nextName(name: string, { all }: Conversations): string {
  const base = name.replace(/-\d+$/, '');
  const taken = new Set(all.map((one) => one.name));
  for (let number = 2; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}

const askForSummary =
  'Summarise our conversation for a colleague who goes on with it without having read it: the goal, what was decided and why, what is done, what is left, and the files that matter. Use no tools. Answer with the summary alone.';

/** Bytes that a command line of a pane takes easily. */
const longestSummary = 8000;

async function summaryOf(one: Conversation, world: Conversations, context: Context): Promise<string> {
  const id = randomUUID();
  const begin: Placed = {
    ...again(one, world),
    conversation: id,
    mode: 'fork',
    forkOf: one.id,
    prompt: askForSummary,
  };
  try {
    const answer = await runHeadless(begin, context);
    if (!answer.isError && answer.result.trim() !== '') return answer.result;
    context.note(
      `Claude wrote no summary (${visible(answer.result.slice(0, 100))}): the last prompts and answers are it.`,
    );
  } catch (error) {
    context.note(`Claude wrote no summary: ${messageOf(error)}`);
  } finally {
    // Nobody goes on with the fork that was asked.
    rmSync(transcriptPath(claudeFolder(one.configDir, context.env), one.cwd, id), { force: true });
  }
  return localSummary(one);
}

async function localSummary(one: Conversation): Promise<string> {
  const digest = await digestTranscript(one.transcript ?? '');
  return [
    `It was called: ${digest.title ?? labelOf(one)}`,
    `It began with: ${digest.firstPrompt ?? '-'}`,
    `The last prompt: ${digest.lastPrompt ?? '-'}`,
    `The last answer: ${(digest.lastAnswer ?? '-').slice(0, 3000)}`,
    `Files that were written: ${digest.files.slice(0, 50).join(', ') || 'none'}`,
    `The whole transcript: ${one.transcript}`,
  ].join('\n');
}

function printable(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, ' ')
    .slice(0, longestSummary);
}
