import type { Message } from '../share/protocol.js';
import type { Run } from '../share/screen.js';
import { clockText } from '../share/words.js';
import { clusters, clusterWidth, oneCellEach } from '../system/text-width.js';
import { truncate, visible, width } from './output.js';

type Hello = Extract<Message, { kind: 'hello' }>;
type Picture = Extract<Message, { kind: 'screen' }>;

/** What a viewer has been told so far, and how it is drawn on a terminal of another size. */
export class ShareView {
  private lines: (readonly Run[])[] = [];
  private columns = 0;
  private rows = 0;
  private cursor: Picture['cursor'] = { column: 0, row: 0, visible: true };
  private hello: Hello | null = null;
  /** What is drawn: lines that changed since, and where its upper left corner lies. */
  private changed = new Set<number>();
  private drawn = '';

  get hasPicture(): boolean {
    return this.rows > 0;
  }

  take(message: Hello | Picture): void {
    if (message.kind === 'hello') {
      this.hello = message;
      return;
    }
    if (message.columns !== this.columns || message.rows !== this.rows) {
      this.lines = [];
      this.drawn = '';
    }
    ({ columns: this.columns, rows: this.rows, cursor: this.cursor } = message);
    for (const [row, runs] of message.lines) {
      this.lines[row] = runs;
      this.changed.add(row);
    }
  }

  /** The picture as text, without looks. */
  text(): string {
    return Array.from({ length: this.rows }, (_, row) =>
      (this.lines[row] ?? [])
        .map(([text]) => text)
        .join('')
        .trimEnd(),
    ).join('\n');
  }

  /** As data, for programs. */
  data() {
    const { columns, rows, cursor, hello } = this;
    return {
      workspace: hello?.workspace ?? null,
      by: hello?.by ?? null,
      endsAt: hello?.endsAt ?? null,
      columns,
      rows,
      cursor,
      lines: this.text().split('\n'),
    };
  }

  /**
   * What has to be written to a terminal of this size, so that it shows the picture as it is now. Where that is larger,
   * the part around the cursor; the last line of the terminal says whose it is.
   */
  draw(size: { readonly columns: number; readonly rows: number }): string {
    const room = { columns: size.columns, rows: Math.max(1, size.rows - 1) };
    const left = corner(this.cursor.column, room.columns, this.columns);
    const top = corner(this.cursor.row, room.rows, this.rows);
    const place = `${room.columns}x${room.rows}+${left}+${top}`;
    const isAll = place !== this.drawn;
    this.drawn = place;
    let text = isAll ? '\x1b[?25l\x1b[0m\x1b[2J' : '\x1b[?25l';
    for (let at = 0; at < room.rows && top + at < this.rows; at++) {
      if (!isAll && !this.changed.has(top + at)) continue;
      text += `\x1b[${at + 1};1H${drawRuns(this.lines[top + at] ?? [], left, room.columns)}`;
    }
    this.changed.clear();
    if (isAll && size.rows > 1) text += `\x1b[${size.rows};1H\x1b[7m${this.bar(size)}\x1b[0m`;
    const { column, row, visible: isShown } = this.cursor;
    text += `\x1b[${row - top + 1};${column - left + 1}H`;
    return isShown ? `${text}\x1b[?25h` : text;
  }

  private bar(size: { readonly columns: number; readonly rows: number }): string {
    const { workspace, by, endsAt } = this.hello ?? {
      workspace: '?',
      by: '?',
      endsAt: new Date(0).toISOString(),
    };
    const isCut = size.columns < this.columns || size.rows - 1 < this.rows;
    const parts = [
      ` ${visible(workspace)}, shown by ${visible(by)} until ${clockText(endsAt)}`,
      ...(isCut ? [`a part of ${this.columns}x${this.rows}`] : []),
      'q leaves',
    ];
    const text = truncate(parts.join(' · '), size.columns);
    return text + ' '.repeat(Math.max(0, size.columns - width(text)));
  }
}

/** Where the part begins that is shown, so that the cursor is in it: it moves by half of the room. */
function corner(cursor: number, room: number, whole: number): number {
  if (whole <= room || cursor < room) return 0;
  const step = Math.max(1, Math.floor(room / 2));
  return Math.min(whole - room, Math.ceil((cursor - room + 1) / step) * step);
}

/** The cells of a line from one column on, at most so many, and nothing behind them. */
function drawRuns(runs: readonly Run[], from: number, room: number): string {
  let text = '';
  let at = 0;
  for (const [run, style] of runs) {
    const shown = cut(run, from - at, from + room - at);
    at += width(run);
    if (shown !== '') text += `\x1b[0${style ? `;${style}` : ''}m${shown}`;
    if (at >= from + room) break;
  }
  // Behind the last column there is no end to clear, and `K` would take the last cell.
  return at >= from + room ? `${text}\x1b[0m` : `${text}\x1b[0m\x1b[K`;
}

/** The cells from one to another; a wide character that is cut in two is a blank. */
function cut(text: string, from: number, to: number): string {
  if (oneCellEach.test(text)) return text.slice(Math.max(0, from), Math.max(0, to));
  let at = 0;
  let shown = '';
  for (const cluster of clusters(text)) {
    const end = at + clusterWidth(cluster);
    if (at >= from && end <= to) shown += cluster;
    else if (end > from && at < to) shown += ' ';
    at = end;
  }
  return shown;
}
