import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, type Sandbox, sandbox } from '../../support/sandbox.js';
import { terminal } from '../../support/terminal.js';
import { waitUntil } from '../../support/wait.js';

async function open(world: Sandbox, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    world.file(`projects/${name}/README.md`, '');
    const opened = await world.cw(['up', `projects/${name}`, '--template', 'generic', '--detach']);
    expect(opened).toMatchObject({ code: 0 });
  }
}

it('is driven in a real terminal, and leaves that as it was', async () => {
  const world = sandbox();
  await open(world, 'api', 'data', 'shop');
  const term = terminal(world, { columns: 100, rows: 30 });
  term.line('stty -g >before; cw dashboard; echo "left $?"; stty -g >after');
  await term.waitFor(
    'the three are shown',
    /3 open, 0 closed[\s\S]*▸ {3}api[\s\S]*data[\s\S]*shop[\s\S]*── api/,
  );
  const sessions = () =>
    world.tmux('list-sessions', '-F', '#{session_name}').split('\n').sort().join(' ').trim();

  // A kill is asked about, and nothing but y is a yes.
  term.keys('j', 'x');
  await term.waitFor('it asks', /Close data \(\d panes?\)\? \[y\/N\]/);
  term.keys('n');
  await term.waitFor('it was left', 'Nothing was closed.');
  expect(sessions()).toBe('claude-dev-api claude-dev-data claude-dev-shop');
  term.keys('x');
  await term.waitFor('it asks again', /Close data/);
  term.keys('y');
  await term.waitFor('it was closed', /○ data +closed/);
  expect(sessions()).toBe('claude-dev-api claude-dev-shop');

  // The cursor went along with it: r brings it back.
  term.keys('r');
  await term.waitFor('it is back', /3 open, 0 closed/);
  expect(sessions()).toBe('claude-dev-api claude-dev-data claude-dev-shop');

  term.keys('/', 's', 'h', 'o');
  await term.waitFor('one is left', /▸ {3}shop/);
  term.keys('Enter', 'p');
  await term.waitFor('it is pinned', /shop ▪/);
  term.keys('m');
  await term.waitFor('nobody is there to send to', /No Claude runs|to shop/);

  term.keys('Escape');
  term.resize(40, 14);
  await term.waitFor('it fits a narrow terminal', /^.{0,40}▸ {3}shop ▪ +\S/m);
  term.resize(100, 30);
  // What happens outside is seen without a daemon too.
  await world.cw(['kill', 'api', '--yes']);
  await term.waitFor('it is seen that another closed one', /○ api/);

  term.keys('q');
  const screen = await term.waitFor('it was left', 'left 0');
  expect(screen).not.toContain('WORKSPACE');
  const { stdout } = await world.run('sh', ['-c', 'cmp before after && echo same']);
  expect(stdout).toBe('same\n');
});

it('goes to a workspace, and is left by Ctrl-C and by a signal', async () => {
  const world = sandbox();
  await open(world, 'api');
  const term = terminal(world, { columns: 100, rows: 30 });
  term.line('clear; cw dashboard; echo "left $?"');
  await term.waitFor('it is shown', /▸ {3}api/);
  term.keys('C-c');
  await term.waitFor('it was left by Ctrl-C', /^left 0/m);
  term.line(`clear; sh -c 'echo $$ >pid; exec node ${root}/dist/cw.cjs dashboard'; echo "left $?"`);
  await term.waitFor('it is shown again', /▸ {3}api/);
  process.kill(Number(readFileSync(join(world.home, 'pid'), 'utf8')), 'SIGTERM');
  expect(await term.waitFor('it was ended', /^left 143/m)).not.toContain('▸');
  term.line('clear; cw dashboard');
  await term.waitFor('it is shown once more', /▸ {3}api/);
  term.keys('Enter');
  await waitUntil('the terminal is in the workspace', () =>
    world.tmux('list-clients', '-F', '#{session_name}').includes('claude-dev-api'),
  );
});

it('prints its rows as JSON, and says that it needs a terminal', async () => {
  const world = sandbox();
  await open(world, 'api');
  const { stdout } = await world.cw(['dashboard', '--json']);
  expect(JSON.parse(stdout).workspaces).toMatchObject([{ name: 'api', state: 'open' }]);
  expect(await world.cw(['dashboard'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('needs a terminal'),
  });
});
