import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isFolder } from '../system/files.js';
import { answers } from '../system/mounts.js';
import type { Connection } from '../tmux/connection.js';
import { sessionLabel } from './find.js';
import type { Registry } from './registry.js';

/** What is seen of an open workspace that the user may have changed without us. */
export interface Seen {
  readonly id: string;
  readonly session: { readonly id: string; readonly name: string };
  /** The project's folder, as the session says. */
  readonly path: string;
  /** Where its panes are now. */
  readonly folders: readonly string[];
}

/** The number that names a folder on its disk, which a move on that disk leaves as it is; null when it is not there, or does not answer. */
export function folderInode(path: string): number | null {
  if (!answers(path)) return null;
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
  } catch {
    return null; // a part of the path is no folder any more, or may not be looked into
  }
}

/** A session that was renamed: its workspace goes by that name from now on. */
export function followName(registry: Registry, { id, session }: Seen): void {
  const record = registry.read(id);
  if (!record || record.session === session.name) return;
  registry.write({ ...record, name: sessionLabel(session.name), session: session.name });
}

/**
 * Where the folder of a project is that was moved while its workspace was open: a pane that was in it still is. null
 * when it was not moved, or no pane tells.
 */
export function movedFolder(registry: Registry, { id, path, folders }: Seen): string | null {
  if (!answers(path) || isFolder(path)) return null;
  const inode = registry.read(id)?.inode ?? null;
  if (inode === null) return null;
  for (const folder of new Set(folders)) {
    for (let at = folder; at.startsWith('/') && at !== '/'; at = dirname(at)) {
      if (folderInode(at) === inode) return at;
    }
  }
  return null;
}

/**
 * Binds a workspace to another folder: its record and, where it is open, its session, so that new panes open there and
 * have the right PROJECT_ROOT.
 *
 * @param path absolute and real.
 */
export async function rebind(
  connection: Connection,
  registry: Registry,
  workspace: { readonly id: string; readonly session: string | null; readonly path: string },
  path: string,
): Promise<void> {
  const { id, session } = workspace;
  const record = registry.read(id);
  if (record) registry.write({ ...record, path, inode: folderInode(path) });
  if (session === null) return;
  const { stdout } = await connection.batch([['show-environment', '-t', session, 'PROJECT_ROOT']]);
  await connection.batch([
    ['set-option', '-t', session, '--', '@cw_path', path],
    ...(stdout.toString() === `PROJECT_ROOT=${workspace.path}\n`
      ? [['set-environment', '-t', session, 'PROJECT_ROOT', path]]
      : []),
  ]);
}
