import { statSync } from 'node:fs';
import { nearest } from '../blueprint/suggest.js';
import { CwError } from '../errors.js';
import type { ProcessTable } from '../system/process-table.js';
import { isHeld } from './registry.js';
import type { Known } from './registry-log.js';
import { claudeFolder, findTranscripts, transcriptPath } from './slug.js';
import { transcriptState } from './transcripts.js';
import { inVault, listVault, type VaultEntry } from './vault.js';

/** The conversations that can be named: those of the registry, and those of which only the vault has something left. */

export interface Conversation {
  readonly id: string;
  readonly name: string | null;
  /** The workspace's id and the pane's key; null: only the vault knows of it. */
  readonly known: Known | null;
  /** The folder that it was started in; empty: not known. */
  readonly cwd: string;
  readonly configDir: string | null;
  readonly forkOf: string | null;
  /** A living process has it open. */
  readonly live: boolean;
  /** Its transcript; null: there is none. */
  readonly transcript: string | null;
  readonly bytes: number;
  /** There is something to resume, in its transcript. */
  readonly prompted: boolean;
  /** When its transcript was last written, or else what is known of it last; UTC, ISO 8601. */
  readonly usedAt: string;
  readonly vault: VaultEntry | null;
}

export interface CatalogFacts {
  readonly known: readonly Known[];
  readonly vault: string;
  readonly processes: ProcessTable;
  readonly env: NodeJS.ProcessEnv;
}

/** `Known.ended.reason` of a fork that was pruned: its transcript is in the vault alone. */
export const pruned = 'pruned';

/** All of them, the last used first. */
export async function readCatalog(facts: CatalogFacts): Promise<Conversation[]> {
  const byId = new Map<string, Conversation>();
  for (const known of facts.known) byId.set(known.conversation, await ofKnown(known, facts));
  for (const entry of listVault(facts.vault)) {
    if (!byId.has(entry.conversation)) byId.set(entry.conversation, await ofVault(entry, facts));
  }
  return [...byId.values()].sort((a, b) => b.usedAt.localeCompare(a.usedAt) || a.id.localeCompare(b.id));
}

async function ofKnown(known: Known, facts: CatalogFacts): Promise<Conversation> {
  const { conversation: id, name, cwd, configDir, forkOf } = known;
  const seen = await look(id, cwd, configDir, facts);
  const live = isHeld(known, facts.processes);
  return { id, name, known, cwd, configDir, forkOf, live, ...seen, usedAt: seen.writtenAt ?? known.at };
}

async function ofVault(entry: VaultEntry, facts: CatalogFacts): Promise<Conversation> {
  const id = entry.conversation;
  const { cwd, configDir } = entry.origin ?? { cwd: '', configDir: null };
  const seen = await look(id, cwd, configDir, facts);
  const usedAt = seen.writtenAt ?? entry.at;
  return { id, name: null, known: null, cwd, configDir, forkOf: null, live: false, ...seen, usedAt };
}

async function look(id: string, cwd: string, configDir: string | null, facts: CatalogFacts) {
  const claude = claudeFolder(configDir, facts.env);
  const expected = cwd === '' ? null : transcriptPath(claude, cwd, id);
  const found = expected !== null && fileOf(expected) ? expected : (findTranscripts(claude, id)[0] ?? null);
  const file = found === null ? null : fileOf(found);
  return {
    transcript: found,
    bytes: file?.size ?? 0,
    prompted: found !== null && (await transcriptState(found)) === 'prompted',
    writtenAt: file?.mtime.toISOString() ?? null,
    vault: inVault(facts.vault, id),
  };
}

function fileOf(path: string) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found : null;
}

/** What a word of the user's can mean beside a conversation's name and id. */
export interface Naming {
  /** The workspace's id by its name. */
  readonly workspaces: ReadonlyMap<string, string>;
  /** The conversation of a pane that stands, also of one that has told nothing yet. */
  readonly panes: ReadonlyMap<string, string>;
}

/**
 * The conversation that a word names: by its name, its id or the first four letters of that or more, its pane (`%5`),
 * its workspace where that has one, or both (`shop:%5`, `shop:PANE-KEY`).
 *
 * @throws CwError `usage` with the list where it names several, `not-found` with the nearest names.
 */
export function resolveConversation(
  word: string,
  all: readonly Conversation[],
  naming: Naming = { workspaces: new Map(), panes: new Map() },
): Conversation {
  for (const candidates of meanings(word, all, naming)) {
    const [only, second] = candidates;
    if (only && !second) return only;
    if (only) throw ambiguous(word, candidates);
  }
  const names = all.flatMap(({ name }) => name ?? []);
  const near = nearest(word, names);
  throw new CwError('not-found', `No conversation ${JSON.stringify(word.slice(0, 60))}.`, {
    hint: [...(near === null ? [] : [`Nearest: ${near}`]), 'All of them: cw conversation list --all'].join(
      '\n',
    ),
  });
}

/** What it can mean, the most exact meaning first. */
function* meanings(word: string, all: readonly Conversation[], naming: Naming): Generator<Conversation[]> {
  yield all.filter(({ name }) => name === word);
  yield all.filter(({ id }) => id === word);
  if (/^[0-9a-f-]{4,}$/.test(word)) yield all.filter(({ id }) => id.startsWith(word));
  const current = all.filter(({ known }) => known?.current);
  if (/^%\d+$/.test(word)) {
    yield all.filter(({ id }) => id === naming.panes.get(word));
    const there = current.filter(({ known }) => known?.pane === word);
    // Ids of panes begin anew with each server: the living one is meant.
    yield there.filter(({ live }) => live);
    yield there;
  }
  const workspace = naming.workspaces.get(word);
  if (workspace !== undefined) yield inWorkspace(current, workspace);
  const colon = word.lastIndexOf(':');
  const owner = colon > 0 ? naming.workspaces.get(word.slice(0, colon)) : undefined;
  const place = word.slice(colon + 1);
  if (owner !== undefined) {
    yield all.filter(({ id, known }) => id === naming.panes.get(place) && known?.workspace === owner);
    yield current.filter(
      ({ known, name }) =>
        known?.workspace === owner && (known.pane === place || known.paneKey === place || name === place),
    );
  }
}

function inWorkspace(current: readonly Conversation[], workspace: string): Conversation[] {
  const there = current.filter(({ known }) => known?.workspace === workspace);
  const live = there.filter((one) => one.live);
  return live.length > 0 ? live : there;
}

function ambiguous(word: string, candidates: readonly Conversation[]): CwError {
  const lines = candidates.map(
    ({ id, name, known }) => `${id}  ${name ?? '-'}  ${known?.pane ?? known?.paneKey ?? 'in the vault'}`,
  );
  return new CwError('usage', `${JSON.stringify(word)} names ${candidates.length} conversations.`, {
    hint: ['Give the id of one, or the beginning of it:', ...lines].join('\n'),
  });
}

/** A conversation in the tree of its forks. */
export interface Branch {
  readonly conversation: Conversation;
  /** 0 for one that is no fork, or whose parent is not known. */
  readonly depth: number;
}

/** The trees of forks, each parent before its forks; trees in the order of what was used last in them. */
export function forkTree(all: readonly Conversation[]): Branch[] {
  const ids = new Set(all.map(({ id }) => id));
  const forks = new Map<string, Conversation[]>();
  const roots: Conversation[] = [];
  for (const one of all) {
    if (one.forkOf === null || one.forkOf === one.id || !ids.has(one.forkOf)) roots.push(one);
    else forks.set(one.forkOf, [...(forks.get(one.forkOf) ?? []), one]);
  }
  const drawn = new Map<string, Branch>();
  const draw = (conversation: Conversation, depth: number) => {
    if (drawn.has(conversation.id)) return;
    drawn.set(conversation.id, { conversation, depth });
    for (const fork of forks.get(conversation.id) ?? []) draw(fork, depth + 1);
  };
  for (const root of roots) draw(root, 0);
  // A log that says of two that each is the other's fork: no tree, but nothing is hidden.
  for (const one of all) draw(one, 0);
  return [...drawn.values()];
}

/** The conversation that all forks of a tree come from. */
export function rootOf(one: Conversation, all: readonly Conversation[]): Conversation {
  const byId = new Map(all.map((each) => [each.id, each]));
  const seen = new Set<string>();
  let root = one;
  while (root.forkOf !== null && !seen.has(root.id)) {
    seen.add(root.id);
    const parent = byId.get(root.forkOf);
    if (!parent) break;
    root = parent;
  }
  return root;
}
