import { basename } from 'node:path';
import { type Expanded, expand, fillHooks } from '../blueprint/expand.js';
import type { PaneResume } from '../blueprint/facts.js';
import type { Blueprint } from '../blueprint/model.js';
import { describePlan, plan } from '../blueprint/plan.js';
import type { Template } from '../blueprint/template.js';
import { hookVim } from '../blueprint/vim-hook.js';
import { CwError, isCwError, messageOf } from '../errors.js';
import { resolveEnvironment } from '../project/environment.js';
import { excludeOurFiles } from '../project/exclude.js';
import { gatherProjectFacts } from '../project/facts.js';
import { trustState } from '../project/trust.js';
import { isFolder } from '../system/files.js';
import { withLock } from '../system/lock.js';
import { homeFolder, tildePath } from '../system/paths.js';
import { type ChosenTemplate, chooseTemplate } from '../template/choose.js';
import type { Connection } from '../tmux/connection.js';
import type { Applied } from './apply.js';
import { applyBlueprint, NameTaken, newNonce, serverFacts } from './build.js';
import { joinWorkspaces, type Workspace } from './find.js';
import { runHook } from './hooks.js';
import { chooseName, isNameFor } from './name.js';
import { recordOf } from './record.js';
import { newWorkspaceId, Registry } from './registry.js';
import { readIfRunning } from './start-server.js';
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
  /** A dry run shows the project as it would open once its own commands are allowed. */
  readonly asTrusted?: boolean;
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
  const isTrusted = request.asTrusted === true || trustState(request.path, request.env).state === 'trusted';
  const chosen = await choose(request, isTrusted);
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
    draw(request, chosen, isTrusted, { ...names, id: known?.id ?? newWorkspaceId() }),
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
  const resume = await paneStarts(blueprint, drawn.typed, registry, request.paneHistory, request.env);
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
 * Panes begin as the blueprint says: each shell with a history file of its own, an nvim or vim that listens, a Claude
 * with a conversation that we chose.
 */
async function paneStarts(
  blueprint: Blueprint,
  typed: ReadonlyMap<string, string>,
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
    const line = lines.get(key) ?? run;
    const started = line === null ? null : (hookVim(line) ?? line);
    const editorEnv = await registry.editorEnv(blueprint.id, key, [started]);
    return [
      key,
      {
        run: started,
        typed: typed.get(key) ?? null,
        textFile: null,
        historyFile: hasHistory ? registry.historyFile(blueprint.id, key) : null,
        ...(run !== null && { endingFile: registry.endingFile(blueprint.id, key) }),
        ...(editorEnv && { editorEnv }),
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
): {
  blueprint: Blueprint;
  hooks: NonNullable<Template['hooks']>;
  notes: string[];
  typed: Expanded['typed'];
} {
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
  const { blueprint, notes, typed } = expand(chosen.template, facts);
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
    typed,
  };
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

/** The folder in which the workspaces beside the projects live. */
export function sideFolder(env: NodeJS.ProcessEnv): string {
  const home = homeFolder(env);
  if (!isFolder(home))
    throw new CwError('failed', `The home folder ${home} does not exist.`, { hint: 'Set HOME to a folder.' });
  return home;
}
