import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type TwoHomes, twoHomes } from './carry.js';

// Each run makes, gathers and places a real repository: few in the suite, as many as one likes by hand.
const runs = Number(process.env.CW_TEST_GIT_RUNS ?? 3);

/** Names as shell words. The last is no text at all. */
const names = [
  "'plain'",
  "'with space'",
  `'"quoted" and \\back'`,
  `"apo'strophe"`,
  "'new\nline'",
  "'ünï-☃'",
  "'-dash'",
  "'*?[glob]'",
  "':(top)colon'",
  "'sub/deep/file'",
  "'sub/-n'",
  '"$(printf \'not\\377text\')"',
];
/** What somebody does to a few files of a repository; what git refuses in that state is refused. */
function step(few: readonly string[]): fc.Arbitrary<string> {
  const name = fc.constantFrom(...few);
  const on = (template: string, weight = 1) => ({
    weight,
    arbitrary: name.map((word) => template.replaceAll('@', `./${word}`)),
  });
  return fc.oneof(
    on('mkdir -p "$(dirname @)"; echo line >> @', 5),
    on('git add -A -- @', 3),
    on('mkdir -p "$(dirname @)"; printf "a\\r\\nb\\r\\n" > @'),
    on('mkdir -p "$(dirname @)"; printf "bin\\000\\001\\377ary" >> @'),
    on('mkdir -p "$(dirname @)"; rm -rf @; ln -s "../no where" @'),
    on('rm -rf @; mkdir @; echo below > @/below'),
    on('rm -rf @'),
    on('git rm -q -r -f -- @'),
    on('git rm -q -r --cached -- @'),
    on('test -L @ || chmod 755 @'),
    on('test -L @ || chmod 644 @'),
    on('git update-index --chmod=+x -- @'),
    on('git add -N -- @', 3),
    on(': > @'),
    {
      weight: 1,
      arbitrary: fc.tuple(name, name).map(([from, to]) => `git mv -k -- ./${from} ./${to}`),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'git commit -q -m some',
        'git commit -q -a -m all',
        'git stash -q',
        'git stash -q -u',
        'git branch side',
        'git checkout -q side',
        'git checkout -q -b "b-$(git rev-list --count HEAD)"',
        'git checkout -q --detach',
        'test -e ../tree || git worktree add -q -b treed ../tree',
        'test -e ../loose || git worktree add -q --detach ../loose',
      ),
    },
  );
}
const where = fc.constantFrom('.', '../tree', '../loose');
const state = fc.shuffledSubarray(names, { minLength: 2, maxLength: 5 }).chain((few) => {
  const steps = (minLength: number, maxLength: number) => fc.array(step(few), { minLength, maxLength });
  return fc.record({
    remote: fc.boolean(),
    committed: steps(0, 6),
    steps: steps(6, 24),
    elsewhere: fc.array(fc.record({ folder: where, step: step(few) }), { maxLength: 6 }),
  });
});

function git(folder: string, env: NodeJS.ProcessEnv, ...args: string[]): string {
  return execFileSync('git', args, { cwd: folder, env, encoding: 'latin1' });
}

/** All files of a working tree: kind, whether they can be run, and bytes. */
function filesOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const look = (at: Buffer, below: string) => {
    for (const entry of readdirSync(at, { encoding: 'buffer' })) {
      const path = Buffer.concat([at, Buffer.from('/'), entry]);
      const label = `${below}${entry.toString('latin1')}`;
      if (label === '.git') continue;
      const stat = lstatSync(path);
      if (stat.isDirectory()) look(path, `${label}/`);
      else
        found[label] = stat.isSymbolicLink()
          ? `link ${readlinkSync(path)}`
          : `${stat.mode & 0o100 ? 'x' : '-'} ${readFileSync(path, 'latin1')}`;
    }
  };
  look(Buffer.from(folder), '');
  return found;
}

function statusOf(folder: string, env: NodeJS.ProcessEnv): string[] {
  return git(folder, env, 'status', '--porcelain=v2', '--branch', '--untracked-files=all', '-z').split('\0');
}

/** The path in a line of it for one changed file. */
function pathIn(line: string): string {
  return Buffer.from(line.split(' ').slice(8).join(' '), 'latin1').toString('utf8');
}

const shared = (folder: string, env: NodeJS.ProcessEnv) => ({
  branches: git(
    folder,
    env,
    'for-each-ref',
    '--format=%(refname) %(objectname) %(upstream)',
    'refs/heads',
    'refs/carried',
  ),
  stashes: git(folder, env, 'stash', 'list', '--format=%H'),
});

/** A clone with work of its own is in the way. */
async function intoBusyClone(homes: TwoHomes, gathered: Awaited<ReturnType<TwoHomes['gather']>>) {
  const { there, repo } = homes;
  const busy = join(there.home, 'busy');
  await homes.sh(
    `git clone -q '${join(repo.box.home, 'remote.git')}' busy; cd busy
     echo mine >> a; echo staged > mine; git add mine; echo more >> mine; echo untracked > 'my own'; ln -s a my-link`,
    there.home,
  );
  const before = [statusOf(busy, there.env).filter((line) => line[0] !== '#'), filesOf(busy)];
  const placed = await homes.place(gathered, { into: busy });
  expect([statusOf(busy, there.env).filter((line) => line[0] !== '#'), filesOf(busy)]).toEqual(before);
  const [first] = placed.worktrees;
  const { trees } = gathered.described.worktrees[0]!;
  const hasWork =
    trees.staged !== trees.base || trees.unstaged !== trees.base || trees.untracked !== trees.base;
  expect(first?.outcome).toBe(hasWork ? 'on-branch' : 'left-out');
  if (hasWork) expect(git(busy, there.env, 'rev-parse', `${first?.on}^{tree}`).trim()).toBe(trees.untracked);
}

it('a repository in any state is placed as it was, and over nothing', {
  timeout: 60_000 * runs,
}, async () => {
  await fc.assert(
    fc.asyncProperty(state, async ({ remote, committed, steps: done, elsewhere }) => {
      const homes = await twoHomes(false);
      const { repo, there } = homes;
      const run = (list: readonly string[]) => repo.sh(list.map((one) => `(${one}) || true`).join('\n'));
      await run(committed);
      await repo.sh('git add -A; git commit -q --allow-empty -m base');
      if (remote)
        await repo.sh(
          'git init -q --bare -b main ../remote.git; git remote add origin "$(cd .. && pwd)/remote.git"; git push -qu origin main',
        );
      await run(done);
      await run(elsewhere.map(({ folder, step: one }) => `cd ${folder} && { ${one}; }`));
      const gathered = await homes.gather();
      const placed = await homes.place(gathered);
      expect(placed.notes).toEqual([]);
      expect(placed.worktrees.map(({ outcome }) => outcome)).toEqual(placed.worktrees.map(() => 'applied'));
      expect(shared(homes.mapped, there.env)).toEqual(shared(repo.path, repo.box.env));
      for (const [n, { path }] of placed.worktrees.entries()) {
        const from = n === 0 ? repo.path : path!.replace(there.home, repo.box.home);
        // Added in name only, and gone from the disk: that is said, and is not there.
        const gone = gathered.leftOut.filter(({ why }) => why.startsWith('It was added in name only'));
        const names = new Set(gone.map(({ what }) => what.slice(from.length + 1)));
        expect(statusOf(path!, there.env)).toEqual(
          statusOf(from, repo.box.env).filter((line) => !(/^1 \.D /.test(line) && names.has(pathIn(line)))),
        );
        expect(filesOf(path!)).toEqual(filesOf(from));
      }
      if (remote) await intoBusyClone(homes, gathered);
    }),
    { numRuns: runs },
  );
});
