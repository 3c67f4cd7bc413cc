import { join } from 'node:path';
import { type ContextMemory, ContextReader, contextSteps, parseContextMemory } from '../claude/context.js';
import type { Drained } from '../claude/intake.js';
import type { AgentRow } from '../claude/overview.js';
import { claudeStateFolder } from '../claude/places.js';
import { type AgentNow, sendText } from '../claude/send.js';
import { claudeFolder, transcriptPath } from '../claude/slug.js';
import type { ContextShare } from '../claude/usage.js';
import { vaultAll, vaultFolder } from '../claude/vault.js';
import { isCwError, messageOf } from '../errors.js';
import type { Notice } from '../integration/notify.js';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { sessionLabel } from '../workspace/find.js';
import type { Log } from './log.js';

/** What agents do, as one look has found it. */
export interface Looked {
  readonly rows: readonly AgentRow[];
  readonly drained: Drained;
}

export interface ContextsOptions {
  readonly connection: Connection;
  readonly registryFolder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: () => Settings;
  readonly log: Log;
  readonly tell: (notices: readonly Notice[]) => void;
  /** Saves a workspace and keeps that; gives the snapshot's number, or null when it could not. */
  readonly checkpoint: (workspace: string, note: string) => Promise<number | null>;
  /** Looks at the agents once more. */
  readonly look: () => Promise<Looked>;
}

/** An agent is given so many milliseconds at its prompt, in which what the user has typed ahead begins a turn. */
const atRest = 3000;
/** Milliseconds until what was in the way of `/compact` is looked at again. */
const later = 30_000;

/**
 * Watches how full the contexts of agents are: warns, makes a checkpoint before Claude compacts, and, where the user
 * wants that, compacts.
 */
export class Contexts {
  private readonly file: string;
  private readonly reader: ContextReader;
  private memory: ContextMemory;
  /** When `/compact` was tried, by conversation. */
  private readonly tried = new Map<string, number>();
  private sending: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: ContextsOptions) {
    this.file = join(claudeStateFolder(options.registryFolder), 'contexts.json');
    this.memory = parseContextMemory(readTextIfAny(this.file));
    this.reader = new ContextReader(() => options.settings().context.windows);
  }

  /** @returns milliseconds after which it is worth to look again; null: when something changes. */
  async look(looked: Looked): Promise<number | null> {
    const { rows, drained } = looked;
    const shares = await this.reader.read(rows, drained);
    const { memory, warn, full } = contextSteps(
      this.memory,
      new Map([...shares].map(([conversation, one]) => [conversation, one?.share ?? null])),
    );
    const byConversation = new Map(rows.map((row) => [row.conversation, row]));
    const about = (conversation: string) => {
      const [row, share] = [byConversation.get(conversation), shares.get(conversation)];
      return row && share ? [{ row, share }] : [];
    };
    // Remembered first: what fails now would fail at every look.
    if (JSON.stringify(memory) !== JSON.stringify(this.memory)) {
      this.memory = memory;
      writeFileAtomic(this.file, `${JSON.stringify(memory)}\n`);
    }
    this.options.tell(
      warn
        .flatMap(about)
        .map(({ row, share }) => noticeOf(row, share, 'To make room: /compact, or cw conversation fresh')),
    );
    for (const { row, share } of full.flatMap(about)) await this.filled(row, share, drained);
    for (const conversation of this.tried.keys())
      if (memory[conversation] !== 'full') this.tried.delete(conversation);
    return this.compact(looked, shares);
  }

  /** Waits for what is being sent. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.sending;
  }

  private async filled(row: AgentRow, share: ContextShare, drained: Drained): Promise<void> {
    const { registryFolder, env, log } = this.options;
    const known = drained.registry.conversations.get(row.conversation);
    const failures: string[] = [];
    let saved = 'It could not be saved: cw daemon logs';
    try {
      for (const { failure } of await vaultAll(vaultFolder(registryFolder), known ? [known] : [], { env }))
        if (failure !== null) failures.push(failure);
      const note = `${row.pane}: context ${percent(share)} full`;
      const sequence = await this.options.checkpoint(row.workspace, note);
      if (sequence === null) failures.push('the workspace could not be saved');
      else saved = `Saved before it is compacted: snapshot ${sequence}, and a copy of the transcript`;
    } catch (error) {
      failures.push(messageOf(error));
    }
    if (failures.length > 0) log.warn(`the checkpoint of ${row.session} ${row.pane}: ${failures.join('; ')}`);
    this.options.tell([noticeOf(row, share, saved)]);
  }

  private compact({ rows }: Looked, shares: ReadonlyMap<string, ContextShare | null>): number | null {
    if (!this.options.settings().context.compact) return null;
    let again: number | null = null;
    const now = Date.now();
    for (const row of rows) {
      const { conversation, state, detail, since } = row;
      if (this.memory[conversation] !== 'full' || !shares.get(conversation)) continue;
      if (state !== 'idle' || detail !== null) continue;
      const rest = Math.max(
        atRest - (now - Date.parse(since)),
        (this.tried.get(conversation) ?? 0) + later - now,
      );
      if (rest > 0) again = Math.min(again ?? rest, rest);
      else {
        this.tried.set(conversation, now);
        // Not awaited: what proves it comes by looks like this one.
        this.sending = this.sending.then(() => this.send(row));
      }
    }
    return again;
  }

  private async send({ conversation, pane, session }: AgentRow): Promise<void> {
    const { connection, env, log, look } = this.options;
    const label = `${sessionLabel(session)} ${pane}`;
    let events: AgentNow['events'] = [];
    const agentNow = async (): Promise<AgentNow | null> => {
      if (this.isStopped) return null;
      const { rows, drained } = await look();
      const row = rows.find((one) => one.conversation === conversation);
      if (!row) return null;
      const came = drained.counted.filter((one) => one.conversation === conversation);
      events = [...events, ...came.map(({ event: { event, input } }) => ({ event, input }))];
      return { verdict: row, record: drained.agents.get(conversation) ?? null, events };
    };
    try {
      const { drained } = await look();
      const known = drained.registry.conversations.get(conversation);
      const before = await agentNow();
      if (!known || before?.verdict.state !== 'idle') return;
      const transcript =
        before.record?.transcript ??
        transcriptPath(claudeFolder(known.configDir, env), known.cwd, conversation);
      await sendText({ conversation, pane, label, transcript }, '/compact', before, {
        connection,
        look: agentNow,
      });
      log.info(`/compact was sent to ${label}`);
    } catch (error) {
      // Something of the user's is in the way: he goes first, and it is tried again.
      const isInTheWay = isCwError(error) && error.kind === 'refused';
      if (!isInTheWay) this.tried.set(conversation, Number.POSITIVE_INFINITY);
      log.warn(`/compact was not sent to ${label}: ${messageOf(error)}`);
    }
  }
}

function percent({ share }: ContextShare): string {
  return `${Math.floor(share * 100)} %`;
}

function noticeOf(row: AgentRow, share: ContextShare, text: string): Notice {
  const workspace = sessionLabel(row.session);
  return {
    key: `context ${row.pane}`,
    kind: 'context',
    level: 'warning',
    title: `${workspace} ${row.pane}: the context is ${percent(share)} full`,
    text,
    workspace,
    pane: row.pane,
  };
}
