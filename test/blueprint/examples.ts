import type { ProjectFacts, ServerFacts } from '../../src/blueprint/facts.js';
import type { Blueprint, Pane, Window } from '../../src/blueprint/model.js';

type PartialWindow = Partial<Omit<Window, 'panes'>> & { panes?: readonly Partial<Pane>[] };

/** A blueprint of plain windows and panes, with what is given in place of the plain. */
export function blueprintOf(windows: readonly PartialWindow[], rest: Partial<Blueprint> = {}): Blueprint {
  const size = rest.size ?? { width: 120, height: 40 };
  return {
    id: 'abc123',
    name: 'shop',
    session: 'claude-dev-shop',
    path: '/tmp',
    template: null,
    size,
    options: {},
    environment: [],
    group: null,
    hooks: {},
    activeWindow: 'w1',
    lastWindow: null,
    ...rest,
    windows: windows.map(({ panes = [{}], ...window }, at): Window => {
      const key = `w${at + 1}`;
      return {
        key,
        index: at,
        name: key,
        layout: 'tiled',
        size,
        zoomed: false,
        activePane: `${key}.p1`,
        lastPane: null,
        options: { 'automatic-rename': 'off' },
        link: null,
        ...window,
        panes: panes.map((pane, place): Pane => ({ ...plainPane, key: `${key}.p${place + 1}`, ...pane })),
      };
    }),
  };
}

const plainPane: Omit<Pane, 'key'> = {
  role: null,
  title: '',
  cwd: '/tmp',
  shell: null,
  run: null,
  startCommand: null,
  environment: {},
  options: {},
  historyLimit: null,
  restart: 'never',
};

export function serverFacts(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    running: true,
    version: 303,
    baseIndex: 0,
    paneBaseIndex: 0,
    defaultShell: '/bin/bash',
    historyLimit: 2000,
    sessions: [],
    shellFolder: '/opt/cw/shell',
    nonce: 'x1',
    folderExists: () => true,
    ...changes,
  };
}

/** A project in which the named folders, files and programs exist. */
export function projectFacts(
  changes: Partial<ProjectFacts> & {
    folders?: readonly string[];
    files?: readonly string[];
    programs?: readonly string[];
  } = {},
): ProjectFacts {
  const { folders = [], files = [], programs = ['claude', 'nvim', 'git', 'npm'], ...rest } = changes;
  const path = rest.path ?? '/home/dev/shop';
  return {
    name: 'shop',
    id: 'abc123',
    session: 'claude-dev-shop',
    path,
    home: '/home/dev',
    worktrees: [],
    scripts: {},
    packageManager: 'npm',
    folderExists: (folder) => folder === path || folders.includes(folder),
    fileExists: (file) => files.includes(file),
    findProgram: (name) =>
      programs.includes(name) ? (name.startsWith('/') ? name : `/usr/bin/${name}`) : null,
    editor: 'nvim',
    environment: [],
    size: { width: 120, height: 40 },
    overrides: {},
    windows: [],
    ...rest,
  };
}
