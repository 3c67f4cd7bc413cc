import { hash } from 'node:crypto';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { memberName } from '../../src/archive/members.js';
import { blobOf, conversation, manifestOf } from './support.js';

/** Archives as somebody hostile would make them: headers are written byte by byte, without any library. */

export interface Entry {
  readonly name: string | Buffer;
  readonly data?: Buffer;
  readonly type?: string;
  /** Written in place of the right one. */
  readonly size?: number | Buffer;
  readonly link?: string;
  readonly prefix?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly mtime?: number;
  readonly uname?: string;
  readonly magic?: string;
  readonly checksum?: number;
  readonly padding?: number;
  /** Any other bytes, by their place. */
  readonly bytes?: Readonly<Record<number, number>>;
}

export function header(entry: Entry): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.set(Buffer.from(entry.name as string), 0);
  block.write(octal(entry.mode ?? 0o600, 8).replace(/^0(\d{6})\0$/, '$1 \0'), 100);
  block.write(octal(entry.uid ?? 0, 8).replace(/^0(\d{6})\0$/, '$1 \0'), 108);
  block.write('000000 \0', 116);
  const size = entry.size ?? entry.data?.length ?? 0;
  if (typeof size === 'number') block.write(`${size.toString(8).padStart(10, '0')} \0`, 124);
  else block.set(size, 124);
  block.write(`${(entry.mtime ?? 0).toString(8).padStart(10, '0')} \0`, 136);
  block.write(entry.type ?? '0', 156, 'latin1');
  block.write(entry.link ?? '', 157);
  block.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  block.write(entry.uname ?? '', 265);
  block.write('000000 \0', 329);
  block.write('000000 \0', 337);
  if (entry.prefix) block.set(Buffer.from(entry.prefix as string), 345);
  for (const [at, byte] of Object.entries(entry.bytes ?? {})) block[Number(at)] = byte;
  block.fill(' ', 148, 156);
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')} \0`, 148);
  return block;
}

export function tarOf(entries: readonly Entry[], end: Buffer = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([
    ...entries.flatMap((entry) => {
      const data = entry.data ?? Buffer.alloc(0);
      return [header(entry), data, Buffer.alloc((512 - (data.length % 512)) % 512, entry.padding ?? 0)];
    }),
    end,
  ]);
}

/** gzip as cw writes it. */
export function packed(tar: Buffer, trailer?: { crc?: number; size?: number }): Buffer {
  const end = Buffer.alloc(8);
  end.writeUInt32LE(trailer?.crc ?? crc32(tar), 0);
  end.writeUInt32LE(trailer?.size ?? tar.length, 4);
  return Buffer.concat([Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]), deflateRawSync(tar), end]);
}

export const formatEntry: Entry = {
  name: 'format.json',
  data: Buffer.from('{"format":1,"kind":"claude-workspaces archive","cw":"0.1.0"}\n'),
};

const snapshot: Entry = { name: 'snapshot.json', data: Buffer.from('{}') };

/** The manifest of these, as it has to be, or with a change. */
export function manifestEntry(
  entries: readonly Entry[],
  change: (manifest: Listing) => unknown = (same) => same,
): Entry {
  const members = entries.map(({ name, data = Buffer.alloc(0) }) => ({
    name: name.toString(),
    bytes: data.length,
    sha256: hash('sha256', data, 'hex'),
  }));
  return { name: 'manifest.json', data: Buffer.from(`${JSON.stringify(change(manifestOf(members)))}\n`) };
}

type Listing = ReturnType<typeof manifestOf>;

/** An archive with these members behind its first, and a manifest of all. */
export function archiveOf(...members: readonly Entry[]): Buffer {
  return archiveWith(members);
}

/** The same with a change of the manifest. */
export function archiveWith(members: readonly Entry[], change?: (manifest: Listing) => unknown): Buffer {
  const all = [formatEntry, ...members];
  return packed(tarOf([...all, manifestEntry(all, change)]));
}

function withFormat(data: string | Buffer): Buffer {
  const mark = { name: 'format.json', data: Buffer.from(data as string) };
  return packed(tarOf([mark, snapshot, manifestEntry([mark, snapshot])]));
}

function withManifest(change: (manifest: Listing) => unknown): Buffer {
  return archiveWith([snapshot], change);
}

const journal = (path: string, rest: Partial<Entry> = {}): Entry => ({
  name: memberName.journal(path),
  data: Buffer.from('x'),
  ...rest,
});

const good = () => archiveOf(snapshot, journal('a.md'));
/** As `Entry.size` of a header that has it in base 256. */
const base256 = (value: number) => {
  const field = Buffer.alloc(12);
  field[0] = 0x80;
  field.writeUInt32BE(value, 8);
  return field;
};

export interface Hostile {
  readonly what: string;
  readonly archive: () => Buffer;
  readonly says: RegExp;
  /** `refused` when it is not given. */
  readonly kind?: 'failed';
}

const many = 3;
/** Limits that a small archive can reach. */
export const smallLimits = { members: 40, total: 4 << 20, ratio: 250, ratioFrom: 1 << 20, blob: 1 << 16 };

export const collection: readonly Hostile[] = [
  {
    what: 'an absolute path',
    archive: () => archiveOf({ name: '/etc/cron.d/x' }),
    says: /absolute path, "\/etc\/cron/,
  },
  {
    what: 'a path that leaves its folder',
    archive: () => archiveOf({ name: '../../.bashrc' }),
    says: /leaves its folder/,
  },
  { what: '.. in a journal', archive: () => archiveOf(journal('../../x')), says: /leaves its folder/ },
  {
    what: '.. by a prefix',
    archive: () => archiveOf({ name: 'x', prefix: 'journal/..' }),
    says: /leaves its folder/,
  },
  {
    what: 'a prefix that is absolute',
    archive: () => archiveOf({ name: 'snapshot.json', prefix: '/tmp' }),
    says: /absolute path/,
  },
  {
    what: 'a dot before a name',
    archive: () => archiveOf({ name: './snapshot.json' }),
    says: /no name of cw's/,
  },
  { what: 'a name of nothing', archive: () => archiveOf({ name: '' }), says: /"", which is no name/ },
  {
    what: 'an unknown name',
    archive: () => archiveOf({ name: 'extra.sh' }),
    says: /"extra\.sh", which is no name/,
  },
  {
    what: 'a folder',
    archive: () => archiveOf({ name: 'journal/', type: '5' }),
    says: /a folder, "journal\/"/,
  },
  {
    what: 'a folder of the old kind',
    archive: () => archiveOf({ name: 'journal/x/' }),
    says: /no name of cw's/,
  },
  {
    what: 'a symbolic link',
    archive: () => archiveOf(journal('a', { type: '2', link: '/etc/passwd' })),
    says: /a symbolic link/,
  },
  {
    what: 'a link, and a file through it',
    archive: () => archiveOf(journal('a', { type: '2', link: '/tmp' }), journal('a/b')),
    says: /a symbolic link/,
  },
  {
    what: 'a hard link',
    archive: () => archiveOf(journal('a', { type: '1', link: 'snapshot.json' })),
    says: /a hard link/,
  },
  {
    what: 'a plain file with a link’s target',
    archive: () => archiveOf(journal('a', { link: '/etc/passwd' })),
    says: /as cw does not write it/,
  },
  { what: 'a character device', archive: () => archiveOf(journal('a', { type: '3' })), says: /a device/ },
  { what: 'a block device', archive: () => archiveOf(journal('a', { type: '4' })), says: /a device/ },
  { what: 'a FIFO', archive: () => archiveOf(journal('a', { type: '6' })), says: /a FIFO/ },
  {
    what: 'a contiguous file',
    archive: () => archiveOf(journal('a', { type: '7' })),
    says: /a contiguous file/,
  },
  { what: 'a sparse file', archive: () => archiveOf(journal('a', { type: 'S' })), says: /a sparse file/ },
  {
    what: 'a part of another volume',
    archive: () => archiveOf(journal('a', { type: 'M' })),
    says: /another volume/,
  },
  { what: 'an unknown type', archive: () => archiveOf(journal('a', { type: '\xf7' })), says: /no file/ },
  {
    what: 'an extended header with another name',
    archive: () =>
      archiveOf(
        { name: 'PaxHeader/x', type: 'x', data: Buffer.from('22 path=../../evil.sh\n') },
        journal('a'),
      ),
    says: /an extended header/,
  },
  {
    what: 'an extended header with another size',
    archive: () =>
      archiveOf({ name: 'PaxHeader/x', type: 'x', data: Buffer.from('13 size=4096\n') }, journal('a')),
    says: /an extended header/,
  },
  {
    what: 'an extended header for all members',
    archive: () =>
      archiveOf({ name: 'pax_global_header', type: 'g', data: Buffer.from('16 linkpath=/etc\n') }),
    says: /for all members/,
  },
  {
    what: 'a long name of GNU tar',
    archive: () =>
      archiveOf({ name: '././@LongLink', type: 'L', data: Buffer.from('/etc/x\0') }, journal('a')),
    says: /a long name of GNU tar/,
  },
  {
    what: 'a long link of GNU tar',
    archive: () =>
      archiveOf({ name: '././@LongLink', type: 'K', data: Buffer.from('/etc/x\0') }, journal('a')),
    says: /a long link of GNU tar/,
  },
  { what: 'a member twice', archive: () => archiveOf(snapshot, snapshot), says: /there twice/ },
  {
    what: 'names that differ in case',
    archive: () => archiveOf(journal('a.md'), journal('A.md')),
    says: /only in its spelling/,
  },
  {
    what: 'names that are one when composed',
    archive: () => archiveOf(journal('\u00e9'), journal('e\u0301')),
    says: /only in its spelling/,
  },
  {
    what: 'folders that differ in case',
    archive: () => archiveOf(journal('a/b'), journal('A/c')),
    says: /in a folder that differs/,
  },
  {
    what: 'a file in a file',
    archive: () => archiveOf(journal('a'), journal('a/b')),
    says: /lies in another member/,
  },
  { what: 'a second format', archive: () => archiveOf(formatEntry), says: /there twice/ },
  {
    what: 'an escape sequence in a name',
    archive: () => archiveOf(journal('\x1b]0;x\x07')),
    says: /\\x1b\]0;x\\x07/,
  },
  { what: 'a line break in a name', archive: () => archiveOf(journal('a\nb')), says: /a\\nb/ },
  { what: 'a C1 control in a name', archive: () => archiveOf(journal('\u009b31m')), says: /\\x9b31m/ },
  { what: 'a turned name', archive: () => archiveOf(journal('a\u202egpj.sh')), says: /\\u202e/ },
  {
    what: 'a name that is not UTF-8',
    archive: () => archiveOf(journal('x', { name: Buffer.from('journal/\xff', 'latin1') })),
    says: /as cw does not write it/,
  },
  {
    what: 'a name with NUL in it',
    archive: () => archiveOf(journal('a\0b')),
    says: /as cw does not write it/,
  },
  {
    what: 'a .git in the journal',
    archive: () => archiveOf(journal('.git/config')),
    says: /no name of cw's/,
  },
  { what: 'deep folders', archive: () => archiveOf(journal('1/2/3/4/5/6/7/8/9')), says: /no name of cw's/ },
  {
    what: 'the id of a conversation that is none',
    archive: () => archiveOf({ name: 'conversations/../transcript.jsonl' }),
    says: /leaves its folder/,
  },
  {
    what: 'a header with a wrong checksum',
    archive: () => archiveOf(journal('a', { checksum: 1 })),
    says: /header of member 2 is wrong/,
    kind: 'failed',
  },
  {
    what: 'a header of old tar',
    archive: () => archiveOf(journal('a', { magic: '\0\0\0\0\0\0\0\0' })),
    says: /as cw does not write it/,
  },
  {
    what: 'a header of GNU tar',
    archive: () => archiveOf(journal('a', { magic: 'ustar  \0' })),
    says: /as cw does not write it/,
  },
  {
    what: 'something hidden in a header',
    archive: () => archiveOf(journal('a', { bytes: { 505: 65 } })),
    says: /as cw does not write it/,
  },
  {
    what: 'a file for all to run',
    archive: () => archiveOf(journal('a', { mode: 0o4777 })),
    says: /as cw does not write it/,
  },
  {
    what: 'another owner',
    archive: () => archiveOf(journal('a', { uid: 1000 })),
    says: /as cw does not write it/,
  },
  {
    what: 'an owner with a name',
    archive: () => archiveOf(journal('a', { uname: 'root' })),
    says: /as cw does not write it/,
  },
  { what: 'a time', archive: () => archiveOf(journal('a', { mtime: 1 })), says: /as cw does not write it/ },
  {
    what: 'a size in another form',
    archive: () => archiveOf(journal('a', { size: base256(1) })),
    says: /as cw does not write it/,
  },
  {
    what: 'a size below zero',
    archive: () => archiveOf(journal('a', { size: Buffer.alloc(12, 0xff) })),
    says: /without a size/,
  },
  {
    what: 'a size that no number holds',
    archive: () =>
      archiveOf(journal('a', { size: Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0xff)]) })),
    says: /is wrong/,
    kind: 'failed',
  },
  {
    what: 'a size that is none',
    archive: () => archiveOf(journal('a', { size: Buffer.from('xxxxxxxxxxx\0') })),
    says: /without a size/,
  },
  {
    what: 'a size beyond its end',
    archive: () => archiveOf(journal('a', { size: 100_000 })),
    says: /cut off/,
    kind: 'failed',
  },
  {
    what: 'a member that is too large',
    archive: () =>
      archiveOf({ name: memberName.origin(conversation), size: 70_000, data: Buffer.alloc(70_000) }),
    says: /it takes at most 64 kB/,
  },
  {
    what: 'a member of 8 GB that is not there',
    archive: () => archiveOf({ name: memberName.commits, size: 8 * 1024 ** 3 - 1 }),
    says: /it takes at most 4 GB/,
  },
  {
    what: 'more members than any has',
    archive: () => archiveOf(...Array.from({ length: 40 }, (_, at) => journal(`${at}`))),
    says: /more than 40 members/,
  },
  {
    what: 'more bytes than any has',
    archive: () =>
      archiveOf(...Array.from({ length: many }, (_, at) => journal(`${at}`, { data: noise(2 << 20) }))),
    says: /holds more than 4 MB/,
  },
  {
    what: 'a bomb',
    archive: () => archiveOf(journal('a', { data: Buffer.alloc(3 << 20) })),
    says: /250 times its size/,
  },
  {
    what: 'a bomb behind its end',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry])], Buffer.alloc(3 << 20))),
    says: /behind its end|250 times/,
  },
  {
    what: 'a bomb in a chunk of text',
    archive: () => archiveOf({ name: blobOf('x').name, data: gzipSync(Buffer.alloc(1 << 20)) }),
    says: /to more than 65536 bytes/,
  },
  {
    what: 'a chunk of another text',
    archive: () => archiveOf({ ...blobOf('a'), data: blobOf('b').data }),
    says: /another text than its name says/,
  },
  {
    what: 'a chunk that is no gzip',
    archive: () => archiveOf({ ...blobOf('a'), data: Buffer.from('text') }),
    says: /does not unpack/,
  },
  {
    what: 'something hidden behind a member',
    archive: () => archiveOf(journal('a', { padding: 1 })),
    says: /hidden behind journal\/a/,
  },
  {
    what: 'something behind its end',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry])], Buffer.alloc(1536))),
    says: /behind its end/,
  },
  {
    what: 'a member behind its manifest',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry]), journal('a')])),
    says: /hidden behind its manifest/,
  },
  {
    what: 'an end before its manifest',
    archive: () => packed(tarOf([formatEntry, snapshot])),
    says: /without a manifest/,
  },
  {
    what: 'no end',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry])], Buffer.alloc(0))),
    says: /cut off/,
    kind: 'failed',
  },
  {
    what: 'half an end',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry])], Buffer.alloc(512))),
    says: /cut off/,
    kind: 'failed',
  },
  {
    what: 'another first member',
    archive: () => packed(tarOf([snapshot, formatEntry, manifestEntry([snapshot, formatEntry])])),
    says: /it begins with snapshot\.json/,
  },
  {
    what: 'nothing of ours',
    archive: () => packed(tarOf([{ name: 'README', data: Buffer.from('hi') }])),
    says: /no claude-workspaces archive: it begins with "README"/,
  },
  { what: 'no tar', archive: () => packed(Buffer.alloc(2000, 'text ')), says: /not packed with tar/ },
  { what: 'no gzip', archive: () => Buffer.alloc(2000, 'text '), says: /not packed with gzip/ },
  {
    what: 'tar without gzip',
    archive: () => tarOf([formatEntry, manifestEntry([formatEntry])]),
    says: /not packed with gzip/,
  },
  { what: 'nothing', archive: () => Buffer.alloc(0), says: /cut off/, kind: 'failed' },
  {
    what: 'another kind',
    archive: () => withFormat('{"format":1,"kind":"backup","cw":"1"}'),
    says: /its format\.json says something else/,
  },
  {
    what: 'a format that is no JSON',
    archive: () => withFormat('{"format":'),
    says: /format\.json that is no JSON/,
  },
  {
    what: 'a format that is not UTF-8',
    archive: () => withFormat(Buffer.from('"\xff"', 'latin1')),
    says: /no JSON/,
  },
  {
    what: 'a format of later',
    archive: () => withFormat('{"format":2,"kind":"claude-workspaces archive","cw":"3.1.0"}'),
    says: /was written by cw 3\.1\.0 in format 2; this cw \(\S+\) reads format 1/,
  },
  {
    what: 'a version that acts on the terminal',
    archive: () => withFormat('{"format":2,"kind":"claude-workspaces archive","cw":"\\u001b[2J"}'),
    says: /by cw \\x1b\[2J in/,
  },
  {
    what: 'a manifest of another format',
    archive: () => withManifest((manifest) => ({ ...manifest, format: 2 })),
    says: /manifest that is not as it has to be/,
  },
  {
    what: 'a manifest that is a list',
    archive: () => withManifest(() => []),
    says: /manifest that is not as it has to be/,
  },
  {
    what: 'a manifest of deep lists',
    archive: () =>
      packed(
        tarOf([
          formatEntry,
          { name: 'manifest.json', data: Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)) },
        ]),
      ),
    says: /manifest that is not as it has to be/,
  },
  {
    what: 'a manifest that misses a member',
    archive: () => withManifest((manifest) => ({ ...manifest, members: manifest.members.slice(0, 1) })),
    says: /holds snapshot\.json, which its manifest does not list/,
  },
  {
    what: 'a manifest with one more',
    archive: () =>
      withManifest((manifest) => ({
        ...manifest,
        members: [...manifest.members, { ...manifest.members[0], name: '\x1b[2J' }],
      })),
    says: /does not hold \\x1b\[2J/,
  },
  {
    what: 'a manifest that lists one twice',
    archive: () =>
      withManifest((manifest) => ({ ...manifest, members: [...manifest.members, manifest.members[1]] })),
    says: /or twice/,
  },
  {
    what: 'a manifest in another order',
    archive: () => withManifest((manifest) => ({ ...manifest, members: manifest.members.toReversed() })),
    says: /another order/,
  },
  {
    what: 'a wrong checksum',
    archive: () =>
      withManifest((manifest) => ({
        ...manifest,
        members: manifest.members.map((one) => ({ ...one, sha256: '0'.repeat(64) })),
      })),
    says: /is not what its manifest says/,
    kind: 'failed',
  },
  {
    what: 'a wrong size in the manifest',
    archive: () =>
      withManifest((manifest) => ({
        ...manifest,
        members: manifest.members.map((one) => ({ ...one, bytes: one.bytes + 1 })),
      })),
    says: /is not what its manifest says/,
    kind: 'failed',
  },
  {
    what: 'a second archive behind it',
    archive: () => Buffer.concat([good(), good()]),
    says: /a second archive/,
  },
  {
    what: 'something behind the gzip',
    archive: () => Buffer.concat([good(), Buffer.from('x')]),
    says: /something behind its end/,
  },
  {
    what: 'zeros behind the gzip',
    archive: () => Buffer.concat([good(), Buffer.alloc(300_000)]),
    says: /something behind its end/,
  },
  {
    what: 'a wrong checksum of gzip',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry])]), { crc: 1 }),
    says: /its checksum is wrong/,
    kind: 'failed',
  },
  {
    what: 'a wrong size of gzip',
    archive: () => packed(tarOf([formatEntry, manifestEntry([formatEntry])]), { size: 1 }),
    says: /its checksum is wrong/,
    kind: 'failed',
  },
  {
    what: 'a gzip with a name',
    archive: () =>
      Buffer.concat([
        Buffer.from([31, 139, 8, 8, 0, 0, 0, 0, 0, 255]),
        Buffer.from('x\0'),
        good().subarray(10),
      ]),
    says: /another program/,
  },
  {
    what: 'a gzip of another program',
    archive: () => gzipSync(tarOf([formatEntry, manifestEntry([formatEntry])])),
    says: /another program/,
  },
];

/** Bytes that do not pack, the same each time. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE((state ^ (state >>> 15)) >>> 0, at);
  }
  return bytes;
}
