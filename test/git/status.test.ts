import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gitEnvironment } from '../../src/git/git.js';
import { many } from '../../src/git/many.js';
import { gitStatus, parseStatus } from '../../src/git/status.js';
import { sandbox } from '../support/sandbox.js';
import { repository } from './repo.js';

describe('parseStatus', () => {
  // A path holds any byte but NUL.
  const path = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !text.includes('\0'));
  const mode = '100644 100644 100644';
  const hash = '0'.repeat(40);
  const entry = fc.oneof(
    fc.record({
      kind: fc.constant('changed'),
      x: fc.constantFrom('.', 'M', 'A'),
      y: fc.constantFrom('.', 'M', 'D'),
      path,
    }),
    fc.record({
      kind: fc.constant('renamed'),
      x: fc.constant('R'),
      y: fc.constantFrom('.', 'M'),
      path,
      from: fc.oneof(path, fc.constantFrom('? x', '1 MM', 'u x', '# stash 3')),
    }),
    fc.record({ kind: fc.constantFrom('untracked', 'conflict'), path }),
  );
  type Entry = { kind: string; path: string; x?: string; y?: string; from?: string };
  const print = (one: Entry) =>
    one.kind === 'changed'
      ? `1 ${one.x}${one.y} N... ${mode} ${hash} ${hash} ${one.path}`
      : one.kind === 'renamed'
        ? `2 ${one.x}${one.y} N... ${mode} ${hash} ${hash} R90 ${one.path}\0${one.from}`
        : one.kind === 'conflict'
          ? `u UU N... ${mode} 100644 ${hash} ${hash} ${hash} ${one.path}`
          : `? ${one.path}`;

  it('counts whatever the paths are', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries: Entry[]) => {
        const text = [`# branch.oid ${hash}`, '# branch.head feat/x', ...entries.map(print)]
          .map((line) => `${line}\0`)
          .join('');
        const tree = parseStatus(text);
        const count = (check: (one: Entry) => boolean) => entries.filter(check).length;
        expect(tree).toMatchObject({
          branch: 'feat/x',
          staged: count((one) => one.x !== undefined && one.x !== '.'),
          changed: count((one) => one.y !== undefined && one.y !== '.'),
          untracked: count((one) => one.kind === 'untracked'),
          conflicted: count((one) => one.kind === 'conflict'),
        });
      }),
    );
  });

  it('takes nothing else for a status', () => {
    expect(() => parseStatus('')).toThrow('no branch');
  });
});

describe('gitStatus', () => {
  it('reads branch, counts, upstream, stashes and operations', async () => {
    const { box, path, sh } = await repository();
    await sh(`
      git clone -q --bare . ../origin.git && git remote add origin ../origin.git && git fetch -q && git branch -q -u origin/main
      echo two > a && git stash -q
      echo b > b && git add b && git commit -qm two
      git mv b 'c
      d' && echo three > a && echo new > "$(printf 'caf\\351 \\t"')" && mkdir folder && touch folder/x folder/y
      echo ignored > ig && echo ig > .git/info/exclude
      git config status.showUntrackedFiles no && git config status.branch false
    `);
    const commit = (await sh('git rev-parse HEAD')).trim();
    const clean = {
      kind: 'repository',
      branch: 'main',
      detached: false,
      commit,
      upstream: 'origin/main',
      ahead: 1,
      behind: 0,
      staged: 1,
      changed: 1,
      untracked: 2,
      conflicted: 0,
      stashes: 1,
      operation: null,
    };
    expect(await gitStatus(join(path, 'folder'), { env: box.env })).toEqual(clean);
    await sh(`
      git reset -q --hard && rm -rf folder caf* && git checkout -qb other HEAD~1 && echo mine > b && git add b && git commit -qm mine
      git merge main >/dev/null 2>&1 || true
    `);
    expect(await gitStatus(path, { env: box.env })).toMatchObject({
      branch: 'other',
      upstream: null,
      ahead: null,
      conflicted: 1,
      operation: 'merge',
    });
    await sh('git merge --abort && (git rebase main >/dev/null 2>&1 || true)');
    expect(await gitStatus(path, { env: box.env })).toMatchObject({
      branch: null,
      detached: true,
      operation: 'rebase',
    });
    await sh(
      'git rebase --abort && git update-ref -d refs/remotes/origin/main && git checkout -q main && touch .git/index.lock',
    );
    // Somebody else holds the lock: looking needs none.
    expect(await gitStatus(path, { env: box.env })).toMatchObject({
      branch: 'main',
      upstream: 'origin/main',
      ahead: null,
      operation: null,
    });
    expect(existsSync(join(path, '.git/index.lock'))).toBe(true);
  });

  it('has three answers, and never throws', async () => {
    const { box, path, sh } = await repository();
    const at = (place: string) => gitStatus(join(path, place), { env: box.env });
    await sh(
      'git init -q ../new && git clone -q --bare . ../bare.git && mkdir ../plain ../broken && git init -q ../damaged && echo garbage > ../damaged/.git/index && echo "gitdir: /nowhere" > ../broken/.git',
    );
    expect(await at('../new')).toMatchObject({
      kind: 'repository',
      commit: null,
      branch: expect.any(String),
    });
    expect(await at('../plain')).toEqual({ kind: 'none' });
    expect(await at('../bare.git')).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('bare'),
    });
    expect(await at('../broken')).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('/nowhere'),
    });
    expect(await at('../damaged')).toMatchObject({
      kind: 'unknown',
      reason: expect.stringMatching(/index|signature/),
    });
    expect(await at('../missing')).toMatchObject({ kind: 'unknown' });
    expect(await gitStatus(path, { env: { ...box.env, PATH: box.folder } })).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('git is not installed'),
    });
  });

  it('runs nothing of the repository’s, and is bound to no other one by a hook’s environment', async () => {
    const { box, path, sh } = await repository();
    const trap = box.file('trap', `#!/bin/sh\ntouch '${box.home}/sprung'\n`);
    chmodSync(trap, 0o755);
    await sh(
      `git config core.fsmonitor '${trap}' && mkdir hooks && cp '${trap}' hooks/post-index-change && chmod +x hooks/* && git config core.hooksPath hooks && touch a && git init -q ../other`,
    );
    const env = {
      ...box.env,
      GIT_DIR: join(box.home, 'other/.git'),
      GIT_WORK_TREE: box.home,
      GIT_INDEX_FILE: '/nowhere',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.bare',
      GIT_CONFIG_VALUE_0: 'true',
    };
    expect(await gitStatus(path, { env })).toMatchObject({
      kind: 'repository',
      branch: 'main',
      untracked: 1,
    });
    expect(existsSync(join(box.home, 'sprung'))).toBe(false);
  });

  it('gives up after its time', async () => {
    const { box, path } = await repository();
    const slow = box.file('bin/git', '#!/bin/sh\nexec sleep 600\n', 0o755);
    expect(
      await gitStatus(path, {
        env: { ...box.env, PATH: `${join(slow, '..')}:${box.env.PATH}` },
        timeout: 200,
      }),
    ).toEqual({ kind: 'unknown', reason: 'git did not answer in 0.2 s' });
  });
});

describe('gitEnvironment', () => {
  it('drops every variable that git itself calls local to a repository', async () => {
    const box = sandbox();
    const names = (await box.run('git', ['rev-parse', '--local-env-vars'])).stdout.trim().split('\n');
    const env = gitEnvironment({
      ...Object.fromEntries(names.map((name) => [name, 'x'])),
      HOME: '/h',
      GIT_AUTHOR_NAME: 'n',
    });
    expect(Object.keys(env).filter((name) => names.includes(name))).toEqual([]);
    expect(env).toMatchObject({ HOME: '/h', GIT_AUTHOR_NAME: 'n', GIT_TERMINAL_PROMPT: '0' });
  });
});

describe('many', () => {
  it('keeps the order and the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await many(
      [3, 1, 2, 5, 4],
      async (item) => {
        most = Math.max(most, ++running);
        for (let turn = 0; turn < item; turn++) await Promise.resolve();
        running--;
        return item * 10;
      },
      2,
    );
    expect(results).toEqual([30, 10, 20, 50, 40]);
    expect(most).toBe(2);
  });

  it('throws what the work throws', async () => {
    await expect(
      many([1, 2], async (item) => (item === 2 ? Promise.reject(new Error('no')) : item)),
    ).rejects.toThrow('no');
  });
});
