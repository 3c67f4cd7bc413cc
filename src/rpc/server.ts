import { chmodSync, type FSWatcher, lstatSync, renameSync, rmSync, watch } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { isCwError, messageOf } from '../errors.js';
import { randomHex } from '../system/random.js';
import { frame, LineReader } from './framing.js';
import {
  type EventName,
  type Events,
  eventNames,
  type Method,
  type Methods,
  type RequestId,
  type RpcError,
  readRequest,
} from './protocol.js';
import { ensureSocketFolder } from './socket-path.js';

export type Handlers = {
  readonly [M in Exclude<Method, 'subscribe'>]: (
    params: Methods[M]['params'],
  ) => Promise<Methods[M]['result']> | Methods[M]['result'];
};

export interface RpcServerOptions {
  /** The path to be found at. Whatever is there is replaced: the caller holds the lock that makes it ours. */
  readonly socket: string;
  readonly handlers: Handlers;
  /** A remark for the log: a client that was cut off, a socket file that was published again. */
  readonly remark: (text: string) => void;
  /** Something that the handlers or the system did, and nobody else is told. */
  readonly failed: (what: string, error: unknown) => void;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** Clients at once. */
  readonly clients: number;
  /** Requests of one client that are worked on at once; it is not read from while there are more. */
  readonly requests: number;
  /** Bytes that one client may leave unread before it is cut off. */
  readonly unread: number;
}

const defaultLimits: Limits = { clients: 128, requests: 16, unread: 4 * 1024 * 1024 };

interface Client {
  readonly stream: Socket;
  subscribed: boolean;
  inWork: number;
}

/**
 * The daemon's end. A bad message costs its sender an error and nobody anything else; a client that does not read is
 * cut off; one that sends faster than it is served is read no further until it is.
 */
export class RpcServer {
  private readonly limits: Limits;
  private readonly clients = new Set<Client>();
  private readonly servers: Server[] = [];
  private watcher: FSWatcher | null = null;
  /** Of the file that we published, so that somebody else's is never taken for ours. */
  private inode = 0;
  private closing = false;
  private publishing: Promise<void> = Promise.resolve();

  private constructor(private readonly options: RpcServerOptions) {
    this.limits = { ...defaultLimits, ...options.limits };
  }

  /**
   * Listens, and returns when the socket can be found and answers.
   *
   * @throws CwError or the system's error when the folder or the socket cannot be made.
   */
  static async listen(options: RpcServerOptions): Promise<RpcServer> {
    const server = new RpcServer(options);
    await server.publish();
    server.watchFolder();
    return server;
  }

  get clientCount(): number {
    return this.clients.size;
  }

  /** Tells all who subscribed. */
  broadcast<E extends EventName>(event: E, data: Events[E]): void {
    let line: Buffer | null = null;
    for (const client of this.clients) {
      if (!client.subscribed) continue;
      try {
        line ??= frame({ event, data });
      } catch (error) {
        this.options.failed(`telling of ${event}`, error); // too long for a line
        return;
      }
      this.send(client, line);
    }
  }

  /** Publishes the socket again when its file is not there any more, or is not ours. True when it had to. */
  async check(): Promise<boolean> {
    if (this.closing || this.isPublished()) return false;
    let republished = false;
    this.publishing = this.publishing.then(async () => {
      if (this.closing || this.isPublished()) return;
      await this.publish();
      republished = true;
    });
    await this.publishing;
    if (republished) {
      this.options.remark(`the socket ${this.options.socket} was gone and is there again`);
      this.watchFolder();
    }
    return republished;
  }

  /** Ends all conversations, after what was written to them has gone out, and takes the socket away. Idempotent. */
  async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    this.watcher?.close();
    await this.publishing.catch(() => {}); // told to whoever asked for it
    if (this.isPublished()) rmSync(this.options.socket, { force: true });
    const ended = this.servers.map((server) => new Promise<void>((done) => server.close(() => done())));
    for (const { stream } of this.clients) {
      stream.end();
      // One that does not read its last words is not waited for.
      setTimeout(() => stream.destroy(), 500).unref();
    }
    await Promise.all(ended);
  }

  /**
   * The socket appears under its name only when it is listened on already, and with its mode: it is made under another
   * name and renamed, which also replaces a stale file in one step.
   */
  private async publish(): Promise<void> {
    const { socket } = this.options;
    ensureSocketFolder(socket);
    const temporary = join(dirname(socket), `.${randomHex(5)}`);
    const server = createServer((stream) => this.welcome(stream));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(temporary, resolve);
    });
    server.on('error', (error) => this.options.failed('the socket', error));
    try {
      chmodSync(temporary, 0o600);
      this.inode = lstatSync(temporary).ino;
      renameSync(temporary, socket);
    } catch (error) {
      server.close();
      rmSync(temporary, { force: true });
      throw error;
    }
    this.servers.push(server);
  }

  private isPublished(): boolean {
    try {
      return lstatSync(this.options.socket).ino === this.inode;
    } catch {
      return false; // ENOENT, or a folder that cannot be looked at any more
    }
  }

  /** Notices a file that is deleted while we live, as cleaners of /tmp and of runtime folders do. */
  private watchFolder(): void {
    this.watcher?.close();
    this.watcher = null;
    const name = basename(this.options.socket);
    const folder = dirname(this.options.socket);
    try {
      this.watcher = watch(folder, { persistent: false }, (_kind, file) => {
        if (file !== name && file !== basename(folder) && file !== null) return;
        this.check().catch((error: unknown) => this.options.failed('publishing the socket again', error));
      });
      this.watcher.on('error', (error) => this.options.failed('watching the folder of the socket', error));
    } catch (error) {
      // No more watches to be had (ENOSPC, EMFILE): the daemon's schedule checks as well.
      this.options.failed('watching the folder of the socket', error);
    }
  }

  private welcome(stream: Socket): void {
    const client: Client = { stream, subscribed: false, inWork: 0 };
    stream.on('error', () => {}); // hung up: `close` follows
    if (this.closing || this.clients.size >= this.limits.clients) {
      stream.end(frame({ id: null, error: { code: 'busy', message: 'The daemon has too many clients.' } }));
      stream.destroySoon();
      return;
    }
    this.clients.add(client);
    stream.on('close', () => this.clients.delete(client));
    const reader = new LineReader();
    stream.on('data', (chunk: Buffer) => {
      for (const piece of reader.push(chunk)) {
        if ('broken' in piece) {
          const message =
            piece.broken === 'too-long' ? 'The line is longer than 1 MB.' : 'The line is not UTF-8.';
          this.refuse(client, null, { code: 'bad-message', message });
        } else {
          void this.serve(client, piece.line);
        }
      }
    });
  }

  private async serve(client: Client, line: string): Promise<void> {
    const request = readRequest(line);
    if ('error' in request) {
      this.refuse(client, request.id, request.error);
      return;
    }
    client.inWork++;
    if (client.inWork >= this.limits.requests) client.stream.pause();
    try {
      const result = await this.work(client, request.method, request.params);
      this.send(client, frame({ id: request.id, result }));
    } catch (error) {
      this.refuse(client, request.id, this.errorOf(request.method, error));
    } finally {
      client.inWork--;
      if (client.inWork < this.limits.requests && client.stream.isPaused()) client.stream.resume();
    }
  }

  private async work(client: Client, method: Method, params: unknown): Promise<unknown> {
    if (method === 'subscribe') {
      client.subscribed = true;
      return { events: eventNames };
    }
    const handler = this.options.handlers[method] as (params: unknown) => unknown;
    return (await handler(params)) ?? null;
  }

  private errorOf(method: Method, error: unknown): RpcError {
    if (isCwError(error)) {
      return { code: error.kind, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
    }
    this.options.failed(`answering ${method}`, error);
    return { code: 'failed', message: messageOf(error), hint: 'More is in the log: cw daemon logs' };
  }

  private refuse(client: Client, id: RequestId | null, error: RpcError): void {
    this.send(client, frame({ id, error }));
  }

  private send(client: Client, line: Buffer): void {
    const { stream } = client;
    if (stream.destroyed) return;
    stream.write(line);
    if (stream.writableLength > this.limits.unread) {
      this.options.remark(`a client was cut off: it left ${stream.writableLength} bytes unread`);
      stream.destroy();
    }
  }
}
