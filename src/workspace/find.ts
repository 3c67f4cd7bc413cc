import { readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { nearest } from '../blueprint/suggest.js';
import { CwError, systemCode } from '../errors.js';
import { isFolder } from '../system/files.js';
import { answers, hangs } from '../system/mounts.js';
import { expandPath, shellWord, tildePath } from '../system/paths.js';
import type { SessionRow } from '../tmux/reading.js';
import { sanitiseSessionName } from '../tmux/target.js';
import type { WorkspaceRecord } from './registry.js';

/** A workspace as it is known here: what tmux has of it, what we remember of it, or both. */
export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** null: it is closed. */
  readonly session: SessionRow | null;
  /** null: its record is lost (the state folder was removed while it lived). */
  readonly record: WorkspaceRecord | null;
}

/** Where names are looked up. */
export interface Places {
  readonly workspaces: readonly Workspace[];
  /** Folders whose subfolders are projects, absolute. */
  readonly roots: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** All workspaces of this server, open ones first: sessions that carry our id, and records. */
export function joinWorkspaces(
  sessions: readonly SessionRow[],
  records: readonly WorkspaceRecord[],
): Workspace[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const open = sessions.flatMap((session) => {
    if (session.workspace === null) return [];
    const record = byId.get(session.workspace) ?? null;
    byId.delete(session.workspace);
    return [
      {
        id: session.workspace,
        name: sessionLabel(session.name),
        path: session.path ?? record?.path ?? '',
        session,
        record,
      },
    ];
  });
  const closed = [...byId.values()].map((record) => ({
    id: record.id,
    name: record.name,
    path: record.path,
    session: null,
    record,
  }));
  return [...open, ...closed];
}

/** Those that were open when their tmux server went away. */
export function ended(workspaces: readonly Workspace[]): Workspace[] {
  return workspaces.filter(
    ({ session, record }) => session === null && record !== null && record.closedAt === null,
  );
}

export const sessionPrefix = 'claude-dev-';

/** The name that a workspace goes by while it is open: that of its session, which the user may have renamed. */
export function sessionLabel(session: string): string {
  return session.startsWith(sessionPrefix) ? session.slice(sessionPrefix.length) : session;
}

/** What a word of the user's names: a workspace, or a folder that is none yet. */
export type Found = { readonly workspace: Workspace } | { readonly folder: string };

/**
 * Finds what a word names, in this order: a path (a word with a slash, or `.`, `..`, `~`), an open workspace, a
 * closed one, a folder below the roots, a folder here.
 *
 * @throws CwError `not-found` with the nearest names; `usage` when two folders have that name, or a path is none
 *   that can be opened.
 */
export function find(query: string, places: Places): Found {
  if (looksLikePath(query))
    return { folder: projectFolder(expandPath(query, places.cwd, places.env), places.env) };
  const workspace = workspaceCalled(query, places.workspaces);
  if (workspace) return { workspace };
  const folders = places.roots.map((root) => join(root, query)).filter(isFolder);
  if (folders.length > 1) {
    throw new CwError('usage', `"${query}" is the name of ${folders.length} projects.`, {
      hint: folders.map((folder) => `cw up ${tildePath(folder, places.env)}`).join('\n'),
    });
  }
  const here = join(places.cwd, query);
  const folder = folders[0] ?? (isFolder(here) ? here : undefined);
  if (folder !== undefined) return { folder: projectFolder(folder, places.env) };
  const meant = findWorkspace(query, places.workspaces);
  if (meant) return { workspace: meant };
  throw notFound(query, places);
}

/**
 * The workspace of exactly this name, open or closed.
 *
 * @throws CwError `not-found` with the nearest names.
 */
export function requireWorkspace(query: string, places: Places): Workspace {
  const workspace = findWorkspace(query, places.workspaces);
  if (workspace) return workspace;
  if (looksLikePath(query)) {
    const path = projectFolder(expandPath(query, places.cwd, places.env), places.env);
    const there = places.workspaces.find((candidate) => candidate.path === path);
    if (there) return there;
    throw new CwError('not-found', `No workspace for ${tildePath(path, places.env)}.`, {
      hint: `Open it with: cw up ${query}`,
    });
  }
  const near = nearestNames(
    query,
    places.workspaces.map((candidate) => candidate.name),
  );
  throw new CwError(
    'not-found',
    `No workspace ${JSON.stringify(shortened(query))}.${near.length > 0 ? ` Nearest: ${near.join(', ')}.` : ''}`,
    { hint: 'All of them: cw list' },
  );
}

/** Of a long text its beginning. */
function shortened(text: string, longest = 60): string {
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

/** Of exactly this name, or of what the name becomes when it is made fit for tmux (`my.site` is `my-site`). */
function findWorkspace(query: string, workspaces: readonly Workspace[]): Workspace | undefined {
  return (
    workspaceCalled(query, workspaces) ??
    (/[A-Za-z0-9_]/.test(query) ? workspaceCalled(sanitiseSessionName(query), workspaces) : undefined)
  );
}

function workspaceCalled(name: string, workspaces: readonly Workspace[]): Workspace | undefined {
  return (
    workspaces.find(
      (workspace) => workspace.name === name || workspace.session?.name === name || workspace.id === name,
    ) ??
    // Its session was renamed, and no save has noted that yet.
    workspaces.find((workspace) => workspace.record?.name === name)
  );
}

function looksLikePath(word: string): boolean {
  return word.includes('/') || word === '.' || word === '..' || word === '~';
}

/**
 * The real path of a folder that can be opened.
 *
 * @throws CwError `not-found` or `usage`: missing, no folder, or not to be read.
 */
export function projectFolder(path: string, env: NodeJS.ProcessEnv): string {
  const shown = JSON.stringify(shortened(tildePath(path, env), 200)).slice(1, -1);
  const word = shellWord(tildePath(path, env));
  if (!answers(path)) throw hangs(path);
  try {
    const real = realpathSync(path);
    if (!isFolder(real))
      throw new CwError('usage', `${shown} is not a folder.`, { hint: 'Give the folder of a project.' });
    readdirSync(real);
    return real;
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOTDIR':
        throw new CwError('not-found', `There is no folder ${shown}: a part of the path is a file.`, {
          hint: 'Check the path.',
        });
      case 'ENOENT':
        throw new CwError('not-found', `There is no folder ${shown}.`, {
          hint: word.length > 200 ? 'Check the path.' : `Check the path, or make it: mkdir -p ${word}`,
        });
      case 'EACCES':
      case 'EPERM':
        throw new CwError('failed', `${shown} cannot be read: permission denied.`, {
          hint: `Look at its owner and mode: ls -ld ${word}`,
        });
      case 'ELOOP':
        throw new CwError('failed', `${shown} is a link that leads to itself.`, {
          hint: 'Give the folder itself.',
        });
      case 'ENAMETOOLONG':
        throw new CwError('usage', 'That path is longer than the system allows.', {
          hint: 'Check the path.',
        });
      default:
        throw error;
    }
  }
}

function notFound(query: string, places: Places): CwError {
  const names = [...places.workspaces.map((workspace) => workspace.name), ...projectNames(places.roots)];
  const near = nearestNames(query, names);
  const roots = places.roots.map((root) => tildePath(root, places.env)).join(', ');
  return new CwError(
    'not-found',
    `No project ${JSON.stringify(shortened(query))}.${near.length > 0 ? ` Nearest: ${near.join(', ')}.` : ''}`,
    {
      hint: [
        ...(near[0] ? [`open:     claude-switch ${near[0]}`] : []),
        `a folder: cw up PATH        roots searched: ${roots}   (cw config set roots ...)`,
      ].join('\n'),
    },
  );
}

/** Up to three names that the word may have been meant for: the nearest by spelling, then those that hold its letters in order. */
function nearestNames(word: string, names: readonly string[]): string[] {
  const best = nearest(word, names);
  const similar = names.filter((name) => holdsInOrder(name.toLowerCase(), word.toLowerCase()));
  return [...new Set([...(best === null ? [] : [best]), ...similar])].slice(0, 3);
}

function holdsInOrder(text: string, letters: string): boolean {
  let at = 0;
  for (const letter of letters) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/** The names of the folders below the roots, without hidden ones. A root that is not there has none. */
export function projectNames(roots: readonly string[]): string[] {
  return projectFolders(roots).map((folder) => basename(folder));
}

export function projectFolders(roots: readonly string[]): string[] {
  return roots.flatMap((root) => {
    try {
      return readdirSync(root, { withFileTypes: true })
        .filter(
          (entry) =>
            !entry.name.startsWith('.') &&
            (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(root, entry.name)))),
        )
        .map((entry) => join(root, entry.name));
    } catch {
      return []; // a root that is missing or closed to us holds no projects; `cw doctor` names it
    }
  });
}
