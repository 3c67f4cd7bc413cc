import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDotenv, printDotenv } from '../../src/project/dotenv.js';
import { setInDotenv, unsetInDotenv } from '../../src/project/env-edit.js';

const values = (text: string) => parseDotenv(text).entries.map(({ name, value }) => [name, value]);
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/);
const value = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('\n', '\r', '"', "'", '`', '\\', '$', '#', ' ', '\t', '=', 'n', 'é') }),
  )
  .filter((text) => !text.includes('\0'));

describe('what is read', () => {
  it.each<[string, [string, string][]]>([
    ['A=1', [['A', '1']]],
    ['  export A = spaced out  ', [['A', 'spaced out']]],
    ['A value of words', [['A', 'value of words']]],
    ['export A value', [['A', 'value']]],
    ['A=', [['A', '']]],
    ["A='$HOME $(id) `id`'", [['A', '$HOME $(id) `id`']]],
    ['A=$(touch /tmp/never)', [['A', '$(touch /tmp/never)']]],
    ['A="a\\nb\\t\\"c\\" \\$d \\\\ \\x"', [['A', 'a\nb\t"c" $d \\ \\x']]],
    [
      'A="one\ntwo"\nB=3',
      [
        ['A', 'one\ntwo'],
        ['B', '3'],
      ],
    ],
    ["A='one\n# no comment\ntwo' # a comment", [['A', 'one\n# no comment\ntwo']]],
    ['A=`tick "quoted"`', [['A', 'tick "quoted"']]],
    ['A=pass#word # a comment', [['A', 'pass#word']]],
    ['A=#all comment', [['A', '']]],
    ['# A=1\n\n  # B=2\nC=3', [['C', '3']]],
    [
      'A=1\r\nB=2\r\n',
      [
        ['A', '1'],
        ['B', '2'],
      ],
    ],
    ['\ufeffA=1', [['A', '1']]],
    [
      'A=1\nA=2',
      [
        ['A', '1'],
        ['A', '2'],
      ],
    ],
    ['export HOME', []],
    ['A==b=c', [['A', '=b=c']]],
  ])('%j', (text, expected) => {
    expect(values(text)).toEqual(expected);
    expect(parseDotenv(text).problems).toEqual([]);
  });

  it.each([
    ['A=1\n2FAST=3\nB=4', 2, '"2FAST" is not a variable\'s name'],
    ['A-B=1', 1, '"A-B" is not a variable\'s name'],
    ['=1', 1, 'neither NAME=value nor NAME value'],
    ['NAME', 1, 'neither NAME=value nor NAME value'],
    ['A=1\nB="never closed\nC=3', 2, 'the " is never closed'],
    ['A="x" y', 1, 'text after the closing "'],
    ['A="x\0y"', 1, 'NUL byte'],
  ])('%j is wrong in line %i', (text, line, message) => {
    expect(parseDotenv(text).problems).toEqual([{ line, message: expect.stringContaining(message) }]);
  });

  it('one bad line costs no other line', () => {
    expect(values('A=1\n???\nB=2')).toEqual([
      ['A', '1'],
      ['B', '2'],
    ]);
  });

  it('a message never shows a value', () => {
    const secret = 'MIIEvQIBADANBgkqhkiG9w0';
    const text = `KEY="x" ${secret}\n${secret}\nB='${secret}`;
    expect(JSON.stringify(parseDotenv(text).problems)).not.toContain(secret);
  });
});

describe('print and parse', () => {
  it('any value comes back', () => {
    fc.assert(
      fc.property(name, value, (key, text) => {
        expect(values(printDotenv(key, text))).toEqual([[key, text]]);
      }),
    );
  });

  it('any file is read without an error being thrown', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseDotenv(text)));
  });
});

describe('editing', () => {
  const file = fc
    .array(
      fc.oneof(
        fc.constantFrom('', '# a comment', '  # FOO=1', 'broken line =', '???'),
        fc
          .tuple(fc.constantFrom('', 'export ', '  '), fc.constantFrom('A', 'B', 'C'), value)
          .map(([before, key, text]) => before + printDotenv(key, text)),
        fc.constant('B="two\nlines" # kept'),
      ),
    )
    .chain((lines) => fc.constantFrom(lines.join('\n'), `${lines.join('\r\n')}\r\n`));
  const map = (text: string) => new Map(values(text) as [string, string][]);

  it('sets one variable and leaves every other line as it is', () => {
    fc.assert(
      fc.property(file, fc.constantFrom('A', 'B', 'NEW'), value, (text, key, wanted) => {
        const after = setInDotenv(text, key, wanted);
        expect(map(after)).toEqual(new Map([...map(text), [key, wanted]]));
        expect(parseDotenv(after).problems.length).toBe(parseDotenv(text).problems.length);
      }),
    );
  });

  it('takes one variable out and leaves every other line as it is', () => {
    fc.assert(
      fc.property(file, fc.constantFrom('A', 'B', 'NEW'), (text, key) => {
        const expected = map(text);
        expected.delete(key);
        expect(map(unsetInDotenv(text, key))).toEqual(expected);
        expect(unsetInDotenv(text, 'NOT_THERE')).toBe(text);
      }),
    );
  });

  it('keeps comments, order, `export` and line ends', () => {
    const text = '# ours\nexport A=1\n\nB="x\ny" # why\n# end';
    expect(setInDotenv(text, 'A', '2')).toBe('# ours\nexport A=2\n\nB="x\ny" # why\n# end');
    expect(setInDotenv(text, 'B', 'z z')).toBe("# ours\nexport A=1\n\nB='z z'\n# end");
    expect(setInDotenv(text, 'C', '3')).toBe(`${text}\nC=3\n`);
    expect(unsetInDotenv(text, 'B')).toBe('# ours\nexport A=1\n\n# end');
    expect(setInDotenv('A=1\r\n', 'B', '2')).toBe('A=1\r\nB=2\r\n');
  });
});
