/**
 * The plan as data. A plan has two parts: `create` steps make the session, windows and panes under a temporary
 * name, in order, and stop at the first failure; `finish` steps act only on the ids that those printed.
 */

/** The id of a thing that a create step made: `session`, `window:KEY` or `pane:KEY`. */
export interface Ref {
  readonly ref: string;
}

/**
 * Foreign text in a place where tmux expands formats (`-c`, `-n`, `-s`, `-T`, `rename-window`, ...). The tmux
 * room hands it over so that nothing in it is expanded (a `#(...)` in a folder's name would run).
 */
export interface Literal {
  readonly literal: string;
}

/** One word of a tmux command. A plain string is passed as it is. */
export type Word = string | Ref | Literal;

export interface Step {
  readonly command: readonly Word[];
  /** Refs that the command prints, one `name=id` a line, in the form of `createdFormat`. */
  readonly creates: readonly string[];
  /** For people: what the step is for (`--dry-run`). */
  readonly why: string;
}

export interface Problem {
  /** `pane:KEY`, `window:KEY` or `session`. */
  readonly subject: string;
  readonly message: string;
}

export interface Plan {
  /** The session's name while it is being built. */
  readonly temporaryName: string;
  readonly create: readonly Step[];
  readonly finish: readonly Step[];
  /** What could not be planned as it was asked for, and what was planned in its place. */
  readonly problems: readonly Problem[];
}

const idFormats: Record<string, string> = {
  session: '#{session_id}',
  window: '#{window_id}',
  pane: '#{pane_id}',
};
const createdMark = '@cw-created';

/** The `-F` text that makes a creating command print the ids of what it made. Refs hold no character of formats. */
export function createdFormat(refs: readonly string[]): string {
  const pairs = refs.map((ref) => {
    if (!/^[A-Za-z0-9_.:-]+$/.test(ref)) throw new Error(`not a symbolic id: ${ref}`);
    return `${ref}=${idFormats[ref.split(':')[0] ?? ''] ?? ''}`;
  });
  return [createdMark, ...pairs].join(' ');
}

/** The ids by ref, from the output of create steps. Other lines are passed over. */
export function parseCreated(stdout: string): Map<string, string> {
  const ids = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [mark, ...pairs] = line.split(' ');
    if (mark !== createdMark) continue;
    for (const pair of pairs) {
      const at = pair.lastIndexOf('=');
      ids.set(pair.slice(0, at), pair.slice(at + 1));
    }
  }
  return ids;
}
