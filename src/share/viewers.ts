import { createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { frame } from '../rpc/framing.js';
import { type EndReason, longestMessage, type Message } from './protocol.js';
import type { Screen } from './screen.js';

interface Viewer {
  readonly socket: Socket;
  /** The change of the screen that it was told last; -1: nothing yet. */
  told: number;
  columns: number;
  rows: number;
  cursor: string;
  /** A message is on its way; the next one is of what changed until then, so that no more than one is ever held. */
  isBusy: boolean;
  /** Bytes that it sent, which nobody reads. */
  sent: number;
}

/** More are turned away. */
const most = 32;
/** A viewer sends nothing; who sends this many bytes is no viewer. */
const mostSent = 64 * 1024;
/** Milliseconds that viewers have to take the last message. */
const goodbye = 500;

/** Those who look: each is told what changed since it was told last, as fast as it takes it. What they send is dropped. */
export class Viewers {
  private readonly all = new Set<Viewer>();
  private readonly server: Server;

  constructor(
    private readonly screen: Screen,
    private readonly hello: Omit<Extract<Message, { kind: 'hello' }>, 'kind' | 'format' | 'by'>,
    /** Somebody came. */
    private readonly came: () => void,
  ) {
    this.server = createServer((socket) => this.welcome(socket));
  }

  /** Listens on a path that only we can reach yet. */
  async listen(path: string): Promise<void> {
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.server.on('error', reject);
        this.server.listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
  }

  /** Tells each what is new. */
  update(): void {
    for (const viewer of this.all) this.tell(viewer);
  }

  /** Tells each why it is over, and closes. */
  async end(reason: EndReason, text: string): Promise<void> {
    this.server.close();
    const gone = [...this.all].map(({ socket }) => {
      socket.end(frame({ kind: 'end', reason, text } satisfies Message, longestMessage));
      return new Promise<void>((resolve) => socket.on('close', () => resolve()));
    });
    const timer = new Promise<void>((resolve) => setTimeout(resolve, goodbye).unref());
    await Promise.race([Promise.all(gone), timer]);
    for (const { socket } of this.all) socket.destroy();
  }

  private welcome(socket: Socket): void {
    socket.on('error', () => {}); // it went away: `close` follows
    if (this.all.size >= most) {
      const text = `${most} look at it already.`;
      socket.end(frame({ kind: 'end', reason: 'full', text } satisfies Message));
      socket.resume();
      return;
    }
    const viewer: Viewer = { socket, told: -1, columns: 0, rows: 0, cursor: '', isBusy: false, sent: 0 };
    this.all.add(viewer);
    socket.on('close', () => this.all.delete(viewer));
    socket.on('data', (bytes: Buffer) => {
      viewer.sent += bytes.length;
      if (viewer.sent > mostSent) socket.destroy();
    });
    const by = userInfo().username;
    socket.write(frame({ kind: 'hello', format: 1, by, ...this.hello } satisfies Message));
    this.tell(viewer);
    this.came();
  }

  private tell(viewer: Viewer): void {
    const { screen } = this;
    if (viewer.isBusy || viewer.socket.destroyed || viewer.socket.writableEnded) return;
    const isResized = viewer.columns !== screen.columns || viewer.rows !== screen.rows;
    const cursor = JSON.stringify(screen.cursor);
    if (!isResized && viewer.told === screen.version && viewer.cursor === cursor) return;
    const lines = screen.changedSince(isResized ? -1 : viewer.told);
    Object.assign(viewer, { told: screen.version, columns: screen.columns, rows: screen.rows, cursor });
    viewer.isBusy = true;
    const { columns, rows } = screen;
    const message: Message = { kind: 'screen', columns, rows, cursor: screen.cursor, lines };
    viewer.socket.write(frame(message, longestMessage), () => {
      viewer.isBusy = false;
      this.tell(viewer);
    });
  }
}
