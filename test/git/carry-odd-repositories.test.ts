import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GatheredWork } from '../../src/git/gather-work.js';
import { twoHomes } from './carry.js';

const status = 'git status --porcelain=v2 --branch';
const work = 'echo two >> a; echo s > s; git add s; echo n > n';

function said({ leftOut }: GatheredWork): string {
  return leftOut.map(({ what, why }) => `${what}: ${why}`).join('\n');
}

describe('what a project stands on', () => {
  it('a bare repository gets a working tree, which is said', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh('git clone -q --bare . ../bare.git; git -C ../bare.git remote remove origin');
    const gathered = await homes.gather({}, '../bare.git');
    expect(said(gathered)).toContain('that the repository is bare');
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain; cat a')).toBe('one\n');
  });

  it('a folder of its repository stays one', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      `mkdir -p apps/web; echo w > apps/web/w; git add .; git commit -qm w; ${work}; echo x >> apps/web/w`,
    );
    const gathered = await homes.gather({}, 'apps/web');
    const placed = await homes.place(gathered, { mapped: join(homes.mapped, 'apps/web') });
    expect(placed).toMatchObject({ project: join(homes.mapped, 'apps/web'), repository: homes.mapped });
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
  });

  it('a linked working tree stays one, and the main one comes along', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(`git worktree add -q -b linked ../linked; cd ../linked; ${work}`);
    const gathered = await homes.gather({}, '../linked');
    const linked = join(homes.there.home, 'linked');
    const placed = await homes.place(gathered, { mapped: linked });
    expect(placed).toMatchObject({ project: linked, repository: homes.mapped });
    expect(await homes.sh(status, linked)).toBe(await homes.repo.sh(status, '../linked'));
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
  });

  it('a sparse checkout is whole there, which is said, and nothing of it counts as deleted', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      `mkdir in out; echo i > in/i; echo o > out/o; git add .; git commit -qm dirs; git sparse-checkout set in; test ! -e out; echo more >> in/i`,
    );
    const gathered = await homes.gather();
    expect(said(gathered)).toContain(`the sparse checkout of ${homes.repo.path}`);
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain; cat out/o in/i')).toBe(' M in/i\no\ni\nmore\n');
  });

  it('a shallow clone is one there', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh(
      `for n in 1 2 3; do echo $n > f; git add f; git commit -qm $n; done; git clone -q --depth 1 "file://$PWD" ../short; cd ../short; git remote remove origin; ${work}; git add n; git commit -qm own`,
    );
    await homes.repo.sh('rm -rf .git *; mv ../short/* ../short/.git .');
    const gathered = await homes.gather();
    expect(said(gathered)).toContain('the history before the commits of the shallow clone');
    await homes.place(gathered);
    expect(await homes.sh(`${status}; git rev-list --count HEAD`)).toBe(
      await homes.repo.sh(`${status}; git rev-list --count HEAD`),
    );
  });

  it('a repository without a commit has its work staged and not', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh(`rm -rf .git a; git init -q -b fresh; ${work}`);
    const gathered = await homes.gather();
    await homes.place(gathered);
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
    expect((await homes.place(gathered)).worktrees).toMatchObject([{ outcome: 'there' }]);
  });

  it('submodules and pointers of git LFS are as they are committed, and said', async () => {
    const homes = await twoHomes(true);
    const pointer = 'version https://git-lfs.github.com/spec/v1\\noid sha256:0123\\nsize 12345\\n';
    await homes.repo.sh(
      `git init -q -b main ../part; (cd ../part; echo p > p; git add p; git commit -qm p)
       git -c protocol.file.allow=always submodule add -q "$(cd ../part; pwd)" part
       echo '*.big filter=lfs diff=lfs merge=lfs -text' > .gitattributes; printf '${pointer}' > film.big; git add .; git commit -qm odd; echo dirty >> part/p; echo x >> a`,
    );
    const gathered = await homes.gather();
    expect(said(gathered)).toMatch(/submodule .*part: .*has changes or commits that stay here/);
    expect(said(gathered)).toContain('the content of 1 file in git LFS');
    // Configured as git lfs install does it, and not installed.
    homes.there.file(
      '.gitconfig',
      '[filter "lfs"]\nclean = no-such-git-lfs clean\nsmudge = no-such-git-lfs smudge\nprocess = no-such-git-lfs filter-process\nrequired = true\n',
    );
    const placed = await homes.place(gathered);
    expect(placed.notes).toEqual([expect.stringContaining('Files in git LFS are as their pointers')]);
    expect(readFileSync(join(homes.mapped, 'film.big'), 'utf8')).toBe(pointer.replaceAll('\\n', '\n'));
    expect(await homes.sh('cat a; git ls-files -s part | cut -c1-6')).toBe('one\nx\n160000\n');
  });

  it('a merge in progress is said, and its files come with their marks', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      `git checkout -qb x; echo x > a; git commit -qam x; git checkout -q main; echo m > a; git commit -qam m; git merge x > /dev/null || true`,
    );
    const gathered = await homes.gather();
    expect(said(gathered)).toMatch(/the merge in progress in .*\n.*versions of a that are in conflict/);
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain; cat a')).toBe(` M a\n${await homes.repo.sh('cat a')}`);
  });

  it('a file that was added in name only and is gone is said to be left out', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(': > empty; git add empty; git commit -qm e; echo x > x; git add -N x; rm x empty');
    const gathered = await homes.gather();
    expect(gathered.leftOut.map(({ what }) => what)).toEqual([join(homes.repo.path, 'x')]);
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain')).toBe(' D empty\n');
  });
});

describe('a target', () => {
  it('that lacks a commit which the work builds on is told to fetch it, and stays as it is', async () => {
    const homes = await twoHomes(true);
    const remote = join(homes.repo.box.home, 'remote.git');
    await homes.sh(`git clone -q '${remote}' shop`, homes.there.home);
    await homes.repo.sh(
      `echo b > b; git add b; git commit -qm b; git push -q; echo c > c; git add c; git commit -qm c; ${work}`,
    );
    const gathered = await homes.gather();
    const look = `${status}; git for-each-ref; git count-objects`;
    const before = await homes.sh(look);
    await expect(homes.place(gathered)).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/shop lacks commit [0-9a-f]{40}, which the work builds on/),
      hint: expect.stringContaining('fetch --all'),
    });
    expect(await homes.sh(look)).toBe(before);
    await homes.sh('git fetch -q --all');
    await homes.place(gathered);
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
  });

  it('that is a file is refused and kept', async () => {
    const homes = await twoHomes(true);
    writeFileSync(homes.mapped, 'mine');
    await expect(homes.place(await homes.gather())).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('is a file'),
    });
    expect(readFileSync(homes.mapped, 'utf8')).toBe('mine');
  });

  it('with a bisect in progress keeps it: the work goes to a branch', async () => {
    const homes = await twoHomes(true);
    const remote = join(homes.repo.box.home, 'remote.git');
    await homes.repo.sh(work);
    await homes.sh(
      `git clone -q '${remote}' shop; cd shop; git bisect start -q; git bisect bad`,
      homes.there.home,
    );
    const before = await homes.sh(`${status}; ls -A . .git/BISECT_START`);
    const placed = await homes.place(await homes.gather());
    expect(placed.worktrees).toMatchObject([
      { outcome: 'on-branch', why: expect.stringContaining('in progress') },
    ]);
    expect(await homes.sh(`${status}; ls -A . .git/BISECT_START`)).toBe(before);
  });

  it('whose index is locked says so, keeps the lock, and is completed once it is free', async () => {
    const homes = await twoHomes(true);
    const remote = join(homes.repo.box.home, 'remote.git');
    await homes.repo.sh(work);
    await homes.sh(`git clone -q '${remote}' shop`, homes.there.home);
    const lock = join(homes.mapped, '.git/index.lock');
    writeFileSync(lock, '');
    const gathered = await homes.gather();
    await expect(homes.place(gathered)).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('index.lock'),
    });
    expect(existsSync(lock)).toBe(true);
    rmSync(lock);
    await homes.place(gathered);
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
    expect(await homes.sh('git branch --list "moved*"')).toBe('');
  });
});
