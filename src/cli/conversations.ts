import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Conversation, readCatalog, resolveConversation } from '../claude/catalog.js';
import { withDialogs } from '../claude/dialogs.js';
import { type ClaudeFacts, paneFacts } from '../claude/facts.js';
import { type Drained, drain } from '../claude/intake.js';
import { type AgentRow, agentRows } from '../claude/overview.js';
import { ConversationRegistry, holderOf } from '../claude/registry.js';
import type { Usage } from '../claude/usage.js';
import { vaultFolder } from '../claude/vault.js';
import { CwError } from '../errors.js';
import { shellWord } from '../system/paths.js';
import { processTable } from '../system/process-table.js';
import { isNoServer } from '../tmux/failure.js';
import { type Reading, readServer } from '../tmux/reading.js';
import { sessionPrefix } from '../workspace/find.js';
import { Registry } from '../workspace/registry.js';
import type { Context } from './command.js';
import { age } from './output.js';

/** What the verbs that are about conversations have in common. */

/** What is known of agents now. */
export interface AgentsNow {
  /** The folder of the tmux server's state. */
  readonly folder: string;
  /** null: no tmux server runs. */
  readonly reading: Reading | null;
  readonly facts: ClaudeFacts;
  readonly drained: Drained;
  /** What the agent of a conversation does, by its id; only those in panes that stand. */
  readonly agents: ReadonlyMap<string, AgentRow>;
}

/** Takes what hooks have left, and reads what agents do now: one tmux process. */
export async function readAgents(context: Context): Promise<AgentsNow> {
  const { folder } = new Registry(context.tmux().address, context.env);
  const reading = await readIfAny(context);
  const facts: ClaudeFacts = {
    server: reading && { pid: reading.pid },
    panes: reading ? paneFacts(reading) : [],
    processes: processTable(),
    now: new Date(),
    env: context.env,
  };
  const drained = await drain(folder, facts);
  const rows = await withDialogs(context.tmux(), facts, agentRows(facts, drained));
  const agents = new Map(rows.map((row) => [row.conversation, row]));
  return { folder, reading, facts, drained, agents };
}

export interface Conversations extends AgentsNow {
  readonly vault: string;
  readonly registry: ConversationRegistry;
  readonly all: readonly Conversation[];
  /** Names of workspaces by their ids. */
  readonly names: ReadonlyMap<string, string>;
}

/** The same, with all conversations that there are. */
export async function readConversations(context: Context): Promise<Conversations> {
  const now = await readAgents(context);
  const registry = new ConversationRegistry(now.folder);
  const vault = vaultFolder(now.folder);
  const { processes } = now.facts;
  const all = await readCatalog({ known: registry.all(), vault, processes, env: context.env });
  const { records } = new Registry(context.tmux().address, context.env).readAll();
  const names = new Map(records.map((record) => [record.id, record.name]));
  for (const { workspace, name } of now.reading?.sessions ?? []) {
    if (workspace !== null && name.startsWith(sessionPrefix))
      names.set(workspace, name.slice(sessionPrefix.length));
  }
  return { ...now, vault, registry, all, names };
}

async function readIfAny(context: Context): Promise<Reading | null> {
  try {
    return await readServer(context.tmux());
  } catch (error) {
    if (isNoServer(error)) return null;
    throw error;
  }
}

/** The conversation that a word of the line names. See `resolveConversation`. */
export function named(
  word: string,
  { all, names, agents }: Pick<Conversations, 'all' | 'names' | 'agents'>,
): Conversation {
  return resolveConversation(word, all, {
    workspaces: new Map([...names].map(([id, name]) => [name, id])),
    panes: new Map([...agents.values()].map(({ pane, conversation }) => [pane, conversation])),
  });
}

/** Its name, or the beginning of its id. */
export function labelOf({ name, id }: Pick<Conversation, 'name' | 'id'>): string {
  return name ?? id.slice(0, 8);
}

/** Where it is, for people: `shop %5`, `shop` where its pane is gone, `-` where nobody knows. */
export function placeOf(
  one: Conversation,
  { names, agents }: Pick<Conversations, 'names' | 'agents'>,
): string {
  if (!one.known) return '-';
  const workspace = names.get(one.known.workspace) ?? '-';
  const row = agents.get(one.id);
  const stands = row !== undefined && row.state !== 'exited';
  const pane = stands ? row.pane : one.live ? one.known.pane : null;
  return pane === null ? workspace : `${workspace} ${pane}`;
}

export const nameArgument = {
  name: 'name',
  describe: 'Its name, its id or the beginning of that, its pane (%5), or WORKSPACE:PANE.',
  required: true,
} as const;

export const promptArgument = { name: 'prompt', describe: 'What is said to it first.' } as const;

export function facts(one: Conversation, world: Conversations) {
  const { id, name, cwd, forkOf, live, prompted, usedAt, transcript } = one;
  return {
    id,
    name,
    workspace: one.known ? (world.names.get(one.known.workspace) ?? null) : null,
    pane: one.live ? (one.known?.pane ?? null) : null,
    cwd,
    state: stateOf(one, world),
    live,
    prompted,
    usedAt,
    forkOf,
    flags: one.known?.flags ?? [],
    transcript,
    vault: one.vault?.path ?? null,
  };
}

/** In a word or two: what its agent does, or why it has none. */
export function stateOf(one: Conversation, world: Conversations): string {
  const row = world.agents.get(one.id);
  // Before it has begun it may ask something.
  if (row && (one.live || row.state === 'waiting'))
    return row.detail === null ? row.state : `${row.state}: ${row.detail}`;
  if (one.live) return 'runs';
  if (one.transcript !== null) return 'ended';
  if (one.vault) return 'in the vault';
  return one.known?.prompted ? 'gone' : 'not begun';
}

export function money(usage: Usage | undefined): string {
  if (!usage) return '-';
  return usage.dollars === null ? '?' : `$${usage.dollars.toFixed(2)}`;
}

/** The transcript and its subagents' files. */
export function filesOf({ transcript }: Conversation): string[] {
  if (transcript === null) return [];
  const folder = join(transcript.slice(0, -'.jsonl'.length), 'subagents');
  const names = namesIn(folder).filter((name) => /^agent-.*\.jsonl$/.test(name));
  return [transcript, ...names.map((name) => join(folder, name))];
}

export function labelById(id: string, { all }: Conversations): string {
  return labelOf(all.find((one) => one.id === id) ?? { id, name: null });
}

/** @throws CwError `refused`, with the pane that has it. */
export function refuseLive(one: Conversation, world: Conversations): void {
  if (!one.live || !one.known) return;
  throw new CwError(
    'refused',
    `${labelOf(one)} is open in ${holderOf(one.known)} of ${placeOf(one, world)}.`,
    {
      hint: `Say something to it: cw send ${shellWord(labelOf(one))} TEXT\nGo on in two places: cw conversation fork ${shellWord(labelOf(one))} NEW`,
    },
  );
}

export function goneHint(one: Conversation): { message: string; hint: string } {
  return {
    message: `The transcript of ${labelOf(one)} is gone: Claude Code deletes them after some weeks.`,
    hint: one.vault
      ? `cw has a copy, ${age(one.vault.at)} old. Put it back: cw conversation restore ${shellWord(labelOf(one))}`
      : 'There is no copy of it.',
  };
}

export function gone(one: Conversation): CwError {
  const { message, hint } = goneHint(one);
  return new CwError('not-found', message, { hint });
}

export function sourceOf({ id, cwd, configDir }: Conversation) {
  return { conversation: id, cwd, configDir };
}

function namesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder);
}
