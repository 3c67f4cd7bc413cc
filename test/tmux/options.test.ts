import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEnvironment, parseOptions, unquoteValue } from '../../src/tmux/options.js';
import { world } from './connect.js';
import { anyText } from './texts.js';

const variableName = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/);

describe('options', () => {
  test('any value comes back from a real tmux', async () => {
    const { connection } = world();
    await fc.assert(
      fc.asyncProperty(fc.array(anyText(), { minLength: 1, maxLength: 20 }), async (texts) => {
        const { stdout } = await connection.batch([
          ...texts.map((text, at) => ['set-option', '-w', '-t', '=home:', `@v${at}`, text]),
          ['show-options', '-w', '-t', '=home:'],
          ...texts.map((_, at) => ['set-option', '-wu', '-t', '=home:', `@v${at}`]),
        ]);
        expect(parseOptions(stdout.toString(), 303)).toEqual(
          Object.fromEntries(texts.map((text, at) => [`@v${at}`, text])),
        );
      }),
      { numRuns: 15 },
    );
  });

  test('of every kind are read', async () => {
    const { box } = world();
    box.tmux('set-option', '-g', 'status-left', 'a b');
    box.tmux('set-option', '-s', 'user-keys[3]', '\\e[1;5C');
    const all = parseOptions(
      box.tmux('show-options', '-g') + box.tmux('show-options', '-gw') + box.tmux('show-options', '-s'),
      303,
    );
    expect(all).toMatchObject({
      'status-left': 'a b',
      'base-index': '0',
      prefix: 'C-b',
      mouse: 'off',
      'default-command': '',
      'user-keys[3]': '\\e[1;5C',
      'update-environment[0]': 'DISPLAY',
      'pane-border-style': 'default',
    });
  });

  test('an array without items is none', () => {
    expect(parseOptions('user-keys\n@a 1\n', 303)).toEqual({ '@a': '1' });
  });

  test.each([
    ["''", ''],
    ['\\~', '~'],
    ['\\"', '"'],
    ['"\\~a b"', '~a b'],
    ['"a\\"b\'c"', 'a"b\'c'],
    ["'a b'", 'a b'],
    ["'a\\\\b c'", 'a\\b c'],
    ['"x\\ny"', 'x\ny'],
    ['C-\\', 'C-\\'],
  ])('%s is %j', (text, value) => {
    expect(unquoteValue(text)).toBe(value);
  });

  test('lose the backslash that 3.4 and 3.5 add to a dollar', () => {
    expect(parseOptions('@a "\\\\$HOME \\\\ $ x"\n', 304)).toEqual({ '@a': '$HOME \\ $ x' });
    expect(parseOptions('@a "\\\\$HOME"\n', 303)).toEqual({ '@a': '\\$HOME' });
  });
});

describe('environments', () => {
  test('any value comes back from a real tmux, removed and hidden ones too', async () => {
    const { connection } = world();
    const variables = fc.uniqueArray(
      fc.record({ name: variableName, value: fc.option(anyText()), hidden: fc.boolean() }),
      { selector: (variable) => variable.name, minLength: 1, maxLength: 12 },
    );
    const target = ['-t', '=home:'];
    // The ones that tmux itself takes over from its first client are removed already.
    const { stdout: before } = await connection.batch([['show-environment', '-s', ...target]]);
    const own = parseEnvironment(before.toString(), 303);
    await connection.batch(own.map(({ name }) => ['set-environment', '-u', ...target, name]));
    await fc.assert(
      fc.asyncProperty(variables, async (wanted) => {
        const all = wanted.map((variable) =>
          variable.value === null ? { ...variable, hidden: false } : variable,
        );
        const { errors } = await connection.batch(
          all.map(({ name, value, hidden }) => {
            if (value === null) return ['set-environment', '-r', ...target, name];
            return ['set-environment', ...(hidden ? ['-h'] : []), ...target, '--', name, value];
          }),
        );
        expect(errors).toEqual([]);
        const shown = await connection.batch([['show-environment', '-s', ...target]]);
        const hidden = await connection.batch([['show-environment', '-hs', ...target]]);
        await connection.batch(all.map(({ name }) => ['set-environment', '-u', ...target, name]));
        const read = [
          ...parseEnvironment(shown.stdout.toString(), 303),
          ...parseEnvironment(hidden.stdout.toString(), 303, true),
        ];
        const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
        expect(read.sort(byName)).toEqual([...all].sort(byName));
      }),
      { numRuns: 10 },
    );
  });

  test('as 3.4 and 3.5 print them', () => {
    // A=$HOME, ESC, \033, `x`, "
    const output = 'A="\\\\$HOME \\033 \\\\033 \\`x\\` \\" $"; export A;\nunset B;\n';
    expect(parseEnvironment(output, 304)).toEqual([
      { name: 'A', value: '$HOME \x1b \\033 `x` " $', hidden: false },
      { name: 'B', value: null, hidden: false },
    ]);
  });

  test('output of another shape is an error that shows it', () => {
    expect(() => parseEnvironment('A="x"; export B;\n', 303)).toThrow('A=\\"x\\"; export B;');
    expect(() => parseEnvironment('unset A;\nA=x\n', 303)).toThrow('A=x');
  });
});
