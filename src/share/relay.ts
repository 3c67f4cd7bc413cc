import { CwError } from '../errors.js';
import { processStart } from '../system/process.js';
import type { PseudoTerminal } from '../system/pseudo-terminal.js';
import { randomHex } from '../system/random.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import type { SessionId } from '../tmux/target.js';
import { attachViewer, type ClientSeen, lookAtClient, sizeOfSession } from './client.js';
import { makeDoor, openDoor, removeDoor, socketIn } from './door.js';
import type { Guest } from './guests.js';
import { Lifetime } from './lifetime.js';
import type { EndReason } from './protocol.js';
import { removeShare, type ShareRecord, writeShare } from './record.js';
import { Screen } from './screen.js';
import { Viewers } from './viewers.js';

export interface ShareOptions {
  readonly connection: Connection;
  readonly env: NodeJS.ProcessEnv;
  /** Of the tmux server: where the share is written down. */
  readonly folder: string;
  readonly workspace: { readonly id: string; readonly name: string; readonly session: SessionId };
  readonly guests: readonly Guest[];
  /** Milliseconds that it lasts. */
  readonly span: number;
  /** It can be used from now on. */
  readonly onReady: (share: ShareRecord) => void;
}

export interface Ended {
  readonly reason: EndReason;
  /** A sentence for who looked and for who shared. */
  readonly text: string;
}

/** Milliseconds between two looks at tmux while it draws all the time. */
const pace = 50;
/** Bytes that are held while tmux is asked; its writing waits then, which it is made for. */
const mostHeld = 1024 * 1024;
/** Milliseconds between two full drawings that newcomers may cause. */
const redrawPace = 1000;

/**
 * Shows one workspace to those who may enter the door, until the time is over, `signal` says so, or the session is not
 * there any more. One client of tmux draws for all of them. What it draws is held until tmux has said, after it was
 * drawn, that the client still shows that session and never showed another: who moves it (`switch-client`,
 * `detach-on-destroy off`) ends the share, and nobody has seen anything of where it went.
 *
 * @throws CwError when it cannot begin: as `makeDoor`, `openDoor` and `attachViewer` do.
 */
export async function relay(options: ShareOptions, signal: AbortSignal): Promise<Ended> {
  return new Relay(options).run(signal);
}

class Relay {
  private readonly screen: Screen;
  private readonly viewers: Viewers;
  private readonly life: Lifetime;
  private readonly door = makeDoor();
  private terminal: PseudoTerminal | null = null;
  private held: Buffer[] = [];
  private heldBytes = 0;
  private isAsking = false;
  private isOver = false;
  private lastAsked = 0;
  private redrawnAt = Number.NEGATIVE_INFINITY;
  private finish: (ended: Ended) => void = () => {};
  private shown: () => void = () => {};

  constructor(private readonly options: ShareOptions) {
    this.life = new Lifetime(options.span);
    this.screen = new Screen(80, 24);
    const { name } = options.workspace;
    this.viewers = new Viewers(this.screen, { workspace: name, endsAt: this.life.endsAt }, () =>
      this.redraw(),
    );
  }

  async run(signal: AbortSignal): Promise<Ended> {
    const { connection, env, workspace, guests, folder } = this.options;
    const over = new Promise<Ended>((resolve) => {
      this.finish = (ended) => {
        this.isOver = true;
        resolve(ended);
      };
    });
    const id = randomHex(8);
    let ended: Ended = { reason: 'failed', text: 'The share failed.' };
    try {
      const size = await sizeOfSession(connection, workspace.session);
      if (!size) throw new CwError('not-found', `${workspace.name} is not open any more.`);
      this.screen.resize(size.columns, size.rows);
      const picture = new Promise<void>((resolve) => {
        this.shown = resolve;
      });
      this.terminal = await attachViewer(connection.address, workspace.session, {
        size,
        env,
        onOutput: (bytes) => this.take(bytes),
      });
      void this.terminal.ended.then(() => this.clientEnded());
      this.askSoon();
      const socket = socketIn(this.door);
      await this.viewers.listen(socket);
      const early = await Promise.race([picture, over]);
      if (early) throw new CwError('failed', `${workspace.name} could not be shared: ${early.text}`);
      const way = await openDoor(this.door, guests, env);
      const share: ShareRecord = {
        format: 1,
        id,
        workspace: workspace.id,
        name: workspace.name,
        mode: 'view',
        guests,
        way,
        socket,
        folder: this.door,
        opened: [],
        startedAt: this.life.startedAt,
        endsAt: this.life.endsAt,
        pid: process.pid,
        ready: true,
        processStart: processStart(process.pid),
      };
      writeShare(folder, share);
      this.options.onReady(share);
      ended = await Promise.race([over, this.life.over(signal)]);
      return ended;
    } finally {
      this.isOver = true;
      this.life.stop();
      await this.viewers.end(ended.reason, ended.text);
      this.terminal?.close();
      removeDoor(this.door);
      removeShare(folder, id);
    }
  }

  private take(bytes: Buffer): void {
    this.held.push(bytes);
    this.heldBytes += bytes.length;
    if (this.heldBytes > mostHeld) this.terminal?.pause();
    this.askSoon();
  }

  private askSoon(): void {
    if (this.isAsking || !this.terminal) return;
    this.isAsking = true;
    const wait = Math.max(0, this.lastAsked + pace - performance.now());
    setTimeout(() => void this.ask(), wait);
  }

  /** Asks where the client is, and then shows what had come before. */
  private async ask(): Promise<void> {
    const taken = this.held;
    this.held = [];
    this.heldBytes = 0;
    this.lastAsked = performance.now();
    const wait = await this.answer(taken);
    this.isAsking = false;
    if (wait === null) return;
    if (wait > 0) {
      this.held.unshift(...taken);
      this.heldBytes = this.held.reduce((sum, one) => sum + one.length, 0);
      this.lastAsked = performance.now() + wait;
    } else this.terminal?.resume();
    if (this.held.length > 0 || wait > 0) this.askSoon();
  }

  /** @returns milliseconds until it is to be asked again for the same; 0: it was shown; null: it is over. */
  private async answer(taken: readonly Buffer[]): Promise<number | null> {
    if (!this.terminal || this.isOver) return null;
    let seen: ClientSeen | null;
    try {
      seen = await lookAtClient(this.options.connection, this.terminal.pid);
    } catch (error) {
      // The client ends with its server, which its terminal tells. One that is busy or stopped is asked again.
      return isNoServer(error) ? null : 500;
    }
    // Not there yet; or gone, and that is told too.
    if (!seen) return pace;
    if (seen.session !== this.options.workspace.session || seen.before !== null) {
      await this.clientMoved();
      return null;
    }
    for (const bytes of taken) this.screen.write(bytes);
    if (seen.columns !== this.screen.columns || seen.rows !== this.screen.rows) {
      this.screen.resize(seen.columns, seen.rows);
      await this.terminal.resize(seen.columns, seen.rows);
    } else if (taken.length > 0) {
      this.viewers.update();
      this.shown();
    }
    return 0;
  }

  /** Has tmux draw all anew for a newcomer, beside the picture that it gets at once: what went wrong in that is right then. */
  private redraw(): void {
    if (!this.terminal || performance.now() - this.redrawnAt < redrawPace) return;
    this.redrawnAt = performance.now();
    this.options.connection.batch([['refresh-client', '-t', this.terminal.tty]]).catch(() => {}); // it has ended: its terminal tells
  }

  private async clientMoved(): Promise<void> {
    this.finish(
      (await this.isOpen())
        ? { reason: 'moved', text: 'Its tmux client was moved to another session.' }
        : this.closed(),
    );
  }

  private async clientEnded(): Promise<void> {
    this.finish(
      (await this.isOpen()) ? { reason: 'failed', text: 'Its tmux client was detached.' } : this.closed(),
    );
  }

  private closed(): Ended {
    return { reason: 'closed', text: `${this.options.workspace.name} was closed.` };
  }

  private async isOpen(): Promise<boolean> {
    const { connection, workspace } = this.options;
    return (await sizeOfSession(connection, workspace.session).catch(() => null)) !== null;
  }
}
