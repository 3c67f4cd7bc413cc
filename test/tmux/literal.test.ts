import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeWords, leftovers } from '../../src/tmux/literal.js';
import { emptyWorld, world } from './connect.js';
import { anyTitle } from './texts.js';

describe('words of a plan', () => {
  test('become ids, and text as it is where nothing can be expanded in it', () => {
    const ids = new Map([['window:a', '@3']]);
    expect(
      encodeWords([['rename-window', '-t', { ref: 'window:a' }, { literal: 'a b;' }]], ids, 'n'),
    ).toEqual([['rename-window', '-t', '@3', 'a b;']]);
  });

  test('go by way of an option where tmux would expand them, and take it away again', () => {
    const commands = encodeWords(
      [
        ['new-window', '-n', { literal: '#(x)' }, '-c', { literal: '/#' }],
        ['rename-window', { literal: '-k' }],
      ],
      new Map(),
      'n',
    );
    expect(commands).toEqual([
      ['set-option', '-s', '--', '@cw_vn_0', '#(x)'],
      ['set-option', '-s', '--', '@cw_vn_1', '/#'],
      ['new-window', '-n', '#{@cw_vn_0}', '-c', '#{@cw_vn_1}'],
      ['set-option', '-su', '@cw_vn_0'],
      ['set-option', '-su', '@cw_vn_1'],
      ['set-option', '-s', '--', '@cw_vn_2', '-k'],
      ['rename-window', '#{@cw_vn_2}'],
      ['set-option', '-su', '@cw_vn_2'],
    ]);
    expect(leftovers(commands, 'n')).toEqual([
      ['set-option', '-su', '@cw_vn_0'],
      ['set-option', '-su', '@cw_vn_1'],
      ['set-option', '-su', '@cw_vn_2'],
    ]);
  });

  test('name the id that is not known', () => {
    expect(() => encodeWords([['kill-pane', '-t', { ref: 'pane:x' }]], new Map(), 'n')).toThrow(
      'no id is known for pane:x in: kill-pane -t {"ref":"pane:x"}',
    );
    expect(() => encodeWords([], new Map(), 'a b')).toThrow('not a nonce');
  });

  test('any title comes back as it was', async () => {
    const { connection } = world();
    await fc.assert(
      fc.asyncProperty(fc.array(anyTitle(), { minLength: 1, maxLength: 8 }), async (titles) => {
        const commands = titles.flatMap((title) => [
          ['select-pane', '-t', '=home:', '-T', { literal: title }],
          ['display-message', '-p', '-t', '=home:', '#{pane_title}'],
        ]);
        const { stdout, errors } = await connection.batch(encodeWords(commands, new Map(), 'n'), {
          stopOnError: true,
        });
        expect(errors).toEqual([]);
        expect(stdout.toString()).toBe(titles.map((title) => `${title}\n`).join(''));
      }),
      { numRuns: 15 },
    );
  });

  test('work in the very batch that starts the server', async () => {
    const { connection, box } = emptyWorld();
    const name = '#(touch x) ## #[bold] %H };';
    const { stdout } = await connection.batch(
      encodeWords(
        [['new-session', '-d', '-s', 'a', '-n', { literal: name }, '-P', '-F', '#{window_name}', 'cat']],
        new Map(),
        'n',
      ),
      { stopOnError: true },
    );
    expect(stdout.toString()).toBe(`${name}\n`);
    expect(box.tmux('show-options', '-s')).not.toContain('@cw_v');
  });
});
