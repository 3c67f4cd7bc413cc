import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { ensurePrivateFolder } from '../system/files.js';
import { type HookEventName, hookEvents, type ProcessId, type SpooledEvent } from './model.js';

/** What one reading of the spool found. */
export interface SpoolReading {
  readonly events: readonly SpooledEvent[];
  /** Where to go on: the reader keeps it together with what it made of the events. */
  readonly next: number;
  /** Lines that name no event that is listened to, or are no lines of a hook at all: they are passed over. */
  readonly broken: readonly string[];
}

export interface SpoolOptions {
  /** Bytes from which the index is moved aside. */
  readonly rotateAt?: number;
  /** Milliseconds that what was moved aside, or an input that nobody published, is kept at least. */
  readonly grace?: number;
}

/** A piece of the stream of lines: `old/BASE-END`, or the live `index`, which has no end yet. */
interface Segment {
  readonly path: string;
  /** The place of its first byte. */
  readonly base: number;
  readonly end: number | null;
}

interface Line {
  readonly place: number;
  /** The place after it. */
  readonly next: number;
  readonly text: string;
}

const chunkSize = 64 * 1024;
/** A hook cuts its input off there. */
const longestInput = 8 * 1024 * 1024;

/**
 * What hooks left, in the order in which they published it. `shell/cw-hook` writes it and describes the lines; any
 * number of hooks may append at any moment. Everything here is called by one at a time, who holds the lock of the one
 * reader.
 *
 * **Exactly once.** A place is a position in the stream of all lines ever published, so it only grows. The reader
 * stores `next` in the same write as what it made of the events, and only then calls `compact`. Killed before that
 * write, it reads the same events again and has made nothing of them; killed after it, it goes on behind them.
 *
 * **Nothing is lost while lines are taken away.** The index is never cut, since a hook may append between the last
 * look and the cut. It is renamed to `old/BASE`, and hooks make a new one. One that had the old file open may still
 * append to it: so its size is taken after the renaming, and is from then on its end, which its second name says
 * (`old/BASE-END`). The new index begins where it ends. A line behind that end came late, and is appended to the new
 * index as its hook would have done, unless it is there already (we were killed after that). A file that was moved
 * aside is looked at for such lines at every call, and goes only when a later one has been moved aside too: by then
 * thousands of hooks have come and gone, and Claude ends each after seconds, so none still holds it open.
 *
 * Appends never mix on a local file system; on NFS they may, and then lines read as broken.
 */
export class Spool {
  private readonly index: string;
  private readonly old: string;
  private readonly rotateAt: number;
  private readonly grace: number;
  /** Inputs of lines before it were removed by this object. */
  private cleaned = 0;

  /** @param folder what `$CW_SPOOL` says; it need not exist. */
  constructor(
    readonly folder: string,
    options: SpoolOptions = {},
  ) {
    this.index = join(folder, 'index');
    this.old = join(folder, 'old');
    this.rotateAt = options.rotateAt ?? 256 * 1024;
    this.grace = options.grace ?? 60_000;
  }

  /** Makes the folder. Where there is none, hooks do nothing. */
  prepare(): void {
    ensurePrivateFolder(this.folder);
  }

  /** The place behind all lines that were published until now. */
  end(): number {
    return endOf(this.segments());
  }

  /** The events at `place` and behind it, in order, at most `limit`. To go on: the last one's place plus 1. */
  readFrom(place: number, limit = 1000): SpooledEvent[] {
    return [...this.read(place, limit).events];
  }

  /**
   * Reads on. A place behind the end of all lines is one of a spool that is gone (removed, or cut by a crash of the
   * machine): then what there is is read from its start. What was taken already comes without its input.
   *
   * @param place 0, or what the last reading gave as `next`.
   * @throws the system's error where the folder is there but cannot be read.
   */
  read(place: number, limit = 1000): SpoolReading {
    const segments = this.segments();
    const from = place > endOf(segments) ? 0 : place;
    this.cleaned = Math.min(this.cleaned, from);
    const events: SpooledEvent[] = [];
    const broken: string[] = [];
    let next = from;
    for (const line of linesFrom(segments, from)) {
      if (events.length >= limit) break;
      next = line.next;
      if (line.text === '') continue;
      const event = this.event(line);
      if (event) events.push(event);
      else broken.push(line.text);
    }
    return { events, next, broken };
  }

  /**
   * Takes away what is before `upTo` and is not wanted again.
   *
   * @param upTo the place that the reader has stored.
   */
  compact(upTo: number): void {
    const segments = this.segments();
    if (upTo > endOf(segments)) return;
    for (const { text, place } of linesFrom(segments, this.cleaned)) {
      if (place >= upTo) break;
      const file = fileOf(text);
      if (file !== null) remove(join(this.folder, file));
    }
    this.cleaned = upTo;
    if (sizeOf(this.index) < this.rotateAt) return;

    ensurePrivateFolder(this.old);
    const live = segments.at(-1)!;
    renameSync(this.index, join(this.old, String(live.base)));
    const [newest, ...older] = this.segments().slice(0, -1).reverse();
    for (const { path, end } of older)
      if (newest && end! <= upTo && ageOf(path) >= this.grace) unlinkSync(path);
    this.removeOrphans(upTo);
  }

  /** Inputs of hooks that were killed before they published them. */
  private removeOrphans(upTo: number): void {
    const wanted = new Set<string>();
    for (const { text } of linesFrom(this.segments(), upTo)) {
      const file = fileOf(text);
      if (file !== null) wanted.add(file);
    }
    for (const name of readdirSync(this.folder)) {
      if (!inputName.test(name) || wanted.has(name)) continue;
      // One that a hook writes at this moment is young.
      if (ageOf(join(this.folder, name)) >= this.grace) remove(join(this.folder, name));
    }
  }

  /** All there is of the stream, in order, the live index last. Ends what a killed `compact` began. */
  private segments(): Segment[] {
    const segments: Segment[] = [];
    for (const name of namesIn(this.old)) {
      const [, base, end] = /^(\d+)(?:-(\d+))?$/.exec(name) ?? [];
      if (base === undefined) continue;
      if (end !== undefined) {
        segments.push({ path: join(this.old, name), base: Number(base), end: Number(end) });
        continue;
      }
      const known = Number(base) + sizeOf(join(this.old, name));
      const path = join(this.old, `${base}-${known}`);
      renameSync(join(this.old, name), path);
      segments.push({ path, base: Number(base), end: known });
    }
    segments.sort((a, b) => a.base - b.base);
    segments.push({ path: this.index, base: segments.at(-1)?.end ?? 0, end: null });
    this.carryLateLines(segments);
    return segments;
  }

  private carryLateLines(segments: readonly Segment[]): void {
    for (const [at, { path, base, end }] of segments.entries()) {
      if (end === null || sizeOf(path) <= end - base) continue;
      const late = readFileSync(path).subarray(end - base);
      const later = new Set(segments.slice(at + 1).flatMap((segment) => textIfAny(segment.path).split('\n')));
      for (const line of late.toString('utf8').split('\n')) {
        if (line === '' || later.has(line)) continue;
        appendFileSync(this.index, `\n${line}\n`, { mode: 0o600 });
      }
    }
  }

  private event({ text, place }: Line): SpooledEvent | null {
    const [, name, rest] = /^1 ([A-Za-z]+)(?: (.*))?$/s.exec(text) ?? [];
    if (!hookEvents.includes(name as HookEventName)) return null;
    const event = name as HookEventName;
    const [, callers, file, pane, tmux] = /^([^ ]+) ([^ ]+) ([^ ]+) (.+)$/s.exec(rest ?? '') ?? [];
    const ancestors = processesOf(callers ?? '');
    const parent = ancestors.shift();
    const input = file === undefined || !parent ? null : this.input(file);
    return {
      place,
      event,
      parent: parent ?? { pid: 0, start: null },
      ancestors,
      tmux: tmux === undefined || tmux === '-' ? null : tmux,
      pane: pane !== undefined && /^%\d+$/.test(pane) ? pane : null,
      at: new Date(input?.time ?? timeOf(this.index) ?? Date.now()).toISOString(),
      input: input?.value ?? null,
    };
  }

  /** What Claude wrote to the hook; null where the file is gone. `value` is null where it is no JSON object. */
  private input(file: string): { value: Readonly<Record<string, unknown>> | null; time: number } | null {
    if (!inputName.test(file)) return null;
    let open: number;
    try {
      // Whatever lies there: a link is not followed, and a pipe is not waited for.
      open = openSync(
        join(this.folder, file),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ELOOP') return null;
      throw error;
    }
    try {
      const stat = fstatSync(open);
      const readable = stat.isFile() && stat.size <= longestInput;
      return { value: readable ? objectOf(readFileSync(open, 'utf8')) : null, time: stat.mtimeMs };
    } finally {
      closeSync(open);
    }
  }
}

/** An input's name: the caller's pid, the hook's, and a count where that one was taken. */
const inputName = /^\d+-\d+(?:-\d)?$/;

function fileOf(line: string): string | null {
  const file = /^1 [A-Za-z]+ [^ ]+ ([^ ]+) /.exec(line)?.[1];
  return file !== undefined && inputName.test(file) ? file : null;
}

/** `PID:START,PID:START`; blanks of a start (as `ps` prints it) are underscores. */
function processesOf(text: string): ProcessId[] {
  return text.split(',').flatMap((word) => {
    const [, pid, start] = /^(\d{1,10}):(.*)$/.exec(word) ?? [];
    if (pid === undefined || Number(pid) < 1) return [];
    return [{ pid: Number(pid), start: start === '' ? null : start!.replaceAll('_', ' ') }];
  });
}

function objectOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // cut off, or never JSON: that it came is still worth knowing
  }
}

/** The lines that begin at `place` or behind it. A last line without its end is given only where no more can come. */
function* linesFrom(segments: readonly Segment[], place: number): Generator<Line> {
  for (const segment of segments) {
    if (segment.end !== null && segment.end <= place) continue;
    yield* linesOf(segment, place);
  }
}

function* linesOf({ path, base, end }: Segment, place: number): Generator<Line> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return;
    throw error;
  }
  try {
    // From the byte before: whether a line begins at the place is told by what ends there.
    let at = Math.max(base, place - 1);
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const wanted = Math.min(chunkSize, end === null ? chunkSize : end - at - rest.length);
      const chunk = Buffer.allocUnsafe(Math.max(0, wanted));
      const size = wanted <= 0 ? 0 : readSync(file, chunk, 0, wanted, at + rest.length - base);
      if (size === 0) break;
      rest = Buffer.concat([rest, chunk.subarray(0, size)]);
      let start = 0;
      for (let stop = rest.indexOf(10); stop >= 0; stop = rest.indexOf(10, start)) {
        const line = { place: at + start, next: at + stop + 1, text: rest.toString('utf8', start, stop) };
        if (line.place >= place) yield line;
        start = stop + 1;
      }
      at += start;
      rest = rest.subarray(start);
    }
    if (end !== null && rest.length > 0 && at >= place) yield { place: at, next: end, text: String(rest) };
  } finally {
    closeSync(file);
  }
}

function endOf(segments: readonly Segment[]): number {
  const live = segments.at(-1)!;
  return live.base + sizeOf(live.path);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function timeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
}

/** Milliseconds since it was changed or renamed. */
function ageOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? Date.now() - Math.max(stat.mtimeMs, stat.ctimeMs) : 0;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function textIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
