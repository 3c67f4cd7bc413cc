import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { type GatheredWork, gatherWork } from '../../src/git/gather-work.js';
import { parseDescribedWork } from '../../src/git/portable.js';
import { isRemoteUrl, repositoryKey, withoutCredentials } from '../../src/git/remote-url.js';
import { sandbox } from '../support/sandbox.js';
import { twoHomes } from './carry.js';

// Hundreds of git processes, on a machine that may be busy: the limit is there to end a hang.
vi.setConfig({ testTimeout: 240_000 });

const sums = (gathered: GatheredWork) =>
  gathered.files.map(({ name, path }) => [
    name,
    createHash('sha256').update(readFileSync(path)).digest('hex'),
  ]);
const said = (gathered: GatheredWork) =>
  gathered.leftOut.map(({ what, why }) => `${what}: ${why}`).join('\n');

describe('gatherWork', () => {
  it('is the same twice, and leaves the repository as it was', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      'git checkout -qb feat; for n in 1 2 3; do echo $n > f$n; git add .; git commit -qm $n; done; echo s >> a; git stash -q; echo x >> f1; git add f1; echo y >> f1; echo n > new; rm f2',
    );
    const state =
      'sha256sum .git/index; find .git -type f | sort | xargs sha256sum; find . -path ./.git -prune -o -type f -print | sort | xargs sha256sum';
    const before = await homes.repo.sh(state);
    const first = await homes.gather();
    const second = await homes.gather();
    expect(first.files.map(({ name }) => name)).toEqual([
      'commits.bundle',
      'worktree-0/staged.patch',
      'worktree-0/unstaged.patch',
      'worktree-0/untracked.patch',
    ]);
    expect(sums(second)).toEqual(sums(first));
    expect(second.described).toEqual(first.described);
    expect(await homes.repo.sh(state)).toBe(before);
    expect(first.described.bundle?.needs).toEqual([(await homes.repo.sh('git rev-parse main')).trim()]);
  });

  it('is not led by the configuration of the user', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh(
      'printf "1\\n2\\n" > é; git add .; git commit -qm é; printf "1\\r\\n3\\n" > é; echo n > ü',
    );
    const plain = await homes.gather();
    await homes.repo.sh(
      'git config diff.noprefix true; git config diff.mnemonicPrefix true; git config color.ui always; git config diff.external /bin/false; git config core.autocrlf input; git config core.quotePath false; git config diff.x.textconv "tr a b"; echo "* diff=x" > .git/info/attributes',
    );
    expect(sums(await homes.gather())).toEqual(sums(plain));
  });

  it('leaves secrets and what is too large behind, and names them', async () => {
    const homes = await twoHomes(true);
    await homes.repo.sh(
      'echo K=0 > .env; git add .; git commit -qm env; echo K=hunter2 > .env; mkdir sub; echo K=hunter3 > sub/.env',
    );
    await homes.repo.sh(
      'head -c 30000 /dev/urandom > large; head -c 900000 /dev/urandom > huge; echo fine > fine; git remote set-url origin https://ann:hunter4@example.org/x.git',
    );
    const gathered = await homes.gather({ mostBytes: 20_000 });
    const text = said(gathered);
    for (const name of ['/shop/.env:', '/shop/sub/.env:', '/shop/large:', '/shop/huge:', 'remote origin:'])
      expect(text).toContain(name);
    const all =
      JSON.stringify(gathered.described) +
      gathered.files
        .slice(1)
        .map(({ path }) => readFileSync(path, 'latin1'))
        .join('');
    expect(all).not.toContain('hunter');
    expect(all).toContain('+fine');
    expect(gathered.described.remotes).toEqual([
      { name: 'origin', url: 'https://example.org/x.git', credentials: true },
    ]);
  });

  it('leaves the largest of many files behind when they are too large together', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh('for n in 1 2 3 4; do head -c ${n}0000 /dev/urandom > r$n; done');
    const gathered = await homes.gather({ mostBytes: 45_000 });
    expect(said(gathered)).toMatch(/r4: .*too large/);
    expect(said(gathered)).not.toMatch(/r[12]: /);
    expect(gathered.files.every(({ bytes }) => bytes <= 45_000 || bytes === 0)).toBe(true);
  });

  it('says what cannot be carried: submodules, LFS, operations, nested repositories, ignored files', async () => {
    const homes = await twoHomes(false);
    await homes.repo.sh(
      [
        'git -c protocol.file.allow=always submodule --quiet add "$(pwd)" libs/own',
        'git config filter.lfs.clean cat; git config filter.lfs.smudge cat; echo "*.big filter=lfs" > .gitattributes; echo p > x.big',
        'echo dist > .gitignore; git add .; git commit -qm all; mkdir dist; echo 1 > dist/1',
        'echo dirt >> libs/own/a; git init -q nested; (cd nested; echo 1 > 1; git add .; git commit -qm 1)',
        'git checkout -qb b; echo b > a; git commit -qam b; git checkout -q main; echo m > a; git commit -qam m; git merge -q b >/dev/null || true',
      ].join('\n'),
    );
    const text = said(await homes.gather());
    expect(text).toMatch(/submodule .*libs\/own: .* has changes/);
    expect(text).toMatch(/content of 1 file in git LFS/);
    expect(text).toMatch(/the merge in progress/);
    expect(text).toMatch(/versions of a that are in conflict/);
    expect(text).toMatch(/nested: It is a repository of its own/);
    expect(text).toMatch(/1 ignored file or folder/);
  });

  it('is null outside of a repository', async () => {
    const box = sandbox();
    const options = { env: box.env, scratch: box.folder, isSecret: () => false, mostBytes: 1 };
    expect(await gatherWork(box.home, options)).toBeNull();
  });
});

describe('a description', () => {
  it('is refused with a name that git would take for something else', async () => {
    const { described } = await (await twoHomes(true)).gather();
    const [worktree] = described.worktrees;
    const [branch] = described.branches;
    const remote = (url: string) => ({ remotes: [{ name: 'origin', url, credentials: false }] });
    const broken: unknown[] = [
      ...['-x', '../..', 'a..b', 'HEAD', 'a b', 'x.lock', 'a\u202eb', 'refs'].flatMap((name) => [
        { branches: [{ ...branch, name }] },
        { worktrees: [{ ...worktree, branch: name }] },
      ]),
      ...[
        'ext::sh -c id',
        '-oProxyCommand=id',
        '--upload-pack=id',
        'ssh://-oProxyCommand=id/x',
        'file::x',
        'fd::3',
        'a\nb:c',
        '',
        'x',
        '../x',
        'git@-o:x',
        'git@host:-x',
      ].map(remote),
      ...[
        '..',
        'a/../..',
        '.git',
        '.GIT/hooks',
        '.g\u200cit',
        'git~1',
        '.git ',
        '/abs',
        'a//b',
        'a\\b',
      ].flatMap((path) => [
        { subfolder: path },
        { worktrees: [worktree, { ...worktree, place: { from: 'main', path } }] },
      ]),
      { bundle: { refs: [{ ref: 'refs/heads/main', object: branch!.commit }], needs: [] } },
      { bundle: { refs: [{ ref: 'refs/carried/../heads/x', object: branch!.commit }], needs: [] } },
      { branches: [{ ...branch, commit: '--help' }] },
      { branches: Array.from({ length: 3000 }, () => branch) },
      { extra: 1 },
    ];
    for (const part of broken)
      expect(() => parseDescribedWork({ ...described, ...(part as object) }), JSON.stringify(part)).toThrow(
        /not one that cw writes/,
      );
    expect(parseDescribedWork(described)).toEqual(described);
  });
});

describe('addresses of remotes', () => {
  it('are the same however they lead to one repository', () => {
    const key = 'example.org/me/shop';
    for (const url of [
      'https://example.org/me/shop',
      'https://Example.org/me/shop.git/',
      'git@example.org:me/shop.git',
      'ssh://git@example.org:22/me/shop',
      'git://example.org/me/shop/',
    ])
      expect(repositoryKey(url), url).toBe(key);
    expect(repositoryKey('https://example.org/me/shop2')).not.toBe(key);
    expect(repositoryKey('ssh://git@example.org:2222/me/shop')).not.toBe(key);
    expect(isRemoteUrl('/srv/git/x y.git')).toBe(true);
  });

  it('lose what lets in', () => {
    for (const [url, bare] of [
      ['https://token@h/x', 'https://h/x'],
      ['https://u:p@h/x?k=1', 'https://h/x'],
      ['ssh://git:pw@h/x', 'ssh://git@h/x'],
      ['https://u:p%40q@x@h/x', 'https://h/x'],
    ])
      expect(withoutCredentials(url!)).toEqual({ url: bare, credentials: true });
    expect(withoutCredentials('git@h:x')).toEqual({ url: 'git@h:x', credentials: false });
  });
});
