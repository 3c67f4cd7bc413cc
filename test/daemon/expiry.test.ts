import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expiringKnown } from '../../src/claude/expiry.js';
import { ConversationRegistry } from '../../src/claude/registry.js';
import { inVault, vaultFolder } from '../../src/claude/vault.js';
import { verb as conversation } from '../../src/cli/commands/conversation.js';
import { keepExpiring } from '../../src/daemon/expiry.js';
import { serverAddress } from '../../src/tmux/address.js';
import { Registry } from '../../src/workspace/registry.js';
import { runVerb } from '../cli/run-verb.js';
import { sandbox } from '../support/sandbox.js';

const a = '0b3a9b9e-5b1c-4e0e-9a55-0123456789ab';
const b = '7d0f5a7e-1111-4222-8333-abcdefabcdef';
const foreign = '7d0f5a7e-2222-4222-8333-abcdefabcdef';
const day = 86_400_000;

function age(path: string, days: number): void {
  const at = (Date.now() - days * day) / 1000;
  utimesSync(path, at, at);
}

it('a transcript that is about to be deleted is copied, and told of once', async () => {
  const world = sandbox();
  const { folder } = new Registry(serverAddress(world.env), world.env);
  const registry = new ConversationRegistry(folder);
  const slug = world.home.replace(/[^A-Za-z0-9]/g, '-');
  const line = `${JSON.stringify({ type: 'user', message: { role: 'user', content: 'hello' } })}\n`;
  const file = (id: string, days: number) => {
    const path = world.file(`.claude/projects/${slug}/${id}.jsonl`, line);
    age(path, days);
    return path;
  };
  const choose = (id: string, name: string | null) =>
    registry.choose([
      {
        conversation: id,
        workspace: 'w0123456789ab',
        paneKey: id.slice(0, 4),
        pane: null,
        server: null,
        cwd: world.home,
        flags: [],
        configDir: null,
        forkOf: null,
        name,
        evidence: 'test',
      },
    ]);
  choose(a, 'cart');
  choose(b, null);
  const [pathA, pathB] = [file(a, 28), file(b, 20)];
  file(foreign, 29);

  const told: string[] = [];
  const warned: string[] = [];
  const keep = () =>
    keepExpiring({
      registryFolder: folder,
      env: world.env,
      days: 3,
      log: { info: () => {}, warn: (text) => void warned.push(text), error: () => {} },
      tell: (notices) =>
        void told.push(...notices.map(({ title, text, level }) => `${level}: ${title}. ${text}`)),
    });
  const list = async () => (await runVerb(conversation, ['list'], { env: world.env, cwd: world.home })).text;
  expect(await list()).toContain(
    'Claude Code deletes 1 of these within 3 days (cart); there is no copy of cart: the daemon makes one within an hour',
  );
  await keep();
  expect(inVault(vaultFolder(folder), a)?.bytes).toBe(line.length);
  expect(told).toEqual([
    'info: Claude Code deletes a transcript within 3 days: cart. cw has a copy: cw conversation restore NAME',
  ]);
  expect(await list()).toContain('within 3 days (cart); cw has copies: cw conversation restore NAME');
  await keep();
  expect(told).toHaveLength(1);

  // By the user's own settings of Claude Code; and a copy of a part is none.
  writeFileSync(pathA, line + line);
  age(pathA, 28);
  world.file('.claude/settings.json', '{"cleanupPeriodDays": 21}');
  expect(
    expiringKnown(registry.all(), vaultFolder(folder), 3, world.env).map(({ conversation: id, copied }) => [
      id,
      copied,
    ]),
  ).toEqual([
    [a, false],
    [b, false],
  ]);
  await keep();
  expect(told[1]).toMatch(/^info: Claude Code deletes a transcript within 3 days: 7d0f5a7e\. cw has a copy/);
  expect(inVault(vaultFolder(folder), a)?.bytes).toBe(2 * line.length);

  // Used again, it is told again when its time comes again; what cannot be copied is said.
  age(pathA, 0);
  await keep();
  rmSync(join(vaultFolder(folder), a), { recursive: true });
  mkdirSync(join(vaultFolder(folder), a, 'transcript.jsonl', 'in its place'), { recursive: true });
  age(pathA, 20);
  age(pathB, 20);
  await keep();
  expect(told[2]).toBe(
    'warning: Claude Code deletes a transcript within 3 days: cart. 1 could not be copied: cw daemon logs',
  );
  expect(warned[0]).toMatch(/is about to be deleted, and was not copied: /);
});
