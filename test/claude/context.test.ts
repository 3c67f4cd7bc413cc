import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ContextMemory,
  ContextReader,
  contextSteps,
  full,
  modelOf,
  nearlyFull,
  parseContextMemory,
} from '../../src/claude/context.js';
import type { Drained } from '../../src/claude/intake.js';
import type { AgentRow } from '../../src/claude/overview.js';
import { contextShare } from '../../src/claude/usage.js';
import { sandbox } from '../support/sandbox.js';

const shares = (share: number | null) => new Map([['a', share]]);

/** What is told of one conversation whose context fills like this. */
function told(...steps: (number | null)[]): string {
  let memory: ContextMemory = {};
  return steps
    .map((share) => {
      const step = contextSteps(memory, shares(share));
      memory = step.memory;
      return step.warn.length > 0 ? 'warn' : step.full.length > 0 ? 'full' : '-';
    })
    .join(' ');
}

describe('a context that fills', () => {
  it.each([
    [[0.79, 0.8, 0.9, 0.94, 0.95, 0.99], '- warn - - full -'],
    // At once, and back below the line by a little: nothing is told twice.
    [[0.97, 0.9, 0.96, 0.75, 0.82], 'full - - - -'],
    [[0.85, null, 0.85], 'warn - warn'],
    [[0.96, 0.1, 0.96], 'full - full'],
  ])('%j is told as %s', (steps, words) => {
    expect(told(...steps)).toBe(words);
  });

  it('is told once for each time that it fills, whatever comes between', () => {
    const step = fc.oneof(fc.double({ min: 0, max: 2, noNaN: true }), fc.constant(null));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let memory: ContextMemory = {};
        let since: string[] = [];
        for (const share of steps) {
          const one = contextSteps(parseContextMemory(JSON.stringify(memory)), shares(share));
          memory = one.memory;
          if (share === null || share < nearlyFull) expect([one.warn, one.full]).toEqual([[], []]);
          if (share === null || share < 0.7) since = [];
          since.push(...one.warn.map(() => 'warn'), ...one.full.map(() => 'full'));
          expect(['', 'warn', 'full', 'warn,full']).toContain(since.join());
          if (share !== null && share >= full) expect(since).toContain('full');
        }
      }),
    );
  });

  it('is remembered while its agent does not run, for the last two hundred', () => {
    const { memory } = contextSteps({}, shares(0.85));
    expect(contextSteps(contextSteps(memory, new Map()).memory, shares(0.86)).warn).toEqual([]);
    const many = new Map(Array.from({ length: 500 }, (_, at) => [`c${at}`, 0.85] as const));
    expect(Object.keys(contextSteps(memory, many).memory)).toHaveLength(200);
    for (const text of ['', '{', '[]', 'null', '{"a":5}', null]) expect(parseContextMemory(text)).toEqual({});
  });
});

function answer(tokens: number, model = 'claude-opus-4-6', id = 'm1') {
  const usage = { input_tokens: 10, cache_read_input_tokens: tokens - 30, output_tokens: 20 };
  return `${JSON.stringify({ type: 'assistant', message: { id, role: 'assistant', model, content: [], usage } })}\n`;
}

describe('how full a context is', () => {
  it('goes by what the user says of a model, the most exact word first', async () => {
    const path = sandbox().file('a.jsonl', answer(100_000));
    expect(await contextShare(path)).toMatchObject({ window: 200_000, share: 0.5, known: true });
    expect(await contextShare(path, 'opus[1m]')).toMatchObject({ window: 1_000_000 });
    expect(
      await contextShare(path, null, { opus: 400_000, 'opus-4-6': 125_000, sonnet: 1000 }),
    ).toMatchObject({
      window: 125_000,
      share: 0.8,
    });
    expect(await contextShare(path, 'opus[1m]', { '[1m]': 500_000 })).toMatchObject({ window: 500_000 });
    const unknown = sandbox().file('b.jsonl', answer(50_000, 'my-model'));
    expect(await contextShare(unknown)).toMatchObject({ window: 200_000, known: false });
    expect(await contextShare(unknown, null, { 'my-model': 64_000 })).toMatchObject({
      window: 64_000,
      known: true,
    });
  });

  it('is read of living agents, again only where something was written', async () => {
    const world = sandbox();
    const path = world.file('a.jsonl', answer(100_000));
    const row = (conversation: string, state: AgentRow['state']) => ({ conversation, state }) as AgentRow;
    const known = { flags: ['--model', 'opus[1m]'], configDir: null, cwd: world.home };
    const id = '7d0f5a7e-1111-4222-8333-abcdefabcdef';
    const drained = {
      agents: new Map([['a', { transcript: path }]]),
      registry: {
        conversations: new Map([
          ['a', known],
          [id, known],
        ]),
      },
      facts: { env: world.env },
    } as unknown as Drained;
    let windows: Record<string, number> | null = null;
    const reader = new ContextReader(() => windows);
    const rows = [row('a', 'working'), row(id, 'idle'), row('b', 'exited')];
    const first = await reader.read(rows, drained);
    expect([...first.keys()]).toEqual(['a', id]);
    expect(first.get('a')).toMatchObject({ tokens: 100_000, window: 1_000_000 });
    expect(first.get(id)).toBeNull();
    expect((await reader.read(rows, drained)).get('a')).toBe(first.get('a'));
    windows = { opus: 125_000 };
    expect((await reader.read(rows, drained)).get('a')).toMatchObject({ share: 0.8 });
    appendFileSync(path, answer(110_000, 'claude-opus-4-6', 'm2'));
    expect((await reader.read(rows, drained)).get('a')).toMatchObject({ tokens: 110_000 });
    // Without a word of its events it is where it was started.
    const slug = world.home.replace(/[^A-Za-z0-9]/g, '-');
    world.file(`.claude/projects/${slug}/${id}.jsonl`, answer(25_000));
    expect((await reader.read(rows, drained)).get(id)).toMatchObject({ share: 0.2 });
    writeFileSync(join(world.home, 'a.jsonl'), '');
    expect((await reader.read(rows, drained)).get('a')).toBeNull();
  });

  it('is of the model that was asked for', () => {
    expect(modelOf(['--verbose', '--model', 'opus[1m]'])).toBe('opus[1m]');
    expect(modelOf(['--model=sonnet'])).toBe('sonnet');
    expect(modelOf(['--model'])).toBeNull();
    expect(modelOf([])).toBeNull();
  });
});
