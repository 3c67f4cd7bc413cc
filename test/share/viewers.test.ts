import { statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Screen } from '../../src/share/screen.js';
import { Viewers } from '../../src/share/viewers.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { onlooker } from './shared.js';

async function listening() {
  const path = join(sandbox().folder, 'viewers');
  const screen = new Screen(80, 24);
  let came = 0;
  const hello = { workspace: 'shop', endsAt: '2030-01-01T00:00:00.000Z' };
  const viewers = new Viewers(screen, hello, () => came++);
  await viewers.listen(path);
  onTestFinished(() => viewers.end('unshared', 'The test is over.'));
  const draw = (text: string) => {
    screen.write(Buffer.from(text));
    viewers.update();
  };
  return { path, screen, viewers, draw, came: () => came };
}

/** A connection that reads nothing. */
async function deaf(path: string): Promise<Socket> {
  const socket = connect(path).pause();
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await new Promise((done) => socket.once('connect', done));
  return socket;
}

/** Pictures of which each cell is another one than in the one before: more than a socket holds. */
function* pictures(): Generator<string> {
  for (let at = 0; at < 2000; at++) {
    const letter = String.fromCharCode(97 + (at % 26));
    yield `\x1b[H${letter.repeat(80 * 24 - 1)}`;
  }
}

const turn = () => new Promise((done) => setImmediate(done));

describe('the viewers of a share', () => {
  it('come by a socket that is ours alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const { path } = await listening();
      expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  it('are told what changed only, and each newcomer all of it', async () => {
    const { path, draw, came } = await listening();
    draw('one\r\ntwo');
    const first = await onlooker(path);
    await waitUntil('it has a picture', () => first.picture().startsWith('one\ntwo\n'));
    draw('!');
    await waitUntil('the change is seen', () => first.picture().startsWith('one\ntwo!\n'));
    const [, all, change] = first.messages;
    expect([all, change]).toMatchObject([{ rows: 24 }, { lines: [[1, [['two!', '']]]] }]);
    const second = await onlooker(path);
    await waitUntil('the second has all of it', () => second.picture().startsWith('one\ntwo!\n'));
    expect(came()).toBe(2);
  });

  it('are put out when they send more than nothing, and the others stay', async () => {
    const { path, draw } = await listening();
    const [quiet, noisy] = [await onlooker(path), await deaf(path)];
    let isGone = false;
    noisy.resume().once('close', () => {
      isGone = true;
    });
    noisy.write('x'.repeat(64 * 1024));
    draw('still here');
    await waitUntil('what is drawn is seen', () => quiet.picture().startsWith('still here'));
    expect(isGone).toBe(false);
    noisy.write('x');
    await waitUntil('it is put out', () => isGone);
    draw(' and now');
    await waitUntil('it goes on', () => quiet.picture().startsWith('still here and now'));
  });

  it('are so many at most, and one more is told so', async () => {
    const { path } = await listening();
    for (let at = 0; at < 32; at++) await deaf(path);
    const late = await onlooker(path);
    expect(await late.ended()).toEqual({ kind: 'end', reason: 'full', text: '32 look at it already.' });
    expect(late.messages).toHaveLength(1);
  });

  it('that take nothing are told the newest picture when they do, not all that were between', async () => {
    const { path, draw } = await listening();
    const slow = await onlooker(path);
    await waitUntil('it is told', () => slow.messages.length > 1);
    slow.pause();
    let drawn = 0;
    for (const picture of pictures()) {
      draw(picture);
      drawn += picture.length;
      await turn();
    }
    draw('\x1b[H\x1b[2JDONE');
    slow.resume();
    await waitUntil('it has the newest', () => slow.picture().startsWith('DONE'));
    expect(slow.bytes()).toBeLessThan(drawn / 2);
  });

  it('that take nothing are cut when it ends, and hold up nobody', async () => {
    const { path, viewers, draw } = await listening();
    const [quick, slow] = [await onlooker(path), await deaf(path)];
    for (const picture of pictures()) {
      draw(picture);
      await turn();
    }
    await viewers.end('time', 'Its time is over.');
    expect(await quick.ended()).toEqual({ kind: 'end', reason: 'time', text: 'Its time is over.' });
    let isClosed = false;
    let last = '';
    slow.on('data', (bytes) => {
      last = `${last}${bytes}`.slice(-100);
    });
    slow.resume().once('close', () => {
      isClosed = true;
    });
    await waitUntil('the slow one is cut', () => isClosed);
    // It was not waited for until it had taken the last word.
    expect(last).not.toContain('Its time is over.');
    await expect(onlooker(path)).rejects.toThrow();
  });
});
