import fc from 'fast-check';
import { expect, it } from 'vitest';
import { metricsPicture } from '../../src/cli/metrics-picture.js';
import { styler, width } from '../../src/cli/output.js';
import { emptyDay, lastDays } from '../../src/metrics/model.js';
import { report } from '../../src/metrics/report.js';
import { sandbox } from '../support/sandbox.js';

const hour = 3600_000;
const now = new Date(2026, 5, 15, 12).getTime();

it('is a line for each workspace and a bar for each day', () => {
  const days = lastDays(4, now);
  const day = (name: string, attached: number) => ({
    ...emptyDay,
    name,
    attached,
    health: { ok: 3 * hour, warning: hour, error: 0 },
    talk: { c: { turns: 2, tokens: 1500, dollars: null } },
  });
  const kept = new Map([
    [days[0]!, { a: day('shop', hour) }],
    [days[3]!, { a: day('shop', 2 * hour), b: day('api', hour) }],
  ]);
  const text = metricsPicture(report(days, kept), { columns: 100, style: styler(false) });
  expect(text.split('\n')).toEqual([
    'WORKSPACE  ATTACHED  WORKING  WAITING  TURNS  TOKENS    COST  SAVES  WELL',
    'shop          3.0 h        -        -      4    3.0k  $0.00+      0   75%',
    'api           1.0 h        -        -      2    1.5k  $0.00+      0   75%',
    '',
    'all 2 workspaces, 4 days (06-12 to 06-15)',
    '  attached  ▃▃▁▁▁▁██  4.0 h, at most 3.0 h a day',
    '  turns     ▅▅▁▁▁▁██  6, at most 4 a day',
    '  tokens    ▅▅▁▁▁▁██  4.5k, at most 3.0k a day',
    '  not well  ▅▅▁▁▁▁██  3.0 h, at most 2.0 h a day',
  ]);
});

it('fits the terminal, however many days there are', () => {
  const amount = fc.nat(10 ** 9);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 366 }),
      fc.integer({ min: 40, max: 120 }),
      fc.array(
        fc.record({ name: fc.string({ minLength: 1, maxLength: 40 }), attached: amount, saves: amount }),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
      (count, columns, workspaces) => {
        const days = lastDays(count, now);
        const kept = new Map(
          days.map((day) => [
            day,
            Object.fromEntries(workspaces.map((one, at) => [`w${at}`, { ...emptyDay, ...one }])),
          ]),
        );
        const text = metricsPicture(report(days, kept), { columns, style: styler(false) });
        for (const line of text.split('\n')) expect([line, width(line) <= columns]).toEqual([line, true]);
      },
    ),
    { numRuns: 50 },
  );
});

it('says what is wrong with a line', async () => {
  const world = sandbox();
  for (const since of ['0d', '-1d', 'soon', ''])
    expect(await world.cw(['metrics', `--since=${since}`])).toMatchObject({ code: 2 });
  expect(await world.cw(['metrics', 'nobody'])).toMatchObject({ code: 3 });
  expect(await world.cw(['metrics'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('cw daemon start'),
  });
});
