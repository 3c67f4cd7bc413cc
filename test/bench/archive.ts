import { execFileSync, spawnSync } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Manifest, ManifestEntry } from '../../src/archive/manifest.js';
import { memberName } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { Redactor } from '../../src/archive/redact.js';
import { withStaging } from '../../src/archive/staging.js';
import { type MemberSource, readPart, writeArchive } from '../../src/archive/write.js';
import { comparison, inTurn, process as program, type Row } from './measure.js';

/**
 * Archives of scrollback and transcripts, against `tar -czf` and `tar -xzf` of the same files. What is written is
 * redacted, what is read is checked and goes to files; the peak of memory is that of a process of its own.
 *
 * @param megabytes of files that are timed
 * @param most megabytes of the one whose memory is measured
 */
export async function archiveRows(runs: number, megabytes = 100, most = 1000): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cw-bench-archive-'));
  try {
    const files = makeFiles(join(folder, 'files'), megabytes);
    const ours = join(folder, 'ours.tar.gz');
    const theirs = join(folder, 'theirs.tar.gz');
    const out = join(folder, 'out');
    const names = files.map(({ name }) => name);
    writeFileSync(join(folder, 'names'), names.join('\n'));
    const tar = ['-C', join(folder, 'files'), '-T', join(folder, 'names')];
    const written = await inTurn(
      () => writeFiles(ours, files),
      program('tar', ['-czf', theirs, ...tar]),
      runs,
    );
    const empty = () => {
      rmSync(out, { recursive: true, force: true });
      mkdirSync(out);
    };
    const read = await inTurn(
      () => readFiles(ours, out),
      program('tar', ['-xzf', theirs, '-C', out]),
      runs,
      empty,
    );
    const what = `${megabytes} MB of scrollback and transcripts`;
    return [
      comparison(`write an archive of ${what}`, 'tar -czf', 1.3, written),
      comparison(`read an archive of ${what}`, 'tar -xzf', 1.5, read),
      ...peaks(folder, most),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a process of its own does for `peaks`: `archive-peak write|read FOLDER MEGABYTES`. */
export async function archivePeak([what, folder = '', megabytes = '0']: readonly string[]): Promise<void> {
  const target = join(folder, 'peak.tar.gz');
  if (what === 'write') {
    const bytes = Number(megabytes) * 1_000_000;
    await writeArchive(target, transcripts(bytes), manifestOf);
  } else await readFiles(target, join(folder, 'peak'));
  process.stdout.write(`${process.resourceUsage().maxRSS / 1024}\n`);
}

function peaks(folder: string, megabytes: number): Row[] {
  mkdirSync(join(folder, 'peak'));
  return ['write', 'read'].map((what): Row => {
    const done = spawnSync(
      process.execPath,
      [process.argv[1]!, 'archive-peak', what, folder, `${megabytes}`],
      {
        encoding: 'utf8',
      },
    );
    if (done.status !== 0) throw new Error(`the process that should ${what} failed: ${done.stderr}`);
    return {
      what: `memory to ${what} an archive of ${megabytes} MB`,
      ours: Number(done.stdout),
      against: 'peak of the whole process',
      theirs: null,
      limit: 150,
      unit: 'MB',
    };
  });
}

interface BenchFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Half of it transcripts, half of it text of panes: a third as large once it is packed in chunks, as the store has it. */
function makeFiles(folder: string, megabytes: number): BenchFile[] {
  const files: BenchFile[] = [];
  const add = (name: string, data: Buffer) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
    files.push({ name, path, bytes: data.length });
  };
  let left = (megabytes / 2) * 1_000_000;
  for (let at = 0; left > 0; at++) {
    const text = textOf(at, 64 * 1024);
    add(memberName.scrollback(hash('sha256', text, 'hex')), gzipSync(text, { level: 3 }));
    left -= text.length;
  }
  for (let at = 0; at < 5; at++) {
    const id = `1111111${at}-2222-4333-8444-555555555555`;
    const parts: Buffer[] = [];
    for (let size = 0, line = 0; size < (megabytes / 10) * 1_000_000; line++) {
      parts.push(transcriptLine(at * 1000 + line));
      size += parts.at(-1)!.length;
    }
    add(memberName.transcript(id), Buffer.concat(parts));
  }
  return files;
}

const words = execFileSync('git', ['log', '-p', '-n', '200'], { maxBuffer: 1 << 30 })
  .toString('utf8')
  .slice(0, 2_000_000)
  .split('\n');

/** Lines as programs print them, others for each number. */
function textOf(number: number, bytes: number): string {
  const lines: string[] = [];
  for (let size = 0, at = number * 7919; size < bytes; at += 13) {
    const line = `\x1b[32m${at}\x1b[0m ${words[at % words.length]}`;
    lines.push(line);
    size += line.length + 1;
  }
  return `${lines.join('\n')}\n`;
}

function transcriptLine(number: number): Buffer {
  const message = { role: 'assistant', content: [{ type: 'text', text: textOf(number, 2000) }] };
  return Buffer.from(
    `${JSON.stringify({ type: 'assistant', uuid: randomBytes(16).toString('hex'), message })}\n`,
  );
}

const known = Array.from({ length: 20 }, (_, at) => ({
  name: `S${at}`,
  value: `a secret value ${at} of the bench`,
}));

/** As an export does it: transcripts are redacted on their way. */
async function writeFiles(target: string, files: readonly BenchFile[]): Promise<void> {
  const redactor = new Redactor(known);
  async function* members(): AsyncGenerator<MemberSource> {
    for (const { name, path, bytes } of files) {
      if (name.endsWith('.gz')) yield { name, path, bytes };
      else yield { name, bytes, stream: () => redactor.stream(readPart(path, bytes), { json: true }) };
    }
  }
  await writeArchive(target, members(), manifestOf);
}

async function readFiles(path: string, out: string): Promise<void> {
  await withStaging(out, (staging) => readArchive(path, ({ name }) => ({ file: join(staging, name) })));
  statSync(out);
}

/** Two transcripts of so many bytes together, made while they are written. */
async function* transcripts(bytes: number): AsyncGenerator<MemberSource> {
  const redactor = new Redactor(known);
  // More than deflate looks back, so that they do not pack as nothing does.
  const lines = Array.from({ length: 100 }, (_, number) => transcriptLine(number));
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  for (const at of [0, 1]) {
    const count = Math.floor(bytes / 2 / size);
    async function* stream() {
      for (let done = 0; done < count; done++) yield* lines;
    }
    yield {
      name: memberName.transcript(`2222222${at}-2222-4333-8444-555555555555`),
      bytes: count * size,
      stream: () => redactor.stream(stream(), { json: true }),
    };
  }
}

function manifestOf(entries: readonly ManifestEntry[]): Manifest {
  return {
    format: 1,
    cw: '0.1.0',
    tmux: null,
    host: 'bench',
    at: '2026-11-29T10:00:00.000Z',
    workspace: 'bench',
    project: '/p',
    home: '/h',
    members: [...entries],
    leftOut: [],
    redacted: [],
  };
}
