import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import type { SessionsReading } from '../tmux/reading.js';
import { joinWorkspaces, type Places, type Workspace } from './find.js';
import { Registry, type WorkspaceRecord } from './registry.js';
import { readIfRunning } from './start-server.js';

/** What there is now: the server's sessions in one reading, and what we remember. */
export interface World {
  readonly connection: Connection;
  readonly registry: Registry;
  /** null: no tmux server runs. */
  readonly server: SessionsReading | null;
  readonly workspaces: readonly Workspace[];
  readonly records: readonly WorkspaceRecord[];
  /** Records that could not be read. */
  readonly damaged: readonly string[];
}

/**
 * Reads the world with one tmux process.
 *
 * @throws CwError `tmux-unusable` when tmux did not answer: that it has no sessions is an answer, silence is none.
 */
export async function readWorld(connection: Connection, env: NodeJS.ProcessEnv): Promise<World> {
  const registry = new Registry(connection.address, env);
  const asked = readIfRunning(connection);
  // While tmux answers, the records are read.
  const { records, damaged } = registry.readAll();
  const server = await asked;
  return {
    connection,
    registry,
    server,
    records,
    damaged,
    workspaces: joinWorkspaces(server?.sessions ?? [], records),
  };
}

export function placesOf(world: World, settings: Settings, cwd: string, env: NodeJS.ProcessEnv): Places {
  return { workspaces: world.workspaces, roots: settings.roots, cwd, env };
}
