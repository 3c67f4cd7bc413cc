import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMessage } from '../../src/share/protocol.js';
import { Screen } from '../../src/share/screen.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const columns = 20;
const rows = 6;

function shown(...texts: string[]): Screen {
  const screen = new Screen(columns, rows);
  for (const text of texts) screen.write(Buffer.from(text));
  return screen;
}

const lines = (screen: Screen) => screen.text().trimEnd().split('\n');

describe('the screen of a share', () => {
  it('takes characters and sequences in pieces', () => {
    const bytes = Buffer.from('\x1b[2;3Hä漢\x1b[31mx');
    const whole = shown(bytes.toString());
    for (let at = 1; at < bytes.length; at++) {
      const screen = new Screen(columns, rows);
      screen.write(bytes.subarray(0, at));
      screen.write(bytes.subarray(at));
      expect(screen.changedSince(-1)).toEqual(whole.changedSince(-1));
    }
    expect(whole.changedSince(-1)[1]).toEqual([
      1,
      [
        ['  ä漢', ''],
        ['x', '31'],
      ],
    ]);
  });

  it('tells looks as the shortest list', () => {
    const looks = (text: string) =>
      shown(text)
        .changedSince(-1)[0]![1]
        .map(([, style]) => style);
    expect(looks('\x1b[1;31ma\x1b[22;39mb')).toEqual(['1;31', '']);
    expect(looks('\x1b[38;5;9;48;2;1;2;3ma')).toEqual(['38;5;9;48;2;1;2;3']);
    expect(looks('\x1b[38:2::1:2:3ma\x1b[4:3mb\x1b[24mc')).toEqual([
      '38;2;1;2;3',
      '4:3;38;2;1;2;3',
      '38;2;1;2;3',
    ]);
    expect(looks('\x1b[38;5ma\x1b[38;5;999mb\x1b[42m\x1b[K')).toEqual(['', '42']);
  });

  it('knows the characters that draw lines', () => {
    expect(lines(shown('\x1b(0lqk\x1b(Bq\x1b)0\x0eq\x0fq'))).toEqual(['┌─┐q─q']);
  });

  it('does not know what acts on a terminal', () => {
    const acting = [
      '\x1b]52;c;aGVsbG8=\x07',
      '\x1b]52;c;aGVsbG8=\x1b\\',
      '\x1b]0;title\x07',
      '\x1bP$qm\x1b\\',
      '\x1b_Gi=1;AAAA\x1b\\',
      '\x1b[c',
      '\x1b[>c',
      '\x1b[>q',
      '\x1b[6n',
      '\x1b[?1000h',
      '\x1b[?1049h',
      '\x1b[22;2t',
      '\x1b#8',
      '\x1bZ',
      '\u009b5n',
      '\x07',
    ];
    for (const one of acting)
      expect([one, shown(`a${one}b`).text().trim()]).toEqual([one, one === '\u009b5n' ? 'a5nb' : 'ab']);
  });

  it('draws what a real terminal emulator draws, whatever is written', async () => {
    const s = sandbox();
    s.tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), 'sleep 1000');
    s.tmux('set-option', '-g', 'status', 'off');
    s.tmux('resize-window', '-x', String(columns), '-y', String(rows));
    const number = fc.integer({ min: 1, max: 9 });
    // Behind the last column terminals differ in what they do, and tmux never asks for it: it says the column first.
    const moving = fc.constantFrom('\n', '\b', '\x1bM', '\x1bD', '\x1bE', '\x1b7', '\x1b8');
    const editing = fc
      .tuple(fc.option(number), fc.constantFrom(...'ABCDGd@PLMXSJK'))
      .map(([n, final]) => `\x1b[${'JK'.includes(final) ? (n ?? 0) % 3 : (n ?? '')}${final}`);
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.stringMatching(/^[a-z ]{1,12}$/) },
      { weight: 2, arbitrary: fc.constantFrom('漢字', 'äö', 'e\u0301', '─│', '\r\n') },
      {
        weight: 6,
        arbitrary: fc
          .tuple(number, fc.oneof(moving, editing))
          .map(([column, one]) => `\x1b[${column * 2}G${one}`),
      },
      { weight: 2, arbitrary: fc.tuple(number, number).map(([a, b]) => `\x1b[${a};${b * 2}H`) },
      { weight: 1, arbitrary: fc.tuple(number, number).map(([a, b]) => `\x1b[${a};${b}r`) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        // Lines put in outside of the region that scrolls: tmux does so, xterm (whose part this is) does not.
        fc.pre(!(steps.some((one) => one.endsWith('r')) && steps.some((one) => /\[\d*[LM]$/.test(one))));
        const file = join(s.folder, `drawn-${run++}`);
        writeFileSync(file, steps.join(''));
        s.tmux('respawn-pane', '-k', '-t', ':', `stty -opost; cat ${file}; exec sleep 1000`);
        const mine = shown(steps.join('')).text().trimEnd();
        await waitUntil(
          `tmux draws the same for ${JSON.stringify(steps)}`,
          () => {
            const theirs = s
              .screen(':')
              .split('\n')
              .map((line) => line.trimEnd())
              .join('\n')
              .trimEnd();
            if (theirs === mine) return true;
            throw new Error(`tmux: ${JSON.stringify(theirs)}, here: ${JSON.stringify(mine)}`);
          },
          2000,
        );
      }),
      { numRuns: 40, interruptAfterTimeLimit: 20_000 },
    );
  });

  it('tells nothing but text and numbers, whatever is written', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('\x1b[', '\x1b]', '\x1bP', ';', '31', 'm', 'H', '\x07', '\x1b\\', '漢', '?25l')
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const screen = new Screen(columns, rows);
        for (const bytes of pieces) screen.write(bytes);
        const message = {
          kind: 'screen',
          columns,
          rows,
          cursor: screen.cursor,
          lines: screen.changedSince(-1),
        };
        expect(readMessage(JSON.stringify(message))).toEqual(message);
        for (const line of lines(screen)) expect(line.length).toBeLessThanOrEqual(columns * 34);
      }),
    );
  });

  it('tells those lines that changed', () => {
    const screen = shown('one\r\ntwo\r\nthree');
    const before = screen.version;
    screen.write(Buffer.from('\x1b[2;1HTWO'));
    expect(screen.changedSince(before)).toEqual([[1, [['TWO', '']]]]);
    expect(screen.changedSince(screen.version)).toEqual([]);
  });
});

describe('a message of a relay', () => {
  const good = {
    kind: 'screen',
    columns: 3,
    rows: 1,
    cursor: { column: 0, row: 0, visible: true },
    lines: [[0, [['abc', '1;31']]]],
  };
  it.each([
    ['a control character', { ...good, lines: [[0, [['a\x1b[c', '']]]] }],
    ['one of 8 bits', { ...good, lines: [[0, [['a\u009bc', '']]]] }],
    ['a look that is none', { ...good, lines: [[0, [['a', '1m\x1b]52;c;x\x07']]]] }],
    ['a line that is not there', { ...good, lines: [[1, [['a', '']]]] }],
    ['a size without end', { ...good, columns: 1e9 }],
    ['a cursor elsewhere', { ...good, cursor: { column: 9, row: 0, visible: true } }],
    [
      'a title with an escape',
      { kind: 'hello', format: 1, workspace: '\x1bc', by: 'a', endsAt: '2026-01-01T00:00:00Z' },
    ],
    ['another format', { kind: 'hello', format: 2, workspace: 'a', by: 'a', endsAt: '2026-01-01T00:00:00Z' }],
    ['an end that says more', { kind: 'end', reason: 'time', text: 'a\nb' }],
    ['nothing known', { kind: 'run', line: 'x' }],
  ])('with %s is none', (_, message) => {
    expect(readMessage(JSON.stringify(good))).toEqual(good);
    expect(readMessage(JSON.stringify(message))).toBeNull();
  });
});
