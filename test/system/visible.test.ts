import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harmless, harmlessJson, visible } from '../../src/system/visible.js';

const acting = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\x1b', '\n', '\t', '\u009b', '\u202e', '\u061c', '\\', '"', 'a'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
});

describe('text that acts on no terminal', () => {
  it('is one line when it is visible', () => {
    fc.assert(
      fc.property(text, (one) => {
        expect(visible(one)).not.toMatch(acting);
      }),
    );
    expect(visible('a\x1b[31m\u202eb\n')).toBe('a\\x1b[31m\\u202eb\\n');
  });

  it('keeps lines and colours when it is harmless, and nothing else', () => {
    fc.assert(
      fc.property(text, (one) => {
        expect(harmless(one).replace(/\x1b\[[0-9;]*m|[\n\t]/g, '')).not.toMatch(acting);
      }),
    );
  });

  it('means the same in JSON', () => {
    fc.assert(
      fc.property(fc.record({ a: text, b: fc.array(text) }), (value) => {
        const json = harmlessJson(JSON.stringify(value, null, 2));
        expect(json.replaceAll('\n', '')).not.toMatch(acting);
        expect(JSON.parse(json)).toEqual(value);
      }),
    );
  });
});
