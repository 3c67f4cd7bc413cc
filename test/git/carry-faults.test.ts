import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isCwError } from '../../src/errors.js';
import type { GatheredWork } from '../../src/git/gather-work.js';
import { many } from '../../src/git/many.js';
import { makeSandbox } from '../support/world.js';
import { type TwoHomes, twoHomes } from './carry.js';

/**
 * What becomes of work while it is gathered and placed when git goes wrong at one of its calls. In the suite: at the
 * first, one in the middle and the last of them; with CW_TEST_GIT_FAULTS=all at each, in both ways (some minutes).
 */
const all = process.env.CW_TEST_GIT_FAULTS === 'all';

const ways = {
  /** git does not come to do anything. */
  refused: 'exit 128',
  /** git has done it, and was ended before it could say so. */
  killed: '"$real" "$@"; kill -9 $$',
};
type Way = keyof typeof ways;

interface Fault {
  readonly way: Way;
  readonly at: number;
}

const never: Fault = { way: 'refused', at: 0 };
const nameOf = ({ way, at }: Fault) => `${way}-${at}`;

/** Where git goes wrong. @param first the way of the first one; they alternate */
function faultsIn(calls: number, first: Way): Fault[] {
  const numbers = Array.from({ length: calls }, (_, n) => n + 1);
  if (all)
    return numbers.flatMap((at) => [
      { way: 'refused' as const, at },
      { way: 'killed' as const, at },
    ]);
  const other: Way = first === 'refused' ? 'killed' : 'refused';
  return [
    { way: first, at: 1 },
    ...(calls > 1
      ? [
          { way: other, at: Math.ceil(calls / 2) },
          { way: first, at: calls },
        ]
      : []),
  ];
}

const homes: { busy: TwoHomes; alone: GatheredWork; pushed: GatheredWork } = {} as never;
const sandboxes: ReturnType<typeof makeSandbox>[] = [];
const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();

beforeAll(async () => {
  const busy = await twoHomes(false, 'shop', () => {
    sandboxes.push(makeSandbox());
    return sandboxes.at(-1)!;
  });
  // Something of all that is carried.
  await busy.repo.sh(
    `git branch other; echo b > b; git add b; git commit -qm b; git branch side; echo s >> a; git stash -q
     git worktree add -q ../tree side; echo t > ../tree/t
     echo c > c; git add c; echo d >> a; echo e > e; git add -N e`,
  );
  const alone = await busy.gather();
  await busy.repo.sh(
    'git init -q --bare -b main ../remote.git; git remote add origin "$(cd ../remote.git; pwd)"; git push -q origin other:main',
  );
  Object.assign(homes, { busy, alone, pushed: await busy.gather() });
});

afterAll(async () => {
  for (const one of sandboxes) await one.dispose();
});

/** A git that goes wrong at one of its calls (0: at none); `calls` tells how often it was called. */
function failingGit(name: string, { way, at }: Fault) {
  const folder = join(homes.busy.there.folder, 'git', name);
  const [bin, counted, temporary] = [
    join(folder, 'bin'),
    join(folder, 'calls'),
    join(folder, 'tmp'),
  ] as const;
  for (const one of [bin, counted, temporary]) mkdirSync(one, { recursive: true });
  writeFileSync(
    join(bin, 'git'),
    `#!/bin/sh
set -C
n=1
until { true > '${counted}'/$n; } 2> /dev/null; do n=$((n + 1)); done
set +C
real=${real}
if [ $n = ${at} ]; then ${ways[way]}; fi
exec "$real" "$@"
`,
  );
  chmodSync(join(bin, 'git'), 0o755);
  return {
    env: { PATH: `${bin}:${homes.busy.there.env.PATH}`, TMPDIR: temporary },
    temporary,
    calls: () => readdirSync(counted).length,
  };
}

/** All that lies below a folder, with the bytes of files. */
function everything(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    paths.map((path) => {
      const isFile = lstatSync(join(folder, path)).isFile();
      return [path, isFile ? readFileSync(join(folder, path), 'latin1') : ''];
    }),
  );
}

/** What a failure says; null: none was thrown. */
async function failureOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    expect(isCwError(error), String(error)).toBe(true);
    return (error as Error).message;
  }
}

/** What a failure says: that it was git, and how it ended. */
const clear = /^[A-Zg/~].*: .*git (ended with code 128|was ended by a signal)/;

it('git that fails while work is gathered leaves the source as it is, and nothing out in silence', {
  timeout: 600_000,
}, async () => {
  const { repo } = homes.busy;
  const before = everything(repo.box.home);
  const gather = (env: NodeJS.ProcessEnv) => homes.busy.gather({ env: { ...repo.box.env, ...env } });
  const counted = failingGit('gather', never);
  const whole = await gather(counted.env);
  expect(whole.described).toEqual(homes.pushed.described);
  const results = await many(faultsIn(counted.calls(), 'killed'), async (fault) => {
    const work = gather(failingGit(`gather-${nameOf(fault)}`, fault).env);
    const said = await failureOf(work);
    return { fault, said, gathered: said === null ? await work : null };
  });
  for (const { fault, said, gathered } of results) {
    if (said !== null) expect(said, nameOf(fault)).toMatch(clear);
    else if (gathered?.leftOut.length === whole.leftOut.length)
      expect(gathered.described, nameOf(fault)).toEqual(whole.described);
  }
  expect(results.filter(({ said }) => said !== null).length).toBeGreaterThan(1);
  expect(everything(repo.box.home)).toEqual(before);
});

it.each([
  ['a repository made of the bundle', 'alone', '', 'refused'],
  ['a clone', 'pushed', '', 'killed'],
  ['a repository that is there', 'pushed', 'git clone -q "$1" shop', 'killed'],
] as const)(
  'git that fails while work is placed in %s leaves nothing half, and a repeat places all',
  { timeout: 1_200_000 },
  async (target, source, prepare, first) => {
    const { busy } = homes;
    const stateOf = (home: string) =>
      busy.sh(
        `cd shop; git status --porcelain=v2; cat a c e; git stash list --format=%H; git rev-parse other side
         git for-each-ref refs/carried refs/heads/moved; cd ../tree; git status --porcelain=v2; git rev-parse --abbrev-ref HEAD; cat t`,
        home,
      );
    const whole = await stateOf(busy.repo.box.home);
    const remote = join(busy.repo.box.home, 'remote.git');
    /** Places with a git that fails, and then with `repeat`. */
    const attempt = async (fault: Fault, repeat: NodeJS.ProcessEnv = {}): Promise<string | null> => {
      const name = `${target.replaceAll(' ', '-')}-${nameOf(fault)}`;
      const home = join(busy.there.home, name);
      mkdirSync(home);
      if (prepare) await busy.there.run('sh', ['-ec', prepare, 'sh', remote], { cwd: home });
      const place = (env: NodeJS.ProcessEnv) =>
        busy.place(homes[source], {
          env: { ...busy.there.env, ...env },
          mapped: join(home, 'shop'),
          mapPath: (path) => path.replace(busy.repo.box.home, home),
        });
      const { env, temporary } = failingGit(name, fault);
      const placing = place(env);
      const said = await failureOf(placing);
      // What git refused went to a branch of its own, and that was said: it is no part of what is compared.
      const placed = said === null ? await placing : null;
      if (
        placed &&
        (placed.notes.length > 0 || placed.worktrees.some(({ outcome }) => outcome === 'on-branch'))
      )
        return said;
      if (said === null) expect.soft(await stateOf(home).catch(String), name).toBe(whole);
      else expect.soft(said, name).toMatch(clear);
      const left = readdirSync(home, { recursive: true, encoding: 'utf8' });
      const half = [...left.filter((path) => /\.lock$|cw-placing/.test(path)), ...readdirSync(temporary)];
      expect.soft(half, name).toEqual([]);
      expect.soft(await failureOf(place(repeat)), `${name}, repeated`).toBe(null);
      expect.soft(await stateOf(home).catch(String), `${name}, repeated`).toBe(whole);
      return said;
    };
    // The repeat of the first one places all, and counts the calls for the others.
    const counted = failingGit(target.replaceAll(' ', '-'), never);
    const [start, ...others] = faultsIn(1, first);
    const failed = await attempt(start!, counted.env);
    expect(failed).not.toBe(null);
    await many([...others, ...faultsIn(counted.calls(), first).filter(({ at }) => at > 1)], (fault) =>
      attempt(fault),
    );
  },
);
