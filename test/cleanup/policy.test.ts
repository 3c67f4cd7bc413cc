import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  type Clock,
  decide,
  decideAll,
  type ProgramSeen,
  shippedKeepPrograms,
  type TreeSeen,
} from '../../src/cleanup/policy.js';

const hour = 3_600_000;
const now = Date.parse('2026-03-01T12:00:00Z');
const rules = { olderThan: 24 * hour, keepPrograms: shippedKeepPrograms };
const clock: Clock = { now, set: 0 };

const tree: TreeSeen = {
  path: '/shop',
  hasCommits: true,
  label: 'main',
  uncommitted: 0,
  unpushed: 0,
  stashes: 0,
  operation: null,
  hasRemote: true,
};
const program: ProgramSeen = {
  place: '1.2',
  text: 'npm run dev',
  names: ['node', 'npm'],
  after: { kind: 'again' },
};

/** One that nothing protects. */
const old: Candidate = {
  workspace: 'w000000000001',
  name: 'shop',
  shared: false,
  lookers: [],
  pinned: false,
  lastUsed: now - 25 * hour,
  agents: [{ place: '1.1', state: 'idle', evidence: 'Stop hook' }],
  programs: [program],
  trees: [tree],
  unknown: [],
};

const told = (changed: Partial<Candidate>, at: Clock = clock) => {
  const { action, ground, reason } = decide({ ...old, ...changed }, rules, at);
  return `${action} ${ground}: ${reason}`;
};

describe('a workspace', () => {
  it('that nothing protects may go', () => {
    expect(told({})).toBe('remove old: not seen for 1 d, clean, pushed');
    expect(told({ trees: [] })).toBe('remove old: not seen for 1 d');
  });

  const agent = (state: Candidate['agents'][number]['state']) => ({
    agents: [...old.agents, { place: '1.3', state, evidence: 'no sign of life' }],
  });

  it.each<[string, Partial<Candidate>, string]>([
    ['is shared', { shared: true }, 'keep shared: shared'],
    ['is shared, by a client that looks', { shared: true, lookers: ['attached'] }, 'keep shared: shared'],
    ['is attached', { lookers: ['attached'] }, 'keep attached: attached'],
    [
      'is looked at elsewhere',
      { lookers: ['attached through twin'] },
      'keep attached: attached through twin',
    ],
    ['is pinned', { pinned: true }, 'keep pinned: pinned'],
    ['has an agent that works', agent('working'), 'keep agent: an agent working'],
    ['has an agent that waits', agent('waiting'), 'keep agent: an agent waiting'],
    ['was used since', { lastUsed: now - 23 * hour }, 'keep recent: seen 23 h ago'],
    [
      'was used at the very limit less a moment',
      { lastUsed: now - 24 * hour + 1 },
      'keep recent: seen 23 h ago',
    ],
    [
      'runs a program of the list',
      { programs: [{ ...program, text: 'ssh db', names: ['ssh'] }] },
      'keep program: ssh db runs (1.2)',
    ],
    [
      'runs a program of the list below another',
      { programs: [{ ...program, names: ['node', 'rsync'] }] },
      'keep program: npm run dev (rsync) runs (1.2)',
    ],
    [
      'runs what does not come back',
      { programs: [{ ...program, text: './train', after: { kind: 'lost', why: 'would be gone' } }] },
      'keep program: ./train would be gone (1.2)',
    ],
    [
      'has an agent of which nothing is known',
      agent('unknown'),
      'keep unknown: state unknown: the agent in 1.3 (no sign of life)',
    ],
    [
      'could not be read',
      { unknown: ['git did not answer in 5 s'] },
      'keep unknown: state unknown: git did not answer in 5 s',
    ],
    [
      'was used nobody knows when',
      { lastUsed: Number.NaN },
      'keep unknown: state unknown: when it was last used',
    ],
    [
      'has changed files',
      { trees: [{ ...tree, uncommitted: 2 }] },
      'keep uncommitted: 2 files not committed (main)',
    ],
    [
      'has changed files in a worktree',
      { trees: [tree, { ...tree, label: 'feat/x', uncommitted: 1 }] },
      'keep uncommitted: 1 file not committed (feat/x)',
    ],
    [
      'has commits of its own',
      { trees: [{ ...tree, unpushed: 3 }] },
      'keep unpushed: 3 commits not pushed (main)',
    ],
    [
      'has no remote',
      { trees: [{ ...tree, unpushed: 1, hasRemote: false }] },
      'keep unpushed: 1 commit not pushed (main; there is no remote)',
    ],
    [
      'may have commits of its own',
      { trees: [{ ...tree, unpushed: null }] },
      'keep unknown: state unknown: whether main is pushed',
    ],
    ['has a stash', { trees: [{ ...tree, stashes: 1 }] }, 'keep stashed: 1 stash'],
    [
      'is in a rebase',
      { trees: [{ ...tree, operation: 'rebase' }] },
      'keep operation: a rebase is under way (main)',
    ],
  ])('that %s is kept', (_, changed, expected) => {
    expect(told(changed)).toBe(expected);
  });

  it('goes exactly when it is old enough', () => {
    expect(told({ lastUsed: now - 24 * hour })).toMatch(/^remove /);
  });
});

it('says the worst of several: who works before who waits, the tree with most stashes', () => {
  const agents = (['waiting', 'working'] as const).map((state) => ({ place: '1.1', state, evidence: '' }));
  expect(told({ agents })).toBe('keep agent: an agent working');
  expect(told({ trees: [tree, { ...tree, stashes: 2 }] })).toBe('keep stashed: 2 stashes');
});

describe('the clock', () => {
  it('counts as set from more than two minutes on', () => {
    expect(told({ lastUsed: now + 120_000 })).toMatch(/^keep recent/);
    expect(told({ lastUsed: now + 120_001 })).toMatch(/^keep clock/);
    expect(told({ lastUsed: now - 24 * hour }, { now, set: 120_000 })).toMatch(/^remove old/);
    expect(told({ lastUsed: now - 24 * hour }, { now, set: 120_001 })).toMatch(/^keep clock/);
  });

  it('that was set forward makes nothing old', () => {
    const jumped = { now: now + 72 * hour, set: 72 * hour };
    expect(told({ lastUsed: now - hour }, jumped)).toBe(
      'keep clock: the clock was set forward by 3 d: seen 1 h ago, or so',
    );
    expect(told({ lastUsed: now - 30 * hour }, jumped)).toMatch(/^remove /);
    // One from 1970 that was set right after the server began.
    expect(told({ lastUsed: 5000 }, { now, set: now - 60_000 })).toMatch(/^keep clock/);
  });

  it('that was set back makes nothing old', () => {
    expect(told({ lastUsed: now + 2 * hour }, { now, set: -30 * hour })).toBe(
      'keep clock: last used 2 h from now: the clock was set back',
    );
    expect(told({}, { now: now - 30 * hour, set: -30 * hour })).toMatch(/^keep clock/);
  });

  it('that is off by the seconds in which times are counted changes nothing', () => {
    for (const set of [-1000, 1000, 60_000, null]) expect(told({}, { now, set })).toMatch(/^remove /);
    expect(told({ lastUsed: now + 900 }, clock)).toBe('keep recent: seen 0 s ago');
  });
});

it('two sessions with one id are nobody knows which', () => {
  const twin = { ...old, name: 'twin' };
  const other = { ...old, workspace: 'w000000000002', name: 'api' };
  expect(decideAll([old, twin, other], rules, clock).map(({ name, ground }) => `${name} ${ground}`)).toEqual([
    'shop unknown',
    'twin unknown',
    'api old',
  ]);
});

it('no mixture of conditions is removed that any single one protects', () => {
  const some = <T>(...values: T[]) => fc.subarray(values);
  const any = fc.record<Candidate>({
    workspace: fc.constant(old.workspace),
    name: fc.constant('shop'),
    shared: fc.boolean(),
    lookers: some('attached'),
    pinned: fc.boolean(),
    lastUsed: fc.oneof(fc.integer({ min: now - 100 * hour, max: now + hour }), fc.constant(Number.NaN)),
    agents: some<Candidate['agents'][number]>(
      ...(['working', 'waiting', 'idle', 'exited', 'unknown'] as const).map((state) => ({
        place: '1.1',
        state,
        evidence: '',
      })),
    ),
    programs: some<ProgramSeen>(
      program,
      { ...program, names: ['ssh'] },
      { ...program, after: { kind: 'lost', why: '' } },
    ),
    trees: some<TreeSeen>(
      tree,
      { ...tree, uncommitted: 1 },
      { ...tree, unpushed: 1 },
      { ...tree, stashes: 1 },
      { ...tree, operation: 'merge' },
    ),
    unknown: some('git'),
  });
  fc.assert(
    fc.property(any, fc.integer({ min: -50 * hour, max: 50 * hour }), (candidate, set) => {
      const { action } = decide(candidate, rules, { now, set });
      const isFree =
        !candidate.shared &&
        candidate.lookers.length === 0 &&
        !candidate.pinned &&
        candidate.agents.every(({ state }) => state === 'idle' || state === 'exited') &&
        candidate.programs.every(
          (one) => one === program || JSON.stringify(one) === JSON.stringify(program),
        ) &&
        candidate.trees.every((one) => JSON.stringify(one) === JSON.stringify(tree)) &&
        candidate.unknown.length === 0;
      if (action === 'remove') {
        expect(isFree).toBe(true);
        expect(now - candidate.lastUsed).toBeGreaterThanOrEqual(rules.olderThan);
      } else if (isFree && Math.abs(set) < 1000) {
        expect(now - candidate.lastUsed < rules.olderThan || Number.isNaN(candidate.lastUsed)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});
