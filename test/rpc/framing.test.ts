import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frame, LineReader, type Piece } from '../../src/rpc/framing.js';

/** Feeds the bytes in pieces that end at the given places. */
function feed(bytes: Buffer, cuts: readonly number[], limit?: number): Piece[] {
  const reader = new LineReader(limit);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const found: Piece[] = [];
  let start = 0;
  for (const end of [...places, bytes.length]) {
    found.push(...reader.push(bytes.subarray(start, end)));
    start = end;
  }
  return found;
}

const cuts = fc.array(fc.nat(), { maxLength: 30 });

describe('lines', () => {
  test('any values come back whole, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 }), cuts, (values, at) => {
        const bytes = Buffer.concat(values.map((value) => frame(value)));
        const read = feed(bytes, at).map((piece) => ('line' in piece ? JSON.parse(piece.line) : piece));
        expect(read).toEqual(values.map((value) => JSON.parse(JSON.stringify(value))));
      }),
    );
  });

  test('a character of several bytes may come in two pieces', () => {
    const bytes = Buffer.from('"ä€𝄞"\n');
    for (let at = 0; at <= bytes.length; at++) expect(feed(bytes, [at])).toEqual([{ line: '"ä€𝄞"' }]);
  });

  test('CR before the newline is not part of a line, empty lines are passed over', () => {
    expect(feed(Buffer.from('\n\r\none\r\n\r\r\ntwo\n\n'), [])).toEqual([
      { line: 'one' },
      { line: '\r' },
      { line: 'two' },
    ]);
  });

  test('the limit is of the line: one that is longer is told of once, the next is read', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 }), { maxLength: 8 }), cuts, fc.boolean(), (lengths, at, cr) => {
        const bytes = Buffer.from(
          lengths.map((length) => `${'x'.repeat(length)}${cr ? '\r' : ''}\n`).join(''),
        );
        const expected = lengths
          .filter((length) => length > 0)
          .map((length) => (length > 10 ? { broken: 'too-long' } : { line: 'x'.repeat(length) }));
        expect(feed(bytes, at, 10)).toEqual(expected);
      }),
    );
  });

  test('a line without an end holds no more than the limit', () => {
    const reader = new LineReader(1000);
    let told = 0;
    for (let i = 0; i < 1000; i++) {
      told += reader.push(Buffer.alloc(500, 'x')).length;
      expect(reader.held).toBeLessThanOrEqual(1001);
    }
    expect(told).toBe(1);
    expect(reader.push(Buffer.from('x\n"next"\n'))).toEqual([{ line: '"next"' }]);
  });

  test('bytes that are not UTF-8 cost their own line only', () => {
    expect(feed(Buffer.from([0x22, 0xff, 0x22, 0x0a, 0x31, 0x0a]), [])).toEqual([
      { broken: 'not-utf8' },
      { line: '1' },
    ]);
  });

  test('a message that the other side would not take is not made', () => {
    expect(frame('12345678', 10).toString()).toBe('"12345678"\n');
    expect(() => frame('123456789', 10)).toThrow(RangeError);
  });
});
