import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harmlessLine } from '../../src/archive/import-texts.js';

describe('a line of foreign scrollback', () => {
  it('keeps its text, its colours and its links', () => {
    for (const line of [
      'plain\ttext',
      '\x1b[1;38;5;208mred\x1b[0m ünïcödé 漢字 🎉',
      '\x1b[38:2::1:2:3mx\x1b[m',
      '\x1b]8;id=1;https://example.org/a?b=c\x1b\\link\x1b]8;;\x1b\\',
    ])
      expect(harmlessLine(line)).toBe(line);
  });

  it('loses what a terminal would act on', () => {
    expect(harmlessLine('a\x1b]52;c;ZXZpbA==\x07b')).toBe('a]52;c;ZXZpbA==b');
    expect(harmlessLine('\x1b[c\x1b[6n\x1b[2J')).toBe('[c[6n[2J');
    expect(harmlessLine('\x1bPtmux;\x1b\x1b]0;x\x07\x1b\\')).toBe('Ptmux;]0;x\\');
    expect(harmlessLine('\x9b31m\x85\x90')).toBe('31m');
    expect(harmlessLine('\x1b]8;;javascript:alert(1)\x1b\\x')).toBe(']8;;javascript:alert(1)\\x');
    expect(harmlessLine('a\rb\bc\x00')).toBe('abc');
  });

  it('holds no control character but tabs and those of colours and links, whatever it was', () => {
    const parts = fc.constantFrom(
      '\x1b',
      '[',
      ']',
      '8',
      ';',
      ';;',
      '52',
      'm',
      '\x07',
      '\\',
      'x',
      '\x9b',
      '\x90',
      'c',
      '\n',
      '\x1b\\',
      'http://a',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 30 }), (words) => {
        const left = harmlessLine(words.join(''))
          .replace(/\x1b\[[0-9;:]*m/g, '')
          .replace(/\x1b\]8;[^\x00-\x1f\x7f-\x9f]*\x1b\\/g, '');
        expect(left).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
      }),
      { numRuns: 2000 },
    );
  });
});
