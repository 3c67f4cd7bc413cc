import { appendFileSync, closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answerTo,
  digestTranscript,
  isPrompted,
  type Json,
  readLines,
  readTail,
  saidBy,
  type TranscriptLine,
  transcriptState,
  typedCommand,
} from '../../src/claude/transcripts.js';
import { sandbox } from '../support/sandbox.js';

const user = (content: unknown, more: object = {}) => ({
  type: 'user',
  message: { role: 'user', content },
  ...more,
});
const answer = (content: unknown, message: object = {}, more: object = {}) => ({
  type: 'assistant',
  message: { role: 'assistant', model: 'claude-opus-5', content, ...message },
  ...more,
});
const text = (words: string) => [{ type: 'text', text: words }];
const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

async function all(path: string, options?: Parameters<typeof readLines>[1]): Promise<TranscriptLine[]> {
  const found: TranscriptLine[] = [];
  for await (const line of readLines(path, options)) found.push(line);
  return found;
}

describe('reading lines', () => {
  it('gives each with its place, and goes on from there', async () => {
    const { file } = sandbox();
    const path = file('a.jsonl', lines({ n: 1 }, { n: 2 }));
    const [first, second] = await all(path);
    expect([first?.value, second?.value]).toEqual([{ n: 1 }, { n: 2 }]);
    appendFileSync(path, lines({ n: 3 }));
    expect((await all(path, { from: second!.end })).map(({ value }) => value)).toEqual([{ n: 3 }]);
  });

  it('passes over blank lines, and says which lines are no objects or still in the writing', async () => {
    const { file } = sandbox();
    const path = file('a.jsonl', `\n\r\n{"n":1}\r\n[1]\nnull\n{"torn":"in the mid{"n":2}\n{"n":3`);
    const found = await all(path);
    expect(found.map(({ value }) => value)).toEqual([{ n: 1 }, null, null, null, null]);
    expect(found.map(({ complete }) => complete)).toEqual([true, true, true, true, false]);
  });

  it('of no file, and of an empty one, gives none', async () => {
    const { file, home } = sandbox();
    expect(await all(join(home, 'none'))).toEqual([]);
    expect(await all(join(file('f', ''), 'below'))).toEqual([]);
    expect(await all(file('empty', ''))).toEqual([]);
  });

  it('gives back what was written, wherever the pieces are cut', async () => {
    const { home } = sandbox();
    const path = join(home, 'a.jsonl');
    const value = fc.record({ text: fc.string({ unit: 'binary' }), pad: fc.nat(200_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 8 }), fc.boolean(), async (values, ended) => {
        const written = values.map(({ text: words, pad }) => ({
          text: words,
          pad: 'é'.repeat(pad),
        }));
        const all_ = lines(...written);
        writeFileSync(path, ended ? all_ : all_.slice(0, -1));
        const found = await all(path);
        expect(found.map((line) => line.value)).toEqual(written);
        expect(found.every((line, at) => line.offset === (found[at - 1]?.end ?? 0))).toBe(true);
        expect(await readTail(path, { limit: Number.MAX_SAFE_INTEGER, enough: () => false })).toEqual(found);
      }),
      { numRuns: 30 },
    );
  });

  it('needs no more memory for a file of hundreds of megabytes, with a line that has no end', async () => {
    const { home } = sandbox();
    const path = join(home, 'huge.jsonl');
    const out = openSync(path, 'w');
    const line = Buffer.from(lines(user('x'.repeat(1000))));
    const block = Buffer.concat(Array.from({ length: 1000 }, () => line));
    for (let at = 0; at < 150; at++) writeSync(out, block);
    const junk = Buffer.alloc(4_000_000, 'a');
    for (let at = 0; at < 30; at++) writeSync(out, junk);
    writeSync(out, `\n${JSON.stringify({ type: 'mode' })}\n`);
    closeSync(out);
    const before = process.memoryUsage.rss();
    let highest = before;
    let count = 0;
    const kinds = new Set<unknown>();
    for await (const { value } of readLines(path, { wanted: (bytes) => !bytes.includes('xxxx') })) {
      highest = Math.max(highest, process.memoryUsage.rss());
      kinds.add(value?.type ?? null);
      count++;
    }
    expect([count, [...kinds]]).toEqual([2, [null, 'mode']]);
    expect((highest - before) / 1e6).toBeLessThan(200);
    expect((await readTail(path)).map(({ value }) => value)).toEqual([{ type: 'mode' }]);
  });
});

describe('the tail', () => {
  it('is read further back until it is enough', async () => {
    const { file } = sandbox();
    const path = file(
      'a.jsonl',
      lines({ wanted: true }, ...Array.from({ length: 300 }, () => ({ pad: 'x'.repeat(1000) }))),
    );
    expect((await readTail(path)).some(({ value }) => value?.wanted)).toBe(false);
    const found = await readTail(path, { enough: (read) => read.some(({ value }) => value?.wanted) });
    expect(found).toHaveLength(301);
  });
});

describe('what a line says', () => {
  it.each<[string, Json]>([
    [
      'the echo of a command',
      user('<command-name>/clear</command-name>\n<command-message>clear</command-message>'),
    ],
    ['the output of a command', user('<local-command-stdout></local-command-stdout>')],
    [
      'a caveat',
      user('Caveat: The messages below were generated by the user while running local commands. DO NOT'),
    ],
    ['a note of its own', user('anything', { isMeta: true })],
    ['a summary of what was', user('This session is being continued', { isCompactSummary: true })],
    ['the result of a tool', user([{ type: 'tool_result', tool_use_id: 't', content: 'ok' }])],
    ['the end of a background task', user('<task-notification>done</task-notification>')],
    ['a shell command', user('<bash-input>ls</bash-input>')],
    ['an interruption', user([{ type: 'text', text: '[Request interrupted by user]' }])],
    ['a subagent', user('do it', { isSidechain: true })],
    ['nothing', user('  ')],
    ['a line of an unknown kind', { type: 'brand-new', message: { content: 'hi' } }],
    ['a line without a kind', {}],
    ['a message that is none', { type: 'user', message: 'hello' }],
  ])('%s is no prompt', (_, line) => {
    expect(saidBy(line).kind).toBe('other');
  });

  it('is a prompt, an answer, a compaction or a title', () => {
    expect(saidBy(user('<div> why?'))).toEqual({ kind: 'prompt', text: '<div> why?' });
    expect(saidBy(user([...text('a'), { type: 'image' }, ...text('b')]))).toEqual({
      kind: 'prompt',
      text: 'a\nb',
    });
    expect(saidBy(user([{ type: 'image' }]))).toEqual({ kind: 'prompt', text: '[image]' });
    expect(saidBy(answer(text('yes'), { id: 'm1' }))).toMatchObject({
      kind: 'answer',
      text: 'yes',
      message: 'm1',
    });
    expect(
      saidBy({
        type: 'system',
        subtype: 'compact_boundary',
        compactMetadata: { trigger: 'auto', preTokens: 9 },
      }),
    ).toEqual({ kind: 'compacted', trigger: 'auto', tokensBefore: 9 });
    expect(saidBy({ type: 'custom-title', customTitle: 'cart' })).toEqual({
      kind: 'title',
      text: 'cart',
      by: 'user',
    });
  });

  it('is told of any object without failing', () => {
    fc.assert(
      fc.property(
        fc.object({ key: fc.constantFrom('type', 'message', 'content', 'isMeta', 'subtype') }),
        (value) => {
          for (const type of ['user', 'assistant', 'system', 'summary']) saidBy({ ...value, type });
        },
      ),
    );
  });
});

describe('whether a conversation was prompted', () => {
  it('without a file: it was not, and it can be started', async () => {
    const { home } = sandbox();
    expect(await transcriptState(join(home, 'none'))).toBe('absent');
  });

  it.each([
    ['an empty file', ''],
    [
      'mode lines alone',
      lines({ type: 'mode', mode: 'plan' }, { type: 'permission-mode', permissionMode: 'plan' }),
    ],
    [
      'what /clear leaves',
      lines(
        user('Caveat: The messages below were generated by the user while running local commands.', {
          isMeta: true,
        }),
        user('<command-name>/clear</command-name>'),
      ),
    ],
    [
      'an answer of the program itself',
      lines(answer(text('No response requested.'), { model: '<synthetic>' })),
    ],
    ['a torn prompt', '{"type":"user","message":{"role":"user","content":"he'],
  ])('%s: it was not, and it can be neither started nor resumed', async (_, content) => {
    const { file } = sandbox();
    expect(await transcriptState(file('a.jsonl', content))).toBe('unprompted');
  });

  it.each([
    ['a prompt', lines({ type: 'mode' }, user('hello'))],
    ['a prompt of blocks', lines(user(text('hello')))],
    [
      'an answer to a command of the user',
      lines(user('<command-name>/review</command-name>'), answer(text('ok'))),
    ],
    ['a prompt and a torn line', `${lines(user('hello'))}{"type":"assis`],
  ])('%s: it was', async (_, content) => {
    const { file } = sandbox();
    expect(await isPrompted(file('a.jsonl', content))).toBe(true);
  });
});

describe('the digest of a transcript', () => {
  it('tells times, titles, counts, files and the last answer', async () => {
    const { file } = sandbox();
    const at = (second: number) => ({
      timestamp: `2026-03-01T10:00:0${second}.000Z`,
      version: '2.1.0',
      cwd: '/p',
    });
    const edit = { type: 'tool_use', name: 'Edit', input: { file_path: '/p/a.ts' } };
    const path = file(
      'a.jsonl',
      `${lines(
        { type: 'summary', summary: 'Old work' },
        user('first\nof two lines', at(1)),
        answer([edit], { id: 'm1' }, at(2)),
        answer(text('done'), { id: 'm2' }, at(3)),
        { type: 'system', subtype: 'compact_boundary', ...at(4) },
        user('second', at(5)),
        answer(text('part one'), { id: 'm3' }, at(6)),
        answer(text('part two'), { id: 'm3' }, at(7)),
        answer(
          [{ ...edit, name: 'Read', input: { file_path: '/p/b.ts' } }],
          { id: 'm4' },
          { ...at(8), version: '2.2.0' },
        ),
      )}{"torn`,
    );
    expect(await digestTranscript(path)).toMatchObject({
      state: 'prompted',
      firstAt: '2026-03-01T10:00:01.000Z',
      lastAt: '2026-03-01T10:00:08.000Z',
      title: 'Old work',
      firstPrompt: 'first\nof two lines',
      lastPrompt: 'second',
      lastAnswer: 'part one\npart two',
      prompts: 2,
      answers: 4,
      compactions: 1,
      unreadable: 1,
      versions: ['2.1.0', '2.2.0'],
      cwd: '/p',
      files: ['/p/a.ts'],
    });
    appendFileSync(path, `\n${lines({ type: 'custom-title', customTitle: 'cart' })}`);
    expect((await digestTranscript(path)).title).toBe('cart');
  });

  it('of nothing says so', async () => {
    const { file, home } = sandbox();
    expect(await digestTranscript(join(home, 'none'))).toMatchObject({
      state: 'absent',
      title: null,
      prompts: 0,
    });
    expect(await digestTranscript(file('empty', ''))).toMatchObject({
      state: 'unprompted',
      lastAnswer: null,
    });
  });
});

describe('the answer to a prompt', () => {
  const isIt = (prompt: string) => prompt === 'again';
  it('is what stands behind its last line, and not an older one', async () => {
    const { file, home } = sandbox();
    const old = lines(user('again'), answer(text('old'), { id: 'm1' }));
    const path = file('t.jsonl', old);
    // Before it is written the old answer is none to it.
    expect(await answerTo(path, old.length, isIt)).toBe(null);
    appendFileSync(path, lines(user('again')));
    expect(await answerTo(path, old.length, isIt)).toBe(null);
    expect(await answerTo(path, 0, isIt)).toBe(null);
    appendFileSync(
      path,
      lines(
        answer(text('part one'), { id: 'm2' }),
        answer([{ type: 'tool_use', name: 'Bash', input: {} }], { id: 'm2' }),
        answer(text('a subagent'), { id: 'm4' }, { isSidechain: true }),
        answer(text('part two'), { id: 'm3' }),
        answer(text('and more'), { id: 'm3' }),
      ),
    );
    expect(await answerTo(path, old.length, isIt)).toBe('part two\nand more');
    appendFileSync(path, lines(user('another'), answer(text('to the other'), { id: 'm5' })));
    expect(await answerTo(path, 0, (prompt) => prompt === 'another')).toBe('to the other');
    expect(await answerTo(join(home, 'none'), 0, isIt)).toBe(null);
  });

  it('that was taken up in the middle of a turn counts too', async () => {
    const { file } = sandbox();
    const path = file(
      't.jsonl',
      lines(
        user('work'),
        { type: 'queue-operation', operation: 'enqueue', content: 'again' },
        { type: 'attachment', attachment: { type: 'queued_command', prompt: 'again' } },
        answer(text('both done'), { id: 'm1' }),
      ),
    );
    expect(await answerTo(path, 0, isIt)).toBe('both done');
  });
});

it.each([
  [
    '/clear',
    user(
      '<command-name>/clear</command-name>\n<command-message>clear</command-message>\n<command-args></command-args>',
    ),
  ],
  ['/model opus 5', user('<command-name>/model</command-name><command-args>opus 5</command-args>')],
  ['!ls -l', user('<bash-input>ls -l</bash-input>')],
  [null, user('<bash-stdout>ls</bash-stdout>')],
  [null, user('<command-name>/clear</command-name>', { isMeta: true })],
  [null, user('/clear')],
  [null, answer(text('<command-name>/clear</command-name>'))],
])('a command as it was typed: %s', (typed, line) => {
  expect(typedCommand(line)).toBe(typed);
});
