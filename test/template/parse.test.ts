import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/errors.js';
import { parseTemplate } from '../../src/template/parse.js';
import { printTemplate } from '../../src/template/print.js';

function faultOf(text: string): string {
  try {
    parseTemplate(text, '~/blog/.cw.yaml');
  } catch (error) {
    return messageOf(error);
  }
  return 'it was taken';
}

describe('faults', () => {
  it('are shown with file, line, column, the lines and carets', () => {
    expect(faultOf('description: a blog\nwindows:\n  - name: code\n    pane: 3\n')).toBe(
      [
        '~/blog/.cw.yaml:4:5  unknown key "pane" in a window; did you mean "panes"?',
        '  3 |   - name: code',
        '  4 |     pane: 3',
        '    |     ^^^^',
      ].join('\n'),
    );
  });

  it('of several the first is shown, and the others counted', () => {
    const text = 'layuot: 3\nwindows:\n  - panes: [1]\n    focus: yes please\n';
    expect(faultOf(text)).toMatch(
      /:1:1 {2}unknown key "layuot" in a template; known ones: .*\n(.*\n)*and 3 more faults in this file$/,
    );
  });

  it.each([
    // Broken YAML.
    ['a: [1\n', '2:1  broken YAML: flow sequence'],
    ['windows:\n\t- name: x', '2:1  broken YAML: tabs'],
    ['windows:\n - name: x\n   name: y', '3:4  broken YAML: map keys must be unique'],
    ['a: 1\n---\nb: 2', '2:1  broken YAML: a second document begins here'],
    ['env: *nothing', '1:6  no anchor "&nothing" stands before this alias'],
    ['', 'holds no template: it is empty'],
    ['# nothing but this', 'holds no template: it is empty'],
    ['- a', '1:1  a template must be a map of keys'],
    ['description: "a\\0b"', '1:14  a text holds a NUL byte'],
    // Keys.
    ['widnows: []', '1:1  unknown key "widnows" in a template; did you mean "windows"?'],
    ['windows: [{name: x, panes: [{rnu: ls}]}]', '1:30  unknown key "rnu" in a pane; did you mean "run"?'],
    [
      'windows: [{name: x, panes: [{run: [{fiel: a, run: b}]}]}]',
      '1:37  unknown key "fiel" in a command of "run"; did you mean "file"?',
    ],
    [
      'windows: [{name: x, layout: {rows: [1, {colums: [2]}]}}]',
      'unknown key "colums" in a cell of "layout"; did you mean "columns"?',
    ],
    [
      'detect: {priority: 1, any: [{fil: x}]}',
      'unknown key "fil" in a marker of "detect"; did you mean "file"?',
    ],
    [
      'windows: [{name: x, layout: {rows: [{pane: 1, rows: [1]}]}}]',
      'a cell of "layout" has "rows" beside another of',
    ],
    ['windows: [{nmae: x}]', '1:12  unknown key "nmae" in a window; did you mean "name"?'],
    ['windows: [{nmae: x}]', '    |            ^^^^'],
    ['hooks: {after_creat: x}', 'unknown key "after_creat" in "hooks"; did you mean "after_create"?'],
    ['windows: [{panes: [ls]}]', '1:11  a window needs "name"'],
    // Values.
    ['windows: 3', '1:10  "windows" must be a list, not 3'],
    ['windows: []', '1:10  "windows" is empty'],
    ['windows: [{name: 7}]', '1:18  "name" must be a text, not 7: put it in quotes'],
    ['windows: [{name: a, panes: [3]}]', '1:29  a pane must be a command line, a map, or nothing, not 3'],
    [
      'windows: [{name: a, layout: {columns: [{pane: 1, size: 300%}]}}]',
      '"size" must be a number of cells, or a percentage such as 40%, not "300%"',
    ],
    [
      'windows: [{name: a, panes: [{size: 300%}]}]',
      '"size" must be a number of cells, or a percentage such as 40%, not "300%"',
    ],
    [
      'windows: [{name: a, panes: [{worktree: 0}]}]',
      '"worktree" must be a worktree\'s name, or its number from 1, not 0',
    ],
    [
      'windows: [{name: a, panes: [{restart: sometimes}]}]',
      '"restart" must be one of never, on-failure, always',
    ],
    ['windows: [{name: a, layout: 3}]', '"layout" must be a name of tmux'],
    ['windows: [{name: a, layout: {rows: []}}]', '"rows" is empty'],
    ['history_limit: -1', '"history_limit" must be a number of lines, 0 or more, not -1'],
    ['env: {A-B: 1}', '1:7  "A-B" is not a name for a variable'],
    [
      'env: {A: }',
      '"A" must be a text, a number, or true or false (in quotes when it is empty), not nothing',
    ],
    ['base: &b {x: 1}\nwindows:\n  - <<: *b\n    name: a', 'unknown key "base" in a template'],
  ])('%j', (text, message) => {
    expect(faultOf(text)).toContain(message);
  });

  it('a bomb of aliases is refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(', ')}]`,
    );
    expect(faultOf(`l0: &l0 [x]\n${levels.join('\n')}`)).toContain('cannot be read: Excessive alias count');
  });

  it('control characters of the file do not reach the terminal', () => {
    expect(faultOf('"pane\\e[31m": 1 # \u001b[2J')).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('any text gives a template or a sentence', () => {
    const piece = fc.constantFrom(
      'windows',
      'name',
      ':',
      ' ',
      '\n',
      '\n  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '<<',
      '3',
      '"',
      '|',
      '%',
      'run',
      'panes',
      '\t',
      '#',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((parts) => parts.join('')),
          fc.string(),
        ),
        (text) => {
          expect(typeof faultOf(text)).toBe('string');
        },
      ),
    );
  });

  it('any value in any place gives a template or a fault with its place', () => {
    const junk = fc.oneof(
      fc.constant(null),
      fc.integer(),
      fc.boolean(),
      fc.string(),
      fc.constant([]),
      fc.constant({}),
      fc.constant([{}]),
    );
    const key = fc.constantFrom(
      'name',
      'panes',
      'run',
      'layout',
      'rows',
      'env',
      'detect',
      'any',
      'windows',
      'hooks',
      'size',
      'file',
      'A',
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 5 },
        junk,
        fc.dictionary(key, tie('node'), { maxKeys: 3 }),
        fc.array(tie('node'), { maxLength: 2 }),
      ),
    })).node;
    fc.assert(
      fc.property(tree, tree, (window, rest) => {
        const text = JSON.stringify({
          ...(typeof rest === 'object' && !Array.isArray(rest) ? rest : {}),
          windows: [window],
        });
        expect(faultOf(text)).toMatch(/^it was taken$|^~\/blog\/\.cw\.yaml:1:\d+ {2}/);
      }),
    );
  });
});

describe('what is taken', () => {
  it('anchors and merge keys', () => {
    const text = 'windows:\n  - &w\n    name: a\n    options: {x: 1}\n  - <<: *w\n    name: b\n';
    expect(parseTemplate(text, 'x').windows).toEqual([
      { name: 'a', options: { x: 1 } },
      { name: 'b', options: { x: 1 } },
    ]);
  });

  it('panes of all kinds', () => {
    const text =
      'windows: [{name: a, panes: [ls, , {run: [a, {run: b, file: [c, d], program: e}]}]}]'.replace(
        'ls, ,',
        'ls, null,',
      );
    expect(parseTemplate(text, 'x').windows?.[0]?.panes).toEqual([
      'ls',
      null,
      { run: ['a', { run: 'b', file: ['c', 'd'], program: 'e' }] },
    ]);
  });

  it('what is printed reads back as the same template', () => {
    const text = fc.string({ unit: 'grapheme' });
    const scalar = fc.oneof(text, fc.integer(), fc.boolean());
    const pane = fc.oneof(
      text,
      fc.constant(null),
      fc.record(
        {
          role: text,
          run: fc.oneof(text, fc.array(text, { minLength: 1 })),
          env: fc.dictionary(fc.constantFrom('A', 'B_2'), scalar),
        },
        { requiredKeys: [] },
      ),
    );
    const template = fc
      .record(
        {
          description: text,
          vars: fc.dictionary(
            text.filter((key) => key !== '__proto__'),
            scalar,
          ),
          windows: fc.array(
            fc.record({ name: text, panes: fc.array(pane, { minLength: 1 }) }, { requiredKeys: ['name'] }),
            { minLength: 1 },
          ),
        },
        { requiredKeys: [] },
      )
      .filter((value) => Object.keys(value).length > 0);
    fc.assert(
      fc.property(template, (value) => {
        const plain = JSON.parse(JSON.stringify(value));
        expect(parseTemplate(printTemplate(plain), 'x')).toEqual(plain);
      }),
    );
  });
});
