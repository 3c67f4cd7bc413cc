import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Header, headerLine } from '../../src/snapshot/encode.js';
import { defaultRetention } from '../../src/snapshot/retention.js';
import { SnapshotStore, StoreCache, saveAll, settle } from '../../src/snapshot/store.js';
import { readEntry } from '../../src/snapshot/store-journal.js';
import { Shelf } from '../../src/snapshot/store-shelf.js';
import { FileLayer } from '../../src/system/file-layer.js';
import { draftOf, registry, workspace } from './store-draft.js';

const alive = { reason: 'change', server: 'alive' } as const;
const at = (text: string) => ({ ...alive, now: new Date(`2026-03-01T${text}Z`) });

function files(folder: string): string[] {
  return readdirSync(join(folder, workspace, 'snapshots')).sort();
}

describe('saving', () => {
  test('what is saved is what is read, and only its owner may read it', async () => {
    const folder = registry();
    const store = new SnapshotStore(folder, workspace);
    expect(await store.latest()).toBeNull();
    const result = await store.save(draftOf(), { ...alive, note: 'before lunch', now: new Date(0) });
    expect(result).toEqual({ written: true, sequence: 1, amended: false });
    expect(await new SnapshotStore(folder, workspace).latest()).toEqual({
      format: 1,
      sequence: 1,
      at: '1970-01-01T00:00:00.000Z',
      reason: 'change',
      note: 'before lunch',
      ...draftOf(),
    });
    expect(files(folder)).toEqual(['00000001-19700101T000000Z.json']);
    const path = join(folder, workspace, 'snapshots');
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, files(folder)[0]!)).mode & 0o777).toBe(0o600);
  });

  test('nothing is written when nothing changed but pids and time', async () => {
    const folder = registry();
    const cache = new StoreCache();
    const steps: string[] = [];
    const layer = new FileLayer((operation, path) => steps.push(`${operation} ${path}`));
    const store = new SnapshotStore(folder, workspace, { cache, files: layer });
    await store.save(draftOf(), at('10:00:00'));
    steps.length = 0;
    const again = await store.save(draftOf({ pid: 4711 }), at('10:05:00'));
    const anew = await new SnapshotStore(folder, workspace).save(draftOf(), at('10:06:00'));
    expect([again, anew]).toEqual([
      { written: false, sequence: 1, amended: false },
      { written: false, sequence: 1, amended: false },
    ]);
    expect(steps.filter((step) => step.includes('snapshots'))).toEqual([]);
    // A note asks for a snapshot of its own.
    const noted = await store.save(draftOf(), { ...at('10:07:00'), reason: 'manual', note: 'here' });
    expect(noted).toEqual({ written: true, sequence: 2, amended: false });
  });

  test('a change of output amends the newest within its minute, another change makes a version', async () => {
    const folder = registry();
    const store = new SnapshotStore(folder, workspace);
    await store.save(draftOf(), at('10:00:10'));
    expect(await store.save(draftOf({ title: 'x' }), at('10:00:20'))).toMatchObject({
      sequence: 2,
      amended: true,
    });
    expect(await store.save(draftOf({ commit: 'c1' }), at('10:00:50'))).toMatchObject({
      sequence: 3,
      amended: true,
    });
    expect(files(folder)).toEqual(['00000003-20260301T100050Z.json']);
    const chunks = ['a'.repeat(64)];
    // A new minute; structure; another life of the server; a clock that jumped back: each its own version.
    const versions = [
      await store.save(draftOf({ chunks }), at('10:01:10')),
      await store.save(draftOf({ chunks, panes: 3 }), at('10:01:11')),
      await store.save(draftOf({ chunks, panes: 3, cwd: '/q' }), at('10:01:12')),
      await store.save(draftOf({ chunks, panes: 3, branch: 'next' }), at('10:01:13')),
      await store.save(draftOf({ chunks, panes: 3, branch: 'next', boot: 'b2' }), at('10:01:14')),
      await store.save(draftOf({ boot: 'b2', panes: 3, branch: 'next' }), at('09:59:00')),
    ];
    expect(versions.map((one) => [one.sequence, one.amended])).toEqual(
      [4, 5, 6, 7, 8, 9].map((n) => [n, false]),
    );
    expect((await store.list()).map((entry) => entry.id)).toEqual(['9', '8', '7', '6', '5', '4', '3']);
  });

  test('what is pinned, noted or asked for is never amended', async () => {
    const store = new SnapshotStore(registry(), workspace);
    await store.save(draftOf(), at('10:00:00'));
    await store.pin(1);
    expect(await store.save(draftOf({ title: '1' }), at('10:00:01'))).toMatchObject({ amended: false });
    await store.save(draftOf({ title: '2' }), { ...at('10:00:02'), reason: 'manual' });
    expect(await store.save(draftOf({ title: '3' }), at('10:00:03'))).toMatchObject({
      sequence: 4,
      amended: false,
    });
    expect((await store.list()).map((entry) => [entry.sequence, entry.pinned])).toEqual([
      [4, false],
      [3, false],
      [2, false],
      [1, true],
    ]);
  });

  test('nothing without windows or panes is ever kept', async () => {
    const store = new SnapshotStore(registry(), workspace);
    const empty = draftOf();
    const bare = { ...empty, blueprint: { ...empty.blueprint, windows: [] } };
    expect(await store.save(bare, alive)).toMatchObject({ written: false, refused: 'empty' });
    expect(await store.save(draftOf({ panes: 0 }), alive)).toMatchObject({
      written: false,
      refused: 'empty',
    });
    expect(await store.latest()).toBeNull();
  });

  test('a server that dies takes no panes out of the latest', async () => {
    const store = new SnapshotStore(registry(), workspace);
    await store.save(draftOf({ panes: 3 }), at('10:00:00'));
    const dying = { ...at('10:01:00'), reason: 'shutdown', server: 'dying' } as const;
    expect(await store.save(draftOf({ panes: 2 }), dying)).toMatchObject({
      written: false,
      refused: 'dying',
    });
    // What the panes show last is worth keeping.
    expect(await store.save(draftOf({ panes: 3, title: 'bye' }), dying)).toMatchObject({ written: true });

    const unknown = { ...at('10:02:00'), server: 'unknown' } as const;
    expect(await store.save(draftOf({ panes: 1 }), unknown)).toMatchObject({ written: true, doubtful: true });
    expect(await store.save(draftOf({ panes: 1 }), unknown)).toMatchObject({
      written: false,
      doubtful: true,
    });
    expect((await store.latest())?.blueprint.windows[0]?.panes).toHaveLength(3);
    expect((await store.list())[0]).toMatchObject({ poorer: true, doubtful: true, panes: 1 });
    // Seen again in a server that lives, it was the user who closed them.
    expect(await store.save(draftOf({ panes: 1 }), at('10:03:00'))).toMatchObject({ written: true });
    expect((await store.latest())?.blueprint.windows[0]?.panes).toHaveLength(1);
  });
});

describe('many at once', () => {
  const ids = Array.from({ length: 8 }, (_, index) => `w00000000000${index}`);
  const setup = () => {
    const folder = registry();
    const cache = new StoreCache();
    const stores = ids.map((id) => new SnapshotStore(folder, id, { cache }));
    const save = (choices: Parameters<typeof draftOf>[0], time: string) =>
      saveAll(
        stores.map((store) => ({
          store,
          draft: draftOf({ id: store.workspace, ...choices }),
          options: at(time),
        })),
      );
    return { folder, cache, stores, save };
  };

  test('they are on the disk as one file, read as many, and settled later', async () => {
    const { folder, stores, save } = setup();
    for (const id of ids) mkdirSync(join(folder, id), { recursive: true });
    const first = await save({}, '10:00:00');
    expect(first).toEqual(ids.map(() => ({ written: true, sequence: 1, amended: false })));
    expect(readdirSync(join(folder, 'journal'))).toHaveLength(1);
    expect(await save({ pid: 7 }, '10:00:01')).toEqual(
      ids.map(() => ({ written: false, sequence: 1, amended: false })),
    );
    const second = await save({ title: 'b' }, '10:00:02');
    expect(second).toEqual(ids.map(() => ({ written: true, sequence: 2, amended: true })));
    const third = await save({ panes: 4 }, '10:00:03');
    expect(third).toEqual(ids.map(() => ({ written: true, sequence: 3, amended: false })));

    const seen = async () =>
      Promise.all(
        ids.map(async (id) => {
          const store = new SnapshotStore(folder, id);
          const sequences = (await store.list()).map((entry) => entry.sequence);
          return [(await store.latest())?.sequence, sequences, store.takeFindings()];
        }),
      );
    // The amended one hides behind the one that took its place.
    expect(await seen()).toEqual(ids.map(() => [3, [3, 2], []]));
    await settle(folder);
    expect(readdirSync(join(folder, 'journal'))).toEqual([]);
    expect(await seen()).toEqual(ids.map(() => [3, [3, 2], []]));
    expect(await save({ panes: 4 }, '10:00:04')).toEqual(
      ids.map(() => ({ written: false, sequence: 3, amended: false })),
    );

    await save({ panes: 5 }, '10:00:05');
    await stores[0]!.remove(4);
    expect(await stores[0]!.list()).toHaveLength(2);
    await stores[0]!.prune(defaultRetention, Date.parse('2026-03-01T10:00:06Z'));
    expect(readdirSync(join(folder, ids[0]!, 'snapshots'))).toHaveLength(1);
  });

  test('one that cannot be saved holds up no other', async () => {
    const { folder, save } = setup();
    mkdirSync(join(folder, ids[3]!, 'snapshots'), { recursive: true });
    writeFileSync(
      join(folder, ids[3]!, 'snapshots', '00000005-20300101T000000Z.json'),
      headerLine({ format: 2 }),
    );
    const results = await save({}, '10:00:00');
    expect(results.map((one) => (one instanceof Error ? one.message : one.sequence))).toEqual(
      ids.map((_, index) => (index === 3 ? expect.stringContaining('made by a newer cw') : 1)),
    );
  });
});

describe('a journal that was made ahead', () => {
  const setup = async () => {
    const folder = registry();
    const steps: string[] = [];
    const layer = new FileLayer((operation, path) => steps.push(`${operation} ${path}`));
    const cache = new StoreCache(layer);
    const store = new SnapshotStore(folder, workspace, { cache, files: layer });
    const quiet = async () => {
      await settle(folder, layer, cache.ahead);
      await cache.ahead.prepare(folder);
    };
    const journals = () => readdirSync(join(folder, 'journal')).map((name) => join(folder, 'journal', name));
    await store.save(draftOf(), at('10:00:00'));
    await quiet();
    return { folder, steps, layer, cache, store, quiet, journals };
  };

  test('takes a save with one wait for the disk, and every reader has it at once', async () => {
    const { folder, steps, store, quiet, journals } = await setup();
    const [path = ''] = journals();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const [index, cwd] of ['/a', '/b', '/c'].entries()) {
      steps.length = 0;
      const sequence = index + 2;
      expect(await store.save(draftOf({ cwd }), at(`10:00:0${sequence}`))).toMatchObject({ sequence });
      expect(steps.filter((step) => /^(fsync|rename)/.test(step))).toEqual([`fsync ${path}`]);
      const other = new SnapshotStore(folder, workspace);
      expect((await other.latest())?.blueprint.windows[0]?.panes[0]?.cwd).toBe(cwd);
      expect((await other.list())[0]).toMatchObject({ sequence });
      expect(other.takeFindings()).toEqual([]);
      expect(files(folder)).toHaveLength(sequence - 1);
      await quiet();
      expect(files(folder)).toHaveLength(sequence);
      expect(journals()).toEqual([path]);
      steps.length = 0;
      await quiet();
      expect(steps).toEqual([]);
    }
    // Two before it is quiet: the second goes its own way.
    await store.save(draftOf({ cwd: '/d' }), at('10:00:10'));
    await store.save(draftOf({ cwd: '/e' }), at('10:00:11'));
    expect((await store.list()).map((entry) => entry.sequence)).toEqual([6, 5, 4, 3, 2, 1]);
    // Who takes one away has all of it in files, and the owner makes itself another.
    await new SnapshotStore(folder, workspace).remove(5);
    expect(journals()).toEqual([]);
    await quiet();
    expect(await store.save(draftOf({ cwd: '/f' }), at('10:00:12'))).toMatchObject({ sequence: 7 });
    expect((await new SnapshotStore(folder, workspace).latest())?.sequence).toBe(7);
  });

  test('one that was filled again since it was looked at is not taken for damage', async () => {
    const { folder, layer, store, quiet } = await setup();
    await store.save(draftOf({ cwd: '/a' }), at('10:00:01'));
    const shelf = new Shelf(folder, workspace, layer);
    const [place] = shelf.places();
    expect(place).toMatchObject({ sequence: 2, file: null });
    await quiet();
    await store.save(draftOf({ panes: 5, cwd: '/b' }), at('10:00:02'));
    expect(readEntry(place!.journal!, layer)).toBeNull();
    expect([...shelf.copies(place!)]).toMatchObject([{ isFile: true }]);
    expect(shelf.header(place!)).toMatchObject({ sequence: 2 });
    expect(shelf.findings).toEqual([]);
  });

  test('cut off or with a byte changed anywhere, it costs nothing that was saved before', async () => {
    const { folder, store, layer, cache, journals } = await setup();
    await store.save(draftOf({ panes: 1, cwd: '/a' }), at('10:00:01'));
    const [path = ''] = journals();
    const whole = readFileSync(path);
    const used = whole.findLastIndex((byte) => byte !== 0) + 1;
    const look = async (bytes: Buffer) => {
      writeFileSync(path, bytes);
      const one = new SnapshotStore(folder, workspace);
      const latest = await one.latest();
      const cwd = latest?.blueprint.windows[0]?.panes[0]?.cwd;
      return { sequence: latest?.sequence, cwd };
    };
    expect(await look(whole)).toEqual({ sequence: 2, cwd: '/a' });
    for (let position = 0; position < used; position += 7) {
      const flipped = Buffer.from(whole);
      flipped[position] = flipped[position]! ^ 0x21;
      expect(await look(flipped), `flipped at ${position}`).toEqual({ sequence: 1, cwd: '/p' });
      expect(await look(whole.subarray(0, position)), `cut at ${position}`).toEqual({
        sequence: 1,
        cwd: '/p',
      });
    }
    await look(whole.subarray(0, used - 5));
    await settle(folder, layer, cache.ahead);
    expect(readdirSync(join(folder, 'damaged'))).toHaveLength(1);
    expect(await store.save(draftOf({ cwd: '/next' }), at('10:00:02'))).toMatchObject({ written: true });
    expect((await store.latest())?.blueprint.windows[0]?.panes[0]?.cwd).toBe('/next');
  });

  test('what could not be written into it is told, and does not come back', async () => {
    const folder = registry();
    let isFull = false;
    const layer = new FileLayer((operation, path) => {
      if (isFull && operation === 'fsync' && path.endsWith('.journal'))
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    });
    const cache = new StoreCache(layer);
    const store = new SnapshotStore(folder, workspace, { cache, files: layer });
    await store.save(draftOf(), at('10:00:00'));
    await cache.ahead.prepare(folder);
    isFull = true;
    await expect(store.save(draftOf({ cwd: '/a' }), at('10:00:01'))).rejects.toThrow('could not be saved');
    expect((await new SnapshotStore(folder, workspace).latest())?.sequence).toBe(1);
    expect(await store.save(draftOf({ cwd: '/a' }), at('10:00:02'))).toMatchObject({ sequence: 2 });
  });
});

describe('keeping', () => {
  test('prune drops what the policy does not keep, and what was amended', async () => {
    const folder = registry();
    const store = new SnapshotStore(folder, workspace);
    for (let second = 10; second < 15; second++) {
      await store.save(draftOf({ cwd: `/${second}` }), at(`10:00:${second}`));
    }
    await store.pin(2);
    const dropped = await store.prune(defaultRetention, Date.parse('2026-03-01T10:30:00Z'));
    expect(dropped.map((entry) => entry.sequence)).toEqual([4, 3, 1]);
    expect((await store.list()).map((entry) => entry.sequence)).toEqual([5, 2]);
    await store.unpin(2);
    await store.prune(defaultRetention, Date.parse('2027-03-01T10:30:00Z'));
    expect((await store.list()).map((entry) => entry.sequence)).toEqual([5]);
  });

  test('a pinned one is not removed, and one that is not there is named', async () => {
    const store = new SnapshotStore(registry(), workspace);
    await store.save(draftOf(), alive);
    await store.pin(1);
    await expect(store.remove(1)).rejects.toMatchObject({ kind: 'refused' });
    await expect(store.remove(2)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(store.pin(2)).rejects.toThrow('no snapshot 2');
    await store.unpin(1);
    await store.remove(1);
    expect(await store.list()).toEqual([]);
    await expect(store.read(1)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('a thousand are listed from their first lines', async () => {
    const folder = registry();
    const path = join(folder, workspace, 'snapshots');
    const store = new SnapshotStore(folder, workspace);
    await store.save(draftOf(), { ...alive, note: 'n'.repeat(5000) });
    const name = files(folder)[0]!;
    const text = readFileSync(join(path, name), 'utf8');
    const line = JSON.parse(text.slice(0, text.indexOf('\n'))) as Header & { check?: string };
    delete line.check;
    for (let sequence = 2; sequence <= 1000; sequence++) {
      const digits = String(sequence).padStart(8, '0');
      writeFileSync(
        join(path, `${digits}${name.slice(8)}`),
        `${headerLine({ ...line, sequence })}${'x'.repeat(line.bytes)}`,
      );
    }
    const entries = await store.list();
    expect(entries).toHaveLength(1000);
    expect(entries[0]).toMatchObject({ id: '1000', panes: 2, bytes: line.bytes, note: 'n'.repeat(5000) });
  });

  test('work under the lock saves without taking it again', async () => {
    const store = new SnapshotStore(registry(), workspace);
    const result = await store.locked(async (inner) => {
      await inner.save(draftOf(), at('10:00:00'));
      await inner.pin(1);
      return await inner.save(draftOf({ panes: 3 }), at('10:00:01'));
    });
    expect(result.sequence).toBe(2);
    expect((await store.latest())?.sequence).toBe(2);
  });
});
