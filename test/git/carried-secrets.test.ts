import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GatheredWork } from '../../src/git/gather-work.js';
import { type TwoHomes, twoHomes } from './carry.js';

const secret = 'TOKEN=do-not-carry-0123456789';
const commitSecret = `printf '${secret}\\n' > .env; git add -f .env; git commit -qm secret`;

/** Whether a text is in what git unpacks of what was carried, or in a patch. */
async function carries({ there }: TwoHomes, gathered: GatheredWork, text: string): Promise<boolean> {
  for (const { name, path } of gathered.files) {
    if (!name.endsWith('.bundle')) {
      if (readFileSync(path, 'latin1').includes(text)) return true;
      continue;
    }
    const script = `git init -q --bare "$1/unpacked" && cd "$1/unpacked" && tail -c +$(($(grep -abm1 '^PACK' "$2" | cut -d: -f1) + 1)) "$2" | git unpack-objects -q 2>/dev/null || true
      git cat-file --batch-all-objects --batch`;
    const ran = await there.run('sh', ['-c', script, 'sh', there.folder, path]);
    if (ran.stdout.includes(text)) return true;
  }
  return false;
}

describe('commits that no remote has and that hold secret files', () => {
  it('stay behind: the branch goes up to them, and what else they changed is not committed there', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      `echo b > b; git add b; git commit -qm b; git tag safe; ${commitSecret}; echo c > c; git add c; git rm -q --cached .env; git commit -qm c; echo d > d; echo .env >> .git/info/exclude; git branch other; git branch fine safe; git worktree add -q --detach ../aside other`,
    );
    const gathered = await homes.gather();
    expect(await carries(homes, gathered, secret)).toBe(false);
    const said = gathered.leftOut.map(({ what, why }) => `${what}: ${why}`).join('\n');
    const named = (await homes.repo.sh('git rev-parse --short=12 main~1')).trim();
    for (const branch of ['main', 'other'])
      expect(said).toContain(
        `the newest commits of branch ${branch}: Commit ${named} holds .env, by its name a secret (--include-env`,
      );
    expect(said).not.toContain('branch fine');
    const placed = await homes.place(gathered);
    expect(placed.worktrees.map(({ outcome }) => outcome)).toEqual(['applied', 'applied']);
    expect(await homes.sh('git status --porcelain; cat b c d; ls -A')).toBe(
      'A  c\n?? d\nb\nc\nd\n.git\na\nb\nc\nd\n',
    );
    const safe = await homes.repo.sh('git rev-parse safe');
    expect(await homes.sh('git rev-parse main && git rev-parse other fine | uniq')).toBe(`${safe}${safe}`);
    expect(await homes.sh('cat c; git rev-parse HEAD', join(homes.there.home, 'aside'))).toBe(`c\n${safe}`);
    // Without the rule all is carried.
    const whole = await homes.gather({ isSecret: null });
    expect(await carries(homes, whole, secret)).toBe(true);
    expect(whole.described.branches.find(({ name }) => name === 'main')?.commit).toBe(
      (await homes.repo.sh('git rev-parse main')).trim(),
    );
  });

  it('stay behind from the first one on, without a remote: the files come without a history', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh(
      `git checkout -q --orphan first; ${commitSecret}; echo c > c; git add c; git commit -qm c; git branch -D -q main; git tag -a -m t v1; echo e > e`,
    );
    const gathered = await homes.gather();
    expect(await carries(homes, gathered, secret)).toBe(false);
    expect(gathered.leftOut.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['the newest commits of branch first', 'tag v1', join(homes.repo.path, '.env')]),
    );
    expect(gathered.described).toMatchObject({ complete: true, bundle: null, branches: [], tags: [] });
    await homes.place(gathered);
    expect(await homes.sh('git status --porcelain --branch; cat c')).toBe(
      '## No commits yet on first\nA  a\nA  c\n?? e\nc\n',
    );
  });

  it('are told in merges: what a side brings from a remote is carried, what the merge adds is not', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      `git checkout -qb side; echo s > s; git add s; git commit -qm s; git checkout -q main; ${commitSecret}; git push -q origin main
       git checkout -q side; git merge -q -m clean main; git branch clean
       git checkout -q -b evil main~1; echo x > x; git add x; git commit -qm x; git merge -q --no-commit side~1; echo k > k.pem; git add k.pem; git commit -qm evil; git checkout -q side`,
    );
    const gathered = await homes.gather({ isSecret: (path) => /(\.env|\.pem)$/.test(path) });
    const at = Object.fromEntries(gathered.described.branches.map(({ name, commit }) => [name, commit]));
    const own = async (name: string) => (await homes.repo.sh(`git rev-parse ${name}`)).trim();
    expect(at).toMatchObject({
      clean: await own('clean'),
      side: await own('side'),
      evil: await own('evil~1'),
    });
    expect(gathered.leftOut.map(({ what }) => what)).toEqual(['the newest commits of branch evil']);
  });

  it('of stashes stay behind, staged, not staged, and not tracked', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      `echo .env > .gitignore; ${commitSecret}; git push -q origin main
       echo 1 >> a; git stash -q
       echo X=1 >> .env; git stash -q
       echo X=2 >> .env; git add .env; git stash -q
       echo k > k.pem; echo n > n; git stash -q -u
       git rm -q .env; git stash -q`,
    );
    const gathered = await homes.gather({ isSecret: (path) => /(\.env|\.pem)$/.test(path) });
    expect(gathered.leftOut.map(({ what }) => what).filter((what) => what.startsWith('stash'))).toEqual([
      'stash@{1}',
      'stash@{2}',
      'stash@{3}',
    ]);
    expect(gathered.described.stashes).toHaveLength(2);
  });
});
