import type { PaneResume } from '../blueprint/facts.js';
import type { Blueprint } from '../blueprint/model.js';
import { describePlan, plan } from '../blueprint/plan.js';
import type { Step } from '../blueprint/step.js';
import { messageOf } from '../errors.js';
import { many } from '../git/many.js';
import { MetricsStore } from '../metrics/store.js';
import { acquireLocks, withLock } from '../system/lock.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import type { SessionsReading } from '../tmux/reading.js';
import type { Applied } from '../workspace/apply.js';
import { applyBlueprint, buildBlueprint, serverFacts, withBuildLock } from '../workspace/build.js';
import { recordOf } from '../workspace/record.js';
import type { Registry } from '../workspace/registry.js';
import { readIfRunning } from '../workspace/start-server.js';
import { BlobStore } from './blobs.js';
import type { Snapshot } from './model.js';
import {
  conversationStarts,
  delays,
  inTheirFolders,
  Stagger,
  withConversations,
  withProof,
} from './restore-conversations.js';
import { paneResumes, textFolder } from './restore-panes.js';
import { identify, type RestoreOptions, resumes, withStartCommands } from './restore-plan.js';
import { addProblems, general, leftAlone, paneReports, type RestoreReport } from './restore-report.js';

/**
 * Brings a workspace back from a snapshot: the planner that opens templates, with the snapshot as its input. One
 * that is open already is left alone.
 *
 * @throws CwError as `applyBlueprint`; nothing of it is left behind then.
 */
export async function restoreWorkspace(
  connection: Connection,
  registry: Registry,
  blobs: BlobStore,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<RestoreReport> {
  const work = async () => {
    const server = await readIfRunning(connection);
    return restore(connection, registry, blobs, snapshot, options, {
      server,
      build: (blueprint, resume) =>
        applyBlueprint(connection, registry, blueprint, server, options.env, resume, options.background),
    });
  };
  return options.dryRun ? work() : withLock(lockOf(registry, snapshot, options), work);
}

/** So many workspaces are made at a time: while tmux makes one, the next one is read and planned. */
const atOnce = 3;

/**
 * Brings many workspaces back, with one reading of the server. One that fails holds up no other.
 *
 * @param each called when one begins, with its place.
 * @returns for each, in order, its report or what went wrong with it.
 */
export async function restoreAll(
  connection: Connection,
  registry: Registry,
  snapshots: readonly Snapshot[],
  options: RestoreOptions,
  each: (place: number) => void = () => {},
): Promise<(RestoreReport | Error)[]> {
  const shared = { stagger: new Stagger(), ...options };
  const results = new Map<number, RestoreReport | Error>();
  // One for each: what does not read in it is told with its workspace.
  const blobs = () => new BlobStore(registry.folder);
  const one = async (place: number, work: (snapshot: Snapshot) => Promise<RestoreReport>) => {
    each(place);
    const result = await work(snapshots[place]!).catch((error: unknown) =>
      error instanceof Error ? error : new Error(messageOf(error)),
    );
    results.set(place, result);
  };
  const places = [...snapshots.keys()];
  // What shares windows, a group or a name with others is made after them, and looked up as tmux has it then.
  const firstOfName = new Map(
    places.toReversed().map((place) => [snapshots[place]!.blueprint.session, place]),
  );
  const alone = places.filter((place) => {
    const { group, windows, session } = snapshots[place]!.blueprint;
    const shares = group !== null || windows.some((window) => window.link !== null);
    return !options.dryRun && !shares && firstOfName.get(session) === place;
  });
  if (alone.length > 0) {
    // Before the lock of builders: who holds one of these waits for that one.
    const locks = await acquireLocks(alone.map((place) => lockOf(registry, snapshots[place]!, options)));
    try {
      const server = await readIfRunning(connection);
      const background = options.background ?? null;
      await withBuildLock(connection, registry, server, options.env, background, async (ground) => {
        // The first one that stands ends the keeper: were we killed in between, nobody else would build and take it away.
        const { keeper } = ground;
        let first = [...ground.left, ...(keeper === undefined ? [] : [endOf(keeper)])];
        await many(
          alone,
          (place) =>
            one(place, async (snapshot) => {
              const locked = locks.failed.get(lockOf(registry, snapshot, options));
              if (locked !== undefined) throw locked;
              return restore(connection, registry, blobs(), snapshot, shared, {
                server: ground.reading,
                build: async (blueprint, resume) => {
                  const steps = first;
                  first = [];
                  return buildBlueprint(connection, blueprint, ground.reading, {
                    env: options.env,
                    resume,
                    background,
                    first: steps,
                  });
                },
              });
            }),
          atOnce,
        );
        // Where none stands. Else it is gone, which is no failure.
        if (keeper !== undefined) await connection.batch([['kill-session', '-t', keeper]]);
      });
    } finally {
      locks.release();
    }
  }
  for (const place of places)
    if (!results.has(place))
      await one(place, (snapshot) => restoreWorkspace(connection, registry, blobs(), snapshot, shared));
  return places.map((place) => results.get(place)!);
}

function endOf(keeper: string): Step {
  return { command: ['kill-session', '-t', keeper], creates: [], why: 'end what kept the server alive' };
}

function lockOf(registry: Registry, { workspace, blueprint }: Snapshot, { as = '' }: RestoreOptions): string {
  return registry.openLock(`${blueprint.path}${as}${workspace}`);
}

/** Where a workspace is brought back to. */
interface Ground {
  readonly server: SessionsReading | null;
  readonly build: (blueprint: Blueprint, resume: ReadonlyMap<string, PaneResume>) => Promise<Applied>;
}

async function restore(
  connection: Connection,
  registry: Registry,
  blobs: BlobStore,
  snapshot: Snapshot,
  options: RestoreOptions,
  { server, build }: Ground,
): Promise<RestoreReport> {
  const open = server?.sessions.find((session) => session.workspace === snapshot.workspace);
  if (open && options.as === undefined) return leftAlone(connection, snapshot, open.name, open.id);
  const identified = identify(registry, snapshot.blueprint, server, options);
  const { problems } = identified;
  const starts = await conversationStarts(registry, snapshot, identified.blueprint, options);
  const plans = withConversations(
    await resumes(registry, blobs, snapshot, identified.blueprint, options),
    starts,
    options,
  );
  const blueprint = inTheirFolders(withStartCommands(identified.blueprint, plans), starts);
  // What waits for the user's Enter neither starts by itself nor is followed.
  const begun = options.typesConversations ? new Map() : starts;
  const waits = delays(blueprint, begun, options.stagger ?? new Stagger());
  const reports = paneReports(blueprint, plans, server).map((report) =>
    withProof(report, begun.get(report.key), waits.get(report.key) ?? 0),
  );
  const result = {
    workspace: blueprint.id,
    name: blueprint.name,
    session: blueprint.session,
    sequence: snapshot.sequence,
    at: snapshot.at,
    created: true,
    windows: blueprint.windows.length,
  };
  if (options.dryRun) {
    const facts = serverFacts(server, randomHex(5), options.env);
    const made = plan(blueprint, {
      ...facts,
      resume: await paneResumes(registry, blobs, snapshot, blueprint, plans, waits, null, options),
    });
    const panes = reports.map((report) => addProblems(report, made.problems));
    return {
      ...result,
      sessionId: null,
      panes,
      problems: general(made.problems, problems),
      steps: describePlan(made),
    };
  }
  registry.refuseNewer(blueprint.id);
  const texts = textFolder(registry, blueprint.id);
  const resume = await paneResumes(registry, blobs, snapshot, blueprint, plans, waits, texts, options);
  const applied = await build(blueprint, resume);
  noteOpen(registry, blueprint);
  noteRestored(registry, blueprint);
  for (const finding of blobs.takeFindings())
    problems.push(`A part of the saved text cannot be read: ${finding.why} (${finding.path}).`);
  return {
    ...result,
    sessionId: applied.ids.get('session') ?? null,
    panes: reports.map((report) => addProblems(report, applied.problems)),
    problems: general(applied.problems, problems),
    steps: [],
  };
}

/** For the metrics, which are worth no failure. */
function noteRestored(registry: Registry, { id, name }: Blueprint): void {
  try {
    new MetricsStore(registry.folder).noteRestore(id, name, Date.now());
  } catch {
    // A full disk, say: what was restored is there.
  }
}

/** Writes in its record that it is open, unless that says so: after a crash it does. */
function noteOpen(registry: Registry, blueprint: Blueprint): void {
  const { name, session, path } = blueprint;
  const record = registry.read(blueprint.id);
  const isNoted =
    record?.name === name && record.session === session && record.path === path && record.closedAt === null;
  if (isNoted) return;
  registry.write({ ...(record ?? recordOf(blueprint)), name, session, path, closedAt: null, closedBy: null });
}
