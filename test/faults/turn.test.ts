import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readStore } from '../../src/claude/agent-store.js';
import { spoolFolder } from '../../src/claude/intake.js';
import { ConversationRegistry, claudeStateFolder } from '../../src/claude/registry.js';
import { parseEntries } from '../../src/claude/registry-log.js';
import { Spool } from '../../src/claude/spool.js';
import { installFakeClaude, press, prompt } from '../support/claude.js';
import { withDaemon } from '../support/daemon.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { end, json, opened, serverPid, stateOf } from './support.js';

/** The events of one turn that uses a tool for which it has to ask, in their order. */
const turn = ['UserPromptSubmit', 'PreToolUse', 'PermissionRequest', 'PostToolUse', 'Stop'] as const;

interface Row {
  readonly pane: string;
  readonly conversation: string;
  readonly state: string;
  readonly evidence: string;
}

/**
 * A project's own hooks, which stop Claude at one of its events until it is let go. Those of ours run beside them, as
 * all hooks of one event do: so what is held has told of the event, and has done nothing after it.
 */
class Gate {
  private readonly folder: string;

  constructor(
    private readonly world: Sandbox,
    project: string,
  ) {
    const script = world.file(
      'gate/hold',
      `cd "\${0%/*}" || exit\n[ "$(cat at)" = "$1" ] || exit 0\n: >at\n: >held\nwhile [ -e held ]; do sleep 0.02; done\n`,
    );
    this.folder = join(script, '..');
    this.holdAt('');
    const events = ['SessionStart', ...turn];
    const hooks = Object.fromEntries(
      events.map((event) => [
        event,
        [{ hooks: [{ type: 'command', command: `sh '${script}' ${event}`, timeout: 600 }] }],
      ]),
    );
    world.file(join(project, '.claude/settings.json'), JSON.stringify({ hooks }));
    onTestFinished(() => this.letGo());
  }

  /** The next one of these events stops Claude. */
  holdAt(event: string): void {
    writeFileSync(join(this.folder, 'at'), event);
  }

  /** Waits until Claude stands there, and our own hook has left the event in the spool. */
  async held(event: string): Promise<void> {
    await waitUntil(`Claude stands at ${event}`, () => existsSync(join(this.folder, 'held')));
    await waitUntil(`${event} was told`, () => {
      const newest = untaken(this.world).at(-1) ?? takenLast(this.world);
      return newest === event;
    });
  }

  letGo(): void {
    rmSync(join(this.folder, 'held'), { force: true });
  }
}

const template = 'windows: [{name: code, panes: [{role: claude, run: claude}]}]\n';

const spoolOf = (world: Sandbox) => new Spool(spoolFolder(stateOf(world)));
const storeOfAgents = (world: Sandbox) => readStore(join(claudeStateFolder(stateOf(world)), 'agents.json'));

/** What is in the spool and nobody has taken yet. */
function untaken(world: Sandbox): string[] {
  return spoolOf(world)
    .read(storeOfAgents(world).place)
    .events.map(({ event }) => event);
}

/** The event by which it is known what the one agent does. */
function takenLast(world: Sandbox): string | undefined {
  const [agent] = storeOfAgents(world).agents.values();
  return agent?.verdict.evidence.replace(/ hook$/, '');
}

/** What the log of conversations says: readable as a whole, of this one conversation alone, and nothing of it twice. */
function expectOneConversation(world: Sandbox, conversation: string): void {
  const text = readFileSync(new ConversationRegistry(stateOf(world)).file, 'utf8');
  const entries = parseEntries(text);
  expect(entries).toHaveLength(text.trimEnd().split('\n').length);
  const seen = entries.map(({ at: _, from: __, ...entry }) => JSON.stringify(entry));
  expect(seen).toEqual([...new Set(seen)]);
  for (const entry of entries)
    expect(entry).toMatchObject({ conversation, kind: expect.stringMatching(/^(choose|bind)$/) });
}

async function agent(world: Sandbox): Promise<Row> {
  const rows: Row[] = await json(world, 'agents');
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

function inState(world: Sandbox, state: string): Promise<Row> {
  return waitUntil(`the agent is ${state}`, async () => {
    const row = await agent(world);
    if (row.state === state) return row;
    throw new Error(`${JSON.stringify(row)}; the screen is:\n${world.screen(row.pane)}`);
  });
}

/** Kills the Claude of a pane; all that it has started ends with it. */
async function killClaude(world: Sandbox, pane: string): Promise<void> {
  const shell = world.tmux('display-message', '-p', '-t', pane, '#{pane_pid}').trim();
  const { stdout } = await world.run('ps', ['-o', 'tpgid=', '-p', shell]);
  expect(stdout.trim()).not.toBe(shell);
  await end(Number(stdout));
}

describe('a Claude that is killed', () => {
  it.each(['SessionStart', ...turn] as const)(
    'at %s is known to be gone, and goes on under its id',
    async (event) => {
      const world = sandbox();
      installFakeClaude(world, { notify: 600_000 });
      const gate = new Gate(world, 'projects/shop');
      if (event === 'SessionStart') gate.holdAt(event);
      await opened(world, template);
      const [pane] = world
        .tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{pane_id}')
        .split('\n');
      const toEvent = async (target: string) => {
        if (event !== 'SessionStart') {
          const { conversation } = await inState(world, 'idle');
          gate.holdAt(event);
          await json(world, 'send', conversation, 'permission please');
          if (turn.indexOf(event) > turn.indexOf('PermissionRequest')) {
            await waitUntil('it asks', () => world.screen(target).includes('Do you want to proceed?'));
            press(world, target, '1');
          }
        }
        await gate.held(event);
      };

      await toEvent(pane!);
      await killClaude(world, pane!);
      gate.letGo();
      const gone = await agent(world);
      expect(gone).toMatchObject({ pane, state: 'exited', evidence: 'process tree' });
      const { conversation } = gone;
      expectOneConversation(world, conversation);
      expect(untaken(world)).toEqual([]);
      // It writes down what it is told when the hooks have let that pass.
      const hasTranscript = event !== 'SessionStart' && event !== 'UserPromptSubmit';
      const [listed] = await json(world, 'conversation', 'list', '--all');
      expect(listed).toMatchObject({ id: conversation, live: false, prompted: hasTranscript });

      // It is resumed by hand, and killed there again, now together with tmux.
      if (event === 'SessionStart') gate.holdAt(event);
      const resumed = await json(world, 'conversation', 'resume', conversation);
      expect(resumed).toMatchObject({ conversation });
      await toEvent(resumed.pane);
      await json(world, 'save', '--all');
      await killClaude(world, resumed.pane);
      gate.letGo();
      await end(serverPid(world));
      const { workspaces } = await json(world, 'restore', '--all', '--wait');
      const proofs = workspaces.flatMap((workspace: { panes: { conversation?: object }[] }) =>
        workspace.panes.flatMap((one) => one.conversation ?? []),
      );
      expect(proofs).toEqual([expect.objectContaining({ id: conversation, state: 'recovered' })]);
      expect(await inState(world, 'idle')).toMatchObject({ conversation, evidence: 'SessionStart hook' });
      const { answer } = await json(world, 'send', conversation, 'and on', '--wait');
      expect(answer).toMatchObject({ how: 'answered', answer: 'You said: and on' });
    },
  );
});

it('a daemon that is killed at any event of a turn takes each event once, and says what is true', {
  timeout: 420_000,
}, async () => {
  const world = sandbox();
  installFakeClaude(world, { notify: 600_000 });
  const gate = new Gate(world, 'projects/shop');
  await opened(world, template);
  const pane = world.tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{pane_id}').trim();
  const daemon = await withDaemon(world);
  let pid = await daemon.start();
  const shows = (state: string) =>
    waitUntil(`the daemon has taken all, and shows ${state}`, () => {
      const shown = world.tmux('show-options', '-pqv', '-t', pane, '@cw_state').trim();
      expect({ shown, untaken: untaken(world) }).toEqual({ shown: state, untaken: [] });
      return true;
    });
  const allow = async () => {
    await waitUntil('it asks', () => world.screen(pane).includes('Do you want to proceed?'));
    press(world, pane, '1');
  };
  await shows('idle');

  let turns = 0;
  for (const [at, event] of turn.entries()) {
    for (const isTaken of [true, false]) {
      turns += 1;
      gate.holdAt(event);
      // A process that stands still takes nothing, and notices nothing of its end either.
      if (!isTaken) process.kill(pid, 'SIGSTOP');
      await prompt(world, pane, `permission for turn ${turns}`);
      if (at > turn.indexOf('PermissionRequest')) await allow();
      await gate.held(event);
      const before = turn.slice(0, at + 1);
      if (isTaken) await waitUntil(`${event} was taken`, () => takenLast(world) === event);
      else expect(untaken(world)).toEqual(before);
      await daemon.kill();

      // The next one catches up in the middle of the turn, and goes the same way.
      await daemon.start();
      await shows(
        event === 'PermissionRequest' ? 'waiting permission' : event === 'Stop' ? 'idle' : 'working',
      );
      await daemon.kill();
      gate.letGo();
      if (at <= turn.indexOf('PermissionRequest')) await allow();
      await waitUntil('what came without a daemon lies there', () => {
        expect(untaken(world)).toEqual(turn.slice(at + 1));
        return true;
      });
      await waitUntil('it has answered', () =>
        world.screen(pane).includes(`● You said: permission for turn ${turns}`),
      );
      pid = await daemon.start();
      await shows('idle');
    }
  }
  const { conversation, ...now } = await agent(world);
  expect(now).toMatchObject({ pane, state: 'idle', evidence: 'Stop hook' });
  expectOneConversation(world, conversation);
  const metrics = await json(world, 'metrics');
  expect(metrics.workspaces).toMatchObject([{ total: { turns } }]);
  await daemon.stop();
});
