import { expect, it } from 'vitest';
import { end, expectSound, json, panesOf, serverPid } from '../faults/support.js';
import { ask, installFakeClaude, prompt, ready, transcriptOf } from '../support/claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const template = 'windows: [{name: code, panes: [{role: claude, run: claude --model opus}]}]\n';

async function openedWithClaude(world: Sandbox): Promise<string> {
  installFakeClaude(world);
  world.file('projects/shop/.cw.yaml', template);
  expect((await world.cw(['up', '--detach', '--trust', 'projects/shop'])).code).toBe(0);
  const [pane = ''] = panesOf(world);
  await ready(world, pane);
  return pane;
}

const conversations = async (world: Sandbox): Promise<string[]> =>
  (await json(world, 'agents'))
    .filter(({ state }: { state: string }) => state !== 'exited')
    .map(({ conversation }: { conversation: string }) => conversation);

it('a Claude that ends at once is told at once, and is not forgotten by the next save', async () => {
  const world = sandbox();
  const pane = await openedWithClaude(world);
  await ask(world, pane, 'build the cart');
  const [conversation = ''] = await conversations(world);
  await json(world, 'save');
  await end(serverPid(world));

  // As after a boot at which its network is not there yet.
  installFakeClaude(world, { exit: 3 });
  for (const time of ['once', 'again']) {
    const begun = performance.now();
    const ran = await world.cw(['restore', 'shop', '--wait']);
    expect([time, ran.code, ran.stderr]).toEqual([time, 6, '']);
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(ran.stdout).toMatch(/1 window, 1 pane {3}restored, 1 failed\n/);
    expect(ran.stdout).toMatch(
      new RegExp(
        `failed \\(Claude ended with status 3 after \\d s; try: cd \\S+/projects/shop && \\S+/claude .*--resume ${conversation} `,
      ),
    );
    await json(world, 'save');
    await end(serverPid(world));
  }
  installFakeClaude(world);
  const report = await json(world, 'restore', '--all', '--wait');
  expect(report.workspaces[0].panes[0].conversation).toMatchObject({ id: conversation, state: 'recovered' });
  expect(report.workspaces[0].panes[0].line).toContain('--model opus');
  await ready(world, panesOf(world)[0]!);
  await json(world, 'save');
  await expectSound(world);
});

it('once the user has started something else there, what failed is given up', async () => {
  const world = sandbox();
  await openedWithClaude(world);
  await json(world, 'save');
  await end(serverPid(world));
  installFakeClaude(world, { exit: 3 });
  await world.cw(['restore', 'shop', '--wait']);
  const [pane = ''] = panesOf(world);
  world.file('notes', 'one\n');
  world.tmux('send-keys', '-t', pane, 'less +F ~/notes', 'Enter');
  await waitUntil('less runs', () => world.screen(pane).includes('Waiting for data'));
  // Younger ones may be what a start file runs. (The log is the one place that knows when it was chosen.)
  const registry = (await world.run('sh', ['-c', `find ${world.home} -name registry.log`])).stdout.trim();
  await world.run('sed', ['-i', 's/"at":"2/"at":"1/', registry]);
  await json(world, 'save');
  world.tmux('send-keys', '-t', pane, 'C-c', 'q');
  await waitUntil('the shell is back', () =>
    world.tmux('display-message', '-p', '-t', pane, '#{pane_current_command}').startsWith('bash'),
  );
  await json(world, 'save');
  await end(serverPid(world));
  const report = await json(world, 'restore', 'shop');
  expect(report.panes[0]).toMatchObject({ state: 'restored', command: null });
  expect(report.panes[0].conversation).toBeUndefined();
});

it('a Claude that was started by hand in a pane that was split off comes back, prompted as it was', async () => {
  const world = sandbox();
  installFakeClaude(world);
  world.file('projects/shop/.cw.yaml', 'windows: [{name: code, panes: [null]}]\n');
  await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  world.tmux('split-window', '-t', '=claude-dev-shop:');
  const pane = panesOf(world)[1]!;
  await waitUntil('the shell is there', () => /[$#]\s*$/.test(world.screen(pane).trimEnd()));
  world.tmux('send-keys', '-t', pane, `${world.folder}/bin/claude --permission-mode plan`, 'Enter');
  await ready(world, pane);
  await ask(world, pane, 'build the till');
  // Nobody has asked yet who talks there: the save does.
  await json(world, 'save');
  const [conversation = ''] = await conversations(world);
  expect(transcriptOf(world, conversation)).not.toBeNull();
  const [newest] = await json(world, 'snapshots', 'shop');
  const shown = await json(world, 'snapshot', 'show', 'shop', newest.id);
  const saved = Object.values(shown.panes).map(
    (one) => (one as { conversation?: { conversation: string } }).conversation,
  );
  expect(saved.map((one) => one?.conversation ?? null)).toContain(conversation);
  // A second one was ended before the last save: it is not started.
  world.tmux('split-window', '-t', '=claude-dev-shop:');
  const other = panesOf(world).find((id) => id !== pane && id !== panesOf(world)[0])!;
  await waitUntil('the shell is there', () => /[$#]\s*$/.test(world.screen(other).trimEnd()));
  world.tmux('send-keys', '-t', other, `${world.folder}/bin/claude`, 'Enter');
  await ready(world, other);
  await ask(world, other, 'hello');
  expect(await conversations(world)).toHaveLength(2);
  await prompt(world, other, '/exit');
  await waitUntil('it has ended', () =>
    world.tmux('display-message', '-p', '-t', other, '#{pane_current_command}').startsWith('bash'),
  );
  await json(world, 'save');

  for (const time of ['once', 'again']) {
    await end(serverPid(world));
    const report = await json(world, 'restore', 'shop', '--wait');
    const proofs = report.panes.flatMap((one: { conversation?: object }) => one.conversation ?? []);
    expect([time, proofs]).toEqual([
      time,
      [
        expect.objectContaining({
          id: conversation,
          state: 'recovered',
          line: expect.stringContaining('--resume'),
        }),
      ],
    ]);
    expect(proofs[0].line).toContain('--permission-mode plan');
    const place = report.panes.findIndex((one: { conversation?: object }) => one.conversation);
    const back = panesOf(world)[place]!;
    await ready(world, back);
    await waitUntil('it shows what was said', () => world.screen(back).includes('build the till'));
    await json(world, 'save');
  }
});

it('one that asks for trust first is told as what it is, and not waited for', async () => {
  const world = sandbox();
  const pane = await openedWithClaude(world);
  await ask(world, pane, 'build the cart');
  await json(world, 'save');
  await end(serverPid(world));
  installFakeClaude(world, { trust: true });
  const begun = performance.now();
  const report = await json(world, 'restore', '--all', '--wait');
  expect(performance.now() - begun).toBeLessThan(40_000);
  expect(report.workspaces[0].panes[0].conversation).toMatchObject({
    state: 'unverified',
    evidence: 'a dialog is open: it waits for trust in the folder; answer it: claude-switch --next',
  });
});
