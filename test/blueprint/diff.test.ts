import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diff } from '../../src/blueprint/diff.js';
import type { Blueprint } from '../../src/blueprint/model.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';
import { blueprintOf } from './examples.js';

/** Every key under another name. */
function renamed(blueprint: Blueprint): Blueprint {
  const other = (key: string) => `k-${key}`;
  const orNull = (key: string | null) => (key === null ? null : other(key));
  return {
    ...blueprint,
    activeWindow: other(blueprint.activeWindow),
    lastWindow: orNull(blueprint.lastWindow),
    environment: blueprint.environment.toReversed(),
    windows: blueprint.windows.map((window) => ({
      ...window,
      key: other(window.key),
      activePane: other(window.activePane),
      lastPane: orNull(window.lastPane),
      panes: window.panes.map((pane) => ({ ...pane, key: other(pane.key) })),
    })),
  };
}

test('neither keys nor the order of variables make a difference', () => {
  fc.assert(
    fc.property(arbitraryBlueprint(['/tmp']), (blueprint) => {
      expect(diff(blueprint, structuredClone(blueprint))).toEqual([]);
      expect(diff(blueprint, renamed(blueprint))).toEqual([]);
    }),
  );
});

const before = blueprintOf(
  [
    { name: 'code', panes: [{}, { options: { '@a b': 'x' } }] },
    { name: 'logs', index: 3 },
  ],
  { environment: [{ name: 'A', value: 'x', hidden: false }], lastWindow: 'w2' },
);
const [code, logs] = before.windows as [Blueprint['windows'][0], Blueprint['windows'][0]];

test.each<[string, Partial<Blueprint>, string, unknown, unknown]>([
  ['a field', { name: 'api' }, 'name', 'shop', 'api'],
  ['a size', { size: { width: 9, height: 40 } }, 'size.width', 120, 9],
  ['an option', { options: { 'status-left': 'x' } }, 'options[status-left]', undefined, 'x'],
  [
    'a variable',
    { environment: [{ name: 'A', value: null, hidden: false }] },
    'environment.A.value',
    'x',
    null,
  ],
  ['the active window', { activeWindow: 'w2' }, 'activeWindow', 0, 3],
  ['the last window', { lastWindow: null }, 'lastWindow', 3, null],
  ['a window less', { windows: [code] }, 'windows[logs]', logs, undefined],
  [
    'a window at another index',
    { windows: [code, { ...logs, index: 2 }] },
    'windows[logs]',
    undefined,
    { ...logs, index: 2 },
  ],
  ['a name', { windows: [{ ...code, name: 'x' }, logs] }, 'windows[code].name', 'code', 'x'],
  [
    'the active pane',
    { windows: [{ ...code, activePane: 'w1.p2' }, logs] },
    'windows[code].activePane',
    1,
    2,
  ],
  [
    'a folder',
    { windows: [{ ...code, panes: [{ ...code.panes[0]!, cwd: '/' }, code.panes[1]!] }, logs] },
    'windows[code].panes[1].cwd',
    '/tmp',
    '/',
  ],
  [
    'an option of a pane',
    { windows: [{ ...code, panes: [code.panes[0]!, { ...code.panes[1]!, options: {} }] }, logs] },
    'windows[code].panes[2].options[@a b]',
    'x',
    undefined,
  ],
  [
    'a pane less',
    { windows: [{ ...code, panes: code.panes.slice(0, 1) }, logs] },
    'windows[code].panes[2]',
    code.panes[1],
    undefined,
  ],
  [
    'a link',
    { windows: [code, { ...logs, link: { workspace: 'a', window: 'b' } }] },
    'windows[logs].link',
    null,
    { workspace: 'a', window: 'b' },
  ],
])('%s', (_, change, path, old, now) => {
  const found = diff(before, { ...before, ...change }).find((each) => each.path === path);
  expect(found).toEqual({ path, before: old, after: now });
});

test('windows of one name are told apart by their index', () => {
  const twice = blueprintOf([{ name: 'x' }, { name: 'x', zoomed: true }]);
  const after = { ...twice, windows: twice.windows.map((window) => ({ ...window, zoomed: false })) };
  expect(diff(twice, after)).toEqual([{ path: 'windows[1:x].zoomed', before: true, after: false }]);
});
