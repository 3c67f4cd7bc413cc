import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readComposer } from '../../src/claude/composer.js';
import { pasteable, specialBeginning } from '../../src/claude/send.js';
import { installFakeClaude, letGo, press, prompt, ready, transcriptOf } from '../support/claude.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { openWorkspace } from './open-workspace.js';

const dim = (text: string) => `\x1b[2m${text}\x1b[22m`;
const line = '─'.repeat(40);

describe('the composer', () => {
  it.each([
    ['a placeholder', `${line}\n❯\u00a0${dim('Try "fix it"')}\n${line}`],
    ['a placeholder with the cursor on it', `❯\u00a0\x1b[7mT\x1b[27m${dim('ry "fix it"')}`],
    ['the cursor alone', '❯\u00a0\x1b[7m \x1b[0m'],
    ['a box around it', `│ ❯\u00a0${dim('Try')}     │`],
    ['a sign in colour', `\x1b[38;5;2m❯\u00a0\x1b[39m${dim('Try')}`],
    ['dim by a reset', '❯\u00a0\x1b[0;2mTry\x1b[0m'],
  ])('is empty with %s', (_, screen) => {
    expect(readComposer(screen)).toEqual({ kind: 'empty' });
  });

  it.each([
    ['what is typed', '❯\u00a0hello', 'hello'],
    ['with the cursor behind it', '❯\u00a0hello\x1b[7m \x1b[0m', 'hello'],
    ['with the cursor in it', '❯\u00a0\x1b[7mh\x1b[27mello', 'hello'],
    ['one letter under the cursor', '❯\u00a0\x1b[7mh\x1b[27m', 'h'],
    ['in a colour that has a 2 in it', '❯\u00a0\x1b[38;2;2;2;2mhello', 'hello'],
    ['the last one', `❯\u00a0old prompt\n● answer\n❯\u00a0new`, 'new'],
  ])('has a draft: %s', (_, screen, text) => {
    expect(readComposer(screen)).toEqual({ kind: 'draft', text });
  });

  it.each(['', '$ ls', '❯ 1. Yes\n  2. No', '\x1b[2J'])('is not on the screen %j', (screen) => {
    expect(readComposer(screen)).toEqual({ kind: 'none' });
  });

  it('is read from any screen', () => {
    const piece = fc.oneof(
      fc.constantFrom('\x1b[', 'm', ';', '38', '2', '❯\u00a0', '\n', '\x1b]0;', '\x07'),
      fc.string(),
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void readComposer(pieces.join(''))));
    const word = fc.stringMatching(/^[A-Za-z0-9]{1,20}$/);
    fc.assert(
      fc.property(word, (text) => {
        expect(readComposer(`❯\u00a0${text}`)).toEqual({ kind: 'draft', text });
        expect(readComposer(`❯\u00a0${dim(text)}`)).toEqual({ kind: 'empty' });
      }),
    );
  });
});

describe('a text', () => {
  it('that could type by itself is not sent', () => {
    for (const text of ['a\x1b[201~\rrm -rf ~', 'a\x03', '\x00', 'a\x9b201~'])
      expect(() => pasteable(text)).toThrow(/control character/);
    for (const text of ['', ' \n']) expect(() => pasteable(text)).toThrow(/no text/);
    expect(pasteable('a\r\nb\tc\n\n')).toBe('a\nb\tc');
  });

  it('that is no prompt is said to be none', () => {
    expect(specialBeginning('!ls')).toMatch(/shell command/);
    expect(specialBeginning('/clear')).toMatch(/a command/);
    expect(specialBeginning('fix !')).toBeNull();
  });
});

describe('cw send', () => {
  it('is done when Claude Code tells of it, and gives the answer on demand', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const { id, pane } = await shop.started('cart');
    expect(await shop.send('cart', 'first line\nsecond; "line" #{pane_id} $(x);')).toMatchObject({
      kind: 'done',
      data: {
        conversation: id,
        pane,
        submitted: true,
        evidence: expect.stringMatching(/^(UserPromptSubmit hook|transcript)$/),
        retried: false,
      },
    });
    await ready(world, pane);
    const said = transcriptOf(world, id)?.find(({ type }) => type === 'user');
    expect(said).toMatchObject({ message: { content: 'first line\nsecond; "line" #{pane_id} $(x);' } });
    // By its pane, in its workspace; and waited for.
    const answered = await shop.send(`shop:${pane}`, 'tool please', '--wait');
    expect(answered).toMatchObject({ kind: 'done', data: { answer: { how: 'answered' } } });
    expect(answered.text).toContain('You said: tool please');
    // The same words once more are another prompt.
    expect(await shop.send('cart', 'tool please', '--wait')).toMatchObject({ kind: 'done' });
    // What the user has copied is his.
    world.tmux('set-buffer', '-b', 'mine', 'kept');
    await shop.send('cart', 'once more', '--wait');
    expect(world.tmux('list-buffers', '-F', '#{buffer_name}').trim()).toBe('mine');
    expect(await shop.send('cart', '!echo hi').then(({ notes }) => notes.join())).toMatch(/shell command/);
  });

  it('types over nothing: a draft, copy mode, a dialog, or no Claude Code', async () => {
    const world = sandbox();
    installFakeClaude(world, { notify: 10 });
    const shop = openWorkspace(world);
    const { pane } = await shop.started('cart');
    const refused = async (what: RegExp) => {
      const before = world.screen(pane);
      const answer = await shop.send('cart', 'hello');
      expect(answer).toMatchObject({ kind: 'refused' });
      expect(answer.text).toMatch(what);
      expect(world.screen(pane)).toBe(before);
    };
    world.tmux('send-keys', '-t', pane, '-l', 'my draft');
    await waitUntil('the draft is there', () => world.screen(pane).includes('my draft'));
    await refused(/a draft stands in the composer: "my draft"/);
    world.tmux('send-keys', '-t', pane, 'C-u');
    await ready(world, pane);
    world.tmux('copy-mode', '-t', pane);
    await refused(/copy mode/);
    world.tmux('send-keys', '-t', pane, '-X', 'cancel');
    await prompt(world, pane, 'permission');
    await waitUntil('it asks', async () => (await shop.list()).cart?.state === 'waiting: permission');
    await refused(/waits for a permission/);
    press(world, pane, 'Enter');
    await ready(world, pane);
    await shop.conversation('end', 'cart', '--force');
    expect(await shop.send('cart', 'hello')).toMatchObject({
      kind: 'refused',
      text: expect.stringMatching(/does not run/),
    });
  });

  it('proves a command by what that does, and waits for no answer to it', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const { pane } = await shop.started('cart', 'hello');
    const compacted = await shop.send('cart', '/compact', '--wait');
    expect(compacted).toMatchObject({ kind: 'done', data: { evidence: 'PreCompact hook', answer: null } });
    await ready(world, pane);
    const shell = await shop.send('cart', '! echo hi', '--wait');
    expect(shell).toMatchObject({ kind: 'done', data: { evidence: 'transcript', answer: null } });
    await ready(world, pane);
    const cleared = await shop.send('cart', '/clear', '--wait');
    expect(cleared).toMatchObject({ kind: 'done', data: { evidence: 'SessionEnd hook' } });
  });

  it('takes no earlier prompt for a proof', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    await shop.started('cart', 'hello');
    await shop.conversation('end', 'cart');
    installFakeClaude(world, { swallow: 'input' });
    await shop.conversation('resume', 'cart');
    await waitUntil('it is there again', async () => (await shop.list()).cart?.state === 'idle');
    await ready(world, (await shop.list()).cart!.pane);
    const answer = await shop.send('cart', 'hello', '--timeout', '2');
    expect(answer).toMatchObject({ kind: 'failed', text: expect.stringMatching(/not seen to be submitted/) });
  });

  it('presses Enter once more where it was swallowed, and says so when nothing came of it', async () => {
    const world = sandbox();
    installFakeClaude(world, { swallow: 'enter' });
    const shop = openWorkspace(world);
    await shop.started('cart');
    expect(await shop.send('cart', 'hello', '--timeout', '9')).toMatchObject({
      kind: 'done',
      data: { submitted: true, retried: true },
    });
    installFakeClaude(world, { swallow: 'input' });
    const { pane } = await shop.started('lost');
    const answer = await shop.send('lost', 'hello', '--timeout', '3');
    expect(answer).toMatchObject({ kind: 'failed', text: expect.stringMatching(/not seen to be submitted/) });
    expect(answer.hint).toContain(pane);
  });

  it('to one that works is taken when the tool is done, or queued', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    const { id, pane } = await shop.started('cart');
    await prompt(world, pane, 'slow');
    await waitUntil('it works', async () => (await shop.list()).cart?.state === 'working');
    const sent = shop.send('cart', 'and this');
    await waitUntil('it is typed', () => world.screen(pane).includes('and this'));
    letGo(world, id);
    expect(await sent).toMatchObject({ kind: 'done', data: { submitted: true } });
  });

  it('--all gives it to each that runs, and says who did not get it', async () => {
    const world = sandbox();
    installFakeClaude(world);
    const shop = openWorkspace(world);
    await shop.started('one');
    const two = await shop.started('two');
    expect(await shop.send('--all', 'commit')).toMatchObject({
      kind: 'done',
      data: [{ submitted: true }, { submitted: true }],
    });
    await ready(world, two.pane);
    world.tmux('copy-mode', '-t', two.pane);
    const answer = await shop.send('--all', 'shop', 'again');
    expect(answer.text).toMatch(/two: .*copy mode/);
    expect(answer.data).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ submitted: true }),
        expect.objectContaining({ submitted: false }),
      ]),
    );
    expect(await shop.send('--all', 'nowhere', 'x')).toMatchObject({ kind: 'not-found' });
    expect(await shop.send('nobody', 'x')).toMatchObject({ kind: 'not-found' });
  });
});
