import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { twoHomes } from './carry.js';

// Hundreds of git processes, on a machine that may be busy: the limit is there to end a hang.
vi.setConfig({ testTimeout: 240_000 });

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

const work = 'echo two >> a; git add a; echo three >> a; echo n > n';

describe('work placed in a repository that is here', () => {
  it('goes on a branch of its own where there are changes, once, and touches nothing', async () => {
    const homes = await twoHomes(true);
    await homes.sh(`git clone -q ${homes.repo.box.home}/remote.git code/shop 2>&1`, homes.there.home);
    const here = `${homes.there.home}/code/shop`;
    await homes.sh('echo mine >> a', here);
    await homes.repo.sh(work);
    const gathered = await homes.gather();
    const before = await homes.sh('git status --porcelain; sha256sum a .git/index; ls', here);
    const placed = await homes.place(gathered, { roots: [`${homes.there.home}/code`] });
    const [first] = placed.worktrees;
    expect(placed).toMatchObject({ project: here, made: 'found' });
    expect(first).toMatchObject({ outcome: 'on-branch', on: expect.stringMatching(/^moved\/shop-/) });
    expect(await homes.sh('git status --porcelain; sha256sum a .git/index; ls', here)).toBe(before);
    expect(
      await homes.sh(`git show ${first!.on}:a; git show ${first!.on}~1:a; git show ${first!.on}:n`, here),
    ).toBe('one\ntwo\nthree\none\ntwo\nn\n');
    const refs = await homes.sh('git for-each-ref', here);
    const again = await homes.place(gathered, { roots: [`${homes.there.home}/code`] });
    expect(again.worktrees[0]).toMatchObject({ outcome: 'there', on: first!.on });
    expect(await homes.sh('git for-each-ref', here)).toBe(refs);
  });

  it('moves branches on, and never back or over commits of their own', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh('git branch side; git branch ahead; git push -q origin side ahead');
    await homes.sh(`git clone -q ${homes.repo.box.home}/remote.git shop 2>&1`, homes.there.home);
    await homes.sh(
      'git checkout -q -t origin/side 2>&1; git commit -q --allow-empty -m here; git checkout -q -t origin/ahead 2>&1; git commit -q --allow-empty -m ahead; git checkout -q main 2>&1',
    );
    await homes.repo.sh(
      'git commit -q --allow-empty -m on; git checkout -q side; git commit -q --allow-empty -m there; git checkout -q main; echo w >> a',
    );
    const ids = async () => (await homes.sh('git rev-parse side ahead')).trim();
    const before = await ids();
    const placed = await homes.place(await homes.gather());
    expect(placed.branches).toEqual({
      created: [],
      forwarded: ['main'],
      moved: [{ branch: 'side', to: 'moved/side' }],
    });
    expect(placed.worktrees[0]).toMatchObject({ outcome: 'applied' });
    expect(await ids()).toBe(before);
    expect(await homes.sh('git rev-parse main moved/side')).toBe(
      await homes.repo.sh('git rev-parse main side'),
    );
    expect(await homes.sh('cat a')).toBe('one\nw\n');
  });

  it('ends what an interrupted one began, and spares an ignored file in the place of a new one', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(`${work}; echo secret-note > note`);
    const gathered = await homes.gather();
    await homes.sh(`git clone -q ${homes.repo.box.home}/remote.git shop 2>&1`, homes.there.home);
    await homes.sh('printf "n\\n" > n; printf "one\\ntwo\\n" > a; git add a');
    expect((await homes.place(gathered)).worktrees[0]).toMatchObject({ outcome: 'applied' });
    expect(await homes.sh('git status --porcelain=v2')).toBe(
      await homes.repo.sh('git status --porcelain=v2'),
    );
    await homes.sh('git reset -q --hard; rm n note; echo note >> .git/info/exclude; echo mine > note');
    expect((await homes.place(gathered)).worktrees[0]).toMatchObject({ outcome: 'on-branch' });
    expect(await homes.sh('cat note')).toBe('mine\n');
  });
});

describe('work of a repository that is', () => {
  it.each([
    ['without a commit', 'git update-ref -d HEAD; echo staged > s; git add s; echo u > u'],
    [
      'at a detached HEAD',
      'git commit -q --allow-empty -m x; git checkout -q --detach; git branch -D main -q; echo u > u',
    ],
    [
      'in the middle of a conflict',
      'git checkout -qb b; echo b > a; git commit -qam b; git checkout -q main; echo m > a; git commit -qam m; git merge -q b >/dev/null || true; cat a > c',
    ],
    [
      'full of odd names and kinds',
      'mkdir f; echo 1 > f/x; echo 2 > g; echo 3 > k; git add .; git commit -qm f; rm -r f; echo file > f; rm g; mkdir g; echo 3 > g/y; rm k; ln -s /nowhere k; printf x > "$(printf "a\\nb\\t\\377\\"é ")"; chmod 755 a; git add a; rm a; printf "q\\rq\\r\\n" > -- ; printf "\\0\\1" > z.bin',
    ],
  ])('%s', async (_, script) => {
    const homes = await twoHomes(false);
    await homes.repo.sh(script);
    const placed = await homes.place(await homes.gather());
    expect(placed.worktrees).toMatchObject([{ outcome: 'applied' }]);
    const files =
      'git symbolic-ref -q HEAD || git rev-parse HEAD; find . -path ./.git -prune -o -print0 | sort -z | xargs -0 stat --printf "%n %A %N\\n"; find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum';
    expect(await homes.sh(files)).toBe(await homes.repo.sh(files));
    if (!script.includes('merge'))
      expect(await homes.sh('git status --porcelain=v2 -z')).toBe(
        await homes.repo.sh('git status --porcelain=v2 -z'),
      );
  });

  it('shallow, without a remote', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      'echo 2 > a; git commit -qam 2; git push -q; cd ..; git clone -q --depth 1 "file://$(pwd)/remote.git" cut 2>&1; rm -rf shop; mv cut shop; cd shop; git remote remove origin; echo 3 > a; git commit -qam 3; echo 4 > a',
    );
    const placed = await homes.place(await homes.gather());
    expect(placed.made).toBe('from-bundle');
    expect(await homes.sh('git status --porcelain; git rev-list --count HEAD')).toBe(' M a\n2\n');
  });
});

describe('refused, with nothing left', () => {
  const names = (path: string) => readdirSync(path).filter((name) => !name.startsWith('.c'));

  it('places that are taken, and a repository that may not be cloned', async () => {
    const homes = await twoHomes(true);
    const gathered = await homes.gather();
    const { home } = homes.there;
    await expect(homes.place(gathered, { clone: false })).rejects.toMatchObject({
      kind: 'not-found',
      hint: expect.stringContaining('--clone'),
    });
    expect(names(home)).toEqual([]);
    homes.there.file('full/x', '');
    homes.there.file('file', '');
    for (const into of [`${home}/full`, `${home}/file`])
      await expect(homes.place(gathered, { into })).rejects.toMatchObject({ kind: 'refused' });
    await homes.sh('git init -q other; cd other; git commit -q --allow-empty -m other', home);
    await expect(homes.place(gathered, { into: `${home}/other` })).rejects.toThrow('another repository');
    await homes.sh(`for n in 1 2; do git clone -q ${homes.repo.box.home}/remote.git r/$n 2>&1; done`, home);
    await expect(homes.place(gathered, { roots: [`${home}/r`] })).rejects.toThrow(/Several .*r\/1.*r\/2/);
    await homes.repo.sh('rm -rf ../remote.git');
    await expect(homes.place(gathered, { into: `${home}/deep/er/shop` })).rejects.toThrow(
      'could not be cloned',
    );
    expect(names(home)).toEqual(['file', 'full', 'other', 'r']);
  });

  it('patches that lead out of the tree, into .git, or elsewhere than described', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh('echo n > evil; ln -s / link; git add link; git commit -qm link');
    const gathered = await homes.gather();
    const patch = gathered.files.find(({ name }) => name.endsWith('untracked.patch'))!;
    const text = readFileSync(patch.path, 'utf8');
    for (const path of [
      '../evil',
      '/tmp/evil',
      '.git/hooks/post-checkout',
      '.GIT/config',
      '.g\u200cit/config',
      'git~1/config',
      'link/tmp/evil',
      'other',
    ]) {
      writeFileSync(patch.path, text.replaceAll('/evil', `/${path}`));
      await expect(homes.place(gathered), path).rejects.toMatchObject({ kind: 'refused' });
    }
    for (const bomb of ['GIT binary patch\nliteral 99999999999\nzc$\n\n', '\0', '']) {
      writeFileSync(
        patch.path,
        text + bomb + (bomb === '' ? 'diff --git a/z b/z\nnew file mode 100644\n' : ''),
      );
      if (bomb !== '\0') await expect(homes.place(gathered), bomb).rejects.toMatchObject({ kind: 'refused' });
    }
    const bundle = gathered.files[0]!;
    const bytes = readFileSync(bundle.path);
    writeFileSync(patch.path, text);
    writeFileSync(bundle.path, bytes.subarray(0, -30));
    await expect(homes.place(gathered)).rejects.toMatchObject({ kind: 'refused' });
    writeFileSync(
      bundle.path,
      Buffer.from(
        bytes.toString('latin1').replace('refs/carried/heads/main', 'refs/carried/heads/evil'),
        'latin1',
      ),
    );
    await expect(homes.place(gathered)).rejects.toMatchObject({ kind: 'refused' });
    expect(names(homes.there.home)).toEqual([]);
    writeFileSync(bundle.path, bytes);
    expect(await homes.place(gathered, { dryRun: true })).toMatchObject({ made: 'from-bundle' });
    expect(names(homes.there.home)).toEqual([]);
    expect((await homes.place(gathered)).worktrees[0]).toMatchObject({ outcome: 'applied' });
  });
});
