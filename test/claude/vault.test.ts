import {
  appendFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { findTranscripts, transcriptPath } from '../../src/claude/slug.js';
import {
  expiring,
  inVault,
  listVault,
  restoreFromVault,
  retentionDays,
  vaultAll,
  vaultFolder,
} from '../../src/claude/vault.js';
import { FileLayer } from '../../src/system/file-layer.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';

const id = '3f2a0000-0000-4000-8000-000000000001';
const other = '3f2a0000-0000-4000-8000-000000000002';
const prompt = (text: string) => `${JSON.stringify({ type: 'user', message: { content: text } })}\n`;

let world: Sandbox;
let claude: string;
let vault: string;
let project: string;
let transcript: string;
const source = () => ({ conversation: id, cwd: project, configDir: null });
const copy = () => readFileSync(join(vault, id, 'transcript.jsonl'), 'utf8');

beforeEach(() => {
  world = sandbox();
  claude = join(world.home, '.claude');
  vault = vaultFolder(join(world.folder, 'state'));
  project = join(world.home, 'shop');
  mkdirSync(project);
  transcript = transcriptPath(claude, project, id);
  mkdirSync(dirname(transcript), { recursive: true });
  writeFileSync(transcript, prompt('one'));
});

const run = (files?: FileLayer) => vaultAll(vault, [source()], { env: world.env, ...(files && { files }) });

describe('the vault', () => {
  it('copies a transcript and what its subagents wrote, for the user alone', async () => {
    const agents = join(transcript.slice(0, -6), 'subagents');
    mkdirSync(agents, { recursive: true });
    writeFileSync(join(agents, 'agent-a1.jsonl'), 'one\n');
    writeFileSync(join(agents, 'notes.txt'), 'no');
    expect(await run()).toEqual([
      { conversation: id, transcript, copied: prompt('one').length + 4, rewritten: false, failure: null },
    ]);
    expect(copy()).toBe(prompt('one'));
    expect(readdirSync(join(vault, id)).sort()).toEqual(['source.json', 'subagents', 'transcript.jsonl']);
    expect(readdirSync(join(vault, id, 'subagents'))).toEqual(['agent-a1.jsonl']);
    for (const [path, mode] of [
      [vault, 0o700],
      [join(vault, id), 0o700],
      [join(vault, id, 'transcript.jsonl'), 0o600],
      [join(vault, id, 'subagents/agent-a1.jsonl'), 0o600],
      [join(vault, id, 'source.json'), 0o600],
    ] as const)
      expect([path, statSync(path).mode & 0o777]).toEqual([path, mode]);
    expect(inVault(vault, id)).toMatchObject({ bytes: prompt('one').length, origin: source() });
    expect(listVault(vault).map(({ conversation }) => conversation)).toEqual([id]);
    expect(inVault(vault, '../x')).toBeNull();
  });

  it('appends what is new, and writes nothing when nothing is', async () => {
    await run();
    const { ino } = statSync(join(vault, id, 'transcript.jsonl'));
    appendFileSync(transcript, prompt('two'));
    expect((await run())[0]).toMatchObject({ copied: prompt('two').length, rewritten: false });
    expect(copy()).toBe(prompt('one') + prompt('two'));
    expect(statSync(join(vault, id, 'transcript.jsonl')).ino).toBe(ino);
    const steps: string[] = [];
    expect((await run(new FileLayer((step) => steps.push(step))))[0]).toMatchObject({ copied: 0 });
    expect(steps).toEqual([]);
  });

  it('copies a transcript that was written anew, and keeps the copy before it', async () => {
    appendFileSync(transcript, prompt('two'));
    await run();
    writeFileSync(transcript, prompt('other'));
    expect((await run())[0]).toMatchObject({ rewritten: true, copied: prompt('other').length });
    expect(copy()).toBe(prompt('other'));
    const aside = () => readFileSync(join(vault, id, 'transcript.before.jsonl'), 'utf8');
    expect(aside()).toBe(prompt('one') + prompt('two'));
    // Of several the longest one is kept.
    writeFileSync(transcript, prompt('third'));
    await run();
    expect([copy(), aside()]).toEqual([prompt('third'), prompt('one') + prompt('two')]);
  });

  it('keeps its copy when the transcript is gone or emptied', async () => {
    await run();
    truncateSync(transcript);
    expect((await run())[0]).toMatchObject({ copied: 0, failure: null });
    rmSync(transcript);
    expect((await run())[0]).toMatchObject({ transcript: null, copied: 0, failure: null });
    expect(copy()).toBe(prompt('one'));
  });

  it('finds a transcript whose folder was moved, and follows no link in its place', async () => {
    const elsewhere = join(claude, `projects/-elsewhere/${id}.jsonl`);
    mkdirSync(dirname(elsewhere));
    cpSync(transcript, elsewhere);
    rmSync(transcript);
    expect((await run())[0]).toMatchObject({ transcript: elsewhere });
    rmSync(elsewhere);
    writeFileSync(join(world.home, 'secret'), 'secret\n');
    symlinkSync(join(world.home, 'secret'), transcript);
    await run();
    expect(copy()).toBe(prompt('one'));
  });

  it('says which conversation could not be copied, and copies the others', async () => {
    mkdirSync(join(vault, id, 'transcript.jsonl', 'in the way'), { recursive: true });
    writeFileSync(transcriptPath(claude, project, other), prompt('x'));
    const sources = [source(), { ...source(), conversation: other }];
    const [first, second] = await vaultAll(vault, sources, { env: world.env });
    expect(first?.failure).toContain('transcript.jsonl');
    expect(second).toMatchObject({ failure: null, copied: prompt('x').length });
    expect(readdirSync(join(vault, id))).toEqual(['transcript.jsonl']);
  });

  it('is a beginning of the transcript after any growth, rewriting and damage', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        size: fc.nat(400_000),
        fill: fc.string({ minLength: 1, maxLength: 1 }),
      }),
      fc.record({
        kind: fc.constant('rewrite' as const),
        size: fc.nat(400_000),
        fill: fc.string({ minLength: 1, maxLength: 1 }),
      }),
      fc.record({ kind: fc.constant('damage' as const), size: fc.nat(400_000), fill: fc.constant('\0') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        rmSync(vault, { recursive: true, force: true });
        writeFileSync(transcript, 'start\n');
        for (const { kind, size, fill } of steps) {
          const text = `${fill.repeat(size)}\n`;
          if (kind === 'append') appendFileSync(transcript, text);
          else if (kind === 'rewrite') writeFileSync(transcript, text);
          // What a stop of the machine leaves: a copy that is longer than what reached the disk of it.
          else if (existsSync(join(vault, id))) appendFileSync(join(vault, id, 'transcript.jsonl'), text);
          expect((await run())[0]?.failure).toBeNull();
          expect(copy() === readFileSync(transcript, 'utf8')).toBe(true);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('loses nothing when it is ended at any step', async () => {
    const images = join(world.folder, 'images');
    const kinds = new Set<string>();
    let step = 0;
    const files = new FileLayer((operation) => {
      kinds.add(operation);
      mkdirSync(vault, { recursive: true });
      cpSync(vault, join(images, String(step++)), { recursive: true });
    });
    const states = ['a\n'.repeat(10), 'a\n'.repeat(1_000_000), 'b\n'.repeat(10)];
    /** The step from which on a copy of at least this is there. */
    const kept: [number, string][] = [];
    for (const text of states) {
      writeFileSync(transcript, text);
      await run(files);
      kept.push([step, text]);
    }
    expect([...kinds].sort()).toEqual(['create', 'fsync', 'link', 'mkdir', 'rename', 'write']);
    expect(step).toBeGreaterThan(15);
    for (let at = 0; at < step; at++) {
      rmSync(vault, { recursive: true });
      cpSync(join(images, String(at)), vault, { recursive: true });
      const newest = kept.findLast(([from]) => from <= at)?.[1] ?? '';
      const found = ['transcript.jsonl', 'transcript.before.jsonl']
        .map((name) => join(vault, id, name))
        .flatMap((path) => (existsSync(path) ? [readFileSync(path, 'utf8')] : []));
      expect([at, newest === '' || found.some((text) => text.startsWith(newest))]).toEqual([at, true]);
      writeFileSync(transcript, states[2]!);
      expect((await run())[0]?.failure).toBeNull();
      expect([at, copy() === states[2]]).toEqual([at, true]);
    }
  });
});

describe('putting a copy back', () => {
  const restore = (folder = project, files?: FileLayer) =>
    restoreFromVault(vault, id, null, folder, { env: world.env, ...(files && { files }) });

  /** It was copied, and then Claude Code deleted its own. */
  const losing = async () => {
    const agents = join(transcript.slice(0, -6), 'subagents');
    mkdirSync(agents, { recursive: true });
    writeFileSync(join(agents, 'agent-a1.jsonl'), 'one\n');
    await run();
    rmSync(join(claude, 'projects'), { recursive: true });
  };

  it('brings it to where it is resumed from, with its subagents', async () => {
    await losing();
    expect(await restore()).toEqual({
      conversation: id,
      path: transcript,
      bytes: prompt('one').length,
      subagents: 1,
      replaced: null,
    });
    expect(readFileSync(transcript, 'utf8')).toBe(prompt('one'));
    expect(statSync(transcript).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(transcript.slice(0, -6), 'subagents/agent-a1.jsonl'), 'utf8')).toBe('one\n');
    expect(readdirSync(dirname(transcript)).sort()).toEqual([id, `${id}.jsonl`]);
  });

  it('never leaves one id under two slugs', async () => {
    await losing();
    const elsewhere = join(claude, `projects/-elsewhere/${id}.jsonl`);
    mkdirSync(dirname(elsewhere), { recursive: true });
    writeFileSync(elsewhere, '');
    await expect(restore()).rejects.toMatchObject({ kind: 'refused' });
    await expect(restore()).rejects.toThrow(elsewhere);
    expect(findTranscripts(claude, id)).toEqual([elsewhere]);
  });

  it('overwrites no transcript that has prompts, and moves one without out of the way', async () => {
    await losing();
    await restore();
    appendFileSync(transcript, prompt('newer'));
    await expect(restore()).rejects.toMatchObject({ kind: 'refused' });
    expect(readFileSync(transcript, 'utf8')).toBe(prompt('one') + prompt('newer'));
    writeFileSync(transcript, '{"type":"mode"}\n');
    expect(await restore()).toMatchObject({ replaced: `${transcript}.replaced` });
    expect(readFileSync(transcript, 'utf8')).toBe(prompt('one'));
    expect(readFileSync(`${transcript}.replaced`, 'utf8')).toBe('{"type":"mode"}\n');
  });

  it('takes itself back when another one came meanwhile', async () => {
    await losing();
    const elsewhere = join(claude, `projects/-elsewhere/${id}.jsonl`);
    const files = new FileLayer((operation, path) => {
      if (operation !== 'link' || path !== transcript) return;
      mkdirSync(dirname(elsewhere), { recursive: true });
      if (!existsSync(elsewhere)) linkSync(join(vault, id, 'transcript.jsonl'), elsewhere);
    });
    await expect(restore(project, files)).rejects.toMatchObject({ kind: 'refused' });
    expect(findTranscripts(claude, id)).toEqual([elsewhere]);
  });

  it('without a copy says so', async () => {
    await losing();
    await expect(restoreFromVault(vault, other, null, project, { env: world.env })).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  it('is whole or not there when it is ended at any step', async () => {
    await losing();
    let step = 0;
    const files = new FileLayer(() => {
      if (existsSync(transcript)) expect(readFileSync(transcript, 'utf8')).toBe(prompt('one'));
      mkdirSync(claude, { recursive: true });
      cpSync(claude, join(world.folder, 'images', String(step++)), { recursive: true });
    });
    await restore(project, files);
    for (let at = 0; at < step; at++) {
      rmSync(claude, { recursive: true });
      cpSync(join(world.folder, 'images', String(at)), claude, { recursive: true });
      await restore().catch((error: unknown) => expect(error).toMatchObject({ kind: 'refused' }));
      expect(findTranscripts(claude, id)).toEqual([transcript]);
      expect(existsSync(join(transcript.slice(0, -6), 'subagents/agent-a1.jsonl'))).toBe(true);
    }
  });
});

describe('transcripts that Claude Code is about to delete', () => {
  const day = 86_400_000;
  const now = Date.parse('2026-03-31T00:00:00Z');
  const aged = (path: string, days: number) =>
    utimesSync(path, (now - days * day) / 1000, (now - days * day) / 1000);

  it('are told by their age and its settings', () => {
    aged(transcript, 28);
    const young = transcriptPath(claude, project, other);
    writeFileSync(young, prompt('x'));
    aged(young, 20);
    writeFileSync(join(dirname(young), 'agent-1.jsonl'), '');
    aged(join(dirname(young), 'agent-1.jsonl'), 90);
    expect(expiring(claude, 3, { now })).toEqual([
      { conversation: id, path: transcript, deletedAt: '2026-04-02T00:00:00.000Z' },
    ]);
    expect(expiring(claude, 1, { now })).toEqual([]);
    writeFileSync(join(claude, 'settings.json'), '{"cleanupPeriodDays":22}');
    expect(expiring(claude, 3, { now }).map(({ conversation }) => conversation)).toEqual([id, other]);
    expect(expiring(claude, 3, { now, only: new Set([other]) })).toHaveLength(1);
    writeFileSync(join(claude, 'settings.json'), '{"cleanupPeriodDays":365}');
    expect(expiring(claude, 3, { now })).toEqual([]);
  });

  it.each([
    ['', 30],
    ['{', 30],
    ['{"cleanupPeriodDays":"7"}', 30],
    ['{"cleanupPeriodDays":-1}', 30],
    ['{"cleanupPeriodDays":0}', 0],
  ])('with settings %j it keeps them %i days', (text, days) => {
    writeFileSync(join(claude, 'settings.json'), text);
    expect(retentionDays(claude)).toBe(days);
    expect(retentionDays(join(claude, 'none'))).toBe(30);
  });
});
