import { describe, expect, it } from 'vitest';
import type { HealthFacts } from '../../src/health/check.js';
import type { CommandResult } from '../../src/health/command.js';
import { judgeHealth, workspaceChecks } from '../../src/health/judge.js';
import { restartName } from '../../src/health/restarts.js';
import type { ProjectFile } from '../../src/project/project-file.js';
import type { PaneSeen, Survey, WorkspaceSeen } from '../../src/survey/model.js';
import {
  agentSeen,
  ago,
  factsOf,
  limits,
  now,
  paneSeen,
  surveyOf,
  treeState,
  workspaceSeen,
  worktree,
} from './facts.js';

/** What is not ok, as `level id subject`. */
function told(facts: HealthFacts): string[] {
  return judgeHealth(facts)
    .filter(({ level }) => level !== 'ok')
    .map(({ level, id, subject }) => `${level} ${id} ${subject}`);
}

const server = { key: 'code.1', run: 'npm run dev' } as const;
const declared: PaneSeen['program'] = { kind: 'declared', stopped: [] };
const group: PaneSeen['program'] = { kind: 'group', form: 'command', within: [], processes: [], stopped: [] };
const running = (argv: string[], hours: number) => ({
  program: group,
  foreground: { pid: 7, argv, ageSeconds: hours * 3600 },
});
const old = {
  id: '$1',
  name: 's',
  attached: 0,
  createdAt: ago({ days: 30 }),
  lastAttachedAt: null,
  activeAt: now,
  usedAt: now,
  lookers: [],
  windows: [],
};
const project: ProjectFile = {
  projectType: null,
  initScript: null,
  healthCheck: './check.sh',
  testCommand: null,
  smokeTest: null,
  devServerPort: null,
  requiredEnv: [],
  timeoutSeconds: null,
  problems: [],
};
const trusted = { file: project, trust: 'trusted', envReadable: null, unknown: null } as const;

/** A cure is a line that does it as it is pasted, wherever that is. */
const cures: readonly [name: string, changes: Partial<WorkspaceSeen>, id: string, fix: string][] = [
  [
    'a dead pane, on the server that was looked at, with what its new shell does not know',
    {
      panes: [
        paneSeen({ dead: true, deadStatus: 1, run: 'tail -f app.log', program: { kind: 'dead', status: 1 } }),
      ],
    },
    'panes.dead',
    'Start it again: tmux -L work respawn-pane -t %1, and in it: tail -f app.log   or close it: tmux -L work kill-pane -t %1',
  ],
  [
    'a template of a project that is not trusted',
    {
      path: '/srv/shop',
      declared: { kind: 'unknown', reason: '.cw.yaml is not used: the project is not trusted.' },
      project: { ...trusted, trust: 'untrusted' },
    },
    'workspace.windows',
    'See it, and allow it: cw trust /srv/shop',
  ],
  [
    'work that is not committed',
    { git: { kind: 'repository', trees: [treeState({ path: '/srv/my shop', status: { untracked: 1 } })] } },
    'git.uncommitted',
    "Look: git -C '/srv/my shop' status   Commit all: (cd '/srv/my shop' && git add -A && git commit)",
  ],
  [
    'a stash',
    { path: '/srv/shop', git: { kind: 'repository', trees: [treeState({ status: { stashes: 1 } })] } },
    'git.stashed',
    'Look: git -C /srv/shop stash list   Take it back: git -C /srv/shop stash pop',
  ],
  [
    'a worktree of a merged branch that cw did not make',
    {
      path: '/srv/shop',
      git: {
        kind: 'repository',
        trees: [worktree({ ours: false, path: '/srv/cart', base: { name: 'main', ahead: 0, behind: 1 } })],
      },
    },
    'git.merged',
    'Remove it: git -C /srv/shop worktree remove /srv/cart',
  ],
];

describe('cures', () => {
  it.each(cures)('%s', (_name, changes, id, fix) => {
    const facts = factsOf(surveyOf([workspaceSeen(changes)]));
    const tmux = { ...facts.survey.tmux, words: ['-L', 'work'] } as Survey['tmux'];
    const found = judgeHealth({ ...facts, survey: { ...facts.survey, tmux } }).filter((one) => one.id === id);
    expect(found.map((one) => one.fix)).toEqual([fix]);
  });

  it('a health_check that exits does not end the shell that its line is pasted into', () => {
    const workspace = workspaceSeen({
      path: '/srv/shop',
      project: { ...trusted, file: { ...project, healthCheck: "echo it's down; exit 1" } },
    });
    const commands = new Map<string, CommandResult>([
      [workspace.id, { kind: 'failed', code: 1, lastLine: '' }],
    ]);
    const found = judgeHealth({ ...factsOf(surveyOf([workspace])), commands }).find(
      ({ level }) => level === 'error',
    );
    expect(found?.fix).toBe("See: (cd /srv/shop && sh -c 'echo it'\\''s down; exit 1')");
  });
});

/** A workspace with one thing wrong, and just what is said of it. */
const workspaceCases: readonly [
  what: string,
  changes: Partial<WorkspaceSeen>,
  expected: readonly string[],
][] = [
  ['all is well', {}, []],
  ['a pane more than the template has', { panes: [paneSeen(), paneSeen({ id: '%2', key: null })] }, []],
  ['a window is missing', { panes: [paneSeen({ key: 'other' })] }, ['warning workspace.windows window code']],
  [
    'a pane of a window is missing',
    {
      declared: {
        kind: 'windows',
        environment: [],
        windows: [
          {
            key: 'code',
            name: 'code',
            panes: ['code.1', 'code.2'].map((key) => ({
              key,
              role: null,
              run: null,
              restart: 'never' as const,
            })),
          },
        ],
      },
    },
    ['warning workspace.windows window code'],
  ],
  ['it was opened from no template', { declared: { kind: 'none' }, panes: [] }, []],
  [
    'its template is gone',
    { declared: { kind: 'unknown', reason: 'There is no template "x".' } },
    ['unknown workspace.windows shop'],
  ],
  [
    'a pane is dead',
    { panes: [paneSeen({ dead: true, deadStatus: 0, folder: 'unknown' })] },
    ['warning panes.dead pane 1.1'],
  ],
  [
    'a pane died',
    { panes: [paneSeen({ dead: true, deadStatus: 2, folder: 'unknown' })] },
    ['error panes.dead pane 1.1'],
  ],
  [
    "a pane's folder is gone",
    { panes: [paneSeen({ path: '/gone (deleted)', folder: 'gone' })] },
    ['warning panes.folder pane 1.1'],
  ],
  [
    "a pane's folder does not answer",
    { panes: [paneSeen({ folder: 'unknown' })] },
    ['unknown panes.folder pane 1.1'],
  ],
  ['a server does not run', { panes: [paneSeen(server)] }, ['warning programs.running pane 1.1']],
  ['a server runs', { panes: [paneSeen({ ...server, program: declared })] }, []],
  [
    'another command runs in its place',
    { panes: [paneSeen({ ...server, ...running(['vim'], 0) })] },
    ['warning programs.running pane 1.1'],
  ],
  [
    'whether it runs is not known',
    { panes: [paneSeen({ ...server, program: { kind: 'unknown', reason: 'x' } })] },
    ['unknown programs.running pane 1.1'],
  ],
  ['a command that ends is done', { panes: [paneSeen({ run: 'git status' })] }, []],
  ['an editor was left', { panes: [paneSeen({ run: 'nvim .' })] }, []],
  [
    'what has restart: always does not run',
    { panes: [paneSeen({ run: './serve', restart: 'always' })] },
    ['warning programs.running pane 1.1'],
  ],
  [
    'what has restart: on-failure ended well',
    { panes: [paneSeen({ run: './serve', restart: 'on-failure', ending: { status: 0, seconds: 9 } })] },
    [],
  ],
  [
    'it was opened just now',
    { panes: [paneSeen(server)], session: { ...old, createdAt: ago({ seconds: 5 }) } },
    [],
  ],
  [
    'a command runs for days',
    { panes: [paneSeen(running(['make', 'test'], 50))] },
    ['warning programs.long pane 1.1'],
  ],
  ['a command runs for hours', { panes: [paneSeen(running(['make', 'test'], 5))] }, []],
  ['an editor runs for days', { panes: [paneSeen(running(['vim', 'a.ts'], 500))] }, []],
  [
    'an agent runs for days',
    { panes: [paneSeen(running(['claude', '--x'], 500))], agents: [agentSeen()] },
    [],
  ],
  [
    'an agent failed',
    { agents: [agentSeen({ state: 'idle', detail: 'usage limit' })] },
    ['error agents.failed claude 1.1'],
  ],
  ['an agent is idle', { agents: [agentSeen({ state: 'idle' })] }, []],
  [
    'an agent was killed',
    { agents: [agentSeen({ state: 'exited', evidence: 'process tree' })] },
    ['warning agents.failed claude 1.1'],
  ],
  [
    'an agent was ended by the user',
    { agents: [agentSeen({ state: 'exited', evidence: 'SessionEnd hook' })] },
    [],
  ],
  [
    'an agent waits for an hour',
    { agents: [agentSeen({ state: 'waiting', detail: 'permission', since: ago({ hours: 1 }) })] },
    ['warning agents.waiting claude 1.1'],
  ],
  ['an agent waits for a minute', { agents: [agentSeen({ state: 'waiting' })] }, []],
  [
    'an agent waits since a time to come: the clock was set',
    { agents: [agentSeen({ state: 'waiting', since: ago({ days: -300 }) })] },
    [],
  ],
  [
    'an agent gives no sign of life',
    { agents: [agentSeen({ state: 'unknown', evidence: 'no sign of life for 12 min' })] },
    ['warning agents.stuck claude 1.1'],
  ],
  [
    'an agent has told nothing yet',
    { agents: [agentSeen({ state: 'unknown', evidence: 'it has told nothing yet' })] },
    [],
  ],
  [
    'no hook was ever heard',
    {
      panes: [paneSeen({ run: 'claude', program: declared })],
      agents: [agentSeen({ heard: false })],
    },
    ['warning agents.hooks pane 1.1'],
  ],
  [
    'no hook was heard yet',
    {
      panes: [paneSeen({ run: 'claude', program: declared })],
      agents: [agentSeen({ heard: false, processSeconds: 3 })],
    },
    [],
  ],
  ['it was never saved', { snapshot: null }, ['error saved.snapshot saves']],
  [
    'it was opened just now and not saved yet',
    { snapshot: null, session: { ...old, createdAt: ago({ seconds: 2 }) } },
    [],
  ],
  [
    'its snapshots cannot be read',
    { snapshot: null, snapshotUnknown: 'EIO' },
    ['unknown saved.snapshot saves'],
  ],
  [
    'a rehearsal was not exact',
    { rehearsal: { at: ago({ hours: 1 }), sequence: 1, fields: 9, equal: 8, problems: 0 } },
    ['error saved.rehearsal rehearsal'],
  ],
  [
    'it was not rehearsed for long',
    { rehearsal: { at: ago({ days: 9 }), sequence: 1, fields: 9, equal: 9, problems: 0 } },
    ['warning saved.rehearsal rehearsal'],
  ],
  ['it was never rehearsed', { rehearsal: null, session: old }, ['warning saved.rehearsal rehearsal']],
  ['it is too young to have been', { rehearsal: null }, []],
  ['its repository cannot be read', { git: { kind: 'unknown', reason: 'x' } }, ['unknown git.readable git']],
  ['it has no repository', { git: { kind: 'none' } }, []],
  [
    'git did not answer',
    {
      git: {
        kind: 'repository',
        trees: [treeState({ status: { kind: 'unknown', reason: 'git did not answer in 5 s' } })],
      },
    },
    ['unknown git.readable git main'],
  ],
  ...(
    [
      ['changed files', { status: { changed: 2 } }, 'git.uncommitted'],
      ['untracked files', { status: { untracked: 1 } }, 'git.uncommitted'],
      ['conflicts', { status: { conflicted: 1 } }, 'git.uncommitted'],
      ['unpushed commits', { unpushed: 3 }, 'git.unpushed'],
      ['a detached head', { status: { detached: true, branch: null } }, 'git.detached'],
      ['a rebase', { status: { operation: 'rebase' } }, 'git.operation'],
      ['a lock of git for an hour', { indexLockAt: ago({ hours: 1 }) }, 'git.worktrees'],
    ] as const
  ).map(([what, tree, id]): [string, Partial<WorkspaceSeen>, string[]] => [
    `${what} in a worktree`,
    { git: { kind: 'repository', trees: [treeState(), worktree(tree)] } },
    [`warning ${id} worktree cart`],
  ]),
  [
    'a lock of git just now',
    { git: { kind: 'repository', trees: [treeState({ indexLockAt: ago({ seconds: 3 }) })] } },
    [],
  ],
  [
    'commits without any remote',
    { git: { kind: 'repository', trees: [treeState({ hasRemote: false, unpushed: null })] } },
    [],
  ],
  [
    'a stash, once for all worktrees',
    {
      git: {
        kind: 'repository',
        trees: [treeState({ status: { stashes: 2 } }), worktree({ status: { stashes: 2 } })],
      },
    },
    ['warning git.stashed git'],
  ],
  [
    'a repository that is none any more',
    {
      git: {
        kind: 'repository',
        trees: [treeState({ branch: null, status: { kind: 'unknown', reason: 'not a git repository' } })],
      },
    },
    ['unknown git.readable git'],
  ],
  [
    'a log that nobody follows any more',
    { panes: [paneSeen({ run: 'tail -f app.log' })] },
    ['warning programs.running pane 1.1'],
  ],
  [
    'a worktree of a merged branch',
    {
      git: {
        kind: 'repository',
        trees: [treeState(), worktree({ base: { name: 'main', ahead: 0, behind: 2 }, unpushed: 4 })],
      },
    },
    ['warning git.merged worktree cart'],
  ],
  [
    'a worktree on which nothing was done yet',
    {
      git: {
        kind: 'repository',
        trees: [treeState(), worktree({ base: { name: 'main', ahead: 0, behind: 2 }, worked: false })],
      },
    },
    [],
  ],
  [
    'a worktree whose branch at the remote is gone',
    { git: { kind: 'repository', trees: [treeState(), worktree({ upstreamGone: true })] } },
    ['warning git.merged worktree cart'],
  ],
  [
    'a worktree whose folder is gone',
    {
      git: {
        kind: 'repository',
        trees: [
          treeState(),
          worktree({ gone: true, status: { kind: 'unknown', reason: 'its folder is gone' } }),
        ],
      },
    },
    ['warning git.worktrees worktree cart'],
  ],
  [
    'the folder of the project is gone, and with it what is read there',
    {
      folder: 'gone',
      project: null,
      declared: { kind: 'unknown', reason: 'it cannot be looked into' },
      git: { kind: 'unknown', reason: 'the folder is gone' },
    },
    ['error project.folder project'],
  ],
  [
    'the folder of the project does not answer',
    { folder: 'unknown', project: null, declared: { kind: 'none' }, git: { kind: 'unread' } },
    ['unknown project.folder project'],
  ],
  ['its record is lost', { record: null }, ['warning project.record shop']],
  [
    '.env.claude is open to others',
    { project: { ...trusted, file: null, envReadable: true } },
    ['warning project.env-private .env.claude'],
  ],
  [
    'project.json has a fault',
    { project: { ...trusted, file: { ...project, problems: ['"x" must be y'] } } },
    ['warning project.files project'],
  ],
  [
    'its files cannot be read',
    { project: { ...trusted, file: null, unknown: 'EACCES' } },
    ['unknown project.files project'],
  ],
  ['much memory', { use: { count: 9, memoryBytes: 5e9, cpuPercent: 1 } }, ['warning use.memory memory']],
  [
    'much of the processor',
    { use: { count: 9, memoryBytes: 1, cpuPercent: 190 } },
    ['warning use.cpu processor'],
  ],
  [
    'its use is not known',
    { use: { count: 0, memoryBytes: null, cpuPercent: null } },
    ['unknown use.memory memory', 'unknown use.cpu processor'],
  ],
  ['many unused forks', { unusedForks: 11 }, ['warning claude.forks forks']],
  [
    'a transcript that is about to be deleted',
    { expiring: [{ conversation: 'a', deletedAt: ago({ days: -2 }), copied: false }] },
    ['warning claude.expiring transcripts'],
  ],
  [
    'one that has a copy',
    { expiring: [{ conversation: 'a', deletedAt: ago({ days: -2 }), copied: true }] },
    [],
  ],
];

const sharedCases: readonly [what: string, changes: Partial<Survey>, expected: readonly string[]][] = [
  ['tmux does not answer', { tmux: { state: 'unknown', reason: 'x' } }, ['unknown tmux.answers tmux']],
  ['no server runs', { tmux: { state: 'none' }, workspaces: [] }, []],
  [
    'tmux is large',
    {
      tmux: {
        state: 'running',
        words: [],
        pid: 1,
        version: 303,
        memoryBytes: 2e9,
        scrollbackBytes: 1e9,
        otherSessions: 0,
        clockSet: 0,
      },
    },
    ['warning tmux.memory tmux memory'],
  ],
  [
    'how large tmux is, is not known',
    {
      tmux: {
        state: 'running',
        words: [],
        pid: 1,
        version: 303,
        memoryBytes: null,
        scrollbackBytes: 0,
        otherSessions: 0,
        clockSet: 0,
      },
    },
    ['unknown tmux.memory tmux memory'],
  ],
  [
    'the disk is nearly full',
    { disk: { path: '/s', freeBytes: 5e8, totalBytes: 1e11 } },
    ['warning state.disk disk'],
  ],
  ['the disk is full', { disk: { path: '/s', freeBytes: 1e6, totalBytes: 1e11 } }, ['error state.disk disk']],
  ['the disk is not known', { disk: null }, ['unknown state.disk disk']],
  ['a record is damaged', { damaged: ['/s/workspace.json'] }, ['warning state.files state']],
  [
    'no daemon',
    { saving: { daemon: 'none', lastSaveAt: null, lastSaveError: null } },
    ['warning daemon.saves daemon'],
  ],
  [
    'a daemon that is stopped',
    { saving: { daemon: 'silent', lastSaveAt: null, lastSaveError: null } },
    ['error daemon.saves daemon'],
  ],
  [
    'a save that failed',
    { saving: { daemon: 'running', lastSaveAt: null, lastSaveError: 'ENOSPC' } },
    ['error daemon.saves daemon'],
  ],
  ['the daemon was not asked', { saving: null }, ['unknown daemon.saves daemon']],
  ['agents could not be read', { agentsUnknown: 'locked' }, ['unknown agents.failed agents']],
  ['processes could not be looked for', { strays: null }, ['unknown use.strays processes']],
  [
    'processes outlived their panes',
    {
      strays: [
        {
          pid: 8,
          start: '1',
          argv: ['node', 'x'],
          pane: '%9',
          project: '/home/a/shop',
          workspace: 'w000000000001',
          ageSeconds: 60,
        },
        {
          pid: 9,
          start: '1',
          argv: ['node', 'y'],
          pane: '%8',
          project: '/home/a/old',
          workspace: null,
          ageSeconds: 60,
        },
      ],
    },
    ['warning processes.strays process 9', 'warning use.strays process 8'],
  ],
];

describe('checks', () => {
  it.each(workspaceCases)('%s', (_what, changes, expected) => {
    expect(told(factsOf(surveyOf([workspaceSeen(changes)])))).toEqual(expected);
  });

  it.each(sharedCases)('%s', (_what, changes, expected) => {
    expect(told(factsOf(surveyOf([workspaceSeen()], changes)))).toEqual(expected);
  });

  const commands: readonly [CommandResult, string | null][] = [
    [{ kind: 'well' }, null],
    [{ kind: 'failed', code: 3, lastLine: 'no database' }, 'error'],
    [{ kind: 'late', seconds: 30 }, 'unknown'],
    [{ kind: 'untrusted' }, 'unknown'],
    [{ kind: 'lacks', names: ['TOKEN'] }, 'warning'],
    [{ kind: 'unknown', reason: 'EMFILE' }, 'unknown'],
  ];
  it.each(commands)('a project says %j of itself', (result, level) => {
    const facts = factsOf(surveyOf([workspaceSeen({ project: trusted })]), {
      commands: new Map([['w000000000001', result]]),
    });
    expect(told(facts)).toEqual(
      level === null
        ? []
        : [`${level} project.command ${result.kind === 'lacks' ? 'required_env' : 'health_check'}`],
    );
  });

  it('a save in which nothing changed writes nothing: only what was used since counts as not saved', () => {
    const of = (savedAt: string, activeAt: string, lastSaveAt: string | null) =>
      told(
        factsOf(
          surveyOf(
            [
              workspaceSeen({
                snapshot: { at: savedAt, sequence: 1 },
                session: { ...old, activeAt, createdAt: ago({ days: 3 }) },
              }),
            ],
            {
              saving: { daemon: 'running', lastSaveAt, lastSaveError: null },
            },
          ),
        ),
      );
    expect(of(ago({ hours: 5 }), ago({ hours: 5 }), null)).toEqual([]); // nothing happened since
    expect(of(ago({ hours: 5 }), now, ago({ minutes: 3 }))).toEqual([]); // what happened is nothing that is saved
    expect(of(ago({ hours: 5 }), now, null)).toEqual(['warning saved.snapshot saves']);
    expect(of(ago({ hours: 5 }), now, ago({ hours: 4 }))).toEqual(['warning saved.snapshot saves']);
    expect(of(ago({ days: -30 }), now, null)).toEqual([]); // saved in the time to come: the clock was set back
  });

  it('a program that the daemon gave up to start is an error', () => {
    const survey = surveyOf([workspaceSeen({ panes: [paneSeen({ run: './serve', restart: 'always' })] })]);
    const name = restartName('w000000000001', 'code.1');
    const of = (state: 'waits' | 'gave-up') =>
      judgeHealth(factsOf(survey, { restarts: new Map([[name, { state, times: 5 }]]) })).find(
        ({ id }) => id === 'programs.running',
      );
    expect(of('waits')).toMatchObject({
      level: 'warning',
      message: './serve does not run; the daemon starts it again',
    });
    expect(of('gave-up')).toMatchObject({
      level: 'error',
      message: './serve ended 6 times in a row: it is not started again',
    });
  });

  it('more workspaces than recommended', () => {
    const many = Array.from({ length: 11 }, (_, at) => workspaceSeen({ name: `p${at}` }));
    expect(told(factsOf(surveyOf(many)))).toEqual(['warning workspaces.open workspaces']);
    expect(told(factsOf(surveyOf(many), { limits: { ...limits, openWorkspaces: 11 } }))).toEqual([]);
  });

  it('limits of 0 switch a check off', () => {
    const off = {
      ...limits,
      longRunningHours: 0,
      memoryMb: 0,
      cpuPercent: 0,
      tmuxMemoryMb: 0,
      rehearsalDays: 0,
    };
    const bad = workspaceSeen({
      panes: [paneSeen(running(['make'], 999))],
      use: { count: 1, memoryBytes: 1e12, cpuPercent: 999 },
      rehearsal: null,
      session: old,
    });
    expect(told(factsOf(surveyOf([bad]), { limits: off }))).toEqual([]);
  });

  it('each says something of every workspace that is open, and nothing of one that is closed', () => {
    const findings = judgeHealth(
      factsOf(surveyOf([workspaceSeen(), workspaceSeen({ name: 'gone', session: null })])),
    );
    const ids = findings.filter(({ workspace }) => workspace === 'shop').map(({ id }) => id);
    expect(ids).toEqual(workspaceChecks.map(({ id }) => id));
    expect(findings.some(({ workspace }) => workspace === 'gone')).toBe(false);
  });
});
