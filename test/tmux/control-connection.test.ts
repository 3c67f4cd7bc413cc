import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/tmux/connection.js';
import { isNoServer } from '../../src/tmux/server.js';
import { waitUntil } from '../support/wait.js';
import { emptyWorld, world } from './connect.js';
import { anyText } from './texts.js';

const say = (text: string): Command => ['display-message', '-p', text];
const failing: Command = ['kill-window', '-t', 'no-such-window'];

describe('a control-mode connection', () => {
  test('answers batches as the other kind does', async () => {
    const home = world();
    const control = await home.control();
    const batches: Command[][] = [
      [],
      [say('a'), say('')],
      [say('a'), failing, say('b'), failing, say('c')],
      [
        ['show-options', '-g', 'base-index'],
        ['if-shell', '-F', '1', 'display-message -p inner'],
        say('after'),
      ],
    ];
    for (const commands of batches) {
      for (const stopOnError of [false, true]) {
        const expected = await home.connection.batch(commands, { stopOnError });
        const got = await control.batch(commands, { stopOnError });
        expect({ ...got, stdout: got.stdout.toString() }).toEqual({
          ...expected,
          stdout: expected.stdout.toString(),
        });
      }
    }
  });

  test('takes what does not parse for a failure of that line', async () => {
    const control = await world().control();
    const { stdout, errors } = await control.batch([say('a'), ['no-such-command'], say('b')]);
    expect(stdout.toString()).toBe('a\nb\n');
    expect(errors).toEqual(['parse error: unknown command: no-such-command']);
  });

  test('answers many batches at once, each its own, in whatever pieces they come', async () => {
    const control = await world().control();
    const texts = fc.sample(anyText(), 60).map((text, at) => `${at} ${text} ${'x'.repeat(at * 400)}`);
    await control.batch(texts.map((text, at) => ['set-option', '-s', '--', `@t${at}`, text]));
    const answers = await Promise.all(texts.map((_, at) => control.batch([say(`#{@t${at}}`)])));
    expect(answers.map(({ stdout }) => stdout.toString())).toEqual(texts.map((text) => `${text}\n`));
  });

  test('takes thousands of commands in one batch', async () => {
    const control = await world().control();
    const texts = Array.from({ length: 5_000 }, (_, at) => `line ${at}`);
    expect((await control.batch(texts.map(say))).stdout.toString()).toBe(
      texts.map((text) => `${text}\n`).join(''),
    );
  });

  test('is not misled by output that looks like the protocol', async () => {
    const home = world();
    const control = await home.control();
    const texts = [
      '%end 1 1 1',
      '%exit',
      '%error 1700000000 5 1',
      'x\n%begin 1 1 1\n%end 1 1 1\ny',
      '%session-changed $9 x',
    ];
    for (const text of texts) {
      await home.connection.batch([['set-option', '-s', '@forged', text]]);
      expect((await control.batch([say('#{@forged}'), say('after')])).stdout.toString()).toBe(
        `${text}\nafter\n`,
      );
    }
  });

  test("keeps the output of the user's hooks apart", async () => {
    const home = world();
    const control = await home.control();
    home.box.tmux('set-hook', '-g', 'after-rename-window', 'display-message -p hooked');
    const { stdout, errors } = await control.batch([['rename-window', '-t', '=home:', 'a'], say('b')]);
    expect({ text: stdout.toString(), errors }).toEqual({ text: 'b\n', errors: [] });
  });

  test('resizes nothing, and hands on notifications', async () => {
    const home = world();
    const lines: string[] = [];
    const control = await home.control({ onNotification: (line) => lines.push(line) });
    await control.batch([['rename-window', '-t', '=home:', 'renamed']]);
    await waitUntil('the rename is told of', () =>
      lines.some((line) => /^%window-renamed @0 renamed$/.test(line)),
    );
    expect(home.box.tmux('display-message', '-p', '-t', '=home:', '#{window_width}x#{window_height}')).toBe(
      '100x40\n',
    );
  });

  test('tells when a subscribed text changes', async () => {
    const home = world();
    const lines: string[] = [];
    const control = await home.control({ onNotification: (line) => lines.push(line) });
    await control.subscribe('layouts', '#{S:#{session_name} #{W:#{window_layout}}}');
    const changes = () => lines.filter((line) => line.startsWith('%subscription-changed layouts '));
    await waitUntil('the first text', () => changes().length === 1);
    home.box.tmux('new-session', '-d', '-s', 'other', 'cat');
    await waitUntil('the new session is told of', () => changes().at(-1)?.includes('other'));
    await control.unsubscribe('layouts');
    await expect(control.subscribe('a:b', 'x')).rejects.toThrow('not a name');
  });

  test('ends when it is closed, once what was asked is answered', async () => {
    const home = world();
    const reasons: string[] = [];
    const control = await home.control({ onClose: (reason) => reasons.push(reason) });
    const answers = Promise.all([control.batch([say('a')]), control.batch([say('b')])]);
    await control.close();
    expect((await answers).map(({ stdout }) => stdout.toString())).toEqual(['a\n', 'b\n']);
    await control.close();
    expect(reasons).toHaveLength(1);
    await expect(control.batch([say('x')])).rejects.toMatchObject({ kind: 'tmux-unusable' });
    expect(home.box.tmux('list-clients')).toBe('');
  });

  test('says so when its session ends, and that is not the end of the server', async () => {
    const home = world();
    const reasons: string[] = [];
    home.box.tmux('new-session', '-d', '-s', 'other', 'cat');
    const control = await home.control({ target: '=other:', onClose: (reason) => reasons.push(reason) });
    home.box.tmux('kill-session', '-t', '=other:');
    await waitUntil('it is closed', () => reasons.length === 1);
    const error = await control.batch([say('x')]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'tmux-unusable' });
    expect(isNoServer(error)).toBe(false);
  });

  test('fails what it waits for when the server is killed', async () => {
    const home = world();
    const control = await home.control();
    const pid = Number((await control.batch([say('#{pid}')])).stdout.toString());
    const asked = control.batch([['wait-for', 'never'], say('x')]).catch((error: unknown) => error);
    process.kill(pid, 'SIGKILL');
    expect(isNoServer(await asked)).toBe(true);
    expect(isNoServer(await control.batch([say('x')]).catch((error: unknown) => error))).toBe(true);
  });

  test('gives up on a server that does not answer', async () => {
    const home = world();
    const control = await home.control();
    const late = await control
      .batch([['wait-for', 'never']], { timeout: 200 })
      .catch((error: unknown) => error);
    expect(late).toMatchObject({ kind: 'tmux-unusable', message: expect.stringContaining('did not answer') });
    expect(isNoServer(late)).toBe(false);
  });

  test('needs a server, and the session', async () => {
    expect(
      isNoServer(
        await emptyWorld()
          .control()
          .catch((error: unknown) => error),
      ),
    ).toBe(true);
    const missing = await world()
      .control({ target: '=nope:' })
      .catch((error: unknown) => error);
    expect(missing).toMatchObject({ message: expect.stringContaining("can't find session: nope") });
    expect(isNoServer(missing)).toBe(false);
  });
});
