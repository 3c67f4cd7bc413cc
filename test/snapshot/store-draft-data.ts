import type { SnapshotDraft } from '../../src/snapshot/store.js';

export const workspace = 'w0123456789ab';

export interface DraftChoices {
  readonly id?: string;
  readonly panes?: number;
  readonly title?: string;
  readonly cwd?: string;
  readonly pid?: number;
  readonly chunks?: readonly string[];
  readonly boot?: string;
  readonly branch?: string;
  readonly commit?: string;
}

/** What a reading of a workspace with one window gives. */
export function draftOf(choices: DraftChoices = {}): SnapshotDraft {
  const { id = workspace, panes = 2, title = '', cwd = '/p', pid = 100, chunks = [], boot = 'b1' } = choices;
  const keys = Array.from({ length: panes }, (_, index) => `p${index}`);
  return {
    workspace: id,
    host: 'h',
    boot,
    server: { pid: 1, start: '10', version: '3.3a' },
    cwVersion: '0.1.0',
    blueprint: {
      id,
      name: 'web',
      session: 'claude-dev-web',
      path: '/p',
      template: null,
      size: { width: 80, height: 24 },
      options: {},
      environment: [{ name: 'A', value: '"pid":1', hidden: false }],
      group: null,
      hooks: {},
      windows: [
        {
          key: 'w',
          index: 0,
          name: 'main',
          layout: 'tiled',
          size: { width: 80, height: 24 },
          zoomed: false,
          activePane: 'p0',
          lastPane: null,
          options: {},
          panes: keys.map((key) => ({
            key,
            role: null,
            title,
            cwd,
            shell: null,
            run: null,
            startCommand: null,
            environment: {},
            options: {},
            historyLimit: null,
            restart: 'never',
          })),
          link: null,
        },
      ],
      activeWindow: 'w',
      lastWindow: null,
    },
    panes: Object.fromEntries(
      keys.map((key, index) => [
        key,
        {
          id: `%${index}`,
          pid: pid + index,
          program: {
            kind: 'group',
            form: 'command',
            within: [],
            processes: [
              {
                pid,
                argv: ['less', '"pid":5'],
                exact: true,
                parent: null,
                stopped: false,
                stdin: null,
                stdout: null,
                stderr: null,
              },
            ],
            stopped: [],
          },
          scrollback: { chunks: [...chunks], lines: chunks.length },
          alternateScreen: false,
          historyFile: null,
        },
      ]),
    ),
    git: { branch: choices.branch ?? 'main', commit: choices.commit ?? 'c0', dirty: false },
  };
}
