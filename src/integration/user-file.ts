import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { stateFolder, tildePath } from '../system/paths.js';

/**
 * Files of the user's own (settings of an editor, tmux.conf, a hook of git) in which something of ours stands. They are
 * read, planned, shown, and written only if nobody changed them meanwhile; what stood there before is remembered, so
 * that an undo gives it back byte for byte.
 */

type Env = NodeJS.ProcessEnv;

/** How one thing of ours gets into a file and out of it again. Pure. */
export interface UserEdit {
  /**
   * The text with ours in it, by the smallest change; the same text when it stands there already.
   *
   * @param text null: there is no file.
   * @param path for messages.
   * @throws CwError `refused` for a text that is not understood.
   */
  put(text: string | null, path: string): string;
  /**
   * The text without ours. null: the file was ours alone, and goes.
   *
   * @param before what stood there before ours came, where that is known.
   * @throws CwError `refused` for a text that is not understood.
   */
  take(text: string, path: string, before: string | null): string | null;
  /** Whether something of ours stands in it. */
  isIn(text: string): boolean;
}

/** A file and what stands in it now. */
export interface UserFile {
  /** As its reader looks for it. */
  readonly path: string;
  /** The file itself, behind links: it is written, the links stay. */
  readonly target: string;
  /** null: there is none. */
  readonly text: string | null;
  /** Its rights, or those that it will have. */
  readonly mode: number;
}

/** What is to become of a file. */
export interface FileChange {
  readonly file: UserFile;
  /** null: the file goes away. The same as `file.text`: nothing is to be done. */
  readonly after: string | null;
}

/** Above this no file of settings is meant, and reading it all would take long. */
const largest = 8 * 1024 * 1024;

/**
 * @param mode the rights that a new file gets.
 * @throws CwError `refused` for what is no file of text or is larger than 8 MiB, `failed` where it cannot be read.
 */
export function readUserFile(path: string, mode = 0o600): UserFile {
  try {
    const target = behindLinks(path);
    const stat = statSync(target, { throwIfNoEntry: false });
    if (!stat) return { path, target, text: null, mode };
    if (!stat.isFile()) throw new CwError('refused', `${path} is no file.`);
    if (stat.size > largest)
      throw new CwError('refused', `${path} is larger than 8 MiB.`, { hint: 'Nothing was written.' });
    return { path, target, text: decode(readFileSync(target), path), mode: stat.mode & 0o777 };
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    if (code === 'ENOTDIR') return { path, target: path, text: null, mode };
    throw new CwError('failed', `${path} cannot be read (${code}).`, { cause });
  }
}

/** What puts ours in. @throws as `UserEdit.put`. */
export function planPut(file: UserFile, edit: UserEdit): FileChange {
  return { file, after: edit.put(file.text, file.path) };
}

/**
 * What takes ours out. A file that is as we left it becomes what it was, byte for byte; in one that was changed since,
 * only what is ours goes.
 *
 * @throws as `UserEdit.take`.
 */
export function planTake(file: UserFile, edit: UserEdit, env: Env): FileChange {
  const { text, path } = file;
  if (text === null) return { file, after: null };
  const memory = recall(file.target, env);
  if (memory && memory.after === hashOf(text)) return { file, after: memory.before };
  return { file, after: edit.isIn(text) ? edit.take(text, path, memory?.before ?? null) : text };
}

/**
 * Writes a change, and remembers what was there before for its undo.
 *
 * @returns false when the file is not any more what the change was made of: nothing was written.
 * @throws CwError `refused` for a file that its owner made read-only, `failed` where it cannot be written.
 */
export function applyChange(change: FileChange, edit: UserEdit, env: Env): boolean {
  const { file, after } = change;
  const now = readUserFile(file.path, file.mode);
  if (now.text !== file.text || now.target !== file.target) return false;
  if (after === file.text) return true;
  refuseReadOnly(file, env);
  const removes = after === null || !edit.isIn(after);
  const memory = recall(file.target, env);
  // Where something of ours stands already (of another installation), an undo gives what it would have given before.
  const before = planTake(file, edit, env).after;
  const newFolders = memory?.newFolders ?? missingFolders(dirname(file.target));
  try {
    if (!removes) remember(file.target, { before, after: hashOf(after), newFolders }, env);
    if (after === null) {
      rmSync(file.target);
      for (const folder of newFolders) removeEmpty(folder);
    } else {
      // A file for the user's eyes only is in a folder for his eyes only.
      mkdirSync(dirname(file.target), { recursive: true, mode: file.mode & 0o077 ? 0o777 : 0o700 });
      writeFileAtomic(file.target, after, file.mode);
    }
    if (removes) rmSync(memoryPath(file.target, env), { force: true });
  } catch (cause) {
    const code = systemCode(cause);
    throw new CwError('failed', `${tildePath(file.target, env)} cannot be written (${code ?? cause}).`, {
      hint: 'It is as it was.',
      cause,
    });
  }
  return true;
}

/** Dotfiles are often links, also to what is not there yet. */
function behindLinks(path: string): string {
  if (isThere(path)) return realpathSync(path);
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink()) return resolve(dirname(path), readlinkSync(path));
  return isThere(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path;
}

function decode(bytes: Buffer, path: string): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  throw new CwError('refused', `${path} is not in UTF-8.`, { hint: 'Nothing was written.' });
}

function refuseReadOnly(file: UserFile, env: Env): void {
  const isReadOnly = file.text !== null && ((file.mode & 0o200) === 0 || !mayWrite(file.target));
  const folder = dirname(file.target);
  if (!isReadOnly && (!isThere(folder) || mayWrite(folder))) return;
  const what = tildePath(isReadOnly ? file.target : folder, env);
  throw new CwError('refused', `${what} is read-only.`, {
    hint: 'Nothing was written. Something else may keep that file: put into it what the same command prints with --print.',
  });
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // EACCES, EROFS
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The folders from this one upwards that are not there, the innermost first. */
function missingFolders(folder: string): string[] {
  return isThere(folder) || dirname(folder) === folder ? [] : [folder, ...missingFolders(dirname(folder))];
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  }
}

interface Memory {
  /** The file's text before ours was put in; null: there was none. */
  readonly before: string | null;
  /** The hash of what we made of it. */
  readonly after: string;
  /** The folders that were made for it. */
  readonly newFolders: readonly string[];
}

function memoryPath(target: string, env: Env): string {
  return join(stateFolder(env), 'user-files', `${hashOf(target).slice(0, 16)}.json`);
}

function remember(target: string, memory: Memory, env: Env): void {
  const path = memoryPath(target, env);
  ensurePrivateFolder(dirname(path));
  writeFileAtomic(path, `${JSON.stringify({ file: target, ...memory }, null, 2)}\n`);
}

function recall(target: string, env: Env): Memory | null {
  const text = readTextIfAny(memoryPath(target, env));
  if (text === null) return null;
  try {
    const { before, after, newFolders } = JSON.parse(text) as Partial<Memory>;
    if ((before !== null && typeof before !== 'string') || typeof after !== 'string') return null;
    return { before, after, newFolders: Array.isArray(newFolders) ? newFolders : [] };
  } catch {
    return null; // damaged: then only what is ours is taken out
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
