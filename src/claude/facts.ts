import { parsePaneRecord } from '../blueprint/record.js';
import { type ProcessTable, processTable } from '../system/process-table.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { type Reading, readServer } from '../tmux/reading.js';

/** A pane of a workspace, as one reading of tmux shows it. */
export interface PaneFact {
  /** `%5` */
  readonly id: string;
  /** Its own process: a shell, or a program in its place. */
  readonly pid: number;
  readonly workspace: string;
  /** The workspace's session and window, for people. */
  readonly session: string;
  readonly window: string;
  /** Its key in the blueprint; of one that the user split off himself, its id. */
  readonly key: string;
  /** What it was declared for; null where it was not. */
  readonly role: string | null;
  readonly cwd: string;
  /** The name of what has its terminal, as tmux sees it. */
  readonly command: string;
  readonly dead: boolean;
}

/** What is known of the world when events are looked at: one reading of tmux, one look at the processes. */
export interface ClaudeFacts {
  /** null: no tmux server runs. */
  readonly server: { readonly pid: number } | null;
  readonly panes: readonly PaneFact[];
  readonly processes: ProcessTable;
  readonly now: Date;
  /** `HOME` tells where `~/.claude` is. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Reads what the intake needs to know, with one tmux process.
 *
 * @throws CwError `tmux-unusable` when tmux did not answer; that no server runs is an answer.
 */
export async function claudeFacts(connection: Connection, env: NodeJS.ProcessEnv): Promise<ClaudeFacts> {
  const reading = await readServer(connection).catch((error: unknown) => {
    if (isNoServer(error)) return null;
    throw error;
  });
  return factsOf(reading, env);
}

/** The same from a reading that was made for something else as well. */
export function factsOf(reading: Reading | null, env: NodeJS.ProcessEnv): ClaudeFacts {
  return {
    server: reading && { pid: reading.pid },
    panes: reading ? paneFacts(reading) : [],
    processes: processTable(),
    now: new Date(),
    env,
  };
}

/** The panes of workspaces: of sessions that carry our id. One that several show is the first one's. */
export function paneFacts(reading: Reading): PaneFact[] {
  const sessions = new Map(reading.sessions.map((session) => [session.id, session]));
  const homes = new Map<string, { workspace: string; session: string; window: string }>();
  for (const window of reading.windows) {
    const session = sessions.get(window.session);
    if (session?.workspace == null || homes.has(window.id)) continue;
    homes.set(window.id, { workspace: session.workspace, session: session.name, window: window.name });
  }
  return reading.panes.flatMap((pane) => {
    const home = homes.get(pane.window);
    if (!home) return [];
    const record = parsePaneRecord(pane.mark ?? '');
    return [
      {
        ...home,
        id: pane.id,
        pid: pane.pid,
        key: record?.key ?? pane.id,
        role: record?.role ?? null,
        cwd: record?.cwd ?? pane.currentPath,
        command: pane.currentCommand,
        dead: pane.dead,
      },
    ];
  });
}
