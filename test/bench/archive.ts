import { execFileSync, spawnSync } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { exportWorkspace } from '../../src/archive/export.js';
import type { Manifest, ManifestEntry } from '../../src/archive/manifest.js';
import { memberName } from '../../src/archive/members.js';
import { readArchive } from '../../src/archive/read.js';
import { Redactor } from '../../src/archive/redact.js';
import { withStaging } from '../../src/archive/staging.js';
import { type MemberSource, writeArchive } from '../../src/archive/write.js';
import { claudeFolder, transcriptPath } from '../../src/claude/slug.js';
import { blobPath } from '../../src/snapshot/blobs.js';
import type { Snapshot } from '../../src/snapshot/model.js';
import type { Registry } from '../../src/workspace/registry.js';
import { comparison, inTurn, process as program, type Row } from './measure.js';

/**
 * Archives of scrollback and transcripts, against `tar -czf` and `tar -xzf` of the same files. An export is all of one,
 * with its redaction; what is read is checked and goes to files, which is the first step of an import and not all of it.
 * The peak of memory is that of a process of its own.
 *
 * @param megabytes of files that are timed
 * @param most megabytes of the one whose memory is measured
 */
export async function archiveRows(runs: number, megabytes = 100, most = 1000): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'cw-bench-archive-'));
  try {
    const state = join(folder, 'files');
    const files = makeFiles(state, megabytes);
    const ours = join(folder, 'ours.tar.gz');
    const theirs = join(folder, 'theirs.tar.gz');
    const out = join(folder, 'out');
    const names = files.map(({ name }) => name);
    writeFileSync(join(folder, 'names'), names.join('\n'));
    const tar = ['-C', state, '-T', join(folder, 'names')];
    const written = await inTurn(
      () => exported(ours, state, files),
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
      comparison(`export ${what}`, 'tar -czf', 1.3, written),
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
  /** The name of the chunk of text, or the id of the conversation. */
  readonly id: string;
  readonly isText: boolean;
}

/** Where the bench's conversations were started; it is in no repository. */
const projectOf = (state: string) => join(state, 'project');

/** The folders of a registry and of Claude Code. Half of it transcripts, half of it text of panes: a third as large once it is packed in chunks, as the store has it. */
function makeFiles(folder: string, megabytes: number): BenchFile[] {
  const files: BenchFile[] = [];
  const add = (path: string, data: Buffer, id: string, isText: boolean) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
    files.push({ name: relative(folder, path), id, isText });
  };
  mkdirSync(projectOf(folder), { recursive: true });
  writeFileSync(
    join(projectOf(folder), '.env'),
    known.map(({ name, value }) => `${name}="${value}"\n`).join(''),
  );
  let left = (megabytes / 2) * 1_000_000;
  for (let at = 0; left > 0; at++) {
    const text = textOf(at, 64 * 1024);
    const blob = hash('sha256', text, 'hex');
    add(blobPath(folder, blob), gzipSync(text, { level: 3 }), blob, true);
    left -= text.length;
  }
  for (let at = 0; at < 5; at++) {
    const id = `1111111${at}-2222-4333-8444-555555555555`;
    const parts: Buffer[] = [];
    for (let size = 0, line = 0; size < (megabytes / 10) * 1_000_000; line++) {
      parts.push(transcriptLine(at * 1000 + line));
      size += parts.at(-1)!.length;
    }
    const path = transcriptPath(claudeFolder(null, { HOME: folder }), projectOf(folder), id);
    add(path, Buffer.concat(parts), id, false);
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
  name: `SECRET_${at}`,
  value: `a secret value ${at} of the bench`,
}));

/** By the export itself: what it finds is looked through for secrets, and packed. */
async function exported(target: string, state: string, files: readonly BenchFile[]): Promise<void> {
  const project = projectOf(state);
  const pane = (conversation: string, chunks: readonly string[]) => ({
    conversation: { conversation, cwd: project, configDir: null, prompted: true },
    scrollback: { chunks, lines: chunks.length * 1000 },
    editorSession: null,
  });
  const texts = files.filter(({ isText }) => isText).map(({ id }) => id);
  const panes = files
    .filter(({ isText }) => !isText)
    .map(({ id }, at) => [`pane${at}`, pane(id, at === 0 ? texts : [])] as const);
  const snapshot = {
    workspace: 'bench',
    at: '2026-11-29T10:00:00.000Z',
    server: { version: null },
    blueprint: { name: 'bench', path: project, environment: [], windows: [] },
    panes: Object.fromEntries(panes),
  };
  const written = await exportWorkspace({ folder: state } as Registry, {
    // The parts of one that an export reads.
    snapshot: snapshot as unknown as Snapshot,
    project,
    target,
    without: new Set(),
    includeEnv: false,
    env: { ...globalThis.process.env, HOME: state },
  });
  if (written.manifest.members.length < files.length) throw new Error('The export left something out.');
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
