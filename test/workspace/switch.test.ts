import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

async function withProjects(...names: string[]): Promise<Sandbox> {
  const world = sandbox();
  for (const name of names) world.file(`projects/${name}/README.md`, `# ${name}\n`);
  return world;
}

const clients = (world: Sandbox) => world.tmux('list-clients', '-F', '#{client_session}').trim();

describe('hopping', () => {
  it('outside tmux it opens and attaches; inside it switches; - goes back', async () => {
    const world = await withProjects('shop', 'api');
    const screen = terminal(world);
    screen.line('claude-switch shop');
    await waitUntil('shop is attached', () => clients(world) === 'claude-dev-shop');
    const type = (line: string) => {
      const session = clients(world);
      world.tmux('send-keys', '-t', `=${session}:`, '-l', '--', `PATH=${root}/bin:$PATH ${line}`);
      world.tmux('send-keys', '-t', `=${session}:`, 'Enter');
    };
    await waitUntil('the shell is ready', () => /[$#] *$/m.test(world.screen('=claude-dev-shop:')));
    type('claude-switch api');
    await waitUntil('api is there', () => clients(world) === 'claude-dev-api');
    await waitUntil('the shell is ready', () => /[$#] *$/m.test(world.screen('=claude-dev-api:')));
    type('claude-switch -');
    await waitUntil('shop is there again', () => clients(world) === 'claude-dev-shop');
    type('claude-switch api');
    await waitUntil('api is there again', () => clients(world) === 'claude-dev-api');
  });

  it('nothing of ours stays behind while a terminal is attached', async () => {
    const world = await withProjects('shop');
    const screen = terminal(world);
    screen.line('cw up projects/shop');
    await waitUntil('shop is attached', () => clients(world) === 'claude-dev-shop');
    const client = world.tmux('list-clients', '-F', '#{client_pid}').trim();
    const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${client}/status`, 'utf8'))?.[1];
    const name = readFileSync(`/proc/${parent}/comm`, 'utf8').trim();
    expect(name).toBe('sh');
    // The shell of the terminal itself: the launcher has become tmux.
    expect(readFileSync(`/proc/${parent}/cmdline`, 'utf8')).toBe('sh\0');
  });

  it('a hop to a running workspace starts no Node', async () => {
    const world = await withProjects('shop');
    await world.cw(['up', '--detach', 'projects/shop']);
    world.file('broken/node', '#!/bin/sh\ntouch "$HOME/node-was-started"\nexit 9\n', 0o755);
    world.env.PATH = `${join(world.home, 'broken')}:${world.env.PATH}`;
    const screen = terminal(world);
    screen.line('claude-switch shop');
    await waitUntil('shop is attached', () => clients(world) === 'claude-dev-shop');
    expect(existsSync(join(world.home, 'node-was-started'))).toBe(false);
  });

  it('an unknown name answers with the nearest ones, and exit code 3', async () => {
    const world = await withProjects('shop', 'ship-api');
    const ran = await world.run(join(root, 'bin/claude-switch'), ['shp']);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('No project "shp". Nearest: shop, ship-api.');
    expect(ran.stderr).toContain('claude-switch shop');
    expect(ran.stderr).toContain('roots searched: ~/projects');
  });

  it('with no name it prints the names into a pipe, and lets one pick on a terminal', async () => {
    const world = await withProjects('shop', 'api');
    await world.cw(['up', '--detach', 'projects/shop']);
    expect((await world.run(join(root, 'bin/claude-switch'), [])).stdout).toBe('shop\n');
    const screen = terminal(world);
    screen.line('claude-switch');
    await screen.waitFor('the open workspace and the project that is none yet', /shop[\s\S]*api/);
    screen.keys('a', 'p');
    await screen.waitFor('the filter holds', /ap/);
    screen.keys('Enter');
    await waitUntil('api was opened', () => clients(world) === 'claude-dev-api');
  });

  it('a name is never a prefix (tmux-sessionizer 194)', async () => {
    const world = await withProjects('shop', 'shop-api');
    await world.cw(['up', '--detach', 'projects/shop-api']);
    const ran = await world.cw(['kill', 'shop', '--yes']);
    expect(ran.code).toBe(3);
    const json = JSON.parse((await world.cw(['up', '--detach', '--json', 'shop'])).stdout);
    expect(json).toMatchObject({ created: true, name: 'shop' });
  });

  it('hooks run when a terminal comes and goes', async () => {
    const world = await withProjects('shop');
    world.file(
      'projects/shop/.cw.yaml',
      `hooks:\n  on_attach: 'echo "came #{pid} it''s" >> ~/log # a remark'\n  on_detach: pwd >> ~/log\n`,
    );
    await world.cw(['up', '--detach', '--trust', 'projects/shop']);
    const screen = terminal(world);
    screen.line('claude-switch shop');
    const log = () =>
      existsSync(join(world.home, 'log')) ? readFileSync(join(world.home, 'log'), 'utf8') : '';
    await waitUntil('on_attach ran', () => log() === "came #{pid} it's\n");
    screen.keys('C-b', 'd');
    await waitUntil('on_detach ran', () => log().includes(`${world.home}/projects/shop\n`));
    expect(world.tmux('show-hooks', '-t', '=claude-dev-shop:')).toBe('');
  });
});

describe('when tmux cannot be had', () => {
  it('a dead server in $TMUX is named', async () => {
    const world = await withProjects('shop');
    const ran = await world.cw(['up', '--detach', 'projects/shop'], {
      env: { CW_TMUX_SOCKET: '', CW_TEST: '', TMUX: `${world.folder}/s/gone,99999,0` },
    });
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain('TMUX');
    expect(ran.stderr).toContain(`${world.folder}/s/gone`);
  });

  it('a missing tmux is named with the line that installs it', async () => {
    const world = await withProjects('shop');
    for (const program of ['node', 'sh', 'dirname', 'readlink', 'cat', 'sed']) {
      const found = (await world.run('sh', ['-c', `command -v ${program}`])).stdout.trim();
      if (found.startsWith('/')) await world.run('ln', ['-s', found, join(world.folder, 'run', program)]);
    }
    const ran = await world.cw(['up', '--detach', 'projects/shop'], {
      env: { PATH: join(world.folder, 'run') },
    });
    expect(ran.code).toBe(5);
    expect(ran.stderr).toMatch(/tmux was not found[\s\S]*apt install tmux/);
  });

  it('an old tmux is named with the version that is needed', async () => {
    const world = await withProjects('shop');
    world.file(
      'old/tmux',
      '#!/bin/sh\n[ "$1" = -V ] && { echo tmux 3.1c; exit; }\nprintf "v 3.1c 1 1\\nbase-index 0\\npane-base-index 0\\ndefault-shell /bin/sh\\ndefault-command \\"\\"\\ndefault-size 80x24\\nhistory-limit 2000\\n"\n',
      0o755,
    );
    const ran = await world.cw(['up', '--detach', 'projects/shop'], {
      env: { PATH: `${join(world.home, 'old')}:${world.env.PATH}` },
    });
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain('3.2');
  });

  it('a stale socket does not stand in the way (overmind 50)', async () => {
    const world = await withProjects('shop');
    world.tmux('new-session', '-d');
    const pid = Number(world.tmux('display-message', '-p', '#{pid}'));
    process.kill(pid, 'SIGKILL');
    await waitUntil(
      'the server is gone',
      async () => (await world.run('tmux', ['-S', world.socket, 'ls'])).code !== 0,
    );
    expect(existsSync(world.socket)).toBe(true);
    expect((await world.cw(['list'])).stdout).toContain('No workspaces yet');
    expect((await world.cw(['up', '--detach', 'projects/shop'])).code).toBe(0);
  });
});

describe('kill', () => {
  it('saves the text of every pane first and says where, and needs a yes', async () => {
    const world = await withProjects('shop');
    world.file(
      'projects/shop/.cw.yaml',
      'windows:\n  - name: code\n    panes: ["seq 1 500", "printf \'%s\\n\' secret-plan"]\n',
    );
    await world.cw(['up', '--detach', '--trust', 'projects/shop']);
    await waitUntil(
      'both printed',
      () =>
        world.screen('=claude-dev-shop:code.0').includes('500') &&
        world.screen('=claude-dev-shop:code.1').includes('secret-plan'),
    );
    const refused = await world.cw(['kill', 'shop']);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('--yes');
    expect(world.tmux('has-session', '-t', '=claude-dev-shop')).toBe('');
    const [killed] = JSON.parse((await world.cw(['kill', 'shop', '--yes', '--json'])).stdout);
    const saved = async (pane: string) =>
      (await world.cw(['snapshot', 'show', 'shop', killed.snapshot, '--text', pane])).stdout;
    const text = (await saved('0.0')).split('\n');
    for (let number = 1; number <= 500; number += 1) expect(text).toContain(String(number));
    expect(await saved('0.1')).toContain('secret-plan');
    const [entry] = JSON.parse((await world.cw(['list', '--json'])).stdout);
    expect(entry).toMatchObject({ name: 'shop', state: 'closed', template: '.cw.yaml' });
    // It is opened again under its name and id.
    const again = JSON.parse((await world.cw(['up', '--detach', '--json', 'shop'])).stdout);
    expect(again).toMatchObject({ created: true, name: 'shop' });
  });

  it('in one of its own panes it counts as closed by the user', async () => {
    const world = await withProjects('shop');
    await world.cw(['up', '--detach', 'projects/shop']);
    await waitUntil('the shell is ready', () => /[$#] *$/m.test(world.screen('=claude-dev-shop:')));
    world.tmux(
      'send-keys',
      '-t',
      '=claude-dev-shop:',
      '-l',
      '--',
      `CW_DAEMON=off ${root}/bin/cw kill shop --yes`,
    );
    world.tmux('send-keys', '-t', '=claude-dev-shop:', 'Enter');
    const records = () =>
      readdirSync(String(world.env.XDG_STATE_HOME), { recursive: true, encoding: 'utf8' })
        .filter((path) => basename(path) === 'workspace.json')
        .map((path) => readFileSync(join(String(world.env.XDG_STATE_HOME), path), 'utf8'));
    await waitUntil('it is noted', () => records().some((text) => /"closedBy":\s*"user"/.test(text)));
  });

  it('closes what has lost its folder, which is not opened again without it', async () => {
    const world = await withProjects('shop');
    await world.cw(['up', '--detach', 'projects/shop']);
    rmSync(join(world.home, 'projects/shop'), { recursive: true });
    expect(await world.cw(['kill', 'shop', '--yes'])).toMatchObject({ code: 0, stderr: '' });
    for (const args of [
      ['up', 'shop'],
      ['up', 'shop', '--dry-run'],
      ['switch', 'shop'],
    ]) {
      const ran = await world.cw(args);
      expect(ran).toMatchObject({ code: 3, stdout: '' });
      expect(ran.stderr).toContain('The folder of shop is gone: ~/projects/shop.');
    }
    const unknown = await world.cw(['kill', 'sho', '--yes']);
    expect(unknown).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^No workspace "sho". Nearest: shop/),
    });
  });

  it('a failing before_close keeps it open', async () => {
    const world = await withProjects('shop');
    world.file('projects/shop/.cw.yaml', 'hooks:\n  before_close: "echo still busy; false"\n');
    await world.cw(['up', '--detach', '--trust', 'projects/shop']);
    const ran = await world.cw(['kill', 'shop', '--yes']);
    expect(ran.code).toBe(4);
    expect(ran.stderr).toContain('still busy');
    expect(world.tmux('has-session', '-t', '=claude-dev-shop')).toBe('');
  });
});

describe('list', () => {
  it('shows branch and uncommitted work when asked to read them', async () => {
    const world = await withProjects('shop');
    const inShop = { cwd: join(world.home, 'projects/shop') };
    for (const args of [
      ['init', '-q', '-b', 'main'],
      ['add', '.'],
      ['commit', '-qm', 'first'],
    ])
      await world.run('git', args, inShop);
    await world.cw(['up', '--detach', 'projects/shop']);
    expect(JSON.parse((await world.cw(['list', '--json'])).stdout)[0]).toMatchObject({
      branch: 'main',
      dirty: null,
      gitAt: null,
    });
    const read = async () => JSON.parse((await world.cw(['list', '--fresh', '--json'])).stdout)[0];
    expect(await read()).toMatchObject({ branch: 'main', dirty: false, gitAt: expect.stringMatching(/^20/) });
    world.file('projects/shop/new.txt', 'new');
    expect(await read()).toMatchObject({ branch: 'main', dirty: true });
    // Kept as the last reading.
    expect(JSON.parse((await world.cw(['list', '--json'])).stdout)[0]).toMatchObject({
      branch: 'main',
      dirty: true,
    });
    expect((await world.cw(['list'])).stdout).toContain('main *');
  });

  it('the two beside the projects are there, and apart from a project at home', async () => {
    const world = await withProjects('shop');
    expect((await world.cw(['scratch', '--detach'])).code).toBe(0);
    expect((await world.cw(['monitoring', '--detach'])).code).toBe(0);
    const home = JSON.parse((await world.cw(['up', '--detach', '--json', world.home])).stdout);
    expect(home).toMatchObject({ created: true, name: 'home' });
    const names = JSON.parse((await world.cw(['list', '--json'])).stdout).map(
      (entry: { session: string }) => entry.session,
    );
    expect(names.sort()).toEqual(['claude-dev-home', 'claude-dev-monitoring', 'claude-dev-scratch']);
    expect(JSON.parse((await world.cw(['scratch', '--detach', '--json'])).stdout)).toMatchObject({
      created: false,
      name: 'scratch',
    });
    // By whatever verb it is opened again, it is the same.
    await world.cw(['kill', 'scratch', '--yes']);
    const again = await world.cw(['up', 'scratch']);
    expect(again.stdout).toContain('Opened scratch (1 window, 2 panes) from the template scratch.');
  });
});
