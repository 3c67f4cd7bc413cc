import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unquote, unvis } from '../../src/tmux/escapes.js';
import {
  defineRow,
  each,
  escaped,
  field,
  flag,
  int,
  option,
  optional,
  optionalInt,
} from '../../src/tmux/format.js';
import { ways, world } from './connect.js';
import { anyText } from './texts.js';

const row = defineRow('r', {
  name: field('session_name'),
  title: escaped('pane_title', 307),
  path: optional('pane_start_path'),
  width: int('window_width'),
  status: optionalInt('pane_dead_status'),
  zoomed: flag('window_zoomed_flag'),
  mark: option('@cw_pane'),
  windows: each('W', { id: field('window_id'), panes: int('window_panes') }),
});
type Row = ReturnType<(typeof row)['parse']>[number];

// `format_quote_shell` of tmux.
const quoted = (text: string) => `${text.replace(/[|&;<>()$`\\"'*?[# =%]/g, '\\$&')} `;

/** What tmux prints for a row. */
function print(value: Row): string {
  const windows = value.windows.map(({ id, panes }) => `+${quoted(id)}${panes} `).join('');
  const numbers = `${value.width} ${value.status ?? ''} ${value.zoomed ? 1 : 0} `;
  return `r ${quoted(value.name)}${quoted(value.title)}${quoted(value.path ?? '')}${numbers}${quoted(value.mark ?? '')}${windows}. \n`;
}

const rowValue: fc.Arbitrary<Row> = fc.record({
  name: anyText(),
  title: anyText(),
  path: anyText().map((text) => text || null),
  width: fc.nat(),
  status: fc.option(fc.nat(255)),
  zoomed: fc.boolean(),
  mark: anyText().map((text) => text || null),
  windows: fc.array(fc.record({ id: anyText(), panes: fc.nat(9) }), { maxLength: 3 }),
});

/** tmux 3.4 and 3.5 on their way out: `utf8_stravisx` with VIS_OCTAL, VIS_CSTYLE and VIS_NOSLASH. */
function printed34(text: string): string {
  const letters: Record<string, string> = { '\x07': 'a', '\b': 'b', '\v': 'v', '\f': 'f', '\r': 'r' };
  return text.replace(/\$(?=[A-Za-z_{])/g, '\\$').replace(/[\x01-\x08\x0b-\x1f\x7f]/g, (character) => {
    const letter = letters[character];
    return letter ? `\\${letter}` : `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}

describe('rows', () => {
  test('are read whatever stands in them', () => {
    fc.assert(
      fc.property(fc.array(rowValue, { maxLength: 4 }), (rows) => {
        expect(row.parse(Buffer.from(rows.map(print).join('')), 303)).toEqual(rows);
      }),
    );
  });

  test('as 3.4 and 3.5 print them', () => {
    fc.assert(
      fc.property(fc.array(rowValue, { maxLength: 3 }), (rows) => {
        const output = Buffer.from(printed34(rows.map(print).join('')));
        expect(row.parse(output, 304)).toEqual(rows);
        expect(row.parse(output, 305)).toEqual(rows);
      }),
    );
  });

  test('of 3.4 keep their own backslashes', () => {
    for (const text of [
      'a\\033b',
      '\\r',
      'C:\\new\\alpha',
      '\\\\$HOME',
      '$HOME',
      '\\$',
      '\x1b\\033',
      '\\',
      '$ x',
      '',
    ]) {
      const output = printed34(quoted(text));
      expect(unquote(output, 0, true)).toEqual({ value: text, end: output.length - 1 });
    }
    for (const cut of ['abc', 'a\\ ', 'a\\']) expect(unquote(cut, 0, false)).toBe(null);
  });

  test('of another shape are an error that shows them', () => {
    const windows = [{ id: '@1', panes: 2 }];
    const good = { title: 't', path: '/p', width: 80, status: null, zoomed: false, mark: 'm', windows };
    const text = print({ ...good, name: 'shown' });
    const shifted = [text.replace('shown ', ''), text.replace('shown ', 'shown x ')];
    for (const bad of [text.slice(0, -3), `${text}x`, text.replace('r ', 'q '), ...shifted]) {
      expect(() => row.parse(Buffer.from(bad), 303), bad).toThrow(/cannot be read.* t \/p /s);
    }
    const numbers = defineRow('n', { width: int('window_width'), zoomed: flag('window_zoomed_flag') });
    expect(() => numbers.parse(Buffer.from('n wide 1 \n'), 303)).toThrow('window_width is "wide"');
    expect(() => numbers.parse(Buffer.from('n  1 \n'), 303)).toThrow('window_width is ""');
    expect(() => numbers.parse(Buffer.from('n 1 yes \n'), 303)).toThrow('window_zoomed_flag is "yes"');
  });

  test('leave out what a version does not have', () => {
    const newer = defineRow('n', { path: field('pane_start_path'), at: int('pane_dead_time') });
    expect(newer.parse(Buffer.from('n   \n'), 302)).toEqual([{ path: '', at: 0 }]);
    expect(newer.parse(Buffer.from('n / 9 \n'), 303)).toEqual([{ path: '/', at: 9 }]);
    expect(() => newer.parse(Buffer.from('n   \n'), 303)).toThrow('pane_dead_time is ""');
  });

  test('undo the escapes of names from the version that keeps them so', () => {
    const output = Buffer.from(`t ${quoted('\\\\a\\n')}\n`);
    const titles = defineRow('t', { title: escaped('pane_title', 307) });
    expect(titles.parse(output, 303)).toEqual([{ title: '\\\\a\\n' }]);
    expect(titles.parse(output, 307)).toEqual([{ title: '\\a\n' }]);
  });
});

describe('vis escapes', () => {
  test.each([
    ['a\\\\b', 'a\\b'],
    ['\\$HOME', '$HOME'],
    ['\\n\\t\\r\\s\\a', '\n\t\r \x07'],
    ['\\033[1m\\303\\251', '\x1b[1mé'],
    ['\\', '\\'],
    ['\\400', '400'],
    ['\\"', '"'],
    ['é😀', 'é😀'],
  ])('%j stands for %j', (text, meant) => {
    expect(unvis(Buffer.from(text)).toString()).toBe(meant);
  });
});

test('real rows hold any option, in every way that they are asked for', async () => {
  const home = world();
  const sends = await ways(home);
  const texts = fc.sample(anyText(), 40);
  const marks = defineRow('m', {
    before: field('session_name'),
    mark: option('@cw_id'),
    after: int('window_width'),
  });
  for (const [way, send] of Object.entries(sends)) {
    const output = await send(
      texts.flatMap((text) => [
        ['set-option', '-t', '=home:', '@cw_id', text],
        ['list-sessions', '-F', marks.format, '-f', '#{==:#{session_name},home}'],
      ]),
    );
    expect(marks.parse(output, 303), way).toEqual(
      texts.map((text) => ({ before: 'home', mark: text || null, after: 100 })),
    );
  }
});
