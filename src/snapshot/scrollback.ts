import { randomBytes } from 'node:crypto';
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

/** Lines asked for at once: tmux serves no other client while it prints them (1,000 coloured ones take 5 ms). */
const linesAtOnce = 2000;

export class Scrollbacks {
  private readonly kept = new Map<string, Kept>();

  constructor(
    private readonly blobs: BlobStore,
    private readonly options: ScrollbackOptions,
  ) {}

  /**
   * Reads what changed in these panes since the last call.
   *
   * @param idle says that a pane's shell waits at its prompt: that line is not kept, since a restored shell prints
   *   its own.
   * @returns the text of each pane that could be read, by its id.
   */
  async update(
    connection: Connection,
    reading: Reading,
    panes: readonly Pane[],
    idle: (pane: Pane) => boolean,
  ): Promise<Map<string, Scrollback>> {
    const windows = new Map(reading.windows.map((window) => [window.id, window]));
    const second = Math.floor(Date.now() / 1000);
    const moved = panes.filter((pane) => this.hasMoved(pane, windows.get(pane.window)));
    let batch: Pane[] = [];
    let lines = 0;
    for (const pane of moved) {
      const wanted = this.wanted(pane) + pane.height;
      if (batch.length > 0 && lines + wanted > linesAtOnce) {
        await this.read(connection, batch, windows, second, idle);
        batch = [];
        lines = 0;
      }
      batch.push(pane);
      lines += wanted;
    }
    if (batch.length > 0) await this.read(connection, batch, windows, second, idle);
    const texts = new Map<string, Scrollback>();
    for (const pane of panes) {
      const kept = this.kept.get(pane.id);
      if (!kept) continue;
      kept.stored ??= await this.store(kept);
      texts.set(pane.id, kept.stored);
    }
    return texts;
  }

  /** Forgets panes that are gone. */
  keepOnly(panes: ReadonlySet<string>): void {
    for (const id of this.kept.keys()) if (!panes.has(id)) this.kept.delete(id);
  }

  private hasMoved(pane: Pane, window: Window | undefined): boolean {
    const kept = this.kept.get(pane.id);
    if (!kept) return true;
    // Activity has whole seconds: what moved in the second of the last reading may have moved after it.
    return kept.fingerprint !== fingerprint(pane, window) || (window?.activity ?? 0) >= kept.second;
  }

  /** Lines of history to ask for: those since the last reading, or all when that cannot be told. */
  private wanted(pane: Pane): number {
    const kept = this.kept.get(pane.id);
    const all = Math.min(pane.historySize, this.options.lines);
    if (!kept || kept.width !== pane.width || pane.historySize < kept.historySize) return all;
    // When the history is full tmux drops a tenth of it at once: from there on the size does not tell what is new.
    if (pane.historySize >= pane.historyLimit * 0.9) return all;
    return Math.min(all, pane.historySize - kept.historySize);
  }

  private async read(
    connection: Connection,
    panes: readonly Pane[],
    windows: ReadonlyMap<string, Window>,
    second: number,
    idle: (pane: Pane) => boolean,
  ): Promise<void> {
    const mark = `cw-text-${randomBytes(12).toString('hex')}`;
    const commands = panes.flatMap((pane) => captureCommands(pane, this.wanted(pane), mark));
    const result = await connection.batch(commands);
    const sections = new Map<string, string>();
    for (const part of result.stdout.toString('utf8').split(`${mark} `).slice(1)) {
      const end = part.indexOf('\n');
      sections.set(part.slice(0, end), part.slice(end + 1));
    }
    for (const pane of panes) {
      const now = sections.get(`${pane.id} now`);
      const text = {
        history: sections.get(`${pane.id} history`),
        seam: sections.get(`${pane.id} seam`),
        screen: sections.get(`${pane.id} screen`),
      };
      if (now === undefined || text.screen === undefined) {
        this.kept.delete(pane.id); // it ended meanwhile
        continue;
      }
      // It went on between the two readings: what was asked for does not begin where the last text ended.
      if (now.trim() !== `${pane.historySize} ${pane.width} ${Number(pane.alternateOn)}`) {
        await this.readAgain(connection, pane, windows, second, idle);
        continue;
      }
      await this.merge(pane, text, fingerprint(pane, windows.get(pane.window)), second, idle(pane));
    }
  }

  /** Reads a pane that moves while it is read, all of it in one command of the server. */
  private async readAgain(
    connection: Connection,
    pane: Pane,
    windows: ReadonlyMap<string, Window>,
    second: number,
    idle: (pane: Pane) => boolean,
  ): Promise<void> {
    this.kept.delete(pane.id);
    const lines = Math.min(this.options.lines, linesAtOnce);
    const answer = await connection.batch([capture(pane.id, ['-S', String(-lines)])]);
    if (answer.errors.length > 0) return;
    const text = answer.stdout.toString('utf8');
    // The size is not known to be of the same moment: the next reading takes all.
    const kept = { ...pane, historySize: Number.MAX_SAFE_INTEGER };
    await this.merge(
      kept,
      { history: '', seam: '', screen: text },
      fingerprint(pane, windows.get(pane.window)),
      second,
      idle(pane),
    );
  }

  private async merge(
    pane: Pane,
    text: { history: string | undefined; seam: string | undefined; screen: string | undefined },
    print: string,
    second: number,
    isIdle: boolean,
  ): Promise<void> {
    const before = this.kept.get(pane.id);
    const asked = this.wanted(pane);
    const added = asked === 0 ? [] : linesOf(text.history ?? '');
    const goesOn = before !== undefined && asked === pane.historySize - before.historySize;
    const done = goesOn ? before.done : [];
    const tail = goesOn ? [...before.tail] : [];
    if (goesOn && before.open && tail.length > 0 && added.length > 0)
      tail.push(`${tail.pop()}${added.shift()}`);
    tail.push(...added);
    const screen = linesOf(text.screen ?? '');
    if (isIdle) screen.length = Math.min(screen.length, screenRow(screen, pane));
    while (screen.length > 0 && isBlank(screen.at(-1) ?? '')) screen.pop();
    // Two lines captured together that come back as one are one line that wraps.
    const open =
      asked + (before?.historySize ?? 0) > 0 && linesOf(text.seam ?? '').length === 1 && tail.length > 0;
    this.kept.set(pane.id, {
      fingerprint: print,
      second,
      width: pane.width,
      historySize: pane.historySize,
      done,
      tail,
      open,
      screen,
      stored: null,
    });
  }

  private async store(kept: Kept): Promise<Scrollback> {
    const chunks = chunkLines(kept.tail);
    // All but the last chunk have found their border and stay as they are.
    const settled = chunks.slice(0, -1);
    const names = await this.blobs.put(settled.map(chunkText));
    for (const [index, lines] of settled.entries())
      kept.done.push({ name: names[index] ?? '', lines: lines.length });
    kept.tail = chunks.at(-1) ?? [];
    let total = kept.done.reduce((sum, chunk) => sum + chunk.lines, 0) + kept.tail.length;
    for (let first = kept.done[0]; first && total - first.lines >= this.options.lines; first = kept.done[0]) {
      total -= first.lines;
      kept.done.shift();
    }
    const end = joined(kept);
    const last = end.length === 0 ? [] : await this.blobs.put([chunkText(end)]);
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

/** The history that is new, whether its last line wraps into the screen, and the screen; with their sizes at that moment. */
function captureCommands(pane: Pane, lines: number, mark: string): Command[] {
  const { id } = pane;
  const section = (name: string): Command => [
    'display-message',
    '-p',
    '-t',
    id,
    `${mark} #{pane_id} ${name}`,
  ];
  return [
    section('now'),
    ['display-message', '-p', '-t', id, '#{history_size} #{pane_width} #{alternate_on}'],
    section('history'),
    ...(lines > 0 ? [capture(id, ['-S', String(-lines), '-E', '-1'])] : []),
    section('seam'),
    ...(pane.historySize > 0 && !pane.alternateOn ? [capture(id, ['-S', '-1', '-E', '0'])] : []),
    section('screen'),
    // Below a full-screen program lies the screen that comes back when it ends.
    pane.alternateOn ? capture(id, ['-a']) : capture(id, ['-S', '0']),
  ];
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
