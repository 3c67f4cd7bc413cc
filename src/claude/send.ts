import { statSync } from 'node:fs';
import { CwError } from '../errors.js';
import { randomHex } from '../system/random.js';
import type { Command, Connection } from '../tmux/connection.js';
import { type AgentRecord, promptMark } from './agents.js';
import { type Composer, readComposer } from './composer.js';
import type { AgentVerdict } from './model.js';
import { waitsFor } from './overview.js';
import { answerTo, queuedPrompt, readLines, saidBy, typedCommand } from './transcripts.js';

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
  /** What came by hooks since the text was sent, oldest first; what another process took first is not in it. */
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
  /** What proved it: `UserPromptSubmit hook`, `SessionEnd hook (clear)`, `transcript`, `queued, by the transcript`. */
  readonly evidence: string;
  /** False for what Claude Code does itself (`/clear`, `!ls`): no turn follows, or none that can be told. */
  readonly isPrompt: boolean;
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

const noComposer = 'no composer is on its screen';

/** What an agent that waits wants of the user. */
export function asks(detail: string | null): string {
  return `a dialog is open: it waits for ${waitsFor(detail)}`;
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
  if (verdict.state === 'waiting')
    return { what: asks(verdict.detail), hint: 'Answer it first: claude-switch --next' };
  if (screen.composer.kind === 'draft') {
    return {
      what: `a draft stands in the composer: ${JSON.stringify(screen.composer.text.slice(0, 60))}`,
      hint: 'Submit it or clear it there (Esc Esc); then try again.',
    };
  }
  if (screen.composer.kind === 'none') {
    return {
      what: noComposer,
      hint: 'Look at the pane: a dialog or a menu may be open there.',
    };
  }
  return null;
}

/**
 * Sends a text to a conversation in its pane.
 *
 * @param before what is known of its agent now.
 * @throws CwError `refused`, with what is in the way, before anything is typed; `failed` when it was typed and nothing
 *   proves that it was submitted.
 */
export async function sendText(
  target: SendTarget,
  text: string,
  before: AgentNow | null,
  options: SendOptions,
): Promise<Sent> {
  const { connection, look } = options;
  const plain = pasteable(text);
  const way = await inTheWay(target, before, options);
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
    const proved = (now && proof.byHook(now)) || (await proof.byTranscript());
    if (proved) return { ...proved, retried };
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

const submitted = 'UserPromptSubmit hook';
const queued = 'queued, by the transcript';

/** Milliseconds in which a Claude Code that has just begun, or closes a menu, has its composer on the screen. */
const drawing = 3000;

/** What speaks against typing, when it still does after the screen had its time. */
async function inTheWay(
  { pane }: SendTarget,
  before: AgentNow | null,
  { connection }: SendOptions,
): Promise<ReturnType<typeof obstacle>> {
  const end = performance.now() + drawing;
  for (;;) {
    const screen = await readScreen(connection, pane);
    const way = obstacle(screen, before?.verdict ?? null);
    const mayComeYet = way?.what === noComposer && performance.now() < end;
    if (!mayComeYet) return way;
    await new Promise((done) => setTimeout(done, pause));
  }
}

type Proved = Pick<Sent, 'evidence' | 'isPrompt'>;

/** What a command of Claude Code's own fires in place of UserPromptSubmit. */
const commandEvents: Readonly<Record<string, 'SessionEnd' | 'PreCompact'>> = {
  '/clear': 'SessionEnd',
  '/reset': 'SessionEnd',
  '/new': 'SessionEnd',
  '/exit': 'SessionEnd',
  '/quit': 'SessionEnd',
  '/compact': 'PreCompact',
};

/** Tells whether a text was submitted, by what is new since it was made. */
class Proof {
  private readonly keys: ReadonlySet<string>;
  private readonly words: string;
  /** The event that the text fires as a command. */
  private readonly command: string | undefined;
  private from: number;

  constructor(
    private readonly target: SendTarget,
    text: string,
    before: AgentNow | null,
  ) {
    this.words = promptMark(shellForm(text));
    this.command = commandEvents[text.split(/\s/, 1)[0] ?? ''];
    this.keys = seenKeys(before);
    this.from = sizeOf(target.transcript);
  }

  byHook({ events, record }: AgentNow): Proved | null {
    // Another process may have taken the spool: then what it counted is in the record.
    const counted = (wanted: string) =>
      record?.seen.some((one) => one.event === wanted && !this.keys.has(keyOf(one))) === true;
    const told = events.some(
      ({ event, input }) => event === 'UserPromptSubmit' && this.isText(input?.prompt),
    );
    if (told || (counted('UserPromptSubmit') && record?.prompt === this.words))
      return { evidence: submitted, isPrompt: true };
    const { command } = this;
    if (command !== undefined && (events.some(({ event }) => event === command) || counted(command)))
      return { evidence: `${command} hook`, isPrompt: false };
    return null;
  }

  async byTranscript(): Promise<Proved | null> {
    for await (const { value, end, complete } of readLines(this.target.transcript, { from: this.from })) {
      if (complete) this.from = end;
      if (!value) continue;
      const said = saidBy(value);
      const prompt = said.kind === 'prompt' ? said.text : queuedPrompt(value);
      if (this.isText(prompt)) return { evidence: 'transcript', isPrompt: true };
      if (this.isText(typedCommand(value))) return { evidence: 'transcript', isPrompt: false };
      // While it works, Claude Code keeps a prompt for the end of the tool: then no hook tells of it.
      if (value.type === 'queue-operation' && value.operation === 'enqueue' && this.isText(value.content))
        return { evidence: queued, isPrompt: true };
    }
    return null;
  }

  private isText(prompt: unknown): boolean {
    return typeof prompt === 'string' && promptMark(shellForm(prompt)) === this.words;
  }
}

/** A command for the shell without the blanks after its `!`, which the transcript has not. */
function shellForm(text: string): string {
  return text.replace(/^!\s+/, '!');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
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

/** What was so before a text was sent: what comes after it is told by that. */
export interface Before {
  /** `promptMark` of the text. */
  readonly words: string;
  readonly agent: AgentNow | null;
  /** Bytes of the transcript. */
  readonly bytes: number;
}

/** To be asked for before `sendText`. */
export function beforeSending(target: SendTarget, text: string, agent: AgentNow | null): Before {
  return { words: promptMark(text), agent, bytes: sizeOf(target.transcript) };
}

/** The transcript is written a little later than the hook tells that the turn is over. Milliseconds. */
const writing = 3000;

/**
 * Waits until the turn is over that answers the text, or needs the user.
 *
 * @throws CwError `failed` when it takes longer than `limit` milliseconds.
 */
export async function waitForAnswer(
  target: SendTarget,
  before: Before,
  sent: Sent,
  look: SendOptions['look'],
  limit: number,
): Promise<Answered> {
  const keys = seenKeys(before.agent);
  // Sent while it worked, it waits in a queue, and turns end that are about something else. (2.1.329 may tell of such
  // a prompt long before its turn.) Then the transcript alone says what the answer is to.
  const wasIdle = before.agent?.verdict.state === 'idle' && sent.evidence === submitted;
  let idleSince: number | null = null;
  const end = performance.now() + limit;
  for (;;) {
    const now = await look();
    const said = told(now);
    if (!now || now.verdict.state === 'exited')
      return { how: 'exited', detail: null, answer: (await written(target, before, 0)) ?? said };
    const { state, detail } = now.verdict;
    if (state === 'waiting') return { how: 'waiting', detail, answer: wasIdle ? said : null };
    const ended = endOf(now, keys);
    idleSince = state === 'idle' ? (idleSince ?? performance.now()) : null;
    if (idleSince !== null && ended !== null && wasIdle)
      return { how: ended, detail, answer: said ?? (await written(target, before, writing)) };
    if (idleSince !== null && !wasIdle) {
      const answer = await written(target, before, 0);
      const isWhole = answer !== null && (said === null || answer.endsWith(said));
      const isLong = performance.now() - idleSince > settledAfter && (answer !== null || ended !== null);
      if (isWhole || isLong) return { how: ended ?? 'answered', detail, answer };
    }
    if (performance.now() > end) {
      throw new CwError('failed', `${target.label} is not done after ${Math.round(limit / 1000)} s.`, {
        hint: `The text was sent; it goes on in pane ${target.pane}.`,
      });
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** Milliseconds after which an idle agent has no prompt left in its queue, and all is written. */
const settledAfter = 5000;

/** How the last turn ended since; null where it goes on, or none began. */
function endOf({ record }: AgentNow, keys: ReadonlySet<string>): 'answered' | 'failed' | null {
  const ends = { UserPromptSubmit: null, Stop: 'answered', StopFailure: 'failed' } as const;
  const last = record?.seen.findLast((seen) => seen.event in ends && !keys.has(keyOf(seen)));
  return last ? ends[last.event as keyof typeof ends] : null;
}

/** The answer of the last turn, as a hook had it. */
function told(now: AgentNow | null): string | null {
  const last = now?.events.findLast(({ event }) => event === 'Stop' || event === 'UserPromptSubmit');
  const answer = last?.event === 'Stop' ? last.input?.last_assistant_message : null;
  return typeof answer === 'string' ? answer : null;
}

/** The answer as the transcript has it, within so many milliseconds. */
async function written(
  { transcript }: SendTarget,
  { words, bytes }: Before,
  patience: number,
): Promise<string | null> {
  const end = performance.now() + patience;
  for (;;) {
    const answer = await answerTo(transcript, bytes, (prompt) => promptMark(prompt) === words);
    if (answer !== null || performance.now() > end) return answer;
    await new Promise((done) => setTimeout(done, pause));
  }
}
