import { readFileSync } from 'node:fs';
import type { Conversation } from '../../claude/catalog.js';
import { isHeld } from '../../claude/registry.js';
import {
  type AgentNow,
  type Answered,
  asks,
  beforeSending,
  pasteable,
  type SendTarget,
  type Sent,
  sendText,
  specialBeginning,
  waitForAnswer,
} from '../../claude/send.js';
import { claudeFolder, transcriptPath } from '../../claude/slug.js';
import { CwError, messageOf } from '../../errors.js';
import type { Args, Command, Context, Outcome } from '../command.js';
import {
  type Conversations,
  labelOf,
  named,
  placeOf,
  readAgents,
  readConversations,
} from '../conversations.js';
import { harmless } from '../output.js';

export const verb: Command = {
  name: 'send',
  summary: 'Send a prompt to a conversation, and see that it was submitted.',
  description:
    'NAME is a conversation by its name or id, a pane (%5), a workspace with one conversation, or WORKSPACE:PANE. The text is pasted and ' +
    'submitted, and it is done only when Claude Code itself tells of it. A draft in the composer, copy mode and open dialogs are never ' +
    'typed over: exit code 4 says what is in the way.',
  positionals: [
    { name: 'name', describe: 'Who gets it; with --all, a workspace (every one when only TEXT is given).' },
    { name: 'text', describe: 'What is sent; "-", or nothing, reads standard input.' },
  ],
  options: {
    wait: { type: 'boolean', short: 'w', describe: 'Wait until the turn is over, and print the answer.' },
    timeout: {
      type: 'string',
      value: 'SECONDS',
      describe: 'How long it may take: 15 until it is submitted, with --wait 600 in all.',
    },
    all: { type: 'boolean', short: 'a', describe: 'To every conversation that runs.' },
  },
  examples: [
    { line: 'cw send cart "run the tests"', does: 'Send a prompt to the conversation "cart".', exit: 3 },
    { line: 'git diff | cw send shop:%5 -', does: 'Send what a command prints, to one pane.', exit: 2 },
    { line: 'cw send cart "is it done?" --wait', does: 'Wait for the answer, and print it.', exit: 3 },
    { line: 'cw send --all "commit your work"', does: 'To all that run.', exit: 3 },
  ],
  async run(args, context) {
    const { name, text } = wordsOf(args);
    const plain = pasteable(textOf(text, context));
    const remark = specialBeginning(plain);
    if (remark !== null) context.note(remark);
    const world = await readConversations(context);
    if (args.options.all) return sendAll(name, plain, world, args, context);
    if (name === undefined) {
      throw new CwError('usage', 'Who shall get it?', { hint: 'cw send NAME TEXT, or cw send --all TEXT' });
    }
    const result = await sendOne(named(name, world), plain, world, args, context);
    return outcomeOf(result);
  },
};

/** With --all alone, the one word is the text. */
function wordsOf(args: Args): { name: string | undefined; text: string | undefined } {
  const { name, text } = args.positionals;
  return args.options.all && text === undefined ? { name: undefined, text: name } : { name, text };
}

function textOf(word: string | undefined, context: Context): string {
  if (word !== undefined && word !== '-') return word;
  if (word === undefined && context.terminal.interactive) {
    throw new CwError('usage', 'There is no text to send.', {
      hint: 'cw send NAME TEXT, or: ... | cw send NAME -',
    });
  }
  return readFileSync(0, 'utf8');
}

interface Result {
  readonly conversation: string;
  readonly label: string;
  readonly pane: string;
  readonly sent: Sent;
  readonly answer: Answered | null;
}

async function sendOne(
  one: Conversation,
  text: string,
  world: Conversations,
  args: Args,
  context: Context,
): Promise<Result> {
  const target = targetOf(one, world);
  const limit = secondsOf(args) * 1000;
  const look = looker(one.id, context);
  const agent = await look();
  const before = beforeSending(target, text, agent);
  const sent = await sendText(target, text, agent, {
    connection: context.tmux(),
    patience: Math.min(limit, 15_000),
    look,
  });
  const answer =
    args.options.wait && sent.isPrompt ? await waitForAnswer(target, before, sent, look, limit) : null;
  return { conversation: one.id, label: target.label, pane: target.pane, sent, answer };
}

function secondsOf(args: Args): number {
  const { timeout } = args.options;
  if (timeout === undefined) return 600;
  const seconds = Number(timeout);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new CwError('usage', `--timeout ${JSON.stringify(timeout)} is no number of seconds.`, {
    hint: 'Write it as --timeout 60',
  });
}

/** @throws CwError `refused` for one that does not run. */
function targetOf(one: Conversation, world: Conversations): SendTarget {
  const row = world.agents.get(one.id);
  const pane = row?.pane ?? (one.live ? one.known?.pane : null) ?? null;
  if (row?.state === 'waiting' && !one.live) {
    throw new CwError('refused', `Nothing was sent to ${labelOf(one)} (${pane}): ${asks(row.detail)}.`, {
      hint: 'Answer it first: claude-switch --next',
    });
  }
  if (row?.state === 'unknown' && !one.live) {
    throw new CwError('refused', `Nothing was sent to ${labelOf(one)} (${pane}): it has not begun yet.`, {
      hint: 'Try again in a moment, or look at its pane.',
    });
  }
  if (!one.live || pane === null) {
    throw new CwError('refused', `Nothing was sent: ${labelOf(one)} does not run.`, {
      hint: `Start it again: cw conversation resume ${labelOf(one)}`,
    });
  }
  const transcript =
    one.transcript ?? transcriptPath(claudeFolder(one.configDir, world.facts.env), one.cwd, one.id);
  return { conversation: one.id, pane, label: `${labelOf(one)} (${placeOf(one, world)})`, transcript };
}

/**
 * Takes the spool each time it is asked, and says what is known of one agent then, with what came since it was asked
 * first.
 */
function looker(id: string, context: Context): () => Promise<AgentNow | null> {
  let events: AgentNow['events'] | null = null;
  return async () => {
    const { agents, drained, facts } = await readAgents(context);
    const row = agents.get(id);
    const known = drained.registry.conversations.get(id);
    const record = drained.agents.get(id) ?? null;
    const came = drained.counted.filter(({ conversation }) => conversation === id);
    events =
      events === null ? [] : [...events, ...came.map(({ event: { event, input } }) => ({ event, input }))];
    if (row && known && isHeld(known, facts.processes)) return { verdict: row, record, events };
    // After /clear another conversation has the pane: what this one's last events say is still to be heard.
    return record?.verdict.state === 'exited' ? { verdict: record.verdict, record, events } : null;
  };
}

function outcomeOf({ conversation, label, pane, sent, answer }: Result): Outcome {
  const data = { conversation, pane, submitted: true, ...sent, answer };
  const said = `Sent to ${label}: submitted (${sent.evidence}).`;
  if (!answer) return { data, text: said };
  const text = answer.answer === null ? said : harmless(answer.answer);
  switch (answer.how) {
    case 'answered':
      return { data, text };
    case 'waiting':
      return { data, text: `${said}\nIt waits for ${answer.detail ?? 'you'}: claude-switch --next`, exit: 6 };
    case 'failed':
      return {
        data,
        text: `${said}\nThe turn ended with a failure: ${answer.detail ?? 'unknown'}.`,
        exit: 1,
      };
    case 'exited':
      return { data, text: `${said}\nClaude Code ended before the turn did.`, exit: 1 };
  }
}

async function sendAll(
  workspace: string | undefined,
  text: string,
  world: Conversations,
  args: Args,
  context: Context,
): Promise<Outcome> {
  const id = workspace === undefined ? null : [...world.names].find(([, name]) => name === workspace)?.[0];
  if (id === undefined) {
    throw new CwError('not-found', `No workspace ${JSON.stringify(workspace)}.`, {
      hint: 'All of them: cw list',
    });
  }
  const running = world.all.filter((one) => one.live && (id === null || one.known?.workspace === id));
  if (running.length === 0) {
    throw new CwError('not-found', 'No conversation runs, so nobody got it.', {
      hint: 'cw conversation list',
    });
  }
  const results = await Promise.all(
    running.map(async (one) => {
      try {
        return { one, result: await sendOne(one, text, world, args, context), error: null };
      } catch (error) {
        return { one, result: null, error };
      }
    }),
  );
  const lines = results.map(({ one, result, error }) =>
    result ? (outcomeOf(result).text ?? '') : `${labelOf(one)}: ${harmless(messageOf(error))}`,
  );
  const data = results.map(({ one, result, error }) =>
    result ? outcomeOf(result).data : { conversation: one.id, submitted: false, error: messageOf(error) },
  );
  const failed = results.filter(({ result }) => !result || outcomeOf(result).exit !== undefined).length;
  return {
    data,
    text: lines.join('\n'),
    ...(failed > 0 && { exit: failed === results.length ? 1 : 6 }),
  };
}
