import { type Binding, isConversationId, type ProcessId } from './model.js';

/**
 * The registry of conversations is a log, and what is known now is derived from it. Each entry is one JSON object on
 * one line. What is no entry (a line that a crash tore, one of a newer version) is passed over.
 */

interface EntryBase {
  /** UTC, ISO 8601; for people. The order is that of the lines. */
  readonly at: string;
  readonly conversation: string;
  /** Why, in words. */
  readonly evidence: string;
  /**
   * The event in the spool that led to it and its number among those of that event, `17.0`: one that was written
   * before a crash is not written again after it.
   */
  readonly from?: string;
}

/** What a pane is known by: `%5` alone is another pane after the server's death. */
export interface PaneAddress {
  readonly workspace: string;
  readonly paneKey: string;
  /** `%5` */
  readonly pane: string | null;
  /** Pid of the tmux server that the pane is on. */
  readonly server: number | null;
}

/** We decided that the conversation starts in this pane. Written before its process is started. */
export interface ChooseEntry extends EntryBase, PaneAddress {
  readonly kind: 'choose';
  readonly cwd: string;
  readonly flags: readonly string[];
  readonly configDir: string | null;
  readonly forkOf: string | null;
  readonly name: string | null;
}

/** The process of the pane proved that it holds the conversation. */
export interface BindEntry extends EntryBase, PaneAddress {
  /** `rebind`: another conversation had the pane until then. */
  readonly kind: 'bind' | 'rebind';
  readonly process: ProcessId;
  /** A hook cannot be wrong about its own process; the program's registry file can be late. */
  readonly by: 'hook' | 'file';
  readonly cwd: string;
  readonly configDir: string | null;
  readonly prompted: boolean;
  readonly forkOf: string | null;
  /** Words that it was started with, where nobody had chosen them. */
  readonly flags?: readonly string[];
  /** The conversation that had the pane. */
  readonly instead?: string;
}

/** An event or a start that was not believed. */
export interface RefuseEntry extends EntryBase {
  readonly kind: 'refuse';
  readonly pane: string | null;
  readonly process: ProcessId | null;
}

/** Claude Code ended the conversation itself. */
export interface EndEntry extends EntryBase {
  readonly kind: 'end';
  readonly pane: string | null;
  readonly process: ProcessId | null;
  /** Its word for why: `clear`, `logout`, `prompt_input_exit`, `other`. */
  readonly reason: string;
}

export interface NameEntry extends EntryBase {
  readonly kind: 'name';
  readonly name: string | null;
}

export type RegistryEntry = ChooseEntry | BindEntry | RefuseEntry | EndEntry | NameEntry;

/** A conversation, and where it was last. */
export interface Known extends Binding, PaneAddress {
  /** Its process proved it by itself, not by being told of it in a file. */
  readonly by: 'hook' | 'file' | null;
  /**
   * It is the one that its pane had last. False after `/clear` or `/resume` in the program: another one has the pane.
   */
  readonly current: boolean;
  /**
   * Claude Code said that it ended. A program that loses its terminal with its tmux server says so too: whether it
   * was alive at a save is for the save to tell.
   */
  readonly ended: { readonly at: string; readonly reason: string } | null;
  /** When it was chosen, bound or ended last. */
  readonly at: string;
}

export interface RegistryState {
  readonly conversations: ReadonlyMap<string, Known>;
  /** The conversation that a pane had last, by `paneName`. */
  readonly panes: ReadonlyMap<string, string>;
  /** `from` of the last entry that an event led to. */
  readonly lastFrom: string | null;
}

export const noConversations: RegistryState = { conversations: new Map(), panes: new Map(), lastFrom: null };

export function paneName(workspace: string, paneKey: string): string {
  return `${workspace} ${paneKey}`;
}

/** What is known after these entries. `before` stays as it is. */
export function reduceRegistry(
  entries: readonly RegistryEntry[],
  before: RegistryState = noConversations,
): RegistryState {
  if (entries.length === 0) return before;
  const conversations = new Map(before.conversations);
  const panes = new Map(before.panes);
  let { lastFrom } = before;
  const put = (known: Known) => {
    const name = paneName(known.workspace, known.paneKey);
    const last = panes.get(name);
    const other = last === undefined || last === known.conversation ? undefined : conversations.get(last);
    if (other) conversations.set(other.conversation, { ...other, current: false });
    // It has left the pane where it was before.
    const old = conversations.get(known.conversation);
    const oldName = old && paneName(old.workspace, old.paneKey);
    if (oldName !== undefined && oldName !== name && panes.get(oldName) === known.conversation)
      panes.delete(oldName);
    panes.set(name, known.conversation);
    conversations.set(known.conversation, known);
  };
  for (const entry of entries) {
    if (entry.from !== undefined) lastFrom = entry.from;
    const old = conversations.get(entry.conversation);
    switch (entry.kind) {
      case 'choose':
        put(chosen(entry, old));
        break;
      case 'bind':
      case 'rebind':
        put(bound(entry, old, conversations.get(entry.instead ?? '')));
        break;
      case 'end':
        if (old)
          conversations.set(entry.conversation, {
            ...old,
            ended: { at: entry.at, reason: entry.reason },
            at: entry.at,
          });
        break;
      case 'name':
        if (old) conversations.set(entry.conversation, { ...old, name: entry.name });
        break;
      case 'refuse':
        break; // it changes nothing: that is its meaning
    }
  }
  return { conversations, panes, lastFrom };
}

function chosen(entry: ChooseEntry, old: Known | undefined): Known {
  return {
    conversation: entry.conversation,
    workspace: entry.workspace,
    paneKey: entry.paneKey,
    pane: entry.pane,
    server: entry.server,
    process: null,
    by: null,
    cwd: entry.cwd,
    flags: entry.flags,
    configDir: entry.configDir,
    prompted: old?.prompted ?? false,
    forkOf: entry.forkOf ?? old?.forkOf ?? null,
    name: entry.name ?? old?.name ?? null,
    current: true,
    ended: null,
    at: entry.at,
  };
}

function bound(entry: BindEntry, old: Known | undefined, instead: Known | undefined): Known {
  const isSameRun = instead !== undefined && sameProcess(instead.process, entry.process);
  return {
    conversation: entry.conversation,
    workspace: entry.workspace,
    paneKey: entry.paneKey,
    pane: entry.pane,
    server: entry.server,
    process: entry.process,
    by: entry.by,
    // A conversation is resumed where it was started first, wherever the pane has gone since.
    cwd: old?.cwd ?? entry.cwd,
    // After /clear the same process goes on, with the words that it was started with.
    flags: old?.flags ?? (isSameRun ? instead.flags : entry.flags) ?? [],
    configDir: entry.configDir ?? old?.configDir ?? null,
    prompted: entry.prompted || (old?.prompted ?? false),
    forkOf: old?.forkOf ?? entry.forkOf,
    name: old?.name ?? null,
    current: true,
    ended: null,
    at: entry.at,
  };
}

export function printEntry(entry: RegistryEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** The entries in a text of whole lines; what is none is left out. */
export function parseEntries(text: string): RegistryEntry[] {
  return text.split('\n').flatMap((line) => {
    const entry = line === '' ? null : parseEntry(line);
    return entry ? [entry] : [];
  });
}

function parseEntry(line: string): RegistryEntry | null {
  let value: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) return null;
    value = parsed as Record<string, unknown>;
  } catch {
    return null;
  }
  const { kind, at, conversation, evidence } = value;
  if (!isText(at) || !isText(evidence) || !isText(conversation)) return null;
  // Of a refused one the id may be whatever it was.
  if (kind !== 'refuse' && !isConversationId(conversation)) return null;
  const base = { at, conversation, evidence, ...(isText(value.from) && { from: value.from }) };
  const pane = textOrNull(value.pane);
  const process = parseProcess(value.process);
  switch (kind) {
    case 'refuse':
      return { ...base, kind, pane, process };
    case 'end':
      return { ...base, kind, pane, process, reason: textOrNull(value.reason) ?? 'other' };
    case 'name':
      return { ...base, kind, name: textOrNull(value.name) };
  }
  const { workspace, paneKey, cwd } = value;
  if (!isText(workspace) || !isText(paneKey) || !isText(cwd)) return null;
  const place = {
    workspace,
    paneKey,
    pane,
    server: typeof value.server === 'number' ? value.server : null,
    cwd,
    configDir: textOrNull(value.configDir),
    forkOf: isConversationId(value.forkOf) ? value.forkOf : null,
  };
  switch (kind) {
    case 'choose': {
      const flags = Array.isArray(value.flags) ? value.flags.filter(isText) : [];
      return { ...base, ...place, kind, flags, name: textOrNull(value.name) };
    }
    case 'bind':
    case 'rebind':
      if (!process) return null;
      return {
        ...base,
        ...place,
        kind,
        process,
        by: value.by === 'file' ? 'file' : 'hook',
        prompted: value.prompted === true,
        ...(Array.isArray(value.flags) && { flags: value.flags.filter(isText) }),
        ...(isText(value.instead) && { instead: value.instead }),
      };
    default:
      return null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function textOrNull(value: unknown): string | null {
  return isText(value) ? value : null;
}

export function parseProcess(value: unknown): ProcessId | null {
  if (typeof value !== 'object' || value === null) return null;
  const { pid, start } = value as Partial<ProcessId>;
  return typeof pid === 'number' && Number.isInteger(pid) ? { pid, start: textOrNull(start) } : null;
}

export function sameProcess(one: ProcessId | null, other: ProcessId | null): boolean {
  if (!one || !other || one.pid !== other.pid) return false;
  return one.start === null || other.start === null || one.start === other.start;
}
