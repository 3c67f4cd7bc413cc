import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/archive/limits.js';
import { type ReadArchive, readArchive } from '../../src/archive/read.js';
import { withStaging } from '../../src/archive/staging.js';
import type { CwError } from '../../src/errors.js';
import { archiveOf, collection, smallLimits } from './hostile.js';
import { below, someMembers, testFolder, write } from './support.js';

/** Unpacks it all, as an import does. */
function unpacked(
  path: string,
  parent: string,
  few = false,
): Promise<{ read: ReadArchive; files: string[] }> {
  return withStaging(parent, async (staging) => {
    const read = await readArchive(path, ({ name }) => ({ file: join(staging, name) }), {
      limits: few ? { ...limits, ...smallLimits } : limits,
    });
    return { read, files: below(staging) };
  });
}

describe('an archive of somebody hostile', () => {
  it.each(collection.map((one) => [one.what, one] as const))(
    'with %s is refused, and nothing is left',
    async (_what, one) => {
      const folder = testFolder();
      const path = join(folder, 'evil.tar.gz');
      writeFileSync(path, one.archive());
      const parent = join(folder, 'state');
      mkdirSync(parent);
      const error: CwError = await unpacked(path, parent, true).then(
        () => expect.unreachable('it passed'),
        (thrown) => thrown,
      );
      expect(error.message).toMatch(one.says);
      expect(error).toMatchObject({
        isCwError: true,
        kind: one.kind ?? 'refused',
        hint: expect.stringMatching(/\w/),
      });
      expect(error.message).toMatch(/^\S.*\.$/);
      // Nothing of it acts on a terminal.
      expect(`${error.message}${error.hint}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      expect(readdirSync(folder).sort()).toEqual(['evil.tar.gz', 'state']);
      expect(readdirSync(parent)).toEqual([]);
    },
  );

  it('differs from a good one in nothing else: what its maker builds by hand passes without a fault', async () => {
    const folder = testFolder();
    const path = join(folder, 'good.tar.gz');
    const members = someMembers().flatMap((one) =>
      'data' in one ? [{ name: one.name, data: Buffer.from(one.data) }] : [],
    );
    // The long name of the journal needs the prefix.
    const short = members.filter(({ name }) => name.length < 100);
    writeFileSync(path, archiveOf(...short));
    const { read } = await unpacked(path, join(folder, 'state'), true);
    expect(read.members.map(({ name }) => name)).toEqual(short.map(({ name }) => name));
  });

  it('is at least forty, each of its own kind', () => {
    expect(new Set(collection.map(({ what }) => what)).size).toBe(collection.length);
    expect(collection.length).toBeGreaterThan(40);
  });

  it('can be something else than a file', async () => {
    const folder = testFolder();
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    await expect(unpacked(fifo, folder)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/is no file/),
    });
    await expect(unpacked(folder, folder)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/but a folder/),
    });
    await expect(unpacked('/dev/null', folder)).rejects.toMatchObject({ kind: 'refused' });
    symlinkSync(join(folder, 'gone'), join(folder, 'dangling'));
    await expect(unpacked(join(folder, 'dangling'), folder)).rejects.toMatchObject({ kind: 'not-found' });
  });
});

describe('a damaged archive', () => {
  it('never passes when it is cut off, at whatever byte', async () => {
    const folder = testFolder();
    const parent = join(folder, 'state');
    await write(join(folder, 'good.tar.gz'));
    const good = readFileSync(join(folder, 'good.tar.gz'));
    const path = join(folder, 'cut.tar.gz');
    for (let length = 0; length < good.length; length++) {
      writeFileSync(path, good.subarray(0, length));
      const error: CwError = await unpacked(path, parent).then(
        () => expect.unreachable(`it passed with ${length} bytes`),
        (thrown) => thrown,
      );
      expect([length, error.kind, error.message]).toEqual([
        length,
        'failed',
        expect.stringMatching(/cut off/),
      ]);
    }
    expect(readdirSync(parent)).toEqual([]);
  });

  it('never passes with other bytes, and leaves nothing', async () => {
    const folder = testFolder();
    const parent = join(folder, 'state');
    await write(join(folder, 'good.tar.gz'));
    const good = readFileSync(join(folder, 'good.tar.gz'));
    const wanted = contentOf(await unpacked(join(folder, 'good.tar.gz'), parent));
    const path = join(folder, 'bad.tar.gz');
    const damage = fc.oneof(
      // Other bytes in place of some.
      fc.record({ at: fc.nat(good.length - 1), take: fc.nat(8), put: fc.uint8Array({ maxLength: 8 }) }),
      // One bit.
      fc.record({ at: fc.nat(good.length - 1), bit: fc.nat(7) }),
      // A piece moved.
      fc.record({ at: fc.nat(good.length - 1), take: fc.nat(200), to: fc.nat(good.length) }),
    );
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
        let bytes: Buffer = good;
        for (const one of damages) {
          const at = Math.min(one.at, bytes.length);
          const before = bytes.subarray(0, at);
          if ('bit' in one) {
            bytes = Buffer.from(bytes);
            if (at < bytes.length) bytes[at]! ^= 1 << one.bit;
          } else if ('put' in one) bytes = Buffer.concat([before, one.put, bytes.subarray(at + one.take)]);
          else {
            const rest = Buffer.concat([before, bytes.subarray(at + one.take)]);
            const moved = bytes.subarray(at, at + one.take);
            bytes = Buffer.concat([rest.subarray(0, one.to), moved, rest.subarray(one.to)]);
          }
        }
        writeFileSync(path, bytes);
        const result = await unpacked(path, parent).then(contentOf, (error: CwError) => error);
        if (typeof result === 'string') expect(result).toBe(wanted);
        else {
          refusals++;
          expect(result).toMatchObject({
            isCwError: true,
            kind: expect.stringMatching(/^(failed|refused)$/),
          });
        }
        expect(readdirSync(parent)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
    expect(refusals).toBeGreaterThan(1200);
  });
});

function contentOf({ read, files }: { read: ReadArchive; files: string[] }): string {
  return JSON.stringify([read.manifest, read.members, files]);
}
