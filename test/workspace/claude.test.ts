import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ask, installFakeClaude, prompt, ready } from '../support/claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
};

interface Agent {
  readonly workspace: string;
  readonly pane: string;
  readonly conversation: string;
  readonly state: string;
}

const agents = async (world: Sandbox): Promise<Agent[]> => cw(world, 'agents');

/** The conversations by workspace and place, as a text to compare. */
async function homes(world: Sandbox): Promise<string[]> {
  const places = new Map(
    world
      .tmux('list-panes', '-a', '-F', '#{pane_id} #{session_name}:#{window_index}.#{pane_index}')
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
  return (await agents(world))
    .filter(({ state }) => state !== 'exited')
    .map(({ pane, conversation }) => `${places.get(pane)} ${conversation}`)
    .sort();
}

it('a crash of tmux, and each Claude pane has its own conversation again', { timeout: 180_000 }, async () => {
  const world = sandbox();
  installFakeClaude(world);
  for (const name of ['shop', 'api']) {
    world.file(
      `projects/${name}/.cw.yaml`,
      'windows:\n  - name: code\n    panes:\n      - {role: claude, run: claude --model opus}\n      - {role: claude, run: claude}\n',
    );
    const ran = await world.cw(['up', '--detach', '--trust', `projects/${name}`]);
    expect(ran.code).toBe(0);
  }
  const panes = world.tmux('list-panes', '-a', '-F', '#{pane_id}').trim().split('\n');
  for (const pane of panes) await ready(world, pane);
  await waitUntil('all four have told', async () => (await homes(world)).length === 4);
  // Two of one folder were prompted, one of them after /clear; one was never prompted.
  await ask(world, panes[0]!, 'build the cart');
  await ask(world, panes[1]!, 'build the till');
  const cleared = (await homes(world))[1];
  await prompt(world, panes[1]!, '/clear');
  await waitUntil('another conversation has the pane', async () => {
    const now = await homes(world);
    return now.length === 4 && !now.includes(cleared!);
  });
  await ready(world, panes[1]!);
  await ask(world, panes[1]!, 'the till again');
  await ask(world, panes[2]!, 'build the api');
  const before = await homes(world);
  await cw(world, 'save');

  const pid = Number(world.tmux('display-message', '-p', '#{pid}'));
  process.kill(pid, 'SIGKILL');
  await waitUntil(
    'the server is gone',
    async () => (await world.run('tmux', ['-S', world.socket, 'ls'])).code !== 0,
  );

  const report = await cw(world, 'restore', '--all', '--wait');
  const proofs = report.workspaces.flatMap((workspace: { panes: { conversation?: { state: string } }[] }) =>
    workspace.panes.map((pane) => pane.conversation?.state),
  );
  expect(proofs).toEqual(['recovered', 'recovered', 'recovered', 'recovered']);
  expect(await homes(world)).toEqual(before);
  // Its flags too, and what was said before.
  const first = world
    .tmux('list-panes', '-a', '-F', '#{pane_id} #{session_name} #{pane_index}')
    .trim()
    .split('\n')
    .find((line) => line.endsWith('claude-dev-shop 0'))
    ?.split(' ')[0];
  const argv = (
    await world.run('sh', [
      '-c',
      `tr '\\0' ' ' </proc/$(ps -o tpgid= -p ${world.tmux('display-message', '-p', '-t', first!, '#{pane_pid}').trim()} | tr -d ' ')/cmdline`,
    ])
  ).stdout;
  expect(argv).toContain('--model opus');
  expect(argv).toContain('--resume');
});

it('a conversation that is alive is not opened a second time', async () => {
  const world = sandbox();
  installFakeClaude(world);
  world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [{role: claude, run: claude}]}]\n');
  await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  const pane = world.tmux('list-panes', '-a', '-F', '#{pane_id}').trim();
  await ready(world, pane);
  await ask(world, pane, 'hello');
  await cw(world, 'save');
  const report = await cw(world, 'restore', 'shop', '--as', 'copy');
  expect(report.panes[0]).toMatchObject({ state: 'not made again' });
  expect(report.panes[0].notes.join()).toContain(`open in pane ${pane}`);
});

it('a pane without hooks of ours, and a project without claude, start as ever', async () => {
  const world = sandbox();
  world.file('projects/shop/README.md', '');
  await world.cw(['up', '--detach', 'projects/shop']);
  const log = readdirSync(join(world.home, '.local/state/cw'), { recursive: true })
    .map(String)
    .find((name) => name.endsWith('registry.log'));
  expect(
    log === undefined ||
      !existsSync(join(world.home, '.local/state/cw', log)) ||
      readFileSync(join(world.home, '.local/state/cw', log), 'utf8') === '',
  ).toBe(true);
});
