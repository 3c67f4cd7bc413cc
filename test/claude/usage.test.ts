import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextShare, dollarsOf, usageByDay, usageOf } from '../../src/claude/usage.js';
import { sandbox } from '../support/sandbox.js';

const tokens = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
const million = 1_000_000;

interface Used {
  readonly id?: string;
  readonly model?: string;
  readonly input?: number;
  readonly output?: number;
  readonly write?: number;
  readonly hour?: number;
  readonly read?: number;
}

const answer = (used: Used, more: object = {}) => ({
  type: 'assistant',
  message: {
    id: used.id,
    model: used.model ?? 'claude-opus-4-6',
    content: [{ type: 'text', text: 'yes' }],
    usage: {
      input_tokens: used.input ?? 0,
      output_tokens: used.output ?? 0,
      cache_creation_input_tokens: used.write ?? 0,
      cache_read_input_tokens: used.read ?? 0,
      ...(used.hour !== undefined && { cache_creation: { ephemeral_1h_input_tokens: used.hour } }),
    },
  },
  ...more,
});
const prompt = (second: number, more: object = {}) => ({
  type: 'user',
  message: { content: 'go on' },
  timestamp: `2026-03-01T10:00:${second}.000Z`,
  ...more,
});
const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

describe('the price of tokens', () => {
  it.each([
    ['claude-opus-4-6', { input: million }, 5],
    ['claude-opus-4-1-20250805', { output: million }, 75],
    ['claude-opus-4-20250514', { cacheRead: million }, 1.5],
    ['claude-sonnet-4-5-20250929', { cacheWrite5m: million }, 3.75],
    ['claude-sonnet-5', { cacheWrite1h: million }, 4],
    ['us.anthropic.claude-opus-4-6-v1:0', { input: million }, 5],
    ['claude-opus-4-6[1m]', { input: million }, 5],
    ['claude-haiku-5-5', { input: 100_000 }, 0.01],
    ['claude-haiku-5-5', { input: 50_000, cacheRead: 50_001 }, 0.02750005],
  ])('of %s is the listed one', (model, used, dollars) => {
    expect(dollarsOf(model, { ...tokens, ...used })).toBeCloseTo(dollars, 8);
  });

  it.each(['claude-opus-4-9', 'claude-opus-50', 'claude-next', 'gpt-9', '', 'constructor', 'claude-'])(
    'of %j is not known, and not guessed',
    (model) => expect(dollarsOf(model, { ...tokens, input: 1 })).toBeNull(),
  );
});

describe('what a conversation used', () => {
  it('counts an answer once, by its last line, however many lines it has', async () => {
    const { file } = sandbox();
    const path = file(
      'a.jsonl',
      lines(
        prompt(10),
        answer({ id: 'm1', input: 10, output: 1 }, { timestamp: '2026-03-01T10:00:12.000Z' }),
        {
          type: 'user',
          message: { content: [{ type: 'tool_result' }] },
          timestamp: '2026-03-01T10:00:13.000Z',
        },
        answer({ id: 'm1', input: 10, output: 7 }, { timestamp: '2026-03-01T10:00:14.000Z' }),
        prompt(30),
        answer({ id: 'm2', input: 1, write: 5, hour: 2, read: 3 }, { timestamp: '2026-03-01T10:00:31.000Z' }),
        answer({ model: '<synthetic>', input: 99 }),
      ),
    );
    const usage = await usageOf([path]);
    expect(usage.tokens).toEqual({ input: 11, output: 7, cacheWrite5m: 3, cacheWrite1h: 2, cacheRead: 3 });
    expect(usage).toMatchObject({ turns: 2, workedMs: 5000, unpriced: [] });
    expect(usage.dollars).toBeCloseTo((11 * 5 + 7 * 25 + 3 * 6.25 + 2 * 10 + 3 * 0.5) / million, 12);
    expect(usage.firstAt).toBe('2026-03-01T10:00:10.000Z');
  });

  it('adds up any lines to what they say, each id once', async () => {
    const { file } = sandbox();
    const used = fc.record({
      id: fc.integer({ min: 0, max: 200 }),
      input: fc.nat(1000),
      output: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(used, { selector: ({ id }) => id, maxLength: 150 }), async (all) => {
        const written = all.map((one) => answer({ ...one, id: `m${one.id}` }));
        const path = file('a.jsonl', lines(...written.flatMap((line) => [line, line])));
        const usage = await usageOf([path]);
        expect(usage.tokens.input).toBe(all.reduce((sum, { input }) => sum + input, 0));
        expect(usage.tokens.output).toBe(all.reduce((sum, { output }) => sum + output, 0));
      }),
      { numRuns: 25 },
    );
  });

  it('counts what a fork copied from its parent once, and its subagents too', async () => {
    const { file } = sandbox();
    const copied = answer({ id: 'm1', input: 10 }, { forkedFrom: { sessionId: 'p' } });
    const parent = file('parent.jsonl', lines(prompt(10), answer({ id: 'm1', input: 10 })));
    const fork = file(
      'fork.jsonl',
      lines(
        prompt(10, { forkedFrom: { sessionId: 'p' } }),
        copied,
        prompt(20),
        answer({ id: 'm2', input: 1 }),
      ),
    );
    const subagent = file(
      'agent-1.jsonl',
      lines(prompt(21), answer({ id: 's1', input: 100 }, { isSidechain: true })),
    );
    const counted = new Set<string>();
    expect((await usageOf([parent], { counted })).tokens.input).toBe(10);
    expect(await usageOf([fork, subagent], { counted })).toMatchObject({ tokens: { input: 101 }, turns: 1 });
  });

  it('says which model has no known price, and gives no sum then', async () => {
    const { file } = sandbox();
    const path = file(
      'a.jsonl',
      lines(answer({ id: 'a', input: 5 }), answer({ id: 'b', model: 'claude-next', input: 5 })),
    );
    const usage = await usageOf([path]);
    expect(usage).toMatchObject({ dollars: null, unpriced: ['claude-next'], tokens: { input: 10 } });
    expect(usage.models.find(({ model }) => model === 'claude-opus-4-6')?.dollars).toBeCloseTo(
      25 / million,
      12,
    );
  });

  it('takes no number that is none', async () => {
    const { file } = sandbox();
    const odd = {
      type: 'assistant',
      message: { id: 'm', model: 'x', usage: { input_tokens: '9', output_tokens: -5 } },
    };
    expect((await usageOf([file('a.jsonl', lines(odd, { type: 'assistant' }))])).tokens).toEqual(tokens);
  });
});

describe('how full the context is', () => {
  it('is told by the newest answer to the user', async () => {
    const { file, home } = sandbox();
    expect(await contextShare(join(home, 'none'))).toBeNull();
    const path = file('a.jsonl', lines(prompt(10)));
    expect(await contextShare(path)).toBeNull();
    appendFileSync(path, lines(answer({ id: 'm', input: 1000, write: 9000, read: 148_000, output: 2000 })));
    appendFileSync(
      path,
      lines(
        answer({ id: 's', read: 5 }, { isSidechain: true }),
        ...Array(200).fill({ pad: 'x'.repeat(2000) }),
      ),
    );
    expect(await contextShare(path)).toEqual({
      tokens: 160_000,
      window: 200_000,
      share: 0.8,
      model: 'claude-opus-4-6',
      known: true,
    });
    // Asked for with the large window.
    expect((await contextShare(path, 'opus[1m]'))?.share).toBe(0.16);
    appendFileSync(path, lines(answer({ id: 'm', read: 300_000 })));
    expect((await contextShare(path))?.window).toBe(1_000_000);
    appendFileSync(path, lines({ type: 'system', subtype: 'compact_boundary' }));
    expect(await contextShare(path)).toBeNull();
  });

  it('of a model that is not known is a guess, and says so', async () => {
    const { file } = sandbox();
    const path = file('a.jsonl', lines(answer({ id: 'm', model: 'claude-next', read: 100_000 })));
    expect(await contextShare(path)).toMatchObject({ share: 0.5, known: false });
  });
});

describe('what was used on each day', () => {
  it('is in sum what was used, and each answer is on the day of its first line', async () => {
    const world = sandbox();
    let number = 0;
    const day = fc.integer({ min: 1, max: 5 });
    const said = fc.oneof(
      fc.record({ kind: fc.constant('prompt' as const), day }),
      fc.record({ kind: fc.constant('answer' as const), day, id: fc.nat(6), output: fc.nat(1000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(said, { maxLength: 25 }), async (all) => {
        const at = (of: number) => ({ timestamp: `2026-03-0${of}T12:00:00.000Z` });
        const text = lines(
          ...all.map((one) =>
            one.kind === 'prompt'
              ? prompt(10, at(one.day))
              : answer({ id: `m${one.id}`, output: one.output }, at(one.day)),
          ),
        );
        const path = world.file(`t${number++}.jsonl`, text);
        const whole = await usageOf([path]);
        const days = [...(await usageByDay([path], (time) => time.toISOString().slice(0, 10))).entries()];
        expect(days.reduce((sum, [, { turns }]) => sum + turns, 0)).toBe(whole.turns);
        expect(
          days.reduce(
            (
              sum,
              [
                ,
                {
                  tokens: { output },
                },
              ],
            ) => sum + output,
            0,
          ),
        ).toBe(whole.tokens.output);
        for (const [name] of days) expect(all.some((one) => name.endsWith(`0${one.day}`))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('does not count an answer twice that goes on after midnight', async () => {
    const world = sandbox();
    const path = world.file(
      't.jsonl',
      lines(
        prompt(10, { timestamp: '2026-03-01T23:59:00.000Z' }),
        answer({ id: 'a', output: 5 }, { timestamp: '2026-03-01T23:59:59.000Z' }),
        answer({ id: 'a', output: 9 }, { timestamp: '2026-03-02T00:00:01.000Z' }),
        answer({ id: 'b', output: 3 }, { timestamp: '2026-03-02T00:00:02.000Z' }),
      ),
    );
    const days = await usageByDay([path], (time) => time.toISOString().slice(0, 10));
    expect(
      [...days].map(
        ([
          day,
          {
            turns,
            tokens: { output },
          },
        ]) => [day, turns, output],
      ),
    ).toEqual([
      ['2026-03-01', 1, 9],
      ['2026-03-02', 0, 3],
    ]);
  });
});
