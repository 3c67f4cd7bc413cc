import { describe, expect, it } from 'vitest';
import { claudeFacts } from '../../src/claude/facts.js';
import { hookSettings, writeHookSettings } from '../../src/claude/hook-settings.js';
import { drain, spoolFolder } from '../../src/claude/intake.js';
import type { AgentRow } from '../../src/claude/overview.js';
import { ConversationRegistry, claudeStateFolder } from '../../src/claude/registry.js';
import { Spool } from '../../src/claude/spool.js';
import type { Context } from '../../src/cli/command.js';
import { verb, watchAgents } from '../../src/cli/commands/agents.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { Registry } from '../../src/workspace/registry.js';
import {
  ask,
  installFakeClaude,
  presenceOf,
  press,
  prompt,
  ready,
  startClaude,
  waitForStatus,
} from '../support/claude.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { runVerb } from './run-verb.js';

const a = '0b3a9b9e-5b1c-4e0e-9a55-0123456789ab';
const b = '7d0f5a7e-1111-4222-8333-abcdefabcdef';

/** A workspace's sandbox, in which Claudes can be started with our hooks. */
function world(options: Parameters<typeof installFakeClaude>[1] = {}) {
  const made = sandbox();
  installFakeClaude(made, { notify: 300, ...options });
  const { folder } = new Registry(serverAddress(made.env), made.env);
  const spool = spoolFolder(folder);
  new Spool(spool).prepare();
  const settings = writeHookSettings(claudeStateFolder(folder));
  const around = { env: made.env, cwd: made.home };
  return {
    ...made,
    folder,
    /** In a session that carries a workspace's id. */
    async start(words: readonly string[], hooks = true) {
      const pane = startClaude(made, [...(hooks ? ['--settings', settings] : []), ...words], {
        env: hooks ? { CW_SPOOL: spool } : {},
      });
      made.tmux('set-option', '-t', pane, '@cw_id', 'w0123456789ab');
      await ready(made, pane);
      return pane;
    },
    connection: processConnection(serverAddress(made.env), made.env),
    rows: async () => (await runVerb(verb, ['--json'], around)).data as AgentRow[],
    text: async () => (await runVerb(verb, [], around)).text,
  };
}

function row(pane: string, rows: readonly AgentRow[]): AgentRow {
  const found = rows.find((one) => one.pane === pane);
  if (!found) throw new Error(`no row of ${pane}: ${JSON.stringify(rows)}`);
  return found;
}

describe.runIf(process.platform === 'linux')('cw agents', () => {
  it('says that there are none', async () => {
    const here = world();
    expect(await here.rows()).toEqual([]);
    expect(await here.text()).toContain('No Claude runs in a workspace');
  });

  it('shows two in one folder, each by its own events, which come by two ways and count once', async () => {
    const here = world();
    here.file('.claude/settings.json', JSON.stringify(hookSettings()));
    const one = await here.start(['--session-id', a]);
    const two = await here.start(['--session-id', b]);
    expect(row(one, await here.rows())).toEqual({
      workspace: expect.any(String),
      session: expect.any(String),
      window: expect.any(String),
      pane: one,
      conversation: a,
      state: 'idle',
      detail: null,
      since: expect.stringMatching(/^\d{4}-.*Z$/),
      evidence: 'SessionStart hook',
      context: null,
    });
    expect(row(two, await here.rows()).conversation).toBe(b);

    await ask(here, one, 'nested tool');
    const drained = await drain(here.folder, () => claudeFacts(here.connection, here.env));
    expect(drained.counted.map(({ conversation, event }) => [conversation, event.event])).toEqual([
      [a, 'UserPromptSubmit'],
      [a, 'PreToolUse'],
      [a, 'PostToolUse'],
      ...(drained.counted.length > 4
        ? [
            [a, 'PreToolUse'],
            [a, 'PostToolUse'],
          ]
        : []),
      [a, 'Stop'],
    ]);
    expect(drained.refused[0]?.evidence).toMatch(/is nested in|ran below|had ended/);

    await prompt(here, two, 'permission');
    await waitForStatus(here, two, 'waiting');
    await waitUntil('it waits', async () => row(two, await here.rows()).state === 'waiting');
    expect((await here.rows()).map((each) => each.pane)).toEqual([two, one]);
    expect(await here.text()).toMatch(
      /%\d+ +waiting \(permission\) +\d+[sm] +(-|\d+%) +7d0f5a7e +(PermissionRequest|Notification) hook/,
    );
    press(here, two, '1');
    await waitUntil('it is idle', async () => row(two, await here.rows()).evidence === 'Stop hook');

    // A new conversation in the same pane.
    await prompt(here, one, '/clear');
    await waitUntil('it has another one', async () => row(one, await here.rows()).conversation !== a);
    // The file of the process tells the new one at once, a hook that the old one has ended.
    const known = await waitUntil('its end is told', async () => {
      await here.rows();
      const found = new ConversationRegistry(here.folder).byConversation(a);
      return found?.ended && found;
    });
    expect(known).toMatchObject({ current: false, prompted: true, ended: { reason: 'clear' } });
    expect(row(one, await here.rows()).conversation).toBe(presenceOf(here, one)?.sessionId);

    // Nothing is told of Esc, nor of a death.
    await prompt(here, two, 'slow');
    await waitUntil('it works', async () => row(two, await here.rows()).state === 'working');
    await waitUntil('its tool runs', () => here.screen(two).includes('Running Bash'));
    press(here, two, 'Escape');
    await waitForStatus(here, two, 'idle');
    await waitUntil('it is idle by its file', async () => {
      const { state, evidence } = row(two, await here.rows());
      return state === 'idle' && evidence === 'registry file';
    });
    process.kill(presenceOf(here, two)!.pid, 'SIGKILL');
    await waitUntil('it is gone', async () => row(two, await here.rows()).state === 'exited');
    expect(row(two, await here.rows()).evidence).toBe('process tree');
  });

  it('knows one that was started by hand, without hooks', async () => {
    const here = world();
    const pane = await here.start(['--model', 'opus'], false);
    await waitForStatus(here, pane, 'idle');
    const found = row(pane, await here.rows());
    expect(found).toMatchObject({ state: 'idle', evidence: 'registry file' });
    expect(found.conversation).toBe(presenceOf(here, pane)?.sessionId);
    expect(new ConversationRegistry(here.folder).byConversation(found.conversation)).toMatchObject({
      flags: ['--model', 'opus'],
      cwd: here.home,
      by: 'file',
    });
  });

  it('follows a fork that begins under its parent’s id', async () => {
    const here = world({ version: '2.1.197' });
    const parent = await here.start(['--session-id', a]);
    await ask(here, parent, 'hello');
    await here.rows();
    const registry = new ConversationRegistry(here.folder);
    const words = ['--resume', a, '--fork-session', '--session-id', b];
    const pane = await here.start(words);
    registry.choose([
      {
        conversation: b,
        workspace: 'w0123456789ab',
        paneKey: pane,
        pane: null,
        server: null,
        cwd: here.home,
        flags: [],
        configDir: null,
        forkOf: a,
        name: null,
        evidence: 'test',
      },
    ]);
    await waitUntil('both are idle', async () => {
      const rows = await here.rows();
      return row(parent, rows).conversation === a && row(pane, rows).conversation === b;
    });
    expect(registry.byConversation(b)).toMatchObject({ prompted: false, forkOf: a });
    await ask(here, pane, 'and now');
    await here.rows();
    expect(registry.byConversation(b)).toMatchObject({ prompted: true, forkOf: a });
  });

  it('goes on with --watch until it is interrupted', async () => {
    const here = world();
    const pane = await here.start(['--session-id', a]);
    const shown: string[] = [];
    const context = {
      env: here.env,
      json: true,
      terminal: { interactive: false, columns: 100, rows: 40, color: false },
      settings: () => loadSettings(here.env, () => {}),
      tmux: () => here.connection,
    } as unknown as Context;
    const watching = watchAgents(context, (text) => shown.push(text));
    await waitUntil('it is shown idle', () => shown.at(-1)?.includes('"idle"'));
    await prompt(here, pane, 'slow');
    await waitUntil('it is shown working', () => shown.at(-1)?.includes('"working"'));
    process.emit('SIGINT');
    expect(await watching).toMatchObject({ data: [{ pane, state: 'working' }] });
    expect(shown.every((line) => line.endsWith(']\n') && Array.isArray(JSON.parse(line)))).toBe(true);
  });
});
