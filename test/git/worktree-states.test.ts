import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRepository } from '../../src/git/repository.js';
import { isMerged, type TreeState, treePlaces, treeState } from '../../src/git/worktree-states.js';
import { waitUntil } from '../support/wait.js';
import { repository, type TestRepository } from './repo.js';

/** The states of all trees by their names. */
async function statesOf({ path, box }: TestRepository): Promise<Record<string, TreeState>> {
  const places = treePlaces(findRepository(path)!);
  const states = await Promise.all(places.map((place) => treeState(place, { env: box.env })));
  return Object.fromEntries(states.map((state) => [state.name, state]));
}

const commit = (message: string) => `git commit -q --allow-empty -m "${message}"`;

describe('the states of working trees', () => {
  it('says of each branch how it stands to the one that work goes to', async () => {
    const repo = await repository();
    await repo.sh(`
      for name in fresh open merged forward; do git worktree add -q .worktrees/$name -b feat/$name; done
      (cd .worktrees/open && ${commit('work')} && ${commit('more')})
      (cd .worktrees/merged && ${commit('done')})
      (cd .worktrees/forward && ${commit('done too')})
      git merge -q feat/forward && git merge -q --no-ff -m merge feat/merged
      git worktree add -q --detach .worktrees/detached
      echo x > .worktrees/open/new
    `);
    const states = await statesOf(repo);
    const shown = Object.fromEntries(
      Object.entries(states).map(([name, state]) => [name, [state.base, isMerged(state)]]),
    );
    expect(shown).toEqual({
      shop: [null, false],
      fresh: [{ name: 'main', ahead: 0, behind: 3 }, false], // nothing was done on it yet
      open: [{ name: 'main', ahead: 2, behind: 3 }, false],
      merged: [{ name: 'main', ahead: 0, behind: 2 }, true],
      forward: [{ name: 'main', ahead: 0, behind: 2 }, true],
      detached: [null, false],
    });
    expect(states.shop).toMatchObject({ main: true, ours: false, hasRemote: false, unpushed: null });
    expect(states.open).toMatchObject({ main: false, ours: true, branch: 'feat/open', unpushed: null });
    // What it was compared with for one call is no upstream of its own.
    expect(states.open?.status).toMatchObject({ upstream: null, ahead: null, untracked: 1 });
    expect(states.detached?.status).toMatchObject({ detached: true, branch: null });
    expect(await repo.sh('cat .git/config')).not.toContain('merge');
  });

  it('counts what is not at the remote, with an upstream and without', async () => {
    const repo = await repository();
    await repo.sh(`
      git init -q --bare ../remote.git && git remote add origin "$PWD/../remote.git" && git push -q -u origin main
      git remote set-head origin main
      git worktree add -q .worktrees/pushed -b pushed && cd .worktrees/pushed
      ${commit('a')} && git push -q -u origin pushed && ${commit('b')}
      cd ../.. && git worktree add -q .worktrees/own --no-track -b own && cd .worktrees/own && ${commit('c')} && ${commit('d')}
      cd ../.. && git worktree add -q .worktrees/gone -b gone && cd .worktrees/gone
      ${commit('e')} && git push -q -u origin gone && git push -q origin --delete gone && git fetch -q --prune
      cd ../.. && ${commit('f')}
    `);
    const states = await statesOf(repo);
    const shown = Object.fromEntries(
      Object.entries(states).map(([name, { unpushed, upstreamGone, hasRemote }]) => [
        name,
        [unpushed, upstreamGone, hasRemote],
      ]),
    );
    expect(shown).toEqual({
      shop: [1, false, true],
      pushed: [1, false, true],
      own: [2, false, true],
      gone: [null, true, true],
    });
    expect(states.own?.base).toEqual({ name: 'origin/main', ahead: 2, behind: 0 });
  });

  it('knows a merged branch that has an upstream of its own, there or gone, loose or packed', async () => {
    const repo = await repository();
    await repo.sh(`
      git init -q --bare ../remote.git && git remote add origin "$PWD/../remote.git" && git push -q -u origin main
      for name in kept gone squashed open; do git worktree add -q .worktrees/$name -b $name; done
      for name in kept gone squashed open; do (cd .worktrees/$name && ${commit('$name')} && git push -q -u origin $name); done
      git merge -q --no-ff -m merge kept && git merge -q --no-ff -m merge gone && git push -q
      git push -q origin --delete gone squashed && git fetch -q --prune
      (cd .worktrees/open && ${commit('more')})
    `);
    const expected = {
      kept: [{ name: 'main', ahead: 0, behind: 3 }, true, 0, false, 'origin/kept', 0],
      gone: [{ name: 'main', ahead: 0, behind: 3 }, true, 0, true, 'origin/gone', null],
      squashed: [{ name: 'main', ahead: 1, behind: 4 }, false, null, true, 'origin/squashed', null],
      open: [null, false, 1, false, 'origin/open', 1],
    };
    for (const pack of ['true', 'git pack-refs --all']) {
      await repo.sh(pack);
      const { shop: _, ...states } = await statesOf(repo);
      const shown = Object.entries(states).map(
        ([name, { base, unpushed, upstreamGone, status, ...state }]) => {
          if (status.kind !== 'repository') throw new Error(`${name} is ${JSON.stringify(status)}`);
          const merged = isMerged({ ...state, base });
          return [name, [base, merged, unpushed, upstreamGone, status.upstream, status.ahead]];
        },
      );
      expect(Object.fromEntries(shown)).toEqual(expected);
    }
  });

  it('tells what it could not find out: a folder that is gone, a broken repository, a git that hangs', async () => {
    const repo = await repository();
    await repo.sh('git worktree add -q .worktrees/a -b a; git worktree add -q .worktrees/b -b b');
    rmSync(join(repo.path, '.worktrees/a'), { recursive: true });
    writeFileSync(join(repo.path, '.git/worktrees/b/index'), 'nonsense');
    writeFileSync(join(repo.path, '.git/index.lock'), '');
    const states = await statesOf(repo);
    expect(states.a).toMatchObject({ gone: true, status: { kind: 'unknown', reason: 'its folder is gone' } });
    expect(states.b?.status).toMatchObject({ kind: 'unknown' });
    // A lock of somebody else's does not keep us from looking.
    expect(states.shop?.status).toMatchObject({ kind: 'repository' });
    expect(states.shop?.indexLockAt).toMatch(/^\d{4}-/);

    const bin = join(repo.box.folder, 'slow');
    mkdirSync(bin);
    writeFileSync(join(bin, 'git'), `#!/bin/sh\necho $$ > "${bin}/pid"\nexec sleep 1000\n`);
    chmodSync(join(bin, 'git'), 0o755);
    const env = { ...repo.box.env, PATH: `${bin}:${repo.box.env.PATH}` };
    const [main] = treePlaces(findRepository(repo.path)!);
    const hung = await treeState(main!, { env, timeout: 300 });
    expect(hung.status).toEqual({ kind: 'unknown', reason: 'git did not answer in 0.3 s' });
    const pid = Number(readFileSync(join(bin, 'pid'), 'utf8'));
    await waitUntil('it was ended', () => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
  });
});
