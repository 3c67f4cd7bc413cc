import { connect, type Socket } from 'node:net';
import { CwError, messageOf, systemCode } from '../errors.js';
import { frame, LineReader } from './framing.js';
import {
  type EventName,
  type Events,
  type Hello,
  type Method,
  type Methods,
  protocolNumber,
  type RpcError,
  readIncoming,
} from './protocol.js';

/**
 * What is at a socket's path.
 *
 * - `none`: no file, so no daemon.
 * - `stale`: a file that nobody listens on; the daemon that made it is gone.
 * - `silent`: somebody listens and does not answer in time: stopped, or very busy. Not gone, so never to be replaced.
 * - `running`: it answered `hello`. The caller closes the client.
 */
export type Lookup =
  | { readonly state: 'none' }
  | { readonly state: 'stale' }
  | { readonly state: 'silent'; readonly why: string }
  | { readonly state: 'running'; readonly client: RpcClient };

/** The time in milliseconds that a daemon may take to answer `hello`. */
export const helloLimit = 2_000;

/** Asks who is at the socket. A busy daemon is waited for up to the limit. */
export async function lookup(socket: string, limit = helloLimit): Promise<Lookup> {
  const deadline = performance.now() + limit;
  for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
    try {
      const stream = await open(socket, deadline);
      return { state: 'running', client: await RpcClient.greet(stream, deadline) };
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'none' };
      if (code === 'ECONNREFUSED') return { state: 'stale' };
      // Linux answers EAGAIN at once when the queue of a unix socket is full: its owner lives and is busy. A reset is
      // an owner that ended between our connecting and its answer; the next attempt tells what is there now.
      const again = code === 'EAGAIN' || code === 'ECONNRESET' || code === 'EPIPE' || code === 'closed';
      if (!again && code !== 'ETIMEDOUT') throw error;
      if (!again || performance.now() + pause > deadline) return { state: 'silent', why: messageOf(error) };
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

function open(path: string, deadline: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stream = connect({ path });
    const timer = setTimeout(() => {
      stream.destroy();
      reject(withCode('ETIMEDOUT', 'it did not take the connection'));
    }, deadline - performance.now());
    stream.once('connect', () => {
      clearTimeout(timer);
      stream.removeAllListeners('error');
      resolve(stream);
    });
    stream.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A conversation with a daemon. */
export class RpcClient {
  /** What the daemon said of itself. */
  hello!: Hello;
  /** Settles when the conversation is over, whoever ended it. */
  readonly closed: Promise<void>;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Map<EventName, ((data: never) => void)[]>();
  private readonly reader = new LineReader();
  private lastId = 0;
  private over: Error | null = null;

  private constructor(private readonly stream: Socket) {
    stream.on('data', (chunk: Buffer) => this.take(chunk));
    stream.on('error', (error) => this.end(error));
    this.closed = new Promise((resolve) => {
      stream.on('close', () => {
        this.end(withCode('closed', 'the daemon closed the connection'));
        resolve();
      });
    });
  }

  /** @throws an error with the code ETIMEDOUT when it does not answer, `closed` when it hangs up. */
  static async greet(stream: Socket, deadline: number): Promise<RpcClient> {
    const client = new RpcClient(stream);
    try {
      const limit = Math.max(1, deadline - performance.now());
      client.hello = await client.ask('hello', { protocol: protocolNumber }, limit);
      return client;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /**
   * Sends a request and waits for the answer.
   *
   * @param limit milliseconds; 60,000 by default.
   * @throws CwError with what the daemon said, or that it did not answer or is gone.
   */
  async call<M extends Method>(
    method: M,
    params: Methods[M]['params'],
    limit = 60_000,
  ): Promise<Methods[M]['result']> {
    try {
      return await this.ask(method, params, limit);
    } catch (error) {
      if (error instanceof Refusal) throw refusalError(error.refused);
      throw new CwError(
        'failed',
        `The daemon (process ${this.hello.pid}) gave no answer to ${method}: ${messageOf(error)}.`,
        {
          hint: 'What it does: cw daemon logs',
          cause: error,
        },
      );
    }
  }

  /** Calls `listener` for each event of this name from now on. `subscribe` has to be called once for any to come. */
  on<E extends EventName>(event: E, listener: (data: Events[E]) => void): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener as (data: never) => void]);
  }

  /** True when the daemon can do this. One of another version may not. */
  can(capability: string): boolean {
    return this.hello.capabilities.includes(capability);
  }

  close(): void {
    this.stream.destroy();
  }

  private ask<M extends Method>(
    method: M,
    params: Methods[M]['params'],
    limit: number,
  ): Promise<Methods[M]['result']> {
    if (this.over) return Promise.reject(this.over);
    const id = ++this.lastId;
    const line = frame({ id, method, params });
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(id);
      };
      const timer = setTimeout(() => {
        done();
        reject(withCode('ETIMEDOUT', `no answer within ${Math.round(limit / 100) / 10} s`));
      }, limit);
      this.waiting.set(id, {
        resolve: (result) => {
          done();
          resolve(result as Methods[M]['result']);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.stream.write(line);
    });
  }

  private take(chunk: Buffer): void {
    for (const piece of this.reader.push(chunk)) {
      const message = 'line' in piece ? readIncoming(piece.line) : null;
      if (message === null) {
        this.end(withCode('closed', 'what answered does not speak our protocol'));
        this.stream.destroy();
        return;
      }
      if ('event' in message) {
        // Names that a newer daemon has and we do not know have no listener.
        for (const listener of this.listeners.get(message.event as EventName) ?? [])
          listener(message.data as never);
        continue;
      }
      const waiting = typeof message.id === 'number' ? this.waiting.get(message.id) : undefined;
      if ('error' in message) waiting?.reject(new Refusal(message.error));
      else waiting?.resolve(message.result);
    }
  }

  private end(error: Error): void {
    this.over ??= error;
    for (const waiting of [...this.waiting.values()]) waiting.reject(this.over);
  }
}

class Refusal extends Error {
  constructor(readonly refused: RpcError) {
    super(refused.message);
  }
}

const kinds = ['failed', 'usage', 'not-found', 'refused', 'tmux-unusable', 'partial'] as const;

function refusalError({ code, message, hint }: RpcError): CwError {
  const kind = kinds.find((one) => one === code) ?? 'failed';
  return new CwError(kind, message, { hint });
}
