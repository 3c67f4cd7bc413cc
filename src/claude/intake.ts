import { join } from 'node:path';
import { withLock } from '../system/lock.js';
import { randomHex } from '../system/random.js';
import { adoptions, sessionFiles } from './adopt.js';
import { type AgentStore, openStore, writeStore } from './agent-store.js';
import { type AgentRecord, newAgent, reduceAgent } from './agents.js';
import { type DecideFacts, decide } from './decide.js';
import { countOnce } from './dedupe.js';
import type { SessionFile } from './evidence.js';
import type { ClaudeFacts } from './facts.js';
import type { AgentVerdict, HookEventName, SpooledEvent } from './model.js';
import { spoolFolder } from './places.js';
import { ConversationRegistry, claudeStateFolder } from './registry.js';
import { type RefuseEntry, type RegistryEntry, type RegistryState, reduceRegistry } from './registry-log.js';
import { Spool, type SpoolReading } from './spool.js';

/** What the intake needs of the spool. */
export interface EventSource {
  read(place: number, limit: number): SpoolReading;
  /** What is before the place is not asked for again. */
  compact(upTo: number): void;
}

/** An event that changed what an agent does. */
export interface AgentChange {
  readonly conversation: string;
  readonly event: HookEventName;
  readonly before: AgentVerdict | null;
  readonly after: AgentVerdict;
}

export interface Drained {
  /** Events that were read from the spool by this call. */
  readonly taken: number;
  /** Those of them that were believed, once each, in order; for journals. */
  readonly counted: readonly { readonly conversation: string; readonly event: SpooledEvent }[];
  readonly changes: readonly AgentChange[];
  readonly refused: readonly RefuseEntry[];
  /** Lines of the spool that no hook of ours wrote. */
  readonly broken: number;
  /** By conversation, by events alone: `judge` says what is true now. */
  readonly agents: ReadonlyMap<string, AgentRecord>;
  readonly registry: RegistryState;
  /** What the program says of its living processes, by pid. */
  readonly files: ReadonlyMap<number, SessionFile>;
  /** By which it was decided. */
  readonly facts: ClaudeFacts;
}

/** Events that one step takes; each step is one write, and one look at the world. */
const step = 1000;

/** Milliseconds that the record of an agent that is gone is kept. */
const keptAfterExit = 30 * 24 * 3600_000;

export { spoolFolder } from './places.js';

/** The file that `claude --settings` is given. */
export function settingsFile(registryFolder: string): string {
  return join(claudeStateFolder(registryFolder), 'settings.json');
}

/**
 * Takes what hooks left in the spool, in order and exactly once, and adopts what runs without having told. The only
 * one who writes what is known of agents; the daemon calls it on each change, and without a daemon any verb that reads
 * conversations does so first. Where there is nothing new, nothing is written.
 *
 * @param facts asked for after the events were read, so that the panes that they came from are known in it. Who gives
 *   the facts themselves has read them before: events of panes that are younger are then passed over.
 * @throws CwError `failed` when another process holds the lock for too long; what `facts` throws, and then nothing of
 *   the step is taken.
 */
export async function drain(
  registryFolder: string,
  facts: ClaudeFacts | (() => Promise<ClaudeFacts>),
  source: EventSource = new Spool(spoolFolder(registryFolder)),
): Promise<Drained> {
  const ask = typeof facts === 'function' ? facts : async () => facts;
  return withLock(join(claudeStateFolder(registryFolder), 'intake.lock'), () =>
    new Intake(registryFolder, ask, source).run(),
  );
}

class Intake {
  private readonly registry: ConversationRegistry;
  private readonly storeFile: string;
  private readonly settingsFile: string;
  private store: AgentStore;
  private known: RegistryState;
  private taken = 0;
  private broken = 0;
  private readonly counted: { conversation: string; event: SpooledEvent }[] = [];
  private readonly changes: AgentChange[] = [];
  private readonly refused: RefuseEntry[] = [];

  constructor(
    folder: string,
    private readonly ask: () => Promise<ClaudeFacts>,
    private readonly source: EventSource,
  ) {
    this.registry = new ConversationRegistry(folder);
    this.storeFile = join(claudeStateFolder(folder), 'agents.json');
    this.settingsFile = settingsFile(folder);
    this.store = openStore(this.storeFile);
    this.known = this.registry.state();
  }

  async run(): Promise<Drained> {
    this.registry.append(this.outboxLeft());
    let facts: ClaudeFacts;
    for (;;) {
      const reading = this.source.read(this.store.place, step);
      facts = await this.ask();
      if (reading.next !== this.store.place) {
        this.take(reading, facts);
        this.source.compact(this.store.place);
      }
      // What came meanwhile is for the next call: who publishes without end must not keep us here.
      if (reading.events.length < step) break;
    }
    this.known = this.registry.state();
    // After the events: what a file says is older than what they say, or the same.
    const files = sessionFiles(facts, this.known);
    this.adopt(facts, files);
    const { taken, broken, counted, changes, refused } = this;
    const { agents } = this.store;
    return { taken, broken, counted, changes, refused, files, facts, agents, registry: this.known };
  }

  /** What the registry has not got, since the process ended that was about to hand it over. */
  private outboxLeft(): readonly RegistryEntry[] {
    const { outbox } = this.store;
    return outbox.slice(outbox.findIndex(({ from }) => from === this.known.lastFrom) + 1);
  }

  private take({ events, next, broken }: SpoolReading, facts: ClaudeFacts): void {
    // Read after the events: what was chosen before they came is in it.
    this.known = this.registry.state();
    const decideFacts: DecideFacts = {
      ...facts,
      panes: new Map(facts.panes.map((pane) => [pane.id, pane])),
      settingsFile: this.settingsFile,
    };
    const agents = new Map(this.store.agents);
    const refusedBefore = new Set(this.store.refused);
    const outbox: RegistryEntry[] = [];
    // Names this step's entries, so that the next process sees how many of them the registry has.
    const nonce = randomHex(6);
    const add = (entry: RegistryEntry) => outbox.push({ ...entry, from: `${nonce}.${outbox.length}` });
    for (const event of events) {
      this.taken += 1;
      const decision = decide(event, this.known, decideFacts);
      if (decision.kind === 'ignore') continue;
      if (decision.kind === 'refuse') {
        const { conversation, reason } = decision;
        const { pid, start } = event.parent;
        const word = `${conversation} ${event.pane} ${pid} ${start}`;
        if (refusedBefore.has(word)) continue;
        refusedBefore.add(word);
        const entry: RefuseEntry = {
          kind: 'refuse',
          at: event.at,
          conversation,
          pane: event.pane,
          process: event.parent,
          evidence: `${event.event} hook: ${reason}`,
        };
        add(entry);
        this.refused.push(entry);
        continue;
      }
      const { conversation, process, entries } = decision;
      const before = agents.get(conversation);
      const seen = countOnce(before?.seen ?? [], event, process);
      if (seen === null) continue;
      const after = reduceAgent({ ...(before ?? newAgent(event.at, 'no event')), process, seen }, event);
      agents.set(conversation, after);
      this.counted.push({ conversation, event });
      if (before?.verdict.state !== after.verdict.state || before.verdict.detail !== after.verdict.detail) {
        this.changes.push({
          conversation,
          event: event.event,
          before: before?.verdict ?? null,
          after: after.verdict,
        });
      }
      for (const entry of entries) add(entry);
      this.known = reduceRegistry(entries, this.known);
    }
    this.broken += broken.length;
    this.save({
      place: next,
      agents: withoutOld(agents, facts.now),
      outbox,
      refused: [...refusedBefore].slice(-200),
    });
    this.registry.append(outbox);
  }

  private save(store: AgentStore): void {
    writeStore(this.storeFile, store);
    this.store = store;
  }

  private adopt(facts: ClaudeFacts, files: ReadonlyMap<number, SessionFile>): void {
    const entries = adoptions(facts, this.known, files.values(), this.settingsFile).filter(
      (entry) => entry.kind !== 'refuse' || !this.store.refused.includes(refusalOf(entry)),
    );
    if (entries.length === 0) return;
    const refusals = entries.filter((entry) => entry.kind === 'refuse');
    if (refusals.length > 0) {
      this.refused.push(...refusals);
      const refused = [...this.store.refused, ...refusals.map(refusalOf)].slice(-200);
      this.save({ ...this.store, outbox: [], refused });
    }
    this.registry.append(entries);
    this.known = this.registry.state();
  }
}

function refusalOf({ conversation, pane, process }: RefuseEntry): string {
  return `${conversation} ${pane} ${process?.pid} ${process?.start}`;
}

function withoutOld(agents: ReadonlyMap<string, AgentRecord>, now: Date): Map<string, AgentRecord> {
  const limit = now.getTime() - keptAfterExit;
  return new Map(
    [...agents].filter(
      ([, { verdict }]) => verdict.state !== 'exited' || !(Date.parse(verdict.since) < limit),
    ),
  );
}
