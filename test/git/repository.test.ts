import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRepository } from '../../src/git/repository.js';
import { sandbox } from '../support/sandbox.js';
import { repository } from './repo.js';

describe('findRepository', () => {
  it('agrees with git in every kind of place', async () => {
    const { box, path, sh } = await repository('my "shop"\n☃');
    await sh(`
      mkdir -p deep/er .git/info empty/.git
      git worktree add -q wt
      git -C wt worktree add -q ../wt2
      mkdir -p wt/sub
      git clone -q --bare . ../bare.git
      git -C ../bare.git worktree add -q ../of-bare 2>/dev/null
      mkdir ../around && git clone -q --bare . ../around/.bare && echo 'gitdir: ./.bare' > ../around/.git
      git -c protocol.file.allow=always submodule --quiet add "$PWD/../bare.git" vendor 2>/dev/null
      git -C vendor worktree add -q ../../of-vendor
      git init -q --separate-git-dir ../separate.git ../split
    `);
    symlinkSync(join(path, 'deep'), join(box.home, 'link'));
    const places = [
      '.',
      'deep/er',
      'empty',
      'wt',
      'wt/sub',
      'wt2',
      'vendor',
      '../of-vendor',
      '../split',
      '../link/er',
      '../of-bare',
      '../bare.git',
      '../around',
      '.git',
      '.git/info',
    ];
    const asked = await sh(
      `for place in ${places.join(' ')}; do
        printf '%s\\0%s\\0%s\\0' "$(git -C "$place" rev-parse --show-toplevel 2>/dev/null || echo none)" \\
          "$(cd -P "$place" && cd "$(git rev-parse --absolute-git-dir)" && pwd -P)" "$(cd -P "$place" && cd "$(git rev-parse --git-common-dir)" && pwd -P)"
      done`,
    );
    const answers = asked.split('\0');
    for (const [at, place] of places.entries()) {
      const found = findRepository(join(path, place));
      expect([place, found?.root ?? 'none', found?.gitDir, found?.commonDir]).toEqual([
        place,
        ...answers.slice(at * 3, at * 3 + 3),
      ]);
    }
    const homes = ['wt/sub', 'wt2', 'vendor', '../of-vendor', '../of-bare', '../around'].map((place) =>
      findRepository(join(path, place)),
    );
    const at = (place: string) => realpathSync(join(path, place));
    expect(homes.map((found) => found?.home)).toEqual([
      path,
      path,
      at('vendor'),
      at('vendor'),
      at('../bare.git'),
      at('../around'),
    ]);
    expect(homes.map((found) => found?.bare)).toEqual([false, false, false, false, true, true]);
  });

  it('tells a broken repository from none', async () => {
    const box = sandbox();
    expect(findRepository(box.home)).toBeNull();
    mkdirSync(join(box.home, 'moved'));
    writeFileSync(join(box.home, 'moved/.git'), 'gitdir: /nowhere/.git/worktrees/moved\n');
    expect(() => findRepository(join(box.home, 'moved'))).toThrow(/names \/nowhere.*no git folder/);
    writeFileSync(join(box.home, 'moved/.git'), 'something else');
    expect(() => findRepository(join(box.home, 'moved'))).toThrow(/damaged/);
    expect(() => findRepository(join(box.home, 'missing'))).toThrow(/no folder/);
  });
});
