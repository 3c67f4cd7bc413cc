import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Saver } from '../../src/daemon/saver.js';
import type { SaveReport } from '../../src/rpc/protocol.js';

const good: SaveReport = { workspaces: 1, saved: [], failed: [], folders: [] };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A saver whose saves end when the test says so. */
function saver() {
  const begun: { reason: string; end: (result?: SaveReport | Error) => void }[] = [];
  const failed: unknown[] = [];
  const made = new Saver({
    save: ({ reason }) =>
      new Promise((resolve, reject) => {
        begun.push({
          reason,
          end: (result = good) => (result instanceof Error ? reject(result) : resolve(result)),
        });
      }),
    saved: () => {},
    failed: (_reason, error) => failed.push(error),
  });
  return { made, begun, failed };
}

test('changes are gathered until it is quiet for 150 ms', async () => {
  const { made, begun } = saver();
  for (let i = 0; i < 5; i++) {
    made.changed();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(begun).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(50);
  expect(begun.map(({ reason }) => reason)).toEqual(['change']);
});

test('changes without an end are saved within a second', async () => {
  const { made, begun } = saver();
  for (let i = 0; i < 10; i++) {
    made.changed();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(begun).toHaveLength(1);
});

test('a change while a save runs makes one more after it, however many come', async () => {
  const { made, begun } = saver();
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  for (let i = 0; i < 30; i++) {
    made.changed();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(begun).toHaveLength(1);
  begun[0]!.end();
  await vi.advanceTimersByTimeAsync(2000);
  expect(begun).toHaveLength(2);
  begun[1]!.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(begun).toHaveLength(2);
});

test('what panes print is saved at once after a rest, then now and then, and once more when it is quiet', async () => {
  const { made, begun } = saver();
  const times: number[] = [];
  const start = performance.now();
  for (let second = 0; second < 35; second++) {
    if (second < 25) made.printed();
    for (let step = 0; step < 20; step++) {
      await vi.advanceTimersByTimeAsync(50);
      if (begun.length > times.length) {
        times.push(Math.round((performance.now() - start) / 50) * 50);
        begun.at(-1)!.end();
      }
    }
  }
  expect(times).toEqual([150, 10_050, 20_050, 25_550]);
  expect(new Set(begun.map(({ reason }) => reason))).toEqual(new Set(['output']));
});

test('a change among what is printed is a change, also where a save waits for the one that runs', async () => {
  const { made, begun } = saver();
  made.printed();
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  made.printed();
  await vi.advanceTimersByTimeAsync(1500);
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  begun[0]!.end();
  await vi.advanceTimersByTimeAsync(1500);
  expect(begun.map(({ reason }) => reason)).toEqual(['change', 'change']);
  begun[1]!.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(begun).toHaveLength(2);
});

test('saves asked for never overlap, and each is answered', async () => {
  const { made, begun } = saver();
  const results = [made.save({ reason: 'manual' }), made.save({ reason: 'schedule' })];
  await vi.advanceTimersByTimeAsync(0);
  expect(begun).toHaveLength(1);
  begun[0]!.end(new Error('full'));
  await expect(results[0]).rejects.toThrow('full');
  await vi.advanceTimersByTimeAsync(0);
  expect(begun.map(({ reason }) => reason)).toEqual(['manual', 'schedule']);
  begun[1]!.end();
  expect(await results[1]).toBe(good);
});

test('a save that failed, in whole or for one workspace, is tried again with growing pauses', async () => {
  const { made, begun, failed } = saver();
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  begun[0]!.end(new Error('full'));
  await vi.advanceTimersByTimeAsync(4999);
  expect(begun).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toHaveLength(2);
  expect(failed).toHaveLength(1);
  begun[1]!.end({ ...good, failed: [{ workspace: 'w', reason: 'full' }] });
  await vi.advanceTimersByTimeAsync(9999);
  expect(begun).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toHaveLength(3);
  begun[2]!.end();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(begun).toHaveLength(3);
});

test('after a stop no save begins by itself, and the one that runs is waited for', async () => {
  const { made, begun } = saver();
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  made.changed();
  let stopped = false;
  void made.stop().then(() => {
    stopped = true;
  });
  await vi.advanceTimersByTimeAsync(5000);
  expect(stopped).toBe(false);
  begun[0]!.end();
  await vi.advanceTimersByTimeAsync(5000);
  expect(stopped).toBe(true);
  made.changed();
  await vi.advanceTimersByTimeAsync(5000);
  expect(begun).toHaveLength(1);
});

test('what only time can tell is saved once more, and holds up nothing else', async () => {
  const { made, begun } = saver();
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  begun[0]!.end({ ...good, settlesIn: 10_000 });
  await vi.advanceTimersByTimeAsync(1000);
  made.changed();
  await vi.advanceTimersByTimeAsync(150);
  expect(begun).toHaveLength(2);
  begun[1]!.end({ ...good, settlesIn: 8850 });
  await vi.advanceTimersByTimeAsync(8850);
  expect(begun).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(150);
  expect(begun.map(({ reason }) => reason)).toEqual(['change', 'change', 'change']);
  begun[2]!.end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(begun).toHaveLength(3);
});
