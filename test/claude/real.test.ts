import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hookSettings } from '../../src/claude/hook-settings.js';
import type { AgentRow } from '../../src/claude/overview.js';
import { ConversationRegistry } from '../../src/claude/registry.js';
import { parseEntries } from '../../src/claude/registry-log.js';
import { verb as agentsVerb } from '../../src/cli/commands/agents.js';
import { runVerb } from '../cli/run-verb.js';
import { press } from '../support/claude.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api.js';
import { installRealClaude, realClaude, realClaudeNeeds, realReady } from '../support/real-claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { type OpenWorkspace, openWorkspace } from './open-workspace.js';

// What the fake is held to is seen here in the real program: offline, against a stand-in for the Messages API.

interface Real {
  readonly world: Sandbox;
  readonly api: MessagesApi;
  readonly shop: OpenWorkspace;
  /** What the agent of a pane does, when it does that. */
  until(pane: string, state: string, detail?: string | null): Promise<AgentRow>;
  /** Starts a conversation with flags for claude, and waits for its composer. */
  begin(name: string, ...flags: string[]): Promise<string>;
}

async function realWorld({ configDir = false, trusted = true } = {}): Promise<Real> {
  const world = sandbox();
  const api = await startMessagesApi();
  onTestFinished(() => api.close());
  if (configDir) world.env.CLAUDE_CONFIG_DIR = join(world.home, 'other-claude');
  installRealClaude(world, api, trusted ? [`${world.home}/shop`] : []);
  const shop = openWorkspace(world);
  const around = { env: world.env, cwd: shop.path };
  const rows = async () => (await runVerb(agentsVerb, [], around)).data as AgentRow[];
  const until: Real['until'] = (pane, state, detail = null) =>
    waitUntil(`${pane} is ${state} (${detail})`, async () => {
      const all = await rows();
      const row = all.find((one) => one.pane === pane);
      if (row?.state === state && row.detail === detail) return row;
      throw new Error(`${JSON.stringify(all)}\n${world.screen(pane).trimEnd()}`);
    });
  return {
    world,
    api,
    shop,
    until,
    async begin(name, ...flags) {
      const answer = await shop.conversation('start', name, ...(flags.length > 0 ? ['--', ...flags] : []));
      if (answer.kind !== 'done') throw new Error(`${answer.text} ${answer.hint}`);
      const { pane } = answer.data as { pane: string };
      await until(pane, 'idle');
      await realReady(world, pane);
      return pane;
    },
  };
}

/**
 * Says Yes to a dialog. Which option is chosen first differs by dialog and version: never Enter alone. Keys that come
 * before it is drawn, or at once after that, are lost.
 */
async function sayYes(world: Sandbox, pane: string): Promise<void> {
  let pressed = Number.NEGATIVE_INFINITY;
  await waitUntil(`the dialog of ${pane} is gone`, () => {
    const screen = world.screen(pane);
    if (!/\b1\. Yes|\bYes, I trust/.test(screen)) return true;
    // Many keys in a moment are taken for text that is pasted, and do nothing.
    if (performance.now() - pressed > 1000) {
      press(world, pane, /❯ (1\. )?Yes/.test(screen) ? 'Enter' : 'Down');
      pressed = performance.now();
    }
    throw new Error(`the screen is:\n${screen.trimEnd()}`);
  });
}

const plan = ['--permission-mode', 'plan'];
const asking = ['--permission-mode', 'default'];

describe.skipIf(realClaude === null)(`the real Claude Code ${realClaudeNeeds}`, { timeout: 180_000 }, () => {
  it('is prompted in several lines, fails, and says what it does', async () => {
    const { world, shop, until, begin, api } = await realWorld();
    const pane = await begin('cart', ...plan);
    const several = "first line\n  second; $HOME 'quoted' #{pane_id}\nthird";
    expect(await shop.send('cart', several, '--wait')).toMatchObject({
      kind: 'done',
      text: 'You said: first line',
      data: { evidence: 'UserPromptSubmit hook', retried: false },
    });
    expect(api.prompts).toContain(several);
    expect(await until(pane, 'idle')).toMatchObject({ evidence: 'Stop hook' });
    for (const [words = '', detail = ''] of [
      ['fail now', 'error'],
      ['auth now', 'auth'],
      ['limit now', 'usage limit'],
    ]) {
      const answer = await shop.send('cart', words, '--wait');
      expect([words, answer.text]).toEqual([words, expect.stringContaining(`failure: ${detail}`)]);
      expect(await until(pane, 'idle', detail)).toMatchObject({ evidence: 'StopFailure hook' });
    }
    // While it works a prompt waits in its queue, and the answer is the one to that prompt.
    await shop.send('cart', 'hold that');
    expect(await until(pane, 'working')).toMatchObject({ evidence: 'UserPromptSubmit hook' });
    let outcome: unknown = null;
    const queued = shop.send('cart', 'and then this', '--wait').then((done) => {
      outcome = done;
      return done;
    });
    await waitUntil('the one is held, and the other queued', () => {
      const screen = world.screen(pane);
      if (api.prompts.includes('hold that') && screen.includes('and then this')) return true;
      throw new Error(`${JSON.stringify([outcome, api.prompts])}\n${screen.trimEnd()}`);
    });
    api.release();
    expect(await queued).toMatchObject({ text: 'You said: and then this' });
    // Esc fires nothing: the program's own file corrects it.
    await shop.send('cart', 'hold again');
    await until(pane, 'working');
    press(world, pane, 'Escape');
    expect(await until(pane, 'idle')).toMatchObject({ evidence: 'registry file' });
    expect(api.strange).toEqual([]);
  });

  it('asks for a permission, and is not typed over', async () => {
    const { world, shop, until, begin } = await realWorld();
    const pane = await begin('cart', ...asking);
    const file = join(world.folder, 'made');
    const refused = async (what: RegExp) => {
      const answer = await shop.send('cart', 'hello');
      expect(answer).toMatchObject({ kind: 'refused', text: expect.stringMatching(what) });
    };
    await shop.send('cart', `run: touch ${file}`);
    expect(await until(pane, 'waiting', 'permission')).toMatchObject({ evidence: 'PermissionRequest hook' });
    await refused(/waits for a permission/);
    await waitUntil('its dialog is there', () => world.screen(pane).includes('❯ 1. Yes'));
    await sayYes(world, pane);
    await until(pane, 'idle');
    expect(existsSync(file)).toBe(true);
    // Declined: nothing tells of it but the program's own file.
    await shop.send('cart', `run: touch ${file}-2`);
    await until(pane, 'waiting', 'permission');
    press(world, pane, 'Escape');
    await until(pane, 'idle');
    await realReady(world, pane);
    world.tmux('send-keys', '-t', pane, '-l', 'my draft');
    await waitUntil('the draft is there', () => world.screen(pane).includes('my draft'));
    await refused(/a draft stands in the composer: "my draft"/);
    press(world, pane, 'C-u');
    await waitUntil('it is gone', () => !world.screen(pane).includes('my draft'));
    world.tmux('copy-mode', '-t', pane);
    await refused(/copy mode/);
    world.tmux('send-keys', '-t', pane, '-X', 'cancel');
    expect(await shop.send('cart', 'hello', '--wait')).toMatchObject({ text: 'You said: hello' });
  });

  it('follows its own commands, and those of the shell', async () => {
    const { world, shop, until, begin } = await realWorld();
    const pane = await begin('cart', ...plan);
    const first = (await until(pane, 'idle')).conversation;
    // Nothing to compact: it says that it begins, and never that it is done.
    expect(await shop.send('cart', '/compact')).toMatchObject({ data: { evidence: 'PreCompact hook' } });
    await until(pane, 'idle');
    expect((await shop.list()).cart).toMatchObject({ prompted: false });
    await shop.send('cart', 'hello', '--wait');
    expect(await shop.send('cart', '/compact')).toMatchObject({ data: { evidence: 'PreCompact hook' } });
    await until(pane, 'idle');
    expect(await shop.send('cart', '!echo from the shell')).toMatchObject({
      data: { evidence: 'transcript' },
    });
    await waitUntil('it ran', () => /⎿\s+from the shell/.test(world.screen(pane)));
    await until(pane, 'idle');
    await realReady(world, pane);
    expect(await shop.send('cart', '/clear')).toMatchObject({ data: { evidence: 'SessionEnd hook' } });
    const second = await waitUntil('another conversation has the pane', async () => {
      const { conversation } = await until(pane, 'idle');
      return conversation !== first && conversation;
    });
    expect((await shop.list()).cart).toMatchObject({ id: first, live: false, prompted: true });
    expect((await shop.list())[second]).toMatchObject({ live: true, prompted: false });
    expect(await shop.send(pane, 'after it', '--wait')).toMatchObject({ text: 'You said: after it' });
    await waitUntil('it is written', async () => (await shop.list())[second]?.prompted === true);
  });

  it('is forked with an id of ours, and answers without a pane', async () => {
    const { shop, until, begin } = await realWorld();
    await begin('parent', ...plan);
    await shop.send('parent', 'the parent', '--wait');
    const forked = await shop.conversation('fork', 'parent', 'child');
    expect(forked).toMatchObject({ kind: 'done' });
    const { data } = forked;
    const { conversation, pane } = data as { conversation: string; pane: string };
    expect(await until(pane, 'idle')).toMatchObject({ conversation, evidence: 'SessionStart hook' });
    expect((await shop.list()).child).toMatchObject({ live: true, prompted: false, depth: 1 });
    expect(await shop.send('child', 'the child', '--wait')).toMatchObject({ text: 'You said: the child' });
    // The transcript is written a little later than the answer is told.
    const { child, parent } = await waitUntil('it is written', async () => {
      const all = await shop.list();
      return all.child?.prompted === true && all;
    });
    expect(child).toMatchObject({ id: conversation });
    expect(readFileSync(child!.transcript!, 'utf8')).toContain('the parent');
    expect(readFileSync(parent!.transcript!, 'utf8')).not.toContain('the child');
    // Headless, and one that lives is held.
    const said = await shop.conversation('start', 'q', 'a question', '-p');
    expect(said).toMatchObject({ kind: 'done', text: 'You said: a question' });
    expect(said.notes.join()).toMatch(/1 turn, \$\d/);
    expect(await shop.conversation('resume', 'q', 'more', '-p')).toMatchObject({ text: 'You said: more' });
    expect(await shop.conversation('resume', 'child', 'more', '-p')).toMatchObject({ kind: 'refused' });
    const found = await shop.conversation('search', 'question');
    expect(found.text).toContain('a question');
    const local = await shop.conversation('fresh', 'child', 'next', '-p');
    expect(local).toMatchObject({ kind: 'done' });
    await waitUntil('it is written', async () => (await shop.list()).next?.prompted === true);
  });

  it('runs another one, which is never taken for it', async () => {
    const { world, shop, until, begin } = await realWorld();
    // With our hooks in the settings of the user they fire in the nested one too, and twice in the outer one.
    world.file('.claude/settings.json', JSON.stringify(hookSettings()));
    const pane = await begin('cart', ...asking);
    const { conversation } = await until(pane, 'idle');
    await shop.send('cart', `run: ${join(world.folder, 'bin/claude')} -p 'the nested one'`);
    await until(pane, 'waiting', 'permission');
    await waitUntil('its dialog is there', () => world.screen(pane).includes('❯ 1. Yes'));
    await sayYes(world, pane);
    await waitUntil('it is done', () => {
      if (world.screen(pane).includes('It gave: You said: the nested one')) return true;
      throw new Error(world.screen(pane).trimEnd());
    });
    expect(await until(pane, 'idle')).toMatchObject({ conversation });
    const log = parseEntries(readFileSync(new ConversationRegistry(shop.folder).file, 'utf8'));
    const refused = log.filter(({ kind }) => kind === 'refuse');
    expect(refused.length).toBeGreaterThan(0);
    for (const entry of refused) expect(entry.evidence).toMatch(/nested|answers one prompt|ran below/);
    expect(log.filter(({ kind }) => kind === 'rebind')).toEqual([]);
  });

  it('asks for trust, and lives in a configuration folder of its own', async () => {
    const { world, shop, until } = await realWorld({ configDir: true, trusted: false });
    const { data } = await shop.conversation('start', 'cart', '--', ...plan);
    const { pane, conversation } = data as { pane: string; conversation: string };
    expect(await until(pane, 'waiting', 'trust')).toMatchObject({ conversation, evidence: 'its screen' });
    expect(await shop.send(pane, 'hello')).toMatchObject({
      kind: 'refused',
      text: expect.stringContaining('trust in the folder'),
    });
    await sayYes(world, pane);
    // Its file may be there before its hook is heard.
    expect((await until(pane, 'idle')).evidence).toMatch(/^(SessionStart hook|registry file)$/);
    expect(await shop.send('cart', 'hello', '--wait')).toMatchObject({ text: 'You said: hello' });
    const { cart } = await shop.list();
    expect(cart!.transcript).toContain(`${world.home}/other-claude/projects/`);
    await shop.conversation('end', 'cart');
    await until(pane, 'exited');
    expect(await shop.conversation('resume', 'cart', 'once more')).toMatchObject({ kind: 'done' });
    await waitUntil('it goes on', async () => (await shop.list()).cart?.live === true);
  });
});
