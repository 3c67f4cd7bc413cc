import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineRow, option } from '../../src/tmux/format.js';
import { chainArguments, commandLine } from '../../src/tmux/quote.js';
import { ways, world } from './connect.js';
import { anyText } from './texts.js';

describe('words reach tmux as they are', () => {
  test('any text, in every way that commands are sent', async () => {
    const home = world();
    const names = [...'abcdefghij'].map((letter) => `@value_${letter}` as const);
    const row = defineRow('r', Object.fromEntries(names.map((name) => [name, option(name)])));
    for (const [way, send] of Object.entries(await ways(home))) {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyText(), { minLength: names.length, maxLength: names.length }),
          async (texts) => {
            const output = await send([
              ...names.map((name, at) => ['set-option', '-s', '--', name, texts[at] ?? '']),
              ['display-message', '-p', row.format],
            ]);
            const expected = Object.fromEntries(names.map((name, at) => [name, texts[at] || null]));
            expect(row.parse(output, 303), way).toEqual([expected]);
          },
        ),
        { numRuns: 12 },
      );
    }
  });

  test('a newline does not begin a command', () => {
    expect(commandLine(['set-option', '@a', 'x\nkill-server'])).toBe('"set-option" "@a" "x\\012kill-server"');
  });

  test('every control character goes as octal', () => {
    expect(commandLine(['a', '\x01\x1f\x7f'])).toBe('"a" "\\001\\037\\177"');
  });

  test('nothing that is expanded in double quotes is left bare', () => {
    expect(commandLine(['a', '~', '$HOME', '`id`', '"', '\\'])).toBe(
      '"a" "\\~" "\\$HOME" "\\`id\\`" "\\"" "\\\\"',
    );
  });

  test('a final semicolon is escaped, any other is not', () => {
    expect(chainArguments([['a', 'x;', ';', ';x'], ['b']])).toEqual(['a', 'x\\;', '\\;', ';x', ';', 'b']);
  });

  test('NUL and a missing name are refused', () => {
    expect(() => commandLine(['a', 'x\0y'])).toThrow('NUL');
    expect(() => chainArguments([['a', 'x\0y']])).toThrow('NUL');
    expect(() => commandLine([])).toThrow('without a name');
    expect(() => chainArguments([['']])).toThrow('without a name');
  });
});
