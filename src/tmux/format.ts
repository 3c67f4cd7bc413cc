import { isAscii } from 'node:buffer';
import { CwError } from '../errors.js';
import { printsEscaped, unquote, unvis } from './escapes.js';

/**
 * Typed rows of tmux's `-F` formats. A title or a path can hold any separator, so a text is asked for as `#{q:x}`,
 * where each space in it has a backslash before it, and a bare space ends it. (A length before it, `#{n:x}`, would do
 * as well, but makes tmux look up everything twice, and a pane's folder and command it looks up in /proc.)
 */

/**
 * The formats that we read, by the first version of tmux that has them: the tables in format.c of the releases, and
 * CHANGES. An unknown one expands to nothing, silently: where a number is due, that is an error only from its version
 * on. 302 stands for "3.2 or before".
 */
const since = {
  alternate_on: 302,
  client_activity: 302,
  client_control_mode: 302,
  client_flags: 302,
  client_height: 302,
  client_last_session: 302,
  client_name: 302,
  client_pid: 302,
  client_session: 302,
  client_tty: 302,
  client_width: 302,
  cursor_x: 302,
  cursor_y: 302,
  history_bytes: 302,
  history_limit: 302,
  history_size: 302,
  pane_active: 302,
  pane_current_command: 302,
  pane_current_path: 302,
  pane_dead: 302,
  pane_dead_signal: 303, // in format.c from the tag 3.3 on
  pane_dead_status: 302,
  pane_dead_time: 303, // the same
  pane_height: 302,
  pane_id: 302,
  pane_in_mode: 302,
  pane_index: 302,
  pane_last: 302,
  pane_left: 302,
  pane_pid: 302,
  pane_start_command: 302,
  pane_start_path: 303, // CHANGES FROM 3.2a TO 3.3: "Add pane_start_path to match start_command."
  pane_synchronized: 302,
  pane_title: 302,
  pane_top: 302,
  pane_tty: 302,
  pane_width: 302,
  session_activity: 302,
  session_attached: 302,
  session_created: 302,
  session_group: 302,
  session_id: 302,
  session_last_attached: 302,
  session_name: 302,
  session_windows: 302,
  status: 302, // an option: how many lines the status line has, `on` and `off`
  window_active: 302,
  window_activity: 302,
  window_height: 302,
  window_id: 302,
  window_index: 302,
  window_last_flag: 302,
  window_layout: 302,
  window_linked: 302,
  window_name: 302,
  window_panes: 302,
  window_visible_layout: 302,
  window_width: 302,
  window_zoomed_flag: 302,
} as const;

export type Token = keyof typeof since;

/** One value of a row: the text for `-F`, and how it is read back. */
export interface Column<T> {
  readonly format: string;
  read(cursor: Cursor): T;
}

/** A place in the output of a batch. */
export class Cursor {
  private at = 0;
  /** One character a byte: a text is looked through many times faster than bytes are. */
  private readonly output: string;
  private readonly ascii: boolean;

  /** @param version of the server, as major * 100 + minor. */
  constructor(
    bytes: Buffer,
    readonly version: number,
  ) {
    this.output = bytes.toString('latin1');
    this.ascii = isAscii(bytes);
  }

  get done(): boolean {
    return this.at >= this.output.length;
  }

  startsWith(text: string): boolean {
    return this.output.startsWith(text, this.at);
  }

  /** Goes past text that must stand here. */
  expect(text: string): void {
    if (!this.startsWith(text)) this.fail(`${JSON.stringify(text)} was expected`);
    this.at += text.length;
  }

  /** The text up to the next stop, which is passed. For values that cannot hold it. */
  until(stop: string): string {
    const end = this.output.indexOf(stop, this.at);
    if (end < 0) this.fail('it ends early');
    const text = this.decode(this.output.slice(this.at, end));
    this.at = end + 1;
    return text;
  }

  /** The next line, without its newline. */
  line(): string {
    return this.until('\n');
  }

  /** A text as `#{q:}` writes it, with a space after it. What is not UTF-8 in it becomes U+FFFD. */
  text(): string {
    return this.decode(this.quoted());
  }

  /** The same byte for byte. */
  bytes(): Buffer {
    return Buffer.from(this.quoted(), 'latin1');
  }

  private quoted(): string {
    const found = unquote(this.output, this.at, printsEscaped(this.version));
    if (!found) this.fail('it ends early');
    this.at = found.end + 1;
    return found.value;
  }

  private decode(text: string): string {
    return this.ascii ? text : Buffer.from(text, 'latin1').toString();
  }

  /** Throws an error that shows what stands here. */
  fail(why: string): never {
    const before = this.decode(this.output.slice(Math.max(0, this.at - 80), this.at));
    const after = this.decode(this.output.slice(this.at, this.at + 120));
    throw new CwError(
      'tmux-unusable',
      `tmux printed a row that cannot be read: ${why}, in ${JSON.stringify(before)} <here> ${JSON.stringify(after)}`,
    );
  }
}

function quoted<T>(expression: string, read: (cursor: Cursor) => T): Column<T> {
  return { format: `#{q:${expression}} `, read };
}

/** A text. Empty where the version lacks it. */
export function field(token: Token): Column<string> {
  return quoted(token, (cursor) => cursor.text());
}

/**
 * A text that tmux keeps escaped (`clean_name`): read back as what was set, so that setting it again does not escape
 * it twice.
 *
 * @param from the first version that keeps it escaped.
 */
export function escaped(token: Token, from: number): Column<string> {
  return quoted(token, (cursor) =>
    cursor.version >= from ? unvis(cursor.bytes()).toString() : cursor.text(),
  );
}

/** A text that is missing when it is empty. */
export function optional(token: Token): Column<string | null> {
  return quoted(token, (cursor) => cursor.text() || null);
}

/** A user option (`@name`); null when it is not set, or empty. */
export function option(name: `@${string}`): Column<string | null> {
  return quoted(name, (cursor) => cursor.text() || null);
}

/** A whole number; 0 where the version lacks it. */
export function int(token: Token): Column<number> {
  return {
    format: `#{${token}} `,
    read(cursor) {
      const digits = cursor.until(' ');
      // Cells left of or above a window that is shown in part are negative.
      if (/^-?\d+$/.test(digits)) return Number(digits);
      if (digits === '' && cursor.version < since[token]) return 0;
      return cursor.fail(`${token} is ${JSON.stringify(digits)}, no number`);
    },
  };
}

/** A whole number, or null where tmux prints nothing: "not yet", "not so". */
export function optionalInt(token: Token): Column<number | null> {
  const number = int(token);
  return {
    format: number.format,
    read(cursor) {
      if (!cursor.startsWith(' ')) return number.read(cursor);
      cursor.expect(' ');
      return null;
    },
  };
}

/** A flag: `1`, and `0` or nothing. */
export function flag(token: Token): Column<boolean> {
  return {
    format: `#{${token}} `,
    read(cursor) {
      const value = cursor.until(' ');
      if (value !== '1' && value !== '0' && value !== '')
        cursor.fail(`${token} is ${JSON.stringify(value)}, no flag`);
      return value === '1';
    },
  };
}

type Columns = Readonly<Record<string, Column<unknown>>>;
type RowOf<C extends Columns> = { readonly [K in keyof C]: C[K] extends Column<infer T> ? T : never };

function columnsOf<C extends Columns>(columns: C): Column<RowOf<C>> {
  const entries = Object.entries(columns);
  return {
    format: entries.map(([, column]) => column.format).join(''),
    read(cursor) {
      const row: Record<string, unknown> = {};
      for (const [key, column] of entries) row[key] = column.read(cursor);
      return row as RowOf<C>;
    },
  };
}

/** All windows of the row's session (`#{W:}`), or all panes of its window (`#{P:}`). */
export function each<C extends Columns>(loop: 'W' | 'P', columns: C): Column<RowOf<C>[]> {
  const item = columnsOf(columns);
  return {
    format: `#{${loop}:+${item.format}}. `,
    read(cursor) {
      const items: RowOf<C>[] = [];
      while (cursor.startsWith('+')) {
        cursor.expect('+');
        items.push(item.read(cursor));
      }
      cursor.expect('. ');
      return items;
    },
  };
}

export interface Row<T> {
  /** For `-F`. */
  readonly format: string;
  /** The rows that stand next in mixed output; none when something else does. */
  take(cursor: Cursor): T[];
  /**
   * The rows of output that holds nothing else.
   *
   * @throws CwError `tmux-unusable` that shows the place, when it is of another shape.
   */
  parse(output: Buffer, version: number): T[];
}

export type RowType<R> = R extends Row<infer T> ? T : never;

/**
 * A kind of row.
 *
 * @param tag one word that begins each row, so that kinds can be told apart in the output of one batch.
 */
export function defineRow<C extends Columns>(tag: string, columns: C): Row<RowOf<C>> {
  const body = columnsOf(columns);
  const take = (cursor: Cursor) => {
    const rows: RowOf<C>[] = [];
    while (cursor.startsWith(`${tag} `)) {
      cursor.expect(`${tag} `);
      rows.push(body.read(cursor));
      cursor.expect('\n');
    }
    return rows;
  };
  return {
    format: `${tag} ${body.format}`,
    take,
    parse(output, version) {
      const cursor = new Cursor(output, version);
      const rows = take(cursor);
      if (!cursor.done) cursor.fail(`a row that begins with ${JSON.stringify(tag)} was expected`);
      return rows;
    },
  };
}
