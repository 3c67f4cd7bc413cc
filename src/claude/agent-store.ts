import { renameSync } from 'node:fs';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { AgentRecord } from './agents.js';
import type { Seen } from './dedupe.js';
import { type AgentState, type AgentVerdict, agentStates, hookEvents, isConversationId } from './model.js';
import { parseEntries, parseProcess, printEntry, type RegistryEntry } from './registry-log.js';

/**
 * `agents.json`: the place in the spool up to which all was taken, together with what was made of it. They are
 * written in one, so that a crash at any moment leaves neither an event taken twice nor one forgotten.
 */
export interface AgentStore {
  /** Where to go on in the spool. */
  readonly place: number;
  /** By conversation. */
  readonly agents: ReadonlyMap<string, AgentRecord>;
  /**
   * What the registry is to note of the events before `place`. It is written here first: should the process end before
   * the registry has it, the next one hands it over.
   */
  readonly outbox: readonly RegistryEntry[];
  /** Refusals that were noted: a nested run fires many events, and is noted once. */
  readonly refused: readonly string[];
}

export const emptyStore: AgentStore = { place: 0, agents: new Map(), outbox: [], refused: [] };

/** What is there; the empty one where there is nothing, or nothing that can be read. */
export function readStore(path: string): AgentStore {
  const text = readTextIfAny(path);
  return (text === null ? null : parseStore(text)) ?? emptyStore;
}

/** Where a store that cannot be read is put, so that somebody can look at it. */
export function damagedStore(path: string): string {
  return `${path}.damaged`;
}

/**
 * The same, for whoever will write it: one that cannot be read is set aside first. What hooks have told since the spool
 * was last moved on is then taken once more.
 */
export function openStore(path: string): AgentStore {
  const text = readTextIfAny(path);
  const store = text === null ? emptyStore : parseStore(text);
  if (store === null) renameSync(path, damagedStore(path));
  return store ?? emptyStore;
}

export function writeStore(path: string, store: AgentStore): void {
  writeFileAtomic(path, printStore(store));
}

export function printStore({ place, agents, outbox, refused }: AgentStore): string {
  const document = {
    format: 1,
    place,
    agents: Object.fromEntries(agents),
    outbox: outbox.map((entry) => printEntry(entry).trimEnd()),
    refused,
  };
  return `${JSON.stringify(document)}\n`;
}

export function parseStore(text: string): AgentStore | null {
  let value: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    if (!isObject(parsed)) return null;
    value = parsed;
  } catch {
    return null;
  }
  const { format, place, agents, outbox, refused } = value;
  if (format !== 1 || typeof place !== 'number' || !Number.isInteger(place) || place < 0) return null;
  if (!isObject(agents) || !Array.isArray(outbox) || !Array.isArray(refused)) return null;
  const records = Object.entries(agents).flatMap(([id, raw]): [string, AgentRecord][] => {
    const record = isConversationId(id) ? parseAgent(raw) : null;
    return record ? [[id, record]] : [];
  });
  return {
    place,
    agents: new Map(records),
    outbox: parseEntries(outbox.filter(isText).join('\n')),
    refused: refused.filter(isText),
  };
}

function parseAgent(value: unknown): AgentRecord | null {
  if (!isObject(value)) return null;
  const verdict = parseVerdict(value.verdict);
  if (!verdict) return null;
  return {
    verdict,
    process: parseProcess(value.process),
    lastEventAt: isText(value.lastEventAt) ? value.lastEventAt : null,
    pending: Array.isArray(value.pending) ? value.pending.filter(isText) : [],
    background: typeof value.background === 'number' ? value.background : 0,
    beforeCompact: parseVerdict(value.beforeCompact),
    transcript: isText(value.transcript) ? value.transcript : null,
    prompt: isText(value.prompt) ? value.prompt : null,
    seen: Array.isArray(value.seen) ? value.seen.filter(isSeen) : [],
  };
}

function parseVerdict(value: unknown): AgentVerdict | null {
  if (!isObject(value)) return null;
  const { state, detail, since, evidence } = value;
  if (!agentStates.includes(state as AgentState) || !isText(since) || !isText(evidence)) return null;
  return { state: state as AgentState, detail: isText(detail) ? detail : null, since, evidence };
}

function isSeen(value: unknown): value is Seen {
  if (!isObject(value)) return false;
  return (
    isText(value.key) &&
    hookEvents.includes(value.event as Seen['event']) &&
    typeof value.isUnique === 'boolean' &&
    typeof value.time === 'number'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
