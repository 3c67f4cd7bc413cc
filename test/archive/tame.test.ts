import { describe, expect, it } from 'vitest';
import { PathMap } from '../../src/archive/path-map.js';
import { canRun, isAllowedName, tame } from '../../src/archive/tame.js';
import type { ObservedPane, Snapshot } from '../../src/snapshot/model.js';

const options = {
  run: false,
  paths: new PathMap([{ from: '/home/ann', to: '/home/bea' }]),
  environment: [],
  shells: new Set(['/bin/sh']),
};

describe('a snapshot of another machine', () => {
  it('types its commands, and starts none of them now or later', () => {
    const { snapshot } = tame(
      foreign({ run: 'npm run dev --prefix /home/ann/shop', restart: 'always' }),
      options,
    );
    const [pane] = snapshot.blueprint.windows[0]!.panes;
    expect(pane).toMatchObject({ run: null, startCommand: null, restart: 'never', cwd: '/home/bea/shop' });
    expect(snapshot.panes.p1).toMatchObject({
      program: { kind: 'shell' },
      typed: 'npm run dev --prefix /home/bea/shop',
    });
  });

  it('shows what is no single line, and types nothing of it', () => {
    const made = tame(foreign({ run: 'echo a\nrm -rf ~' }), options);
    expect(made.snapshot.panes.p1?.typed).toBeNull();
    expect(made.notes.get('p1')?.join()).toContain('"echo a\\nrm -rf ~"');
  });

  it('keeps its commands with --run, and starts a shell only of this machine', () => {
    const made = tame(foreign({ run: 'make', shell: '/tmp/evil' }), { ...options, run: true });
    expect(made.snapshot.blueprint.windows[0]!.panes[0]).toMatchObject({ run: 'make', shell: null });
    expect(made.leftOut.map(({ what }) => what)).toContain('shell /tmp/evil');
  });

  it('sets harmless names of the environment, and those that the user allows', () => {
    expect(['LANG', 'NODE_ENV', 'PORT'].every((name) => isAllowedName(name, []))).toBe(true);
    const dangerous = [
      'PROMPT_COMMAND',
      'ENV',
      'BASH_ENV',
      'ZDOTDIR',
      'LD_PRELOAD',
      'NODE_OPTIONS',
      'GIT_SSH',
      'PATH',
    ];
    expect(dangerous.filter((name) => isAllowedName(name, dangerous))).toEqual([]);
    expect(isAllowedName('API_BASE', [])).toBe(false);
    expect(isAllowedName('API_BASE', ['API_BASE'])).toBe(true);
  });

  it('sets no option that can make tmux run something', () => {
    const running = [
      ['status-right', '#(id)'],
      ['@x', '#{E:pane_title}'],
      ['@x', '#{T;=9:pane_title}'],
      ['pane-border-format', '#{?x,#(id),}'],
      ['default-command', 'id'],
      ['default-shell', '/bin/sh'],
      ['command-alias[3]', 'ls=run-shell id'],
      ['bad name', 'x'],
      ['status-left', '##(id)##{E:x}#'],
    ] as const;
    expect(running.filter(([name, value]) => !canRun(name, value))).toEqual([]);
    const harmless = [
      ['status-left', '#[fg=red]#S #{session_name} ##'],
      ['synchronize-panes', 'on'],
      ['@note', 'plain'],
      ['pane-border-format', ' #P #{pane_title} '],
    ] as const;
    expect(harmless.filter(([name, value]) => canRun(name, value))).toEqual([]);
    const made = tame(
      foreign({}, { options: { 'status-right': '#(id)', mouse: 'on' }, hooks: { on_attach: 'id' } }),
      options,
    );
    expect(made.snapshot.blueprint.options).toEqual({ mouse: 'on' });
    expect(made.snapshot.blueprint.hooks).toEqual({});
    expect(made.leftOut.map(({ what }) => what)).toEqual(['option status-right', 'hook on_attach']);
  });

  it('brings a conversation with its model, and without what it was allowed to do', () => {
    const conversation = {
      conversation: '7f3c2a10-0000-4000-8000-000000000001',
      cwd: '/home/ann/shop',
      flags: ['--model', 'opus', '--dangerously-skip-permissions', '--mcp-config', '/home/ann/x.json'],
      configDir: '/home/ann/.claude-2',
      prompted: true,
      forkOf: null,
      name: null,
    };
    const made = tame(foreign({ run: 'claude' }, {}, { conversation }), options);
    expect(made.snapshot.panes.p1?.conversation).toMatchObject({
      cwd: '/home/bea/shop',
      flags: ['--model', 'opus'],
      configDir: null,
    });
    expect(made.snapshot.panes.p1?.typed).toBeNull();
    expect(made.leftOut.map(({ what }) => what)).toContain('option --dangerously-skip-permissions of claude');
  });

  it('takes no history, no session of an editor, no group and no link along', () => {
    const made = tame(
      foreign({}, { group: 'g' }, { historyFile: '/home/ann/.history', editorSession: 'a'.repeat(64) }),
      options,
    );
    expect(made.snapshot.blueprint.group).toBeNull();
    expect(made.snapshot.panes.p1).toMatchObject({ historyFile: null, editorSession: null });
  });
});

function foreign(
  pane: Partial<Snapshot['blueprint']['windows'][number]['panes'][number]>,
  blueprint: Partial<Snapshot['blueprint']> = {},
  observed: Partial<ObservedPane> = {},
): Snapshot {
  const size = { width: 80, height: 24 };
  return {
    format: 1,
    workspace: 'w0123456789ab',
    sequence: 1,
    at: '2026-01-01T00:00:00.000Z',
    reason: 'manual',
    note: null,
    host: 'h',
    boot: 'b',
    server: { pid: 1, start: null, version: '3.3a' },
    cwVersion: '0.1.0',
    git: null,
    blueprint: {
      id: 'w0123456789ab',
      name: 'shop',
      session: 'claude-dev-shop',
      path: '/home/ann/shop',
      template: 'node',
      size,
      options: {},
      environment: [],
      group: null,
      hooks: {},
      activeWindow: 'w1',
      lastWindow: null,
      ...blueprint,
      windows: [
        {
          key: 'w1',
          index: 0,
          name: 'main',
          layout: 'tiled',
          size,
          zoomed: false,
          activePane: 'p1',
          lastPane: null,
          options: {},
          link: null,
          panes: [
            {
              key: 'p1',
              role: null,
              title: '',
              cwd: '/home/ann/shop',
              shell: null,
              run: null,
              startCommand: null,
              environment: {},
              options: {},
              historyLimit: null,
              restart: 'never',
              ...pane,
            },
          ],
        },
      ],
    },
    panes: {
      p1: {
        id: '%1',
        pid: 10,
        program: { kind: 'declared', stopped: [] },
        scrollback: null,
        alternateScreen: false,
        historyFile: null,
        ...observed,
      },
    },
  };
}
