import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accumulate,
  addSave,
  type Days,
  type Look,
  longestGap,
  type SeenNow,
  setRestores,
  setTalk,
} from '../../src/metrics/accumulate.js';
import { beginOf, type Day, dayOf, lastDays } from '../../src/metrics/model.js';
import { report } from '../../src/metrics/report.js';
import { parseDay, printDay } from '../../src/metrics/store.js';

const minute = 60_000;
const noon = new Date(2026, 5, 15, 12).getTime();

function seen(parts: Partial<SeenNow> = {}): SeenNow {
  return { id: 'a', name: 'shop', attached: false, working: 0, waiting: 0, health: 'ok', ...parts };
}

function look(at: number, ticks: number, ...workspaces: readonly SeenNow[]): Look {
  return { at, ticks, workspaces };
}

function all(looks: readonly Look[], days: Days = {}): Days {
  return looks.reduce((sum, now, place) => accumulate(sum, looks[place - 1] ?? null, now), days);
}

describe('time', () => {
  it('goes on as it was seen until the next look', () => {
    const days = all([
      look(noon, 0, seen({ attached: true, working: 2 })),
      look(noon + minute, minute, seen({ waiting: 1, health: 'warning' })),
      look(noon + 1.5 * minute, 1.5 * minute),
      look(noon + 2 * minute, 2 * minute),
    ]);
    expect(days['2026-06-15']?.a).toEqual({
      name: 'shop',
      open: 1.5 * minute,
      attached: minute,
      working: 2 * minute,
      waiting: 0.5 * minute,
      saves: 0,
      restores: 0,
      health: { ok: minute, warning: 0.5 * minute, error: 0 },
      talk: {},
    });
  });

  it('is parted at midnight', () => {
    const midnight = new Date(2026, 5, 16).getTime();
    const days = all([look(midnight - 20_000, 0, seen()), look(midnight + 40_000, minute, seen())]);
    expect([days['2026-06-15']?.a?.open, days['2026-06-16']?.a?.open]).toEqual([20_000, 40_000]);
  });

  it('is not counted where nobody looked: the computer slept, or the daemon was stopped', () => {
    const gap = longestGap + 1;
    expect(all([look(noon, 0, seen()), look(noon + gap, gap, seen())])).toEqual({});
  });

  it('is neither more nor less for a clock that is set', () => {
    const shift = fc.integer({ min: -400 * 24 * 3600_000, max: 400 * 24 * 3600_000 });
    const step = fc.record({
      passes: fc.integer({ min: 0, max: 2 * longestGap }),
      set: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, shift),
      workspaces: fc.subarray([
        seen({ attached: true }),
        seen({ id: 'b', name: 'api', working: 3 }),
        seen({ id: 'c', name: 'x', health: null }),
      ]),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [at, ticks] = [noon, 0];
        const looks = steps.map(({ passes, set, workspaces }) => {
          at += passes + set;
          ticks += passes;
          return look(at, ticks, ...workspaces);
        });
        const days = all(looks);
        for (const id of ['a', 'b', 'c']) {
          const expected = looks.reduce((sum, now, place) => {
            const before = looks[place - 1];
            const elapsed = before ? now.ticks - before.ticks : 0;
            const isOpen = before?.workspaces.some((one) => one.id === id) === true;
            return sum + (isOpen && elapsed <= longestGap ? elapsed : 0);
          }, 0);
          const own = Object.values(days).flatMap((day) => day[id] ?? []);
          const sum = (of: (one: (typeof own)[number]) => number) =>
            own.reduce((total, one) => total + of(one), 0);
          expect(sum(({ open }) => open)).toBe(expected);
          expect(sum(({ attached }) => attached)).toBe(id === 'a' ? expected : 0);
          expect(sum(({ working }) => working)).toBe(id === 'b' ? 3 * expected : 0);
          expect(sum(({ health }) => health.ok)).toBe(id === 'c' ? 0 : expected);
        }
      }),
    );
  });

  it('is the same when the daemon was started again in between, but for the gap', () => {
    const looks = Array.from({ length: 6 }, (_, at) => look(noon + at * minute, at * minute, seen()));
    const whole = all(looks)['2026-06-15']?.a?.open ?? 0;
    const first = parseDay(printDay(all(looks.slice(0, 3))['2026-06-15'] ?? {}));
    // Another process: its ticks begin anew.
    const second = all(
      looks.slice(3).map((one) => ({ ...one, ticks: one.ticks - 3 * minute })),
      { '2026-06-15': first },
    );
    expect(second['2026-06-15']?.a?.open).toBe(whole - minute);
  });
});

describe('what is counted', () => {
  it('adds saves, and replaces what is read again and again', () => {
    const of = { id: 'a', name: 'shop' };
    const talk = (turns: number) => ({ c1: { turns, tokens: 10, dollars: 0.5 } });
    let days = addSave(addSave({}, '2026-06-15', of), '2026-06-15', of);
    for (const turns of [1, 2, 2]) days = setTalk(days, '2026-06-15', of, talk(turns));
    days = setTalk(days, '2026-06-15', of, { c2: { turns: 1, tokens: 1, dollars: null } });
    for (const count of [1, 2, 2, 1]) days = setRestores(days, '2026-06-15', of, count);
    expect(days['2026-06-15']?.a).toMatchObject({
      saves: 2,
      restores: 2,
      talk: { c1: { turns: 2 }, c2: { dollars: null } },
    });
  });

  it('is reported for each day, and a conversation of several days is one', () => {
    const days = lastDays(3, noon);
    let kept = setTalk({}, days[1]!, { id: 'a', name: 'old' }, { c1: { turns: 1, tokens: 5, dollars: 1 } });
    kept = setTalk(kept, days[2]!, { id: 'a', name: 'shop' }, { c1: { turns: 2, tokens: 5, dollars: null } });
    const [one] = report(days, new Map(Object.entries(kept)));
    expect(one).toMatchObject({
      name: 'shop',
      total: { conversations: 1, turns: 3, dollars: 1, unpriced: true },
    });
    expect(one?.days.map(({ day, turns }) => [day, turns])).toEqual(days.map((day, at) => [day, at]));
  });
});

describe('days', () => {
  it('are those of the calendar, each once and none left out, also when clocks change', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.date({ min: new Date(2000, 0), max: new Date(2090, 0), noInvalidDate: true }),
        (count, now) => {
          const days = lastDays(count, now.getTime());
          expect(new Set(days).size).toBe(count);
          expect(days.toSorted()).toEqual(days);
          expect(days.at(-1)).toBe(dayOf(now));
          expect(dayOf(beginOf(now.getTime()))).toBe(dayOf(now));
        },
      ),
    );
  });
});

describe('the file of a day', () => {
  it('reads back as it was written', () => {
    const amount = fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => value + 0);
    const talk = fc.record({ turns: fc.nat(), tokens: fc.nat(), dollars: fc.option(amount) });
    const one = fc.record({
      name: fc.string(),
      open: amount,
      attached: amount,
      working: amount,
      waiting: amount,
      saves: fc.nat(),
      restores: fc.nat(),
      health: fc.record({ ok: amount, warning: amount, error: amount }),
      talk: fc.dictionary(fc.uuid(), talk, { maxKeys: 3, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.uuid(), one, { maxKeys: 4, noNullPrototype: true }), (day: Day) => {
        expect(parseDay(printDay(day))).toEqual(day);
      }),
    );
  });

  it('never throws, whatever is in it', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseDay(text)));
    expect(
      parseDay('{"format":1,"workspaces":{"a":{"open":-5,"saves":"x","talk":{"c":null}},"b":3}}'),
    ).toEqual({
      a: expect.objectContaining({ name: '?', open: 0, saves: 0, talk: {} }),
    });
    expect(parseDay('{"format":2,"workspaces":{"a":{}}}')).toEqual({});
  });
});
