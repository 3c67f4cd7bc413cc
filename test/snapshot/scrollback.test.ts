import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BlobStore } from '../../src/snapshot/blobs.js';
import { collectBlobs } from '../../src/snapshot/blobs-collect.js';
import { Scrollbacks } from '../../src/snapshot/scrollback.js';
import { plain } from '../../src/snapshot/sgr.js';
import type { Connection } from '../../src/tmux/connection.js';
import { controlConnection } from '../../src/tmux/control-connection.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { readServer } from '../../src/tmux/reading.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

/** A server with one pane of 80 columns that runs a line of sh, and what reads its text. */
function pane(command: string, prepare: (home: string) => void = () => {}) {
  const world = sandbox();
  prepare(world.home);
  const address = { args: ['-S', world.socket], socketPath: world.socket };
  world.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'first', 'cat');
  world.tmux('set-option', '-g', 'history-limit', '1000000');
  world.tmux('new-session', '-d', '-s', 'printer', '-x', '80', '-y', '10', 'sh', '-c', command);
  const connection = processConnection(address, world.env);
  const folder = join(world.folder, 'state');
  const blobs = new BlobStore(folder);
  const reader = () => {
    const scrollbacks = new Scrollbacks(blobs, { lines: 20_000 });
    return async (over: Connection = connection) => {
      const reading = await readServer(over);
      const panes = reading.panes.filter(({ startCommand }) => startCommand !== 'cat');
      const [text] = (await scrollbacks.update(over, reading, panes, () => false)).values();
      await blobs.flush();
      return text === undefined ? null : { text, lines: (await blobs.readLines(text)).lines };
    };
  };
  const ask = (format: string) => world.tmux('display-message', '-p', '-t', '=printer:', format).trim();
  return { world, address, folder, reader, ask };
}

/** Lines of many lengths: most of them wrap in 80 columns. */
function line(number: number): string {
  return `line ${number} ${'x'.repeat((number * 37) % 190)}`.trimEnd();
}

function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => line(from + at));
}

describe('the text of a pane', () => {
  test('of any length is read in parts, with the lines that wrap at their borders whole', async () => {
    const { world, reader } = pane('cat "$HOME/text"; exec cat', (home) =>
      writeFileSync(join(home, 'text'), `${lines(0, 4000).join('\n')}\n`),
    );
    await waitUntil('all is printed', () => world.screen('=printer:').includes('line 3999'));
    expect((await reader()())?.lines).toEqual(lines(0, 4000));
  });

  test('that grows is the same whether it was read at once or bit by bit', async () => {
    const { world, reader, ask } = pane('exec cat');
    const tty = ask('#{pane_tty}');
    const bits = reader();
    let printed = 0;
    for (const count of [5, 40, 1, 700, 2500, 9]) {
      const more = lines(printed, printed + count).map((text, at) => `\x1b[3${at % 8}m${text}\x1b[0m\n`);
      writeFileSync(tty, more.join(''));
      printed += count;
      await waitUntil('tmux has it', () => world.screen('=printer:').includes(`line ${printed - 1}`));
      expect((await bits())?.lines.map(plain)).toEqual(lines(0, printed));
      expect((await reader()())?.lines.map(plain)).toEqual(lines(0, printed));
    }
    // Read again in the second in which it moved, and found as it was: nothing is stored anew.
    const before = await bits();
    expect((await bits())?.text).toBe(before?.text);
  });

  test('that went with the snapshots that named it is stored again', async () => {
    const { world, folder, reader } = pane('seq 100; exec cat');
    await waitUntil('all is printed', () => world.screen('=printer:').includes('100'));
    const read = reader();
    const before = await read();
    // The second of the first reading is over: the pane counts as quiet from now on.
    await waitUntil('it is quiet', async () => {
      const seconds = Number(world.tmux('display-message', '-p', '-t', '=printer:', '#{window_activity}'));
      return Date.now() / 1000 > seconds + 2;
    });
    expect(await read()).toEqual(before);
    // `cw snapshot rm` of all that named it, and a prune, by another process.
    expect((await collectBlobs(folder, Date.now() + 3_600_000)).removed).toBeGreaterThan(0);
    expect(await read()).toEqual(before);
  });

  test('that goes on while it is read has every line once', async () => {
    const numbers = 'i=0; while :; do i=$((i + 400)); seq -f "line %.0f" $((i - 399)) $i; sleep 0.02; done';
    const { world, address, reader, ask } = pane(numbers);
    const control = await controlConnection(address, world.env, { target: '=first:' });
    onTestFinished(() => control.close());
    await waitUntil('it has printed', () => Number(ask('#{history_size}')) > 4500);
    const bits = reader();
    for (let time = 0; time < 6; time++) {
      const read = (await bits(control))?.lines
        .flatMap((text) => /^line (\d+)$/.exec(text)?.[1] ?? [])
        .map(Number);
      expect(read?.length).toBeGreaterThan(1900);
      expect(read).toEqual(read?.map((_, at) => read[0]! + at));
    }
  });
});
