import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quoteWord } from '../../src/blueprint/fill.js';
import { argvWithoutVimHook, hookVim, isHookedVim, withoutVimHook } from '../../src/blueprint/vim-hook.js';
import { findProgram } from '../../src/system/programs.js';

it('only a line that plainly starts vim is written anew', () => {
  for (const line of ['vim', 'vim a.txt', ' /usr/bin/vim -p a b; date', 'LANG=C vim "$x"', '~/bin/vim .'])
    expect([line, hookVim(line) !== null]).toEqual([line, true]);
  for (const line of [
    'nvim',
    'vimdiff a b',
    'grep vim a',
    'cd x && vim',
    'vim;date',
    'view',
    'X="a b" vim',
    'gvim x',
  ])
    expect([line, hookVim(line)]).toEqual([line, null]);
  expect(hookVim(hookVim('vim a') ?? '')).toBeNull();
});

it.each(['sh', 'bash', 'zsh', 'fish'].filter((shell) => findProgram(shell) !== null))(
  'what %s makes of it is vim, what is ours, and the words as they were',
  (shell) => {
    const word = fc.string({ unit: fc.constantFrom(...`aé $'"\\|;&()*~#%!{}`), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), (words) => {
        const line = ['vim', ...words.map(quoteWord)].join(' ');
        const hooked = hookVim(line) ?? '';
        expect([isHookedVim(hooked), isHookedVim(line), withoutVimHook(hooked)]).toEqual([true, false, line]);
        const start =
          shell === 'fish' ? 'function vim; printf "%s\\0" $argv; end' : 'vim() { printf "%s\\0" "$@"; }';
        const options = shell === 'zsh' ? ['-f'] : shell === 'fish' ? ['--no-config'] : [];
        const out = execFileSync(shell, [...options, '-c', `${start}\n${hooked}`], {
          encoding: 'utf8',
          timeout: 10_000,
        });
        const argv = ['vim', ...out.split('\0').slice(0, -1)];
        expect(argv.slice(3)).toEqual(words);
        expect(argvWithoutVimHook(argv)).toEqual(['vim', ...words]);
      }),
      { numRuns: shell === 'fish' ? 5 : 15 },
    );
  },
);
