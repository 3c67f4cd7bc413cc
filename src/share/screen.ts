import { clusterWidth } from '../system/text-width.js';
import { Style } from './style.js';

/** A piece of a line that looks alike: its text, and the parameters of SGR. */
export type Run = readonly [text: string, style: string];

export interface CursorSeen {
  readonly column: number;
  readonly row: number;
  readonly visible: boolean;
}

interface Line {
  /** What each cell shows; empty behind a wide character, which takes two. */
  readonly cells: string[];
  readonly styles: string[];
  /** Grows with each change of any line: which lines somebody has not seen yet is told by it. */
  version: number;
}

/** Longer than any sequence that tmux writes to draw; what is longer is passed over. */
const longestSequence = 256;
/** Characters that are put on top of one. */
const mostCombined = 32;

// The line drawing characters of the DEC terminals, from "`" to "~".
const drawing = '◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·';

/**
 * What a terminal shows that tmux draws on: text in cells, and no more. All that could make a terminal do something
 * else (clipboards, titles, questions that it answers, mouse reports) is not understood, and so is not there.
 */
export class Screen {
  private lines: Line[] = [];
  private style = new Style();
  private x = 0;
  private y = 0;
  /** The last column was written: the next character begins a new line. */
  private isFull = false;
  private top = 0;
  private bottom = 0;
  private saved = { x: 0, y: 0 };
  private isVisible = true;
  private charsets = { g0: 'B', g1: 'B', shifted: false };
  private changes = 0;
  private state: 'ground' | 'escape' | 'charset' | 'csi' | 'string' | 'string-escape' = 'ground';
  private sequence = '';
  private readonly decoder = new TextDecoder('utf-8');

  constructor(
    public columns: number,
    public rows: number,
  ) {
    this.resize(columns, rows);
  }

  /** The number of the last change. */
  get version(): number {
    return this.changes;
  }

  get cursor(): CursorSeen {
    return { column: this.x, row: this.y, visible: this.isVisible };
  }

  /** Takes another size, and is empty: tmux draws all anew on a terminal that changed its size. */
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.changes++;
    this.lines = Array.from({ length: rows }, () => this.blank(''));
    this.bottom = rows - 1;
    this.top = this.x = this.y = 0;
    this.isFull = false;
  }

  /** The lines that changed after the change of this number; all for -1. */
  changedSince(version: number): [row: number, runs: Run[]][] {
    return this.lines.flatMap((line, row) =>
      line.version > version ? [[row, runsOf(line)] as [number, Run[]]] : [],
    );
  }

  /** The lines as text, without the blanks at their ends. */
  text(): string {
    return this.lines.map(({ cells }) => cells.join('').trimEnd()).join('\n');
  }

  /** Takes what was written to the terminal. Sequences and characters may come in pieces. */
  write(bytes: Uint8Array): void {
    for (const character of this.decoder.decode(bytes, { stream: true })) this.take(character);
  }

  private take(character: string): void {
    const code = character.codePointAt(0) ?? 0;
    switch (this.state) {
      case 'ground':
        if (code >= 0x20 && code !== 0x7f) this.print(character, code);
        else this.control(code);
        return;
      case 'escape':
        this.escape(character, code);
        return;
      case 'charset':
        if (this.sequence === '(') this.charsets.g0 = character;
        if (this.sequence === ')') this.charsets.g1 = character;
        this.state = 'ground';
        return;
      case 'csi':
        if (code === 0x1b) this.begin();
        else if (code < 0x20) this.control(code);
        else if (code >= 0x40 && code <= 0x7e) {
          this.state = 'ground';
          if (this.sequence.length <= longestSequence) this.csi(character, this.sequence);
        } else if (this.sequence.length <= longestSequence) this.sequence += character;
        return;
      case 'string':
        if (code === 0x07 || code === 0x9c) this.state = 'ground';
        else if (code === 0x1b) this.state = 'string-escape';
        return;
      case 'string-escape':
        // ESC \ ends it; any other ESC begins something new.
        if (character === '\\') this.state = 'ground';
        else {
          this.begin();
          this.take(character);
        }
    }
  }

  private begin(): void {
    this.state = 'escape';
    this.sequence = '';
  }

  private escape(character: string, code: number): void {
    this.state = 'ground';
    if (code === 0x1b) this.begin();
    else if (character === '[') this.state = 'csi';
    else if (']PX^_'.includes(character)) this.state = 'string';
    else if ('()*+-./ #%'.includes(character)) {
      this.sequence = character;
      this.state = 'charset';
    } else if (character === '7') this.saved = { x: this.x, y: this.y };
    else if (character === '8') this.move(this.saved.x, this.saved.y);
    else if (character === 'D') this.lineFeed();
    else if (character === 'M') this.reverseLineFeed();
    else if (character === 'E') {
      this.x = 0;
      this.lineFeed();
    } else if (character === 'c') {
      this.style.reset();
      this.resize(this.columns, this.rows);
    } else if (code < 0x20) this.control(code);
  }

  private control(code: number): void {
    if (code === 0x1b) this.begin();
    else if (code === 0x0d) this.move(0, this.y);
    else if (code >= 0x0a && code <= 0x0c) this.lineFeed();
    else if (code === 0x08) this.move(this.x - 1, this.y);
    else if (code === 0x09) this.move(Math.floor(this.x / 8) * 8 + 8, this.y);
    else if (code === 0x0e) this.charsets.shifted = true;
    else if (code === 0x0f) this.charsets.shifted = false;
  }

  private print(character: string, code: number): void {
    if (code >= 0x80 && code < 0xa0) return; // the control characters of 8 bits
    const isDrawing = (this.charsets.shifted ? this.charsets.g1 : this.charsets.g0) === '0';
    const shown = isDrawing && code >= 0x60 && code <= 0x7e ? [...drawing][code - 0x60]! : character;
    const cells = code < 0x7f ? 1 : clusterWidth(shown);
    if (cells === 0) {
      this.combine(shown);
      return;
    }
    if (this.isFull || this.x + cells > this.columns) {
      if (cells > this.columns) return;
      this.x = 0;
      this.lineFeed();
    }
    const line = this.changed(this.y);
    const style = this.style.toString();
    this.put(line, this.x, shown, style);
    if (cells === 2) this.put(line, this.x + 1, '', style);
    this.x += cells;
    this.isFull = this.x >= this.columns;
    if (this.isFull) this.x = this.columns - 1;
  }

  /** Half of a wide character that is written over takes the other half with it. */
  private put(line: Line, at: number, character: string, style: string): void {
    if (character !== '' && line.cells[at] === '' && at > 0) line.cells[at - 1] = ' ';
    if (line.cells[at + 1] === '') line.cells[at + 1] = ' ';
    line.cells[at] = character;
    line.styles[at] = style;
  }

  private combine(character: string): void {
    let at = this.isFull ? this.x : this.x - 1;
    if (at > 0 && this.lines[this.y]?.cells[at] === '') at--;
    if (at < 0) return;
    const line = this.changed(this.y);
    const before = line.cells[at] ?? ' ';
    if (before.length < mostCombined) line.cells[at] = before + character;
  }

  private csi(final: string, sequence: string): void {
    if (sequence.startsWith('?')) {
      if ((final === 'h' || final === 'l') && sequence.slice(1).split(';').includes('25'))
        this.isVisible = final === 'h';
      return;
    }
    if (final === 'm') {
      this.style.apply(sequence);
      return;
    }
    if (!/^[0-9;]*$/.test(sequence)) return;
    const given = sequence.split(';').map((item) => (item === '' ? null : Number(item)));
    const [first, second] = [given[0] ?? null, given[1] ?? null];
    const count = Math.min(Math.max(1, first ?? 1), Math.max(this.rows, this.columns));
    if (this.moves(final, count, first, second)) return;
    this.edits(final, count, first);
    if (final === 'r') {
      const [top, bottom] = [Math.max(1, first ?? 1) - 1, Math.min(second ?? this.rows, this.rows) - 1];
      if (top >= bottom) return;
      [this.top, this.bottom] = [top, bottom];
      this.move(0, 0);
    }
  }

  private moves(final: string, count: number, first: number | null, second: number | null): boolean {
    switch (final) {
      case 'A':
        this.move(this.x, Math.max(this.y - count, this.y >= this.top ? this.top : 0));
        return true;
      case 'B':
        this.move(this.x, Math.min(this.y + count, this.y <= this.bottom ? this.bottom : this.rows - 1));
        return true;
      case 'C':
        this.move(this.x + count, this.y);
        return true;
      case 'D':
        this.move(this.x - count, this.y);
        return true;
      case 'E':
        this.move(0, this.y + count);
        return true;
      case 'F':
        this.move(0, this.y - count);
        return true;
      case 'G':
      case '`':
        this.move(count - 1, this.y);
        return true;
      case 'd':
        this.move(this.x, count - 1);
        return true;
      case 'H':
      case 'f':
        this.move((second ?? 1) - 1, (first ?? 1) - 1);
        return true;
      case 's':
        this.saved = { x: this.x, y: this.y };
        return true;
      case 'u':
        this.move(this.saved.x, this.saved.y);
        return true;
      default:
        return false;
    }
  }

  private edits(final: string, count: number, first: number | null): void {
    const isInside = this.y >= this.top && this.y <= this.bottom;
    switch (final) {
      case 'J':
        this.eraseScreen(first ?? 0);
        break;
      case 'K':
        this.eraseLine(first ?? 0);
        break;
      case 'X':
        this.erase(this.y, this.x, this.x + count);
        break;
      case 'L':
        if (isInside) this.scrollDown(this.y, count);
        break;
      case 'M':
        if (isInside) this.scrollUp(this.y, count);
        break;
      case 'S':
        this.scrollUp(this.top, count);
        break;
      case 'T':
        this.scrollDown(this.top, count);
        break;
      case '@':
        this.shift(count);
        break;
      case 'P':
        this.shift(-count);
        break;
    }
  }

  private move(x: number, y: number): void {
    this.x = Math.max(0, Math.min(x, this.columns - 1));
    this.y = Math.max(0, Math.min(y, this.rows - 1));
    this.isFull = false;
  }

  private lineFeed(): void {
    this.isFull = false;
    if (this.y === this.bottom) this.scrollUp(this.top, 1);
    else if (this.y < this.rows - 1) this.y++;
  }

  private reverseLineFeed(): void {
    this.isFull = false;
    if (this.y === this.top) this.scrollDown(this.top, 1);
    else if (this.y > 0) this.y--;
  }

  private scrollUp(from: number, count: number): void {
    const gone = Math.min(count, this.bottom - from + 1);
    this.lines.splice(from, gone);
    this.lines.splice(this.bottom - gone + 1, 0, ...this.blanks(gone));
    this.touch(from);
  }

  private scrollDown(from: number, count: number): void {
    const gone = Math.min(count, this.bottom - from + 1);
    this.lines.splice(this.bottom - gone + 1, gone);
    this.lines.splice(from, 0, ...this.blanks(gone));
    this.touch(from);
  }

  private blanks(count: number): Line[] {
    return Array.from({ length: count }, () => this.blank(this.style.cleared()));
  }

  private touch(from: number): void {
    for (let row = from; row <= this.bottom; row++) this.changed(row);
  }

  private eraseScreen(what: number): void {
    if (what === 0) {
      this.eraseLine(0);
      for (let row = this.y + 1; row < this.rows; row++) this.erase(row, 0, this.columns);
    } else if (what === 1) {
      for (let row = 0; row < this.y; row++) this.erase(row, 0, this.columns);
      this.eraseLine(1);
    } else if (what === 2) for (let row = 0; row < this.rows; row++) this.erase(row, 0, this.columns);
  }

  private eraseLine(what: number): void {
    if (what === 0) this.erase(this.y, this.x, this.columns);
    else if (what === 1) this.erase(this.y, 0, this.x + 1);
    else if (what === 2) this.erase(this.y, 0, this.columns);
  }

  private erase(row: number, from: number, to: number): void {
    const line = this.changed(row);
    for (let at = from; at < Math.min(to, this.columns); at++) this.put(line, at, ' ', this.style.cleared());
    this.isFull = false;
  }

  /** Moves what stands at the cursor and behind it to the right, or to the left. */
  private shift(count: number): void {
    const line = this.changed(this.y);
    const amount = Math.min(Math.abs(count), this.columns - this.x);
    const style = this.style.cleared();
    // A wide character that is cut in two is gone.
    if (line.cells[this.x] === '' && this.x > 0) line.cells[this.x - 1] = line.cells[this.x] = ' ';
    const [cells, styles] = [Array<string>(amount).fill(' '), Array<string>(amount).fill(style)];
    if (count > 0) {
      line.cells.splice(this.x, 0, ...cells);
      line.styles.splice(this.x, 0, ...styles);
      if (line.cells[this.columns] === '') line.cells[this.columns - 1] = ' ';
      line.cells.length = line.styles.length = this.columns;
    } else {
      line.cells.splice(this.x, amount);
      line.styles.splice(this.x, amount);
      if (line.cells[this.x] === '') line.cells[this.x] = ' ';
      line.cells.push(...cells);
      line.styles.push(...styles);
    }
    this.isFull = false;
  }

  private changed(row: number): Line {
    const line = this.lines[row];
    if (!line) throw new Error(`a screen of ${this.rows} lines has no line ${row}`);
    line.version = ++this.changes;
    return line;
  }

  private blank(style: string): Line {
    return {
      cells: Array<string>(this.columns).fill(' '),
      styles: Array<string>(this.columns).fill(style),
      version: this.changes,
    };
  }
}

/** A line as pieces that look alike; blanks at its end that look plain are left out. */
function runsOf({ cells, styles }: Line): Run[] {
  let end = cells.length;
  while (end > 0 && cells[end - 1] === ' ' && styles[end - 1] === '') end--;
  const runs: [string, string][] = [];
  for (let at = 0; at < end; at++) {
    const last = runs.at(-1);
    if (last && last[1] === styles[at]) last[0] += cells[at];
    else runs.push([cells[at] ?? ' ', styles[at] ?? '']);
  }
  return runs;
}
