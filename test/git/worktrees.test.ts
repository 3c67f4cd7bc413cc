import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addWorktree } from '../../src/git/add-worktree.js';
import { removeWorktree } from '../../src/git/remove-worktree.js';
import { listWorktrees, parseWorktrees } from '../../src/git/worktrees.js';
import { repository, type TestRepository } from './repo.js';

const adding = ({ box, path }: TestRepository, branch: string, base?: string, at = '.') =>
  addWorktree(join(path, at), { branch, env: box.env, ...(base === undefined ? {} : { base }) });
const removing = ({ box, path }: TestRepository, name: string, force = false) =>
  removeWorktree(path, name, { env: box.env, force });
/** All that git knows of worktrees and branches, and what lies in `.worktrees`. */
const stateOf = async (repo: TestRepository) => {
  const folder = join(repo.path, '.worktrees');
  return [
    await repo.sh('git worktree list --porcelain; git for-each-ref'),
    existsSync(folder) ? readdirSync(folder).sort() : [],
  ];
};

describe('listWorktrees', () => {
  it('reads any path and reason', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((part) => !part.includes('\0') && !part.includes('/'));
    const record = fc.record({
      name: text,
      branch: fc.option(text),
      locked: fc.option(fc.oneof(fc.constant(''), text)),
    });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1 }), (records) => {
        const printed = records.map(({ name, branch, locked }) =>
          [
            `worktree /r/.worktrees/${name}`,
            `HEAD ${'1'.repeat(40)}`,
            branch === null ? 'detached' : `branch refs/heads/${branch}`,
            ...(locked === null ? [] : [locked === '' ? 'locked' : `locked ${locked}`]),
            '',
          ]
            .map((line) => `${line}\0`)
            .join(''),
        );
        const read = parseWorktrees(printed.join(''), '\0', '/r');
        expect(read.map(({ name, branch, locked }) => ({ name, branch, locked }))).toEqual(records);
        expect(read.every((one, at) => one.ours && one.main === (at === 0))).toBe(true);
      }),
    );
  });

  it('is the same with a git that has no -z', async () => {
    const repo = await repository();
    await adding(repo, 'feat/a');
    const real = (await repo.sh('command -v git')).trim();
    const old = repo.box.file(
      'bin/git',
      `#!/bin/sh\nfor word; do [ "$word" = -z ] && exit 129; done\nexec ${real} "$@"\n`,
      0o755,
    );
    const env = { ...repo.box.env, PATH: `${join(old, '..')}:${repo.box.env.PATH}` };
    expect(await listWorktrees(repo.path, { env })).toEqual(
      await listWorktrees(repo.path, { env: repo.box.env }),
    );
  });
});

describe('addWorktree', () => {
  it('makes, checks out, or follows a branch, in .worktrees of the main working tree', async () => {
    const repo = await repository('my "shop"\n☃ $(x)');
    await repo.sh(
      'git branch old && git tag v1 && echo two > a && git commit -qam two && git clone -q --bare . ../o.git && git --git-dir=../o.git branch theirs && git remote add origin "$PWD/../o.git" && git fetch -q',
    );
    const [v1, head] = (await repo.sh('git rev-parse v1 HEAD')).trim().split('\n');
    const folder = (name: string) => join(repo.path, '.worktrees', name);
    expect(await adding(repo, 'feat/cart')).toEqual({
      name: 'feat-cart',
      path: folder('feat-cart'),
      branch: 'feat/cart',
      created: true,
      commit: head,
      upstream: null,
      submodules: false,
    });
    expect(await adding(repo, 'old')).toMatchObject({ created: false, commit: v1 });
    expect(await adding(repo, 'theirs')).toMatchObject({
      created: true,
      commit: head,
      upstream: 'origin/theirs',
    });
    expect(await adding(repo, 'from-tag', 'v1')).toMatchObject({ created: true, commit: v1 });
    // Another branch with the same folder's name, seen from inside a worktree.
    const twin = await adding(repo, 'feat-cart', undefined, '.worktrees/old');
    expect(twin).toMatchObject({
      created: true,
      commit: v1,
      path: expect.stringMatching(/\/\.worktrees\/feat-cart-[0-9a-f]{6}$/),
    });
    const listed = await listWorktrees(repo.path, { env: repo.box.env });
    expect(listed.map((one) => [one.branch, one.ours, one.main])).toEqual([
      ['main', false, true],
      ...['feat/cart', 'feat-cart', 'from-tag', 'old', 'theirs'].map((branch) => [branch, true, false]),
    ]);
    expect(
      await repo.sh('git rev-parse --abbrev-ref theirs@{u}; git config --get branch.from-tag.remote || true'),
    ).toBe('origin/theirs\n');
  });

  it('refuses with a reason, and leaves everything as it was', async () => {
    const repo = await repository();
    await repo.sh(
      'git branch there && mkdir -p .worktrees/full && touch .worktrees/full/x .worktrees/file && git init -q ../new && mkdir ../plain',
    );
    await adding(repo, 'busy');
    const before = await stateOf(repo);
    const cases: [string, string | undefined, string, string, RegExp][] = [
      ['main', undefined, '.', 'refused', new RegExp(`checked out in ${repo.path}`)],
      ['busy', undefined, '.', 'refused', /checked out in .*\.worktrees\/busy/],
      ['there', 'main', '.', 'usage', /exists; --base/],
      ['new', 'nothing', '.', 'not-found', /"nothing" names no commit/],
      ['new', '--help', '.', 'not-found', /names no commit/],
      ['full', undefined, '.', 'refused', /full exists/],
      ['file', undefined, '.', 'refused', /file exists/],
      ['--force', undefined, '.', 'usage', /not a name/],
      ['a b', undefined, '.', 'usage', /"a b" is not a name/],
      ['', undefined, '.', 'usage', /not a name/],
      ['x', undefined, '../new', 'failed', /no commit yet/],
      ['x', undefined, '../plain', 'not-found', /not in a git repository/],
      ['x', undefined, '../missing', 'not-found', /no folder/],
    ];
    for (const [branch, base, at, kind, message] of cases) {
      await expect(adding(repo, branch, base, at), branch).rejects.toMatchObject({
        kind,
        message: expect.stringMatching(message),
        hint: expect.any(String),
      });
    }
    expect(await stateOf(repo)).toEqual(before);
  });

  it('takes back what it began when git fails half-way', async () => {
    const repo = await repository();
    // The checkout needs a filter that fails.
    await repo.sh(
      'echo "a filter=bad" > .gitattributes && git add .gitattributes && git commit -qm filter && git config filter.bad.smudge false && git config filter.bad.required true',
    );
    const before = await stateOf(repo);
    await expect(adding(repo, 'feat')).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('filter'),
    });
    expect((await stateOf(repo))[0]).toEqual(before[0]);
  });

  it('works in a bare repository, and says where submodules are', async () => {
    const repo = await repository();
    await repo.sh(
      'git init -q ../lib && git -C ../lib commit -q --allow-empty -m lib && git -c protocol.file.allow=always submodule --quiet add "$PWD/../lib" lib && git commit -qm lib && git clone -q --bare . ../bare.git',
    );
    expect(await adding(repo, 'x')).toMatchObject({ submodules: true });
    const bare = await adding(repo, 'x', undefined, '../bare.git');
    expect(bare.path).toBe(join(repo.box.home, 'bare.git/.worktrees/x'));
    expect(await removeWorktree(join(repo.box.home, 'bare.git'), 'x', { env: repo.box.env })).toMatchObject({
      lost: [],
    });
  });
});

describe('removeWorktree', () => {
  it('removes a clean one by name, branch or path, and its branch stays', async () => {
    const repo = await repository();
    const { path } = await adding(repo, 'a/1');
    await adding(repo, 'a/2');
    await adding(repo, 'a/3');
    writeFileSync(join(repo.path, '.git/info/exclude'), 'ignored\n');
    writeFileSync(join(path, 'ignored'), 'x');
    expect(await removing(repo, 'a-1')).toMatchObject({ branch: 'a/1', lost: [] });
    await removing(repo, 'a/2');
    await removing(repo, join(repo.path, '.worktrees/a-3'));
    expect((await stateOf(repo))[1]).toEqual([]);
    expect(await repo.sh('git branch --format="%(refname:short)"')).toBe('a/1\na/2\na/3\nmain\n');
  });

  it('refuses to lose anything, names it, and gives way to force', async () => {
    const repo = await repository();
    await repo.sh(
      'git clone -q --bare . ../o.git && git remote add origin "$PWD/../o.git" && git fetch -q && git init -q ../lib && git -C ../lib commit -q --allow-empty -m lib',
    );
    const cases: [string, string, RegExp][] = [
      ['changed', 'echo x > a', /1 changed file not committed/],
      ['staged', 'echo x > b && git add b', /1 changed file not committed/],
      ['untracked', 'touch b', /1 untracked file/],
      [
        'commit',
        'git commit -q --allow-empty -m committed',
        /1 commit that no remote and no other branch has/,
      ],
      [
        'ahead',
        'git branch -q -u origin/main && git commit -q --allow-empty -m ahead',
        /1 commit that no remote/,
      ],
      [
        'detached',
        'git checkout -q --detach && git commit -q --allow-empty -m d1 && git commit -q --allow-empty -m d2',
        /2 commits that/,
      ],
      ['bisecting', 'git bisect start -q', /a bisect is under way/],
      ['locked', 'git worktree lock --reason "on a stick" .', /locked \(on a stick\)/],
      ['at-work', 'touch "$(git rev-parse --git-dir)/index.lock"', /index\.lock/],
      ['broken', 'echo garbage > "$(git rev-parse --git-dir)/index"', /state is unknown/],
      [
        'modules',
        'git -c protocol.file.allow=always submodule --quiet add "$PWD/../../../lib" lib && git commit -qm lib && git push -q origin modules',
        /submodules/,
      ],
    ];
    for (const [name, script, message] of cases) {
      await adding(repo, name);
      await repo.sh(script, `.worktrees/${name}`);
      const before = await repo.sh(`ls -A .worktrees/${name}; git worktree list`);
      await expect(removing(repo, name), name).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringMatching(message),
        hint: expect.stringContaining('--force'),
      });
      expect(await repo.sh(`ls -A .worktrees/${name}; git worktree list`)).toBe(before);
      expect((await removing(repo, name, true)).lost.join(), name).toMatch(message);
    }
    expect((await stateOf(repo))[1]).toEqual([]);
  });

  it('loses nothing where the commits are pushed or merged', async () => {
    const repo = await repository();
    await repo.sh('git clone -q --bare . ../o.git && git remote add origin "$PWD/../o.git" && git fetch -q');
    await adding(repo, 'pushed');
    await adding(repo, 'merged');
    await repo.sh('git commit -q --allow-empty -m x && git push -q origin pushed', '.worktrees/pushed');
    await repo.sh('git commit -q --allow-empty -m y', '.worktrees/merged');
    await repo.sh('git merge -q merged');
    expect([(await removing(repo, 'pushed')).lost, (await removing(repo, 'merged')).lost]).toEqual([[], []]);
  });

  it('forgets one whose folder is gone, but not its commits', async () => {
    const repo = await repository();
    await adding(repo, 'gone');
    await repo.sh('git checkout -q --detach && git commit -q --allow-empty -m x', '.worktrees/gone');
    await repo.sh('rm -rf .worktrees/gone');
    await expect(removing(repo, 'gone')).rejects.toMatchObject({ kind: 'refused' });
    await removing(repo, 'gone', true);
    expect(await repo.sh('git worktree list')).not.toContain('gone');
  });

  it('touches only what is in .worktrees', async () => {
    const repo = await repository();
    await repo.sh('git worktree add -q ../elsewhere');
    await adding(repo, 'feat/cart');
    mkdirSync(join(repo.path, '.worktrees/plain'));
    await expect(removing(repo, 'elsewhere', true)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('not made by cw'),
    });
    await expect(removing(repo, 'main', true)).rejects.toMatchObject({ kind: 'refused' });
    await expect(removing(repo, 'plain', true)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(removing(repo, 'feat-crat')).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining('Nearest: feat-cart'),
    });
    expect((await listWorktrees(repo.path, { env: repo.box.env })).length).toBe(3);
  });
});
