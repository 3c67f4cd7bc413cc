import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listWorktrees } from '../../src/project/worktrees.js';
import { folderWith } from './folder.js';

function git(folder: string, ...args: string[]): void {
  const person = ['-c', 'user.name=A', '-c', 'user.email=a@example.org'];
  execFileSync('git', ['-C', folder, ...person, ...args], { stdio: 'ignore' });
}

/** A repository with two packages, and worktrees: `cart` has both, `old` is from before `packages/web`. */
function monorepo(): string {
  const top = folderWith({ 'packages/api/a': '' });
  git(top, 'init', '-q');
  git(top, 'add', '-A');
  git(top, 'commit', '-qm', 'first');
  git(top, 'worktree', 'add', '-q', '.worktrees/old');
  mkdirSync(join(top, 'packages/web'));
  writeFileSync(join(top, 'packages/web/package.json'), '{}');
  git(top, 'add', 'packages');
  git(top, 'commit', '-qm', 'web');
  git(top, 'worktree', 'add', '-q', '.worktrees/cart');
  return top;
}

it('a project below the top of its repository has its folder in those worktrees that hold it', () => {
  const top = monorepo();
  const trees = join(top, '.worktrees');
  expect(listWorktrees(top)).toEqual([
    { name: 'cart', path: join(trees, 'cart') },
    { name: 'old', path: join(trees, 'old') },
  ]);
  expect(listWorktrees(join(top, 'packages/web'))).toEqual([
    { name: 'cart', path: join(trees, 'cart/packages/web') },
  ]);
  expect(listWorktrees(join(top, 'packages/api')).map(({ name }) => name)).toEqual(['cart', 'old']);
});

it('a project in a worktree, one with a repository of its own, and one in none have no others', () => {
  const top = monorepo();
  expect(listWorktrees(join(top, '.worktrees/cart/packages/web'))).toEqual([]);
  expect(listWorktrees(join(top, '.worktrees/cart'))).toEqual([]);
  git(join(top, 'packages/web'), 'init', '-q');
  expect(listWorktrees(join(top, 'packages/web'))).toEqual([]);
  expect(listWorktrees(folderWith({ 'a/b': '' }))).toEqual([]);
  const broken = folderWith({ '.git': 'gitdir: /nowhere\n', 'a/': '', '.worktrees/x/.git': 'gitdir: /x\n' });
  expect(listWorktrees(join(broken, 'a'))).toEqual([]);
});
