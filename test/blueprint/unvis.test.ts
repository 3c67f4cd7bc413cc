import { expect, test } from 'vitest';
import { unvis } from '../../src/blueprint/unvis.js';
import { hostileTexts } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';

test('a name that tmux shows, given to it unescaped, is shown the same', () => {
  const box = sandbox();
  box.tmux('-f', '/dev/null', 'new-session', '-d', 'sleep', '100000');
  // As one argument each; names with a "#" would be expanded here, which is not what this is about.
  const names = hostileTexts.filter((text) => text !== '' && !/#|;$/.test(text));
  for (const name of [...names, '$a_b \\$x', '\\t \\\\t \\001', '\x07\b\v\f\r\x02']) {
    box.tmux('rename-window', '--', name);
    const shown = box.tmux('display-message', '-p', '#{window_name}').slice(0, -1);
    box.tmux('rename-window', '--', unvis(shown));
    expect(box.tmux('display-message', '-p', '#{window_name}').slice(0, -1)).toBe(shown);
  }
});

test('text without escapes stays', () => {
  expect(unvis('a b $x \\q \\')).toBe('a b $x \\q \\');
});
