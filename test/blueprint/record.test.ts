import fc from 'fast-check';
import { expect, test } from 'vitest';
import { paneRecord, parsePaneRecord, parseWindowRecord, windowRecord } from '../../src/blueprint/record.js';
import { arbitraryBlueprint } from '../support/arbitraries.js';

test('what is written on panes and windows is read back', () => {
  fc.assert(
    fc.property(arbitraryBlueprint(['/tmp']), ({ windows }) => {
      for (const window of windows) {
        const { key, layout, size } = window;
        expect(parseWindowRecord(windowRecord(window))).toEqual({ key, layout, size });
        for (const pane of window.panes) {
          const { environment: env, title: _title, options: _options, historyLimit: _limit, ...rest } = pane;
          expect(parsePaneRecord(paneRecord(pane))).toEqual({ ...rest, env, started: null, typed: null });
          expect(parsePaneRecord(paneRecord(pane, 'claude --resume x'))).toMatchObject({
            started: 'claude --resume x',
          });
        }
      }
    }),
  );
});

const pane = {
  key: 'a',
  role: null,
  run: null,
  shell: null,
  env: {},
  restart: 'never',
  startCommand: null,
  started: null,
  typed: null,
  cwd: '/',
};
const window = { key: 'a', layout: 'tiled', size: { width: 1, height: 1 } };

test.each(['', '{', 'null', '[]', '7', '"x"', '{"__proto__":{}}'])('%j is no record', (text) => {
  expect(parsePaneRecord(text)).toBe(null);
  expect(parseWindowRecord(text)).toBe(null);
});

test('nor is one with a field of another kind', () => {
  expect(parsePaneRecord(JSON.stringify(pane))).toEqual(pane);
  for (const name of Object.keys(pane))
    expect(parsePaneRecord(JSON.stringify({ ...pane, [name]: 7 }))).toBe(null);
  expect(parsePaneRecord(JSON.stringify({ ...pane, env: { A: 1 } }))).toBe(null);
  expect(parsePaneRecord(JSON.stringify({ ...pane, env: ['x'] }))).toBe(null);
  expect(parseWindowRecord(JSON.stringify(window))).toEqual(window);
  for (const name of Object.keys(window))
    expect(parseWindowRecord(JSON.stringify({ ...window, [name]: 7 }))).toBe(null);
  expect(parseWindowRecord(JSON.stringify({ ...window, size: { width: 0, height: 1 } }))).toBe(null);
});

test('what a later version adds is passed over', () => {
  expect(parsePaneRecord(JSON.stringify({ ...pane, more: 1 }))).toEqual(pane);
});
