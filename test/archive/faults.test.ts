import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memberName } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { withStaging } from '../../src/archive/staging.js';
import { ownDisk } from '../faults/support.js';
import { root } from '../support/sandbox.js';
import { testFolder, write } from './support.js';

const work = mkdtempSync(join(tmpdir(), 'cw-archive-child-'));
const program = join(work, 'child.mjs');
const whole = join(work, 'whole.tar.gz');

beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, 'child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // As if it stood in dist: the package is the folder above.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'dist/child.mjs')).href) },
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
    },
    logLevel: 'warning',
  });
  expect(await run('write', whole)).toEqual({ code: 0, signal: null, out: 'done\n' });
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(...args: string[]): Promise<{ code: number | null; signal: string | null; out: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.on('close', (code, signal) => done({ code, signal, out }));
  });
}

const ended = (signal: string) => ({ code: null, signal, out: '' });

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s in the middle', (signal) => {
  it('of writing leaves nothing, and the file of before', async () => {
    const folder = testFolder();
    const target = join(folder, 'a.tar.gz');
    writeFileSync(target, 'before');
    expect(await run('write', target, signal)).toEqual(ended(signal));
    expect(readdirSync(folder)).toEqual(['a.tar.gz']);
    expect(readFileSync(target, 'utf8')).toBe('before');
  });

  it('of reading leaves nothing', async () => {
    const parent = testFolder();
    expect(await run('read', whole, parent, signal)).toEqual(ended(signal));
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe('SIGKILL in the middle', () => {
  it('of writing leaves what the next writing takes away, and nothing under the name', async () => {
    const folder = testFolder();
    const target = join(folder, 'a.tar.gz');
    expect(await run('write', target, 'SIGKILL')).toEqual(ended('SIGKILL'));
    const left = readdirSync(folder);
    expect(left).toEqual([expect.stringMatching(/^a\.tar\.gz\.\d+\.[0-9a-f]{8}\.tmp$/)]);
    // Somebody else's, of the same form.
    writeFileSync(join(folder, 'b.4194999.00000000.tmp'), '');
    await write(target);
    expect(readdirSync(folder).sort()).toEqual(['a.tar.gz', 'b.4194999.00000000.tmp']);
  });

  it('of reading leaves what the next reading takes away', async () => {
    const parent = testFolder();
    expect(await run('read', whole, parent, 'SIGKILL')).toEqual(ended('SIGKILL'));
    const left = readdirSync(parent);
    expect(left).toHaveLength(1);
    expect(readdirSync(join(parent, left[0]!))).not.toEqual([]);
    expect(await run('read', whole, parent)).toEqual({ code: 0, signal: null, out: 'done\n' });
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe('a disk that is full', () => {
  it('in the middle of writing leaves nothing, and says so', async ({ skip }) => {
    const disk = ownDisk('size=64k');
    if ('why' in disk) return skip(disk.why);
    const target = join(disk.path, 'a.tar.gz');
    const data = randomBytes(200_000);
    await expect(write(target, [{ name: memberName.commits, data }])).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/^The archive .*a\.tar\.gz cannot be written: ENOSPC/),
      hint: expect.stringContaining('The disk is full.'),
    });
    expect(readdirSync(disk.path)).toEqual([]);
  });

  it('in the middle of reading leaves nothing, and says so', async ({ skip }) => {
    const disk = ownDisk('size=3m');
    if ('why' in disk) return skip(disk.why);
    const reading = withStaging(join(disk.path, 'state'), (staging) =>
      readArchive(whole, ({ name }) => ({ file: join(staging, name) })),
    );
    await expect(reading).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/cannot be written: ENOSPC/),
      hint: expect.stringContaining('The disk is full.'),
    });
    expect(readdirSync(join(disk.path, 'state'))).toEqual([]);
  });

  it('has no place for the folder either', async ({ skip }) => {
    const disk = ownDisk('size=64k,nr_inodes=2');
    if ('why' in disk) return skip(disk.why);
    mkdirSync(join(disk.path, 'state'));
    await expect(withStaging(join(disk.path, 'state'), async () => {})).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/ENOSPC/),
    });
  });
});
