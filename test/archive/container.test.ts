import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/archive/limits.js';
import { isJournalPath, MemberNames, memberName, parseMember } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { withStaging } from '../../src/archive/staging.js';
import { writeArchive } from '../../src/archive/write.js';
import {
  below,
  blobOf,
  conversation,
  each,
  manifestOf,
  pieces,
  someMembers,
  testFolder,
  write,
} from './support.js';

const inMemory = () => 'memory' as const;

describe('an archive', () => {
  it('comes back as it was written', async () => {
    const path = join(testFolder(), 'shop.tar.gz');
    const written = await write(path);
    const read = await readArchive(path, inMemory);
    expect(read.manifest).toEqual(written.manifest);
    expect(read.bytes).toBe(statSync(path).size);
    expect(written.bytes).toBe(read.bytes);
    const wanted = await contents();
    expect([...read.memory].map(([name, data]) => [name, data.toString('latin1')])).toEqual(wanted);
    expect(read.members.map(({ name }) => name)).toEqual(wanted.map(([name]) => name));
    expect(read.members[3]).toMatchObject({ kind: 'transcript', conversation, bytes: 1650 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is read by tar and gzip', async () => {
    const folder = testFolder();
    const path = join(folder, 'shop.tar.gz');
    await write(path);
    execFileSync('gzip', ['-t', path]);
    const list = execFileSync('tar', ['-tzvf', path], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    const lines = list.trimEnd().split('\n');
    expect(lines).toHaveLength(someMembers().length + 2);
    for (const line of lines) expect(line).toMatch(/^-rw------- 0\/0 +\d+ 1970-01-01 00:00 \S/);
    mkdirSync(join(folder, 'out'));
    const told = execFileSync('tar', ['-xzf', path, '-C', join(folder, 'out')], { stdio: 'pipe' });
    expect(told.toString()).toBe('');
    for (const [name, data] of await contents())
      expect([name, readFileSync(join(folder, 'out', name), 'latin1')]).toEqual([name, data]);
    expect(JSON.parse(readFileSync(join(folder, 'out/format.json'), 'utf8'))).toMatchObject({ format: 1 });
  });

  it('has the same bytes for the same members, however they are given and whatever the time is', async () => {
    const folder = testFolder();
    const sums: string[] = [];
    for (const [at, size] of [3, 4096].entries()) {
      const path = join(folder, `${at}.tar.gz`);
      const members = (await contents()).map(([name, text]) => {
        const data = Buffer.from(text!, 'latin1');
        return { name: name!, bytes: data.length, stream: () => pieces(data, size) };
      });
      await write(path, members);
      sums.push(createHash('sha256').update(readFileSync(path)).digest('hex'));
    }
    await write(join(folder, 'data.tar.gz'));
    sums.push(
      createHash('sha256')
        .update(readFileSync(join(folder, 'data.tar.gz')))
        .digest('hex'),
    );
    expect(new Set(sums).size).toBe(1);
  });

  it('takes only the first bytes of a file that grows', async () => {
    const folder = testFolder();
    const log = join(folder, 'log');
    writeFileSync(log, 'first\n');
    const path = join(folder, 'a.tar.gz');
    const members = async function* () {
      appendFileSync(log, 'more\n');
      yield { name: memberName.transcript(conversation), path: log, bytes: 6 };
    };
    await writeArchive(path, members(), manifestOf);
    const { memory } = await readArchive(path, inMemory);
    expect(memory.get(memberName.transcript(conversation))?.toString()).toBe('first\n');
  });

  it('puts members where they are wanted, each for its owner alone, and never over a file', async () => {
    const folder = testFolder();
    const path = join(folder, 'shop.tar.gz');
    await write(path);
    const out = join(folder, 'out');
    await readArchive(path, (member) =>
      member.kind === 'transcript' ? { file: join(out, member.name) } : 'skip',
    );
    const name = memberName.transcript(conversation);
    expect(below(out)).toEqual(['conversations', `conversations/${conversation}`, name].sort());
    expect(statSync(join(out, name)).mode & 0o777).toBe(0o600);
    expect(statSync(join(out, 'conversations')).mode & 0o777).toBe(0o700);

    const taken = join(folder, 'taken');
    writeFileSync(taken, 'mine');
    symlinkSync(taken, join(folder, 'link'));
    for (const file of [taken, join(folder, 'link')]) {
      const reading = readArchive(path, ({ kind }) => (kind === 'snapshot' ? { file } : 'skip'));
      await expect(reading).rejects.toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('EEXIST'),
      });
      expect(readFileSync(taken, 'utf8')).toBe('mine');
    }
  });

  it.each([
    ['shorter', 5],
    ['longer', 3],
  ])('is not written when a member becomes %s meanwhile', async (word, bytes) => {
    const folder = testFolder();
    const stream = () => pieces(Buffer.from('four'), 1);
    const writing = write(join(folder, 'a.tar.gz'), [{ name: memberName.commits, bytes, stream }]);
    await expect(writing).rejects.toMatchObject({ kind: 'failed', message: expect.stringContaining(word) });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['a name that is none', ['../x']],
    ['a name twice', [memberName.snapshot, memberName.snapshot]],
    ['two names that some disks hold for one', [memberName.journal('a.md'), memberName.journal('A.md')]],
    [
      'a name that is too long for the format',
      [memberName.journal(`${'a'.repeat(150)}/${'b'.repeat(150)}/c.md`)],
    ],
    ['what it writes itself', [memberName.format]],
  ])('is not written with %s', async (_what, names) => {
    const folder = testFolder();
    const members = names.map((name) => ({ name, data: Buffer.from('x') }));
    await expect(write(join(folder, 'a.tar.gz'), members)).rejects.toMatchObject({ kind: 'refused' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not written beyond what is read again', async () => {
    const folder = testFolder();
    const target = join(folder, 'a.tar.gz');
    const few = { ...limits, members: 5 };
    await expect(write(target, someMembers(), { limits: few })).rejects.toMatchObject({ kind: 'refused' });
    const small = { ...limits, member: { ...limits.member, commits: 1000 } };
    await expect(write(target, someMembers(), { limits: small })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(memberName.commits),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves the file of before when it fails, and nothing beside it', async () => {
    const folder = testFolder();
    const target = join(folder, 'a.tar.gz');
    await write(target);
    const before = readFileSync(target);
    const missing = { name: memberName.commits, path: join(folder, 'missing'), bytes: 3 };
    await expect(write(target, [missing])).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('missing'),
    });
    expect(readFileSync(target).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['a.tar.gz']);
  });

  it('says which folder it cannot write to', async () => {
    const target = join(testFolder(), 'missing/a.tar.gz');
    await expect(write(target)).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/^The archive .*missing\/a\.tar\.gz cannot be written: /),
      hint: expect.stringContaining('-o FILE'),
    });
  });

  it('tells how far it is', async () => {
    const path = join(testFolder(), 'a.tar.gz');
    const told: number[] = [];
    await write(path, someMembers(), { onProgress: (bytes) => told.push(bytes) });
    expect(told.at(-1)).toBeGreaterThan(1650);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    const read: [number, number][] = [];
    await readArchive(path, () => 'skip', { onProgress: (bytes, of) => read.push([bytes, of]) });
    expect(read.at(-1)).toEqual([statSync(path).size, statSync(path).size]);
  });
});

describe('the names of members', () => {
  it('are read as they are made', () => {
    const blob = 'ab'.repeat(32);
    expect(parseMember(memberName.scrollback(blob))).toMatchObject({ kind: 'scrollback', blob });
    expect(parseMember(memberName.editor(blob))).toMatchObject({ kind: 'editor', blob });
    expect(parseMember(memberName.patch(12, 'untracked'))).toMatchObject({ worktree: 12, part: 'untracked' });
    expect(parseMember(memberName.origin(conversation))).toMatchObject({ kind: 'origin', conversation });
    expect(parseMember(memberName.subagent(conversation, 'agent-a.meta.json'))).toMatchObject({
      kind: 'subagent',
      file: 'agent-a.meta.json',
    });
    expect(parseMember(memberName.journal('2026/Überblick 1.md'))).toMatchObject({
      path: '2026/Überblick 1.md',
    });
    for (const name of ['format', 'manifest', 'snapshot', 'repository', 'commits'] as const)
      expect(parseMember(memberName[name])).toMatchObject({ kind: name });
  });

  it.each([
    '',
    '.',
    'x',
    '/etc/passwd',
    'snapshot.json/',
    './snapshot.json',
    'constructor',
    '__proto__',
    `scrollback/${'A'.repeat(64)}.gz`,
    `scrollback/${'a'.repeat(63)}.gz`,
    'conversations/../transcript.jsonl',
    `conversations/${conversation.toUpperCase().replace('1', 'A')}/transcript.jsonl`,
    `conversations/${conversation}/subagents/agent-x/y.jsonl`,
    `conversations/${conversation}/subagents/x.jsonl`,
    'git/worktree-00/staged.patch',
    'git/worktree-1000/staged.patch',
    'git/worktree-0/other.patch',
    'journal/',
    'journal//a',
    'journal/a/',
    'journal/../a',
    'journal/.git/config',
    'journal/a\\b',
    'journal/a\nb',
    'journal/a\u202eb',
    'journal/a\u009bb',
    'journal/a\u200bb',
    'journal/a\ud800b',
    'journal/1/2/3/4/5/6/7/8/9',
    `journal/${'é'.repeat(101)}`,
  ])('are not %j', (name) => {
    expect(parseMember(name)).toBeNull();
  });

  it('never lead out of a folder', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', 'a', '.git', '\0', '~'),
      fc.string({ unit: 'binary' }),
    );
    const name = fc
      .tuple(
        fc.constantFrom('journal', 'git', 'conversations', 'scrollback', ''),
        fc.array(part, { maxLength: 5 }),
      )
      .map(([first, rest]) => [first, ...rest].join('/'));
    fc.assert(
      fc.property(name, (one) => {
        const member = parseMember(one);
        if (member === null) return;
        expect(join('/staging', one)).toBe(`/staging/${one}`);
        expect(one).not.toMatch(/[\p{Cc}\\]|(^|\/)\./u);
      }),
      { numRuns: 2000 },
    );
    expect(isJournalPath('a/b.md')).toBe(true);
  });

  it.each([
    ['journal/a', 'journal/a'],
    ['journal/a.md', 'journal/A.md'],
    ['journal/\u00e9', 'journal/e\u0301'],
    ['journal/stra\u00dfe', 'journal/STRASSE'],
    ['journal/\ufb01n', 'journal/fin'],
    ['journal/a', 'journal/a/b'],
    ['journal/a/b', 'journal/a'],
    ['journal/a/b', 'journal/A/c'],
  ])('%j and %j are not in one archive', (first, second) => {
    const names = new MemberNames();
    expect(names.add(first)).toBeNull();
    expect(names.add(second)).toMatch(/\w/);
  });
});

describe('a staging folder', () => {
  it('is there for the work, for its owner alone, and goes away with all that is in it', async () => {
    const parent = join(testFolder(), 'state');
    const seen = await withStaging(parent, async (folder) => {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      mkdirSync(join(folder, 'a/b'), { recursive: true });
      writeFileSync(join(folder, 'a/b/c'), 'x');
      return folder;
    });
    expect(existsSync(seen)).toBe(false);
    await expect(
      withStaging(parent, async (folder) => {
        writeFileSync(join(folder, 'x'), 'x');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(below(parent)).toEqual([]);
  });

  it('takes away those of dead processes, and no other', async () => {
    const parent = testFolder();
    const own = await withStaging(parent, async (folder) => folder.slice(parent.length + 1));
    const [, , host, pid, start] = own.split('.');
    // Pids end below 2^22 on Linux.
    const dead = `.cw-staging.${host}.4194999.1.00000000`;
    const stay = [
      `.cw-staging.${host}.${pid}.${start}.11111111`,
      `.cw-staging.ffffffffffff.4194999.1.22222222`,
      '.cw-staging.mine',
      'other',
    ];
    for (const name of [dead, ...stay]) {
      mkdirSync(join(parent, name));
      writeFileSync(join(parent, name, 'x'), 'x');
    }
    await withStaging(parent, async () => {});
    expect(readdirSync(parent).sort()).toEqual([...stay].sort());
  });

  it('says when it cannot be made', async () => {
    const file = join(testFolder(), 'file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    await expect(withStaging(join(file, 'x'), async () => {})).rejects.toMatchObject({ kind: 'failed' });
  });
});

it('chunks of text hold what their names say', async () => {
  const folder = testFolder();
  const good = blobOf('good\n');
  const path = join(folder, 'a.tar.gz');
  await write(path, [good, { ...blobOf('bad\n'), data: good.data }]);
  const out = join(folder, 'out');
  await expect(
    withStaging(out, (staging) => readArchive(path, ({ name }) => ({ file: join(staging, name) }))),
  ).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('another text') });
  expect(below(out)).toEqual([]);
});

async function contents(): Promise<(readonly [string, string])[]> {
  const all: (readonly [string, string])[] = [];
  for await (const source of each(someMembers())) {
    const parts: Uint8Array[] = [];
    if ('data' in source) parts.push(source.data);
    else if ('stream' in source) for await (const part of source.stream()) parts.push(part);
    all.push([source.name, Buffer.concat(parts).toString('latin1')]);
  }
  return all;
}
