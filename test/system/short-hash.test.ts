import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomHex } from '../../src/system/random.js';
import { shortHash } from '../../src/system/short-hash.js';

it('a short hash is the same for a text, and another for another', () => {
  expect(shortHash('/tmp/tmux-0/default')).toBe(shortHash('/tmp/tmux-0/default'));
  const texts = Array.from({ length: 20_000 }, (_, at) => `/home/user/projects/p${at}`);
  expect(new Set(texts.map(shortHash)).size).toBe(texts.length);
  // The first digits serve as short labels: they spread too.
  expect(new Set(texts.map((text) => shortHash(text).slice(0, 4))).size).toBeGreaterThan(16_000);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(shortHash(text)).toMatch(/^[0-9a-f]{16}$/);
    }),
  );
});

it('random digits differ from call to call', () => {
  expect(randomHex(6)).toMatch(/^[0-9a-f]{12}$/);
  expect(new Set(Array.from({ length: 200 }, () => randomHex(6))).size).toBe(200);
});
