import { randomHex } from '../system/random.js';
import type { Command, Connection } from '../tmux/connection.js';
import type { Pane, Reading, Window } from '../tmux/reading.js';
import type { BlobStore } from './blobs.js';
import { chunkLines, chunkText } from './chunks.js';
import type { Scrollback } from './model.js';
import { plain, standAlone } from './sgr.js';

/**
 * The text of panes, kept up to date at little cost: a fingerprint tells which panes moved, and of those only the
 * lines since the last reading are asked for. What is kept in memory of a pane is the names of its chunks and the
 * lines of the last one.
 */

export interface ScrollbackOptions {
  /** Most lines kept of a pane. */
  readonly lines: number;
}

/** What is known of one pane's text. */
interface Kept {
  fingerprint: string;
  /** The second of the reading: what moved in it may have moved again after it. */
  second: number;
  width: number;
  historySize: number;
  /** Chunks that will not change any more, but for those that fall off the head. */
  done: { name: string; lines: number }[];
  /** Logical lines of the history after them. */
  tail: string[];
  /** The last line of the history goes on in the first one of the screen. */
  open: boolean;
  /** The screen, without the line of an idle prompt. */
  screen: string[];
  stored: Scrollback | null;
}

/**
 * Rows asked for at once: tmux serves no other client while it prints them. A thousand take it 4 ms, and with a colour
 * for each word 25; so there are few at first, and then as many as were printed in the time.
 */
const rowsAtOnce = { first: 500, least: 250, most: 5000, milliseconds: 20 };
/** How often a part is asked for again because the pane printed meanwhile. */
const triesAtMost = 10;

/** A pane, and how many rows of its history are asked for. */
interface Asked {
  readonly pane: Pane;
  readonly rows: number;
}

/** What tmux printed of a pane, with its sizes at that very moment. */
interface Printed {
  readonly pane: Pane;
  /** The end of the history, joined lines as one; and how many rows of it were asked for. */
  readonly history: readonly string[];
  readonly rows: number;
  /** The last row of the history goes on in the first one of the screen. */
  readonly open: boolean;
  readonly screen: readonly string[];
}

export class Scrollbacks {
  private readonly kept = new Map<string, Kept>();
  private rowsAtOnce = rowsAtOnce.first;
  private way: number | undefined;

  constructor(
    private readonly blobs: BlobStore,
    private readonly options: ScrollbackOptions,
  ) {}

  /**
   * Reads what changed in these panes since the last call.
   *
   * @param idle says that a pane's shell waits at its prompt: that line is not kept, since a restored shell prints
   *   its own.
   * @returns the text of each pane that could be read, by its id. What is new of it is on its way into the store of
   *   blobs: see `BlobStore.add`.
   */
  async update(
    connection: Connection,
    reading: Reading,
    panes: readonly Pane[],
    idle: (pane: Pane) => boolean,
  ): Promise<Map<string, Scrollback>> {
    const windows = new Map(reading.windows.map((window) => [window.id, window]));
    const second = Math.floor(Date.now() / 1000);
    if (this.blobs.takeCollected()) this.forgetLost();
    const moved = panes.filter((pane) => this.hasMoved(pane, windows.get(pane.window)));
    // Of the reading, and not of the text: what moved between the two is read again next time.
    const prints = new Map(moved.map((pane) => [pane.id, fingerprint(pane, windows.get(pane.window))]));
    const fingerprintOf = (id: Pane['id']) => prints.get(id) ?? '';
    for (const batch of this.batches(moved)) {
      for (const printed of await this.print(connection, batch)) {
        const { pane } = printed;
        const from = this.goesOnFrom(pane) ?? Math.max(0, pane.historySize - this.options.lines);
        const { history, isWhole } = await this.older(connection, printed, from);
        // Rows that were read before do not stand before these: what follows is read as a new pane.
        if (!isWhole) this.kept.delete(pane.id);
        this.merge({ ...printed, history }, fingerprintOf(pane.id), second, idle(pane));
        if (!isWhole) this.kept.get(pane.id)!.historySize = Number.MAX_SAFE_INTEGER;
      }
    }
    const texts = new Map<string, Scrollback>();
    for (const pane of panes) {
      const kept = this.kept.get(pane.id);
      if (!kept) continue;
      kept.stored ??= this.store(kept);
      texts.set(pane.id, kept.stored);
    }
    return texts;
  }

  /** Forgets panes that are gone. */
  keepOnly(panes: ReadonlySet<string>): void {
    for (const id of this.kept.keys()) if (!panes.has(id)) this.kept.delete(id);
  }

  /** Texts of which a part was taken away, with the snapshots that named it, are read anew. */
  private forgetLost(): void {
    for (const [id, { done, stored }] of this.kept) {
      const names = [...done.map(({ name }) => name), ...(stored?.chunks ?? [])];
      if (!names.every((name) => this.blobs.has(name))) this.kept.delete(id);
    }
  }

  private hasMoved(pane: Pane, window: Window | undefined): boolean {
    const kept = this.kept.get(pane.id);
    if (!kept) return true;
    // Activity has whole seconds: what moved in the second of the last reading may have moved after it.
    return kept.fingerprint !== fingerprint(pane, window) || (window?.activity ?? 0) >= kept.second;
  }

  /** The row of the history up to which its text is known; null when all of it has to be read. */
  private goesOnFrom(pane: Pane): number | null {
    const kept = this.kept.get(pane.id);
    if (!kept || kept.width !== pane.width || pane.historySize < kept.historySize) return null;
    // When the history is full tmux drops a tenth of it at once: from there on the size does not tell what is new.
    if (pane.historySize >= pane.historyLimit * 0.9) return null;
    return pane.historySize - kept.historySize > this.options.lines ? null : kept.historySize;
  }

  /** Rows of history to ask for at first. */
  private wanted(pane: Pane): number {
    const from = this.goesOnFrom(pane) ?? 0;
    return Math.min(pane.historySize - from, this.options.lines, this.rowsAtOnce);
  }

  /** Panes that are asked for together. */
  private *batches(panes: readonly Pane[]): Generator<Asked[]> {
    let batch: Asked[] = [];
    let all = 0;
    for (const pane of panes) {
      const rows = this.wanted(pane);
      if (batch.length > 0 && all + rows + pane.height > this.rowsAtOnce) {
        yield batch;
        batch = [];
        all = 0;
      }
      batch.push({ pane, rows });
      all += rows + pane.height;
    }
    if (batch.length > 0) yield batch;
  }

  /** Sends captures of so many rows, and learns from the time that they take how many to ask for the next time. */
  private async capture(connection: Connection, rows: number, commands: readonly Command[]): Promise<Buffer> {
    // What a batch takes that prints nothing: a process of its own, or no more than the way.
    this.way ??= await timeOf(() => connection.batch([['display-message', '-p', '']]));
    let stdout: Buffer = Buffer.alloc(0);
    const time = await timeOf(async () => {
      ({ stdout } = await connection.batch(commands));
    });
    const { least, most, milliseconds } = rowsAtOnce;
    // Of a few rows the time says little; and a step up is a careful one.
    if (rows >= least) {
      const fit = (rows * milliseconds) / Math.max(1, time - this.way);
      this.rowsAtOnce = Math.round(Math.min(Math.max(fit, least), most, this.rowsAtOnce * 1.5));
    }
    return stdout;
  }

  /** The screens of panes and the ends of their histories, each pane at one moment; ones that ended are left out. */
  private async print(connection: Connection, batch: readonly Asked[]): Promise<Printed[]> {
    const mark = `cw-text-${randomHex(12)}`;
    const output = await this.capture(
      connection,
      batch.reduce((sum, { pane, rows }) => sum + rows + pane.height, 0),
      batch.flatMap(({ pane, rows }) => captureCommands(pane, rows, mark)),
    );
    const sections = sectionsOf(output, mark);
    return batch.flatMap(({ pane, rows: asked }): Printed[] => {
      const now = sections.get(`${pane.id} now`);
      const screen = sections.get(`${pane.id} screen`);
      if (now === undefined || screen === undefined) {
        this.kept.delete(pane.id); // it ended meanwhile
        return [];
      }
      const [historySize = 0, width = 0, alternate = 0] = now.trim().split(' ').map(Number);
      // A full-screen program came or went since the reading: the next one tells what to ask for.
      if ((alternate === 1) !== pane.alternateOn) return [];
      const rows = Math.min(asked, historySize);
      return [
        {
          pane: { ...pane, historySize, width },
          history: rows === 0 ? [] : linesOf(sections.get(`${pane.id} history`) ?? ''),
          rows,
          // Two rows captured together that come back as one are one line that wraps.
          open: historySize > 0 && linesOf(sections.get(`${pane.id} seam`) ?? '').length === 1,
          screen: linesOf(screen),
        },
      ];
    });
  }

  /**
   * The history from a row on: what was printed, and before it what was not asked for yet, the newest first. Each part
   * is a batch of its own, so that tmux serves its other clients in between. Rows are counted from the screen up: a
   * part for which the pane printed in between is asked for again. Of one that prints all the time there is the end.
   */
  private async older(
    connection: Connection,
    printed: Printed,
    from: number,
  ): Promise<{ history: readonly string[]; isWhole: boolean }> {
    const { id } = printed.pane;
    const parts: (readonly string[])[] = [printed.history];
    let size = printed.pane.historySize;
    let tries = 0;
    for (let end = size - printed.rows; end > from; ) {
      const start = Math.max(from, end - this.rowsAtOnce);
      const mark = `cw-text-${randomHex(12)}`;
      const rows = (first: number, last: number) =>
        capture(id, ['-S', String(first - size), '-E', String(last - size)]);
      const output = await this.capture(connection, end - start, [
        sectionCommand(id, mark, 'now'),
        ['display-message', '-p', '-t', id, '#{history_size}'],
        sectionCommand(id, mark, 'part'),
        rows(start, end - 1),
        sectionCommand(id, mark, 'seam'),
        rows(end - 1, end),
      ]);
      const sections = sectionsOf(output, mark);
      const now = Number(sections.get(`${id} now`) ?? 0);
      // The pane ended, was cleared, or its history was full and lost its head: the rows have other numbers now.
      if (now < size || (now > size && ++tries > triesAtMost))
        return { history: parts.flat(), isWhole: false };
      if (now > size) {
        size = now;
        continue;
      }
      const part = linesOf(sections.get(`${id} part`) ?? '');
      const [next = '', ...rest] = parts[0] ?? [];
      const goesOn = linesOf(sections.get(`${id} seam`) ?? '').length === 1;
      if (goesOn && part.length > 0 && parts[0]?.length) parts[0] = [`${part.pop()}${next}`, ...rest];
      parts.unshift(part);
      end = start;
    }
    return { history: parts.flat(), isWhole: true };
  }

  private merge(text: Printed, print: string, second: number, isIdle: boolean): void {
    const { pane, open } = text;
    const before = this.goesOnFrom(pane) === null ? undefined : this.kept.get(pane.id);
    const added = [...text.history];
    const tail = [...(before?.tail ?? [])];
    if (before?.open && tail.length > 0 && added.length > 0) tail.push(`${tail.pop()}${added.shift()}`);
    const isSameHistory = before !== undefined && pane.historySize === before.historySize;
    tail.push(...added);
    const screen = [...text.screen];
    if (isIdle) screen.length = Math.min(screen.length, screenRow(screen, pane));
    while (screen.length > 0 && isBlank(screen.at(-1) ?? '')) screen.pop();
    const isSame = isSameHistory && before.screen.join('\n') === screen.join('\n');
    this.kept.set(pane.id, {
      fingerprint: print,
      second,
      width: pane.width,
      historySize: pane.historySize,
      done: before?.done ?? [],
      tail,
      open: open && tail.length > 0,
      screen,
      stored: isSame ? before.stored : null,
    });
  }

  private store(kept: Kept): Scrollback {
    const chunks = chunkLines(kept.tail);
    // All but the last chunk have found their border and stay as they are.
    const settled = chunks.slice(0, -1);
    const names = this.blobs.add(settled.map(chunkText));
    for (const [index, lines] of settled.entries())
      kept.done.push({ name: names[index] ?? '', lines: lines.length });
    kept.tail = chunks.at(-1) ?? [];
    let total = kept.done.reduce((sum, chunk) => sum + chunk.lines, 0) + kept.tail.length;
    for (let first = kept.done[0]; first && total - first.lines >= this.options.lines; first = kept.done[0]) {
      total -= first.lines;
      kept.done.shift();
    }
    const end = joined(kept);
    const last = end.length === 0 ? [] : this.blobs.add([chunkText(end)]);
    return {
      chunks: [...kept.done.map((chunk) => chunk.name), ...last],
      lines: kept.done.reduce((sum, chunk) => sum + chunk.lines, 0) + end.length,
    };
  }
}

function joined({ tail, screen, open }: Kept): string[] {
  if (!open || tail.length === 0 || screen.length === 0) return [...tail, ...screen];
  return [...tail.slice(0, -1), `${tail.at(-1)}${screen[0]}`, ...screen.slice(1)];
}

function fingerprint(pane: Pane, window: Window | undefined): string {
  const { historySize, historyBytes, cursorX, cursorY, width, height, alternateOn } = pane;
  // A full-screen program draws all the time, but not on what is kept of its pane.
  if (alternateOn) return `alternate ${historySize} ${width}`;
  return [historySize, historyBytes, cursorX, cursorY, width, height, window?.activity].join(' ');
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The pane's sizes at that moment, the end of its history, whether that wraps into the screen, and the screen. */
function captureCommands(pane: Pane, rows: number, mark: string): Command[] {
  const { id } = pane;
  return [
    sectionCommand(id, mark, 'now'),
    ['display-message', '-p', '-t', id, '#{history_size} #{pane_width} #{alternate_on}'],
    sectionCommand(id, mark, 'history'),
    ...(rows > 0 ? [capture(id, ['-S', String(-rows), '-E', '-1'])] : []),
    sectionCommand(id, mark, 'seam'),
    ...(!pane.alternateOn ? [capture(id, ['-S', '-1', '-E', '0'])] : []),
    sectionCommand(id, mark, 'screen'),
    // Below a full-screen program lies the screen that comes back when it ends.
    pane.alternateOn ? capture(id, ['-a']) : capture(id, ['-S', '0']),
  ];
}

function sectionCommand(id: string, mark: string, name: string): Command {
  return ['display-message', '-p', '-t', id, `${mark} #{pane_id} ${name}`];
}

/** The output by `ID NAME`. */
function sectionsOf(output: Buffer, mark: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const part of output.toString('utf8').split(`${mark} `).slice(1)) {
    const end = part.indexOf('\n');
    sections.set(part.slice(0, end), part.slice(end + 1));
  }
  return sections;
}

function capture(id: string, range: readonly string[]): Command {
  // -J joins what the width of the pane wrapped.
  return ['capture-pane', '-p', '-e', '-J', '-t', id, ...range];
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  return standAlone(lines.map((line) => line.replace(/ +$/, '')));
}

/** The line of the screen, joined ones counted as one, that the cursor's row belongs to. */
function screenRow(lines: readonly string[], pane: Pane): number {
  let row = 0;
  for (const [index, line] of lines.entries()) {
    row += Math.max(1, Math.ceil(plain(line).length / pane.width));
    if (row > pane.cursorY) return index;
  }
  return lines.length;
}

function isBlank(line: string): boolean {
  return plain(line).trim() === '';
}
