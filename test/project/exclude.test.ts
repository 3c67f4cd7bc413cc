import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { excludeOurFiles } from '../../src/project/exclude.js';
import { listWorktrees } from '../../src/project/worktrees.js';
import { folderWith, put } from './folder.js';

function git(folder: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function repository(files: Record<string, string>): string {
  const folder = folderWith(files);
  git(folder, 'init', '-q');
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'first', '--allow-empty');
  return folder;
}

const ours = {
  '.worktrees/x/a': '',
  '.sessions/b': '',
  '.claude/progress/c': '',
  '.claude/snapshots/d': '',
  '.env.claude': '',
};

it('our files make no repository dirty, wherever the project is in it, and once is enough', () => {
  const folder = repository({ 'sub/a': '' });
  put(folder, ours);
  put(join(folder, 'sub'), ours);
  expect(excludeOurFiles(join(folder, 'sub'), ['.env.claude'])).toBeNull();
  expect(git(folder, 'status', '--porcelain')).toBe('');
  const once = readFileSync(join(folder, '.git/info/exclude'), 'utf8');
  excludeOurFiles(folder, ['.env.claude']);
  expect(readFileSync(join(folder, '.git/info/exclude'), 'utf8')).toBe(once);
});

it('what git tracks stays seen, with new files beside it; lines of the user stay', () => {
  const folder = repository({ '.sessions/kept': '' });
  put(folder, { '.git/info/exclude': '*.mine', ...ours });
  excludeOurFiles(folder, ['.env.claude']);
  expect(git(folder, 'status', '--porcelain')).toBe('?? .sessions/b\n');
  expect(readFileSync(join(folder, '.git/info/exclude'), 'utf8')).toMatch(/^\*\.mine\n#/);
});

it('a linked worktree uses the exclude file of its repository', () => {
  const folder = repository({ a: '' });
  git(folder, 'worktree', 'add', '-q', '.worktrees/cart');
  put(folder, { '.worktrees/plain/x': '', '.worktrees/file': '' });
  git(join(folder, '.worktrees'), 'init', '-q', 'own');
  expect(listWorktrees(folder)).toEqual([{ name: 'cart', path: join(folder, '.worktrees/cart') }]);
  rmSync(join(folder, '.worktrees/own'), { recursive: true });
  const worktree = join(folder, '.worktrees/cart');
  put(worktree, ours);
  excludeOurFiles(worktree, ['.env.claude']);
  expect(git(worktree, 'status', '--porcelain')).toBe('');
  expect(git(folder, 'status', '--porcelain')).toBe('');
});

it('outside of a repository, and for a .git that is none, nothing is made', () => {
  const elsewhere = folderWith({ 'keep/x': '' });
  const folder = folderWith({ '.git': `gitdir: ${join(elsewhere, 'keep')}\n` });
  expect(excludeOurFiles(folder)).toBeNull();
  expect(existsSync(join(elsewhere, 'keep/info'))).toBe(false);
  expect(listWorktrees(folder)).toEqual([]);
});

it('says why when it cannot', () => {
  const folder = repository({});
  rmSync(join(folder, '.git/info'), { recursive: true, force: true });
  put(folder, { '.git/info/exclude/': '' });
  expect(excludeOurFiles(folder)).toContain('EISDIR');
});
