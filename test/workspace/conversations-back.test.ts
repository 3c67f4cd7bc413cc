import { describe, expect, it, onTestFinished } from 'vitest';
import { installFakeClaude } from '../support/claude.js';
import { startMessagesApi } from '../support/messages-api.js';
import { installRealClaude, realClaude, realClaudeNeeds } from '../support/real-claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';
import { waitUntil } from '../support/wait.js';

interface Agent {
  readonly workspace: string;
  readonly pane: string;
  readonly conversation: string;
  readonly state: string;
  readonly evidence: string;
}

const projects = ['shop', 'api', 'data'];

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  if (ran.code !== 0) throw new Error(`cw ${args.join(' ')}: ${ran.code} ${ran.stdout}${ran.stderr}`);
  return JSON.parse(ran.stdout);
};

const agents = async (world: Sandbox): Promise<Agent[]> =>
  (await cw(world, 'agents')).filter(({ state }: Agent) => state !== 'exited');

/** Waits until so many agents are at their prompts. */
async function atRest(world: Sandbox, count: number): Promise<Agent[]> {
  return waitUntil(`${count} agents are idle`, async () => {
    const all = await agents(world);
    if (all.length === count && all.every(({ state }) => state === 'idle')) return all;
    throw new Error(
      JSON.stringify(all.map(({ workspace, state, evidence }) => [workspace, state, evidence])),
    );
  });
}

/** Who is where, as a text to compare: panes have other ids on another server. */
async function homes(world: Sandbox, count: number): Promise<string[]> {
  const all = await atRest(world, count);
  const format = '#{pane_id} #{session_name}:#{window_index}.#{pane_index}';
  const lines = world.tmux('list-panes', '-a', '-F', format).trim().split('\n');
  const places = new Map(lines.map((line) => line.split(' ') as [string, string]));
  return all.map(({ pane, conversation }) => `${places.get(pane)} ${conversation}`).sort();
}

/**
 * Three workspaces with six Claudes: two in one folder, of which one went through /clear; one and its fork; one that
 * was prompted and one that never was. Then their server is killed.
 */
async function aDay(world: Sandbox): Promise<{ before: string[]; cleared: string; untouched: string }> {
  for (const name of projects) {
    const panes = name === 'api' ? 1 : 2;
    world.file(
      `projects/${name}/.cw.yaml`,
      `windows:\n  - name: code\n    panes:\n${'      - {role: claude, run: claude --permission-mode plan}\n'.repeat(panes)}`,
    );
    expect(await world.cw(['up', '--detach', '--trust', `projects/${name}`])).toMatchObject({ code: 0 });
  }
  const begun = await atRest(world, 5);
  const [one, two] = of(begun, 'shop');
  const [api] = of(begun, 'api');
  const [spoken, untouched] = of(begun, 'data');
  const say = (pane: string, text: string) => cw(world, 'send', pane, text, '--wait');
  for (const { pane } of [one!, two!, api!, spoken!]) {
    const { answer } = await say(pane, `build part ${pane.slice(1)}`);
    expect(answer).toMatchObject({ how: 'answered', answer: `You said: build part ${pane.slice(1)}` });
  }
  expect(await cw(world, 'send', two!.pane, '/clear')).toMatchObject({ evidence: 'SessionEnd hook' });
  await waitUntil('another conversation has the pane', async () => {
    const now = (await agents(world)).find(({ pane }) => pane === two!.pane);
    return now !== undefined && now.conversation !== two!.conversation && now.state === 'idle';
  });
  await say(two!.pane, 'another part');
  await cw(world, 'conversation', 'rename', api!.conversation, 'parent');
  await cw(world, 'conversation', 'fork', 'parent', 'child');
  await atRest(world, 6);
  await say('child', 'the part of the fork');
  const before = await homes(world, 6);
  await cw(world, 'save', '--all');
  const pid = Number(world.tmux('display-message', '-p', '#{pid}'));
  process.kill(pid, 'SIGKILL');
  await waitUntil(
    'the server is gone',
    async () => (await world.run('tmux', ['-S', world.socket, 'ls'])).code !== 0,
  );
  return { before, cleared: two!.conversation, untouched: untouched!.conversation };
}

function of(all: readonly Agent[], workspace: string): Agent[] {
  return all.filter((one) => one.workspace === workspace).sort((a, b) => (a.pane < b.pane ? -1 : 1));
}

/** The words of what has the terminal of a pane. */
async function argvOf(world: Sandbox, pane: string): Promise<string> {
  const pid = world.tmux('display-message', '-p', '-t', pane, '#{pane_pid}').trim();
  const line = `tr '\\0' ' ' </proc/$(ps -o tpgid= -p ${pid} | tr -d ' ')/cmdline`;
  return (await world.run('sh', ['-c', line])).stdout;
}

const kinds = [
  { name: 'the fake Claude', install: (world: Sandbox) => void installFakeClaude(world), skip: false },
  {
    name: 'the fake Claude, as 2.1.197 is',
    install: (world: Sandbox) => void installFakeClaude(world, { version: '2.1.197' }),
    skip: false,
  },
  { name: `the real Claude ${realClaudeNeeds}`, install: installReal, skip: realClaude === null },
];

async function installReal(world: Sandbox): Promise<void> {
  const api = await startMessagesApi();
  onTestFinished(() => api.close());
  installRealClaude(
    world,
    api,
    projects.map((name) => `${world.home}/projects/${name}`),
  );
}

for (const { name, install, skip } of kinds) {
  describe.skipIf(skip)(name, () => {
    it('has each conversation in its own pane again after a kill -9 of tmux', {
      timeout: 240_000,
    }, async () => {
      const world = sandbox();
      await install(world);
      const { before, cleared } = await aDay(world);

      // The one that is gone to first is brought back by that.
      const outside = terminal(world);
      outside.line('claude-switch shop');
      await outside.waitFor('it asks', 'Bring it back');
      outside.keys('Enter');
      await waitUntil('its two are there', async () => of(await atRest(world, 2), 'shop').length === 2);

      const report = await cw(world, 'restore', '--all', '--wait');
      const proofs = report.workspaces.flatMap(
        (workspace: { panes: { conversation?: { state: string; evidence: string } }[] }) =>
          workspace.panes.map(({ conversation }) => [conversation?.state, conversation?.evidence]),
      );
      expect(proofs).toEqual(Array(4).fill(['recovered', expect.stringMatching(/^SessionStart hook/)]));
      expect(await homes(world, 6)).toEqual(before);
      expect(before.join()).not.toContain(cleared);
      for (const { evidence } of await agents(world)) expect(evidence).toBe('SessionStart hook');
      // With its own flags, and by its id.
      const argv = await argvOf(world, of(await agents(world), 'data')[0]!.pane);
      expect(argv).toContain('--permission-mode plan');
      expect(argv).toMatch(/--resume|--session-id/);
      // Each goes on where it was: what was said before is known in it.
      const list: { id: string; name: string | null; prompted: boolean }[] = await cw(
        world,
        'conversation',
        'list',
      );
      const child = list.find((one) => one.name === 'child');
      expect(child).toMatchObject({ prompted: true });
      const { answer } = await cw(world, 'send', 'child', 'and on', '--wait');
      expect(answer).toMatchObject({ how: 'answered', answer: 'You said: and on' });
    });
  });
}
