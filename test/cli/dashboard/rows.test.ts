import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentsText, brief, healthText, layoutOf } from '../../../src/cli/dashboard/columns.js';
import { inOrder, paneToShow } from '../../../src/cli/dashboard/rows.js';
import { pushed, sparkline, topOf } from '../../../src/cli/dashboard/sparkline.js';
import { agent, anyRow, row } from './facts.js';

describe('the order', () => {
  it('has who needs the user first, and the longest wait first of all', () => {
    const rows = [
      row('quiet'),
      row('gone', { state: 'closed', session: null }),
      row('crashed', { state: 'ended', session: null }),
      row('busy', { agents: [agent('working')] }),
      row('done', { agents: [agent('idle', 5)] }),
      row('broken', { health: { errors: 1, unknown: 0, warnings: 0 } }),
      row('failed', { agents: [agent('failed', 5)] }),
      row('asks', { agents: [agent('working'), agent('waiting', 20)] }),
      row('asks-long', { agents: [agent('waiting', 10)] }),
      row('also-quiet'),
    ];
    expect(inOrder(rows).map(({ name }) => name)).toEqual([
      'asks-long',
      'asks',
      'failed',
      'broken',
      'done',
      'busy',
      'also-quiet',
      'quiet',
      'crashed',
      'gone',
    ]);
  });

  it('is the same from whatever order it begins, and loses nobody', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyRow, { selector: ({ id }) => id, maxLength: 12 }), (rows) => {
        const ids = inOrder(rows).map(({ id }) => id);
        expect(inOrder(rows.toReversed()).map(({ id }) => id)).toEqual(ids);
        expect(ids.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
      }),
    );
  });
});

it('shows the pane of the agent that waits longest, and the active one where there is no agent', () => {
  const panes = [
    { id: '%1', place: '0.0', what: 'shell', active: false, dead: false },
    { id: '%2', place: '0.1', what: 'shell', active: true, dead: false },
  ];
  expect(paneToShow({ panes, agents: [] })).toBe('%2');
  expect(
    paneToShow({
      panes,
      agents: [agent('idle', 1, '%2'), agent('waiting', 9, '%1'), agent('waiting', 12, '%2')],
    }),
  ).toBe('%1');
  expect(paneToShow({ panes: [], agents: [] })).toBeNull();
});

describe('cells', () => {
  it('say what the agents do that need the user most', () => {
    const now = 10 * 60_000;
    const text = (...agents: ReturnType<typeof agent>[]) => agentsText(row('x', { agents }), now);
    expect(text()).toBe('-');
    expect(text(agent('waiting', 6 * 60_000), agent('working'))).toBe('waiting 4m +1');
    expect(text(agent('working'), agent('working'))).toBe('2 working');
    expect(text(agent('idle', now - 1), agent('idle', now))).toBe('2 idle now');
    expect(agentsText(row('x', { state: 'closed' }), now)).toBe('closed');
  });

  it('say how long ago something was, without moving each second', () => {
    expect([0, 59_999, 60_000, 3_600_000, 47 * 3_600_000, 72 * 3_600_000].map(brief)).toEqual([
      'now',
      'now',
      '1m',
      '1h',
      '47h',
      '3d',
    ]);
    expect(brief(-5000)).toBe('now'); // the clock was set back
  });

  it('count what is not well', () => {
    expect(healthText({ errors: 0, unknown: 0, warnings: 0 })).toBe('✓');
    expect(healthText({ errors: 2, unknown: 1, warnings: 3 })).toBe('✗2 ?1 !3');
    expect(healthText(null)).toBe('-');
  });
});

describe('bars', () => {
  it('go from nothing to the top, the newest at the right', () => {
    expect(sparkline([0, 50, 100], 5, 100)).toBe('  ▁▅█');
    expect(sparkline([1, 2, 3, 4, 8], 3, 8)).toBe('▄▅█');
    expect(sparkline([null, 400], 3, 100)).toBe('  █');
  });

  it('take their cells whatever the values are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.double({ min: -1, max: 1e9, noNaN: true }))),
        fc.nat(20),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (values, cells, top) => {
          fc.pre(cells > 0);
          expect(sparkline(values, cells, top)).toMatch(new RegExp(`^[ ▁▂▃▄▅▆▇█]{${cells}}$`));
        },
      ),
    );
  });

  it('are not drawn high for next to nothing', () => {
    expect(topOf([0.1, null, 0.3], 20)).toBe(20);
    expect(topOf([80, 40], 20, 1.25)).toBe(100);
    expect(pushed([1, 2, 3], 4, 3)).toEqual([2, 3, 4]);
  });
});

it('gives up columns before the name, the bars first', () => {
  expect(layoutOf(120, 20)).toMatchObject({
    name: 20,
    keys: expect.arrayContaining(['cpuBars', 'memoryBars']),
  });
  expect(layoutOf(60, 20).keys).toEqual(['agents', 'health', 'cpu', 'saved']);
  expect(layoutOf(40, 20)).toMatchObject({ keys: ['agents'], name: 20 });
  expect(layoutOf(20, 20)).toMatchObject({ keys: [], name: 16 });
});
