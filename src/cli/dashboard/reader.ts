import { isCwError, messageOf } from '../../errors.js';
import type { HealthFinding } from '../../health/finding.js';
import { judgeHealth } from '../../health/judge.js';
import { HealthState } from '../../health/state.js';
import type { RpcClient } from '../../rpc/client.js';
import { findDaemon } from '../../rpc/start.js';
import type { Saving, Survey } from '../../survey/model.js';
import { type SurveyOptions, takeSurvey } from '../../survey/survey.js';
import { family, type Processes, readProcesses, useOf } from '../../system/processes.js';
import { Registry } from '../../workspace/registry.js';
import type { Context } from '../command.js';
import { type Counts, countsOf, type Row, rowsOf, type Use } from './rows.js';

/** What is read for the dashboard, and when: at once when the daemon tells of something, and by itself without one. */

export interface Readings {
  survey(rows: readonly Row[], shared: Counts, server: string | null): void;
  use(use: ReadonlyMap<string, Use>): void;
  live(live: boolean): void;
  failed(message: string): void;
}

/** Milliseconds between two looks at what processes use. */
const useEvery = 10_000;
/** Without a daemon all is read so often; with one it is a backstop for what has no event. */
const aloneEvery = 2000;
const backstop = 60_000;
/** Between two surveys that events ask for. */
const apart = 500;
/** A survey takes at most this share of the time, however many workspaces there are. */
const share = 1 / 20;
/** Between two looks for a daemon. */
const findEvery = 10_000;
const answerLimit = 2000;

export class Reader {
  private client: RpcClient | null = null;
  private processes: Processes | null = null;
  private pids: ReadonlyMap<string, readonly number[]> = new Map();
  private timer: { readonly due: number; readonly handle: NodeJS.Timeout } | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private isAsked = false;
  private earliest = 0;
  private nextFind = 0;
  private isStopped = false;

  constructor(
    private readonly context: Context,
    private readonly readings: Readings,
  ) {}

  async start(): Promise<void> {
    await this.find();
    this.ticker = setInterval(() => void this.tick(), useEvery);
    await this.read();
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer.handle);
    if (this.ticker) clearInterval(this.ticker);
    this.client?.close();
  }

  /** Reads as soon as may be: something was done, or is said to have happened. */
  touch(): void {
    this.within(0);
  }

  private within(milliseconds: number): void {
    const due = Math.max(performance.now() + milliseconds, this.earliest);
    if (this.isStopped || (this.timer && this.timer.due <= due)) return;
    if (this.timer) clearTimeout(this.timer.handle);
    const handle = setTimeout(() => {
      this.timer = null;
      void this.read();
    }, due - performance.now());
    this.timer = { due, handle };
  }

  /** One reading at a time; what is asked for meanwhile comes after it. */
  private async read(): Promise<void> {
    if (this.running) {
      this.isAsked = true;
      return;
    }
    const started = performance.now();
    this.running = this.survey().catch((error: unknown) => this.readings.failed(messageOf(error)));
    await this.running;
    this.running = null;
    const took = performance.now() - started;
    this.earliest = performance.now() + Math.max(apart, took / share);
    const isAsked = this.isAsked;
    this.isAsked = false;
    this.within(isAsked ? 0 : this.client ? backstop : aloneEvery);
  }

  private async survey(): Promise<void> {
    const { rows, shared, server, processes } = await readRows(this.context, {
      before: this.processes,
      saving: await this.saving(),
      intake: this.client ? 'peek' : 'drain',
    });
    if (this.isStopped) return;
    this.processes = processes;
    this.pids = new Map(rows.filter(({ session }) => session).map(({ id, pids }) => [id, pids]));
    this.readings.survey(rows, shared, server);
  }

  private async saving(): Promise<Saving> {
    const none = { lastSaveAt: null, lastSaveError: null };
    if (!this.client) return { daemon: 'none', ...none };
    try {
      const { lastSaveAt, lastSaveError } = await this.client.call('status', {}, answerLimit);
      return { daemon: 'running', lastSaveAt, lastSaveError };
    } catch {
      return { daemon: 'silent', ...none };
    }
  }

  /** What processes use now. Reads /proc alone: no process is started, and tmux is not asked. */
  private async tick(): Promise<void> {
    if (!this.client && performance.now() >= this.nextFind) {
      await this.find();
      if (this.client) this.touch();
    }
    if (this.isStopped || this.running) return;
    let processes: Processes;
    try {
      processes = readProcesses();
    } catch {
      return; // the next survey says so
    }
    const use = new Map<string, Use>();
    for (const [id, pids] of this.pids) {
      const all = [
        ...new Map(
          pids.flatMap((pid) => family(pid, processes)).map((sample) => [sample.pid, sample]),
        ).values(),
      ];
      const { cpuPercent, memoryBytes } = useOf(all, processes, this.processes);
      use.set(id, { cpu: cpuPercent, memory: memoryBytes });
    }
    this.processes = processes;
    this.readings.use(use);
  }

  private async find(): Promise<void> {
    this.nextFind = performance.now() + findEvery;
    const { context } = this;
    try {
      const found = await findDaemon(context.tmux().address.socketPath, context.env, answerLimit);
      if (found.state !== 'running') return;
      const { client } = found;
      if (this.isStopped || !client.can('subscribe')) return client.close();
      for (const event of [
        'saved',
        'server-seen',
        'server-died',
        'reloaded',
        'changed',
        'agents',
        'health',
      ] as const)
        client.on(event, () => this.touch());
      await client.call('subscribe', {}, answerLimit);
      this.client = client;
      this.readings.live(true);
      void client.closed.then(() => {
        this.client = null;
        if (this.isStopped) return;
        this.readings.live(false);
        this.touch();
      });
    } catch (error) {
      if (!isCwError(error)) throw error;
      // It answers `hello` and then not: without it all is read as where there is none.
    }
  }
}

export interface RowsRead {
  readonly rows: readonly Row[];
  /** Findings of what workspaces share. */
  readonly shared: Counts;
  /** What is to say of the server where it is not well. */
  readonly server: string | null;
  readonly processes: Processes | null;
}

/** One survey without git, judged, as rows. What takes git is known from the daemon's last look. */
export async function readRows(
  context: Context,
  options: Pick<SurveyOptions, 'before' | 'saving' | 'intake'>,
): Promise<RowsRead> {
  const { env } = context;
  const connection = context.tmux();
  const settings = context.settings();
  const registry = new Registry(connection.address, env);
  const state = new HealthState(registry.folder);
  const taken = await takeSurvey({ connection, env, settings, closed: true, git: false, ...options });
  const { survey, processes } = taken;
  const judged = judgeHealth({
    survey,
    limits: settings.health,
    commands: new Map(),
    restarts: state.restarts(),
  });
  const findings = [...judged, ...seenByDaemon(state)];
  return {
    rows: rowsOf(survey, findings, (id) => registry.isPinned(id)),
    shared: countsOf(findings.filter(({ workspace }) => workspace === null)),
    server: serverText(survey),
    processes,
  };
}

/** What the daemon found out that takes git or the projects' own commands: too dear for each look. */
function seenByDaemon(state: HealthState): readonly HealthFinding[] {
  const findings = state.latest()?.findings ?? [];
  return findings.filter(({ id }) => id.startsWith('git.') || id === 'project.command');
}

function serverText({ tmux }: Survey): string | null {
  if (tmux.state === 'unknown') return `tmux cannot be read: ${tmux.reason}`;
  return tmux.state === 'none' ? 'no tmux server runs' : null;
}
