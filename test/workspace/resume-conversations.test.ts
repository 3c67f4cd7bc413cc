import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Blueprint, Pane } from '../../src/blueprint/model.js';
import { ConversationRegistry } from '../../src/claude/registry.js';
import { transcriptPath } from '../../src/claude/slug.js';
import { vaultAll, vaultFolder } from '../../src/claude/vault.js';
import { resumeConversations, type SavedConversation } from '../../src/workspace/conversations.js';
import { Registry } from '../../src/workspace/registry.js';

const id = '11111111-2222-4333-8444-555555555555';
const parent = '99999999-2222-4333-8444-555555555555';
const prompt = `${JSON.stringify({ type: 'user', message: { role: 'user', content: 'hello' } })}\n`;
const afterClear = `${JSON.stringify({ type: 'user', message: { content: '<command-name>/clear</command-name>' } })}\n`;

function world() {
  const home = mkdtempSync(join(tmpdir(), 'cw-resume-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const env = { HOME: home, XDG_STATE_HOME: join(home, 'state'), PATH: '/usr/bin:/bin' };
  const registry = new Registry({ socketPath: '/x/tmux', args: [] } as never, env);
  const file = transcriptPath(join(home, '.claude'), home, id);
  const write = (text: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const saved = { conversation: id, cwd: home, flags: [], configDir: null, forkOf: null, name: null };
  const start = async (wanted: Partial<SavedConversation>, dryRun = false) => {
    const pane = { key: 'p', run: 'claude', environment: {} } as unknown as Pane;
    const blueprint = { id: 'w1', environment: [], windows: [{ panes: [pane] }] } as unknown as Blueprint;
    const all = new Map([['p', { ...saved, prompted: false, ...wanted }]]);
    const starts = await resumeConversations(blueprint, all, registry, env, { dryRun });
    return starts.get('p')!;
  };
  return { home, env, registry, file, write, saved, start };
}

it('one that nobody heard of as prompted is resumed where its transcript says so', async () => {
  const { write, start, registry } = world();
  write(prompt);
  expect(await start({})).toMatchObject({
    conversation: id,
    note: null,
    line: expect.stringMatching(/--resume \S/),
  });
  expect(new ConversationRegistry(registry.folder).byConversation(id)).toMatchObject({
    paneKey: 'p',
    process: null,
  });
});

it('one without a transcript begins under the id that it was given, a fork of it too', async () => {
  const { start } = world();
  expect((await start({})).line).toContain(`--session-id ${id}`);
  expect((await start({ forkOf: parent })).line).toContain(
    `--resume ${parent} --fork-session --session-id ${id}`,
  );
});

it('one whose file has no prompt, as /clear leaves it, begins anew: Claude takes that id for used', async () => {
  const { write, start, registry } = world();
  write(afterClear);
  const made = await start({});
  expect(made.conversation).not.toBe(id);
  expect(made.line).toContain(`--session-id ${made.conversation}`);
  // It is written down before it is started.
  expect(new ConversationRegistry(registry.folder).current('w1', 'p')?.conversation).toBe(made.conversation);
});

it('one whose transcript is gone is put back from the vault, and only said where nothing is done', async () => {
  const { write, start, registry, file, saved, env } = world();
  write(prompt);
  await vaultAll(vaultFolder(registry.folder), [saved], { env });
  rmSync(file);
  expect((await start({ prompted: true }, true)).note).toMatch(/put back from the copy/);
  expect(existsSync(file)).toBe(false);
  const made = await start({ prompted: true });
  expect(made).toMatchObject({ conversation: id, note: expect.stringMatching(/put back from the copy/) });
  expect(made.line).toContain(`--resume ${id}`);
  expect(readFileSync(file, 'utf8')).toBe(prompt);
});

it('one whose transcript is gone for good, or was never written, begins anew under its id, and it is said', async () => {
  const { start } = world();
  expect(await start({ prompted: true })).toMatchObject({
    line: expect.stringContaining(`--session-id ${id}`),
    note: expect.stringMatching(
      /^It begins anew under its id: no transcript of it is in .*, and no copy was kept\.$/,
    ),
  });
});
