import { basename, join } from 'node:path';
import { expand, fillHooks } from '../blueprint/expand.js';
import type { PaneResume, ServerFacts } from '../blueprint/facts.js';
import type { Blueprint } from '../blueprint/model.js';
import { describePlan, plan } from '../blueprint/plan.js';
import { parseWindowRecord } from '../blueprint/record.js';
import type { Step } from '../blueprint/step.js';
import type { Template } from '../blueprint/template.js';
import { spoolFolder } from '../claude/places.js';
import { CwError, isCwError, messageOf } from '../errors.js';
import { resolveEnvironment } from '../project/environment.js';
import { excludeOurFiles } from '../project/exclude.js';
import { gatherProjectFacts } from '../project/facts.js';
import { trustState } from '../project/trust.js';
import { ensurePrivateFolder, isFolder } from '../system/files.js';
import { withLock } from '../system/lock.js';
import { homeFolder, packageFolder, tildePath } from '../system/paths.js';
import { randomHex } from '../system/random.js';
import { type ChosenTemplate, chooseTemplate } from '../template/choose.js';
import { serverEnv } from '../tmux/address.js';
import type { Connection } from '../tmux/connection.js';
import type { SessionsReading } from '../tmux/reading.js';
import { type Applied, applyPlan } from './apply.js';
import { startsNvim } from './editor-socket.js';
import { joinWorkspaces, type Workspace } from './find.js';
import { folderInode } from './follow.js';
import { attachHookSteps, runHook } from './hooks.js';
import { chooseName, isNameFor } from './name.js';
import { newWorkspaceId, Registry, type WorkspaceRecord } from './registry.js';
import { readIfRunning, startServer } from './start-server.js';
import type { World } from './world.js';

/** The workspaces beside the projects: at home in the home folder, each with a template of its own name. */
export const sideWorkspaces = ['scratch', 'monitoring'] as const;
export type SideWorkspace = (typeof sideWorkspaces)[number];

export interface OpenRequest {
  /** The project's folder, absolute and real. */
  readonly path: string;
  readonly name?: string | undefined;
  readonly side?: SideWorkspace | undefined;
  /** `--template`. */
  readonly template?: string | undefined;
  /** The template of the settings. */
  readonly preferred: string | null;
  readonly overrides: Readonly<Record<string, string>>;
  readonly windows: readonly string[];
  readonly size: { readonly width: number; readonly height: number };
  readonly dryRun: boolean;
  /** Each pane's shell keeps a history of its own. */
  readonly paneHistory: boolean;
  /** Where a relative file in `template` is looked up. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Told what is waited for. */
  readonly note: (text: string) => void;
}

export interface Opened {
  /** False: it was open already, and was left as it is. */
  readonly created: boolean;
  readonly id: string;
  readonly name: string;
  readonly session: string;
  /** `$3`; null for a dry run. */
  readonly sessionId: string | null;
  readonly path: string;
  readonly template: string | null;
  /** Why that template. */
  readonly reason: string | null;
  readonly windows: number;
  readonly panes: number;
  /** What the user should know: names changed, commands left out, folders that are gone. */
  readonly notes: readonly string[];
  /** The steps of a dry run. */
  readonly steps: readonly string[];
}

/**
 * Opens a project's workspace, or finds it open. Of two calls at once one builds, and the other finds what that
 * one built.
 *
 * @throws CwError what `chooseTemplate`, `expand`, `applyPlan` and the hook `before_create` throw; nothing is left
 *   behind then.
 */
export async function openWorkspace(
  connection: Connection,
  request: OpenRequest,
  seen: Seen | null = null,
): Promise<Opened> {
  const registry = new Registry(connection.address, request.env);
  if (request.dryRun) return build(connection, registry, request, seen);
  return withLock(
    registry.openLock(request.path + (request.side ?? request.name ?? '')),
    () => build(connection, registry, request, seen),
    {
      wait: 90_000,
      onWait: (pid) => request.note(`Process ${pid} is opening it: waiting for that.`),
    },
  );
}

/** What the caller has read already. It is used where nobody opened or closed anything since, which the records tell. */
export type Seen = Pick<World, 'server' | 'records'>;

async function build(
  connection: Connection,
  registry: Registry,
  request: OpenRequest,
  seen: Seen | null,
  isFirst = true,
): Promise<Opened> {
  const { records } = registry.readAll();
  const isCurrent = seen !== null && JSON.stringify(seen.records) === JSON.stringify(records);
  const server = isCurrent ? seen.server : await readIfRunning(connection);
  const workspaces = joinWorkspaces(server?.sessions ?? [], records);
  const known = workspaceOf(workspaces, request.path, request.side ?? request.name);
  if (known?.session) return alreadyOpen(known, request);
  const trust = trustState(request.path, request.env);
  const chosen = await choose(request, trust.state === 'trusted');
  const sessionNames = server?.sessions.map((session) => session.name) ?? [];
  // Its name of old, unless a session of somebody else's has taken that meanwhile.
  const others = workspaces.filter((workspace) => workspace !== known);
  const names =
    known?.record && !sessionNames.includes(known.record.session)
      ? { name: known.name, session: known.record.session, note: null }
      : chooseName(
          known?.name ?? request.side ?? request.name,
          request.path,
          { workspaces: others, sessionNames },
          request.env,
        );
  const drawn = sayingWhere(chosen.name, () =>
    draw(request, chosen, trust.state === 'trusted', { ...names, id: known?.id ?? newWorkspaceId() }),
  );
  const { blueprint } = drawn;
  const notes = [...(names.note ? [names.note] : []), ...chosen.notes, ...drawn.notes];
  const result = {
    created: true,
    id: blueprint.id,
    name: blueprint.name,
    session: blueprint.session,
    path: request.path,
    template: chosen.name,
    reason: request.side ? null : chosen.reason,
    windows: blueprint.windows.length,
    panes: blueprint.windows.reduce((sum, window) => sum + window.panes.length, 0),
  };
  if (request.dryRun) {
    const made = plan(blueprint, serverFacts(server, newNonce(), request.env));
    notes.push(...made.problems.map((problem) => problem.message));
    return { ...result, sessionId: null, notes: [...new Set(notes)], steps: describePlan(made) };
  }
  const { hooks } = drawn;
  if (hooks.before_create && isFirst)
    await runHook('before_create', hooks.before_create, blueprint, request.env);
  if (!request.side) excludeOurFiles(request.path);
  const resume = await paneStarts(blueprint, registry, request.paneHistory, request.env);
  let applied: Applied;
  try {
    applied = await applyBlueprint(connection, registry, blueprint, server, request.env, resume);
  } catch (error) {
    if (error instanceof NameTaken && isFirst) return build(connection, registry, request, null, false);
    throw error;
  }
  notes.push(...applied.problems.map((problem) => problem.message));
  registry.write({
    ...(known?.record ?? recordOf(blueprint)),
    name: blueprint.name,
    session: blueprint.session,
    template: chosen.name,
    closedAt: null,
    closedBy: null,
  });
  if (hooks.after_create) {
    try {
      await runHook('after_create', hooks.after_create, blueprint, request.env);
    } catch (error) {
      notes.push(messageOf(error));
    }
  }
  const sessionId = applied.ids.get('session') ?? null;
  return { ...result, sessionId, notes: [...new Set(notes)], steps: [] };
}

/**
 * Panes begin as the blueprint says: each shell with a history file of its own, an nvim with a socket, a Claude with
 * a conversation that we chose.
 */
async function paneStarts(
  blueprint: Blueprint,
  registry: Registry,
  hasHistory: boolean,
  env: NodeJS.ProcessEnv,
): Promise<Map<string, PaneResume>> {
  const panes = blueprint.windows
    .flatMap((window) => window.panes)
    .filter((pane) => pane.startCommand === null);
  // Loaded where there is one to start: most of what it brings is for those.
  const hasClaude = panes.some(({ run }) => run !== null && /(^|[\s/])claude(\s|$)/.test(run));
  const lines = hasClaude
    ? (await import('./conversations.js')).chooseConversations(blueprint, registry, env)
    : new Map<string, string>();
  const starts = panes.map(async ({ key, run }): Promise<[string, PaneResume]> => {
    const socket = startsNvim(run) ? await registry.freeEditorSocket(blueprint.id, key) : null;
    return [
      key,
      {
        run: lines.get(key) ?? run,
        typed: null,
        textFile: null,
        historyFile: hasHistory ? registry.historyFile(blueprint.id, key) : null,
        ...(run !== null && { endingFile: registry.endingFile(blueprint.id, key) }),
        ...(socket && { editorSocket: socket }),
      },
    ];
  });
  return new Map(await Promise.all(starts));
}

/** A fault that shows only when a template is filled (a layout that does not fit) says which template it was. */
function sayingWhere<T>(template: string, fill: () => T): T {
  try {
    return fill();
  } catch (error) {
    if (!isCwError(error)) throw error;
    const hint = [...(error.hint ? [error.hint] : []), `The template is ${template}. Nothing was opened.`];
    throw new CwError(error.kind, error.message, { hint: hint.join('\n'), cause: error });
  }
}

/** The blueprint of a template for this project, and what had to be left out. */
export function draw(
  request: Pick<OpenRequest, 'path' | 'env' | 'overrides' | 'size' | 'windows'>,
  chosen: ChosenTemplate,
  trusted: boolean,
  identity: { readonly id: string; readonly name: string; readonly session: string },
): { blueprint: Blueprint; hooks: NonNullable<Template['hooks']>; notes: string[] } {
  const environment = resolveEnvironment({
    path: request.path,
    name: identity.name,
    template: chosen.template,
    overrides: request.overrides,
    trusted,
    env: request.env,
  });
  const facts = gatherProjectFacts({
    ...identity,
    path: request.path,
    env: request.env,
    environment: environment.variables,
    size: request.size,
    overrides: request.overrides,
    windows: request.windows,
  });
  const { blueprint, notes } = expand(chosen.template, facts);
  const withheld =
    environment.withheld.length > 0
      ? [
          `Not set, since the project is not trusted: ${environment.withheld.join(', ')}. To see and allow it: cw trust ${tildePath(request.path, request.env)}`,
        ]
      : [];
  return {
    blueprint: { ...blueprint, template: chosen.name },
    hooks: fillHooks(chosen.template, facts),
    notes: [...environment.notes, ...withheld, ...notes],
  };
}

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
class NameTaken extends CwError {}

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

function newNonce(): string {
  return randomHex(5);
}

/**
 * The workspace that an opening of this folder means: the one of that name; without a name, of those that are no side
 * workspaces an open one before a closed one, and one with the folder's own name before the others.
 */
export function workspaceOf(
  workspaces: readonly Workspace[],
  folder: string,
  name: string | undefined,
): Workspace | undefined {
  const here = workspaces.filter((workspace) => workspace.path === folder);
  if (name !== undefined) return here.find((workspace) => isNameFor(workspace.name, name, folder));
  const rank = ({ session, name }: Workspace) =>
    (session ? 2 : 0) + (isNameFor(name, basename(folder), folder) ? 1 : 0);
  return here
    .filter(({ record }) => !(sideWorkspaces as readonly string[]).includes(record?.template ?? ''))
    .sort((a, b) => rank(b) - rank(a))[0];
}

function alreadyOpen(known: Workspace, request: OpenRequest): Opened {
  const session = known.session;
  if (!session) throw new Error('only for open ones');
  const asked =
    request.template !== undefined || request.windows.length > 0 || Object.keys(request.overrides).length > 0;
  return {
    created: false,
    id: known.id,
    name: known.name,
    session: session.name,
    sessionId: session.id,
    path: known.path,
    template: known.record?.template ?? null,
    reason: null,
    windows: session.windows,
    panes: session.panes,
    notes: asked
      ? [
          `${known.name} is open already: --template, --set and --window change nothing. Close it first: cw kill ${known.name}`,
        ]
      : [],
    steps: [],
  };
}

async function choose(request: OpenRequest, trusted: boolean): Promise<ChosenTemplate> {
  try {
    return await chooseTemplate({
      explicit: request.side ?? request.template,
      path: request.path,
      trusted,
      preferred: request.preferred,
      env: request.env,
      cwd: request.cwd,
    });
  } catch (error) {
    if (!isCwError(error) || error.hint !== undefined) throw error;
    throw new CwError(error.kind, error.message, { hint: 'Nothing was opened.', cause: error });
  }
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
    defaultShell: server?.defaultShell ?? env.SHELL ?? '/bin/sh',
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
  };
}

/** The record of a workspace that has none yet. */
export function recordOf(blueprint: Blueprint): WorkspaceRecord {
  return {
    format: 1,
    id: blueprint.id,
    name: blueprint.name,
    session: blueprint.session,
    path: blueprint.path,
    template: blueprint.template,
    createdAt: new Date().toISOString(),
    lastAttachedAt: null,
    closedAt: null,
    closedBy: null,
    git: null,
    inode: folderInode(blueprint.path),
  };
}

/** The folder in which the workspaces beside the projects live. */
export function sideFolder(env: NodeJS.ProcessEnv): string {
  const home = homeFolder(env);
  if (!isFolder(home))
    throw new CwError('failed', `The home folder ${home} does not exist.`, { hint: 'Set HOME to a folder.' });
  return home;
}
