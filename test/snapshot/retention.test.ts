import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultRetention, type Retained, retain } from '../../src/snapshot/retention.js';

const now = Date.parse('2026-03-01T12:00:00Z');
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

function entry(sequence: number, at: number, more: Partial<Retained> = {}): Retained {
  return {
    sequence,
    at: new Date(at).toISOString(),
    pinned: false,
    note: null,
    life: 'a',
    doubtful: false,
    ...more,
  };
}

/** Some entries in the order of their making, at times that mostly grow; `jumps` lets the clock go wrong. */
function histories(jumps: boolean): fc.Arbitrary<Retained[]> {
  const one = fc.record({
    gap: fc.oneof(
      fc.nat(2 * minute),
      fc.nat(2 * hour),
      fc.nat(3 * day),
      ...(jumps ? [fc.integer({ min: -day, max: 0 })] : []),
    ),
    pinned: fc.constantFrom(false, false, false, true),
    doubtful: fc.constantFrom(false, false, false, true),
    note: fc.constantFrom(null, null, null, 'before the upgrade'),
    isNewLife: fc.constantFrom(false, false, true),
  });
  return fc.array(one, { maxLength: 80 }).map((list) => {
    let at = now - list.reduce((sum, { gap }) => sum + gap, 0) + (jumps ? hour : 0);
    let life = 0;
    return list.map(({ gap, pinned, doubtful, note, isNewLife }, index) => {
      at += gap;
      if (isNewLife) life++;
      return entry(index + 1, at, { pinned, doubtful, note, life: `life ${life}` });
    });
  });
}

const ids = (entries: readonly Retained[]) => entries.map((one) => one.sequence);
const good = (entries: readonly Retained[]) => entries.filter((one) => !one.doubtful);

test('nothing is lost or doubled, and the order of the entries does not matter', () => {
  fc.assert(
    fc.property(histories(true), (entries) => {
      const { keep, drop } = retain(entries, defaultRetention, now);
      expect(ids([...keep, ...drop]).sort((a, b) => a - b)).toEqual(ids(entries));
      expect(retain([...entries].reverse(), defaultRetention, now)).toEqual({ keep, drop });
    }),
  );
});

test('the newest, the pinned and the last of each life are kept, whatever the clock says', () => {
  fc.assert(
    fc.property(histories(true), fc.integer({ min: -day, max: 1000 * day }), (entries, later) => {
      const kept = new Set(ids(retain(entries, defaultRetention, now + later).keep));
      const lastOfLife = new Map(good(entries).map((one) => [one.life, one.sequence]));
      const must = [good(entries).at(-1)?.sequence, ...lastOfLife.values()].filter(
        (one) => one !== undefined,
      );
      for (const one of entries) if (one.pinned) must.push(one.sequence);
      for (const sequence of must) expect(kept.has(sequence)).toBe(true);
    }),
  );
});

test('one with a note is kept as long as the oldest tier, and others are kept beside it', () => {
  fc.assert(
    fc.property(histories(true), fc.nat(200 * day), (entries, later) => {
      const kept = new Set(ids(retain(entries, defaultRetention, now + later).keep));
      for (const one of entries)
        if (one.note !== null && now + later - Date.parse(one.at) < 91 * day)
          expect(kept.has(one.sequence)).toBe(true);
    }),
  );
  // Three of one minute, as old as a week is kept of: the last of them, and the one with a note.
  const at = now - 30 * day;
  const list = [entry(1, at), entry(2, at, { note: 'here' }), entry(3, at), entry(4, at), entry(5, now)];
  expect(ids(retain(list, defaultRetention, now).keep)).toEqual([5, 4, 2]);
  expect(ids(retain(list, defaultRetention, now + 62 * day).keep)).toEqual([5]);
});

test('of each minute, hour, day and week one is kept as long as the policy says', () => {
  fc.assert(
    fc.property(histories(true), (entries) => {
      const keep = good(retain(entries, defaultRetention, now).keep);
      const time = (one: Retained) => Date.parse(one.at);
      for (const { every, during } of defaultRetention.tiers) {
        for (const one of good(entries)) {
          if (now - time(one) >= during) continue;
          const bucket = Math.floor(time(one) / every);
          expect(keep.some((kept) => Math.floor(time(kept) / every) === bucket)).toBe(true);
        }
      }
    }),
  );
});

test('pruned again and again as time goes by, as much is kept as pruned once', () => {
  fc.assert(
    fc.property(
      histories(false),
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 10 }),
      (all, steps) => {
        let left: Retained[] = [];
        let next = 0;
        for (const step of [...steps, all.length]) {
          const added = all.slice(next, next + step);
          next += step;
          left = retain(
            [...left, ...added],
            defaultRetention,
            Date.parse(added.at(-1)?.at ?? all.at(-1)?.at ?? ''),
          ).keep;
        }
        const once = retain(all, defaultRetention, Date.parse(all.at(-1)?.at ?? '')).keep;
        // A life or the newest of an earlier moment may have saved some more on the way; never fewer.
        expect(ids(left)).toEqual(expect.arrayContaining(ids(once)));
      },
    ),
  );
});

test('a steady stream of a year leaves what the policy says, and no more', () => {
  const entries: Retained[] = [];
  for (let at = now - 365 * day, sequence = 1; at <= now; at += 10 * minute)
    entries.push(entry(sequence++, at));
  const { keep } = retain(entries, defaultRetention, now);
  // 6 in the last hour, 23 more hours, 13 more days, 11 or 12 more weeks.
  expect(keep.length).toBeGreaterThanOrEqual(6 + 22 + 12 + 11);
  expect(keep.length).toBeLessThanOrEqual(7 + 24 + 14 + 13);
  expect(Date.parse(keep.at(-1)!.at)).toBeGreaterThanOrEqual(now - 91 * day);
});

test('doubtful ones take no good one’s place, and what is from the future is not old', () => {
  const list = [
    entry(1, now - 30_000),
    entry(2, now - 20_000, { doubtful: true, life: 'b' }),
    entry(3, now - 400 * day, { doubtful: true, life: 'c' }),
    entry(4, now + 400 * day, { life: 'd' }),
    entry(5, now + 400 * day, { life: 'd' }),
  ];
  const { keep, drop } = retain(list, defaultRetention, now);
  expect(ids(keep)).toEqual([5, 2, 1]);
  expect(ids(drop)).toEqual([4, 3]);
  expect(ids(retain(list, { tiers: [] }, now).keep)).toEqual([5, 1]);
  // The clock is back by a week: of each minute since then one stays, as if it were now.
  const week = [1, 2, 3, 4].map((sequence) => entry(sequence, now + 7 * day + (sequence >> 1) * minute));
  expect(ids(retain(week, defaultRetention, now).keep)).toEqual([4, 3, 1]);
  expect(ids(retain(week, defaultRetention, now + 8 * day).keep)).toEqual([4]);
  expect(ids(retain([{ ...list[0]!, at: 'never' }, list[4]!], defaultRetention, now).keep)).toEqual([5, 1]);
});
