import fc from 'fast-check';
import { expect, it } from 'vitest';
import { durationText, parseDuration } from '../../src/system/duration.js';

it.each([
  ['30m', 30 * 60_000],
  ['24h', 86_400_000],
  ['90s', 90_000],
  ['7d', 604_800_000],
  ['1w', 604_800_000],
  [' 1w ', 604_800_000],
])('%s is a duration', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

it.each([
  '0',
  '0h',
  '00d',
  '-1h',
  '24',
  'h',
  '',
  '1.5h',
  '1h30m',
  '1 h',
  '1W',
  'soon',
  '1e3h',
  '９h',
  '522w',
  '9999999999h',
])('%j is none', (text) => {
  expect(parseDuration(text)).toBeNull();
});

it('ten years are the longest', () => {
  expect(parseDuration('3650d')).toBe(3650 * 86_400_000);
  expect(parseDuration('3651d')).toBeNull();
});

it('every text is a span of more than nothing, or none at all', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^-?\d{0,10}[smhdw]?$/)), (text) => {
      const span = parseDuration(text);
      expect(span === null || (Number.isSafeInteger(span) && span > 0)).toBe(true);
    }),
  );
});

it.each([
  [0, '0 s'],
  [-5000, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_600_000, '1 h'],
  [47 * 3_600_000, '1 d'],
])('%d ms are said as %s', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});
