import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { Manifest, ManifestEntry } from '../../src/archive/manifest.js';
import { memberName } from '../../src/archive/members.js';
import { type MemberSource, type WriteOptions, writeArchive } from '../../src/archive/write.js';

/** A folder of one test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cw-archive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const conversation = '11111111-2222-4333-8444-555555555555';

/** A member of text, named by what it holds. */
export function blobOf(text: string): { readonly name: string; readonly data: Buffer } {
  return {
    name: memberName.scrollback(hash('sha256', text, 'hex')),
    data: gzipSync(text, { level: 3 }),
  };
}

/** A bit of everything. */
export function someMembers(): MemberSource[] {
  const transcript = Buffer.from(`${JSON.stringify({ type: 'user', text: 'Grüße' })}\n`.repeat(50));
  return [
    { name: memberName.snapshot, data: Buffer.from('{"format":1}\n') },
    blobOf('first line\nsecond \x1b[31mred\x1b[0m\n'),
    blobOf(''),
    {
      name: memberName.transcript(conversation),
      bytes: transcript.length,
      stream: () => pieces(transcript, 7),
    },
    { name: memberName.subagent(conversation, 'agent-a1b2.jsonl'), data: Buffer.from('{}\n') },
    { name: memberName.origin(conversation), data: Buffer.from('{"cwd":"/p"}') },
    { name: memberName.repository, data: Buffer.from('{}') },
    { name: memberName.commits, data: Buffer.alloc(1024, 7) },
    { name: memberName.patch(0, 'staged'), data: Buffer.alloc(0) },
    {
      name: memberName.journal(`efforts/${'long '.repeat(20).trim()}/Überblick.md`),
      data: Buffer.from('# Ä\n'),
    },
  ];
}

/** The bytes in pieces of one size. */
export async function* pieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

export async function* each<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values;
}

export function manifestOf(entries: readonly ManifestEntry[]): Manifest {
  return {
    format: 1,
    cw: '0.1.0',
    tmux: '3.3a',
    host: 'desk',
    at: '2026-11-29T10:00:00.000Z',
    workspace: 'shop',
    project: '/home/ann/shop',
    home: '/home/ann',
    members: [...entries],
    leftOut: [{ what: '.env', why: 'it holds secrets' }],
    redacted: ['API_KEY'],
  };
}

/** Writes an archive of these members. */
export function write(
  target: string,
  members: readonly MemberSource[] = someMembers(),
  options?: WriteOptions,
) {
  return writeArchive(target, each(members), manifestOf, options);
}

/** All that lies below a folder, in order. */
export function below(folder: string): string[] {
  return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]).sort() : [];
}
