import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { readSessions } from '../../src/tmux/reading.js';
import { applyBlueprint } from '../../src/workspace/build.js';
import { openWorkspace } from '../../src/workspace/open.js';
import { Registry } from '../../src/workspace/registry.js';
import { blueprintOf } from '../blueprint/examples.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** A program on the sandbox's PATH that runs until it is ended. */
function fakeProgram(world: Sandbox, name: string): void {
  world.file(`bin/${name}`, '#!/bin/sh\nexec tail -f /dev/null\n', 0o755);
  world.env.PATH = `${join(world.home, 'bin')}:${world.env.PATH?.replace(`${join(world.home, 'bin')}:`, '')}`;
}

function panes(world: Sandbox, session: string): string[] {
  return world
    .tmux('list-panes', '-s', '-t', `=${session}:`, '-F', '#{window_name}|#{pane_title}|#{pane_start_path}')
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(`${world.home}/projects/`, ''));
}

function doors(world: Sandbox) {
  const address = serverAddress(world.env);
  return {
    connection: processConnection(address, world.env),
    registry: new Registry(address, world.env),
  };
}

async function open(world: Sandbox, ...args: string[]): Promise<string> {
  const ran = await world.cw(['up', '--detach', ...args]);
  expect(ran.stderr + ran.stdout).toContain('Opened');
  expect(ran.code).toBe(0);
  return ran.stdout;
}

describe('each type of project has its own picture', () => {
  it('react: the Claude panes start in components and api', async () => {
    const world = sandbox();
    fakeProgram(world, 'claude');
    world.file('projects/shop/package.json', '{"dependencies":{"react":"19"},"scripts":{"dev":"vite"}}');
    world.file('projects/shop/src/components/cart.tsx', '');
    world.file('projects/shop/src/api/cart.ts', '');
    await open(world, 'projects/shop');
    const all = panes(world, 'claude-dev-shop');
    expect(all.filter((line) => line.includes('claude')).map((line) => line.split('|')[2])).toEqual([
      'shop/src/components',
      'shop/src/api',
    ]);
    expect(all.map((line) => line.split('|')[0])).toEqual(['code', 'code', 'code', 'code', 'dev']);
  });

  it.each([
    ['python', { 'pyproject.toml': '[project]\nname = "data"\n' }],
    ['go', { 'go.mod': 'module example.org/data\n' }],
    ['rust', { 'Cargo.toml': '[package]\nname = "data"\n' }],
  ])('%s', async (type, files) => {
    const world = sandbox();
    for (const program of ['uv', 'go', 'cargo', 'cargo-watch', 'bacon', 'claude'])
      fakeProgram(world, program);
    for (const [name, text] of Object.entries(files)) world.file(`projects/data/${name}`, text);
    const said = await open(world, 'projects/data');
    expect(said).toContain(`from the template ${type}`);
    const all = panes(world, 'claude-dev-data');
    expect(all.length).toBeGreaterThan(4);
    expect(all.slice(0, 4).map((line) => line.split('|')[0])).toEqual(['code', 'code', 'code', 'code']);
  });

  it('the Claude panes start in the worktrees where there are some', async () => {
    const world = sandbox();
    fakeProgram(world, 'claude');
    world.file('projects/api/go.mod', 'module api\n');
    const inApi = { cwd: join(world.home, 'projects/api') };
    for (const args of [
      ['init', '-q'],
      ['add', '.'],
      ['commit', '-qm', 'first'],
      ['worktree', 'add', '-q', '.worktrees/cart'],
    ]) {
      expect((await world.run('git', args, inApi)).code).toBe(0);
    }
    await open(world, 'projects/api');
    expect(
      panes(world, 'claude-dev-api')
        .slice(0, 2)
        .map((line) => line.split('|')[2]),
    ).toEqual(['api/.worktrees/cart', 'api']);
    // Nothing of ours makes the repository dirty.
    expect((await world.run('git', ['status', '--porcelain'], inApi)).stdout).toBe('');
  });
});

describe("whatever the user's tmux and shell are like, the picture is the same", () => {
  const layoutOf = (world: Sandbox) =>
    world.tmux(
      'list-panes',
      '-t',
      '=claude-dev-shop:code',
      '-F',
      '#{pane_title} #{pane_left},#{pane_top} #{pane_width}x#{pane_height}',
    );

  it('base-index 1, and the windows begin there', async () => {
    const plain = sandbox();
    plain.file('projects/shop/README.md', '');
    await open(plain, 'projects/shop');
    const world = sandbox();
    world.file('.tmux.conf', 'set -g base-index 1\nsetw -g pane-base-index 1\nset -g renumber-windows on\n');
    world.file('projects/shop/README.md', '');
    await open(world, 'projects/shop');
    expect(layoutOf(world)).toBe(layoutOf(plain));
    expect(
      world.tmux('list-windows', '-t', '=claude-dev-shop:', '-F', '#{window_index} #{window_name}'),
    ).toMatch(/^1 code/);
    expect(world.tmux('show-options', '-t', '=claude-dev-shop:')).not.toContain('renumber-windows');
  });

  it.for([
    ['zsh', '/usr/bin/zsh'],
    ['fish', '/usr/bin/fish'],
  ] as const)('%s as the default shell', async ([name, shell], { skip }) => {
    skip(!existsSync(shell), `${name} is not installed`);
    const world = sandbox();
    world.env.SHELL = shell;
    world.file('.zshrc', 'PROMPT="ready> "\n');
    world.file(
      'projects/shop/.cw.yaml',
      'windows:\n  - name: code\n    panes: [{run: echo "it ran", title: one}, null]\n',
    );
    await open(world, '--trust', 'projects/shop');
    await waitUntil('the command ran', () =>
      world.tmux('capture-pane', '-p', '-S', '-', '-t', '=claude-dev-shop:code.0').includes('it ran'),
    );
    expect(
      world.tmux('display-message', '-p', '-t', '=claude-dev-shop:code.0', '#{pane_current_command}').trim(),
    ).toBe(name);
  });

  it('a bash whose start files are slow and read the terminal loses no command', async () => {
    const world = sandbox();
    world.file('.bashrc', 'sleep 0.5\nread -t 0.2 -n 1000 ignored\nPS1="ready> "\n');
    world.file('projects/shop/.cw.yaml', 'windows:\n  - name: code\n    panes: [echo "it ran"]\n');
    await open(world, '--trust', 'projects/shop');
    await waitUntil('the command ran once', () =>
      /^it ran\n(.*\n)*ready>/m.test(world.screen('=claude-dev-shop:code')),
    );
  });

  it('80x24, away from a terminal: the four panes fit', async () => {
    const world = sandbox();
    world.file('.config/cw/config.json', '{"size":"80x24"}');
    world.file('projects/shop/README.md', '');
    await open(world, 'projects/shop');
    expect(layoutOf(world).trim().split('\n')).toHaveLength(4);
    expect(
      world
        .tmux('display-message', '-p', '-t', '=claude-dev-shop:code', '#{window_width}x#{window_height}')
        .trim(),
    ).toBe('80x24');
  });
});

describe('names', () => {
  it('two projects of one name: the second gets a suffix and a sentence', async () => {
    const world = sandbox();
    world.file('work/shop/README.md', '');
    world.file('projects/shop/README.md', '');
    await open(world, 'work/shop');
    const second = await world.cw(['up', '--detach', 'projects/shop']);
    expect(second.stderr).toMatch(/The name shop belongs to ~\/work\/shop: this one is shop-[0-9a-f]{4}\./);
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n')).toHaveLength(2);
    // And it keeps it, whichever is open.
    const again = await world.cw(['up', '--detach', 'projects/shop', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ created: false, name: expect.stringMatching(/^shop-/) });
  });

  it('a session claude-dev-x that we did not make is never touched', async () => {
    const world = sandbox();
    world.tmux('new-session', '-d', '-s', 'claude-dev-shop', '-n', 'theirs');
    world.file('projects/shop/README.md', '');
    const ran = await world.cw(['up', '--detach', 'projects/shop']);
    expect(ran.stderr).toMatch(
      /A session claude-dev-shop that cw did not make is there, and is left alone: this one is shop-/,
    );
    expect(world.tmux('list-windows', '-t', '=claude-dev-shop:', '-F', '#{window_name}').trim()).toBe(
      'theirs',
    );
    for (const name of ['claude-dev-shop', 'shop']) {
      const kill = await world.cw(['kill', name, '--yes']);
      expect(kill).toMatchObject({ code: 4, stderr: expect.stringContaining('was not made by cw') });
    }
    expect((await world.cw(['kill', '--all', '--yes'])).code).toBe(0);
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('claude-dev-shop');
  });

  it('nor one that has taken the name of a workspace while that was closed', async () => {
    const world = sandbox();
    world.file('projects/shop/README.md', '');
    world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'other');
    await open(world, 'projects/shop');
    expect((await world.cw(['kill', 'shop', '--yes'])).code).toBe(0);
    world.tmux('new-session', '-d', '-s', 'claude-dev-shop');
    const ran = await world.cw(['up', '--detach', 'shop']);
    expect(ran.stdout).toMatch(/^Opened shop-[0-9a-f]{4} /);
    expect(ran.stderr).toContain('is left alone: this one is shop-');
    const [entry, ...others] = JSON.parse((await world.cw(['list', '--json'])).stdout);
    expect(others).toEqual([]);
    expect(entry.session).toMatch(/^claude-dev-shop-/);
  });

  it('a name that had to be changed is the same workspace the next time', async () => {
    const world = sandbox();
    world.file('projects/shop/README.md', '');
    world.file('projects/my-site/README.md', '');
    await open(world, 'projects/my-site');
    for (const [wanted, said] of [
      ['two.words', /"two\.words" cannot be a name as it is .*: this one is two-words\./],
      ['my-site', /The name my-site belongs to/],
    ] as const) {
      const opened = await world.cw(['up', '--detach', 'projects/shop', '--name', wanted]);
      expect(opened).toMatchObject({ code: 0, stderr: expect.stringMatching(said) });
      const again = JSON.parse(
        (await world.cw(['up', '--detach', '--json', 'projects/shop', '--name', wanted])).stdout,
      );
      expect(again).toMatchObject({ created: false, path: join(world.home, 'projects/shop') });
    }
    const nothing = await world.cw(['up', '--detach', 'projects/shop', '--name', '...']);
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing that a name') });
    expect(world.tmux('list-sessions').trim().split('\n')).toHaveLength(3);
  });

  it('a folder without a name for it means its own workspace, before another one of it that was closed', async () => {
    const world = sandbox();
    world.file('projects/shop/README.md', '');
    const up = async (...args: string[]) =>
      JSON.parse((await world.cw(['up', '--detach', '--json', 'projects/shop', ...args])).stdout).name;
    expect(await up('--name', 'another')).toBe('another');
    expect(await up()).toBe('another'); // it is open
    expect(await up('--name', 'shop')).toBe('shop');
    expect(await up('--name', 'yet-another')).toBe('yet-another');
    await world.cw(['kill', '--all', '--yes']);
    expect(await up()).toBe('shop');
  });

  it('a folder called exactly so goes before a workspace that is called nearly so', async () => {
    const world = sandbox();
    world.file('projects/a.b/README.md', '');
    world.file('projects/a b/README.md', '');
    await open(world, 'projects/a.b');
    const other = JSON.parse((await world.cw(['up', '--detach', '--json', 'a b'])).stdout);
    expect(other).toMatchObject({ created: true, path: join(world.home, 'projects/a b') });
    const same = JSON.parse((await world.cw(['up', '--detach', '--json', 'a.b'])).stdout);
    expect(same).toMatchObject({ created: false, name: 'a-b' });
  });

  it.each([
    'my.app',
    'a:b',
    'two words',
    "it's",
    '$HOME',
    '-dash',
    '🚀 rocket',
    '#{pid}',
    '#(touch hacked)',
    'a;b',
    'tab\there',
    'new\nline',
    '"quoted"',
    'x'.repeat(200),
  ])('a folder called %j', async (name) => {
    const world = sandbox();
    const folder = join(world.home, 'projects', name);
    mkdirSync(folder, { recursive: true });
    await open(world, folder);
    const [session] = JSON.parse((await world.cw(['list', '--json'])).stdout);
    expect(session).toMatchObject({ state: 'open', path: folder });
    expect(session.session).toMatch(/^claude-dev-[A-Za-z0-9_-]{1,100}$/);
    // The folder itself, not something that tmux made of its name.
    const path = world
      .tmux('display-message', '-p', '-t', `=${session.session}:`, '#{n:pane_current_path}')
      .trim();
    await waitUntil('the shell is in the folder', () => Number(path) === Buffer.byteLength(folder));
    expect(existsSync(join(world.home, 'hacked')) || existsSync(join(folder, 'hacked'))).toBe(false);
    expect((await world.cw(['kill', session.name, '--yes'])).code).toBe(0);
  });
});

describe('two at once, and failures', () => {
  it('two `cw up` at once make one workspace', async () => {
    const world = sandbox();
    world.file('projects/shop/README.md', '');
    const runs = await Promise.all(
      [1, 2, 3].map(() => world.cw(['up', '--detach', '--json', 'projects/shop'])),
    );
    expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
    expect(runs.map((run) => JSON.parse(run.stdout).created).sort()).toEqual([false, false, true]);
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('claude-dev-shop');
  });

  it('two projects at once on a machine where no server runs', async () => {
    const world = sandbox();
    world.file('projects/shop/README.md', '');
    world.file('projects/api/README.md', '');
    const runs = await Promise.all(
      ['shop', 'api'].map((name) => world.cw(['up', '--detach', `projects/${name}`])),
    );
    expect(runs.map((run) => run.code)).toEqual([0, 0]);
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n').sort()).toEqual([
      'claude-dev-api',
      'claude-dev-shop',
    ]);
  });

  it('more panes than fit: only what this call made is taken down', async () => {
    const world = sandbox();
    world.tmux('new-session', '-d', '-s', 'mine');
    world.file('.config/cw/config.json', '{"size":"20x10"}');
    world.file(
      'projects/shop/.cw.yaml',
      `windows:\n  - name: code\n    panes: [${Array(40).fill('null').join(', ')}]\n`,
    );
    const ran = await world.cw(['up', '--detach', '--trust', 'projects/shop']);
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(/fit|space|small/);
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('mine');
    expect(JSON.parse((await world.cw(['list', '--json'])).stdout)).toEqual([]);
  });

  it('what a builder that was killed left half-built goes with the next opening', async () => {
    const world = sandbox();
    world.tmux('new-session', '-d', '-s', 'cw-tmp-0123456789', 'sleep', '1000');
    world.tmux('new-session', '-d', '-s', 'cw-tmp-mine', 'sleep', '1000');
    world.file('projects/shop/README.md', '');
    await open(world, 'projects/shop');
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n').sort()).toEqual([
      'claude-dev-shop',
      'cw-tmp-mine',
    ]);
  });

  it('a builder that was taken for dead, and has ended well since, keeps its session', async () => {
    const world = sandbox();
    world.tmux('new-session', '-d', '-s', 'cw-tmp-0123456789', 'sleep', '1000');
    const { connection, registry } = doors(world);
    const reading = await readSessions(connection);
    world.tmux('rename-session', '-t', '=cw-tmp-0123456789', 'claude-dev-api');
    await applyBlueprint(connection, registry, blueprintOf([{}]), reading, world.env);
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim().split('\n').sort()).toEqual([
      'claude-dev-api',
      'claude-dev-shop',
    ]);
  });

  it('a name that another builder took meanwhile is left to that one', async () => {
    const world = sandbox();
    const path = join(world.home, 'projects/shop');
    mkdirSync(path, { recursive: true });
    world.tmux('new-session', '-d', '-s', 'mine');
    const { connection, registry } = doors(world);
    const seen = { server: await readSessions(connection), records: registry.readAll().records };
    world.tmux('new-session', '-d', '-s', 'claude-dev-shop');
    mkdirSync(join(registry.folder, 'locks'), { recursive: true });
    registry.noteBuilt();
    const opened = await openWorkspace(
      connection,
      {
        path,
        preferred: null,
        overrides: {},
        windows: [],
        size: { width: 120, height: 40 },
        dryRun: false,
        paneHistory: true,
        cwd: world.home,
        env: world.env,
        note: () => {},
      },
      seen,
    );
    expect(opened).toMatchObject({ created: true, session: expect.stringMatching(/^claude-dev-shop-.{4,}/) });
  });

  it('a failing before_create stops the opening with its reason, and what is open stays (tmuxp 1051)', async () => {
    const world = sandbox();
    world.tmux('new-session', '-d', '-s', 'mine');
    world.file('projects/shop/.cw.yaml', 'hooks:\n  before_create: "echo no database; exit 3"\n');
    const ran = await world.cw(['up', '--detach', '--trust', 'projects/shop']);
    expect(ran.code).toBe(4);
    expect(ran.stderr).toContain('The hook before_create of shop ended with 3');
    expect(ran.stderr).toContain('no database');
    expect(world.tmux('list-sessions', '-F', '#{session_name}').trim()).toBe('mine');
  });

  it('a fault of a template is said with its place, whether it shows when it is read or filled', async () => {
    const world = sandbox();
    const up = async (yaml: string) => {
      world.file('projects/shop/.cw.yaml', yaml);
      const { code, stdout, stderr } = await world.cw(['up', '--detach', '--trust', 'projects/shop']);
      expect({ failed: code > 0, stdout }).toEqual({ failed: true, stdout: '' });
      return stderr.trim().split('\n');
    };
    const read = await up('windows:\n  - nam: code\n');
    expect([read[0], read.at(-1)]).toEqual([
      '~/projects/shop/.cw.yaml:2:5  unknown key "nam" in a window; did you mean "name"?',
      '  Nothing was opened.',
    ]);
    const filled = await up('windows: [{ name: code, layout: tild }]\n');
    expect(filled[0]).toBe('The layout of window "code": "tild" is none of tmux\'s layouts.');
    expect(filled.at(-1)).toBe('  The template is .cw.yaml. Nothing was opened.');
  });

  it('what is no folder is named, and nothing is opened', async () => {
    const world = sandbox();
    const file = world.file('projects/file.txt', '');
    symlinkSync('loop', join(world.home, 'loop'));
    for (const [word, code, sentence] of [
      ['./nowhere', 3, 'There is no folder ~/nowhere.'],
      [file, 2, 'is not a folder'],
      ['./loop', 1, 'leads to itself'],
      ['frobnicate', 3, 'No project "frobnicate".'],
      ['', 2, 'empty'],
      [`./${'x'.repeat(300)}`, 2, 'longer than the system allows'],
      [`${file}/x`, 3, 'a part of the path is a file'],
      ["./it's gone", 3, `mkdir -p ~/'it'\\''s gone'`],
    ] as const) {
      const ran = await world.cw(['up', word]);
      expect({ word, code: ran.code, stderr: ran.stderr }).toMatchObject({
        word,
        code,
        stderr: expect.stringContaining(sentence),
      });
    }
    expect(existsSync(world.socket)).toBe(false);
  });
});

describe('the environment', () => {
  it('the first pane has it, and a server that we start has a clean one', async () => {
    const world = sandbox();
    world.file('projects/shop/.env.claude', 'export API_URL="http://localhost:3000/a b"\nNAME value\n');
    await world.cw(['up', '--detach', 'projects/shop'], {
      env: {
        npm_config_user_agent: 'npm',
        CLAUDECODE: '1',
        INIT_CWD: '/x',
        PATH: `/x/node_modules/.bin:${world.env.PATH}`,
      },
    });
    const pid = world.tmux('display-message', '-p', '-t', '=claude-dev-shop:code.0', '#{pane_pid}').trim();
    const environ = Object.fromEntries(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    );
    expect(environ).toMatchObject({
      CLAUDE_PROJECT: 'shop',
      PROJECT_ROOT: join(world.home, 'projects/shop'),
      CLAUDE_CODE_TMUX_SESSION: '1',
      API_URL: 'http://localhost:3000/a b',
      NAME: 'value',
    });
    expect(environ.EDITOR).toBeTruthy();
    expect(environ.PATH).not.toContain('node_modules/.bin');
    for (const name of ['npm_config_user_agent', 'CLAUDECODE', 'INIT_CWD', 'CW_HANDOVER'])
      expect(environ).not.toHaveProperty(name);
  });
});

describe('cost', () => {
  it.each([
    ['where a server runs', true],
    ['where none runs', false],
  ])('a new workspace starts at most three tmux processes, %s', async (_name, running) => {
    const world = sandbox();
    if (running) world.tmux('new-session', '-d', '-s', 'mine');
    const log = join(world.home, 'tmux.log');
    const real = (await world.run('sh', ['-c', 'command -v tmux'])).stdout.trim();
    world.file('counted/tmux', `#!/bin/sh\necho "$1 $2 $3 $4 $5" >> '${log}'\nexec ${real} "$@"\n`, 0o755);
    world.file('projects/shop/README.md', '');
    const ran = await world.cw(['up', '--detach', 'projects/shop'], {
      env: { PATH: `${join(world.home, 'counted')}:${world.env.PATH}` },
    });
    expect(ran.code).toBe(0);
    // Not ours: the shell of an editor's pane, which waits until its window is laid out.
    const calls = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .filter((call) => !call.startsWith('wait-for '));
    expect(calls.length).toBeLessThanOrEqual(3);
  });

  it('a list starts one, and sees what was opened a moment before', async () => {
    const world = sandbox();
    const log = join(world.home, 'tmux.log');
    const real = (await world.run('sh', ['-c', 'command -v tmux'])).stdout.trim();
    world.file('counted/tmux', `#!/bin/sh\necho "$*" >> '${log}'\nexec ${real} "$@"\n`, 0o755);
    const env = { PATH: `${join(world.home, 'counted')}:${world.env.PATH}` };
    world.file('projects/shop/README.md', '');
    await open(world, 'projects/shop');
    // The launcher's reading is used once nobody builds any more: the folder of locks has rested for a moment.
    await waitUntil('a list starts one tmux process', async () => {
      world.file('tmux.log', '');
      const ran = await world.cw(['list', '--json'], { env });
      expect(JSON.parse(ran.stdout)).toMatchObject([{ name: 'shop', state: 'open' }]);
      return readFileSync(log, 'utf8').trim().split('\n').length === 1;
    });
    world.file('projects/other/README.md', '');
    await open(world, 'projects/other');
    const ran = await world.cw(['list', '--json'], { env });
    expect(
      JSON.parse(ran.stdout)
        .map(({ name }: { name: string }) => name)
        .sort(),
    ).toEqual(['other', 'shop']);
  });
});

describe('trust', () => {
  it("an untrusted project's commands do not run; it opens all the same and says so", async () => {
    const world = sandbox();
    world.file('projects/shop/.cw.yaml', 'windows:\n  - name: own\n    panes: ["touch ~/ran"]\n');
    world.file('projects/shop/.env.claude', 'PROMPT_COMMAND="touch ~/ran"\nAPI=1\n');
    const shown = await world.cw(['up', '--dry-run', '--trust', 'projects/shop']);
    expect(shown.stdout).toContain('touch ~/ran');
    expect((await world.cw(['up', '--dry-run', 'projects/shop'])).stdout).not.toContain('touch ~/ran');
    const ran = await world.cw(['up', '--detach', 'projects/shop']);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('cw trust');
    expect(ran.stderr).toContain('PROMPT_COMMAND');
    const environment = world.tmux('show-environment', '-t', '=claude-dev-shop:');
    expect(environment).toContain('API=1');
    expect(environment).not.toContain('PROMPT_COMMAND');
    expect(panes(world, 'claude-dev-shop')[0]).toMatch(/^code/);
    await world.cw(['kill', 'shop', '--yes']);
    await open(world, '--trust', 'projects/shop');
    expect(panes(world, 'claude-dev-shop')[0]).toMatch(/^own/);
    await waitUntil('the command ran', () => existsSync(join(world.home, 'ran')));
    // A change asks again.
    await world.cw(['kill', 'shop', '--yes']);
    writeFileSync(join(world.home, 'projects/shop/.cw.yaml'), 'windows:\n  - name: other\n');
    const after = await world.cw(['up', '--detach', 'projects/shop']);
    expect(after.stderr).toContain('cw trust');
    expect(panes(world, 'claude-dev-shop')[0]).toMatch(/^code/);
  });
});

it('a typed line waits at its prompt, and a start command has no shell around it', async () => {
  const world = sandbox();
  world.file('projects/shop/x', '');
  world.file(
    't.yaml',
    "windows: [{name: w, panes: [{typed: 'touch pressed'}, {start_command: 'exec tail -f /dev/null'}]}]",
  );
  await open(world, 'projects/shop', '--template', join(world.home, 't.yaml'));
  const target = '=claude-dev-shop:0';
  await waitUntil('the line is typed', () => world.screen(`${target}.0`).includes('touch pressed'));
  expect(world.tmux('list-panes', '-t', target, '-F', '#{pane_start_command}')).toContain(
    'tail -f /dev/null',
  );
  await waitUntil('the program is the pane itself', () =>
    world.tmux('display-message', '-p', '-t', `${target}.1`, '#{pane_current_command}').includes('tail'),
  );
  expect(existsSync(join(world.home, 'projects/shop/pressed'))).toBe(false);
  world.tmux('send-keys', '-t', `${target}.0`, 'Enter');
  await waitUntil('Enter runs it', () => existsSync(join(world.home, 'projects/shop/pressed')));
});
