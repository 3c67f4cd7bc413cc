import { statSync } from 'node:fs';
import { CwError } from '../errors.js';
import { randomHex } from '../system/random.js';
import type { Command, Connection } from '../tmux/connection.js';
import type { AgentRecord } from './agents.js';
import { type Composer, readComposer } from './composer.js';
import type { AgentVerdict } from './model.js';
import { isObject, lastAnswerOf, readLines, saidBy } from './transcripts.js';

/**
 * Sending text to a conversation, as its user would: pasted into the composer, then Enter. That it was typed proves
 * nothing, so it counts as sent only when Claude Code itself tells of it, by its hook or in its transcript.
 */

export interface SendTarget {
  readonly conversation: string;
  /** `%5` */
  readonly pane: string;
  /** For people. */
  readonly label: string;
  /** Where its transcript is, or will be. */
  readonly transcript: string;
}

/** What is known of an agent at one moment, after the spool was taken. */
export interface AgentNow {
  readonly verdict: AgentVerdict;
  /** By its events; null: none came. */
  readonly record: AgentRecord | null;
  /** Prompts and last answers that came by hooks just now, oldest first. */
  readonly events: readonly {
    readonly event: string;
    readonly input: Readonly<Record<string, unknown>> | null;
  }[];
}

export interface SendOptions {
  readonly connection: Connection;
  /** Takes the spool and says what is known of the agent; null: its pane or process is gone. */
  readonly look: () => Promise<AgentNow | null>;
  /** Milliseconds for the submission to be proven; 15,000 by default. */
  readonly patience?: number;
}

export interface Sent {
  /** What proved it. */
  readonly evidence: 'UserPromptSubmit hook' | 'transcript' | 'queued, by the transcript';
  /** Enter had to be pressed twice. */
  readonly retried: boolean;
}

const pause = 100;

/**
 * The text as it can be pasted.
 *
 * @throws CwError `usage` for an empty one, and for control characters: an escape sequence could end the paste and type on.
 */
export function pasteable(text: string): string {
  const plain = text.replace(/\r\n?/g, '\n').replace(/\n+$/, '');
  if (plain.trim() === '') {
    throw new CwError('usage', 'There is no text to send.', {
      hint: 'cw send NAME TEXT, or: ... | cw send NAME -',
    });
  }
  const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/.exec(plain);
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, '0');
    throw new CwError(
      'usage',
      `The text holds the control character \\x${code}, which would type by itself.`,
      {
        hint: 'Send it without control characters, or name a file in the text.',
      },
    );
  }
  return plain;
}

/** What Claude Code makes of how a text begins; null: a prompt. */
export function specialBeginning(text: string): string | null {
  if (text.startsWith('!'))
    return 'It begins with "!": Claude Code runs it as a shell command, not as a prompt.';
  if (text.startsWith('/'))
    return 'It begins with "/": Claude Code takes it for a command, not for a prompt.';
  return null;
}

/**
 * What speaks against typing into the pane now; null: nothing.
 */
export function obstacle(
  screen: { readonly inMode: boolean; readonly dead: boolean; readonly composer: Composer },
  verdict: AgentVerdict | null,
): { readonly what: string; readonly hint: string } | null {
  if (screen.dead || !verdict || verdict.state === 'exited')
    return { what: 'Claude Code is not running there', hint: 'Start it again: cw conversation resume NAME' };
  if (screen.inMode)
    return { what: 'the pane is in copy mode', hint: 'Leave it there with q; then try again.' };
  if (verdict.state === 'waiting') {
    const for_ = verdict.detail === 'answer' ? 'an answer' : 'a permission';
    return { what: `a dialog is open: it waits for ${for_}`, hint: 'Answer it first: claude-switch --next' };
  }
  if (screen.composer.kind === 'draft') {
    return {
      what: `a draft stands in the composer: ${JSON.stringify(screen.composer.text.slice(0, 60))}`,
      hint: 'Submit it or clear it there (Esc Esc); then try again.',
    };
  }
  if (screen.composer.kind === 'none') {
    return {
      what: 'no composer is on its screen',
      hint: 'Look at the pane: a dialog or a menu may be open there.',
    };
  }
  return null;
}

/**
 * Sends a text to a conversation in its pane.
 *
 * @throws CwError `refused`, with what is in the way, before anything is typed; `failed` when it was typed and nothing
 *   proves that it was submitted.
 */
export async function sendText(target: SendTarget, text: string, options: SendOptions): Promise<Sent> {
  const { connection, look } = options;
  const plain = pasteable(text);
  const before = await look();
  const screen = await readScreen(connection, target.pane);
  const way = obstacle(screen, before?.verdict ?? null);
  if (way)
    throw new CwError('refused', `Nothing was sent to ${target.label}: ${way.what}.`, { hint: way.hint });

  const proof = new Proof(target, plain, before);
  await paste(connection, target.pane, plain);
  await settled(connection, target.pane);
  await press(connection, target.pane);
  const end = performance.now() + (options.patience ?? 15_000);
  const again = performance.now() + Math.min(3000, (options.patience ?? 15_000) / 3);
  let retried = false;
  for (;;) {
    const now = await look();
    const evidence = (now && proof.byHook(now)) || (await proof.byTranscript());
    if (evidence) return { evidence, retried };
    if (!now || now.verdict.state === 'exited') throw unproven(target, 'Claude Code ended meanwhile');
    if (!retried && performance.now() > again && now.verdict.state !== 'waiting') {
      // Programs that take a paste slowly have swallowed the Enter: the text still stands there.
      const seen = await readScreen(connection, target.pane);
      if (seen.composer.kind === 'draft' && !seen.inMode) {
        await press(connection, target.pane);
        retried = true;
      }
    }
    if (performance.now() > end) {
      const seen = await readScreen(connection, target.pane);
      throw unproven(
        target,
        seen.composer.kind === 'draft'
          ? 'it still stands in the composer'
          : 'neither a hook nor the transcript tells of it',
      );
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

function unproven({ label, pane }: SendTarget, why: string): CwError {
  return new CwError('failed', `The text was typed for ${label}, but was not seen to be submitted: ${why}.`, {
    hint: `Look at pane ${pane} before you send it again.`,
  });
}

function seenKeys(now: AgentNow | null): ReadonlySet<string> {
  return new Set(now?.record?.seen.map(keyOf));
}

/** The same prompt twice is two events of one content. */
function keyOf({ key, time }: AgentRecord['seen'][number]): string {
  return `${key} ${time}`;
}

/** Tells whether a text has become a prompt, by what is new since it was made. */
class Proof {
  private readonly keys: ReadonlySet<string>;
  private from: number;

  constructor(
    private readonly target: SendTarget,
    private readonly text: string,
    before: AgentNow | null,
  ) {
    this.keys = seenKeys(before);
    this.from = statSync(target.transcript, { throwIfNoEntry: false })?.size ?? 0;
  }

  byHook(now: AgentNow): Sent['evidence'] | null {
    const told = now.events.some(
      ({ event, input }) => event === 'UserPromptSubmit' && this.isText(input?.prompt),
    );
    // Another process may have taken the spool: then what it counted is in the record.
    const counted = now.record?.seen.some(
      ({ event, key }) => event === 'UserPromptSubmit' && !this.keys.has(key),
    );
    return told || counted ? 'UserPromptSubmit hook' : null;
  }

  async byTranscript(): Promise<Sent['evidence'] | null> {
    for await (const { value, end, complete } of readLines(this.target.transcript, { from: this.from })) {
      if (complete) this.from = end;
      const said = value && saidBy(value);
      if (said?.kind === 'prompt' && this.isText(said.text)) return 'transcript';
      // While it works, Claude Code keeps a prompt for the end of the tool: then no hook tells of it.
      if (value?.type === 'queue-operation' && value.operation === 'enqueue' && this.isText(value.content))
        return 'queued, by the transcript';
      if (value?.type === 'attachment' && isObject(value.attachment) && this.isText(value.attachment.prompt))
        return 'transcript';
    }
    return null;
  }

  private isText(prompt: unknown): boolean {
    const plain = (text: string) => text.replace(/\s+/g, ' ').trim();
    return typeof prompt === 'string' && plain(prompt) === plain(this.text);
  }
}

interface Screen {
  readonly inMode: boolean;
  readonly dead: boolean;
  readonly composer: Composer;
}

async function readScreen(connection: Connection, pane: string): Promise<Screen> {
  const { stdout, errors } = await connection.batch(
    [
      ['display-message', '-p', '-t', pane, '#{pane_in_mode} #{pane_dead}'],
      ['capture-pane', '-p', '-e', '-t', pane],
    ],
    { stopOnError: true },
  );
  if (errors.length > 0) return { inMode: false, dead: true, composer: { kind: 'none' } };
  const text = stdout.toString('utf8');
  const newline = text.indexOf('\n');
  const [inMode, dead] = text.slice(0, newline).split(' ');
  return {
    inMode: inMode !== '0' && inMode !== '',
    dead: dead === '1',
    composer: readComposer(text.slice(newline + 1)),
  };
}

async function paste(connection: Connection, pane: string, text: string): Promise<void> {
  // A name of its own: what the user has copied stays his.
  const buffer = `cw-${randomHex(6)}`;
  await must(connection, [
    ['set-buffer', '-b', buffer, '--', text],
    ['paste-buffer', '-p', '-d', '-b', buffer, '-t', pane],
  ]);
}

/** Waits until the paste is on the screen: an Enter that comes with it would be a part of it. */
async function settled(connection: Connection, pane: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    if ((await readScreen(connection, pane)).composer.kind === 'draft') return;
    await new Promise((done) => setTimeout(done, 50));
  }
  // It may show a paste in a way that is not known here: what counts is the proof.
}

async function press(connection: Connection, pane: string): Promise<void> {
  await must(connection, [['send-keys', '-t', pane, 'Enter']]);
}

async function must(connection: Connection, commands: readonly Command[]): Promise<void> {
  const { errors } = await connection.batch(commands, { stopOnError: true });
  if (errors.length > 0) {
    throw new CwError('failed', `tmux did not take the text: ${errors.join('; ')}.`, {
      hint: 'The pane may be gone: cw conversation list',
    });
  }
}

export interface Answered {
  /** How the turn ended. */
  readonly how: 'answered' | 'waiting' | 'failed' | 'exited';
  readonly detail: string | null;
  readonly answer: string | null;
}

/**
 * Waits until the turn is over, or needs the user.
 *
 * @param since what was known before the text was sent.
 * @throws CwError `failed` when it takes longer than `limit` milliseconds.
 */
export async function waitForAnswer(
  target: SendTarget,
  since: AgentNow | null,
  look: SendOptions['look'],
  limit: number,
): Promise<Answered> {
  const keys = seenKeys(since);
  let answer: string | null = null;
  let over: 'answered' | 'failed' | null = null;
  const end = performance.now() + limit;
  for (;;) {
    const now = await look();
    if (!now || now.verdict.state === 'exited')
      return { how: 'exited', detail: null, answer: await lastAnswerOf(target.transcript) };
    for (const seen of now.record?.seen ?? []) {
      if (keys.has(keyOf(seen))) continue;
      const { event } = seen;
      if (event === 'UserPromptSubmit') over = null;
      if (event === 'Stop') over = 'answered';
      if (event === 'StopFailure') over = 'failed';
    }
    for (const { event, input } of now.events) {
      if (event === 'Stop' && typeof input?.last_assistant_message === 'string')
        answer = input.last_assistant_message;
    }
    if (now.verdict.state === 'waiting') return { how: 'waiting', detail: now.verdict.detail, answer };
    if (over !== null && now.verdict.state === 'idle')
      return {
        how: over,
        detail: now.verdict.detail,
        answer: answer ?? (await lastAnswerOf(target.transcript)),
      };
    if (performance.now() > end) {
      throw new CwError('failed', `${target.label} is not done after ${Math.round(limit / 1000)} s.`, {
        hint: `The text was sent; it goes on in pane ${target.pane}.`,
      });
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}
