import { type FileHandle, open } from 'node:fs/promises';
import { systemCode } from '../errors.js';

/**
 * Transcripts as Claude Code writes them: one JSON object a line, appended. The format is not documented and moves, so
 * every field is looked at before it is believed, a line of an unknown kind is passed over, and nothing is thrown for
 * what a file holds. Files can be larger than memory: they are read in pieces.
 */

export type Json = Readonly<Record<string, unknown>>;

/** One line. */
export interface TranscriptLine {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** The offset of what follows it: where a later reading goes on. */
  readonly end: number;
  /** null for a line that is no JSON object: torn by a crash, or too long to be looked at. */
  readonly value: Json | null;
  /** False for a last line without its newline: it may still be in the writing. */
  readonly complete: boolean;
}

export interface ReadOptions {
  /** Where to begin; the start of a line. */
  readonly from?: number;
  /** Only lines of which this is true are parsed and given back. It sees the bytes, which it must not keep. */
  readonly wanted?: (line: Buffer) => boolean;
}

const pieceBytes = 256 * 1024;
/** A line with images in it can have some megabytes. What is longer is no line of a conversation. */
const longestLine = 64 * 1024 * 1024;

/**
 * The lines of a transcript, in order; none where there is no file. Memory is bounded by the longest line.
 *
 * @throws the system's error when the file cannot be read.
 */
export async function* readLines(path: string, options: ReadOptions = {}): AsyncGenerator<TranscriptLine> {
  const file = await openIfAny(path);
  if (!file) return;
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    /** The beginning of a line whose end is in a later piece; null: it is too long to be kept. */
    let begun: Buffer[] | null = [];
    let begunBytes = 0;
    let offset = options.from ?? 0;
    for (let at = offset; ; ) {
      const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
      if (bytesRead === 0) break;
      const bytes = piece.subarray(0, bytesRead);
      let start = 0;
      for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, start)) {
        const part = bytes.subarray(start, newline);
        const whole: Buffer | null = begun && (begun.length === 0 ? part : Buffer.concat([...begun, part]));
        const end = at + newline + 1;
        if (!isBlank(whole) && (whole === null || !options.wanted || options.wanted(whole)))
          yield { offset, end, value: whole && parseObject(whole), complete: true };
        begun = [];
        begunBytes = 0;
        offset = end;
        start = newline + 1;
      }
      const rest = bytesRead - start;
      begunBytes += rest;
      if (begunBytes > longestLine) begun = null;
      // The piece is used again: what is kept of it is copied.
      else if (rest > 0) begun?.push(Buffer.from(bytes.subarray(start)));
      at += bytesRead;
    }
    const last = begun && Buffer.concat(begun);
    if (begunBytes > 0 && !isBlank(last) && (last === null || !options.wanted || options.wanted(last)))
      yield { offset, end: offset + begunBytes, value: last && parseObject(last), complete: false };
  } finally {
    await file.close();
  }
}

export interface TailOptions {
  /** Read further back until this is true of the lines read so far, oldest first; else one piece is read. */
  readonly enough?: (lines: readonly TranscriptLine[]) => boolean;
  /** Bytes that are looked at, at most; 8 MB by default. */
  readonly limit?: number;
}

const firstTail = 64 * 1024;
const longestTail = 8 * 1024 * 1024;

/**
 * The last lines of a transcript, oldest first: what it takes to know the newest state, however long the file is. A
 * line that begins before what was read is left out.
 */
export async function readTail(path: string, options: TailOptions = {}): Promise<TranscriptLine[]> {
  const file = await openIfAny(path);
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const limit = Math.min(size, options.limit ?? longestTail);
    for (let length = Math.min(limit, firstTail); ; length = Math.min(limit, length * 4)) {
      const from = size - length;
      const lines = linesOf(await readRange(file, from, length), from);
      if (!options.enough || length >= limit || options.enough(lines)) return lines;
    }
  } finally {
    await file.close();
  }
}

function linesOf(bytes: Buffer, from: number): TranscriptLine[] {
  const lines: TranscriptLine[] = [];
  let start = from === 0 ? 0 : bytes.indexOf(10) + 1;
  if (from > 0 && start === 0) return [];
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const stop = newline < 0 ? bytes.length : newline;
    const part = bytes.subarray(start, stop);
    const end = newline < 0 ? stop : stop + 1;
    if (!isBlank(part))
      lines.push({ offset: from + start, end: from + end, value: parseObject(part), complete: newline >= 0 });
    start = end;
  }
  return lines;
}

async function readRange(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(bytes, got, length - got, from + got);
    if (bytesRead === 0) break; // cut short meanwhile
    got += bytesRead;
  }
  return bytes.subarray(0, got);
}

async function openIfAny(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
    throw error;
  }
}

function isBlank(line: Buffer | null): boolean {
  return line !== null && (line.length === 0 || (line.length === 1 && line[0] === 13));
}

function parseObject(line: Buffer): Json | null {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null; // torn, or not Claude Code's: as good as no line
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/**
 * What a line says. Lines of subagents are `other`: they are no part of the talk with the user. So are the lines that
 * Claude Code itself puts in the user's mouth: results of tools, the echo of `/commands` and of `!commands`, reminders.
 */
export type Said =
  | { readonly kind: 'prompt'; readonly text: string }
  | {
      readonly kind: 'answer';
      readonly text: string;
      readonly model: string | null;
      readonly message: string | null;
    }
  | { readonly kind: 'compacted'; readonly trigger: string | null; readonly tokensBefore: number | null }
  | { readonly kind: 'title'; readonly text: string; readonly by: 'user' | 'summary' }
  | { readonly kind: 'other' };

const other: Said = { kind: 'other' };

export function saidBy(line: Json): Said {
  if (line.isSidechain === true) return other;
  switch (line.type) {
    case 'user':
      return ofUser(line);
    case 'assistant':
      return ofAssistant(line);
    case 'system': {
      if (line.subtype !== 'compact_boundary') return other;
      const details = isObject(line.compactMetadata) ? line.compactMetadata : {};
      const tokensBefore = typeof details.preTokens === 'number' ? details.preTokens : null;
      return { kind: 'compacted', trigger: textOf(details.trigger), tokensBefore };
    }
    case 'custom-title':
      return ofTitle(line.customTitle, 'user');
    case 'ai-title':
      return ofTitle(line.aiTitle, 'summary');
    case 'summary':
      return ofTitle(line.summary, 'summary');
    default:
      return other;
  }
}

function ofTitle(text: unknown, by: 'user' | 'summary'): Said {
  return typeof text === 'string' && text.trim() !== '' ? { kind: 'title', text, by } : other;
}

// What Claude Code writes as the user: echoes of commands and their output, notes of its own.
const notTyped =
  /^\s*(<(command-name|command-message|command-args|local-command-[a-z]+|bash-input|bash-stdout|bash-stderr|task-notification|system-reminder|user-memory-input|tick)>|Caveat: The messages below were generated by the user while running local commands|\[Request interrupted by user)/;

/**
 * A command of Claude Code's own (`/clear`), or one of the shell (`!ls`), as the user typed it; null for any other line.
 */
export function typedCommand(line: Json): string | null {
  if (line.type !== 'user' || line.isMeta === true) return null;
  const text = contentText(isObject(line.message) ? line.message.content : null) ?? '';
  const shell = /^\s*<bash-input>([\s\S]*)<\/bash-input>/.exec(text)?.[1];
  if (shell !== undefined) return `!${shell}`;
  const name = /<command-name>([\s\S]*?)<\/command-name>/.exec(text)?.[1]?.trim();
  const words = /<command-args>([\s\S]*?)<\/command-args>/.exec(text)?.[1] ?? '';
  return name?.startsWith('/') ? `${name} ${words}`.trim() : null;
}

function ofUser(line: Json): Said {
  if (line.isMeta === true || line.isCompactSummary === true) return other;
  const message = isObject(line.message) ? line.message : {};
  const text = contentText(message.content);
  return text === null || text.trim() === '' || notTyped.test(text) ? other : { kind: 'prompt', text };
}

function ofAssistant(line: Json): Said {
  const message = isObject(line.message) ? line.message : {};
  return {
    kind: 'answer',
    text: contentText(message.content) ?? '',
    model: textOf(message.model),
    message: textOf(message.id),
  };
}

/** The text of a message's content: a text, or blocks of which only those of text count. null: it has none. */
function contentText(content: unknown): string | null {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return null;
  const texts = content.flatMap((block) =>
    isObject(block) && block.type === 'text' && typeof block.text === 'string' ? [block.text] : [],
  );
  // An image alone is a prompt too.
  if (texts.length === 0 && content.some((block) => isObject(block) && block.type === 'image'))
    return '[image]';
  return texts.length === 0 ? null : texts.join('\n');
}

/** What Claude Code puts in a model's place where it answers itself: "No response requested.", errors of the API. */
export const synthetic = '<synthetic>';

/**
 * Whether a conversation can be resumed. `absent`: it has no file, and `--session-id` starts it. `unprompted`: there is
 * a file without a prompt (empty, mode lines alone, or what `/clear` leaves), for which both `--resume` and
 * `--session-id` fail. `prompted`: `--resume`.
 */
export type TranscriptState = 'absent' | 'unprompted' | 'prompted';

export async function transcriptState(path: string): Promise<TranscriptState> {
  const file = await openIfAny(path);
  if (!file) return 'absent';
  await file.close();
  for await (const { value } of readLines(path, { wanted: isTalk })) {
    const said = value && saidBy(value);
    if (said?.kind === 'prompt') return 'prompted';
    // A command of the user's own (`/review`) is answered without a line that looks like a prompt.
    if (said?.kind === 'answer' && said.model !== synthetic) return 'prompted';
  }
  return 'unprompted';
}

/** True when a prompt was submitted, so that `--resume` works. */
export async function isPrompted(path: string): Promise<boolean> {
  return (await transcriptState(path)) === 'prompted';
}

const talkMarks = ['"user"', '"assistant"'].map((mark) => Buffer.from(mark));

/** A cheap look at the bytes: the line may be one of the user's or of the model's. */
export function isTalk(line: Buffer): boolean {
  return talkMarks.some((mark) => line.includes(mark));
}

/** What one pass over a transcript tells. Times are UTC, ISO 8601, as the lines have them. */
export interface TranscriptDigest {
  readonly state: TranscriptState;
  readonly bytes: number;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  /** What the user called it, else the last summary, else its first prompt. */
  readonly title: string | null;
  readonly firstPrompt: string | null;
  readonly lastPrompt: string | null;
  readonly lastAnswer: string | null;
  readonly prompts: number;
  /** Messages of the model; the blocks of one count once. */
  readonly answers: number;
  readonly compactions: number;
  /** Lines that are no JSON objects, a torn last one too. */
  readonly unreadable: number;
  /** Versions of Claude Code that wrote it, oldest first. */
  readonly versions: readonly string[];
  readonly cwd: string | null;
  readonly gitBranch: string | null;
  readonly models: readonly string[];
  /** Files that the model wrote, in the order of their first change; at most 500. */
  readonly files: readonly string[];
}

const mostFiles = 500;
const longestPrompt = 2000;

/** Reads a whole transcript once. */
export async function digestTranscript(path: string): Promise<TranscriptDigest> {
  let found = false;
  const times: { first: string | null; last: string | null } = { first: null, last: null };
  const titles: { user: string | null; summary: string | null } = { user: null, summary: null };
  const prompt: { first: string | null; last: string | null } = { first: null, last: null };
  const counts = { prompts: 0, answers: 0, compactions: 0, unreadable: 0, bytes: 0 };
  let cwd: string | null = null;
  let gitBranch: string | null = null;
  let prompted = false;
  let lastMessage: string | null = null;
  let lastAnswer: string | null = null;
  const versions = new Set<string>();
  const models = new Set<string>();
  const files = new Set<string>();

  for await (const { value, end } of readLines(path)) {
    found = true;
    counts.bytes = end;
    if (!value) {
      counts.unreadable++;
      continue;
    }
    const at = timeOf(value);
    times.first ??= at;
    if (at !== null && (times.last === null || at > times.last)) times.last = at;
    cwd = textOf(value.cwd) ?? cwd;
    gitBranch = textOf(value.gitBranch) ?? gitBranch;
    if (typeof value.version === 'string') versions.add(value.version);
    const said = saidBy(value);
    if (said.kind === 'prompt') {
      counts.prompts++;
      prompted = true;
      prompt.last = said.text.slice(0, longestPrompt);
      prompt.first ??= prompt.last;
      lastMessage = null;
    } else if (said.kind === 'answer') {
      const isNew = said.message === null || said.message !== lastMessage;
      if (isNew) counts.answers++;
      if (said.model !== null && said.model !== synthetic) {
        models.add(said.model);
        prompted = true;
      }
      if (said.text !== '')
        lastAnswer = isNew || lastAnswer === null ? said.text : joined(lastAnswer, said.text);
      lastMessage = said.message;
      for (const file of filesWritten(value)) if (files.size < mostFiles) files.add(file);
    } else if (said.kind === 'compacted') counts.compactions++;
    else if (said.kind === 'title') titles[said.by] = said.text;
  }
  const state = prompted ? 'prompted' : found || (await exists(path)) ? 'unprompted' : 'absent';
  return {
    state,
    bytes: counts.bytes,
    firstAt: times.first,
    lastAt: times.last,
    title: titles.user ?? titles.summary ?? (prompt.first === null ? null : firstLine(prompt.first)),
    firstPrompt: prompt.first,
    lastPrompt: prompt.last,
    lastAnswer,
    prompts: counts.prompts,
    answers: counts.answers,
    compactions: counts.compactions,
    unreadable: counts.unreadable,
    versions: [...versions],
    cwd,
    gitBranch,
    models: [...models],
    files: [...files],
  };
}

function joined(before: string, text: string): string {
  return before === '' || before === text ? text : `${before}\n${text}`;
}

async function exists(path: string): Promise<boolean> {
  const file = await openIfAny(path);
  await file?.close();
  return file !== null;
}

function firstLine(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** The time of a line, brought into one form so that times compare as texts; null for none, or none that is a time. */
export function timeOf(line: Json): string | null {
  if (typeof line.timestamp !== 'string') return null;
  const time = Date.parse(line.timestamp);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

const writers = new Set(['Edit', 'MultiEdit', 'Write', 'NotebookEdit']);

function filesWritten(line: Json): string[] {
  const message = isObject(line.message) ? line.message : {};
  if (!Array.isArray(message.content)) return [];
  return message.content.flatMap((block) => {
    if (!isObject(block) || block.type !== 'tool_use' || !writers.has(String(block.name))) return [];
    const input = isObject(block.input) ? block.input : {};
    const file = textOf(input.file_path) ?? textOf(input.notebook_path);
    return file === null ? [] : [file];
  });
}

/**
 * The answer to a prompt: the last text of the model behind the last line that is that prompt; null where there is
 * none yet.
 *
 * @param from bytes from the start of the file; what is before is older than the prompt.
 * @param isPrompt tells the prompt by its text.
 */
export async function answerTo(
  path: string,
  from: number,
  isPrompt: (text: string) => boolean,
): Promise<string | null> {
  let answers: TranscriptLine[] | null = null;
  for await (const line of readLines(path, { from, wanted: isTalkOrQueued })) {
    const { value } = line;
    if (!value) continue;
    const said = saidBy(value);
    const prompt = said.kind === 'prompt' ? said.text : queuedPrompt(value);
    if (prompt !== null && isPrompt(prompt)) answers = [];
    else if (said.kind === 'answer') answers?.push(line);
  }
  return answers && answersIn(answers);
}

/** A prompt that Claude Code took up in the middle of a turn, as its transcript has it; null for any other line. */
export function queuedPrompt(line: Json): string | null {
  if (line.type !== 'attachment' || !isObject(line.attachment)) return null;
  return line.attachment.type === 'queued_command' ? textOf(line.attachment.prompt) : null;
}

const queuedMark = Buffer.from('"queued_command"');

function isTalkOrQueued(line: Buffer): boolean {
  return isTalk(line) || line.includes(queuedMark);
}

/** The text blocks of the last message that has any, put together. */
function answersIn(lines: readonly TranscriptLine[]): string | null {
  const texts: string[] = [];
  let message: string | null | undefined;
  for (const { value } of lines.toReversed()) {
    const said = value ? saidBy(value) : other;
    if (said.kind !== 'answer' || said.text === '') continue;
    if (message !== undefined && (said.message === null || said.message !== message)) break;
    message = said.message;
    texts.unshift(said.text);
  }
  return texts.length === 0 ? null : texts.join('\n');
}
