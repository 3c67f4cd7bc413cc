import { spawnSync } from 'node:child_process';
import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRepository } from '../../src/git/repository.js';
import { treePlaces, treeState } from '../../src/git/worktree-states.js';
import { judgeHealth } from '../../src/health/judge.js';
import { repository, type TestRepository } from '../git/repo.js';
import { factsOf, surveyOf, workspaceSeen } from './facts.js';

describe('cures of what git finds, pasted in another folder', () => {
  it('takes away the lock that a git left, of the project and of a worktree', async () => {
    const repo = await repository();
    await repo.sh('git worktree add -q .worktrees/cart -b cart');
    const locks = ['.git/index.lock', '.git/worktrees/cart/index.lock'].map((name) => join(repo.path, name));
    for (const lock of locks) {
      await repo.sh(`: > '${lock}'`);
      utimesSync(lock, 0, 0);
    }
    const fixes = await cures(repo, 'git.worktrees');
    expect(fixes).toHaveLength(2);
    for (const fix of fixes) paste(fix.replace('When none runs: ', ''), repo);
    expect(locks.filter((lock) => existsSync(lock))).toEqual([]);
    expect(await cures(repo, 'git.worktrees')).toEqual([]);
  });

  it('commits all, takes a stash back, removes a merged worktree', async () => {
    const repo = await repository();
    await repo.sh(`
      git worktree add -q ../elsewhere -b done && (cd ../elsewhere && git commit -q --allow-empty -m done)
      git merge -q --no-ff -m merge done
      echo two > a && git stash -q && echo new > b
    `);
    const [commit] = await cures(repo, 'git.uncommitted');
    paste(commit!.split('Commit all: ')[1]!, repo);
    expect(await cures(repo, 'git.uncommitted')).toEqual([]);
    const [stash] = await cures(repo, 'git.stashed');
    paste(stash!.split('Take it back: ')[1]!, repo);
    expect(await cures(repo, 'git.stashed')).toEqual([]);
    const [merged] = await cures(repo, 'git.merged');
    paste(merged!.replace('Remove it: ', ''), repo);
    expect(await cures(repo, 'git.merged')).toEqual([]);
  });
});

/** The cures that one check of a project says. */
async function cures(repo: TestRepository, id: string): Promise<string[]> {
  const places = treePlaces(findRepository(repo.path)!);
  const trees = await Promise.all(places.map((place) => treeState(place, { env: repo.box.env })));
  const survey = surveyOf([workspaceSeen({ path: repo.path, git: { kind: 'repository', trees } })]);
  return judgeHealth(factsOf({ ...survey, at: new Date().toISOString() }))
    .filter((one) => one.id === id && one.level !== 'ok')
    .map((one) => one.fix!);
}

function paste(line: string, { box }: TestRepository): void {
  const { status, stderr } = spawnSync('sh', ['-c', line], {
    cwd: '/',
    env: { ...box.env, GIT_EDITOR: 'echo a word >' },
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect([line, status, stderr.trim()]).toEqual([line, 0, '']);
}
