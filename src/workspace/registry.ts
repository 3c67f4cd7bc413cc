import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { runtimeFolder } from '../system/paths.js';
import { randomHex } from '../system/random.js';
import { serverFolder } from '../system/server-folder.js';
import { shortHash } from '../system/short-hash.js';
import type { ServerAddress } from '../tmux/connection.js';
import { editorEnvOf, editorSessionFile, editorSocket } from './editor-socket.js';
import { endingFile } from './ending.js';

/** What we remember of a workspace, open or closed: `workspace.json` in its folder of the state folder. */
export interface WorkspaceRecord {
  readonly format: 1;
  readonly id: string;
  /** The label; unique among the workspaces of one tmux server. */
  readonly name: string;
  readonly session: string;
  /** The project's folder, absolute and real. */
  readonly path: string;
  readonly template: string | null;
  /** UTC, ISO 8601. */
  readonly createdAt: string;
  readonly lastAttachedAt: string | null;
  /**
   * When it was closed on purpose. null while it is open, and also when it ended with its tmux server: then it can be
   * brought back.
   */
  readonly closedAt: string | null;
  /** Who closed it: one that the user closed opens from its template again, one that a sweep closed from its snapshot. */
  readonly closedBy: 'user' | 'sweep' | null;
  /**
   * Written right before its session is ended on purpose, and gone once `closedAt` says that it was: who died in between
   * has left it, and so has one that found at the last moment that it may not.
   */
  readonly closing?: { readonly by: 'user' | 'sweep'; readonly at: string } | null;
  /** The last reading of its repository. */
  readonly git: GitReading | null;
  /** The inode of the project's folder, by which that is found when it was moved. */
  readonly inode?: number | null;
}

export interface GitReading {
  /** null when HEAD is detached. */
  readonly branch: string | null;
  readonly dirty: boolean;
  /** Commits that are not at its upstream; null without one, left out where that was not looked at. */
  readonly ahead?: number | null;
  readonly at: string;
}

export class Registry {
  readonly folder: string;

  constructor(
    address: ServerAddress,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.folder = serverFolder(address.socketPath, env);
  }

  workspaceFolder(id: string): string {
    return join(this.folder, id);
  }

  /** Where the shell of a pane keeps what was typed there. */
  historyPath(id: string, paneKey: string): string {
    return join(this.workspaceFolder(id), 'history', paneKey.replace(/[^A-Za-z0-9_.-]/g, '_'));
  }

  /** The same for a shell that is started now: the folder is made. */
  historyFile(id: string, paneKey: string): string {
    const file = this.historyPath(id, paneKey);
    ensurePrivateFolder(dirname(file));
    return file;
  }

  /** Where the shell of a pane notes how its command ended. */
  endingPath(id: string, paneKey: string): string {
    return endingFile(this.workspaceFolder(id), paneKey);
  }

  /** The same for a shell that is started now: the file is there and empty until its command has ended. */
  endingFile(id: string, paneKey: string): string {
    const file = this.endingPath(id, paneKey);
    ensurePrivateFolder(dirname(file));
    writeFileSync(file, '', { mode: 0o600 });
    return file;
  }

  /** Where the nvim of a pane listens; its vim listens beside that (`editorPipe`). */
  editorSocket(id: string, paneKey: string): string {
    return editorSocket(runtimeFolder(this.env), this.workspaceFolder(id), paneKey);
  }

  /** What a pane gets whose editors are started now, by one of these lines; null: nothing. */
  editorEnv(
    id: string,
    paneKey: string,
    lines: readonly (string | null)[],
  ): Promise<Readonly<Record<string, string>> | null> {
    return editorEnvOf(this.editorSocket(id, paneKey), lines);
  }

  /** Where the session of a pane's nvim or vim is kept. */
  editorSession(id: string, paneKey: string): string {
    return editorSessionFile(this.workspaceFolder(id), paneKey);
  }

  /** All records that can be read, in no order. `damaged` names the files that cannot. */
  readAll(): { records: WorkspaceRecord[]; damaged: string[] } {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return { records: [], damaged: [] };
      throw error;
    }
    const records: WorkspaceRecord[] = [];
    const damaged: string[] = [];
    for (const name of names) {
      if (!isWorkspaceId(name)) continue;
      // No `join`: for hundreds of them it takes as long as the reading.
      const file = `${this.folder}/${name}/workspace.json`;
      const text = readTextIfAny(file);
      if (text === null) continue;
      const record = parseRecord(text);
      if (record?.id === name) records.push(record);
      else damaged.push(file);
    }
    return { records, damaged };
  }

  read(id: string): WorkspaceRecord | null {
    const text = readTextIfAny(join(this.folder, id, 'workspace.json'));
    return text === null ? null : parseRecord(text);
  }

  /** @throws CwError `refused` when a newer cw has written the record of this workspace: it stays as it is. */
  refuseNewer(id: string): void {
    const file = join(this.workspaceFolder(id), 'workspace.json');
    const format = formatOf(readTextIfAny(file) ?? '');
    if (format <= 1) return;
    throw new CwError('refused', `${file} was made by a newer cw (format ${format}; this one knows 1).`, {
      hint: 'Update cw. Until then the workspace is left as it is.',
    });
  }

  /** @throws CwError as `refuseNewer`. */
  write(record: WorkspaceRecord): void {
    this.refuseNewer(record.id);
    const folder = this.workspaceFolder(record.id);
    ensurePrivateFolder(folder);
    writeFileAtomic(join(folder, 'workspace.json'), `${JSON.stringify(record, null, 2)}\n`);
  }

  /**
   * Whether no cleanup may ever close it. An empty file, not a part of the record: many write that one, each as it read
   * it, and none may undo a pin. It stays with the workspace however often that is closed and brought back.
   */
  isPinned(id: string): boolean {
    return statSync(this.pinFile(id), { throwIfNoEntry: false }) !== undefined;
  }

  /** @returns false when it was pinned already. */
  pin(id: string): boolean {
    if (this.isPinned(id)) return false;
    ensurePrivateFolder(this.workspaceFolder(id));
    writeFileAtomic(this.pinFile(id), '');
    return true;
  }

  /** @returns false when it was not pinned. */
  unpin(id: string): boolean {
    if (!this.isPinned(id)) return false;
    rmSync(this.pinFile(id), { force: true });
    return true;
  }

  private pinFile(id: string): string {
    if (!isWorkspaceId(id)) throw new Error(`not a workspace id: ${id}`);
    return join(this.workspaceFolder(id), 'pinned');
  }

  /** Forgets a workspace with all that is kept of it. */
  remove(id: string): void {
    if (!isWorkspaceId(id)) throw new Error(`not a workspace id: ${id}`);
    rmSync(this.workspaceFolder(id), { recursive: true, force: true });
  }

  /** The lock that one builder on this server holds while it names and makes a session. */
  buildLock(): string {
    return join(this.folder, 'locks', 'build.lock');
  }

  /** Called by each builder when it is done, with the lock held: what was read of the server before is old now. */
  noteBuilt(): void {
    writeFileSync(join(this.folder, 'locks', 'built'), '');
  }

  /** Whether a builder has ended since that moment, in milliseconds since 1970. */
  isBuiltSince(moment: number): boolean {
    const noted = statSync(join(this.folder, 'locks', 'built'), { throwIfNoEntry: false });
    return noted !== undefined && noted.mtimeMs > moment - clockTick;
  }

  /** The lock of one project's folder: two commands that open it at once make one workspace. */
  openLock(path: string): string {
    const hash = shortHash(path);
    return join(this.folder, 'locks', `open-${hash}.lock`);
  }
}

/** Milliseconds. The kernel stamps files by its last tick, which is up to 10 ms old. */
const clockTick = 20;

/**
 * Whether somebody opened or closed a workspace since that moment (milliseconds since 1970), or may have: each builder
 * makes a lock, and with it a new time of the folder of locks.
 */
export function hasBuiltSince(moment: number, address: ServerAddress, env: NodeJS.ProcessEnv): boolean {
  const locks = statSync(join(serverFolder(address.socketPath, env), 'locks'), { throwIfNoEntry: false });
  return locks !== undefined && locks.mtimeMs > moment - clockTick;
}

const idPattern = /^w[0-9a-f]{12}$/;

/** A new workspace id. Made by chance, so that ids of several machines never meet in one archive. */
export function newWorkspaceId(): string {
  return `w${randomHex(6)}`;
}

export function isWorkspaceId(text: string): boolean {
  return idPattern.test(text);
}

/** 0 for a text that names none. */
function formatOf(text: string): number {
  try {
    const { format } = JSON.parse(text) as { readonly format?: unknown };
    return typeof format === 'number' ? format : 0;
  } catch {
    return 0;
  }
}

function parseRecord(text: string): WorkspaceRecord | null {
  // By hand: `cw list` reads hundreds of these, and a schema library would take longer to load than all of them.
  let value: Partial<WorkspaceRecord>;
  try {
    value = JSON.parse(text) as Partial<WorkspaceRecord>;
  } catch {
    return null;
  }
  const isText = (field: unknown): field is string => typeof field === 'string';
  if (typeof value !== 'object' || value === null || value.format !== 1) return null;
  const { id, name, session, path, createdAt } = value;
  if (
    !isText(id) ||
    !isWorkspaceId(id) ||
    !isText(name) ||
    !isText(session) ||
    !isText(path) ||
    !isText(createdAt)
  )
    return null;
  const { git, closing } = value;
  return {
    format: 1,
    id,
    name,
    session,
    path,
    createdAt,
    template: isText(value.template) ? value.template : null,
    lastAttachedAt: isText(value.lastAttachedAt) ? value.lastAttachedAt : null,
    closedAt: isText(value.closedAt) ? value.closedAt : null,
    closedBy: value.closedBy === 'user' || value.closedBy === 'sweep' ? value.closedBy : null,
    ...(closing &&
      (closing.by === 'user' || closing.by === 'sweep') &&
      isText(closing.at) && { closing: { by: closing.by, at: closing.at } }),
    git:
      git && typeof git.dirty === 'boolean' && isText(git.at)
        ? {
            branch: isText(git.branch) ? git.branch : null,
            dirty: git.dirty,
            ahead: typeof git.ahead === 'number' ? git.ahead : null,
            at: git.at,
          }
        : null,
    inode: typeof value.inode === 'number' ? value.inode : null,
  };
}
