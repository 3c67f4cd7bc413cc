import { shellWord } from '../system/paths.js';
import { openPseudoTerminal, type PseudoTerminal } from '../system/pseudo-terminal.js';
import { childEnv } from '../tmux/address.js';
import type { Connection, ServerAddress } from '../tmux/connection.js';
import { defineRow, field, int, optional } from '../tmux/format.js';
import { parseVersion } from '../tmux/version.js';

type Env = NodeJS.ProcessEnv;

/** What the client of a share shows, as tmux says it. */
export interface ClientSeen {
  readonly session: string;
  /** The session that it showed before; null: it never showed another one. */
  readonly before: string | null;
  /** Of its window with the status line: the size that the terminal has to have. */
  readonly columns: number;
  readonly rows: number;
}

const row = defineRow('k', {
  pid: int('client_pid'),
  session: field('session_id'),
  before: optional('client_last_session'),
  width: int('window_width'),
  height: int('window_height'),
  status: field('status'),
});

/** The client whose process this is; null where there is none (any more). */
export async function lookAtClient(connection: Connection, pid: number): Promise<ClientSeen | null> {
  const { stdout } = await connection.batch([
    ['display-message', '-p', '#{version}'],
    ['list-clients', '-F', row.format],
  ]);
  const end = stdout.indexOf('\n');
  const rows = row.parse(stdout.subarray(end + 1), parseVersion(stdout.toString('utf8', 0, end)));
  const found = rows.find((one) => one.pid === pid);
  if (!found) return null;
  const { session, before } = found;
  return { session, before, ...terminalSize(found.width, found.height, found.status) };
}

/** @param status the option: `on`, `off`, or how many lines. */
function terminalSize(width: number, height: number, status: string): { columns: number; rows: number } {
  const lines = status === 'off' ? 0 : /^\d$/.test(status) ? Number(status) : 1;
  return { columns: width, rows: height + lines };
}

/** The size that a terminal has to have to show the session's window whole; null where there is no such session. */
export async function sizeOfSession(
  connection: Connection,
  session: string,
): Promise<{ columns: number; rows: number } | null> {
  const { stdout, errors } = await connection.batch([
    [
      'display-message',
      '-p',
      '-t',
      `${session}:`,
      '#{session_id} #{window_width} #{window_height} #{status}',
    ],
  ]);
  const [id, width, height, status = 'on'] = stdout.toString().trim().split(' ');
  if (errors.length > 0 || id !== session) return null;
  return terminalSize(Number(width), Number(height), status);
}

/**
 * Attaches one client to a session, on a terminal that nobody can type into. It takes no commands (`read-only`), does
 * not change the size of windows while a terminal of the user's is attached (`ignore-size`; where none is, its own size
 * is that of the window already), and leaves the session's environment as it is (`-E`).
 *
 * @throws CwError as `openPseudoTerminal` does.
 */
export function attachViewer(
  address: ServerAddress,
  session: string,
  options: {
    readonly size: { readonly columns: number; readonly rows: number };
    readonly env: Env;
    readonly onOutput: (bytes: Buffer) => void;
  },
): Promise<PseudoTerminal> {
  const words = [...address.args, 'attach-session', '-E', '-f', 'read-only,ignore-size', '-t', `${session}:`];
  return openPseudoTerminal(`exec tmux -u ${words.map(shellWord).join(' ')}`, {
    ...options.size,
    env: { ...childEnv(options.env), TERM: 'xterm-256color' },
    onOutput: options.onOutput,
  });
}
