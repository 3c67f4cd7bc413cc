import { factsOf, paneFacts } from '../claude/facts.js';
import { type Drained, drain } from '../claude/intake.js';
import { agentRows } from '../claude/overview.js';
import { many } from '../git/many.js';
import { livedFor } from '../system/sessions.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { type Reading, readServer, type Session } from '../tmux/reading.js';
import { sessionLabel } from '../workspace/find.js';
import type { Registry } from '../workspace/registry.js';
import type { Candidate, Clock } from './policy.js';
import { programsSeen } from './programs.js';
import { readTrees, type TreesSeen } from './trees.js';

export interface Look {
  /** null: no server runs. */
  readonly reading: Reading | null;
  /** Open workspaces, in tmux's order. */
  readonly candidates: readonly Candidate[];
  readonly clock: Clock;
}

export interface LookOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Patterns of command lines that a restore starts by itself. */
  readonly patterns: readonly string[];
  /** Ids of the workspaces that are wanted; all when not given. */
  readonly only?: ReadonlySet<string>;
}

/**
 * Looks at all open workspaces with one reading of tmux, one look at the processes, and git for each working tree.
 *
 * @throws CwError `tmux-unusable` when tmux did not answer; that no server runs is an answer.
 */
export async function look(connection: Connection, registry: Registry, options: LookOptions): Promise<Look> {
  const now = Date.now();
  let reading: Reading | null = null;
  const drained = await drain(registry.folder, async () => {
    reading = await readServer(connection).catch(noneIfNoServer);
    return factsOf(reading, options.env);
  });
  return judgeAll(reading, drained, registry, now, options);
}

async function judgeAll(
  reading: Reading | null,
  drained: Drained,
  registry: Registry,
  now: number,
  { env, only, patterns }: LookOptions,
): Promise<Look> {
  if (!reading) return { reading, candidates: [], clock: { now, set: null } };
  const lived = livedFor(reading.pid);
  const clock = { now, set: lived === null ? null : now - (reading.startTime * 1000 + lived) };
  const sessions = reading.sessions.filter(
    ({ workspace }) => workspace !== null && (only?.has(workspace) ?? true),
  );
  const rows = agentRows({ ...drained.facts, panes: paneFacts(reading) }, drained);
  const { records, damaged } = registry.readAll();
  const known = new Map(records.map((record) => [record.id, record]));
  const paths = new Map(
    sessions.map(({ id, path, workspace }) => [id, path ?? known.get(workspace ?? '')?.path]),
  );
  const trees = await treesOf([...paths.values()], env);
  const programs = await programsSeen(reading, sessions, registry, drained.registry, patterns);
  const candidates = sessions.map((session): Candidate => {
    const id = session.workspace ?? '';
    const path = paths.get(session.id);
    const record = known.get(id);
    const work = path === undefined ? undefined : trees.get(path);
    const seen = programs.get(session.id);
    const own = rows.filter((row) => row.workspace === id);
    const group = groupOf(session, reading);
    const times = [
      ...group.flatMap(({ created, activity, lastAttached }) =>
        [created, activity, lastAttached ?? 0].map((seconds) => seconds * 1000),
      ),
      ...(record?.lastAttachedAt ? [Date.parse(record.lastAttachedAt)] : []),
      ...own.flatMap(({ conversation, since }) => [
        Date.parse(drained.agents.get(conversation)?.lastEventAt ?? since),
      ]),
    ];
    return {
      workspace: id,
      name: sessionLabel(session.name),
      lookers: lookersOf(session, group, reading),
      pinned: registry.isPinned(id),
      lastUsed: Math.max(...times),
      agents: own.map(({ pane, state, evidence }) => ({
        place: seen?.places.get(pane) ?? pane,
        // One that was chosen for a pane, and whose pane is at its prompt, does nothing there.
        state: state === 'unknown' && seen?.atPrompt.has(pane) ? 'exited' : state,
        evidence,
      })),
      programs: seen?.programs ?? [],
      trees: work?.trees ?? [],
      unknown: [
        ...(record
          ? []
          : [damaged.some((file) => file.includes(id)) ? 'its record is damaged' : 'its record is lost']),
        ...(path === undefined ? ['its folder'] : []),
        ...(work?.unknown ?? []),
        ...(seen?.unknown ?? []),
      ],
    };
  });
  return { reading, candidates, clock };
}

function noneIfNoServer(error: unknown): null {
  if (isNoServer(error)) return null;
  throw error;
}

async function treesOf(
  paths: readonly (string | undefined)[],
  env: NodeJS.ProcessEnv,
): Promise<ReadonlyMap<string, TreesSeen>> {
  const wanted = [...new Set(paths.filter((path) => path !== undefined))];
  const read = await many(wanted, (path) => readTrees(path, env));
  return new Map(wanted.map((path, at) => [path, read[at]!]));
}

/** The session and those that share all its windows. */
function groupOf(session: Session, { sessions }: Reading): Session[] {
  if (session.group === null) return [session];
  return sessions.filter((other) => other.id === session.id || other.group === session.group);
}

/** Who looks at a workspace: at its session, at one of its group, or at a window of it that another session shows. */
function lookersOf(session: Session, group: readonly Session[], reading: Reading): string[] {
  const watched = new Set(reading.clients.map(({ sessionId }) => sessionId));
  const found: string[] = [];
  if (watched.has(session.id)) found.push('attached');
  for (const other of group)
    if (other !== session && watched.has(other.id)) found.push(`attached through ${other.name}`);
  const own = new Set(reading.windows.filter((window) => window.session === session.id).map(({ id }) => id));
  for (const window of reading.windows) {
    const other = reading.sessions.find(({ id }) => id === window.session);
    if (!own.has(window.id) || !other || group.includes(other) || !watched.has(other.id)) continue;
    found.push(`its window ${window.name} is shown in ${other.name}, which is attached`);
  }
  return found;
}
