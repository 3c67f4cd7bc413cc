import { closeSync, fstatSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CwError, systemCode } from '../errors.js';
import { ensurePrivateFolder } from '../system/files.js';
import type { ProcessTable } from '../system/process-table.js';
import { isConversationId } from './model.js';
import { claudeStateFolder } from './places.js';
import {
  type ChooseEntry,
  type Known,
  noConversations,
  paneName,
  parseEntries,
  printEntry,
  type RegistryEntry,
  type RegistryState,
  reduceRegistry,
} from './registry-log.js';

export { claudeStateFolder } from './places.js';

export type ChooseRequest = Omit<ChooseEntry, 'kind' | 'at' | 'from'>;

/**
 * The conversations of one tmux server, by the log in `claude/registry.log`. Reading follows the file: what was read
 * is kept, and only what was added since is read.
 */
export class ConversationRegistry {
  readonly file: string;
  private readonly folder: string;
  private known: RegistryState = noConversations;
  /** The file that `known` is of, and how many bytes of it. */
  private read = { inode: 0, bytes: 0 };

  constructor(registryFolder: string) {
    this.folder = claudeStateFolder(registryFolder);
    this.file = join(this.folder, 'registry.log');
  }

  /**
   * Notes which conversation is about to be started in a pane, on the disk before it returns: after a crash at any
   * later moment it is known whose the process is.
   *
   * @param processes where given, a conversation that lives in another pane is not started a second time: Claude Code
   *   itself has no lock, and two processes would write one transcript.
   * @throws CwError `refused`, naming the pane that has it.
   */
  choose(requests: readonly ChooseRequest[], processes?: ProcessTable): void {
    const at = new Date().toISOString();
    for (const request of requests) {
      if (!isConversationId(request.conversation))
        throw new Error(`no conversation id: ${request.conversation}`);
      const known = processes && this.byConversation(request.conversation);
      if (!known || !isHeld(known, processes)) continue;
      throw new CwError(
        'refused',
        `The conversation ${request.conversation} is open in ${holderOf(known)}.`,
        {
          hint: 'Go on there, or end it there first. To go on in two places, fork it: cw conversation fork',
        },
      );
    }
    this.append(requests.map((request) => ({ ...request, kind: 'choose', at })));
  }

  /** The conversation that a pane of a blueprint had last, also when it has ended. */
  current(workspace: string, paneKey: string): Known | null {
    const { panes, conversations } = this.state();
    return conversations.get(panes.get(paneName(workspace, paneKey)) ?? '') ?? null;
  }

  /** The same by tmux's id, for panes that no blueprint knows yet. */
  currentOfPane(server: number, pane: string): Known | null {
    return (
      this.all().find((known) => known.current && known.server === server && known.pane === pane) ?? null
    );
  }

  byConversation(id: string): Known | null {
    return this.state().conversations.get(id) ?? null;
  }

  all(): Known[] {
    return [...this.state().conversations.values()];
  }

  /** What is known now. */
  state(): RegistryState {
    const found = statSync(this.file, { throwIfNoEntry: false });
    if (!found) {
      this.known = noConversations;
      this.read = { inode: 0, bytes: 0 };
      return this.known;
    }
    if (found.ino !== this.read.inode || found.size < this.read.bytes) {
      this.known = noConversations;
      this.read = { inode: found.ino, bytes: 0 };
    }
    if (found.size > this.read.bytes) this.readMore(found.size);
    return this.known;
  }

  private readMore(size: number): void {
    const bytes = Buffer.allocUnsafe(size - this.read.bytes);
    const file = openSync(this.file, 'r');
    let got = 0;
    try {
      while (got < bytes.length) {
        const more = readSync(file, bytes, got, bytes.length - got, this.read.bytes + got);
        if (more === 0) break;
        got += more;
      }
    } finally {
      closeSync(file);
    }
    // A line without its end may be one that is being written: it is read again.
    const end = bytes.lastIndexOf(0x0a, Math.max(0, got - 1)) + 1;
    this.known = reduceRegistry(parseEntries(bytes.toString('utf8', 0, Math.min(end, got))), this.known);
    this.read = { inode: this.read.inode, bytes: this.read.bytes + Math.min(end, got) };
  }

  /**
   * Adds entries by one write and waits for the disk. Writers need no lock: the kernel puts each write of a file that
   * is opened for appending at its end. A line that a crash tore is ended first, so that only that one is lost.
   */
  append(entries: readonly RegistryEntry[]): void {
    if (entries.length === 0) return;
    const file = this.open();
    try {
      const text = entries.map(printEntry).join('');
      const bytes = Buffer.from(endsTorn(file) ? `\n${text}` : text);
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  private open(): number {
    try {
      return openSync(this.file, 'a+', 0o600);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      ensurePrivateFolder(this.folder);
      return openSync(this.file, 'a+', 0o600);
    }
  }
}

function endsTorn(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/** True where a living process has the conversation open. One that was only chosen is not held by anything yet. */
export function isHeld(known: Known, processes: ProcessTable): boolean {
  if (!known.process || !known.current) return false;
  const now = processes.get(known.process.pid);
  return now !== null && (known.process.start === null || now.start === known.process.start);
}

/** For people: `pane %5 (process 123)`. */
export function holderOf(known: Known): string {
  const process = known.process ? ` (process ${known.process.pid})` : '';
  return `pane ${known.pane ?? known.paneKey}${process}`;
}

/** Lines of a registry's log that are no entries: how many, and the number of the first. null: there are none. */
export function unreadableLines(log: string): { readonly count: number; readonly first: number } | null {
  const lines = log.split('\n');
  lines.pop(); // the last one may be in the writing
  const wrong = lines.flatMap((line, at) => (line !== '' && parseEntries(line).length === 0 ? [at + 1] : []));
  return wrong[0] === undefined ? null : { count: wrong.length, first: wrong[0] };
}
