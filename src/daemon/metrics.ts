import type { AgentRow } from '../claude/overview.js';
import { ConversationRegistry } from '../claude/registry.js';
import { type HealthFinding, worstLevel } from '../health/finding.js';
import type { HealthState } from '../health/state.js';
import {
  accumulate,
  addSave,
  type Days,
  type Look,
  type SeenNow,
  setRestores,
  setTalk,
} from '../metrics/accumulate.js';
import { dayOf } from '../metrics/model.js';
import { MetricsStore } from '../metrics/store.js';
import { talkFrom, talkSince } from '../metrics/talk.js';
import type { Connection } from '../tmux/connection.js';
import { readSessions } from '../tmux/reading.js';
import { sessionLabel } from '../workspace/find.js';
import type { Log } from './log.js';

export interface MetricsOptions {
  readonly connection: Connection;
  readonly registryFolder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly health: Pick<HealthState, 'latest'>;
  /** The name of a workspace by its id. */
  readonly nameOf: (id: string) => string;
  /** What agents did at the last look. */
  readonly agents: () => readonly AgentRow[];
}

/** Milliseconds between two looks where nothing is told of; below `longestGap`. */
const every = 60_000;
/** Attaching comes with several notices. */
const quiet = 500;
/** At most so much is lost when we are killed, in milliseconds. */
const written = 5 * 60_000;

/** Adds up what workspaces do, day by day, and keeps it. */
export class MetricsWatch {
  private readonly store: MetricsStore;
  private days: Days = {};
  private last: Look | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private health: ReadonlyMap<string, SeenNow['health']> = new Map();
  private isJudged = false;
  private writtenAt = performance.now();
  private isChanged = false;
  /** Transcripts that changed later are read again. */
  private talkAt = 0;
  private isStopped = false;

  constructor(private readonly options: MetricsOptions) {
    this.store = new MetricsStore(options.registryFolder);
  }

  start(): void {
    const today = dayOf(Date.now());
    this.days = { [today]: this.store.read(today) };
    this.talkAt = talkFrom(this.store, Date.now());
    this.judged();
    this.soon(0);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.look();
    this.write();
  }

  /** Something is other than it was: until now it was as it was seen. */
  changed(): void {
    this.soon(quiet);
  }

  saved(of: { readonly id: string; readonly name: string }): void {
    this.to(dayOf(Date.now()), (days, day) => addSave(days, day, of));
  }

  /** Health was looked at. */
  judged(): void {
    const levels = new Map<string, HealthFinding[]>();
    const latest = this.options.health.latest();
    for (const finding of latest?.findings ?? []) {
      const name = finding.workspace ?? '';
      levels.set(name, [...(levels.get(name) ?? []), finding]);
    }
    this.health = new Map([...levels].map(([name, findings]) => [name, levelOf(findings)] as const));
    this.isJudged = latest !== null;
  }

  /** Reads what conversations used, and writes all. */
  async roll(): Promise<void> {
    const { env, registryFolder } = this.options;
    const since = this.talkAt;
    const began = Date.now();
    const { conversations } = new ConversationRegistry(registryFolder).state();
    for (const { workspace, conversation, day, talk } of await talkSince(
      conversations.values(),
      since,
      env,
    )) {
      const name = this.options.nameOf(workspace);
      this.to(day, (days) => setTalk(days, day, { id: workspace, name }, { [conversation]: talk }));
    }
    // Written while it was read: the next time. A clock that was set back reads more than it need.
    this.talkAt = Math.min(began, Date.now()) - 1000;
    const today = dayOf(Date.now());
    for (const [id, { name, count }] of this.store.restores(today))
      this.to(today, (days) => setRestores(days, today, { id, name }, count));
    this.write();
    this.store.prune(Date.now());
  }

  private soon(wait: number): void {
    if (this.isStopped) return;
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.look().finally(() => {
        if (this.timer === null) this.soon(every);
      });
    }, wait);
  }

  private look(): Promise<void> {
    this.running = this.running
      .then(() => this.lookNow())
      .catch((error: unknown) => this.options.log.error('adding up the metrics', error));
    return this.running;
  }

  private async lookNow(): Promise<void> {
    const server = await readSessions(this.options.connection);
    const agents = this.options.agents();
    const workspaces = (server?.sessions ?? []).flatMap((session): SeenNow[] => {
      const { workspace: id, attached } = session;
      if (id === null) return [];
      const name = sessionLabel(session.name);
      const inState = (state: AgentRow['state']) =>
        agents.filter((row) => row.workspace === id && row.state === state).length;
      return [
        {
          id,
          name,
          attached: attached > 0,
          working: inState('working'),
          waiting: inState('waiting'),
          health: this.isJudged ? (this.health.get(name) ?? 'ok') : null,
        },
      ];
    });
    const now: Look = { at: Date.now(), ticks: performance.now(), workspaces };
    if (this.last) {
      // The day before is there too around midnight, and after a clock was set.
      const before = this.last;
      for (const day of [dayOf(now.at), dayOf(new Date(now.at).setHours(0, 0, 0, 0) - 1)])
        this.days = { ...this.days, [day]: this.days[day] ?? this.store.read(day) };
      this.days = accumulate(this.days, before, now);
      this.isChanged ||= before.workspaces.length > 0;
    }
    this.last = now;
    if (performance.now() - this.writtenAt > written) this.write();
  }

  private to(day: string, change: (days: Days, day: string) => Days): void {
    this.days = change({ ...this.days, [day]: this.days[day] ?? this.store.read(day) }, day);
    this.isChanged = true;
  }

  private write(): void {
    this.writtenAt = performance.now();
    if (!this.isChanged) return;
    this.store.write(
      Object.fromEntries(Object.entries(this.days).filter(([, day]) => Object.keys(day).length > 0)),
    );
    this.isChanged = false;
    const today = dayOf(Date.now());
    this.days = { [today]: this.days[today] ?? {} };
  }
}

function levelOf(findings: readonly HealthFinding[]): SeenNow['health'] {
  const level = worstLevel(findings);
  return level === 'unknown' ? 'warning' : level;
}
