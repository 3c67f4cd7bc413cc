import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactSession, sanitiseSessionName } from '../../src/tmux/target.js';
import { parseVersion } from '../../src/tmux/version.js';
import { world } from './connect.js';
import { anyText } from './texts.js';

describe('versions', () => {
  test.each([
    ['tmux 3.3a\n', 303],
    ['3.2', 302],
    ['3.10', 310],
    ['4.0-rc2', 400],
    ['next-3.4', 304],
    ['openbsd-7.0', 9999],
    ['master', 9999],
  ])('%j is %i', (text, version) => {
    expect(parseVersion(text)).toBe(version);
  });

  test.each(['3.1c', '2.9a', '1.8'])('%s is too old', (text) => {
    expect(() => parseVersion(text)).toThrow(
      expect.objectContaining({ kind: 'tmux-unusable', message: expect.stringContaining(text) }),
    );
  });

  test.each(['', 'tmux', 'x3.4', '3.4 beta'])('%j is none', (text) => {
    expect(() => parseVersion(text)).toThrow(expect.objectContaining({ kind: 'tmux-unusable' }));
  });
});

describe('names of sessions', () => {
  test.each([
    ['shop', 'shop'],
    ['my.app:2', 'my-app-2'],
    ['--force', 'force'],
    ['$HOME', 'HOME'],
    ['Crème brûlée', 'Creme-brulee'],
    ['日本', 'workspace'],
    ['', 'workspace'],
    ['x'.repeat(300), 'x'.repeat(100)],
  ])('%j becomes %j', (text, name) => {
    expect(sanitiseSessionName(text)).toBe(name);
  });

  test('are taken by tmux as they are, and reached exactly', async () => {
    const { connection } = world();
    await fc.assert(
      fc.asyncProperty(anyText(), async (text) => {
        const name = sanitiseSessionName(text);
        expect(sanitiseSessionName(name)).toBe(name);
        const { stdout, errors } = await connection.batch(
          [
            ['new-session', '-d', '-s', name, 'cat'],
            ['display-message', '-p', '-t', exactSession(name), '#{session_name}'],
            ['kill-session', '-t', exactSession(name)],
          ],
          { stopOnError: true },
        );
        expect(errors).toEqual([]);
        expect(stdout.toString()).toBe(`${name}\n`);
      }),
      { numRuns: 10 },
    );
  });

  test('an exact one is never a prefix', async () => {
    const { connection, box } = world();
    box.tmux('new-session', '-d', '-s', 'web-api', 'cat');
    const { errors } = await connection.batch([['kill-session', '-t', exactSession('web')]]);
    expect(errors).toEqual(["can't find session: web"]);
    expect(box.tmux('list-sessions', '-F', '#{session_name}')).toBe('home\nweb-api\n');
  });
});
