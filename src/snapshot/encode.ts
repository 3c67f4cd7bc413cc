import { hash } from 'node:crypto';
import type { Blueprint } from '../blueprint/model.js';
import { snapshotFormat } from './format.js';
import type { Program, Reason, Snapshot } from './model.js';

/** A snapshot before the store has given it a place. */
export type SnapshotDraft = Omit<Snapshot, 'format' | 'sequence' | 'at' | 'reason' | 'note'>;

/**
 * The first line of a snapshot's file: what a list of thousands needs, without reading the rest. In every format,
 * for ever, the first line is JSON with `format`, and ends with `"check"`, the first 16 hex digits of the SHA-256
 * of the line up to there. So a damaged number is never taken for a newer format.
 */
export interface Header {
  readonly format: number;
  readonly workspace: string;
  readonly sequence: number;
  readonly at: string;
  /** When the first of the versions was written that this one stands for: amending one does not change it. */
  readonly since: string;
  readonly reason: Reason;
  readonly note: string | null;
  /** Another text for each life of the tmux server, on this boot. */
  readonly life: string;
  readonly windows: number;
  readonly panes: number;
  /** Hash of all but what is volatile (times, pids). */
  readonly content: string;
  /** Hash of what makes a version of its own when it changes; see `structureOf`. */
  readonly structure: string;
  /** Fewer windows or panes than the snapshot before it had. */
  readonly poorer: boolean;
  /** Poorer, and read when it was not certain that the server lived. It is never the latest. */
  readonly doubtful: boolean;
  /** The sequence of the snapshot that this one was amended from, and that goes away for it. */
  readonly replaces: number | null;
  /** Bytes of the rest of the file. */
  readonly bytes: number;
  /** SHA-256 of the rest of the file. */
  readonly sha256: string;
}

/** What the store adds to a draft. */
export type Placement = Pick<
  Header,
  'sequence' | 'at' | 'since' | 'reason' | 'note' | 'poorer' | 'doubtful' | 'replaces'
>;

/** A draft turned into text once, with what is needed to compare it. */
export interface Digest {
  readonly draft: SnapshotDraft;
  readonly life: string;
  readonly windows: number;
  readonly panes: number;
  readonly content: string;
  readonly text: { readonly blueprint: string; readonly panes: string; readonly git: string };
}

export function digestOf(draft: SnapshotDraft): Digest {
  const text = {
    blueprint: JSON.stringify(draft.blueprint),
    panes: JSON.stringify(draft.panes),
    git: JSON.stringify(draft.git),
  };
  const life = short(`${draft.host} ${draft.boot} ${draft.server.pid} ${draft.server.start}`);
  // In JSON a quote inside of a string has a backslash before it: this meets the fields and no text of a pane's.
  const panes = text.panes.replace(/"pid":-?\d+/g, '"pid":0');
  return {
    draft,
    life,
    windows: draft.blueprint.windows.length,
    panes: draft.blueprint.windows.reduce((sum, window) => sum + window.panes.length, 0),
    content: short(`${life}\n${text.blueprint}\n${panes}\n${text.git}`),
    text,
  };
}

/**
 * The hash of what makes a version of its own: the blueprint, what kind of thing each pane runs, the git branch.
 * Without what programs and a user's glances change all the time: titles, and which window and pane has the focus.
 * Text, argv, cursor and commits are no part of it either: a change of these amends the newest snapshot.
 */
export function structureOf(draft: SnapshotDraft): string {
  const blueprint: Blueprint = {
    ...draft.blueprint,
    activeWindow: '',
    lastWindow: null,
    windows: draft.blueprint.windows.map((window) => ({
      ...window,
      activePane: '',
      lastPane: null,
      panes: window.panes.map((pane) => ({ ...pane, title: '' })),
    })),
  };
  const programs: [string, Program['kind']][] = Object.entries(draft.panes).map(([key, pane]) => [
    key,
    pane.program.kind,
  ]);
  return short(JSON.stringify([blueprint, programs, draft.git?.branch ?? null]));
}

/** The bytes of a snapshot's file: the header line, and the snapshot as one line of JSON. */
export function encode(
  digest: Digest,
  structure: string,
  place: Placement,
): { header: Header; bytes: Uint8Array } {
  const { draft, text } = digest;
  const { blueprint: _blueprint, panes: _panes, git: _git, ...rest } = draft;
  const { sequence, at, reason, note } = place;
  const start = JSON.stringify({ format: snapshotFormat, sequence, at, reason, note, ...rest });
  const body = Buffer.from(
    `${start.slice(0, -1)},"blueprint":${text.blueprint},"panes":${text.panes},"git":${text.git}}\n`,
  );
  const header: Header = {
    format: snapshotFormat,
    workspace: draft.workspace,
    ...place,
    life: digest.life,
    windows: digest.windows,
    panes: digest.panes,
    content: digest.content,
    structure,
    bytes: body.length,
    sha256: hash('sha256', body, 'hex'),
  };
  return { header, bytes: Buffer.concat([Buffer.from(headerLine(header)), body]) };
}

/** An object as a first line: see `Header`. */
export function headerLine(value: object): string {
  const text = JSON.stringify(value).slice(0, -1);
  return `${text},"check":"${check(text)}"}\n`;
}

export type HeaderLine =
  | { readonly ok: true; readonly value: Record<string, unknown>; readonly end: number }
  | { readonly ok: false; readonly why: string; readonly newer?: number };

const lineEnd = 0x0a;

/**
 * Reads a first line, as far as all formats share it. `end` is where the rest of the file begins.
 *
 * @returns `newer` when its format is a later one than ours.
 */
export function readHeaderLine(bytes: Uint8Array, format = snapshotFormat): HeaderLine {
  const end = bytes.indexOf(lineEnd);
  if (end < 0) return { ok: false, why: 'its first line has no end' };
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8');
  const text = line.slice(0, -checkLength);
  if (line.slice(-checkLength) !== `,"check":"${check(text)}"}`)
    return { ok: false, why: 'the checksum of its first line is wrong' };
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { ok: false, why: 'its first line is no JSON' };
  }
  if (typeof value.format !== 'number') return { ok: false, why: 'it names no format' };
  if (value.format > format)
    return { ok: false, why: `its format ${value.format} is newer`, newer: value.format };
  return { ok: true, value, end: end + 1 };
}

/** Reads a snapshot's header from the beginning of its file. */
export function readHeader(
  bytes: Uint8Array,
): { ok: true; header: Header; end: number } | Extract<HeaderLine, { ok: false }> {
  const line = readHeaderLine(bytes);
  if (!line.ok) return line;
  if (!isHeader(line.value)) return { ok: false, why: 'its first line lacks fields' };
  return { ok: true, header: line.value, end: line.end };
}

/** Judges a whole file by sizes and checksums, without the schema. */
export function readChecked(
  bytes: Uint8Array,
): { ok: true; header: Header; body: Buffer } | Extract<HeaderLine, { ok: false }> {
  const read = readHeader(bytes);
  if (!read.ok) return read;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset + read.end, bytes.length - read.end);
  if (body.length !== read.header.bytes)
    return { ok: false, why: `it has ${body.length} bytes where ${read.header.bytes} were written` };
  if (hash('sha256', body, 'hex') !== read.header.sha256) return { ok: false, why: 'its checksum is wrong' };
  return { ok: true, header: read.header, body };
}

// By hand: the schema library takes longer to load than thousands of headers to read.
function isHeader(value: Record<string, unknown>): value is Record<string, unknown> & Header {
  const texts = ['workspace', 'at', 'since', 'reason', 'life', 'content', 'structure', 'sha256'];
  const numbers = ['sequence', 'windows', 'panes', 'bytes'];
  return (
    texts.every((name) => typeof value[name] === 'string') &&
    numbers.every((name) => Number.isSafeInteger(value[name])) &&
    typeof value.poorer === 'boolean' &&
    typeof value.doubtful === 'boolean' &&
    (value.note === null || typeof value.note === 'string') &&
    (value.replaces === null || Number.isSafeInteger(value.replaces))
  );
}

const checkLength = ',"check":"0123456789abcdef"}'.length;

function check(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16);
}

function short(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32);
}
