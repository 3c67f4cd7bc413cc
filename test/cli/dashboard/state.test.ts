import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameOf, pageOf, topRow } from '../../../src/cli/dashboard/frame.js';
import {
  emptyState,
  type Key,
  type KeyName,
  reduce,
  type State,
  shownPane,
  shownRows,
} from '../../../src/cli/dashboard/state.js';
import { styler, width } from '../../../src/cli/output.js';
import { agent, anyRow, row } from './facts.js';

const none = { errors: 0, unknown: 0, warnings: 0 };

function surveyed(rows: State['rows'], state = emptyState): State {
  return reduce(state, { kind: 'survey', rows, shared: none, server: null }).state;
}

function key(text: string): Key {
  return names.includes(text as KeyName) ? { name: text as KeyName } : { name: 'text', text };
}

const names: readonly KeyName[] = [
  'up',
  'down',
  'pageUp',
  'pageDown',
  'home',
  'end',
  'enter',
  'escape',
  'tab',
  'backspace',
  'clear',
  'interrupt',
];

function press(state: State, ...keys: readonly string[]) {
  let step = { state, effects: [] as readonly unknown[] };
  for (const text of keys) step = reduce(step.state, { kind: 'key', key: key(text), page: 5 });
  return step;
}

const three = surveyed([row('api'), row('data', { agents: [agent('idle')] }), row('shop')]);

describe('the cursor', () => {
  it('begins at the first and moves within the list', () => {
    expect(three.selected).toBe('id-api');
    expect(press(three, 'up').state.selected).toBe('id-api');
    expect(press(three, 'j', 'down', 'down', 'down').state.selected).toBe('id-shop');
    expect(press(three, 'G', 'k').state.selected).toBe('id-data');
    expect(press(three, 'pageDown', 'g').state.selected).toBe('id-api');
  });

  it('stays on its workspace when the order changes, and in its place when that is gone', () => {
    const at = press(three, 'down').state;
    expect(surveyed([...three.rows].reverse(), at).selected).toBe('id-data');
    expect(surveyed([row('api'), row('shop')], at).selected).toBe('id-shop');
    expect(surveyed([row('api')], at).selected).toBe('id-api');
    expect(surveyed([], at).selected).toBeNull();
    expect(press(surveyed([], at), 'x', 'enter', 's', 'm', 'tab').effects).toEqual([]);
  });
});

describe('the keys', () => {
  it('do something with the row under the cursor, where that can be done', () => {
    for (const [name, deed] of Object.entries({ enter: 'hop', s: 'save', x: 'kill', p: 'pin' }))
      expect(press(three, name).effects).toEqual([{ do: deed, row: three.rows[0] }]);
    expect(press(three, 'r')).toMatchObject({
      effects: [],
      state: { message: expect.stringContaining('is open') },
    });
    const closed = surveyed([row('old', { state: 'closed', session: null })]);
    expect(press(closed, 'r').effects).toEqual([{ do: 'restore', row: closed.rows[0] }]);
    expect(press(closed, 's')).toMatchObject({ effects: [], state: { message: 'old is not open.' } });
    expect(press(closed, 'x').effects).toEqual([]);
    expect(press(three, 'q').effects).toEqual([{ do: 'quit' }]);
  });

  it('wait for what is being done, except for leaving', () => {
    const busy = reduce(three, { kind: 'busy', what: 'saving api' }).state;
    expect(press(busy, 'x')).toMatchObject({ effects: [], state: { message: 'Still saving api ...' } });
    expect(press(busy, 'q').effects).toEqual([{ do: 'quit' }]);
  });

  it('are not a command when they come as a paste', () => {
    expect(press(three, 'xyz').effects).toEqual([]);
    expect(press(three, 'xyz').state).toBe(three);
    // Pressed quickly, on a slow line.
    expect(press(three, 'jjkx').effects).toEqual([{ do: 'kill', row: three.rows[1] }]);
    expect(press(three, 'jj').state.selected).toBe('id-shop');
    expect(press(three, '/sh').state).toMatchObject({ filter: 'sh', mode: { kind: 'filter' } });
    expect(press(three, 'jmsx').state.mode).toMatchObject({ kind: 'send', text: 'sx' });
    // No agent is there: nothing is typed, and no letter of it is a command.
    for (const paste of ['msx', 'mx', 'mq']) expect(press(three, paste).effects).toEqual([]);
  });

  it('answer a question by y alone, and by nothing that means something else', () => {
    const asked = reduce(three, { kind: 'question', question: 'Close api?' }).state;
    expect(press(asked, 'y').effects).toEqual([{ do: 'answer', yes: true }]);
    for (const no of ['n', 'enter', 'escape', 'q'])
      expect(press(asked, no).effects).toEqual([{ do: 'answer', yes: false }]);
    // Neither does what begins with it, or holds it: a paste of `yes ...` must not close a workspace.
    for (const other of ['x', 'yes', 'y\ny', 'yy', 'ny', 'no', 'qy', 'up'])
      expect(press(asked, other)).toEqual({ state: asked, effects: [] });
  });

  it('type a line for an agent', () => {
    expect(press(three, 'm').state.message).toBe('No Claude runs in api.');
    const typing = press(three, 'down', 'm', 'rum', 'backspace', 'n', ' q').state;
    expect(typing.mode).toMatchObject({ kind: 'send', to: 'data 0.0', text: 'run q' });
    expect(press(typing, 'enter').effects).toEqual([{ do: 'send', pane: '%1', text: 'run q' }]);
    expect(press(typing, 'escape')).toMatchObject({ effects: [], state: { mode: { kind: 'list' } } });
    expect(press(three, 'down', 'm', ' ', 'enter').effects).toEqual([]);
  });

  it('filter, with the cursor on what is left', () => {
    const filtered = press(three, '/', 'sho').state;
    expect(shownRows(filtered).map(({ name }) => name)).toEqual(['shop']);
    expect(filtered.selected).toBe('id-shop');
    expect(press(filtered, 'enter', 's').effects).toMatchObject([{ do: 'save', row: { name: 'shop' } }]);
    expect(shownRows(press(filtered, 'enter', 'escape').state)).toHaveLength(3);
    expect(shownRows(press(three, '/', 'idle').state).map(({ name }) => name)).toEqual(['data']);
    expect(press(three, '/', 'nothing').state.selected).toBeNull();
    expect(press(three, '/', 'nothing', 'clear').state.selected).not.toBeNull();
  });

  it('go round the panes of the preview', () => {
    const panes = ['%1', '%2'].map((id, at) => ({
      id,
      place: `0.${at}`,
      what: 'x',
      active: at === 0,
      dead: false,
    }));
    const state = surveyed([row('api', { panes })]);
    expect(shownPane(state)?.id).toBe('%1');
    expect(shownPane(press(state, 'tab').state)?.id).toBe('%2');
    expect(shownPane(press(state, 'tab', 'tab').state)?.id).toBe('%1');
    // A pane that ended meanwhile.
    expect(shownPane(surveyed([row('api')], press(state, 'tab').state))?.id).toBe('%1');
    // The workspace is gone, and the pane lives on in another one by a linked window.
    const linked = surveyed([row('shop', { panes })], press(state, 'tab').state);
    expect([linked.selected, shownPane(linked)?.id]).toEqual(['id-shop', '%1']);
  });
});

it('what is used is kept in time, and of no workspace that is gone', () => {
  let state = three;
  for (let at = 0; at < 40; at++)
    state = reduce(state, { kind: 'use', use: new Map([['id-api', { cpu: at, memory: at }]]) }).state;
  expect(state.history.get('id-api')?.cpu).toEqual(Array.from({ length: 30 }, (_, at) => at + 10));
  expect(state.rows[0]?.use).toEqual({ cpu: 39, memory: 39 });
  state = reduce(surveyed([row('shop')], state), { kind: 'use', use: new Map() }).state;
  expect([...state.history.keys()]).toEqual([]);
});

describe('the frame', () => {
  const size = { columns: 100, rows: 30 };
  const options = { size, style: styler(false), now: 60_000, screen: ['one', 'two'] };

  it('is never wider or higher than the screen, whatever there is and whatever is pressed', () => {
    const anyKey = fc.constantFrom(...names.filter((name) => name !== 'interrupt'), ...'jkgGsrxpm/? qa');
    fc.assert(
      fc.property(
        fc.uniqueArray(anyRow, { selector: ({ id }) => id, maxLength: 30 }),
        fc.array(anyKey, { maxLength: 12 }),
        fc.integer({ min: 12, max: 140 }),
        fc.integer({ min: 5, max: 50 }),
        (rows, keys, columns, height) => {
          const sized = { ...options, size: { columns, rows: height } };
          let state = surveyed(rows);
          let top = 0;
          for (const text of keys) {
            const page = pageOf(state, sized.size);
            state = reduce(state, { kind: 'key', key: key(text), page }).state;
            const frame = frameOf(state, top, sized);
            top = frame.top;
            expect(frame.lines.length).toBeLessThan(Math.max(6, height));
            for (const line of frame.lines) {
              expect([line, width(line) <= columns]).toEqual([line, true]);
              expect(line).not.toMatch(/[\x00-\x1f\x7f]/);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('shows the cursor always, and draws only what is seen', () => {
    const many = Array.from({ length: 200 }, (_, at) => row(`w${String(at).padStart(3, '0')}`));
    let drawn = 0;
    const counted = many.map((one) =>
      Object.defineProperty({ ...one }, 'savedAt', {
        get: () => {
          drawn++;
          return 0;
        },
      }),
    );
    const state = press(surveyed(counted), 'pageDown', 'pageDown', 'pageDown', 'down').state;
    drawn = 0;
    const { lines } = frameOf(state, 0, options);
    expect(lines.join('\n')).toContain('▸   w016');
    expect(drawn).toBeLessThanOrEqual(2 * size.rows);
  });

  it('has no colour where there is none, and what is chosen can be told without', () => {
    const { lines } = frameOf(three, 0, options);
    expect(lines.join('')).not.toContain('\x1b');
    expect(lines.filter((line) => line.startsWith('▸'))).toHaveLength(1);
    const colored = frameOf(three, 0, { ...options, style: styler(true) }).lines;
    expect(colored.join('')).toContain('\x1b[');
    expect(colored.map((line) => line.replace(/\x1b\[[0-9;]*m/g, '').trimEnd())).toEqual(
      lines.map((line) => line.trimEnd()),
    );
  });
});

it('the list stands still while the cursor is in sight', () => {
  expect(topRow(0, 4, 5, 20)).toBe(0);
  expect(topRow(0, 5, 5, 20)).toBe(1);
  expect(topRow(7, 8, 5, 20)).toBe(7);
  expect(topRow(7, 3, 5, 20)).toBe(3);
  expect(topRow(18, 19, 5, 20)).toBe(15);
  expect(topRow(3, -1, 5, 0)).toBe(0);
});
