import { messageOf } from '../errors.js';
import {
  decideRestart,
  defaultRestarts,
  type RestartMemory,
  type RestartSeen,
  restartKept,
  restartMemory,
  restartName,
  restartSeen,
} from '../health/restarts.js';
import type { HealthState } from '../health/state.js';
import { type ProgramSeen, readPrograms } from '../survey/panes.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import { readEnding } from '../workspace/ending.js';
import type { Registry } from '../workspace/registry.js';
import { startAgain } from '../workspace/start-again.js';
import type { Log } from './log.js';

export interface RestartsOptions {
  readonly connection: Connection;
  readonly registry: Registry;
  readonly state: HealthState;
  readonly settings: () => Settings;
  readonly log: Log;
}

/** A Claude is brought back with its conversation, which is not for this to choose. */
const claude = /^(?:\S*\/)?claude(?:\s|$)/;

/**
 * Starts the programs again that a template wants to run (`restart: always` or `on-failure`). It looks when a save saw
 * something change and has such panes in it, and when the time of a program has come; else it costs nothing.
 */
export class Restarts {
  private readonly memories: Map<string, RestartMemory>;
  private shown = '';
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly options: RestartsOptions) {
    const now = performance.now();
    const kept = [...options.state.keptRestarts()];
    this.memories = new Map(kept.map(([name, one]) => [name, restartMemory(one, now)]));
  }

  /** Something changed. Returns at once. */
  changed(): void {
    this.soon(0);
  }

  seen(): ReadonlyMap<string, RestartSeen> {
    const seen = [...this.memories].map(([name, memory]) => [name, restartSeen(memory)] as const);
    return new Map(seen.filter((entry): entry is [string, RestartSeen] => entry[1] !== null));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
  }

  private soon(wait: number): void {
    if (this.isStopped) return;
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.running = this.running
        .then(() => (this.isStopped ? undefined : this.look()))
        .catch((error: unknown) => this.options.log.error('starting programs again', error));
    }, wait);
  }

  private async look(): Promise<void> {
    const { connection, registry, settings } = this.options;
    const { programs, defaultShell } = await readPrograms(
      connection,
      (id, key) => readEnding(registry.endingPath(id, key)),
      ({ restart, run }) => restart !== 'never' && !claude.test(run ?? ''),
    ).catch((error: unknown) => {
      if (isNoServer(error)) return { programs: [], defaultShell: '' };
      throw error;
    });
    const policy = { ...defaultRestarts, limit: settings().health.restarts };
    // Not the wall clock, which can be set.
    const now = performance.now();
    const waits: number[] = [];
    const names = new Set<string>();
    for (const program of programs) {
      const name = restartName(program.workspace, program.record.key);
      names.add(name);
      const { ending } = program.pane;
      const { memory, step } = decideRestart(program.pane, this.memories.get(name), now, policy);
      this.memories.set(name, memory);
      if (step.do === 'wait') waits.push(step.wait);
      if (step.do === 'give-up') this.giveUp(program, memory);
      if (step.do === 'start') {
        const code = ending === null || ending === 'open' ? '' : ` (exit code ${ending.status})`;
        await this.start(program, `ended${code}`, memory, defaultShell);
        waits.push(policy.steady);
      }
    }
    for (const name of this.memories.keys()) if (!names.has(name)) this.memories.delete(name);
    this.show();
    if (waits.length > 0 && !this.timer) this.soon(Math.max(50, Math.min(...waits)));
  }

  private async start(
    program: ProgramSeen,
    how: string,
    { times }: RestartMemory,
    defaultShell: string,
  ): Promise<void> {
    const { connection, registry, settings, log } = this.options;
    const { pane, record, workspace, name } = program;
    const { paneHistory, health } = settings();
    const note = `[cw: ${record.run} ${how}, and is started again (${times} of ${health.restarts})]`;
    try {
      await startAgain(connection, registry, {
        workspace,
        pane: pane.id,
        record,
        defaultShell,
        paneHistory,
        note,
      });
      log.info(`${name}: ${record.run} ${how} in pane ${pane.place}, and was started again`, { times });
    } catch (error) {
      log.warn(`${name}: ${record.run} was not started again: ${messageOf(error)}`);
    }
  }

  private giveUp({ name, pane, record }: ProgramSeen, { times }: RestartMemory): void {
    this.options.log.warn(
      `${name}: ${record.run} in pane ${pane.place} ended ${times + 1} times in a row: it is not started again`,
    );
  }

  /** For verbs, which judge health without us, and for the next daemon. */
  private show(): void {
    const kept = new Map(
      [...this.memories].flatMap(([name, memory]) => {
        const one = restartKept(memory);
        return one ? [[name, one] as const] : [];
      }),
    );
    const text = JSON.stringify([...kept]);
    if (text === this.shown) return;
    this.options.state.recordRestarts(kept);
    this.shown = text;
  }
}
