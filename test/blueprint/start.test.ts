import { expect, test } from 'vitest';
import { paneStart } from '../../src/blueprint/start.js';

const start = (shell: string | null, run: string | null) => paneStart(shell, run, "/opt/it's", '/bin/bash');

test('a pane with neither shell nor command starts as tmux starts one', () => {
  expect(start(null, null)).toEqual({ words: [], env: {}, typed: null });
});

test.each([
  ['/bin/bash', ['/bin/bash', '--rcfile', "/opt/it's/cw.bash", '-i']],
  ['/usr/bin/fish', ['/usr/bin/fish', '-il', '-C', "source '/opt/it'\\''s/cw.fish'"]],
  ['/bin/zsh', ['/bin/sh', '-c', expect.stringContaining('exec "$0" -il'), '/bin/zsh', "/opt/it's/zsh"]],
  ['/bin/dash', ['/bin/sh', '-c', expect.stringContaining('exec "$0" -i'), '/bin/dash', "/opt/it's/cw.sh"]],
  ['/bin/mksh', ['/bin/sh', '-c', expect.any(String), '/bin/mksh', "/opt/it's/cw.sh"]],
])('%s starts with our file, and the command in CW_RUN', (shell, words) => {
  expect(start(shell, 'npm run dev')).toEqual({ words, env: { CW_RUN: 'npm run dev' }, typed: null });
  expect(start(shell, null)).toEqual({ words, env: {}, typed: null });
});

test('the default shell is used where none is given', () => {
  expect(start(null, 'x').words[0]).toBe('/bin/bash');
});

test('a shell that we have no file for has the command typed', () => {
  expect(start('/bin/nu', 'x')).toEqual({ words: ['/usr/bin/env', '/bin/nu'], env: {}, typed: 'x' });
  expect(paneStart(null, 'x', '/opt', '/bin/nu')).toEqual({ words: [], env: {}, typed: 'x' });
});
