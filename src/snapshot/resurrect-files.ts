import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { CwError, messageOf, systemCode } from '../errors.js';
import { isFolder } from '../system/files.js';
import { expandPath, homeFolder, tildePath } from '../system/paths.js';
import type { Connection } from '../tmux/connection.js';
import { holdsSessions, parseResurrect, type ResurrectSave } from './resurrect.js';

/** A save that was found and read. */
export interface FoundSave {
  readonly path: string;
  readonly save: ResurrectSave;
  /** Local time, as its name says: `2026-11-29 11:48:27`; null for a file of another name. */
  readonly savedAt: string | null;
  /** Which saves were passed over and why, for people. */
  readonly notes: readonly string[];
}

/** More than any save has: 100,000 panes. */
const longestSave = 32 * 1024 * 1024;

/**
 * The folder in which tmux-resurrect saves: the one that the running server's `@resurrect-dir` names, else the one
 * that the plugin takes by itself.
 *
 * @param connection null: no server runs.
 */
export async function resurrectFolder(
  connection: Connection | null,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const asked = await connection?.batch([['show-options', '-gqv', '@resurrect-dir']]);
  const chosen = asked?.stdout.toString('utf8').trim();
  // The plugin fills in these three, and no others.
  if (chosen) {
    const filled = chosen.replaceAll('$HOME', homeFolder(env)).replaceAll('$HOSTNAME', hostname());
    return expandPath(filled.replaceAll('~', homeFolder(env)), homeFolder(env), env);
  }
  const old = join(homeFolder(env), '.tmux/resurrect');
  if (isFolder(old)) return old;
  return join(env.XDG_DATA_HOME || join(homeFolder(env), '.local/share'), 'tmux/resurrect');
}

/**
 * Reads the save that a path names. Of a folder it is the one that `last` links to, or else, since a save that was
 * made while the server died leaves that link on an empty file, the newest that holds a session.
 *
 * @throws CwError `not-found` where there is none, `failed` for a file that holds no session.
 */
export function findSave(path: string, env: NodeJS.ProcessEnv): FoundSave {
  if (isFolder(path)) return newestIn(path, env);
  const shown = tildePath(path, env);
  const found = readSave(path);
  if (typeof found === 'string') {
    throw new CwError(found === missing ? 'not-found' : 'failed', `${shown} ${found}.`, {
      hint: `Other saves are beside it: ls ${tildePath(dirname(path), env)}\nTo take the newest good one, give the folder.`,
    });
  }
  return { path, save: found, savedAt: timeOf(path), notes: [] };
}

function newestIn(folder: string, env: NodeJS.ProcessEnv): FoundSave {
  const last = join(folder, 'last');
  const first = readSave(last);
  if (typeof first !== 'string') return { path: last, save: first, savedAt: savedAt(last), notes: [] };
  const names = readdirSync(folder).filter((name) => /^tmux_resurrect_.*\.txt$/.test(name));
  const notes = [`${tildePath(last, env)} ${first}.`];
  // The time is in the names.
  for (const name of names.sort().reverse()) {
    const path = join(folder, name);
    const save = readSave(path);
    if (typeof save !== 'string') {
      notes.push(`Taken instead: the newest save that holds a session, ${name}.`);
      return { path, save, savedAt: timeOf(path), notes };
    }
  }
  throw new CwError('not-found', `No save of tmux-resurrect in ${tildePath(folder, env)} holds a session.`, {
    hint: `${notes[0]}\nGive the file or its folder: cw import --from resurrect PATH`,
  });
}

const missing = 'does not exist';

/** The save, or what is wrong with the file, as the rest of a sentence. */
function readSave(path: string): ResurrectSave | string {
  try {
    const { size, isFile } = stat(path);
    if (!isFile) return 'is not a file';
    if (size === 0) return 'is empty';
    if (size > longestSave) return `is too large for a save (${size} bytes)`;
    const save = parseResurrect(readFileSync(path, 'utf8'));
    if (holdsSessions(save)) return save;
    return `holds no session${save.problems[0] ? `: ${save.problems[0].replace(/\.$/, '')}` : ''}`;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return missing;
    if (systemCode(error)) return `cannot be read (${messageOf(error)})`;
    throw error;
  }
}

function stat(path: string): { size: number; isFile: boolean } {
  const found = statSync(path);
  return { size: found.size, isFile: found.isFile() };
}

/** The time of what `last` links to; a link's own name says nothing. */
function savedAt(link: string): string | null {
  const names = readdirSync(dirname(link)).filter((name) => timeOf(name) !== null);
  const target = statSync(link).ino;
  const name = names.find(
    (each) => statSync(join(dirname(link), each), { throwIfNoEntry: false })?.ino === target,
  );
  return name === undefined ? null : timeOf(name);
}

function timeOf(path: string): string | null {
  const match = /_(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)\.txt$/.exec(basename(path));
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`;
}

export interface PaneTexts {
  /** What panes showed, with their colours and no other control sequences, by `session:window.pane`. */
  readonly texts: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

export interface TextLimits {
  /** Bytes of the archive when unpacked, whatever is in it. */
  readonly total: number;
  /** Bytes of one pane; of a longer one its end is kept. */
  readonly pane: number;
}

const textLimits: TextLimits = { total: 256 * 1024 * 1024, pane: 4 * 1024 * 1024 };

/**
 * What the panes of a save showed: `pane_contents.tar.gz` beside it, which holds the newest save's alone. It is read
 * in memory, within limits, and nothing of it is written anywhere: entries that are not the plain file of a wanted
 * pane are passed over.
 *
 * @param folder the folder of the saves
 * @param wanted panes as `session:window.pane`
 */
export async function readPaneTexts(
  folder: string,
  wanted: ReadonlySet<string>,
  limits: TextLimits = textLimits,
): Promise<PaneTexts> {
  const path = join(folder, 'pane_contents.tar.gz');
  const texts = new Map<string, string>();
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return { texts, notes: [] };
  try {
    await unpack(path, limits, (entry) => {
      const pane = /^(?:\.\/)?pane_contents\/pane-(.+)$/s.exec(entry.path)?.[1];
      if (entry.type !== 'File' || pane === undefined || !wanted.has(pane)) {
        entry.resume();
        return;
      }
      const tail = new Tail(limits.pane);
      entry.on('data', (chunk: Buffer) => tail.push(chunk));
      entry.on('end', () => texts.set(pane, coloured(tail.text())));
    });
  } catch (error) {
    return {
      texts,
      notes: [
        `${path} could not be read to its end, the text of some panes is not there: ${messageOf(error)}`,
      ],
    };
  }
  return { texts, notes: [] };
}

function unpack(path: string, limits: TextLimits, onEntry: (entry: ReadEntry) => void): Promise<void> {
  return new Promise((done, fail) => {
    const parser = new Parser({ strict: true, onReadEntry: onEntry });
    const input = createReadStream(path);
    const unzip = createGunzip();
    let total = 0;
    const stop = (error: unknown) => {
      input.destroy();
      unzip.destroy();
      fail(error);
    };
    input.on('error', stop);
    unzip.on('error', stop);
    parser.on('error', stop);
    parser.on('end', done);
    unzip.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total > limits.total) stop(new Error(`it unpacks to more than ${limits.total} bytes`));
      else parser.write(chunk);
    });
    unzip.on('end', () => parser.end());
    input.pipe(unzip);
  });
}

/** The last bytes of a stream. */
class Tail {
  private chunks: Buffer[] = [];
  private length = 0;

  constructor(private readonly limit: number) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    // Now and then, so that a stream of any length costs twice the limit at most.
    if (this.length > 2 * this.limit) this.cut();
  }

  text(): string {
    const whole = this.length > this.limit;
    if (whole) this.cut();
    const text = Buffer.concat(this.chunks).toString('utf8');
    return whole ? text.slice(text.indexOf('\n') + 1) : text;
  }

  private cut(): void {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all.subarray(Math.max(0, all.length - this.limit))];
    this.length = this.chunks[0]!.length;
  }
}

/** Lines with their colours. A file can hold anything, and a terminal obeys what is printed on it. */
function coloured(text: string): string {
  return text.replace(
    /\x1b\[[0-9;:]*m|\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~])|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (part) => (/^\x1b\[[0-9;:]*m$/.test(part) ? part : ''),
  );
}
