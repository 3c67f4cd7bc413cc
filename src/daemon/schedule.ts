import nodeCron, { type ScheduledTask } from 'node-cron';
import { CwError } from '../errors.js';
import type { ScheduleStatus } from '../rpc/protocol.js';

export type JobName = 'save' | 'health' | 'cleanup' | 'prune' | 'verify';

/** When each runs, as cron expressions in local time. null: never. */
export type Schedules = Readonly<Record<JobName, string | null>>;

export const defaultSchedules: Schedules = {
  // Changes are saved as they come; this is a backstop.
  save: '*/15 * * * *',
  health: '*/10 * * * *',
  // It closes workspaces: off until the user sets it.
  cleanup: null,
  prune: '7 * * * *',
  verify: '17 3 * * *',
};

/** What is wrong with an expression, in words, or null. */
export function expressionProblem(expression: string): string | null {
  const { valid, errors } = nodeCron.validateDetailed(expression);
  if (!valid) return errors.map((error) => error.message).join('; ') || 'it is not a cron expression';
  // Seconds are a sixth field; nothing of ours is worth more than once a minute.
  if (expression.trim().split(/\s+/).length !== 5)
    return 'it does not have five fields (minute hour day month weekday)';
  return null;
}

export interface ScheduleOptions {
  readonly jobs: Partial<Record<JobName, () => Promise<unknown>>>;
  readonly failed: (job: JobName, error: unknown) => void;
  /** When each ran last, from a daemon before this one: what was due while none ran runs once. */
  readonly memory: {
    read(): Partial<Record<string, string>>;
    write(last: Record<string, string>): void;
  };
  readonly now?: () => number;
}

interface Job {
  readonly name: JobName;
  readonly expression: string;
  readonly task: ScheduledTask;
  /** The next time it is due, by the wall clock. */
  due: number;
  running: Promise<void> | null;
  lastAt: string | null;
  lastError: string | null;
}

/**
 * Runs jobs at their times, never one of them twice at once. A computer that sleeps stops the timers as well, and a
 * daily one would come late by as long as it slept: whenever any job comes, each other one whose time has passed runs
 * too, once however often it was missed.
 */
export class Scheduler {
  private jobs: Job[] = [];
  private stopped = false;
  private readonly now: () => number;
  private readonly last: Record<string, string> = {};

  constructor(private readonly options: ScheduleOptions) {
    this.now = options.now ?? Date.now;
    for (const [name, at] of Object.entries(options.memory.read())) {
      if (at !== undefined && !Number.isNaN(Date.parse(at))) this.last[name] = at;
    }
  }

  /**
   * Sets the times, now and whenever settings change. A job that runs goes on.
   *
   * @throws CwError `usage` for an expression that is none; the times are then as they were.
   */
  set(schedules: Schedules): void {
    if (this.stopped) return;
    const wanted = Object.entries(schedules).filter(
      (entry): entry is [JobName, string] =>
        entry[1] !== null && this.options.jobs[entry[0] as JobName] !== undefined,
    );
    for (const [name, expression] of wanted) {
      const problem = expressionProblem(expression);
      if (problem)
        throw new CwError('usage', `The schedule of ${name}, "${expression}", cannot be read: ${problem}.`, {
          hint: 'Five fields: minute hour day month weekday, such as */15 * * * *',
        });
    }
    const before = this.jobs;
    for (const job of before) void job.task.destroy();
    this.jobs = wanted.map(([name, expression]) =>
      this.begin(
        name,
        expression,
        before.find((job) => job.name === name),
      ),
    );
    this.catchUp();
  }

  status(): ScheduleStatus[] {
    return this.jobs.map((job) => ({
      name: job.name,
      expression: job.expression,
      nextAt: job.task.getNextRun()?.toISOString() ?? null,
      lastAt: job.lastAt,
      lastError: job.lastError,
      running: job.running !== null,
    }));
  }

  /** Runs what is due and did not come in time. Cheap; also called when something else wakes the daemon. */
  catchUp(): void {
    for (const job of this.jobs) if (job.due <= this.now() - lateness) this.run(job);
  }

  /** No job begins any more; waits for those that run. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const job of this.jobs) void job.task.destroy();
    await Promise.all(this.jobs.map((job) => job.running));
  }

  private begin(name: JobName, expression: string, before: Job | undefined): Job {
    const tick = () => {
      this.run(job);
      this.catchUp();
    };
    const task = nodeCron.createTask(expression, tick, { name, suppressMissedWarning: true });
    // A timer that came late. Unless the job was caught up with already.
    task.on('execution:missed', () => {
      if (job.due <= this.now()) tick();
    });
    const job: Job = {
      name,
      expression,
      task,
      due: Number.POSITIVE_INFINITY,
      running: before?.running ?? null,
      lastAt: before?.lastAt ?? this.last[name] ?? null,
      lastError: before?.lastError ?? null,
    };
    void task.start();
    job.due = this.nextAfter(task); // a task that was not started has no next time
    if (!before && job.lastAt !== null) {
      // One that was due while no daemon ran is due now. The gap between two runs tells, since cron has no "before".
      const [first, second] = task.getNextRuns(2);
      if (first && second && Date.parse(job.lastAt) + (second.getTime() - first.getTime()) < this.now())
        job.due = 0;
    }
    return job;
  }

  private run(job: Job): void {
    job.due = this.nextAfter(job.task);
    if (this.stopped || job.running !== null || !this.jobs.includes(job)) return;
    const work = async () => {
      const begun = new Date(this.now()).toISOString();
      try {
        await this.options.jobs[job.name]?.();
        job.lastError = null;
      } catch (error) {
        job.lastError = error instanceof Error ? error.message : String(error);
        this.options.failed(job.name, error);
      }
      job.running = null;
      job.lastAt = begun;
      // The settings may have changed meanwhile: the job has then another record.
      for (const other of this.jobs) {
        if (other.name === job.name)
          Object.assign(other, { running: null, lastAt: begun, lastError: job.lastError });
      }
      this.last[job.name] = begun;
      try {
        this.options.memory.write(this.last);
      } catch (error) {
        this.options.failed(job.name, error); // a full disk: at worst the job runs once more after a restart
      }
    };
    job.running = work();
  }

  private nextAfter(task: ScheduledTask): number {
    return task.getNextRun()?.getTime() ?? Number.POSITIVE_INFINITY;
  }
}

// Timers are late by some milliseconds on a busy machine; that is no miss.
const lateness = 30_000;
