import { longestToken, shortestToken, tokenShapes } from '../blueprint/secrets.js';
import { KnownWords } from './known-words.js';

/** A secret that is known by its name. */
export interface KnownSecret {
  readonly name: string;
  readonly value: string;
}

export interface RedactOptions {
  /** The bytes are JSON, or lines of it, and have to stay that. */
  readonly json?: boolean;
}

/** A shorter value would be met in ordinary text. */
export const shortestSecret = 8;

const star = 0x2a;
const backslash = 0x5c;
const longestKey = 16 * 1024;
/** What the end of a piece may still become, with the rest of it. */
const longest = Math.max(longestKey + 200, longestToken + 200);
/** Of what was given already this is still looked at: what stands before a token tells whether it is one. */
const contextSize = 64;
/** So much is looked at together: the end of each piece is looked at twice. */
const leastPiece = 128 * 1024;
const passwordKind = 'password in a URL';
const privateKeyKind = 'private key';
const beginning = '-----BEGIN ';

interface Span {
  readonly start: number;
  readonly end: number;
  readonly what: string;
}

/**
 * Makes secrets unreadable in bytes and texts, each byte of them by `*`, so that all stays as long as it was: values
 * that are known, and words that have the shape of a token, a private key, or a password in a URL.
 */
export class Redactor {
  private readonly counts = new Map<string, number>();
  private readonly words: KnownWords<string>;
  private readonly wordsInJson: KnownWords<string>;

  /** @param secrets values shorter than `shortestSecret` bytes are not looked for */
  constructor(secrets: Iterable<KnownSecret> = []) {
    const known = [...secrets].filter(({ value }) => Buffer.byteLength(value) >= shortestSecret);
    this.words = wordsOf(known, 0);
    this.wordsInJson = wordsOf(known, 1);
  }

  /** What was made unreadable so far: names of known values, and kinds of tokens, with how often. */
  get found(): ReadonlyMap<string, number> {
    return this.counts;
  }

  bytes(data: Buffer, options: RedactOptions = {}): Buffer {
    return this.part(data, 0, data.length, this.spansOf(data, options));
  }

  text(text: string): string {
    const bytes = Buffer.from(text);
    const redacted = this.bytes(bytes);
    return redacted === bytes ? text : redacted.toString('utf8');
  }

  /** The value with every text in it redacted; names of fields stay. */
  value<T>(value: T): T {
    const walk = (one: unknown): unknown => {
      if (typeof one === 'string') return this.text(one);
      if (Array.isArray(one)) return one.map(walk);
      if (typeof one !== 'object' || one === null) return one;
      return Object.fromEntries(Object.entries(one).map(([name, part]) => [name, walk(part)]));
    };
    return walk(value) as T;
  }

  /** The same bytes, redacted, also where a secret lies across two pieces. Memory is that of a few pieces. */
  async *stream(source: AsyncIterable<Uint8Array>, options: RedactOptions = {}): AsyncGenerator<Buffer> {
    let window: Buffer = Buffer.alloc(0);
    /** Bytes of the window that were given already. */
    let given = 0;
    let coming: Uint8Array[] = [];
    let size = 0;
    for await (const piece of source) {
      coming.push(piece);
      size += piece.length;
      if (size < leastPiece) continue;
      window = Buffer.concat([window, ...coming]);
      coming = [];
      size = 0;
      const spans = this.spansOf(window, options);
      const cut = cutOf(window.length - longest, spans);
      yield this.part(window, given, cut, spans);
      const from = cut - contextSize;
      window = window.subarray(from);
      given = cut - from;
    }
    window = Buffer.concat([window, ...coming]);
    if (window.length > given) yield this.part(window, given, window.length, this.spansOf(window, options));
  }

  /** Copies bytes from `from` to `to` with what begins there made unreadable. The bytes themselves where there is nothing. */
  private part(bytes: Buffer, from: number, to: number, spans: readonly Span[]): Buffer {
    const here = spans.filter(({ start, end }) => start >= from && end <= to);
    if (here.length === 0) return bytes.subarray(from, to);
    const copy = Buffer.from(bytes.subarray(from, to));
    let done = -1;
    for (const { start, end, what } of here) {
      if (what === privateKeyKind) blankKey(copy, start - from, end - from);
      else
        copy.fill(star, start - from + keptAtStart(bytes, start), end - from - keptAtEnd(bytes, start, end));
      // One within another is the same secret.
      if (end > done) this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
      done = Math.max(done, end);
    }
    return copy;
  }

  /** In the order of their beginnings; of one beginning the longest first. */
  private spansOf(bytes: Buffer, { json = false }: RedactOptions): Span[] {
    const spans: Span[] = [];
    const add = (start: number, end: number, what: string) => spans.push({ start, end, what });
    (json ? this.wordsInJson : this.words).search(bytes, (start, end, what) => {
      if (what !== '') add(start, end, what);
      else privateKey(bytes, start, add);
    });
    tokens(bytes, add);
    passwords(bytes, add);
    return spans.sort((a, b) => a.start - b.start || b.end - a.end);
  }
}

/** A place at or behind `at` that lies in no span. */
function cutOf(at: number, spans: readonly Span[]): number {
  let cut = at;
  for (const { start, end } of spans) if (start < cut && end > cut) cut = end;
  return cut;
}

/** The values as they stand in text, and in JSON, and in JSON within JSON. The empty name is that of a key's first line. */
function wordsOf(known: readonly KnownSecret[], least: 0 | 1): KnownWords<string> {
  const words = new Map([[beginning, '']]);
  for (const { name, value } of known) {
    for (let level = 0, form = value; level <= 2; level++, form = JSON.stringify(form).slice(1, -1)) {
      // Without its escapes it would be a part of the JSON itself.
      if (level >= least && !words.has(form)) words.set(form, name);
    }
  }
  return new KnownWords([...words].map(([word, value]) => ({ word: Buffer.from(word), value })));
}

type Add = (start: number, end: number, what: string) => void;

/** Letters, digits, `_`, `.` and `-`. */
const isTokenByte = Uint8Array.from({ length: 256 }, (_, code) =>
  code < 128 && /[\w.-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Looks at one byte in as many as the shortest token has: each token lies over one of them. */
function tokens(bytes: Buffer, add: Add): void {
  const { length } = bytes;
  for (let at = shortestToken - 1; at < length; ) {
    if (isTokenByte[bytes[at]!] === 0) {
      at += shortestToken;
      continue;
    }
    let start = at;
    while (start > 0 && isTokenByte[bytes[start - 1]!] === 1) start--;
    let end = at + 1;
    while (end < length && isTokenByte[bytes[end]!] === 1) end++;
    if (end - start >= shortestToken) tokensIn(bytes, start, end, add);
    at = end + shortestToken;
  }
}

/** Any of the first letters of a token's kind; asked first, since most runs are paths and names. */
const mayHold = /sk-|gh[pousr]_|t_|xox|A[KS]IA|AIza|npm_|k_|glp|eyJ/;
/** A part of a run is looked at by itself, with what could begin in it and end in the next. */
const partOfRun = 32 * 1024;

function tokensIn(bytes: Buffer, start: number, end: number, add: Add): void {
  for (let from = start; from < end; from += partOfRun) {
    const run = bytes.toString('latin1', from, Math.min(end, from + partOfRun + longestToken));
    if (!mayHold.test(run)) continue;
    for (const { kind, pattern, needsBorder } of tokenShapes) {
      for (const match of run.matchAll(pattern)) {
        const first = from + match.index;
        if (match.index < partOfRun && !(needsBorder && isWithinWord(bytes, start, first)))
          add(first, first + match[0].length, kind);
      }
    }
  }
}

/** Whether letters or digits stand before it, other than the end of an escape (`\n`, `%3D`, a colour's `m`). */
function isWithinWord(bytes: Buffer, runStart: number, at: number): boolean {
  if (at === runStart || !/\w/.test(String.fromCharCode(bytes[at - 1]!))) return false;
  const before = bytes.toString('latin1', Math.max(0, at - 16), at);
  return !/(\\[bfnrt]|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}|\[[0-9;:]*m)$/.test(before);
}

/** The password of `scheme://user:password@host`. */
const urlPassword = /^[^\s:@/"'`\\<>]{0,256}:([^\s@/"'`\\<>]{1,256})@/;

function passwords(bytes: Buffer, add: Add): void {
  for (let at = bytes.indexOf('://', 0, 'latin1'); at >= 0; at = bytes.indexOf('://', at + 3, 'latin1')) {
    if (isTokenByte[bytes[at - 1] ?? 0] === 0) continue;
    const match = urlPassword.exec(bytes.toString('latin1', at + 3, at + 3 + 516));
    const password = match?.[1];
    if (match && password !== undefined && !/^(\*+|\$\{?\w+\}?)$/.test(password))
      add(at + 2 + match[0].length - password.length, at + 2 + match[0].length, passwordKind);
  }
}

/** A private key in PEM, from behind its first line; the words of that stay. */
function privateKey(bytes: Buffer, start: number, add: Add): void {
  const text = bytes.toString('latin1', start, start + longestKey);
  const head = /^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/.exec(text);
  if (!head) return;
  const end = text.indexOf('-----END', head[0].length);
  // Cut off: what looks like more of it.
  const body =
    end >= 0 ? end : /^[\w+/=\s\\:.,-]*/.exec(text.slice(head[0].length))![0].length + head[0].length;
  if (body > head[0].length) add(start + head[0].length, start + body, privateKeyKind);
}

/** The letters of a key; line breaks stay, also those that JSON writes as `\n`. */
function blankKey(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === backslash) at += bytes[at + 1] === 0x75 ? 5 : 1;
    else if (isKeyByte[byte] === 1) bytes[at] = star;
  }
}

const isKeyByte = Uint8Array.from({ length: 256 }, (_, code) =>
  /[A-Za-z0-9+/=]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** How much of the beginning belongs to an escape that began before it: with `\n` in front of `ame` a value `name` is met. */
function keptAtStart(bytes: Buffer, start: number): number {
  if (backslashesBefore(bytes, start, 0) % 2 === 0) return 0;
  return bytes[start] === 0x75 ? 5 : 1;
}

/** A backslash at the end may be half of an escape that ends behind it. */
function keptAtEnd(bytes: Buffer, start: number, end: number): number {
  return backslashesBefore(bytes, end, start) % 2;
}

function backslashesBefore(bytes: Buffer, at: number, least: number): number {
  let count = 0;
  while (at - count > least && bytes[at - count - 1] === backslash) count++;
  return count;
}
