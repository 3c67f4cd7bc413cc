import { describe, expect, it } from 'vitest';
import { candidatesOf, clockOf } from '../../src/cleanup/candidates.js';
import type { Candidate } from '../../src/cleanup/policy.js';
import { mergedWorktrees } from '../../src/cleanup/worktrees.js';
import { defaultPatterns } from '../../src/snapshot/allow-list.js';
import type { Program } from '../../src/snapshot/model.js';
import type { PaneSeen, Survey, WorkspaceSeen } from '../../src/survey/model.js';
import type { Processes, ProcessSample } from '../../src/system/processes.js';
import {
  agentSeen,
  ago,
  now,
  paneSeen,
  surveyOf,
  treeState,
  workspaceSeen,
  worktree,
} from '../health/facts.js';

/** Processes as `pid parent group foreground word...`; a state other than S stands before the pid. */
function processes(...lines: readonly string[]): Processes {
  const words = new Map<number, readonly string[]>();
  const samples = lines.map((line): ProcessSample => {
    const [state, rest] = /^[A-Z] /.test(line) ? [line[0]!, line.slice(2)] : ['S', line];
    const [pid, parent, group, foreground, ...argv] = rest.split(' ');
    words.set(Number(pid), argv);
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      foreground: Number(foreground),
      state,
      command: argv[0]!.replace(/^.*\//, '').slice(0, 15),
      start: pid!,
      ageSeconds: 100,
      cpuSeconds: 1,
      residentPages: 1,
    };
  });
  const byPid = new Map(samples.map((sample) => [sample.pid, sample]));
  const byParent = new Map<number, ProcessSample[]>();
  for (const sample of samples) byParent.set(sample.parent, [...(byParent.get(sample.parent) ?? []), sample]);
  return {
    byPid,
    byParent,
    uptime: 1000,
    table: { argv: (pid) => words.get(pid) ?? [], get: (pid) => byPid.get(pid) ?? null },
  };
}

const atPrompt = processes('100 1 100 100 bash');

function candidate(
  changes: Partial<WorkspaceSeen>,
  all: Processes | null = atPrompt,
  more: { editors?: ReadonlyMap<string, number | null>; survey?: Partial<Survey>; pinned?: boolean } = {},
): Candidate {
  const [found] = candidatesOf(surveyOf([workspaceSeen(changes)], more.survey), {
    processes: all,
    isPinned: (id) => more.pinned === true && id === 'w000000000001',
    patterns: defaultPatterns,
    editors: more.editors ?? new Map(),
  });
  return found!;
}

const group = (
  argv: readonly string[],
  more: Partial<Extract<Program, { kind: 'group' }>> = {},
): Program => ({
  kind: 'group',
  form: 'command',
  within: [],
  processes: [
    {
      pid: 101,
      argv: [...argv],
      exact: true,
      parent: null,
      stopped: false,
      stdin: null,
      stdout: null,
      stderr: null,
    },
  ],
  stopped: [],
  ...more,
});

/** A pane in which this runs in the foreground, as a user typed it. */
function running(line: string, changes: Partial<PaneSeen> = {}): [Partial<WorkspaceSeen>, Processes] {
  const argv = line.split(' ');
  const pane = paneSeen({ program: group(argv), foreground: { pid: 101, argv, ageSeconds: 9 }, ...changes });
  return [{ panes: [pane] }, processes('100 1 100 101 bash', `101 100 101 101 ${line}`)];
}

const told = (
  [changes, all]: [Partial<WorkspaceSeen>, Processes],
  editors?: ReadonlyMap<string, number | null>,
) => {
  const { programs, unknown } = candidate(changes, all, editors ? { editors } : {});
  return [
    ...programs.map(({ text, after }) => `${text} ${after.kind === 'lost' ? after.why : after.kind}`),
    ...unknown,
  ];
};

describe('a workspace that is at rest', () => {
  it('has nothing that speaks against its end', () => {
    expect(candidate({})).toMatchObject({
      shared: false,
      lookers: [],
      pinned: false,
      agents: [],
      programs: [],
      unknown: [],
      trees: [{ label: 'main', uncommitted: 0, unpushed: 0, stashes: 0, operation: null, hasRemote: true }],
    });
    expect(candidate({}, atPrompt, { pinned: true }).pinned).toBe(true);
  });

  it('is shared while a share of it is kept', () => {
    const share = { workspace: 'w000000000001', kept: true } as Survey['shares'][number];
    const shared = (changes: Partial<Survey['shares'][number]>) =>
      candidate({}, atPrompt, { survey: { shares: [{ ...share, ...changes }] } }).shared;
    expect(shared({})).toBe(true);
    expect(shared({ kept: false })).toBe(false);
    expect(shared({ workspace: 'w000000000002' })).toBe(false);
  });

  it('is no candidate when it is closed', () => {
    expect(
      candidatesOf(surveyOf([workspaceSeen({ session: null })]), {
        processes: atPrompt,
        isPinned: () => false,
        patterns: [],
        editors: new Map(),
      }),
    ).toEqual([]);
  });

  it('was used when the latest of all signs says so', () => {
    const session = workspaceSeen().session!;
    const used = (usedAt: string, attached: string | null, event: string | null) =>
      candidate({
        session: { ...session, usedAt, activeAt: now },
        record: { ...workspaceSeen().record!, lastAttachedAt: attached },
        agents: [agentSeen({ state: 'idle', lastEventAt: event, since: ago({ hours: 9 }) })],
      }).lastUsed;
    const [old, older] = [ago({ hours: 3 }), ago({ hours: 8 })];
    expect(used(old, older, older)).toBe(Date.parse(old));
    expect(used(older, old, older)).toBe(Date.parse(old));
    expect(used(older, older, old)).toBe(Date.parse(old));
    expect(used(older, null, null)).toBe(Date.parse(older));
  });

  it('knows the clock of its survey', () => {
    expect(clockOf(surveyOf([]))).toEqual({ now: Date.parse(now), set: 0 });
    expect(clockOf(surveyOf([], { tmux: { state: 'none' } })).set).toBeNull();
  });
});

describe('what runs', () => {
  it.each([
    ['tail -f log', 'tail -f log again'],
    ['npm run dev', 'npm run dev again'],
    ['./train.sh all', 'train.sh all runs, and would only be typed again'],
    ['npm run deploy', 'npm run deploy runs, and would only be typed again'],
  ])('%s: %s', (line, expected) => {
    expect(told(running(line))).toEqual([expected]);
  });

  it('is named by all that it started, and by the script of an interpreter', () => {
    const [changes] = running('npm run dev');
    const all = processes(
      '100 1 100 101 bash',
      '101 100 101 101 npm run dev',
      '102 101 101 101 /usr/bin/node /opt/rsync-loop',
      '103 102 101 101 ssh host',
      '104 1 104 104 vim other',
    );
    expect(candidate(changes, all).programs[0]!.names).toEqual(['npm', 'node', 'rsync-loop', 'ssh']);
  });

  it('is not named by what it is given', () => {
    expect(candidate(...running('less docker')).programs[0]!.names).toEqual(['less']);
  });

  it('of a pipe or a loop comes back not at all', () => {
    const [, all] = running('cat x');
    const pane = (form: 'pipe' | 'compound') =>
      paneSeen({
        program: group(['cat', 'x'], { form }),
        foreground: { pid: 101, argv: ['cat', 'x'], ageSeconds: 9 },
      });
    for (const form of ['pipe', 'compound'] as const)
      expect(told([{ panes: [pane(form)] }, all])).toEqual([
        'cat x runs, and cannot be started again as it is',
      ]);
  });

  it('in the background is lost, but for what a prompt starts', () => {
    const all = processes(
      '100 1 100 100 bash',
      '101 100 101 100 python3 -m http.server',
      '102 100 102 100 gitstatusd-linux',
      '103 100 100 100 bash',
      'T 104 100 104 100 sleep 5',
    );
    expect(told([{}, all])).toEqual(['python3 -m http.server runs in the background']);
  });

  it('and is stopped is lost', () => {
    const stopped =
      group(['vi', 'x']).kind === 'group'
        ? [
            {
              pid: 101,
              argv: ['vi', 'x'],
              exact: true,
              parent: null,
              stopped: true,
              stdin: null,
              stdout: null,
              stderr: null,
            },
          ]
        : [];
    const pane = paneSeen({ program: { kind: 'shell', stopped } });
    expect(told([{ panes: [pane] }, processes('100 1 100 100 bash', 'T 101 100 101 100 vi x')])).toEqual([
      'vi x is stopped',
    ]);
  });

  it('in place of a shell is what was declared, with no jobs of its own', () => {
    const pane = paneSeen({
      startCommand: 'exec tail -f log',
      program: { kind: 'declared', stopped: [] },
      foreground: { pid: 100, argv: ['tail', '-f', 'log'], ageSeconds: 9 },
    });
    const all = processes('100 1 100 100 tail -f log', '101 100 101 100 helper');
    expect(told([{ panes: [pane] }, all])).toEqual(['tail -f log again']);
  });

  it('and could not be read is unknown; a pane that is dead runs nothing', () => {
    const unknown = paneSeen({ program: { kind: 'unknown', reason: 'it came and went' } });
    expect(told([{ panes: [unknown] }, atPrompt])).toEqual(['what runs in 1.1 (it came and went)']);
    const dead = paneSeen({ dead: true, program: { kind: 'dead', status: 1 } });
    expect(told([{ panes: [dead] }, atPrompt])).toEqual([]);
    expect(candidate({}, null, { survey: { processesUnknown: 'ps failed' } }).unknown).toEqual([
      'its processes (ps failed)',
      'what runs in 1.1',
    ]);
  });

  it('is a vim that says that its text is not saved, or one that nobody can ask', () => {
    const vim = running('vim src/cart.tsx');
    expect(told(vim, new Map([['%1', 2]]))).toEqual(['vim src/cart.tsx holds text that is not saved']);
    for (const answer of [new Map([['%1', 0]]), new Map([['%1', null]]), undefined])
      expect(told(vim, answer)).toEqual(['vim src/cart.tsx again']);
  });

  it('is an nvim that says whether its text is saved', () => {
    const nvim = running('nvim src/cart.tsx');
    expect(told(nvim, new Map([['%1', 0]]))).toEqual(['nvim src/cart.tsx again']);
    expect(told(nvim, new Map([['%1', 2]]))).toEqual(['nvim src/cart.tsx holds text that is not saved']);
    for (const silent of [new Map([['%1', null]]), new Map()])
      expect(told(nvim, silent)).toEqual(['whether the text in 1.1 (nvim) is saved']);
  });

  it('is a Claude that cw knows, or one that nobody could bring back (gastown #923)', () => {
    const [changes, all] = running('claude --model opus');
    expect(told([{ ...changes, agents: [agentSeen({ state: 'idle' })] }, all])).toEqual([
      'claude --model opus again',
    ]);
    for (const agents of [[], [agentSeen({ state: 'exited' })], [agentSeen({ pane: '%9' })]])
      expect(told([{ ...changes, agents }, all])).toEqual(['the Claude in 1.1 is not one that cw knows']);
  });
});

describe('an agent of which nothing is known', () => {
  it('does nothing where its pane is at the prompt, and may do anything elsewhere', () => {
    const agents = [agentSeen({ state: 'unknown' })];
    expect(candidate({ agents }).agents[0]!.state).toBe('exited');
    const [changes, all] = running('claude');
    expect(candidate({ ...changes, agents }, all).agents[0]!.state).toBe('unknown');
  });
});

describe('the working trees', () => {
  const trees = (...list: ReturnType<typeof treeState>[]) =>
    candidate({ git: { kind: 'repository', trees: list } });

  it('count every file that is in no commit', () => {
    const { trees: seen } = trees(
      treeState({ status: { staged: 2, changed: 3, untracked: 1, conflicted: 1 } }),
      worktree({ status: { branch: 'feat/cart', staged: 4, changed: 1, stashes: 2 } }),
    );
    expect(seen.map(({ label, uncommitted, stashes }) => [label, uncommitted, stashes])).toEqual([
      ['main', 5, 0],
      ['feat/cart', 4, 2],
    ]);
  });

  it('are in the middle of something where git says so, or holds the index', () => {
    expect(trees(treeState({ status: { operation: 'merge' } })).trees[0]!.operation).toBe('merge');
    expect(trees(treeState({ indexLockAt: now })).trees[0]!.operation).toBe('git command');
  });

  it('that are gone hold nothing; those that do not answer are unknown', () => {
    const unknown = { kind: 'unknown', reason: 'git did not answer in 5 s' } as const;
    expect(trees(worktree({ gone: true, status: unknown }))).toMatchObject({ trees: [], unknown: [] });
    expect(trees(treeState(), worktree({ status: unknown })).unknown).toEqual(['git did not answer in 5 s']);
    for (const [git, why] of [
      [unknown, 'git did not answer in 5 s'],
      [{ kind: 'unread' } as const, 'its working trees were not read'],
    ] as const)
      expect(candidate({ git }).unknown).toEqual([why]);
    expect(candidate({ git: { kind: 'none' } })).toMatchObject({ trees: [], unknown: [] });
  });

  it('without a commit have none to push', () => {
    const [tree] = trees(treeState({ unpushed: null, status: { commit: null } })).trees;
    expect(tree).toMatchObject({ unpushed: 0, hasCommits: false });
    expect(trees(treeState({ unpushed: null })).trees[0]).toMatchObject({ unpushed: null, hasCommits: true });
  });
});

describe('a record', () => {
  it('that is lost or damaged is one by which nothing is known', () => {
    expect(candidate({ record: null }).unknown).toEqual(['its record is lost']);
    const damaged = ['/state/w000000000001/workspace.json'];
    expect(candidate({ record: null }, atPrompt, { survey: { damaged } }).unknown).toEqual([
      'its record is damaged',
    ]);
  });

  it('of agents that could not be read keeps', () => {
    expect(candidate({}, atPrompt, { survey: { agentsUnknown: 'locked' } }).unknown).toEqual([
      'its agents (locked)',
    ]);
  });
});

describe('a worktree', () => {
  const merged = { base: { name: 'main', ahead: 0, behind: 3 }, worked: true };
  const offered = (tree: ReturnType<typeof worktree>, panes = [paneSeen()]) =>
    mergedWorktrees(
      surveyOf([workspaceSeen({ panes, git: { kind: 'repository', trees: [treeState(), tree] } })]),
    ).length;

  it('is offered when it is ours, merged, clean and nobody is in it', () => {
    expect(
      mergedWorktrees(
        surveyOf([workspaceSeen({ git: { kind: 'repository', trees: [treeState(), worktree(merged)] } })]),
      ),
    ).toEqual([
      {
        workspace: 'shop',
        project: '/home/a/shop',
        path: '/home/a/shop/.worktrees/cart',
        name: 'cart',
        branch: 'feat/cart',
        into: 'main',
      },
    ]);
  });

  it.each([
    ['it has commits of its own', worktree({ ...merged, base: { name: 'main', ahead: 1, behind: 0 } })],
    ['nothing was ever committed on it', worktree({ ...merged, worked: false })],
    ['whether anything was is not known', worktree({ ...merged, worked: null })],
    ['nobody knows what it goes into', worktree({ ...merged, base: null })],
    ['it lies elsewhere', worktree({ ...merged, ours: false })],
    ['it is locked', worktree({ ...merged, locked: true })],
    ['it is gone', worktree({ ...merged, gone: true })],
    ['it is on no branch', worktree({ ...merged, branch: null })],
    ['git is at work in it', worktree({ ...merged, indexLockAt: now })],
    ['files are new', worktree({ ...merged, status: { untracked: 1 } })],
    ['files are staged', worktree({ ...merged, status: { staged: 1 } })],
    ['files are changed', worktree({ ...merged, status: { changed: 1 } })],
    ['files are in conflict', worktree({ ...merged, status: { conflicted: 1 } })],
    ['a rebase is under way', worktree({ ...merged, status: { operation: 'rebase' } })],
    ['it did not answer', worktree({ ...merged, status: { kind: 'unknown', reason: 'slow' } })],
  ])('is not when %s', (_, tree) => {
    expect(offered(tree)).toBe(0);
  });

  it('is not when a pane is in it', () => {
    expect(offered(worktree(merged), [paneSeen({ path: '/home/a/shop/.worktrees/cart/src' })])).toBe(0);
    expect(offered(worktree(merged), [paneSeen({ path: '/home/a/shop/.worktrees/cart2' })])).toBe(1);
  });
});
