import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Drained } from '../../src/claude/intake.js';
import type { AgentRow } from '../../src/claude/overview.js';
import { claudeStateFolder } from '../../src/claude/places.js';
import { inVault, vaultFolder } from '../../src/claude/vault.js';
import { Contexts, type Looked } from '../../src/daemon/contexts.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import type { Connection } from '../../src/tmux/connection.js';
import { Registry } from '../../src/workspace/registry.js';
import { ask, installFakeClaude, prompt, ready, transcriptOf } from '../support/claude.js';
import { withDaemon } from '../support/daemon.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const id = '7d0f5a7e-1111-4222-8333-abcdefabcdef';

/** Watches one agent whose context is full, with a tmux that shows this screen. */
function watching(compact: boolean, screen: string) {
  const world = sandbox();
  const usage = { input_tokens: 10, cache_read_input_tokens: 191_990, output_tokens: 10 };
  const message = { id: 'm1', role: 'assistant', model: 'claude-opus-4-6', content: [], usage };
  const slug = world.home.replace(/[^A-Za-z0-9]/g, '-');
  world.file(`.claude/projects/${slug}/${id}.jsonl`, `${JSON.stringify({ type: 'assistant', message })}\n`);
  const registryFolder = join(world.home, 'state');
  mkdirSync(join(registryFolder, 'claude'), { recursive: true });
  const [asked, saved, told, lines]: string[][] = [[], [], [], []];
  const known = { conversation: id, cwd: world.home, configDir: null, flags: [] };
  const drained = {
    agents: new Map(),
    counted: [],
    registry: { conversations: new Map([[id, known]]) },
    facts: { env: world.env },
  } as unknown as Drained;
  const looked = (state: AgentRow['state'], seconds: number): Looked => {
    const since = new Date(Date.now() - seconds * 1000).toISOString();
    const row = { workspace: 'w1', session: 'claude-dev-shop', window: 'code', pane: '%1', conversation: id };
    return { rows: [{ ...row, state, detail: null, since, evidence: 'Stop hook' }], drained };
  };
  const make = () =>
    new Contexts({
      connection: {
        batch: async (commands: string[][]) => {
          asked!.push(...commands.map(([name]) => name!));
          return { stdout: Buffer.from(`0 0\n${screen}`), errors: [] };
        },
      } as unknown as Connection,
      registryFolder,
      env: world.env,
      settings: () => ({ ...loadSettings(world.env, () => {}), context: { windows: null, compact } }),
      log: { info: () => {}, warn: (text) => void lines!.push(text), error: () => {} },
      tell: (notices) => void told!.push(...notices.map(({ title, text }) => `${title}|${text}`)),
      checkpoint: async (workspace, note) => saved!.push(`${workspace} ${note}`),
      look: async () => looked('idle', 10),
    });
  return { registryFolder, asked: asked!, saved: saved!, told: told!, lines: lines!, looked, make };
}

it('a full context is saved once, with a copy of its transcript, also by the next daemon', async () => {
  const { registryFolder, asked, saved, told, looked, make } = watching(false, '');
  const contexts = make();
  // In the middle of a turn: no other copy is made then.
  expect(await contexts.look(looked('working', 10))).toBeNull();
  expect(saved).toEqual(['w1 %1: context 96 % full']);
  expect(told).toEqual([
    'shop %1: the context is 96 % full|Saved before it is compacted: snapshot 1, and a copy of the transcript',
  ]);
  expect(inVault(vaultFolder(registryFolder), id)?.bytes).toBeGreaterThan(100);
  await contexts.look(looked('idle', 10));
  await make().look(looked('idle', 10));
  expect(saved).toHaveLength(1);
  expect(told).toHaveLength(1);
  // Nothing is typed where that is not wished.
  expect(asked).toEqual([]);
});

it('a draft in the composer is left alone, and looked at again later', async () => {
  const { asked, lines, looked, make } = watching(true, '❯\u00a0my own words\n');
  const contexts = make();
  expect(await contexts.look(looked('working', 10))).toBeNull();
  // What was typed ahead may begin a turn yet.
  expect(await contexts.look(looked('idle', 1))).toBeGreaterThan(1000);
  expect(asked).toEqual([]);
  expect(await contexts.look(looked('idle', 10))).toBeNull();
  await waitUntil('it is said', () => lines.length > 0);
  expect(lines).toEqual([
    expect.stringMatching(/^\/compact was not sent to shop %1: .*a draft stands in the composer/),
  ]);
  expect(asked).not.toContain('paste-buffer');
  const count = asked.length;
  expect(await contexts.look(looked('idle', 10))).toBeGreaterThan(20_000);
  expect(asked).toHaveLength(count);
});

it('a context that fills is warned of, saved, and where it is wished compacted', async () => {
  const world = sandbox();
  installFakeClaude(world);
  const file = join(world.home, 'told');
  const settings = (compact: boolean) =>
    world.file(
      '.config/cw/config.json',
      JSON.stringify({
        'notify.on': ['context'],
        'notify.command': `printf '%s|%s\\n' "$CW_TITLE" "$CW_TEXT" >>'${file}'`,
        'context.compact': compact,
      }),
    );
  settings(false);
  const told = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  world.file(
    'projects/shop/.cw.yaml',
    'windows: [{name: code, panes: [&c {role: claude, run: claude}, *c]}]\n',
  );
  await world.cw(['up', '--detach', '--trust', 'projects/shop']);
  const daemon = await withDaemon(world);
  const panes = world.tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{pane_id}').trim();
  const [one, two] = panes.split('\n') as [string, string];
  for (const pane of [one, two]) await ready(world, pane);

  await ask(world, one, 'full 83');
  await waitUntil('it is warned of', () => told().length > 0);
  expect(told()).toEqual([
    `shop ${one}: the context is 83 % full|To make room: /compact, or cw conversation fresh`,
  ]);
  const agents = async () => JSON.parse((await world.cw(['agents', '--json'])).stdout);
  const row = (await agents()).find(({ pane }: { pane: string }) => pane === one);
  expect(row.context).toMatchObject({ window: 200_000, share: expect.closeTo(0.83, 2) });
  expect((await world.cw(['agents'])).stdout).toMatch(new RegExp(`${one} +idle +\\d+s +83% +[0-9a-f]{8}`));

  await prompt(world, one, 'full 96');
  const folder = serverFolder(world.socket, world.env);
  const workspace = new Registry(serverAddress(world.env), world.env).readAll().records[0]!.id;
  const checkpoints = async () =>
    (await new SnapshotStore(folder, workspace).list()).filter(({ reason }) => reason === 'checkpoint');
  await waitUntil('there is a checkpoint that is pinned', async () => (await checkpoints())[0]?.pinned);
  expect((await checkpoints())[0]?.note).toBe(`${one}: context 96 % full`);
  await ready(world, one);
  await waitUntil('the transcript is copied', () =>
    readdirSync(join(claudeStateFolder(folder), 'vault')).includes(row.conversation),
  );
  // By setting alone: nothing was sent, also when there was another look.
  await ask(world, two, 'hello');
  const isCompacted = () =>
    transcriptOf(world, row.conversation)!.some(({ subtype }) => subtype === 'compact_boundary');
  expect(isCompacted()).toBe(false);

  settings(true);
  await ask(world, two, 'hello again');
  await waitUntil('it is compacted', isCompacted);
  await waitUntil('that is in the log', () =>
    daemon.log().some(({ msg }) => msg === `/compact was sent to shop ${one}`),
  );
  expect((await agents()).find(({ pane }: { pane: string }) => pane === one).context).toBeNull();
  // Filled again it is told again, and only then.
  expect((await checkpoints()).length).toBe(1);
});
