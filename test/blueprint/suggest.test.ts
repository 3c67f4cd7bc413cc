import { expect, test } from 'vitest';
import { nearest } from '../../src/blueprint/suggest.js';

const words = ['panes', 'windows', 'options', 'root', 'run', 'main-vertical'];

test.each([
  ['pane', 'panes'],
  ['pnaes', 'panes'],
  ['PANES', 'panes'],
  ['rot', 'root'],
  ['rnu', 'run'],
  ['main-vertcial', 'main-vertical'],
  ['optoins', 'options'],
  ['colour', null],
  ['', null],
  ['xy', null],
])('%s is nearest to %s', (word, expected) => {
  expect(nearest(word, words)).toBe(expected);
});

test('of several the nearest, and of equals the first', () => {
  expect(nearest('shp', ['ship-api', 'shop', 'shap'])).toBe('shop');
  expect(nearest('claude_project', ['PROJECT', 'CLAUDE_PROJECT'])).toBe('CLAUDE_PROJECT');
});
