import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatheredWork } from '../../src/git/gather-work.js';
import { portableLimits } from '../../src/git/portable.js';
import type { Sandbox } from '../support/sandbox.js';
import { makeSandbox } from '../support/world.js';
import { type TwoHomes, twoHomes } from './carry.js';

const world = makeSandbox();
afterAll(() => world.dispose());
let count = 0;

/** Two homes of their own, in one sandbox. */
async function pair(remote: boolean): Promise<TwoHomes> {
  return twoHomes(remote, 'shop', (): Sandbox => {
    const home = join(world.home, String(count++));
    mkdirSync(home);
    return { ...world, home };
  });
}

const status = 'git status --porcelain=v2 --branch';
const work = 'echo two >> a; echo s > s; git add s; echo n > n';

function said({ leftOut }: GatheredWork): string {
  return leftOut.map(({ what, why }) => `${what}: ${why}`).join('\n');
}

describe('what a project stands on', () => {
  it('a bare repository gets a working tree, which is said', async () => {
    const homes = await pair(false);
    await homes.repo.sh('git clone -q --bare . ../bare.git; git -C ../bare.git remote remove origin');
    const gathered = await homes.gather({}, '../bare.git');
    expect(said(gathered)).toContain('that the repository is bare');
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain; cat a')).toBe('one\n');
  });

  it('a folder of its repository stays one', async () => {
    const homes = await pair(true);
    await homes.repo.sh(
      `mkdir -p apps/web; echo w > apps/web/w; git add .; git commit -qm w; ${work}; echo x >> apps/web/w`,
    );
    const gathered = await homes.gather({}, 'apps/web');
    const placed = await homes.place(gathered, { mapped: join(homes.mapped, 'apps/web') });
    expect(placed).toMatchObject({ project: join(homes.mapped, 'apps/web'), repository: homes.mapped });
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
  });

  it('a linked working tree stays one, and the main one comes along', async () => {
    const homes = await pair(true);
    await homes.repo.sh(`git worktree add -q -b linked ../linked; cd ../linked; ${work}`);
    const gathered = await homes.gather({}, '../linked');
    const linked = join(homes.there.home, 'linked');
    const placed = await homes.place(gathered, { mapped: linked });
    expect(placed).toMatchObject({ project: linked, repository: homes.mapped });
    expect(await homes.sh(status, linked)).toBe(await homes.repo.sh(status, '../linked'));
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
  });

  it('a sparse checkout is whole there, which is said, and nothing of it counts as deleted', async () => {
    const homes = await pair(true);
    await homes.repo.sh(
      `mkdir in out; echo i > in/i; echo o > out/o; git add .; git commit -qm dirs; git sparse-checkout set in; test ! -e out; echo more >> in/i`,
    );
    const gathered = await homes.gather();
    expect(said(gathered)).toContain(`the sparse checkout of ${homes.repo.path}`);
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain; cat out/o in/i')).toBe(' M in/i\no\ni\nmore\n');
  });

  it('a shallow clone is one there', async () => {
    const homes = await pair(false);
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

  it('a shallow clone that ends in too many commits is said to come by its remote alone', async () => {
    const homes = await pair(true);
    const ends = portableLimits.commits + 1;
    // No commits have these names: git looks at those that it comes by.
    const names = Array.from({ length: ends }, (_, n) => `${n.toString(16).padStart(40, '0')}\n`);
    writeFileSync(join(homes.repo.path, '.git/shallow'), names.join(''));
    await homes.repo.sh(work);
    const gathered = await homes.gather();
    expect(said(gathered)).toContain(`where the shallow clone ends, in ${ends} commits: There are too many`);
    expect(gathered.described).toMatchObject({ complete: false, shallow: [] });
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain')).toBe(await homes.repo.sh('git status --porcelain'));
  });

  it('a partial clone is asked for trees that it has not, and what a remote has stays there', async () => {
    const homes = await pair(true);
    await homes.repo.sh(
      `mkdir d; echo d > d/d; git add d; git commit -qm d; git checkout -q -b old HEAD~1; echo o > o; git add o; git commit -qm o; git push -q origin main old
       git -C ../remote.git config uploadpack.allowFilter true; git -C ../remote.git config uploadpack.allowAnySHA1InWant true
       cd ..; rm -r shop; git clone -q --filter=tree:0 "file://$PWD/remote.git" shop; cd shop
       git merge -q -s ours -m ours origin/old; ${work}
       git rev-list --objects --all --missing=print | grep -q '^?'`,
    );
    const gathered = await homes.gather();
    expect(gathered.leftOut).toEqual([]);
    await homes.place(gathered);
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
  });

  it('a repository without a commit has its work staged and not', async () => {
    const homes = await pair(false);
    await homes.repo.sh(`rm -rf .git a; git init -q -b fresh; ${work}`);
    const gathered = await homes.gather();
    await homes.place(gathered);
    expect(await homes.sh(status)).toBe(await homes.repo.sh(status));
    expect((await homes.place(gathered)).worktrees).toMatchObject([{ outcome: 'there' }]);
  });

  it('submodules and pointers of git LFS are as they are committed, and said', async () => {
    const homes = await pair(true);
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
    const config = join(homes.there.home, 'config');
    writeFileSync(
      config,
      '[filter "lfs"]\nclean = no-such-git-lfs clean\nsmudge = no-such-git-lfs smudge\nprocess = no-such-git-lfs filter-process\nrequired = true\n',
    );
    const placed = await homes.place(gathered, { env: { ...homes.there.env, GIT_CONFIG_GLOBAL: config } });
    expect(placed.notes).toEqual([expect.stringContaining('Files in git LFS are as their pointers')]);
    expect(readFileSync(join(homes.mapped, 'film.big'), 'utf8')).toBe(pointer.replaceAll('\\n', '\n'));
    expect(await homes.sh('cat a; git ls-files -s part | cut -c1-6')).toBe('one\nx\n160000\n');
  });

  it('a merge in progress is said, and its files come with their marks', async () => {
    const homes = await pair(true);
    await homes.repo.sh(
      `git checkout -qb x; echo x > a; git commit -qam x; git checkout -q main; echo m > a; git commit -qam m; git merge x > /dev/null || true`,
    );
    const gathered = await homes.gather();
    expect(said(gathered)).toMatch(/the merge in progress in .*\n.*versions of a that are in conflict/);
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain; cat a')).toBe(` M a\n${await homes.repo.sh('cat a')}`);
  });

  it('a file that was added in name only and is gone is said to be left out', async () => {
    const homes = await pair(true);
    await homes.repo.sh(': > empty; git add empty; git commit -qm e; echo x > x; git add -N x; rm x empty');
    const gathered = await homes.gather();
    expect(gathered.leftOut.map(({ what }) => what)).toEqual([join(homes.repo.path, 'x')]);
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain')).toBe(' D empty\n');
  });
});

describe('a target', () => {
  let homes: TwoHomes;
  let gathered: GatheredWork;
  /** A clone from before the newest commit that is pushed. */
  let early: string;
  const look = `${status}; git for-each-ref; git count-objects`;

  beforeAll(async () => {
    homes = await pair(true);
    early = join(homes.there.home, 'early');
    await homes.repo.sh(
      `git clone -q ../remote.git '${early}'; echo b > b; git add b; git commit -qm b; git push -q; echo c > c; git add c; git commit -qm c; ${work}`,
    );
    gathered = await homes.gather();
  });

  /** Makes a clone, and runs shell lines in it. */
  async function cloned(name: string, script = ':'): Promise<string> {
    const mapped = join(homes.there.home, name);
    const remote = join(homes.repo.box.home, 'remote.git');
    await homes.sh(`git clone -q '${remote}' '${mapped}'; cd '${mapped}'; ${script}`, homes.there.home);
    return mapped;
  }

  it('that lacks a commit which the work builds on is told to fetch it, and stays as it is', async () => {
    const before = await homes.sh(look, early);
    await expect(homes.place(gathered, { mapped: early })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/early lacks commit [0-9a-f]{40}, which the work builds on/),
      hint: expect.stringContaining('fetch --all'),
    });
    expect(await homes.sh(look, early)).toBe(before);
    await homes.sh('git fetch -q --all', early);
    await homes.place(gathered, { mapped: early });
    expect(await homes.sh(status, early)).toBe(await homes.repo.sh(status));
  });

  it('that is a file is refused and kept', async () => {
    const mapped = join(homes.there.home, 'file');
    writeFileSync(mapped, 'mine');
    await expect(homes.place(gathered, { mapped })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('is a file'),
    });
    expect(readFileSync(mapped, 'utf8')).toBe('mine');
  });

  it('with a bisect in progress keeps it: the work goes to a branch', async () => {
    // At the commit of the work, which is not pushed.
    const mapped = await cloned(
      'bisected',
      `git fetch -q '${homes.repo.path}' main; git reset -q --hard FETCH_HEAD; git bisect start -q; git bisect bad`,
    );
    const shown = `${status}; ls -A . .git/BISECT_START`;
    const before = await homes.sh(shown, mapped);
    const placed = await homes.place(gathered, { mapped });
    expect(placed.worktrees).toMatchObject([
      { outcome: 'on-branch', why: expect.stringContaining('in progress') },
    ]);
    expect(await homes.sh(shown, mapped)).toBe(before);
  });

  it('whose index is locked says so, keeps the lock, and is completed once it is free', async () => {
    const mapped = await cloned(
      'locked',
      `git fetch -q '${homes.repo.path}' main; git reset -q --hard FETCH_HEAD`,
    );
    const lock = join(mapped, '.git/index.lock');
    writeFileSync(lock, '');
    await expect(homes.place(gathered, { mapped })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('index.lock'),
    });
    expect(existsSync(lock)).toBe(true);
    rmSync(lock);
    await homes.place(gathered, { mapped });
    expect(await homes.sh(status, mapped)).toBe(await homes.repo.sh(status));
    expect(await homes.sh('git branch --list "moved*"', mapped)).toBe('');
  });
});
