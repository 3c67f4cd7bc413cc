import type { WorkingTree } from '../../src/git/status.js';
import type { TreeState } from '../../src/git/worktree-states.js';
import type { HealthFacts } from '../../src/health/check.js';
import type { AgentSeen, PaneSeen, Survey, WorkspaceSeen } from '../../src/survey/model.js';
import { loadSettings } from '../../src/system/settings.js';

/** Surveys as a reading would give them: each function makes a healthy thing, with what a test says changed. */

export const now = '2026-03-01T12:00:00.000Z';

/** A time before that. */
export function ago(span: {
  readonly seconds?: number;
  readonly minutes?: number;
  readonly hours?: number;
  readonly days?: number;
}): string {
  const { seconds = 0, minutes = 0, hours = 0, days = 0 } = span;
  return new Date(
    Date.parse(now) - (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000,
  ).toISOString();
}

export function paneSeen(changes: Partial<PaneSeen> = {}): PaneSeen {
  return {
    id: '%1',
    place: '1.1',
    window: { id: '@1', key: 'code', name: 'code' },
    key: 'code.1',
    role: null,
    run: null,
    restart: 'never',
    startCommand: null,
    title: '',
    pid: 100,
    dead: false,
    deadStatus: null,
    path: '/home/a/shop',
    folder: 'there',
    program: { kind: 'shell', stopped: [] },
    foreground: null,
    ending: null,
    background: 0,
    active: true,
    scrollbackBytes: 0,
    cursor: '2,0,0',
    ...changes,
  };
}

export function agentSeen(changes: Partial<AgentSeen> = {}): AgentSeen {
  return {
    workspace: 'w000000000001',
    session: 'claude-dev-shop',
    window: 'code',
    pane: '%1',
    conversation: '11111111-1111-4111-8111-111111111111',
    state: 'working',
    detail: null,
    since: ago({ minutes: 1 }),
    evidence: 'UserPromptSubmit hook',
    heard: true,
    processSeconds: 600,
    lastEventAt: null,
    ...changes,
  };
}

export function treeState(
  changes: Partial<Omit<TreeState, 'status'>> & {
    status?: Partial<WorkingTree> | { kind: 'unknown'; reason: string };
  } = {},
): TreeState {
  const { status = {}, ...others } = changes;
  const clean: WorkingTree = {
    kind: 'repository',
    branch: 'main',
    detached: false,
    commit: 'c'.repeat(40),
    upstream: 'origin/main',
    ahead: 0,
    behind: 0,
    staged: 0,
    changed: 0,
    untracked: 0,
    conflicted: 0,
    stashes: 0,
    operation: null,
  };
  return {
    path: '/home/a/shop',
    name: 'shop',
    main: true,
    ours: false,
    gone: false,
    locked: false,
    branch: 'main',
    base: null,
    worked: true,
    upstreamGone: false,
    hasRemote: true,
    unpushed: 0,
    indexLockAt: null,
    ...others,
    status: 'reason' in status ? status : { ...clean, ...status },
  };
}

export function worktree(changes: Parameters<typeof treeState>[0] = {}): TreeState {
  const { status, ...others } = changes;
  return treeState({
    path: '/home/a/shop/.worktrees/cart',
    name: 'cart',
    main: false,
    ours: true,
    branch: 'feat/cart',
    base: { name: 'main', ahead: 1, behind: 0 },
    ...others,
    ...(status ? { status } : { status: { branch: 'feat/cart' } }),
  });
}

export function workspaceSeen(changes: Partial<WorkspaceSeen> = {}): WorkspaceSeen {
  return {
    id: 'w000000000001',
    name: 'shop',
    path: '/home/a/shop',
    record: {
      format: 1,
      id: 'w000000000001',
      name: 'shop',
      session: 'claude-dev-shop',
      path: '/home/a/shop',
      template: 'generic',
      createdAt: ago({ days: 3 }),
      lastAttachedAt: null,
      closedAt: null,
      closedBy: null,
      git: null,
    },
    session: {
      id: '$1',
      name: 'claude-dev-shop',
      attached: 1,
      createdAt: ago({ days: 3 }),
      lastAttachedAt: ago({ minutes: 1 }),
      activeAt: now,
      usedAt: now,
      lookers: [],
      windows: [],
    },
    panes: [paneSeen()],
    declared: {
      kind: 'windows',
      windows: [
        { key: 'code', name: 'code', panes: [{ key: 'code.1', role: null, run: null, restart: 'never' }] },
      ],
      environment: [],
    },
    agents: [],
    use: { count: 2, memoryBytes: 20_000_000, cpuPercent: 1 },
    folder: 'there',
    git: { kind: 'repository', trees: [treeState()] },
    project: { file: null, trust: 'nothing-to-trust', envReadable: false, unknown: null },
    snapshot: { at: ago({ seconds: 10 }), sequence: 7 },
    snapshotUnknown: null,
    rehearsal: { at: ago({ hours: 9 }), sequence: 6, fields: 148, equal: 148, problems: 0 },
    expiring: [],
    unusedForks: 0,
    ...changes,
  };
}

export function surveyOf(workspaces: readonly WorkspaceSeen[], changes: Partial<Survey> = {}): Survey {
  return {
    at: now,
    tmux: {
      state: 'running',
      words: [],
      pid: 50,
      version: 303,
      memoryBytes: 30_000_000,
      scrollbackBytes: 1_000_000,
      clockSet: 0,
      otherSessions: 0,
    },
    workspaces,
    strays: [],
    disk: { path: '/home/a/.local/state/cw', freeBytes: 50_000_000_000, totalBytes: 100_000_000_000 },
    damaged: [],
    shares: [],
    saving: { daemon: 'running', lastSaveAt: ago({ seconds: 10 }), lastSaveError: null },
    agentsUnknown: null,
    processesUnknown: null,
    ...changes,
  };
}

export const limits = loadSettings({ HOME: '/nowhere' }, () => {}).health;

export function factsOf(survey: Survey, changes: Partial<HealthFacts> = {}): HealthFacts {
  return { survey, limits, commands: new Map(), restarts: new Map(), ...changes };
}
