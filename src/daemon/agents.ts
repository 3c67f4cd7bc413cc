import { type FSWatcher, watch } from 'node:fs';
import { withDialogs } from '../claude/dialogs.js';
import { claudeFacts } from '../claude/facts.js';
import { type Drained, drain, spoolFolder } from '../claude/intake.js';
import { type AgentRow, agentRows } from '../claude/overview.js';
import { vaultAll, vaultFolder } from '../claude/vault.js';
import { agentNews, wordsOf } from '../integration/agent-notices.js';
import { ensurePrivateFolder } from '../system/files.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { sessionLabel } from '../workspace/find.js';
import { Contexts, type Looked } from './contexts.js';
import type { Log } from './log.js';
import type { Notifier } from './notifier.js';
import { TmuxStates } from './tmux-states.js';

export interface AgentsOptions {
  readonly connection: Connection;
  /** Of the tmux server's state. */
  readonly registryFolder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly notifier: Pick<Notifier, 'tell'>;
  readonly settings: () => Settings;
  /** An agent does something else than before. */
  readonly changed: () => void;
  /** Told of all agents at each look. */
  readonly seen: (rows: readonly AgentRow[]) => void;
  /** Saves a workspace and keeps that; gives the snapshot's number, or null when it could not. */
  readonly checkpoint: (workspace: string, note: string) => Promise<number | null>;
}

/** Hooks come in bunches: so long it is waited for more of them, in milliseconds. */
const quiet = 100;
/** So often it is looked at what no hook tells of: a process that is gone, a state that has grown stale. */
const tick = 30_000;

/**
 * Takes what the hooks of Claude tell as it comes: who talks in which pane, and what each is doing. The state is an
 * option of the pane (`@cw_state`), so that tmux's own status line can show it; a finished turn is copied to the vault.
 */
export class AgentsWatch {
  private watcher: FSWatcher | null = null;
  private timer: { readonly due: number; readonly handle: NodeJS.Timeout } | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private running: Promise<unknown> = Promise.resolve();
  private readonly states: TmuxStates;
  private readonly contexts: Contexts;
  /** What agents did at the last look, on the server of this pid; null: there was none yet. */
  private last: { readonly rows: readonly AgentRow[]; readonly server: number | undefined } | null = null;
  private isStopped = false;

  constructor(private readonly options: AgentsOptions) {
    this.states = new TmuxStates(options.connection);
    this.contexts = new Contexts({
      ...options,
      tell: (notices) => options.notifier.tell(notices),
      look: () => this.next(),
    });
  }

  start(): void {
    const spool = spoolFolder(this.options.registryFolder);
    ensurePrivateFolder(spool);
    this.watcher = watch(spool, () => this.soon(quiet));
    this.watcher.on('error', (error) => this.options.log.error(`watching ${spool}`, error));
    this.ticker = setInterval(() => {
      // Where no agent lives there is nothing that could go unnoticed.
      if ((this.last?.rows.length ?? 0) > 0) this.soon(0);
    }, tick);
    this.soon(0);
  }

  /** What agents did at the last look. */
  get rows(): readonly AgentRow[] {
    return this.last?.rows ?? [];
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.watcher?.close();
    if (this.timer) clearTimeout(this.timer.handle);
    if (this.ticker) clearInterval(this.ticker);
    await this.running;
    await this.contexts.stop();
    // Where the server has ended with us there is nothing to take back.
    await this.states.end().catch(() => {});
  }

  /** Looks within so many milliseconds. */
  private soon(wait: number): void {
    const due = performance.now() + wait;
    if (this.isStopped || (this.timer && this.timer.due <= due)) return;
    if (this.timer) clearTimeout(this.timer.handle);
    const handle = setTimeout(() => {
      this.timer = null;
      this.next().catch((error: unknown) => this.options.log.error('reading the hooks of Claude', error));
    }, wait);
    this.timer = { due, handle };
  }

  /** Looks when the looks before are done. */
  private next(): Promise<Looked> {
    const look = this.running.then(() => this.look());
    this.running = look.catch(() => {}); // told by whoever asked
    return look;
  }

  private async look(): Promise<Looked> {
    const { connection, registryFolder, env, log } = this.options;
    const drained = await drain(registryFolder, () => claudeFacts(connection, env));
    for (const { conversation, pane, evidence } of drained.refused) {
      log.info(`the conversation ${conversation} in pane ${pane ?? '?'} was not believed: ${evidence}`);
    }
    const rows = await withDialogs(connection, drained.facts, agentRows(drained.facts, drained));
    this.options.seen(rows);
    await this.news(rows, drained);
    const ended = new Set(
      drained.counted
        .filter(({ event }) => event.event === 'Stop' || event.event === 'SessionEnd')
        .map(({ conversation }) => conversation),
    );
    const known = [...ended].flatMap((id) => drained.registry.conversations.get(id) ?? []);
    for (const copied of await vaultAll(vaultFolder(registryFolder), known, { env })) {
      if (copied.failure !== null)
        log.warn(`the conversation ${copied.conversation} was not copied: ${copied.failure}`);
    }
    const again = await this.contexts.look({ rows, drained });
    if (again !== null) this.soon(again);
    return { rows, drained };
  }

  private async news(rows: readonly AgentRow[], drained: Drained): Promise<void> {
    const server = drained.facts.server?.pid;
    // Ids of panes begin anew with each server, and options are gone with it.
    const isSame = this.last !== null && this.last.server === server;
    if (!isSame) this.states.forget();
    const before = this.last === null ? null : isSame ? this.last.rows : [];
    const { notices, over } = agentNews(
      before,
      rows,
      sessionLabel,
      heardOf(drained),
      wordsOf(drained.counted),
    );
    const isChanged = JSON.stringify(before?.map(brief)) !== JSON.stringify(rows.map(brief));
    this.last = { rows, server };
    if (isChanged) this.options.changed();
    this.options.notifier.tell(notices, over);
    if (server !== undefined) await this.states.show(rows);
  }
}

function heardOf({ agents }: Drained): Set<string> {
  return new Set(
    [...agents].flatMap(([conversation, { lastEventAt }]) => (lastEventAt === null ? [] : [conversation])),
  );
}

/** By which it is told whether an agent does something else. */
function brief({ conversation, pane, state, detail }: AgentRow): readonly (string | null)[] {
  return [conversation, pane, state, detail];
}
