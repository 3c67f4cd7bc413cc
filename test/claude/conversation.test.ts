import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePaneRecord } from '../../src/blueprint/record.js';
import { type Conversation, forkTree, resolveConversation, rootOf } from '../../src/claude/catalog.js';
import { forkTranscript } from '../../src/claude/fork.js';
import type { Known } from '../../src/claude/registry-log.js';
import { transcriptPath } from '../../src/claude/slug.js';
import { vaultAll, vaultFolder } from '../../src/claude/vault.js';
import { ask, installFakeClaude, ready, transcriptOf } from '../support/claude.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { openWorkspace, type Row } from './open-workspace.js';

const idOf = (number: number) => `3f2a0000-0000-4000-8000-${String(number).padStart(12, '0')}`;

function one(number: number, more: Partial<Conversation> = {}, known: Partial<Known> = {}): Conversation {
  return {
    id: idOf(number),
    name: null,
    known: { workspace: 'w1', paneKey: 'p1', pane: `%${number}`, current: true, ...known } as Known,
    cwd: '/p',
    configDir: null,
    forkOf: null,
    live: false,
    transcript: null,
    bytes: 0,
    prompted: true,
    usedAt: '2026-03-01T00:00:00.000Z',
    vault: null,
    ...more,
  };
}

describe('a word', () => {
  const naming = {
    workspaces: new Map([
      ['shop', 'w1'],
      ['api', 'w2'],
    ]),
    // It stands in that pane, and has told nothing yet.
    panes: new Map([['%7', idOf(2)]]),
  };
  const all = [
    one(1, { name: 'cart', live: true }),
    one(2, { name: 'twice' }, { workspace: 'w2', paneKey: 'claude' }),
    one(3, { name: 'twice' }, { current: false }),
  ];
  const found = (word: string) => resolveConversation(word, all, naming).id;

  it('names a conversation by name, id, pane or workspace', () => {
    for (const word of ['cart', idOf(1), '%1', 'shop', 'shop:%1', 'shop:p1', 'shop:cart'])
      expect([word, found(word)]).toEqual([word, idOf(1)]);
    for (const word of [idOf(2), 'api', 'api:claude', '%7', 'api:%7'])
      expect([word, found(word)]).toEqual([word, idOf(2)]);
  });

  it('that names several is refused with the list, and one that names none with the nearest', () => {
    expect(() => found('twice')).toThrow(
      expect.objectContaining({ kind: 'usage', hint: expect.stringContaining(idOf(3)) }),
    );
    expect(() => found('3f2a')).toThrow(expect.objectContaining({ kind: 'usage' }));
    expect(() => found('crat')).toThrow(
      expect.objectContaining({ kind: 'not-found', hint: expect.stringContaining('Nearest: cart') }),
    );
    for (const word of ['', ':', '%9', 'nowhere:%1', 'shop:%7', '3f2'])
      expect(() => found(word)).toThrow(expect.objectContaining({ kind: 'not-found' }));
  });
});

describe('the tree of forks', () => {
  it('has each conversation once, each parent before its forks, whatever the log says', () => {
    const parents = fc.array(fc.option(fc.nat(12), { nil: null }), { maxLength: 12 });
    fc.assert(
      fc.property(parents, (of) => {
        const all = of.map((parent, at) => one(at, { forkOf: parent === null ? null : idOf(parent) }));
        const drawn = forkTree(all);
        expect(drawn.map(({ conversation }) => conversation.id).sort()).toEqual(
          all.map(({ id }) => id).sort(),
        );
        for (const [at, { conversation, depth }] of drawn.entries()) {
          const parent = drawn.findIndex((branch) => branch.conversation.id === conversation.forkOf);
          if (depth > 0) expect(parent).toBeLessThan(at);
          if (depth > 0) expect(drawn[parent]?.depth).toBe(depth - 1);
        }
        for (const each of all) expect(all).toContain(rootOf(each, all));
      }),
    );
  });
});

describe('the transcript of a fork', () => {
  it('has the id and folder of the fork in each line, and says where that came from', async () => {
    const { file, home } = sandbox();
    const line = { type: 'user', uuid: 'u1', sessionId: idOf(1), cwd: '/p', message: { content: 'é' } };
    const from = file(
      'a.jsonl',
      `${JSON.stringify(line)}\n${JSON.stringify({ type: 'summary', summary: 's' })}\n{"torn`,
    );
    const to = join(home, 'below/b.jsonl');
    await forkTranscript({ from, to, conversation: idOf(2), cwd: '/q' });
    const lines = readFileSync(to, 'utf8')
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(lines).toEqual([
      { ...line, sessionId: idOf(2), cwd: '/q', forkedFrom: { sessionId: idOf(1), messageUuid: 'u1' } },
      { type: 'summary', summary: 's' },
    ]);
    await expect(forkTranscript({ from, to, conversation: idOf(2), cwd: '/q' })).rejects.toMatchObject({
      kind: 'refused',
    });
  });
});

describe('cw conversation', () => {
  it('starts one in a pane, with a prompt and flags, and resumes it with them', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const cart = await shop.started('cart', 'it\'s\nthe "cart"; $(x)', '--', '--model', 'opus');
    expect(cart).toMatchObject({ workspace: 'shop', cwd: shop.path, prompted: true });
    const said = transcriptOf(world, cart.id)?.find(({ type }) => type === 'user');
    expect(said).toMatchObject({ message: { content: 'it\'s\nthe "cart"; $(x)' } });
    // What is declared has no id: a restore puts in the conversation that the pane has then.
    const record = parsePaneRecord(
      world.tmux('display-message', '-p', '-t', cart.pane, '#{@cw_pane}').trim(),
    );
    expect(record).toMatchObject({ role: 'claude', run: 'claude --model opus' });

    // One conversation, one pane; by its name, by its id, and without a name of its own.
    for (const word of ['cart', cart.id.slice(0, 8), 'shop']) {
      const again = await shop.conversation('resume', word);
      expect(again).toMatchObject({ kind: 'refused', text: expect.stringContaining(cart.pane) });
    }
    expect(await shop.conversation('start', 'cart')).toMatchObject({ kind: 'usage' });

    expect(await shop.conversation('end', 'cart')).toMatchObject({ kind: 'done', data: { ended: true } });
    expect((await shop.list()).cart).toMatchObject({ live: false, state: 'ended' });
    expect(await shop.conversation('end', 'cart')).toMatchObject({ data: { ended: false } });
    expect(await shop.conversation('resume', 'cart', 'and the tests')).toMatchObject({ kind: 'done' });
    await waitUntil('it goes on', () =>
      transcriptOf(world, cart.id)?.some((line) => JSON.stringify(line).includes('You said: and the tests')),
    );
    const row = await waitUntil('it is bound', async () => {
      const now = (await shop.list()).cart;
      return now?.live && now;
    });
    expect(row).toMatchObject({ id: cart.id });
    expect(row.pane).not.toBe(cart.pane);
    const pid = (await shop.conversation('show', 'cart')).data as { flags: string[] };
    expect(pid.flags).toEqual(['--model', 'opus']);
  });

  it('without a workspace or claude says what is missing', async () => {
    const world = sandbox();
    const shop = openWorkspace(world);
    world.env.PATH = '/usr/bin:/bin';
    expect(await shop.conversation('start', 'cart')).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/claude was not found/),
    });
    expect(await shop.list()).toEqual({});
    world.tmux('set-option', '-u', '-t', '=claude-dev-shop:', '@cw_id');
    expect(await shop.conversation('start', 'cart')).toMatchObject({ kind: 'not-found' });
    for (const name of ['', '.x', 'a\nb', idOf(1), 'x'.repeat(81)])
      expect(await shop.conversation('start', name)).toMatchObject({ kind: 'usage' });
  });

  it('is forked right after its first answer, which is not written yet', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const { pane } = await shop.started('cart');
    await ready(world, pane);
    expect(await shop.send('cart', 'this comes late', '--wait')).toMatchObject({
      kind: 'done',
      text: 'You said: this comes late',
    });
    expect((await shop.list()).cart).toMatchObject({ prompted: false });
    expect(await shop.conversation('fork', 'cart', 'cart-2')).toMatchObject({ kind: 'done' });
    expect((await shop.list()).cart).toMatchObject({ prompted: true });
  });

  it('talks without a pane, and prints what it cost', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const answer = await shop.conversation('start', 'q', 'hello', '-p');
    expect(answer).toMatchObject({ kind: 'done', text: expect.stringContaining('You said: hello') });
    expect(answer.notes.join()).toMatch(/q \(.*\): 1 turn, \$/);
    expect(await shop.conversation('resume', 'q', 'more', '-p')).toMatchObject({
      text: expect.stringContaining('You said: more'),
    });
    expect((await shop.list()).q).toMatchObject({ live: false, prompted: true });
    installFakeClaude(world, { exit: 3 });
    expect(await shop.conversation('resume', 'q', 'more', '-p')).toMatchObject({
      kind: 'failed',
      text: expect.stringMatching(/it cannot start/),
    });
  });

  it('forks: the same folder, a worktree with the uncommitted work, choosing and pruning', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const git = (...words: string[]) => world.run('git', words, { cwd: shop.path });
    await git('init', '-q', '-b', 'main');
    world.file('shop/a.txt', 'one\n');
    await git('add', '.');
    await git('commit', '-qm', 'first');
    world.file('shop/a.txt', 'two\n');
    world.file('shop/new/b.txt', 'new\n');
    const cart = await shop.started('cart');
    expect(await shop.conversation('fork', 'cart', 'x')).toMatchObject({
      kind: 'refused',
      text: expect.stringMatching(/never prompted/),
    });
    await ask(world, cart.pane, 'hello');

    expect(await shop.conversation('fork', 'cart', 'cart-b', 'another way')).toMatchObject({ kind: 'done' });
    const fork = await waitUntil('the fork answered', async () => {
      const row = (await shop.list())['cart-b'];
      return row?.prompted && row.state === 'idle' && row;
    });
    expect(fork).toMatchObject({ forkOf: cart.id, depth: 1 });
    expect(transcriptOf(world, cart.id)?.some((line) => JSON.stringify(line).includes('another way'))).toBe(
      false,
    );

    const made = await shop.conversation('fork', 'cart', 'cart-c', '--worktree');
    expect(made).toMatchObject({ kind: 'done', data: { cwd: join(shop.path, '.worktrees/cart-c') } });
    expect(made.notes.join()).toMatch(/1 changed and 1 untracked/);
    expect(readFileSync(join(shop.path, '.worktrees/cart-c/a.txt'), 'utf8')).toBe('two\n');
    expect(readFileSync(join(shop.path, '.worktrees/cart-c/new/b.txt'), 'utf8')).toBe('new\n');
    expect(readFileSync(join(shop.path, 'a.txt'), 'utf8')).toBe('two\n');
    await waitUntil('it runs there', async () => (await shop.list())['cart-c']?.live);

    const compared = await shop.conversation(
      'compare',
      'cart',
      'cart-b',
      '--measure',
      'test -f a.txt && echo passed',
    );
    expect(compared.data).toMatchObject({
      a: { measured: { exit: 0, lastLine: 'passed' } },
      b: { usage: { turns: expect.any(Number) } },
    });
    const tree = (await shop.conversation('tree', 'cart-b')).data as Row[];
    expect(tree.map(({ name, depth }) => [name, depth]).sort()).toEqual([
      ['cart', 0],
      ['cart-b', 1],
      ['cart-c', 1],
    ]);

    expect(await shop.conversation('end', 'cart-b')).toMatchObject({ data: { ended: true } });
    expect(await shop.conversation('prune', '--dry-run')).toMatchObject({ data: { pruned: [] } });
    expect(await shop.conversation('choose', 'cart-c')).toMatchObject({ data: { prunable: [fork.id] } });
    expect(await shop.conversation('prune')).toMatchObject({ kind: 'refused' });
    expect(await shop.conversation('prune', '--yes')).toMatchObject({ data: { pruned: [fork.id] } });
    expect(existsSync(fork.transcript!)).toBe(false);
    expect(((await shop.conversation('list')).data as Row[]).map(({ name }) => name).sort()).toEqual([
      'cart',
      'cart-c',
    ]);
    expect(await shop.conversation('restore', 'cart-b')).toMatchObject({ kind: 'done' });
    expect(existsSync(fork.transcript!)).toBe(true);
  });

  it('whose transcript is gone says so, and comes back from the vault', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const cart = await shop.started('cart', 'hello there');
    expect(await shop.conversation('end', 'cart')).toMatchObject({ data: { ended: true } });
    await vaultAll(vaultFolder(shop.folder), [{ conversation: cart.id, cwd: shop.path, configDir: null }], {
      env: world.env,
    });
    const path = transcriptPath(join(world.home, '.claude'), shop.path, cart.id);
    rmSync(path);
    expect((await shop.list()).cart).toMatchObject({ state: 'in the vault', transcript: null });
    const gone = await shop.conversation('resume', 'cart');
    expect(gone).toMatchObject({
      kind: 'not-found',
      hint: expect.stringContaining('cw conversation restore cart'),
    });
    expect(await shop.conversation('fork', 'cart', 'x')).toMatchObject({ kind: 'not-found' });
    // What was said is found in the copy too.
    expect((await shop.conversation('search', 'hello THERE')).data).toEqual([]);
    expect((await shop.conversation('search', 'hello there')).data).toMatchObject([
      { conversation: cart.id, said: 'prompt' },
      {},
    ]);
    expect(await shop.conversation('restore', 'cart')).toMatchObject({ kind: 'done', data: { path } });
    expect(await shop.conversation('restore', 'cart')).toMatchObject({ kind: 'refused' });
    expect(await shop.conversation('resume', 'cart')).toMatchObject({ kind: 'done' });
    await waitUntil('it runs', async () => (await shop.list()).cart?.state === 'idle');
    // A file without a prompt stands in the way of both ways to start.
    expect(await shop.conversation('end', 'cart')).toMatchObject({ data: { ended: true } });
    rmSync(join(vaultFolder(shop.folder), cart.id), { recursive: true });
    writeFileSync(path, '');
    expect((await shop.conversation('resume', 'cart')).text).toMatch(/gone|in the way/);
  });

  it('goes on afresh from a summary, with or without Claude', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const cart = await shop.started('cart', 'the goal');
    const before = transcriptOf(world, cart.id)?.length;
    expect(await shop.conversation('fresh', 'cart')).toMatchObject({
      kind: 'done',
      data: { name: 'cart-2' },
    });
    const next = await waitUntil('it was told', async () => {
      const row = (await shop.list())['cart-2'];
      return row?.prompted && row;
    });
    expect(JSON.stringify(transcriptOf(world, next.id))).toContain('goes on from an earlier conversation');
    expect(transcriptOf(world, cart.id)?.length).toBe(before);
    const local = await shop.conversation('fresh', 'cart', 'third', '--local', '-p');
    const { conversation } = local.data as { conversation: string };
    expect(JSON.stringify(transcriptOf(world, conversation))).toContain('It began with: the goal');
    // The fork that was asked for the summary is not left behind.
    expect(readdirSync(join(cart.transcript!, '..')).filter((name) => name.endsWith('.jsonl'))).toHaveLength(
      3,
    );
  });

  it('shows no escape sequence of what was said', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const evil = '\x1b]0;owned\x07\x9b2J‮evil';
    const path = transcriptPath(join(world.home, '.claude'), shop.path, idOf(1));
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(
      path,
      `${JSON.stringify({ type: 'user', message: { content: evil } })}\n${JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text: evil }] } })}\n`,
    );
    chmodSync(path, 0o600);
    await vaultAll(vaultFolder(shop.folder), [{ conversation: idOf(1), cwd: shop.path, configDir: null }], {
      env: world.env,
    });
    for (const words of [
      ['show', '3f2a'],
      ['search', 'evil', '-C', '2'],
      ['list', '--all'],
      ['compare', '3f2a', '3f2a'],
    ]) {
      const { text } = await shop.conversation(...words);
      expect([words[0], /[\x00-\x09\x0b-\x1f\x7f-\x9f‮]/.test(text)]).toEqual([words[0], false]);
    }
  });

  it('is renamed, and lists nothing where there is nothing', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    expect((await shop.conversation('list')).text).toMatch(/No conversations yet/);
    const cart = await shop.started('cart');
    expect(await shop.conversation('rename', cart.id.slice(0, 6), 'basket')).toMatchObject({ kind: 'done' });
    expect(Object.keys(await shop.list())).toEqual(['basket']);
    expect(await shop.conversation('rename', 'basket', 'basket')).toMatchObject({ kind: 'usage' });
    expect((await shop.conversation('list')).text).toMatch(/basket +[0-9a-f]{8} +shop %\d+ +idle +no/);
  });
});
