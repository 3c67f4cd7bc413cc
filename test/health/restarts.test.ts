import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideRestart,
  defaultRestarts,
  type RestartMemory,
  type RestartPolicy,
  restartKept,
  restartMemory,
  restartSeen,
} from '../../src/health/restarts.js';
import { HealthState } from '../../src/health/state.js';
import type { PaneSeen } from '../../src/survey/model.js';
import type { Ending } from '../../src/workspace/ending.js';
import { paneSeen } from './facts.js';

const policy: RestartPolicy = { ...defaultRestarts, limit: 3 };
const runs: Partial<PaneSeen> = { program: { kind: 'declared', stopped: [] } };
const failed: Ending = { status: 1, seconds: 5 };

/** A pane's program over time: each look is told what is seen at a moment, and remembers. */
function program(restart: PaneSeen['restart'] = 'always') {
  let memory: RestartMemory | undefined;
  return {
    look(now: number, changes: Partial<PaneSeen> = {}, ending: Ending | 'open' | null = failed) {
      const decided = decideRestart(
        paneSeen({ run: './serve', restart, ending, ...changes }),
        memory,
        now,
        policy,
      );
      memory = decided.memory;
      return decided.step.do === 'wait' ? `wait ${decided.step.wait}` : decided.step.do;
    },
    seen: () => (memory ? restartSeen(memory) : null),
    /** What a new daemon knows of it. */
    anew(now: number) {
      const kept = memory ? restartKept(memory) : null;
      const folder = mkdtempSync(join(tmpdir(), 'cw-restarts-'));
      const state = new HealthState(folder);
      state.recordRestarts(new Map(kept ? [['w1 p1', kept]] : []));
      const read = state.keptRestarts().get('w1 p1');
      rmSync(folder, { recursive: true });
      memory = read && restartMemory(read, now);
    },
  };
}

describe('a program that is to run', () => {
  it('is started again after a second, and then each time after twice as long, and then no more', () => {
    const one = program();
    expect(one.look(0)).toBe('wait 1000');
    expect(one.seen()).toEqual({ state: 'waits', times: 0 });
    expect(one.look(500)).toBe('wait 500');
    expect(one.look(1000)).toBe('start');
    expect(one.seen()).toBeNull();
    expect(one.look(3000)).toBe('wait 2000'); // it ended again at once
    expect(one.look(5000)).toBe('start');
    expect(one.look(6000)).toBe('wait 4000');
    expect(one.look(10_000)).toBe('start');
    expect(one.look(11_000)).toBe('give-up');
    expect(one.seen()).toEqual({ state: 'gave-up', times: 3 });
    expect(one.look(1e9)).toBe('nothing'); // for good
  });

  it('has the same end when there is a new daemon after each start', () => {
    const one = program();
    let now = 0;
    for (let times = 1; times <= 3; times += 1) {
      one.look(now);
      now += 10_000;
      expect(one.look(now)).toBe('start');
      one.anew(now);
      expect(one.look(now + 100, runs, 'open')).toBe('wait 59900');
      one.anew(now + 200);
      now += 1000;
    }
    expect(one.look(now)).toBe('give-up');
    one.anew(0); // another clock
    expect(one.look(1e9)).toBe('nothing');
    expect(one.seen()).toEqual({ state: 'gave-up', times: 3 });
    // It runs, since the user started it: that it was given up is over.
    one.look(2e9, runs, 'open');
    one.anew(2e9);
    expect(one.look(2e9 + 100)).toBe('wait 1000');
  });

  it('counts anew when it has run for a while', () => {
    const one = program();
    one.look(0);
    expect(one.look(1000)).toBe('start');
    expect(one.look(2000, runs, 'open')).toBe('wait 59000'); // to see whether it lasts
    expect(one.look(61_000, runs, 'open')).toBe('nothing');
    expect(one.look(70_000)).toBe('wait 1000');
    // Also one that was given up, which the user started.
    const other = program();
    for (const now of [0, 1000, 2000, 5000, 6000, 20_000, 30_000]) other.look(now);
    expect(other.seen()).toMatchObject({ state: 'gave-up' });
    other.look(40_000, runs, 'open');
    expect(other.seen()).toBeNull();
  });

  it.each<
    [what: string, restart: PaneSeen['restart'], changes: Partial<PaneSeen>, ending: Ending | 'open' | null]
  >([
    ['that is not asked for', 'never', {}, failed],
    ['that runs', 'always', runs, 'open'],
    ['that ended well', 'on-failure', {}, { status: 0, seconds: 1 }],
    ['of which it is not known how it ended', 'on-failure', {}, null],
    ['that Ctrl-C ended', 'always', {}, 'open'],
    ['that took Ctrl-C for its end', 'always', {}, { status: 130, seconds: 9 }],
    ['in whose place something else runs', 'always', { program: { kind: 'unknown', reason: 'x' } }, failed],
    ['behind which a job of the user runs', 'always', { background: 1 }, failed],
    ['whose pane is dead', 'always', { program: { kind: 'dead', status: 1 } }, failed],
  ])('is left alone: one %s', (_what, restart, changes, ending) => {
    const one = program(restart);
    for (const now of [0, 2000, 100_000, 1e9])
      expect(one.look(now, changes, ending)).not.toMatch(/start|give-up/);
    expect(one.seen()).toBeNull();
  });

  it('is started again after any end, or after a failure', () => {
    for (const [restart, ending] of [
      ['always', { status: 0, seconds: 1 }],
      ['always', null],
      ['on-failure', { status: 2, seconds: 1 }],
    ] as const) {
      const one = program(restart);
      one.look(0, {}, ending);
      expect(one.look(5000, {}, ending)).toBe('start');
    }
  });

  it('is left to the user who started it by hand: its last end says nothing of it', () => {
    const one = program();
    one.look(0, runs, failed); // it runs, though the shell noted an end: somebody typed it
    expect(one.look(10_000)).toBe('nothing');
    expect(one.look(100_000)).toBe('nothing');
  });

  it('is not started where somebody types, but a prompt that comes late is no typing', () => {
    const one = program();
    one.look(0, { cursor: '0,5,0' });
    expect(one.look(400, { cursor: '9,5,0' })).toBe('wait 1000'); // the prompt
    expect(one.look(1300, { cursor: '9,5,0' })).toBe('wait 100');
    expect(one.look(1400, { cursor: '9,5,0' })).toBe('start');
    const other = program();
    other.look(0, { cursor: '9,5,0' });
    expect(other.look(4000, { cursor: '12,5,0' })).toBe('nothing');
    expect(other.look(90_000, { cursor: '12,5,0' })).toBe('nothing');
  });

  it('is never started more often in a row than the limit says, whatever happens', () => {
    const look = fc.record({
      passes: fc.integer({ min: 0, max: 30_000 }),
      changes: fc.constantFrom<Partial<PaneSeen>>({}, {}, { cursor: '5,5,5' }, { background: 2 }, runs),
      ending: fc.constantFrom<Ending | 'open' | null>(failed, failed, null, 'open', {
        status: 0,
        seconds: 0,
      }),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 80 }), (looks) => {
        const one = program();
        let now = 0;
        let row = 0;
        let startedAt = 0;
        for (const { passes, changes, ending } of looks) {
          now += passes;
          const step = one.look(now, changes, ending);
          if (changes === runs && now - startedAt >= policy.steady) row = 0;
          if (step === 'start') {
            row += 1;
            startedAt = now;
          }
          expect(row).toBeLessThanOrEqual(policy.limit);
        }
      }),
    );
  });
});
