import {
  isObject,
  type Json,
  readLines,
  readTail,
  saidBy,
  synthetic,
  textOf,
  timeOf,
} from './transcripts.js';

/** What conversations cost, and how full their context is, from their transcripts. */

export interface Tokens {
  /** Read without the cache. */
  readonly input: number;
  readonly output: number;
  /** Written to the cache, for five minutes and for an hour. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

const noTokens: Tokens = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };

export interface ModelUsage {
  readonly model: string;
  readonly tokens: Tokens;
  /** null: its price is not known here. */
  readonly dollars: number | null;
}

export interface Usage {
  /** The dearest first. */
  readonly models: readonly ModelUsage[];
  /** The sum over all models. */
  readonly tokens: Tokens;
  /** List prices; what a subscription covers costs nothing more. null: a model that was used has no known price. */
  readonly dollars: number | null;
  /** Models without a known price. */
  readonly unpriced: readonly string[];
  /** Prompts of the user. */
  readonly turns: number;
  /** Milliseconds in which the model worked: from each prompt to the last line before the next one. */
  readonly workedMs: number;
  /** UTC, ISO 8601. */
  readonly firstAt: string | null;
  readonly lastAt: string | null;
}

/** Dollars for a million tokens. */
interface Price {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Requests whose prompt is longer cost this instead, all their tokens. */
  readonly long?: {
    readonly above: number;
    readonly input: number;
    readonly output: number;
    readonly cacheRead: number;
  };
  /** Tokens of the context window. */
  readonly window: number;
}

const small = 200_000;
const large = 1_000_000;

/**
 * List prices of Anthropic's API by the model's name without its date, as its pricing page had them in October 2026
 * (platform.claude.com/docs/en/about-claude/pricing). Writing to the cache
 * costs 1.25 times the input for five minutes and twice for an hour, with every model. A model that is not here has no
 * price: none is guessed.
 */
const prices: Readonly<Record<string, Price>> = {
  'claude-fable-5-1': { input: 10, output: 50, cacheRead: 0.25, window: large },
  'claude-fable-5': { input: 10, output: 50, cacheRead: 1, window: large },
  'claude-mythos-5-1': { input: 10, output: 50, cacheRead: 0.25, window: large },
  'claude-mythos-5': { input: 10, output: 50, cacheRead: 1, window: large },
  'claude-opus-5-5': { input: 4, output: 20, cacheRead: 0.2, window: large },
  'claude-opus-5': { input: 5, output: 25, cacheRead: 0.5, window: large },
  'claude-opus-4-8': { input: 5, output: 25, cacheRead: 0.5, window: large },
  'claude-opus-4-7': { input: 5, output: 25, cacheRead: 0.5, window: large },
  'claude-opus-4-6': { input: 5, output: 25, cacheRead: 0.5, window: small },
  'claude-opus-4-5': { input: 5, output: 25, cacheRead: 0.5, window: small },
  'claude-opus-4-1': { input: 15, output: 75, cacheRead: 1.5, window: small },
  'claude-opus-4': { input: 15, output: 75, cacheRead: 1.5, window: small },
  'claude-3-opus': { input: 15, output: 75, cacheRead: 1.5, window: small },
  'claude-sonnet-5-5': { input: 2, output: 10, cacheRead: 0.1, window: large },
  'claude-sonnet-5': { input: 2, output: 10, cacheRead: 0.2, window: large },
  'claude-sonnet-4-6': { input: 3, output: 15, cacheRead: 0.3, window: small },
  'claude-sonnet-4-5': { input: 3, output: 15, cacheRead: 0.3, window: small },
  'claude-sonnet-4': { input: 3, output: 15, cacheRead: 0.3, window: small },
  'claude-3-7-sonnet': { input: 3, output: 15, cacheRead: 0.3, window: small },
  'claude-3-5-sonnet': { input: 3, output: 15, cacheRead: 0.3, window: small },
  'claude-haiku-5-5': {
    input: 0.1,
    output: 0.5,
    cacheRead: 0.01,
    long: { above: 100_000, input: 0.5, output: 2.5, cacheRead: 0.05 },
    window: large,
  },
  'claude-haiku-4-5': { input: 1, output: 5, cacheRead: 0.1, window: small },
  'claude-3-5-haiku': { input: 0.8, output: 4, cacheRead: 0.08, window: small },
};

function priceOf(model: string): Price | null {
  // Other platforms put something around the name: `us.anthropic.claude-opus-4-6-v1:0`.
  const name = /claude-[a-z0-9-]+/.exec(model)?.[0].replace(/(-latest|-v\d|-\d{8})+$/, '') ?? '';
  return prices[name] ?? null;
}

/** Dollars of one request; null where the model's price is not known. */
export function dollarsOf(model: string, tokens: Tokens): number | null {
  const price = priceOf(model);
  if (!price) return null;
  const { input, output, cacheRead } = price.long && promptOf(tokens) > price.long.above ? price.long : price;
  const millionths =
    tokens.input * input +
    tokens.output * output +
    tokens.cacheRead * cacheRead +
    tokens.cacheWrite5m * input * 1.25 +
    tokens.cacheWrite1h * input * 2;
  return millionths / 1_000_000;
}

function promptOf(tokens: Tokens): number {
  return tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
}

/** What one request to the model used, by a line of its answer; null for other lines. */
interface Request {
  /** One answer is several lines, each with the usage so far: the last one counts. */
  readonly id: string | null;
  readonly model: string;
  readonly tokens: Tokens;
}

function requestOf(line: Json): Request | null {
  const message = line.type === 'assistant' && isObject(line.message) ? line.message : null;
  const usage = message && isObject(message.usage) ? message.usage : null;
  const model = message && textOf(message.model);
  if (!message || !usage || !model || model === synthetic) return null;
  const created = isObject(usage.cache_creation) ? usage.cache_creation : {};
  const written = count(usage.cache_creation_input_tokens);
  const cacheWrite1h = Math.min(written, count(created.ephemeral_1h_input_tokens));
  return {
    id: textOf(message.id),
    model,
    tokens: {
      input: count(usage.input_tokens),
      output: count(usage.output_tokens),
      cacheWrite1h,
      // Old lines do not say for how long: five minutes was all there was.
      cacheWrite5m: written - cacheWrite1h,
      cacheRead: count(usage.cache_read_input_tokens),
    },
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

export interface UsageOptions {
  /**
   * Ids of answers that are counted already, which this adds to: a fork begins with a copy of its parent's lines, and
   * they were paid once. Give one set for the whole tree, parents first.
   */
  readonly counted?: Set<string>;
}

/**
 * What the conversation used: the transcript's own requests, and those of its subagents' files.
 *
 * @param paths the transcript, then the files of its subagents, whose prompts are no turns.
 */
export async function usageOf(paths: readonly string[], options: UsageOptions = {}): Promise<Usage> {
  const counted = options.counted ?? new Set<string>();
  const sum = new Sum(counted);
  for (const [at, path] of paths.entries()) {
    for await (const { value } of readLines(path)) if (value) sum.take(value, at === 0);
    sum.endFile();
  }
  return sum.result();
}

/**
 * The same, by the days on which it was. A line without a time belongs to the one before it, and an answer to the day
 * of its first line.
 *
 * @param dayOf names the day of a moment.
 */
export async function usageByDay(
  paths: readonly string[],
  dayOf: (at: Date) => string,
  options: UsageOptions = {},
): Promise<Map<string, Usage>> {
  const counted = options.counted ?? new Set<string>();
  const sums = new Map<string, Sum>();
  const begun = new Map<string, string>();
  for (const [at, path] of paths.entries()) {
    let today: string | null = null;
    for await (const { value } of readLines(path)) {
      if (!value) continue;
      const time = timeOf(value);
      if (time !== null) today = dayOf(new Date(time));
      if (today === null) continue;
      const id = requestOf(value)?.id ?? null;
      const day: string = id === null ? today : (begun.get(id) ?? today);
      if (id !== null) begun.set(id, day);
      let sum = sums.get(day);
      if (!sum) {
        sum = new Sum(counted);
        sums.set(day, sum);
      }
      sum.take(value, at === 0);
    }
    for (const sum of sums.values()) sum.endFile();
  }
  return new Map([...sums].map(([day, sum]) => [day, sum.result()]));
}

/** Adds up lines. */
class Sum {
  private readonly models = new Map<string, { tokens: Tokens; dollars: number | null }>();
  /** Requests whose answer may still go on: tools that run side by side put other lines between its lines. */
  private readonly open = new Map<string, Request>();
  private turns = 0;
  private workedMs = 0;
  private promptAt: number | null = null;
  private before: number | null = null;
  private firstAt: string | null = null;
  private lastAt: string | null = null;

  constructor(private readonly counted: Set<string>) {}

  take(line: Json, isTranscript: boolean): void {
    if (isTranscript) this.takeTime(line);
    const request = requestOf(line);
    if (!request) return;
    if (request.id === null) this.add(request);
    else if (!this.counted.has(request.id)) this.open.set(request.id, request);
    if (this.open.size > 64) {
      const [oldest] = this.open;
      if (oldest) this.close(oldest[0], oldest[1]);
    }
  }

  endFile(): void {
    for (const [id, request] of this.open) this.close(id, request);
    this.endTurn();
  }

  private close(id: string, request: Request): void {
    this.open.delete(id);
    this.counted.add(id);
    this.add(request);
  }

  private takeTime(line: Json): void {
    const isPrompt = saidBy(line).kind === 'prompt';
    // A fork's copied lines were another conversation's turns.
    const isCopied = line.forkedFrom !== undefined;
    if (isPrompt && !isCopied) this.turns++;
    const at = timeOf(line);
    if (at === null) return;
    this.firstAt ??= at;
    if (this.lastAt === null || at > this.lastAt) this.lastAt = at;
    if (isPrompt) {
      this.endTurn();
      if (!isCopied) this.promptAt = Date.parse(at);
    } else if (line.type === 'assistant' || line.type === 'user') this.before = Date.parse(at);
  }

  private endTurn(): void {
    if (this.promptAt !== null && this.before !== null)
      this.workedMs += Math.max(0, this.before - this.promptAt);
    this.promptAt = null;
    this.before = null;
  }

  private add({ model, tokens }: Request): void {
    const had = this.models.get(model) ?? { tokens: noTokens, dollars: 0 };
    const dollars = dollarsOf(model, tokens);
    this.models.set(model, {
      tokens: plus(had.tokens, tokens),
      dollars: dollars === null || had.dollars === null ? null : had.dollars + dollars,
    });
  }

  result(): Usage {
    const models = [...this.models]
      .map(([model, used]) => ({ model, ...used }))
      .sort((a, b) => (b.dollars ?? 0) - (a.dollars ?? 0) || a.model.localeCompare(b.model));
    const unpriced = models.filter(({ dollars }) => dollars === null).map(({ model }) => model);
    return {
      models,
      tokens: models.reduce((sum, { tokens }) => plus(sum, tokens), noTokens),
      dollars: unpriced.length > 0 ? null : models.reduce((sum, { dollars }) => sum + (dollars ?? 0), 0),
      unpriced,
      turns: this.turns,
      workedMs: this.workedMs,
      firstAt: this.firstAt,
      lastAt: this.lastAt,
    };
  }
}

function plus(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheWrite5m: a.cacheWrite5m + b.cacheWrite5m,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
    cacheRead: a.cacheRead + b.cacheRead,
  };
}

export interface ContextShare {
  /** Tokens of the newest request: what it sent, and what it got. */
  readonly tokens: number;
  /** Tokens that fit. */
  readonly window: number;
  /** Of one; more than one where the window is larger than was thought. */
  readonly share: number;
  readonly model: string;
  /** False: the model is not known here, and its window is a guess. */
  readonly known: boolean;
}

/**
 * How full the context of a conversation is, from the end of its transcript. null where nothing was answered yet, or it
 * was compacted since.
 *
 * @param wished the model as it was asked for (`--model 'opus[1m]'`), which alone tells of a larger window.
 * @param windows the user's own word on how many tokens fit, by a part of the model's name; the longest one counts.
 */
export async function contextShare(
  path: string,
  wished: string | null = null,
  windows: Readonly<Record<string, number>> | null = null,
): Promise<ContextShare | null> {
  const lines = await readTail(path, {
    enough: (read) => read.some(({ value }) => value && tellsContext(value)),
  });
  const newest = lines.findLast(({ value }) => value && tellsContext(value))?.value;
  const request = newest && requestOf(newest);
  if (!request) return null;
  const tokens = promptOf(request.tokens) + request.tokens.output;
  const price = priceOf(request.model);
  const names = `${request.model} ${wished ?? ''}`;
  const [set] = Object.entries(windows ?? {})
    .filter(([part]) => names.includes(part))
    .sort(([a], [b]) => b.length - a.length);
  if (set) return { tokens, window: set[1], share: tokens / set[1], model: request.model, known: true };
  const isLarge = /\[1m\]/i.test(names) || tokens > small;
  const window = isLarge ? Math.max(large, price?.window ?? 0) : (price?.window ?? small);
  return { tokens, window, share: tokens / window, model: request.model, known: price !== null };
}

/** An answer of the model to the user, or the mark after which the context begins anew. */
function tellsContext(line: Json): boolean {
  const kind = saidBy(line).kind;
  return kind === 'compacted' || (kind === 'answer' && requestOf(line) !== null);
}
