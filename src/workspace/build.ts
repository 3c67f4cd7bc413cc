import { join } from 'node:path';
import type { PaneResume, ServerFacts } from '../blueprint/facts.js';
import type { Blueprint } from '../blueprint/model.js';
import { plan } from '../blueprint/plan.js';
import { parseWindowRecord } from '../blueprint/record.js';
import type { Step } from '../blueprint/step.js';
import { spoolFolder } from '../claude/places.js';
import { CwError } from '../errors.js';
import { ensurePrivateFolder, isFolder } from '../system/files.js';
import { withLock } from '../system/lock.js';
import { packageFolder } from '../system/paths.js';
import { findProgram } from '../system/programs.js';
import { randomHex } from '../system/random.js';
import { serverEnv } from '../tmux/address.js';
import type { Connection } from '../tmux/connection.js';
import type { SessionsReading } from '../tmux/reading.js';
import { type Applied, applyPlan } from './apply.js';
import { attachHookSteps } from './hooks.js';
import { Registry } from './registry.js';
import { readIfRunning, startServer } from './start-server.js';

/** How a blueprint comes to stand on a server: one builder at a time, each with a reading that is still true. */

/** What is special of a builder that is not at the user's terminal (the daemon): its environment is not the user's. */
export interface Background {
  /** Words before `tmux` where the server has to be started, so that it is none of the builder's own processes. */
  readonly startPrefix: readonly string[];
}

/**
 * Plans a blueprint for the server as it is and applies the plan, while no other builder of this server does. Where
 * no server runs one is started.
 *
 * @param resume how panes begin that are brought back.
 * @param background given when this is not the user's terminal.
 * @throws CwError as `applyPlan` does.
 */
export async function applyBlueprint(
  connection: Connection,
  registry: Registry,
  blueprint: Blueprint,
  server: SessionsReading | null,
  env: NodeJS.ProcessEnv,
  resume: ReadonlyMap<string, PaneResume> = new Map(),
  background: Background | null = null,
): Promise<Applied> {
  return withBuildLock(connection, registry, server, env, background, ({ reading, keeper, left }) =>
    buildBlueprint(connection, blueprint, reading, { env, resume, background, keeper, first: left }),
  );
}

/** The server to build on, while the lock of builders is held. */
export interface BuildingGround {
  readonly reading: SessionsReading;
  /** The session that keeps a server that was just started: it has to go when another one stands. */
  readonly keeper: string | undefined;
  /** The steps that take away what interrupted builders left. */
  readonly left: readonly Step[];
}

/**
 * Runs `work` while no other builder of this server does. Where no server runs one is started; a reading from before
 * another builder ended is made anew.
 */
export async function withBuildLock<T>(
  connection: Connection,
  registry: Registry,
  server: SessionsReading | null,
  env: NodeJS.ProcessEnv,
  background: Background | null,
  work: (ground: BuildingGround) => Promise<T>,
): Promise<T> {
  return withLock(registry.buildLock(), async () => {
    try {
      const known =
        server && registry.isBuiltSince(server.askedAt) ? await readIfRunning(connection) : server;
      if (known) return await work({ reading: known, keeper: undefined, left: abandoned(known) });
      const { reading, keeper } = await startServer(connection, newNonce(), env, background?.startPrefix);
      return await work({ reading, keeper, left: [] });
    } finally {
      registry.noteBuilt();
    }
  });
}

/** Another builder took the name of the session since the reading by which it was chosen. */
export class NameTaken extends CwError {}

/**
 * Plans a blueprint and applies the plan, for a caller that holds the lock of builders.
 *
 * @param options `first`: steps to be done along with it.
 * @throws CwError as `applyPlan` does.
 */
export async function buildBlueprint(
  connection: Connection,
  blueprint: Blueprint,
  reading: SessionsReading,
  options: {
    readonly env: NodeJS.ProcessEnv;
    readonly resume: ReadonlyMap<string, PaneResume>;
    readonly background: Background | null;
    readonly keeper?: string | undefined;
    readonly first?: readonly Step[];
  },
): Promise<Applied> {
  const { env, resume, background, keeper, first = [] } = options;
  if (reading.sessions.some((session) => session.name === blueprint.session)) {
    throw new NameTaken('failed', `A session ${blueprint.session} was opened just now.`, {
      hint: 'Try again.',
    });
  }
  const nonce = newNonce();
  const facts = serverFacts(reading, nonce, env);
  const spool = spoolFolder(new Registry(connection.address, env).folder);
  ensurePrivateFolder(spool);
  const planned = plan(blueprint, { ...facts, resume, spool, updateEnvironment: background === null });
  const made = { ...planned, finish: [...attachHookSteps(blueprint), ...first, ...planned.finish] };
  // tmux gives a new pane the PATH of the client that makes it, over that of the session.
  const path = blueprint.environment.find(({ name }) => name === 'PATH')?.value;
  const clientEnv = { ...serverEnv(env), ...(path && { PATH: path }) };
  const applied = await applyPlan(connection, made, { nonce, env: clientEnv, keeper });
  return { ...applied, problems: [...made.problems, ...applied.problems] };
}

/**
 * The steps that end what builders that were killed left half-built. Whoever builds holds the lock, so no living
 * builder has a session of such a name.
 */
function abandoned(server: SessionsReading | null): Step[] {
  const left = (server?.sessions ?? []).filter(
    ({ name, workspace, attached }) =>
      /^cw-tmp-[0-9a-f]{10}(-start)?$/.test(name) && workspace === null && attached === 0,
  );
  return left.map(({ id }) => ({
    // By its name too: it may have been renamed since, by a builder that was not dead after all.
    command: ['if-shell', '-F', '-t', `${id}:`, '#{m:cw-tmp-*,#{session_name}}', `kill-session -t '${id}'`],
    creates: [],
    why: 'end what an interrupted opening left',
  }));
}

export function newNonce(): string {
  return randomHex(5);
}

/** What the planner needs to know of the server; of none, what the one that will be started is like. */
export function serverFacts(
  server: SessionsReading | null,
  nonce: string,
  env: NodeJS.ProcessEnv,
): ServerFacts {
  return {
    running: server !== null,
    version: server?.version ?? 0,
    baseIndex: server?.baseIndex ?? 0,
    paneBaseIndex: server?.paneBaseIndex ?? 0,
    defaultShell: [server?.defaultShell, env.SHELL].find((shell) => shell && isThere(shell)) ?? '/bin/sh',
    historyLimit: server?.historyLimit ?? 2000,
    sessions: (server?.sessions ?? []).map(({ id, name, workspace, group, windowMarks }) => ({
      id,
      name,
      workspace,
      group,
      windows: Object.fromEntries(
        windowMarks.flatMap((window) => {
          const key = parseWindowRecord(window.mark ?? '')?.key;
          return key === undefined ? [] : [[key, window.id]];
        }),
      ),
    })),
    shellFolder: join(packageFolder(), 'shell'),
    nonce,
    folderExists: isFolder,
    programExists: isThere,
  };
}

/** A bare name is looked up by the pane's own PATH, which is not known here. */
function isThere(program: string): boolean {
  return !program.includes('/') || findProgram(program) !== null;
}
