import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A stand-in for the Messages API on 127.0.0.1, for the real Claude Code, which then needs no network and no key. What
 * it answers is told by words in the last prompt:
 *
 *   run: COMMAND   calls the tool Bash with it, and then says what that gave
 *   hold           answers when `release` is called
 *   slow           answers in pieces, over a second
 *   fail, limit, auth   an error (400, 429, 401)
 *   cost N         says that the context held N tokens
 *
 * Anything else is answered with `You said: PROMPT`. What Claude Code asks beside the conversation (titles, quotas) is
 * answered with a word.
 */
export interface MessagesApi {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Prompts of conversations that came, in order; each as often as it was asked about. */
  readonly prompts: readonly string[];
  /** Paths that were asked for and that are none of this API's. */
  readonly strange: readonly string[];
  /** Lets what is held go on. */
  release(): void;
  close(): Promise<void>;
}

interface Message {
  readonly role: string;
  readonly content: string | readonly Block[];
}

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: unknown;
}

interface Request {
  readonly model?: string;
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly tools?: readonly { readonly name: string }[];
  readonly messages?: readonly Message[];
}

/** Starts it; who does so closes it. */
export async function startMessagesApi(): Promise<MessagesApi> {
  const prompts: string[] = [];
  const strange: string[] = [];
  let held: (() => void)[] = [];
  const hold = () => new Promise<void>((done) => held.push(done));
  const server = createServer((request, response) => {
    // Claude Code that is killed in a turn leaves its request behind.
    response.on('error', () => {});
    void readBody(request).then(async (body) => {
      const path = (request.url ?? '').split('?')[0]!;
      if (path === '/v1/messages/count_tokens') return json(response, 200, { input_tokens: 100 });
      if (path !== '/v1/messages') {
        if (request.method !== 'HEAD') strange.push(path);
        return json(response, 404, failure('not_found_error', 'Not found'));
      }
      const asked = parse(body);
      const last = asked.messages?.at(-1);
      const isConversation = (asked.tools?.length ?? 0) > 0;
      const prompt = promptOf(asked.messages ?? []);
      if (!isConversation) return answer(response, asked, [text('ok')]);
      prompts.push(prompt);
      const result = resultIn(last);
      if (result !== null) return answer(response, asked, [text(`It gave: ${result}`)]);
      const wrong = errors.find(({ word }) => new RegExp(`^${word}\\b`).test(prompt));
      if (wrong) {
        // Without this it tries again for minutes.
        response.setHeader('x-should-retry', 'false');
        return json(response, wrong.status, failure(wrong.type, wrong.message));
      }
      const command = /^run: (.+)$/m.exec(prompt)?.[1];
      if (command !== undefined) return answer(response, asked, [text('I run it.'), bash(command)]);
      if (/\bhold\b/.test(prompt)) await hold();
      const pause = /\bslow\b/.test(prompt) ? 100 : 0;
      const tokens = Number(/\bcost (\d+)/.exec(prompt)?.[1] ?? 1000);
      return answer(response, asked, [text(`You said: ${prompt.split('\n')[0]}`)], { pause, tokens });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    prompts,
    strange,
    release: () => {
      for (const go of held.splice(0)) go();
      held = [];
    },
    close: async () => {
      for (const go of held.splice(0)) go();
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

const errors = [
  { word: 'fail', status: 400, type: 'invalid_request_error', message: 'That cannot be.' },
  { word: 'limit', status: 429, type: 'rate_limit_error', message: 'This would exceed your rate limit.' },
  { word: 'auth', status: 401, type: 'authentication_error', message: 'invalid x-api-key' },
];

function failure(type: string, message: string) {
  return { type: 'error', error: { type, message } };
}

const text = (value: string) => ({ type: 'text', text: value }) as const;
const bash = (command: string) =>
  ({ type: 'tool_use', name: 'Bash', input: { command, description: 'What was asked for' } }) as const;
type Part = ReturnType<typeof text> | ReturnType<typeof bash>;

let count = 0;

async function answer(
  response: ServerResponse,
  { model = 'claude-stub', stream }: Request,
  parts: readonly Part[],
  { pause = 0, tokens = 1000 } = {},
): Promise<void> {
  count += 1;
  const usage = {
    input_tokens: tokens,
    output_tokens: 10,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  };
  const blocks = parts.map((part, at) =>
    part.type === 'text' ? part : { ...part, id: `toolu_${count}_${at}` },
  );
  const stop_reason = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn';
  const message = {
    id: `msg_${count}`,
    type: 'message',
    role: 'assistant',
    model,
    stop_sequence: null,
    usage,
  };
  if (stream !== true) return json(response, 200, { ...message, content: blocks, stop_reason });
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${count}` });
  const send = (type: string, rest: object = {}) =>
    void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
  send('message_start', { message: { ...message, content: [], stop_reason: null } });
  for (const [index, block] of blocks.entries()) {
    const begun = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} };
    send('content_block_start', { index, content_block: begun });
    const deltas =
      block.type === 'text'
        ? pieces(block.text).map((piece) => ({ type: 'text_delta', text: piece }))
        : [{ type: 'input_json_delta', partial_json: JSON.stringify(block.input) }];
    for (const delta of deltas) {
      if (pause > 0) await new Promise((done) => setTimeout(done, pause));
      send('content_block_delta', { index, delta });
    }
    send('content_block_stop', { index });
  }
  send('message_delta', { delta: { stop_reason, stop_sequence: null }, usage });
  send('message_stop');
  response.end();
}

function pieces(value: string): string[] {
  const size = Math.max(1, Math.ceil(value.length / 10));
  return value.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [''];
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': `req_${count}` });
  response.end(JSON.stringify(value));
}

/** What Claude Code puts beside what the user said. */
const beside = /^\s*(<(system-reminder|local-command|command-)|\[Request interrupted)/;

/** The last thing that the user said. */
function promptOf(messages: readonly Message[]): string {
  for (const { role, content } of [...messages].reverse()) {
    if (role !== 'user') continue;
    const texts = typeof content === 'string' ? [content] : content.flatMap((block) => block.text ?? []);
    const said = texts.filter((one) => !beside.test(one)).at(-1);
    if (said !== undefined) return said.trim();
  }
  return '';
}

/** The first line that a tool gave, when nothing was said after it; else null. */
function resultIn(message: Message | undefined): string | null {
  if (!message || typeof message.content === 'string') return null;
  const at = message.content.findLastIndex(({ type }) => type === 'tool_result');
  const after = message.content.slice(at + 1).flatMap((block) => block.text ?? []);
  if (at < 0 || after.some((one) => !beside.test(one))) return null;
  const { content } = message.content[at]!;
  const said = typeof content === 'string' ? content : JSON.stringify(content ?? '');
  return said.split('\n')[0]!.slice(0, 200);
}

function parse(body: string): Request {
  try {
    return JSON.parse(body) as Request;
  } catch {
    return {};
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
