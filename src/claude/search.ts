import { CwError, messageOf } from '../errors.js';
import { isTalk, readLines, saidBy, timeOf } from './transcripts.js';

/** Search through what was said in conversations: prompts of the user, and the model's answers. */

export interface SearchQuery {
  readonly text: string;
  /** `text` is a regular expression (JavaScript's), looked for in each line of what was said. */
  readonly regex: boolean;
  /** Not given: capitals count where the text has some. */
  readonly matchCase?: boolean;
  /** Lines of the same prompt or answer that are given before and after a hit. */
  readonly context: number;
  /** Hits in one conversation, at most. */
  readonly limit: number;
}

export interface SearchHit {
  readonly conversation: string;
  readonly path: string;
  /** Of the transcript's line, in bytes. */
  readonly offset: number;
  readonly said: 'prompt' | 'answer';
  /** UTC, ISO 8601; null: the line does not say. */
  readonly at: string | null;
  /** The line with the hit, and those around it, as they were written: what prints them makes them harmless. */
  readonly line: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A line of text longer than this is looked at in its beginning only: a regular expression may take its time. */
const longestLine = 10_000;

export type Matcher = (line: string) => boolean;

/**
 * What tells whether a line is a hit.
 *
 * @throws CwError `usage` for an empty text, or a regular expression that is none.
 */
export function matcherOf(query: Pick<SearchQuery, 'text' | 'regex' | 'matchCase'>): Matcher {
  if (query.text === '') {
    throw new CwError('usage', 'There is nothing to search for.', { hint: 'cw conversation search TEXT' });
  }
  const matchCase =
    query.matchCase ?? /\p{Lu}/u.test(query.regex ? query.text.replace(/\\./g, '') : query.text);
  if (!query.regex) {
    const fold = (text: string) => (matchCase ? text : text.toLowerCase()).normalize('NFC');
    const wanted = fold(query.text);
    return (line) => fold(line).includes(wanted);
  }
  try {
    const pattern = new RegExp(query.text, matchCase ? 'u' : 'iu');
    return (line) => pattern.test(line.slice(0, longestLine));
  } catch (error) {
    throw new CwError(
      'usage',
      `${JSON.stringify(query.text)} is no regular expression: ${messageOf(error)}.`,
      {
        hint: 'Without --regex the text is looked for as it is.',
      },
    );
  }
}

/** The hits in one conversation, in order. */
export async function* searchTranscript(
  conversation: string,
  path: string,
  query: SearchQuery,
  matches: Matcher = matcherOf(query),
): AsyncGenerator<SearchHit> {
  let found = 0;
  for await (const { value, offset } of readLines(path, { wanted: isTalk })) {
    const said = value && saidBy(value);
    if (!said || (said.kind !== 'prompt' && said.kind !== 'answer')) continue;
    const lines = said.text.split(/\r\n|[\n\r]/);
    for (const [at, line] of lines.entries()) {
      if (!matches(line)) continue;
      yield {
        conversation,
        path,
        offset,
        said: said.kind,
        at: timeOf(value),
        line,
        before: lines.slice(Math.max(0, at - query.context), at),
        after: lines.slice(at + 1, at + 1 + query.context),
      };
      found++;
      if (found >= query.limit) return;
    }
  }
}
