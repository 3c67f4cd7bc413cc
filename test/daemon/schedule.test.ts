import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defaultSchedules, expressionProblem, Scheduler, type Schedules } from '../../src/daemon/schedule.js';

const none: Schedules = { save: null, health: null, cleanup: null, prune: null, verify: null };
const minute = 60_000;

beforeEach(() => void vi.useFakeTimers({ now: new Date(2030, 0, 1, 12, 0, 1) }));
afterEach(() => void vi.useRealTimers());

function scheduler(last: Record<string, string> = {}) {
  const runs: string[] = [];
  const failures: unknown[] = [];
  const written: Record<string, string>[] = [];
  const ends: Record<string, (() => void) | undefined> = {};
  const waiting = new Set<string>();
  const job = (name: string) => () =>
    new Promise<void>((resolve) => {
      runs.push(name);
      ends[name] = resolve;
      if (!waiting.has(name)) resolve();
    });
  const made = new Scheduler({
    jobs: {
      save: job('save'),
      prune: job('prune'),
      verify: async () => {
        runs.push('verify');
        throw new Error('2 of 148 fields differ');
      },
    },
    failed: (_job, error) => failures.push(error),
    memory: { read: () => last, write: (all) => written.push({ ...all }) },
  });
  return { made, runs, failures, written, waiting, ends };
}

test('each runs at its times', async () => {
  const { made, runs, written } = scheduler();
  made.set({ ...none, save: '*/15 * * * *', prune: '7 * * * *' });
  await vi.advanceTimersByTimeAsync(60 * minute);
  expect(runs).toEqual(['prune', 'save', 'save', 'save', 'save']);
  expect(made.status()[0]).toMatchObject({
    name: 'save',
    expression: '*/15 * * * *',
    running: false,
    lastError: null,
  });
  expect(Date.parse(made.status()[0]!.nextAt!) - Date.now()).toBeLessThan(15 * minute);
  expect(Object.keys(written.at(-1)!)).toEqual(['prune', 'save']);
  await made.stop();
  await vi.advanceTimersByTimeAsync(60 * minute);
  expect(runs).toHaveLength(5);
});

test('one that runs long is not begun twice, and others come beside it', async () => {
  const { made, runs, waiting, ends } = scheduler();
  waiting.add('save');
  made.set({ ...none, save: '*/15 * * * *', prune: '7 * * * *' });
  await vi.advanceTimersByTimeAsync(2 * 60 * minute);
  expect(runs).toEqual(['prune', 'save', 'prune']);
  expect(made.status()[0]!.running).toBe(true);
  // New times do not make it run twice either.
  made.set({ ...none, save: '* * * * *' });
  await vi.advanceTimersByTimeAsync(5 * minute);
  expect(runs).toHaveLength(3);
  ends.save!();
  await vi.advanceTimersByTimeAsync(minute);
  expect(runs.at(-1)).toBe('save');
  expect(runs).toHaveLength(4);
  ends.save!();
  await made.stop();
});

test('a failure is told and shown, and the job comes again', async () => {
  const { made, runs, failures } = scheduler();
  made.set({ ...none, verify: '0 * * * *' });
  await vi.advanceTimersByTimeAsync(61 * minute);
  expect(made.status()[0]!.lastError).toBe('2 of 148 fields differ');
  await vi.advanceTimersByTimeAsync(60 * minute);
  expect(runs).toEqual(['verify', 'verify']);
  expect(failures).toHaveLength(2);
  await made.stop();
});

test('what was missed while the computer slept runs once, when the first of all comes', async () => {
  const { made, runs } = scheduler();
  made.set({ ...none, save: '*/15 * * * *', prune: '7 * * * *' });
  // The wall clock goes on and no timer does: that is what a sleep looks like.
  vi.setSystemTime(new Date(2030, 0, 2, 9, 3, 0));
  await vi.advanceTimersByTimeAsync(7 * minute + 58_000);
  expect([...runs].sort()).toEqual(['prune', 'save']);
  await made.stop();
});

test('what was due while no daemon ran runs at the start, and nothing else', async () => {
  const at = (day: number, hour: number) => new Date(2030, 0, day, hour, 30).toISOString();
  const { made, runs } = scheduler({
    prune: at(1, 9),
    save: new Date(2030, 0, 1, 11, 59).toISOString(),
    verify: 'rubbish',
  });
  made.set({ ...none, prune: '7 * * * *', save: '*/15 * * * *', verify: '0 3 * * *' });
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toEqual(['prune']);
  await made.stop();
});

describe('expressions', () => {
  test('the defaults are right', () => {
    for (const expression of Object.values(defaultSchedules))
      if (expression !== null) expect(expressionProblem(expression)).toBeNull();
    // What closes workspaces is off until somebody sets it.
    expect(defaultSchedules.cleanup).toBeNull();
  });

  test.each(['', 'hourly', '61 * * * *', '* * * *', '* * * * * *', '*/0 * * * *'])(
    '%j is refused',
    (expression) => {
      expect(expressionProblem(expression)).not.toBeNull();
    },
  );

  test('a wrong one changes nothing', async () => {
    const { made } = scheduler();
    made.set({ ...none, save: '*/15 * * * *' });
    expect(() => made.set({ ...none, save: '* * * * *', prune: 'often' })).toThrow(
      'The schedule of prune, "often"',
    );
    expect(made.status().map(({ expression }) => expression)).toEqual(['*/15 * * * *']);
    await made.stop();
  });
});
