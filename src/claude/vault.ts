import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CwError, messageOf, systemCode } from '../errors.js';
import { type FileLayer, realFiles, temporaryName } from '../system/file-layer.js';
import { readTextIfAny } from '../system/files.js';
import { withLock } from '../system/lock.js';
import { type Binding, isConversationId } from './model.js';
import { claudeFolder, findTranscripts, transcriptPath } from './slug.js';
import { isObject, transcriptState } from './transcripts.js';

/**
 * Copies of transcripts, since Claude Code deletes its own after some weeks. A conversation's copy is
 * `<vault>/<id>/transcript.jsonl`, with the files of its subagents in `<vault>/<id>/subagents`. Transcripts only grow, so
 * only what is new is appended. The copy is always a beginning of the transcript, also after a crash in the middle of a
 * copying: no list of sizes has to agree with it. A transcript that was written anew is copied whole, and the copy before it is
 * kept beside it as `transcript.before.jsonl`.
 */

/** What a conversation's copy needs to know of it. */
export type VaultSource = Pick<Binding, 'conversation' | 'cwd' | 'configDir'>;

export interface Vaulted {
  readonly conversation: string;
  /** The transcript that was copied; null: it is gone, and the copy stays as it is. */
  readonly transcript: string | null;
  /** Bytes that were copied now. */
  readonly copied: number;
  /** It had been written anew. */
  readonly rewritten: boolean;
  /** Why it could not be copied, in words. */
  readonly failure: string | null;
}

export interface VaultOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly files?: FileLayer;
}

const transcriptName = 'transcript.jsonl';
const beforeName = 'transcript.before.jsonl';
const sourceName = 'source.json';
/** `agent-<id>.jsonl`, and what newer versions note beside it. */
export const subagentFile = /^agent-[A-Za-z0-9_.-]+\.(jsonl|meta\.json)$/;

/** Where a copy came from, so that it can be put back. */
export interface VaultOrigin {
  readonly conversation: string;
  /** The folder that it was started in. */
  readonly cwd: string;
  readonly configDir: string | null;
}

/** The vault of one tmux server's state folder. */
export function vaultFolder(registryFolder: string): string {
  return join(registryFolder, 'claude', 'vault');
}

/**
 * Brings the copies of these conversations up to date, one after the other: one that fails holds up no other. What has
 * not changed costs a look at its files.
 */
export async function vaultAll(
  vault: string,
  sources: readonly VaultSource[],
  options: VaultOptions = {},
): Promise<Vaulted[]> {
  const unique = [...new Map(sources.map((source) => [source.conversation, source])).values()];
  if (unique.length === 0) return [];
  return withLock(lockOf(vault), async () => {
    const done: Vaulted[] = [];
    for (const source of unique) done.push(await vaultOne(vault, source, options));
    return done;
  });
}

function lockOf(vault: string): string {
  return `${vault}.lock`;
}

async function vaultOne(vault: string, source: VaultSource, options: VaultOptions): Promise<Vaulted> {
  const { conversation } = source;
  const result = { conversation, transcript: null, copied: 0, rewritten: false, failure: null };
  try {
    const transcript = locate(source, options.env);
    if (transcript === null) return result;
    const files = options.files ?? realFiles;
    const folder = join(vault, conversation);
    const subagents = join(transcript.slice(0, -'.jsonl'.length), 'subagents');
    const copied = await copyGrown(transcript, join(folder, transcriptName), files, true);
    let bytes = copied.bytes;
    for (const name of files.names(subagents).filter((one) => subagentFile.test(one))) {
      bytes += (await copyGrown(join(subagents, name), join(folder, 'subagents', name), files, false)).bytes;
    }
    if (bytes > 0) await noteOrigin(folder, source, files);
    return { ...result, transcript, copied: bytes, rewritten: copied.rewritten };
  } catch (error) {
    return { ...result, failure: messageOf(error) };
  }
}

/** The transcript of a conversation: where it was started, else under any slug (its folder was moved). */
function locate({ conversation, cwd, configDir }: VaultSource, env?: NodeJS.ProcessEnv): string | null {
  const claude = claudeFolder(configDir, env);
  const expected = transcriptPath(claude, cwd, conversation);
  if (isPlainFile(expected)) return expected;
  return newest(findTranscripts(claude, conversation));
}

/** Of one id under two slugs the one that was written last: for a copy that is better than none. */
function newest(paths: readonly string[]): string | null {
  const time = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return [...paths].sort((a, b) => time(b) - time(a))[0] ?? null;
}

async function noteOrigin(folder: string, source: VaultSource, files: FileLayer): Promise<void> {
  const path = join(folder, sourceName);
  const { conversation, cwd, configDir } = source;
  const text = `${JSON.stringify({ conversation, cwd, configDir })}\n`;
  if (files.read(path)?.toString('utf8') === text) return;
  files.publish(await files.stage(path, Buffer.from(text)), path);
  await files.syncFolder(folder);
}

/** Each piece is on the disk before the next one is written, so at most one can be lost when the machine stops. */
const pieceBytes = 1024 * 1024;
const headBytes = 64 * 1024;
const samples = 8;

/**
 * Makes `target` the same as `source` by appending what is new.
 *
 * That the copy is a beginning of the source is seen by its head, by its last megabyte (where a stop of the machine can
 * have left anything) and by samples in between: whoever writes a transcript anew changes its lines' lengths or their
 * ids, and to read all of it each time would cost more than it is worth.
 */
async function copyGrown(
  source: string,
  target: string,
  files: FileLayer,
  keepBefore: boolean,
): Promise<{ bytes: number; rewritten: boolean }> {
  const from = openSource(source);
  if (from === null) return { bytes: 0, rewritten: false };
  try {
    const { size } = fstatSync(from);
    const has = files.state(target)?.size ?? null;
    // An empty file is no news: somebody may be about to write it anew.
    if (size === 0) return { bytes: 0, rewritten: false };
    if (has !== null && has <= size && isBeginning(target, has, from)) {
      if (has < size) await pump(from, target, has, size, files);
      return { bytes: size - has, rewritten: false };
    }
    const folder = dirname(target);
    await files.makeFolder(folder);
    files.sweepLitter(folder);
    const staged = await stageCopy(from, target, size, files);
    try {
      if (has !== null && keepBefore) setAside(target, has, files);
    } catch (error) {
      files.unlink(staged);
      throw error;
    }
    files.publish(staged, target);
    await files.syncFolder(folder);
    return { bytes: size, rewritten: has !== null };
  } finally {
    closeSync(from);
  }
}

/**
 * Keeps a copy that is about to be replaced under another name, by a link, so that there is no moment without it. Of
 * several the longest one is kept.
 */
function setAside(target: string, size: number, files: FileLayer): void {
  const before = join(dirname(target), beforeName);
  if ((files.state(before)?.size ?? 0) > size) return;
  const link = temporaryName(target);
  files.link(target, link);
  files.rename(link, before);
}

function openSource(path: string): number | null {
  try {
    // Not through a link in the file's place, and without waiting for whoever writes into a pipe.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
    return null;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ELOOP') return null;
    throw error;
  }
}

function isBeginning(copy: string, length: number, source: number): boolean {
  const file = openSync(copy, 'r');
  try {
    const tail = Math.max(0, length - pieceBytes);
    const spots: [number, number][] = [
      [tail, length - tail],
      [0, Math.min(headBytes, tail)],
    ];
    for (let at = 1; at < samples; at++) {
      const spot = Math.floor((tail * at) / samples);
      spots.push([spot, Math.min(4096, tail - spot)]);
    }
    return spots.every(([from, bytes]) =>
      readRange(file, from, bytes).equals(readRange(source, from, bytes)),
    );
  } finally {
    closeSync(file);
  }
}

function readRange(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const read = readSync(file, bytes, got, length - got, from + got);
    if (read === 0) break;
    got += read;
  }
  return bytes.subarray(0, got);
}

/** Copies bytes `start` to `end`, piece by piece. */
async function pump(
  source: number,
  target: string,
  start: number,
  end: number,
  files: FileLayer,
): Promise<void> {
  for (let at = start; at < end; ) {
    const piece = readRange(source, at, Math.min(pieceBytes, end - at));
    if (piece.length === 0) throw new Error(`it was cut short while it was copied to ${target}`);
    files.writeAt(target, at, piece);
    await files.syncFile(target);
    at += piece.length;
  }
}

async function stageCopy(source: number, target: string, size: number, files: FileLayer): Promise<string> {
  const staged = temporaryName(target);
  files.create(staged, '');
  try {
    await pump(source, staged, 0, size, files);
  } catch (error) {
    files.unlink(staged);
    throw error;
  }
  return staged;
}

/** A conversation's copy. */
export interface VaultEntry {
  readonly conversation: string;
  /** The copy's file. */
  readonly path: string;
  readonly bytes: number;
  /** When it was last added to, UTC, ISO 8601. */
  readonly at: string;
  /** null: where it came from was not noted. */
  readonly origin: VaultOrigin | null;
}

/** The copy of one conversation; null when there is none. */
export function inVault(vault: string, conversation: string): VaultEntry | null {
  if (!isConversationId(conversation)) return null;
  const folder = join(vault, conversation);
  const path = join(folder, transcriptName);
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) return null;
  return {
    conversation,
    path,
    bytes: found.size,
    at: found.mtime.toISOString(),
    origin: readOrigin(folder, conversation),
  };
}

/** All copies, in no order. */
export function listVault(vault: string): VaultEntry[] {
  return realFiles.names(vault).flatMap((name) => inVault(vault, name) ?? []);
}

function readOrigin(folder: string, conversation: string): VaultOrigin | null {
  try {
    const value: unknown = JSON.parse(readTextIfAny(join(folder, sourceName)) ?? '');
    if (!isObject(value) || value.conversation !== conversation || typeof value.cwd !== 'string') return null;
    return {
      conversation,
      cwd: value.cwd,
      configDir: typeof value.configDir === 'string' ? value.configDir : null,
    };
  } catch {
    return null; // never written, or damaged: the copy itself is what counts
  }
}

export interface PutBack {
  readonly conversation: string;
  /** The transcript, where `--resume` finds it from its folder. */
  readonly path: string;
  readonly bytes: number;
  /** Files of subagents that were put back too. */
  readonly subagents: number;
  /** What stood in its place without a prompt, and was moved out of the way. */
  readonly replaced: string | null;
}

/**
 * Puts a conversation's copy back under the slug of `folder`. The transcript comes last and in one step, so that
 * nobody finds half of it.
 *
 * @param configDir `CLAUDE_CONFIG_DIR` of the conversation; null is `~/.claude`.
 * @throws CwError `not-found` without a copy; `refused` when a transcript with prompts is there, under this slug or any
 *   other: one id under two slugs is found under neither.
 */
export async function restoreFromVault(
  vault: string,
  conversation: string,
  configDir: string | null,
  folder: string,
  options: VaultOptions = {},
): Promise<PutBack> {
  const files = options.files ?? realFiles;
  const claude = claudeFolder(configDir, options.env);
  const target = transcriptPath(claude, folder, conversation);
  return withLock(lockOf(vault), async () => {
    const entry = inVault(vault, conversation);
    if (!entry) {
      throw new CwError('not-found', `There is no copy of the conversation ${conversation}.`, {
        hint: 'Copies are made at each save and each time Claude stops: cw conversation list',
      });
    }
    const present = findTranscripts(claude, conversation);
    const elsewhere = present.find((path) => path !== target);
    if (elsewhere !== undefined) {
      throw new CwError('refused', `The conversation ${conversation} is there already: ${elsewhere}.`, {
        hint: 'Under two folders it would be found under neither. Resume it where it is, or move that file away first.',
      });
    }
    if ((await transcriptState(target)) === 'prompted') {
      throw new CwError('refused', `The conversation ${conversation} has its transcript: ${target}.`, {
        hint: `Nothing was changed. The copy is ${entry.path}.`,
      });
    }
    const replaced = present.length > 0 ? `${target}.replaced` : null;
    if (replaced !== null) files.rename(target, replaced);
    const subagents = await putSubagents(dirname(entry.path), target, files);
    await files.makeFolder(dirname(target));
    files.sweepLitter(dirname(target));
    await putFile(entry.path, target, files);
    // Somebody may have put one back by hand meanwhile.
    const now = findTranscripts(claude, conversation);
    if (now.length > 1) {
      files.unlink(target);
      throw new CwError(
        'refused',
        `The conversation ${conversation} came back meanwhile: ${now.join(', ')}.`,
      );
    }
    return { conversation, path: target, bytes: entry.bytes, subagents, replaced };
  });
}

async function putSubagents(from: string, target: string, files: FileLayer): Promise<number> {
  const source = join(from, 'subagents');
  const folder = join(target.slice(0, -'.jsonl'.length), 'subagents');
  let put = 0;
  for (const name of files.names(source).filter((one) => subagentFile.test(one))) {
    await files.makeFolder(folder);
    if (await putFile(join(source, name), join(folder, name), files)) put++;
  }
  return put;
}

/** Copies a file where none is. @returns false when one is. */
async function putFile(source: string, target: string, files: FileLayer): Promise<boolean> {
  const from = openSource(source);
  if (from === null) return false;
  try {
    const staged = await stageCopy(from, target, fstatSync(from).size, files);
    const isNew = files.link(staged, target);
    files.unlink(staged);
    await files.syncFolder(dirname(target));
    return isNew;
  } finally {
    closeSync(from);
  }
}

const dayMs = 86_400_000;

/**
 * Days for which Claude Code keeps transcripts, by the user's settings; 30 where they say nothing. With 0 it deletes
 * them all at its next start.
 */
export function retentionDays(configDir: string): number {
  try {
    const value: unknown = JSON.parse(readTextIfAny(join(configDir, 'settings.json')) ?? '{}');
    const days = isObject(value) ? value.cleanupPeriodDays : undefined;
    if (typeof days === 'number' && Number.isFinite(days) && days >= 0) return days;
  } catch {
    // Settings that do not parse are not followed by Claude Code either.
  }
  return 30;
}

export interface Expiring {
  readonly conversation: string;
  readonly path: string;
  /** When Claude Code deletes it at its next start, UTC, ISO 8601. */
  readonly deletedAt: string;
}

export interface ExpiringOptions {
  readonly now?: number;
  /** Only these conversations. */
  readonly only?: ReadonlySet<string>;
}

/** Transcripts that Claude Code deletes within `days`, the next one first: it goes by when they were last written. */
export function expiring(configDir: string, days: number, options: ExpiringOptions = {}): Expiring[] {
  const keptMs = retentionDays(configDir) * dayMs;
  const until = (options.now ?? Date.now()) + days * dayMs;
  const projects = join(configDir, 'projects');
  const found: Expiring[] = [];
  for (const slug of namesIn(projects)) {
    for (const name of namesIn(join(projects, slug))) {
      const conversation = basename(name, '.jsonl');
      if (!name.endsWith('.jsonl') || !isConversationId(conversation)) continue;
      if (options.only && !options.only.has(conversation)) continue;
      const path = join(projects, slug, name);
      const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
      if (written === undefined || written + keptMs > until) continue;
      found.push({ conversation, path, deletedAt: new Date(written + keptMs).toISOString() });
    }
  }
  return found.sort((a, b) => a.deletedAt.localeCompare(b.deletedAt));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no folder, or closed to us: nothing of it can be told
  }
}

function isPlainFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
