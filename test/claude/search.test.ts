import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matcherOf, type SearchHit, type SearchQuery, searchTranscript } from '../../src/claude/search.js';
import { sandbox } from '../support/sandbox.js';

const id = '3f2a0000-0000-4000-8000-000000000001';
const lines = (...values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const prompt = (text: string) => ({
  type: 'user',
  message: { content: text },
  timestamp: '2026-03-01T10:00:00Z',
});
const answer = (text: string) => ({ type: 'assistant', message: { content: [{ type: 'text', text }] } });

async function hits(path: string, query: Partial<SearchQuery>): Promise<SearchHit[]> {
  const found: SearchHit[] = [];
  const whole = { text: '', regex: false, context: 0, limit: 100, ...query };
  for await (const hit of searchTranscript(id, path, whole)) found.push(hit);
  return found;
}

describe('searching a transcript', () => {
  it('finds lines of prompts and answers, with those around them', async () => {
    const { file } = sandbox();
    const path = file(
      'a.jsonl',
      lines(
        prompt('fix the cart'),
        { type: 'user', message: { content: [{ type: 'tool_result', content: 'cart' }] } },
        { type: 'system', content: 'cart' },
        answer('one\ntwo\nthe CART is fixed\nfour\nfive'),
      ),
    );
    const found = await hits(path, { text: 'cart', context: 1 });
    expect(found).toMatchObject([
      { said: 'prompt', line: 'fix the cart', at: '2026-03-01T10:00:00.000Z', before: [], after: [] },
      { said: 'answer', line: 'the CART is fixed', at: null, before: ['two'], after: ['four'] },
    ]);
    expect(await hits(path, { text: 'Cart' })).toEqual([]);
    expect(await hits(path, { text: 'cart', limit: 1 })).toHaveLength(1);
    expect((await hits(path, { text: '^t\\w+$', regex: true })).map(({ line }) => line)).toEqual(['two']);
  });

  it('takes text literally unless told otherwise', async () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string(), (text, before) => {
        expect(matcherOf({ text, regex: false })(`${before}${text}`)).toBe(true);
      }),
    );
    expect(matcherOf({ text: 'a.c', regex: false })('abc')).toBe(false);
    expect(matcherOf({ text: '\\S+', regex: true })('ABC')).toBe(true);
  });

  it('says what is no regular expression, and what is nothing', () => {
    expect(() => matcherOf({ text: '(', regex: true })).toThrow(/no regular expression/);
    expect(() => matcherOf({ text: '', regex: false })).toThrow(/nothing to search/);
  });
});
