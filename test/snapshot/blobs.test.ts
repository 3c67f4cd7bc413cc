import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlobStore, blobPath, dyingPath, missingText } from '../../src/snapshot/blobs.js';
import { collectBlobs } from '../../src/snapshot/blobs-collect.js';
import { chunkLines, chunkOf, chunkText } from '../../src/snapshot/chunks.js';
import { SnapshotStore } from '../../src/snapshot/store.js';
import { FileLayer } from '../../src/system/file-layer.js';
import { draftOf, registry, workspace } from './store-draft.js';

/** Lines as panes hold them: many unlike, some alike, some long, with colours. */
const line = fc.oneof(
  fc.string({ maxLength: 12, unit: fc.constantFrom(...'ab \u001b[31mé漢\u0000\r') }),
  fc.constantFrom('', '$ ', 'y', 'x'.repeat(3000)),
  fc.nat().map(String),
);
const output = fc
  .tuple(fc.nat({ max: 3000 }), fc.array(line, { maxLength: 50 }), fc.nat())
  .map(([length, some, seed]) =>
    Array.from({ length }, (_, index) =>
      index % 7 === 3 ? (some[index % some.length] ?? '') : `${seed} ${index}`,
    ),
  );

test('chunks joined are the text', () => {
  fc.assert(
    fc.property(fc.oneof(output, fc.array(line)), (lines) => {
      const chunks = chunkLines(lines);
      expect(chunks.flat()).toEqual(lines);
      expect(chunks.every((chunk) => chunk.length > 0)).toBe(true);
      expect(chunks.map(chunkText).flatMap(chunkOf)).toEqual(lines);
    }),
  );
});

test('added output changes the last chunk only', () => {
  fc.assert(
    fc.property(output, output, (lines, more) => {
      const before = chunkLines(lines);
      const after = chunkLines([...lines, ...more]);
      expect(after.slice(0, Math.max(0, before.length - 1))).toEqual(before.slice(0, -1));
    }),
  );
});

test('lines dropped from the head change the first chunks only', () => {
  const lines = Array.from(
    { length: 50_000 },
    (_, index) => `2026-03-01 request ${index} took ${(index * 37) % 911} ms`,
  );
  const before = new Set(chunkLines(lines).map(chunkText));
  expect(before.size).toBeGreaterThan(100);
  expect(before.size).toBeLessThan(400);
  fc.assert(
    fc.property(fc.nat({ max: 40_000 }), (dropped) => {
      const after = chunkLines(lines.slice(dropped)).map(chunkText);
      const shared = after.filter((chunk) => before.has(chunk)).length;
      // The head of the first one is gone, and it may have ended where the one before would have.
      expect(after.length - shared).toBeLessThanOrEqual(3);
    }),
    { numRuns: 30 },
  );
});

test('a flood of one line makes few chunks, and a long line a chunk of its own', () => {
  // Most lines end no chunk, and some do.
  const border = Array.from({ length: 5000 }, (_, index) => `y${index}`).find(
    (one) => chunkLines([one, '']).length === 2,
  );
  for (const text of ['y', '', border!]) {
    expect(chunkLines(new Array<string>(50_000).fill(text)).length).toBeLessThan(40);
  }
  const long = 'x'.repeat(1_000_000);
  expect(chunkLines([long, 'a', long, 'b'])).toEqual([[long], ['a', long], ['b']]);
});

test('text comes back, is kept once for all, and is the owner’s own', async () => {
  const folder = registry();
  const lines = Array.from({ length: 2000 }, (_, index) => `\u001b[3${index % 8}mline ${index} é\u001b[0m`);
  const steps: string[] = [];
  const layer = new FileLayer((operation) => steps.push(operation));
  const first = await new BlobStore(folder, layer).putLines(lines);
  expect(first.lines).toBe(2000);
  expect(await new BlobStore(folder).readLines(first)).toEqual({ lines, missing: 0 });
  const path = blobPath(folder, first.chunks[0]!);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'blobs')).mode & 0o777).toBe(0o700);

  steps.length = 0;
  const store = new BlobStore(folder, layer);
  expect(await store.putLines(lines)).toEqual(first);
  expect(await store.putLines(lines)).toEqual(first);
  expect(steps.filter((step) => step !== 'touch')).toEqual([]);
  await store.putLines([...lines, 'one more']);
  expect(steps.filter((step) => step === 'create')).toHaveLength(1);
  expect(await store.putLines([])).toEqual({ chunks: [], lines: 0 });
});

test('a blob that is damaged or missing is marked and told, and written again when its text comes again', async () => {
  const folder = registry();
  const chunks = ['one\n', 'two\n', 'three\n', 'four\n', 'five\n'];
  const store = new BlobStore(folder);
  const names = await store.put(chunks);
  const path = (index: number) => blobPath(folder, names[index]!);
  truncateSync(path(0), 10);
  writeFileSync(path(1), gzipSync('TWO\n'));
  writeFileSync(path(2), '');
  truncateSync(path(3), 0);
  const scrollback = { chunks: [...names, 'f'.repeat(64)], lines: 6 };
  const read = await new BlobStore(folder).readLines(scrollback);
  expect(read).toEqual({ lines: [...new Array(4).fill(missingText), 'five', missingText], missing: 5 });
  await store.readLines(scrollback);
  expect(store.takeFindings().map((finding) => finding.path)).toEqual([
    ...[0, 1, 2, 3].map(path),
    blobPath(folder, 'f'.repeat(64)),
  ]);
  const anew = new BlobStore(folder);
  await anew.put(chunks);
  // The one that was overwritten by text of the same length looks whole: only reading it tells.
  expect((await anew.readLines({ chunks: names, lines: 5 })).missing).toBe(1);
  await anew.put(chunks);
  expect((await anew.readLines({ chunks: names, lines: 5 })).missing).toBe(0);
});

test('what no snapshot names is collected, after a while', async () => {
  const folder = registry();
  const blobs = new BlobStore(folder);
  const [named = '', gone = '', fresh = ''] = await blobs.put(['named\n', 'gone\n', 'fresh\n']);
  await new SnapshotStore(folder, workspace).save(draftOf({ chunks: [named] }), {
    reason: 'change',
    server: 'alive',
  });
  const now = Date.now();
  expect(await collectBlobs(folder, now)).toEqual({ removed: 0, bytes: 0 });

  const age = (name: string, path = blobPath(folder, name)) =>
    utimesSync(path, (now - 700_000) / 1000, (now - 700_000) / 1000);
  for (const name of [named, gone]) age(name);
  expect((await collectBlobs(folder, now)).removed).toBe(1);
  const left = () => [named, gone, fresh].map((name) => existsSync(blobPath(folder, name)));
  expect(left()).toEqual([true, false, true]);
  expect(readdirSync(join(folder, 'blobs'))).not.toContain(`${gone}.gz`);

  // Named by a file that is damaged, it may still be wanted; a collector that died on the way is mended.
  const file = join(folder, workspace, 'snapshots', readdirSync(join(folder, workspace, 'snapshots'))[0]!);
  writeFileSync(file, readFileSync(file).subarray(0, -2));
  const bytes = readFileSync(blobPath(folder, named));
  writeFileSync(dyingPath(blobPath(folder, named)), bytes);
  expect((await collectBlobs(folder, now)).removed).toBe(0);
  expect(await blobs.get(named)).toBe('named\n');
});

test('a blob that is used again while it is collected stays', async () => {
  const folder = registry();
  const [name = ''] = await new BlobStore(folder).put(['text\n']);
  const path = blobPath(folder, name);
  const now = Date.now();
  const age = () => utimesSync(path, (now - 700_000) / 1000, (now - 700_000) / 1000);
  // Between its look at the time and its move: the save touched it. After its move: the save writes it anew.
  for (const moment of ['rename', 'unlink']) {
    age();
    let put: Promise<unknown> = Promise.resolve();
    const layer = new FileLayer((operation, at) => {
      if (operation === moment && at.startsWith(path)) put = new BlobStore(folder).put(['text\n']);
    });
    await collectBlobs(folder, now, layer);
    await put;
    expect(await new BlobStore(folder).get(name)).toBe('text\n');
  }
});

test('while it is between its names it is still read', async () => {
  const folder = registry();
  const [name = ''] = await new BlobStore(folder).put(['text\n']);
  const path = blobPath(folder, name);
  writeFileSync(dyingPath(path), readFileSync(path));
  truncateSync(path, 0);
  expect(await new BlobStore(folder).get(name)).toBeNull();
  const { unlinkSync } = await import('node:fs');
  unlinkSync(path);
  expect(await new BlobStore(folder).get(name)).toBe('text\n');
});

test('a text that is added is there once it is flushed, and one that cannot be written is told, named by nothing', async () => {
  const folder = registry();
  let full = true;
  const layer = new FileLayer((operation) => {
    if (full && operation === 'write') throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  });
  const blobs = new BlobStore(folder, layer);
  const [name = ''] = blobs.add(['text\n', 'text\n']);
  await expect(blobs.flush()).rejects.toThrow('no space');
  expect([blobs.takeFailure(), blobs.takeFailure()]).toEqual([true, false]);
  expect(readdirSync(join(folder, 'blobs'))).toEqual([]);
  full = false;
  expect(blobs.add(['text\n'])).toEqual([name]);
  await blobs.flush();
  expect(await new BlobStore(folder).get(name)).toBe('text\n');
});
