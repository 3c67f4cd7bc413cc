import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { decode } from '../../src/snapshot/decode.js';
import { headerLine } from '../../src/snapshot/encode.js';
import { migrate } from '../../src/snapshot/migrate.js';
import { defaultRetention } from '../../src/snapshot/retention.js';
import { SnapshotStore, saveAll, settle } from '../../src/snapshot/store.js';
import { FileLayer } from '../../src/system/file-layer.js';
import { draftOf, registry, workspace } from './store-draft.js';

const alive = { reason: 'change', server: 'alive' } as const;
const second = '00000002-20260301T100000Z.json';

/** A store with snapshot 1, and the bytes that its snapshot 2 would have. */
async function store(): Promise<{ folder: string; path: string; bytes: Buffer }> {
  const folder = registry();
  const one = new SnapshotStore(folder, workspace);
  await one.save(draftOf({ panes: 1 }), alive);
  await one.save(draftOf({ panes: 1, cwd: '/q' }), alive);
  const path = join(folder, workspace, 'snapshots');
  const name = readdirSync(path).find((file) => file.startsWith('00000002'))!;
  const bytes = readFileSync(join(path, name));
  rmSync(join(path, name));
  return { folder, path: join(path, second), bytes };
}

/** The file of a snapshot whose body and header were changed, with checksums that are right. */
function forge(bytes: Buffer, header: object, change: (body: Record<string, unknown>) => object): string {
  const [line = '', text = ''] = bytes.toString('utf8').split('\n');
  const { check: _, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const body = `${JSON.stringify(change(JSON.parse(text)))}\n`;
  const sizes = { bytes: Buffer.byteLength(body), sha256: hash('sha256', body, 'hex') };
  return headerLine({ ...fields, ...sizes, ...header }) + body;
}

test('cut off at any length, a snapshot is known to be damaged', async () => {
  const { bytes } = await store();
  const expected = { workspace, sequence: 2 };
  expect(decode(bytes, expected).kind).toBe('snapshot');
  for (let length = 0; length < bytes.length; length++) {
    const read = decode(bytes.subarray(0, length), expected);
    if (read.kind !== 'damaged') expect.fail(`cut off at ${length} it is ${read.kind}`);
  }
  expect(decode(Buffer.concat([bytes, Buffer.from(' ')]), expected).kind).toBe('damaged');
});

test('with any bytes changed, a snapshot is known to be damaged, and never taken for a newer one', async () => {
  const { bytes } = await store();
  const flip = fc.record({ at: fc.nat(bytes.length - 1), by: fc.integer({ min: 1, max: 255 }) });
  // The beginning holds the format, the sizes and the checksums.
  const early = fc.record({ at: fc.nat(60), by: fc.integer({ min: 1, max: 255 }) });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.oneof(flip, early), { minLength: 1, selector: (one) => one.at }),
      (flips) => {
        const changed = Buffer.from(bytes);
        for (const { at, by } of flips) changed[at] = changed[at]! ^ by;
        expect(decode(changed, { workspace, sequence: 2 }).kind).toBe('damaged');
      },
    ),
    { numRuns: 300 },
  );
});

test('what does not read is set aside and told, and the one before it is used', async () => {
  const { folder, path, bytes } = await store();
  const other = 'wffffffffffff';
  const cases: [string, string | Buffer, string][] = [
    ['empty', '', 'no end'],
    ['no JSON', headerLine({}).replace('{', '['), 'checksum of its first line'],
    ['half', bytes.subarray(0, bytes.length >> 1), 'bytes where'],
    ['flipped', Buffer.from(bytes.toString('utf8').replace('"/q"', '"/r"')), 'checksum is wrong'],
    ['against the schema', forge(bytes, {}, (body) => ({ ...body, panes: 3 })), 'panes'],
    ['of another workspace', forge(bytes, { workspace: other }, (b) => ({ ...b, workspace: other })), other],
    ['of another number', forge(bytes, { sequence: 7 }, (b) => ({ ...b, sequence: 7 })), 'snapshot 7'],
  ];
  for (const [what, content, why] of cases) {
    writeFileSync(path, content);
    const one = new SnapshotStore(folder, workspace);
    expect((await one.latest())?.sequence, what).toBe(1);
    const findings = one.takeFindings();
    expect(findings, what).toHaveLength(1);
    expect(findings[0], what).toMatchObject({ path, why: expect.stringContaining(why) });
    expect(readFileSync(findings[0]!.movedTo!), what).toEqual(Buffer.from(content));
  }
  expect(readdirSync(join(folder, workspace, 'damaged'))).toHaveLength(cases.length);

  // A save sees it, too, even when it brings nothing new; and the number is not used again.
  writeFileSync(path, bytes.subarray(0, 100));
  const one = new SnapshotStore(folder, workspace);
  expect(await one.save(draftOf({ panes: 1 }), alive)).toMatchObject({ written: false, sequence: 1 });
  expect(one.takeFindings()).toHaveLength(1);
  expect(await one.save(draftOf({ panes: 2 }), alive)).toMatchObject({ sequence: 3 });
  await expect(one.read(2)).rejects.toMatchObject({ kind: 'not-found' });
});

test('damage that comes while a store is open is seen by the next save', async () => {
  const folder = registry();
  const one = new SnapshotStore(folder, workspace);
  await one.save(draftOf(), alive);
  const [name = ''] = readdirSync(join(folder, workspace, 'snapshots'));
  writeFileSync(join(folder, workspace, 'snapshots', name), 'x');
  expect(await one.save(draftOf(), alive)).toMatchObject({ written: true, sequence: 2 });
});

test('a newer format is refused and stays as it is', async () => {
  const { folder, path, bytes } = await store();
  const newer = forge(bytes, { format: 2 }, (body) => ({ ...body, format: 2, more: true }));
  writeFileSync(path, newer);
  const one = new SnapshotStore(folder, workspace);
  const tries = [
    () => one.latest(),
    () => one.read(2),
    () => one.list(),
    () => one.save(draftOf({ panes: 4 }), alive),
    () => one.prune(defaultRetention, Date.now()),
  ];
  for (const attempt of tries) {
    await expect(attempt()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('made by a newer cw (format 2'),
    });
  }
  expect((await one.read(1)).sequence).toBe(1);
  expect(readFileSync(path, 'utf8')).toBe(newer);
  expect(readdirSync(join(path, '..'))).toHaveLength(2);
  expect(readdirSync(join(folder, workspace))).toEqual(['snapshots']);
});

test('what a later version adds to the same format is left out, wherever it stands', async () => {
  const { folder, path, bytes } = await store();
  const one = new SnapshotStore(folder, workspace);
  // These have keys of their own: one more is one more variable, option, hook or pane.
  const maps = new Set(['options', 'environment', 'hooks', 'body.panes']);
  let added = 0;
  const extended = (value: unknown, name: string, path: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => extended(each, '', `${path}[]`));
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).map(([key, each]) => [key, extended(each, key, `${path}.${key}`)]);
    if (maps.has(name) || maps.has(path)) return Object.fromEntries(fields);
    added += 1;
    return { ...Object.fromEntries(fields), later: { of: ['any', 'kind'] } };
  };
  writeFileSync(path, bytes);
  const known = await one.latest();
  writeFileSync(
    path,
    forge(bytes, { later: true }, (body) => extended(body, '', 'body') as object),
  );
  expect(added).toBeGreaterThan(8);
  expect(await one.read(2)).toEqual(known);
  expect(await one.latest()).toEqual(known);
  expect(await one.list()).toHaveLength(2);
  expect(readdirSync(join(folder, workspace))).toEqual(['snapshots']);
  // What is there is looked at as ever.
  writeFileSync(
    path,
    forge(bytes, {}, (body) => ({ ...body, later: 1, cwVersion: 7 })),
  );
  expect(await one.latest()).toMatchObject({ sequence: 1 });
});

test('an older format is migrated step by step', async () => {
  const { folder, path, bytes } = await store();
  const old = forge(bytes, { format: -1 }, ({ git: _, note, ...body }) => ({
    ...body,
    format: -1,
    remark: note,
  }));
  writeFileSync(path, old);
  const chain = {
    [-1]: ({ remark, ...data }: Record<string, unknown>) => ({ ...data, note: `${remark}!` }),
    0: (data: Record<string, unknown>) => ({ ...data, git: null }),
  };
  const one = new SnapshotStore(folder, workspace, { migrations: chain });
  expect(await one.latest()).toMatchObject({ format: 1, sequence: 2, note: 'null!', git: null });
  expect(readFileSync(path, 'utf8')).toBe(old);
  expect(() => migrate({ format: -1 }, { 0: chain[0] })).toThrow('from format -1 to 0');
  expect(() => migrate({ format: 2 })).toThrow('format 2 is not 1');
  expect(() => migrate({})).toThrow('no format');
});

test('foreign files in the folders are left alone', async () => {
  const { folder, path, bytes } = await store();
  const foreign = ['.DS_Store', 'notes.txt', '00000009.json', '00000009-20260301T100000Z.json.bak', 'x.tmp'];
  for (const name of foreign) writeFileSync(join(path, '..', name), bytes);
  mkdirSync(join(path, '..', 'folder'));
  writeFileSync(join(folder, 'README'), '');
  const one = new SnapshotStore(folder, workspace);
  expect(await one.save(draftOf({ panes: 3 }), alive)).toMatchObject({ sequence: 2 });
  expect((await one.list()).map((entry) => entry.sequence)).toEqual([2, 1]);
  await one.prune({ tiers: [] }, Date.now());
  expect(readdirSync(join(path, '..')).sort()).toEqual(expect.arrayContaining([...foreign, 'folder'].sort()));
  expect(one.takeFindings()).toEqual([]);
});

test('the lock of another host is never taken over, and its store is another folder', async () => {
  const folder = registry();
  const one = new SnapshotStore(folder, workspace);
  await one.save(draftOf(), alive);
  const lock = join(folder, workspace, 'lock');
  const text = JSON.stringify({ host: 'another', boot: 'b', pid: 1, start: null });
  writeFileSync(lock, text);
  const held = one.locked(() => expect.fail('the lock was taken'), { wait: 20 });
  await expect(held).rejects.toThrow('process 1 of another host');
  expect(readFileSync(lock, 'utf8')).toBe(text);
  expect(readdirSync(join(folder, workspace)).sort()).toEqual(['lock', 'snapshots']);
  // Reading needs none.
  expect((await one.latest())?.sequence).toBe(1);
  expect(await new SnapshotStore(join(folder, '../../host2/tmux-0'), workspace).latest()).toBeNull();
});

test('a journal that does not read is set aside, and what is whole in it is kept', async () => {
  const folder = registry();
  const ids = Array.from({ length: 5 }, (_, index) => `w00000000000${index}`);
  for (const id of ids) mkdirSync(join(folder, id), { recursive: true });
  await saveAll(
    ids.map((id) => ({ store: new SnapshotStore(folder, id), draft: draftOf({ id }), options: alive })),
  );
  const [name = ''] = readdirSync(join(folder, 'journal'));
  const path = join(folder, 'journal', name);
  writeFileSync(path, readFileSync(path).subarray(0, -10));
  await settle(folder);
  expect(readdirSync(join(folder, 'journal'))).toEqual([]);
  expect(readdirSync(join(folder, 'damaged'))).toEqual([name]);
  const latest = await Promise.all(ids.map((id) => new SnapshotStore(folder, id).latest()));
  expect(latest.map((one) => one?.sequence)).toEqual([1, 1, 1, 1, undefined]);
});

test('a write that fails at any step loses nothing and leaves nothing behind', async () => {
  const { folder } = await store();
  const failing = (at: number) => {
    let step = 0;
    return new FileLayer((operation, path) => {
      if (!['create', 'write', 'fsync', 'rename', 'mkdir'].includes(operation) || ++step !== at) return;
      throw Object.assign(new Error(`ENOSPC: no space left on device, ${path}`), { code: 'ENOSPC' });
    });
  };
  let failures = 0;
  for (let at = 1; ; at++) {
    const one = new SnapshotStore(folder, workspace, { files: failing(at) });
    const saved = await one.save(draftOf({ panes: 1, cwd: `/${at}` }), alive).catch((error) => {
      expect(error).toMatchObject({ kind: 'failed', message: expect.stringContaining('no space left') });
      return null;
    });
    const names = readdirSync(folder, { recursive: true }) as string[];
    expect(names.filter((name) => name.endsWith('.tmp') || name.endsWith('lock'))).toEqual([]);
    expect((await new SnapshotStore(folder, workspace).latest())?.sequence).toBeGreaterThan(0);
    if (saved !== null) break;
    failures++;
  }
  // Lock: create, write; snapshot: create, write, fsync, rename, fsync of the folder.
  expect(failures).toBeGreaterThanOrEqual(7);
});

/** A disk of 128 KB, or why there is none. */
function smallDisk(): { path: string } | { why: string } {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { why: 'only root on Linux can mount' };
  const path = mkdtempSync(join(tmpdir(), 'cw-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=0700', 'cw-test', path], { stdio: 'pipe' });
  } catch (error) {
    rmSync(path, { recursive: true });
    return { why: `no tmpfs: ${String(error)}` };
  }
  onTestFinished(() => {
    execFileSync('umount', [path]);
    rmSync(path, { recursive: true });
  });
  return { path };
}

test('a full disk is said, and the snapshots that are there stay', async (context) => {
  const disk = smallDisk();
  if ('why' in disk) return context.skip(disk.why);
  const one = new SnapshotStore(disk.path, workspace);
  let saved = 0;
  const fill = async () => {
    for (let count = 0; count < 100; count++) {
      saved = (await one.save(draftOf({ panes: 20, cwd: `/${count}` }), alive)).sequence ?? 0;
    }
  };
  await expect(fill()).rejects.toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('no space left'),
    hint: expect.stringContaining('cw prune'),
  });
  expect(saved).toBeGreaterThan(2);
  expect((await one.latest())?.sequence).toBe(saved);
  expect(readdirSync(join(disk.path, workspace)).sort()).toEqual(['snapshots']);
  await one.prune({ tiers: [] }, Date.now());
  expect(await one.save(draftOf({ panes: 1, cwd: '/after' }), alive)).toMatchObject({ written: true });
});
