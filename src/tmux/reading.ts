import { CwError } from '../errors.js';
import { isOnlooker } from './client-flags.js';
import type { BatchOptions, BatchResult, Command, Connection } from './connection.js';
import {
  Cursor,
  defineRow,
  each,
  escaped,
  field,
  flag,
  int,
  option,
  optional,
  optionalInt,
  type RowType,
} from './format.js';
import { parseOptions } from './options.js';
import { noServerOrThrow } from './server.js';
import type { PaneId, SessionId, WindowId } from './target.js';
import { parseVersion } from './version.js';

export { type Details, readDetails } from './details.js';

/** What is true of the whole server. */
export interface ServerReading {
  /** As major * 100 + minor. */
  readonly version: number;
  readonly pid: number;
  /** Seconds since 1970. With the pid it names one server for ever. */
  readonly startTime: number;
  /** The user's global options. */
  readonly baseIndex: number;
  readonly paneBaseIndex: number;
  readonly defaultShell: string;
  readonly defaultCommand: string;
  /** Cells, as `80x24`. */
  readonly defaultSize: string;
  readonly historyLimit: number;
}

const headCommands: readonly Command[] = [
  ['display-message', '-p', 'v #{version} #{pid} #{start_time}'],
  ['show-options', '-g', 'base-index'],
  ['show-options', '-gw', 'pane-base-index'],
  ['show-options', '-g', 'default-shell'],
  ['show-options', '-g', 'default-command'],
  ['show-options', '-g', 'default-size'],
  ['show-options', '-g', 'history-limit'],
];

/**
 * Reads what `headCommands` printed. Of the errors only one is none: a server without sessions has "no current
 * target" for the commands that come after `list-sessions`.
 */
function readHead(result: BatchResult): { readonly server: ServerReading; readonly cursor: Cursor } {
  // The version comes first: it says how the rest is read, and that a tmux which does not know it all is too old.
  const end = result.stdout.indexOf('\n');
  const [tag, versionText, pid, startTime] = result.stdout.toString('utf8', 0, Math.max(0, end)).split(' ');
  const version = tag === 'v' && versionText ? parseVersion(versionText) : null;
  const errors = result.errors.filter((error) => !/^no current (target|session)/.test(error));
  if (errors.length > 0 || version === null) {
    throw new CwError(
      'tmux-unusable',
      `tmux could not be read: ${errors.join('; ') || 'it gave no version'}.`,
    );
  }
  const cursor = new Cursor(result.stdout, version);
  cursor.line();
  const lines = headCommands.slice(1).map(() => cursor.line());
  const options = parseOptions(lines.join('\n'), version);
  const server: ServerReading = {
    version,
    pid: Number(pid),
    startTime: Number(startTime),
    baseIndex: Number(options['base-index']),
    paneBaseIndex: Number(options['pane-base-index']),
    defaultShell: options['default-shell'] ?? '',
    defaultCommand: options['default-command'] ?? '',
    defaultSize: options['default-size'] ?? '',
    historyLimit: Number(options['history-limit']),
  };
  return { server, cursor };
}

/** The end of a reading: all was read, and nothing is missing that sessions would have. */
function readEnd(cursor: Cursor, result: BatchResult, sessions: number): void {
  if (!cursor.done) cursor.fail('nothing more was expected');
  if (sessions > 0 && result.errors.length > 0) {
    throw new CwError('tmux-unusable', `tmux could not be read: ${result.errors.join('; ')}.`);
  }
}

const clientRow = defineRow('c', {
  sessionName: field('client_session'),
  sessionId: field('session_id'),
  name: field('client_name'),
  tty: field('client_tty'),
  pid: int('client_pid'),
  control: flag('client_control_mode'),
  flags: field('client_flags'),
  // A control client has no size unless it asks for one.
  width: optionalInt('client_width'),
  height: optionalInt('client_height'),
});
export type ClientRow = RowType<typeof clientRow>;

const briefSessionRow = defineRow('s', {
  id: field('session_id'),
  name: field('session_name'),
  created: int('session_created'),
  lastAttached: optionalInt('session_last_attached'),
  group: optional('session_group'),
  workspace: option('@cw_id'),
  path: option('@cw_path'),
  windows: each('W', { id: field('window_id'), panes: int('window_panes'), mark: option('@cw_window') }),
});

/** A session, as much of it as a list and an opening need. Times are seconds since 1970. */
export interface SessionRow {
  /** `$3` */
  readonly id: SessionId;
  readonly name: string;
  readonly windows: number;
  readonly panes: number;
  /** Terminals at which it is used (`isOnlooker`); control-mode clients (editors, our own daemon) are not counted. */
  readonly attached: number;
  readonly created: number;
  readonly lastAttached: number | null;
  readonly group: string | null;
  /** `@cw_id`: set for workspaces of ours. */
  readonly workspace: string | null;
  /** `@cw_path`: the project's folder. */
  readonly path: string | null;
  /** Its windows, with `@cw_window` where it is set. */
  readonly windowMarks: readonly { readonly id: WindowId; readonly mark: string | null }[];
}

export interface SessionsReading extends ServerReading {
  /** When it was asked for, in milliseconds since 1970. */
  readonly askedAt: number;
  readonly sessions: readonly SessionRow[];
}

/** What `readSessions` asks; one value, by which the reading that was asked early is known. */
export const sessionsCommands: readonly Command[] = [
  ...headCommands,
  ['list-sessions', '-F', briefSessionRow.format],
  ['list-clients', '-F', clientRow.format],
];

/** Commands that come before a reading, and how the client that runs them is started. */
export interface First extends Pick<BatchOptions, 'prefix'> {
  readonly commands: readonly Command[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The sessions and what a plan needs to know of the server, with one tmux process. null: no server runs.
 *
 * @param first commands that run before, in the same process, and print nothing: one that starts the server, with
 *   the environment that it shall have.
 * @throws CwError `tmux-unusable` when that could not be found out.
 */
export async function readSessions(
  connection: Connection,
  first: First | null = null,
): Promise<SessionsReading | null> {
  const commands = first ? [...first.commands, ...sessionsCommands] : sessionsCommands;
  const askedAt = Date.now();
  const result = await askServer(connection, commands, first);
  if (!result) return null;
  const { server, cursor } = readHead(result);
  const rows = briefSessionRow.take(cursor);
  const attached = attachedBySession(clientRow.take(cursor));
  readEnd(cursor, result, rows.length);
  return {
    ...server,
    askedAt,
    sessions: rows.map(({ windows, ...row }) => ({
      ...row,
      id: row.id as SessionId,
      windows: windows.length,
      panes: windows.reduce((sum, window) => sum + window.panes, 0),
      attached: attached.get(row.id) ?? 0,
      windowMarks: windows.map(({ id, mark }) => ({ id: id as WindowId, mark })),
    })),
  };
}

async function askServer(
  connection: Connection,
  commands: readonly Command[],
  first: First | null = null,
): Promise<BatchResult | null> {
  const options = first && { env: first.env, ...(first.prefix && { prefix: first.prefix }) };
  try {
    return await connection.batch(commands, { stopOnError: true, ...options });
  } catch (error) {
    noServerOrThrow(error, connection.address);
    return null;
  }
}

function attachedBySession(clients: readonly ClientRow[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const client of clients) {
    if (!client.control && !isOnlooker(client.flags))
      counts.set(client.sessionId, (counts.get(client.sessionId) ?? 0) + 1);
  }
  return counts;
}

const sessionRow = defineRow('s', {
  id: field('session_id'),
  name: field('session_name'),
  created: int('session_created'),
  lastAttached: optionalInt('session_last_attached'),
  activity: int('session_activity'),
  group: optional('session_group'),
  workspace: option('@cw_id'),
  path: option('@cw_path'),
  touched: option('@cw_bell'),
  activeWindow: field('window_id'),
});

const windowRow = defineRow('w', {
  id: field('window_id'),
  session: field('session_id'),
  index: int('window_index'),
  // Up to 3.6 `-n NAME` keeps a name as it is and `rename-window` keeps it escaped, and nothing tells which it was:
  // it is read as it stands, and `-n` makes the same one again. From 3.7 on all are escaped.
  name: escaped('window_name', 307),
  layout: field('window_layout'),
  active: flag('window_active'),
  last: flag('window_last_flag'),
  zoomed: flag('window_zoomed_flag'),
  linked: flag('window_linked'),
  synchronized: flag('pane_synchronized'),
  width: int('window_width'),
  height: int('window_height'),
  panes: int('window_panes'),
  activity: int('window_activity'),
  mark: option('@cw_window'),
});

const paneRow = defineRow('p', {
  id: field('pane_id'),
  window: field('window_id'),
  index: int('pane_index'),
  pid: int('pane_pid'),
  tty: field('pane_tty'),
  // From 3.7 on a title is escaped as a name is (`clean_name`).
  title: escaped('pane_title', 307),
  currentPath: field('pane_current_path'),
  currentCommand: field('pane_current_command'),
  startCommand: field('pane_start_command'),
  startPath: field('pane_start_path'),
  dead: flag('pane_dead'),
  deadStatus: optionalInt('pane_dead_status'),
  active: flag('pane_active'),
  last: flag('pane_last'),
  width: int('pane_width'),
  height: int('pane_height'),
  historySize: int('history_size'),
  historyLimit: int('history_limit'),
  historyBytes: int('history_bytes'),
  alternateOn: flag('alternate_on'),
  cursorX: int('cursor_x'),
  cursorY: int('cursor_y'),
  mark: option('@cw_pane'),
});

/** A session with its ids branded; times in seconds since 1970. */
export interface Session extends Omit<RowType<typeof sessionRow>, 'id' | 'activeWindow'> {
  readonly id: SessionId;
  readonly activeWindow: WindowId;
  /** As in `SessionRow`. */
  readonly attached: number;
}

/** A window in a session. One that is linked into several sessions, or of a session group, is here once for each. */
export interface Window extends Omit<RowType<typeof windowRow>, 'id' | 'session'> {
  readonly id: WindowId;
  readonly session: SessionId;
}

/** A pane, once, however many sessions show its window. */
export interface Pane extends Omit<RowType<typeof paneRow>, 'id' | 'window'> {
  readonly id: PaneId;
  readonly window: WindowId;
}

/** All of a server at one moment. */
export interface Reading extends ServerReading {
  readonly sessions: readonly Session[];
  readonly windows: readonly Window[];
  readonly panes: readonly Pane[];
  readonly clients: readonly ClientRow[];
}

/**
 * Reads all of a server in one batch.
 *
 * @throws CwError `tmux-unusable`; `isNoServer` tells the case that no server runs.
 */
export async function readServer(connection: Connection): Promise<Reading> {
  const commands: Command[] = [
    ...headCommands,
    ['list-sessions', '-F', sessionRow.format],
    ['list-windows', '-a', '-F', windowRow.format],
    ['list-panes', '-a', '-F', paneRow.format],
    ['list-clients', '-F', clientRow.format],
  ];
  const result = await connection.batch(commands, { stopOnError: true });
  const { server, cursor } = readHead(result);
  const sessions = sessionRow.take(cursor);
  const windows = windowRow.take(cursor) as Window[];
  const panes = new Map(paneRow.take(cursor).map((pane) => [pane.id, pane as Pane]));
  const clients = clientRow.take(cursor);
  readEnd(cursor, result, sessions.length);
  const attached = attachedBySession(clients);
  return {
    ...server,
    sessions: sessions.map((session) => ({ ...session, attached: attached.get(session.id) ?? 0 }) as Session),
    windows,
    panes: [...panes.values()],
    clients,
  };
}
