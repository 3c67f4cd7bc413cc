import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readSessionFiles } from '../claude/evidence.js';
import { forkTranscript } from '../claude/fork.js';
import { ConversationRegistry, holderOf, isHeld } from '../claude/registry.js';
import { claudeFolder, findTranscripts, transcriptPath } from '../claude/slug.js';
import { CwError } from '../errors.js';
import { type FileLayer, realFiles, temporaryName } from '../system/file-layer.js';
import { processTable } from '../system/process-table.js';
import { mapTranscript } from './map-transcript.js';
import type { PathMap } from './path-map.js';

/** A conversation that was unpacked and has not its place yet. */
export interface ArrivedConversation {
  readonly conversation: string;
  /** The folder of its first start, on this machine. */
  readonly cwd: string;
  readonly transcript: string;
  /** Files of its subagents, by their names. */
  readonly subagents: ReadonlyMap<string, string>;
}

/** What is done with one that arrives. */
export type Placing =
  /** It is not here. */
  | { readonly kind: 'new'; readonly target: string }
  /** What is here is its beginning: it went on elsewhere. */
  | { readonly kind: 'grown'; readonly target: string }
  /** What is here has all of it, and may have gone on. */
  | { readonly kind: 'present'; readonly target: string }
  /** It is here and went on otherwise, or somebody talks with it now. */
  | { readonly kind: 'clash'; readonly target: string; readonly why: string };

export interface PlaceContext {
  /** Of the workspaces of this tmux server. */
  readonly registryFolder: string;
  readonly paths: PathMap;
  /** A private folder that is removed afterwards. */
  readonly scratch: string;
  readonly env: NodeJS.ProcessEnv;
  readonly files?: FileLayer;
}

/** A conversation with its paths as they are here, and what is to be done with it. */
export interface Prepared {
  readonly arrived: ArrivedConversation;
  /** The transcript as it will be. */
  readonly mapped: string;
  readonly placing: Placing;
}

/**
 * Writes the transcripts with the paths of this machine, and compares each with what is here. Nothing of the user's is
 * changed.
 */
export async function prepareConversations(
  arrived: readonly ArrivedConversation[],
  context: PlaceContext,
): Promise<Prepared[]> {
  const claude = claudeFolder(null, context.env);
  const processes = processTable();
  const known = new ConversationRegistry(context.registryFolder);
  const live = new Map(
    readSessionFiles(null, processes, context.env).map((file) => [
      file.conversation,
      `process ${file.process.pid}`,
    ]),
  );
  const prepared: Prepared[] = [];
  for (const one of arrived) {
    const mapped = join(context.scratch, `${one.conversation}.jsonl`);
    await mapTranscript(one.transcript, mapped, context.paths);
    const record = known.byConversation(one.conversation);
    const holder =
      record && isHeld(record, processes) ? holderOf(record) : (live.get(one.conversation) ?? null);
    const placing = await place(one, mapped, claude, holder);
    prepared.push({ arrived: one, mapped, placing });
  }
  return prepared;
}

async function place(
  { conversation, cwd }: ArrivedConversation,
  mapped: string,
  claude: string,
  holder: string | null,
): Promise<Placing> {
  const expected = transcriptPath(claude, cwd, conversation);
  const present = findTranscripts(claude, conversation);
  const [target = expected] = present;
  if (present.length > 1)
    return {
      kind: 'clash',
      target,
      why: `it is here under ${present.length} folders (${present.join(', ')})`,
    };
  if (present.length === 0) return { kind: 'new', target: expected };
  // Older versions find it from its own folder only, and with a second file from nowhere.
  if (target !== expected) return { kind: 'clash', target, why: `it is here for another folder (${target})` };
  const common = await commonBeginning(target, mapped);
  const sizes = { here: sizeOf(target), arrived: sizeOf(mapped) };
  if (common === sizes.arrived) return { kind: 'present', target };
  if (holder !== null) return { kind: 'clash', target, why: `it is open here in ${holder}` };
  if (common === sizes.here) return { kind: 'grown', target };
  return { kind: 'clash', target, why: 'it went on here and there in different ways' };
}

/** @throws CwError `refused` naming those that cannot be placed under their own ids. */
export function refuseClashes(prepared: readonly Prepared[]): void {
  const clashes = prepared.filter(({ placing }) => placing.kind === 'clash');
  if (clashes.length === 0) return;
  const named = clashes.map(
    ({ arrived, placing }) => `${arrived.conversation} (${placing.kind === 'clash' ? placing.why : ''})`,
  );
  throw new CwError('refused', `A conversation of the archive is here already: ${named.join('; ')}.`, {
    hint: 'Nothing was changed. To go on with it under an id of its own, beside the one that is here: --fork',
  });
}

/**
 * Gives a conversation its place. Its transcript comes last and in one step, so that nobody finds half of it; what is
 * here and longer is never replaced.
 *
 * @param fork the id of the fork that a clash becomes.
 * @returns the id under which it is here.
 */
export async function placeConversation(
  { arrived, mapped, placing }: Prepared,
  fork: string,
  context: PlaceContext,
): Promise<string> {
  const files = context.files ?? realFiles;
  const claude = claudeFolder(null, context.env);
  switch (placing.kind) {
    case 'present':
      return arrived.conversation;
    case 'clash': {
      const to = transcriptPath(claude, arrived.cwd, fork);
      await forkTranscript({ from: mapped, to, conversation: fork, cwd: arrived.cwd }, files);
      return fork;
    }
    case 'new':
    case 'grown': {
      const folder = placing.target.slice(0, -'.jsonl'.length);
      for (const [name, file] of arrived.subagents) {
        const to = join(folder, 'subagents', name);
        const mappedAgent = join(context.scratch, `${arrived.conversation}.${name}`);
        await mapTranscript(file, mappedAgent, context.paths);
        await put(mappedAgent, to, files);
      }
      await put(mapped, placing.target, files);
      return arrived.conversation;
    }
  }
}

/** Copies a file over what is there, in one step. */
async function put(from: string, to: string, files: FileLayer): Promise<void> {
  await files.makeFolder(dirname(to));
  const staged = temporaryName(to);
  files.create(staged, '');
  try {
    let at = 0;
    for await (const piece of createReadStream(from) as AsyncIterable<Buffer>) {
      files.writeAt(staged, at, piece);
      at += piece.length;
    }
    await files.syncFile(staged);
    files.rename(staged, to);
    await files.syncFolder(dirname(to));
  } catch (error) {
    files.unlink(staged);
    throw error;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

const pieceBytes = 256 * 1024;

/** How many bytes two files begin with alike. */
async function commonBeginning(left: string, right: string): Promise<number> {
  const handles = [openSync(left, 'r'), openSync(right, 'r')] as const;
  try {
    const most = Math.min(...handles.map((handle) => fstatSync(handle).size));
    const pieces = handles.map(() => Buffer.allocUnsafe(pieceBytes));
    for (let at = 0; at < most; ) {
      const [a, b] = handles.map((handle, which) => {
        const bytes = readSync(handle, pieces[which]!, 0, Math.min(pieceBytes, most - at), at);
        return pieces[which]!.subarray(0, bytes);
      });
      if (!a || !b || a.length === 0 || a.length !== b.length) return at;
      if (!a.equals(b)) {
        for (let offset = 0; ; offset++) if (a[offset] !== b[offset]) return at + offset;
      }
      at += a.length;
    }
    return most;
  } finally {
    for (const handle of handles) closeSync(handle);
  }
}

/** The id of the fork that a conversation of this archive becomes: the same at each try, so that none is made twice. */
export function forkId(conversation: string, archive: string): string {
  const hex = createHash('sha256').update(`fork ${conversation} ${archive}`).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
