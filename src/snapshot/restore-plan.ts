import { accessSync, constants, readFileSync } from 'node:fs';
import type { Blueprint } from '../blueprint/model.js';
import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { findProgram } from '../system/programs.js';
import type { SessionsReading } from '../tmux/reading.js';
import type { Background } from '../workspace/build.js';
import { joinWorkspaces, sessionPrefix } from '../workspace/find.js';
import { chooseName } from '../workspace/name.js';
import { newWorkspaceId, type Registry } from '../workspace/registry.js';
import type { BlobStore } from './blobs.js';
import { editorFacts } from './editor-facts.js';
import type { Snapshot } from './model.js';
import type { Stagger } from './restore-conversations.js';
import { type Resume, resumeOf } from './resume.js';

/** What a restore decides before it makes anything: under which name and where, and how each pane comes back. */

export interface RestoreOptions {
  /** Another name: the workspace is made beside the one that the snapshot is of. */
  readonly as?: string | undefined;
  /** Start and type programs; false leaves shells. */
  readonly run: boolean;
  /** Conversations wait for Enter like what is typed: they come from somebody else's machine. Not given: they start. */
  readonly typesConversations?: boolean;
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

/** The blueprint under the name and id that it will have. */
export function identify(
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

/** How what ran in each pane comes back, by the pane's key. */
export async function resumes(
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
export function withStartCommands(blueprint: Blueprint, plans: ReadonlyMap<string, Resume>): Blueprint {
  const windows = blueprint.windows.map((window) => ({
    ...window,
    panes: window.panes.map((pane) => ({ ...pane, startCommand: plans.get(pane.key)?.startCommand ?? null })),
  }));
  return { ...blueprint, windows };
}
