import { factsOf, paneFacts } from '../claude/facts.js';
import { drain } from '../claude/intake.js';
import { agentRows } from '../claude/overview.js';
import { many } from '../git/many.js';
import { findRepository } from '../git/repository.js';
import { gitStatus, type WorkingTree } from '../git/status.js';
import { treePlaces } from '../git/worktree-states.js';
import { durationText } from '../system/duration.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { type Reading, readServer } from '../tmux/reading.js';
import type { Registry } from '../workspace/registry.js';

/** Why a workspace is not closed at a plain word of the user's, for people: `another client looks at it`. */
export type Objections = readonly string[];

/**
 * What stands against closing open workspaces by hand: another client that looks at one, or an agent that works in it.
 *
 * @param env with `TMUX` and `TMUX_PANE` of the caller: the client that looks at the caller's own pane is the caller.
 * @returns by the workspace's id; those without objections are not in it.
 * @throws CwError `tmux-unusable` when tmux did not answer.
 */
export async function objections(
  connection: Connection,
  registry: Registry,
  env: NodeJS.ProcessEnv,
): Promise<ReadonlyMap<string, Objections>> {
  let reading: Reading | null = null;
  const drained = await drain(registry.folder, async () => {
    reading = await readServer(connection).catch((error: unknown) => {
      if (isNoServer(error)) return null;
      throw error;
    });
    return factsOf(reading, env);
  });
  return reading === null ? new Map() : found(reading, drained, connection.address.socketPath, env);
}

function found(
  reading: Reading,
  drained: Awaited<ReturnType<typeof drain>>,
  socketPath: string,
  env: NodeJS.ProcessEnv,
): ReadonlyMap<string, Objections> {
  const rows = agentRows({ ...drained.facts, panes: paneFacts(reading) }, drained);
  const isInside = env.TMUX?.startsWith(`${socketPath},`) === true;
  const ownWindow = isInside ? reading.panes.find(({ id }) => id === env.TMUX_PANE)?.window : undefined;
  const objecting = new Map<string, Objections>();
  for (const session of reading.sessions) {
    if (session.workspace === null) continue;
    const group = reading.sessions.filter(
      (other) => other === session || (session.group !== null && other.group === session.group),
    );
    const clients = reading.clients.filter(({ sessionId }) =>
      group.some(({ id }) => id === sessionId),
    ).length;
    const isOwn =
      ownWindow !== undefined &&
      reading.windows.some((window) => window.id === ownWindow && window.session === session.id);
    // Which of several clients is the caller's tmux does not tell from within a pane.
    const others = Math.max(0, clients - (isOwn ? 1 : 0));
    const working = rows.filter((row) => row.workspace === session.workspace && row.state === 'working');
    const now = Date.now();
    const said = [
      ...(others > 0
        ? [others === 1 ? 'another client looks at it' : `${others} other clients look at it`]
        : []),
      ...working.map(
        ({ window, since }) =>
          `an agent works in its window ${window} (for ${durationText(now - Date.parse(since))})`,
      ),
    ];
    if (said.length > 0) objecting.set(session.workspace, said);
  }
  return objecting;
}

/** How many files of a project's working trees are in no commit, of those that have any and could be read. */
export async function uncommittedFiles(
  path: string,
  env: NodeJS.ProcessEnv,
): Promise<readonly { readonly label: string; readonly files: number }[]> {
  try {
    const repository = findRepository(path);
    if (!repository) return [];
    const places = treePlaces(repository).filter(({ gone }) => !gone);
    const states = await many(places, async ({ branch, name, path: folder }) => {
      const status = await gitStatus(folder, { env });
      return status.kind === 'repository' ? [{ label: branch ?? name, files: filesOf(status) }] : [];
    });
    return states.flat().filter(({ files }) => files > 0);
  } catch {
    return []; // it is only mentioned
  }
}

/** Files that are in no commit. */
export function filesOf({ staged, changed, untracked, conflicted }: WorkingTree): number {
  return Math.max(staged, changed) + untracked + conflicted;
}
