import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { twoHomes } from './carry.js';

const status = 'git status --porcelain=v2 --branch';
const dirty = [
  'echo two >> a; git add a; echo three >> a',
  'printf "x\\r\\ny\\r\\n" > crlf.txt',
  'mkdir -p d; echo u > d/u; chmod 755 d/u; ln -s ../a d/link; : > empty',
  'head -c 3000 /dev/urandom > bin.dat; git add bin.dat',
  'echo later > later; git add -N later',
].join('\n');

describe.each([
  ['cloned', true],
  ['from-bundle', false],
] as const)('work placed in a repository %s', (made, remote) => {
  it('is as it was: staged, changed, untracked, worktrees, branches and stashes', async () => {
    const homes = await twoHomes(remote);
    await homes.repo.sh(
      'echo s >> a; git stash -q; git branch feat; git worktree add -q .worktrees/feat feat 2>&1',
    );
    await homes.repo.sh('echo .worktrees >> .git/info/exclude; echo c > c; git add c; git commit -qm c');
    await homes.repo.sh('echo w >> a; echo n > n', '.worktrees/feat');
    await homes.repo.sh(dirty);
    const gathered = await homes.gather();
    const placed = await homes.place(gathered);
    expect(placed).toMatchObject({ project: homes.mapped, made, stashes: 1, notes: [] });
    expect(placed.worktrees.map(({ outcome }) => outcome)).toEqual(['applied', 'applied']);
    await homes
      .sh('echo .worktrees >> .git/info/exclude', homes.mapped)
      .catch(() => homes.sh('mkdir -p .git/info; echo .worktrees >> .git/info/exclude'));
    for (const script of [
      status,
      'cat a crlf.txt; ls -lR --time-style=+ | grep -v ^total | sed "s/ [a-z]* *[a-z]* / /"',
      'git log --all --format="%H %d" | grep -v origin | sort; git stash list',
    ])
      expect(await homes.sh(script)).toBe(await homes.repo.sh(script));
    expect(await homes.sh(status, `${homes.mapped}/.worktrees/feat`)).toBe(
      await homes.repo.sh(status, '.worktrees/feat'),
    );
    // Again: nothing changes.
    const again = await homes.place(gathered);
    expect(again.worktrees.map(({ outcome }) => outcome)).toEqual(['there', 'there']);
    expect(again).toMatchObject({
      made: 'found',
      stashes: 0,
      branches: { created: [], forwarded: [], moved: [] },
    });
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
    expect(await homes.sh('git for-each-ref refs/carried')).toBe('');
    expect(readdirSync(homes.there.home).filter((name) => name.includes('placing'))).toEqual([]);
    expect(existsSync(homes.mapped)).toBe(true);
  });
});
