import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { diff } from '../blueprint/diff.js';
import type { PaneResume } from '../blueprint/facts.js';
import type { Blueprint, Pane } from '../blueprint/model.js';
import { describePlan, plan } from '../blueprint/plan.js';
import type { Step } from '../blueprint/step.js';
import { hookVim } from '../blueprint/vim-hook.js';
import { CwError, messageOf } from '../errors.js';
import { many } from '../git/many.js';
import { MetricsStore } from '../metrics/store.js';
import { isFolder } from '../system/files.js';
import { acquireLocks, withLock } from '../system/lock.js';
import { findProgram } from '../system/programs.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import type { SessionsReading } from '../tmux/reading.js';
import type { Applied } from '../workspace/apply.js';
import {
  applyBlueprint,
  type Background,
  buildBlueprint,
  serverFacts,
  withBuildLock,
} from '../workspace/build.js';
import { joinWorkspaces, sessionPrefix } from '../workspace/find.js';
import { chooseName } from '../workspace/name.js';
import { recordOf } from '../workspace/record.js';
import { newWorkspaceId, type Registry } from '../workspace/registry.js';
import { readIfRunning } from '../workspace/start-server.js';
import { BlobStore } from './blobs.js';
import { captureWorkspace } from './capture.js';
import { editorFacts } from './editor-facts.js';
import type { Snapshot } from './model.js';
import {
  conversationStarts,
  delays,
  inTheirFolders,
  Stagger,
  withConversations,
  withProof,
} from './restore-conversations.js';
import { type Resume, resumeOf } from './resume.js';

export interface RestoreOptions {
  /** Another name: the workspace is made beside the one that the snapshot is of. */
  readonly as?: string | undefined;
  /** Start and type programs; false leaves shells. */
  readonly run: boolean;
  readonly dryRun: boolean;
  /** Patterns of command lines that start by themselves. */
  readonly patterns: readonly string[];
  /** Shells keep a history for each pane. */
  readonly paneHistory: boolean;
  /** Our PATH is that of the panes. A daemon that systemd started has a bare one, and cannot tell what is missing. */
  readonly knowsPrograms: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** The snapshot is the newest: a conversation that took a pane's place after it (`/clear`) is followed. */
  readonly isNewest: boolean;
  /** Given by who is not at the user's terminal. */
  readonly background?: Background;
  /** Shared by restores that follow each other; each has its own when it is not given. */
  readonly stagger?: Stagger;
}

export interface PaneReport {
  /** Window and pane, counted from 1: `1.2`. */
  readonly place: string;
  /** What runs, or would: a command line, as it was declared or typed; null for a shell. */
  readonly command: string | null;
  /** The very line that is started, which opens an editor's session or a conversation; null where none is. */
  readonly line: string | null;
  readonly state: 'restored' | 'starts' | 'typed' | 'not made again';
  /** What could not be made again, and why. */
  readonly notes: readonly string[];
  /** Set for a pane with a Claude Code conversation that was started again. */
  readonly conversation?: ConversationProof;
}

/** Whether a conversation came back, and how that is known. */
export interface ConversationProof {
  readonly id: string;
  /** The key of its pane. */
  readonly pane: string;
  /** What starts it, in the folder `cwd`, after `delay` seconds: a restore starts not all at once. */
  readonly line: string;
  readonly cwd: string;
  readonly delay: number;
  readonly state: 'verifying' | 'recovered' | 'unverified' | 'failed';
  readonly evidence: string;
}

export interface RestoreReport {
  readonly workspace: string;
  readonly name: string;
  readonly session: string;
  /** `$3`; null for a dry run. */
  readonly sessionId: string | null;
  /** The snapshot's number and time. */
  readonly sequence: number;
  readonly at: string;
  /** False: it was open already, and was left alone. */
  readonly created: boolean;
  readonly windows: number;
  readonly panes: readonly PaneReport[];
  /** What concerns no single pane. */
  readonly problems: readonly string[];
  /** The steps of a dry run. */
  readonly steps: readonly string[];
}

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
  );
  const blueprint = inTheirFolders(withStartCommands(identified.blueprint, plans), starts);
  const waits = delays(blueprint, starts, options.stagger ?? new Stagger());
  const reports = paneReports(blueprint, plans).map((report) =>
    withProof(report, starts.get(report.key), waits.get(report.key) ?? 0),
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

async function leftAlone(
  connection: Connection,
  snapshot: Snapshot,
  session: string,
  sessionId: string,
): Promise<RestoreReport> {
  const captured = await captureWorkspace(connection, snapshot.workspace);
  const differences = captured ? diff(snapshot.blueprint, captured.blueprint).length : 0;
  return {
    workspace: snapshot.workspace,
    name: snapshot.blueprint.name,
    session,
    sessionId,
    sequence: snapshot.sequence,
    at: snapshot.at,
    created: false,
    windows: snapshot.blueprint.windows.length,
    panes: [],
    problems:
      differences === 0
        ? []
        : [
            `It is open and differs from the snapshot in ${differences} ${differences === 1 ? 'point' : 'points'}: it was left as it is. Beside it: cw restore ${snapshot.blueprint.name} --as NAME`,
          ],
    steps: [],
  };
}

/** The blueprint under the name and id that it will have. */
function identify(
  registry: Registry,
  saved: Blueprint,
  server: SessionsReading | null,
  options: RestoreOptions,
): { blueprint: Blueprint; problems: string[] } {
  const sessionNames = server?.sessions.map((session) => session.name) ?? [];
  const record = registry.read(saved.id);
  // A project that was moved since is where its record says, and so are the folders below it.
  const moved = record && record.path !== saved.path && !isFolder(saved.path) && isFolder(record.path);
  const there = moved ? rebased(saved, saved.path, record.path) : saved;
  const problems = moved
    ? [`The project moved from ${saved.path} to ${record.path}: its panes open there.`]
    : [];
  if (options.as !== undefined) {
    const workspaces = joinWorkspaces(server?.sessions ?? [], registry.readAll().records);
    const chosen = chooseName(options.as, saved.path, { workspaces, sessionNames }, options.env);
    if (chosen.note) throw new CwError('usage', chosen.note, { hint: 'Give another name with --as.' });
    return {
      blueprint: { ...there, id: newWorkspaceId(), name: chosen.name, session: chosen.session, group: null },
      problems,
    };
  }
  const session = sessionNames.includes(there.session)
    ? `${sessionPrefix}${saved.name}-${saved.id.slice(-4)}`
    : there.session;
  if (session !== there.session)
    problems.push(`A session ${there.session} that is not this workspace is open: this one is ${session}.`);
  return { blueprint: { ...there, session }, problems };
}

function rebased(blueprint: Blueprint, from: string, to: string): Blueprint {
  const move = (folder: string) =>
    folder === from || folder.startsWith(`${from}/`) ? `${to}${folder.slice(from.length)}` : folder;
  return {
    ...blueprint,
    path: to,
    environment: blueprint.environment.map((variable) =>
      variable.name === 'PROJECT_ROOT' && variable.value === from ? { ...variable, value: to } : variable,
    ),
    windows: blueprint.windows.map((window) => ({
      ...window,
      panes: window.panes.map((pane) => ({ ...pane, cwd: move(pane.cwd) })),
    })),
  };
}

/** What the first line of a script names, alone: with an option after it the kernel gives that along. */
function interpreterOf(path: string): string | null {
  try {
    accessSync(path, constants.X_OK);
    return /^#! *(\/\S+) *$/.exec(readFileSync(path, 'latin1').split('\n', 1)[0] ?? '')?.[1] ?? null;
  } catch {
    return null; // gone, or not to be read: it is typed as it ran
  }
}

async function resumes(
  registry: Registry,
  blobs: BlobStore,
  snapshot: Snapshot,
  blueprint: Blueprint,
  options: RestoreOptions,
): Promise<Map<string, Resume>> {
  const environment = Object.fromEntries(blueprint.environment.map(({ name, value }) => [name, value]));
  const path = environment.PATH ?? options.env.PATH ?? '';
  const facts = {
    patterns: options.patterns,
    run: options.run,
    programExists: (name: string) => !options.knowsPrograms || findProgram(name, path) !== null,
    folderExists: isFolder,
    interpreterOf,
  };
  const panes = blueprint.windows.flatMap((window) => window.panes);
  const made = new Map<string, Resume>();
  for (const pane of panes) {
    const observed = snapshot.panes[pane.key];
    if (!observed) continue;
    const session = observed.editorSession ? await blobs.get(observed.editorSession) : null;
    const editor = editorFacts(pane, snapshot.blueprint, blueprint, registry, options, session);
    made.set(pane.key, resumeOf(pane, observed, { ...facts, editor }));
  }
  return made;
}

/** A program in place of a shell starts again only where it may; else its pane gets a shell. */
function withStartCommands(blueprint: Blueprint, plans: ReadonlyMap<string, Resume>): Blueprint {
  const windows = blueprint.windows.map((window) => ({
    ...window,
    panes: window.panes.map((pane) => ({ ...pane, startCommand: plans.get(pane.key)?.startCommand ?? null })),
  }));
  return { ...blueprint, windows };
}

/** What the planner is told of each pane. Without a folder for the texts none is written: a dry run. */
async function paneResumes(
  registry: Registry,
  blobs: BlobStore,
  snapshot: Snapshot,
  blueprint: Blueprint,
  plans: ReadonlyMap<string, Resume>,
  waits: ReadonlyMap<string, number>,
  texts: string | null,
  options: RestoreOptions,
): Promise<Map<string, PaneResume>> {
  const result = new Map<string, PaneResume>();
  for (const pane of blueprint.windows.flatMap((window) => window.panes)) {
    const resume = plans.get(pane.key);
    const scrollback = snapshot.panes[pane.key]?.scrollback;
    let textFile: string | null = null;
    if (texts !== null && scrollback && scrollback.lines > 0) {
      const { lines } = await blobs.readLines(scrollback);
      textFile = join(texts, `${randomHex(6)}.txt`);
      // For the pane that is made now: what a crash leaves of it nobody reads.
      writeFileSync(textFile, `${lines.join('\n')}\x1b[0m\n`, { mode: 0o600, flag: 'wx' });
    }
    // A vim that was not ours is started as the user did.
    const isOurs = snapshot.panes[pane.key]?.program.kind === 'declared';
    const run = (isOurs && resume?.run && hookVim(resume.run)) || (resume?.run ?? null);
    // A pane that declares nvim gets its socket whatever runs in it now: it may be started there again.
    const lines = [pane.run, run, resume?.typed ?? null];
    const editorEnv = texts === null ? null : await registry.editorEnv(blueprint.id, pane.key, lines);
    result.set(pane.key, {
      ...(editorEnv && { editorEnv }),
      ...(resume?.run && texts !== null && { endingFile: registry.endingFile(blueprint.id, pane.key) }),
      delay: waits.get(pane.key) ?? 0,
      run,
      typed: resume?.typed ?? null,
      textFile,
      historyFile:
        options.paneHistory && !pane.startCommand ? historyOf(registry, snapshot, blueprint, pane) : null,
    });
  }
  return result;
}

function historyOf(registry: Registry, snapshot: Snapshot, blueprint: Blueprint, pane: Pane): string {
  // Beside the original a copy has the same panes: both go on from the same history, each in a file of its own.
  const file = registry.historyFile(blueprint.id, pane.key);
  const old = snapshot.panes[pane.key]?.historyFile;
  if (old && old !== file && existsSync(old) && !existsSync(file)) {
    copyFileSync(old, file);
  }
  return file;
}

const states = { shell: 'restored', starts: 'starts', typed: 'typed', cannot: 'not made again' } as const;

/** A folder for the texts that panes print as they begin. Ones that no pane printed within an hour are removed. */
function textFolder(registry: Registry, id: string): string {
  const folder = join(registry.workspaceFolder(id), 'restore');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 3_600_000) rmSync(file, { force: true });
  }
  return folder;
}

function paneReports(
  blueprint: Blueprint,
  plans: ReadonlyMap<string, Resume>,
): (PaneReport & { key: string })[] {
  return blueprint.windows.flatMap((window, windowAt) =>
    window.panes.map((pane, paneAt) => {
      const resume = plans.get(pane.key);
      const state = resume ? states[resume.state] : 'restored';
      return {
        key: pane.key,
        place: `${windowAt + 1}.${paneAt + 1}`,
        command: (resume?.run && pane.run) || (resume?.run ?? resume?.startCommand ?? resume?.typed ?? null),
        line: resume?.run ?? resume?.startCommand ?? null,
        state,
        notes: resume?.notes ?? [],
      };
    }),
  );
}

function addProblems(
  { key, ...report }: PaneReport & { key: string },
  problems: readonly { readonly subject: string; readonly message: string }[],
): PaneReport {
  const own = problems.filter(({ subject }) => subject === `pane:${key}`).map(({ message }) => message);
  return { ...report, notes: [...report.notes, ...own] };
}

function general(
  problems: readonly { readonly subject: string; readonly message: string }[],
  others: readonly string[],
): string[] {
  return [
    ...others,
    ...problems.filter(({ subject }) => !subject.startsWith('pane:')).map(({ message }) => message),
  ];
}
