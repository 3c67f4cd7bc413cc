import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBranchName, worktreeFolderName } from '../../src/git/branch-name.js';
import { sandbox } from '../support/sandbox.js';

const pieces = fc.constantFrom(
  'a',
  'feat',
  'é',
  '/',
  '.',
  '..',
  '-',
  '@',
  '{',
  '@{',
  '.lock',
  ' ',
  '~',
  '^',
  ':',
  '?',
  '*',
  '[',
  '\\',
  '\x7f',
  '\t',
  'HEAD',
  '!',
  '#',
  ';',
  "'",
  '"',
  '$',
);
const names = fc.oneof(
  fc.array(pieces, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('')),
  fc.constantFrom('@', 'HEAD', '-x', '--force', 'a/-x', '.a', 'a/.b', 'x.lock/y'),
);

describe('the name of a branch', () => {
  it('is taken exactly where git takes it', async () => {
    const box = sandbox();
    const sample = [...new Set(fc.sample(names, { numRuns: 300, seed: 7 }))];
    // One process for all: `git check-ref-format` has no way to ask for several.
    const asked = await box.run(
      'bash',
      [
        '-c',
        'while IFS= read -r -d "" name; do git check-ref-format --branch "$name" >/dev/null 2>&1 && echo yes || echo no; done',
      ],
      { input: sample.map((name) => `${name}\0`).join('') },
    );
    const answers = asked.stdout.trim().split('\n');
    // check-ref-format expands @ to HEAD, and passes HEAD (in 2.39), which `git branch` refuses.
    const differing = sample.filter(
      (name, at) => !['HEAD', '@'].includes(name) && isBranchName(name) !== (answers[at] === 'yes'),
    );
    expect(differing).toEqual([]);
    expect(answers).toContain('yes');
    expect(answers).toContain('no');
  });

  it('is never an option', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => !isBranchName(`-${text}`)));
  });
});

describe('the folder of a branch', () => {
  it('is one plain path component that fits every file system', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (branch) => {
        const name = worktreeFolderName(branch);
        expect(name).toMatch(/^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u);
        expect(Buffer.byteLength(name)).toBeLessThan(250);
      }),
      { numRuns: 300 },
    );
  });

  it('is cut where the branch is long', () => {
    expect(worktreeFolderName('🦀'.repeat(10) + 'é'.repeat(300))).toBe('é'.repeat(60));
  });

  it('reads like the branch', () => {
    expect(['feat/cart', 'fix-#12 a', 'été', '../..', '…', 'v1.0'].map(worktreeFolderName)).toEqual([
      'feat-cart',
      'fix-12-a',
      'été',
      'worktree',
      'worktree',
      'v1.0',
    ]);
  });
});
