import { messageOf } from '../../errors.js';
import type { Context } from '../command.js';
import { styler } from '../output.js';
import { carryOut, type Deed, doingText, toldOf, wayTo } from './doors.js';
import { frameOf, pageOf, type Size } from './frame.js';
import { Reader } from './reader.js';
import type { Row } from './rows.js';
import { type Effect, emptyState, type Input, type Key, reduce, type State, shownPane } from './state.js';

/** How the dashboard was left: with the workspace to go to, by a signal, or without anything more to do. */
export type Left =
  /** `way`: the words for tmux; null: it is not open. */
  { readonly hop: Row; readonly way: readonly string[] | null } | { readonly signal: NodeJS.Signals } | null;

/** Milliseconds that the cursor rests until the pane below it is asked for. */
const resting = 60;

/** Holds the state between keys, readings and the screen. A frame that is as the one before reaches nobody. */
export class Control {
  /** Settles when it is left. */
  readonly left: Promise<Left>;
  private state: State = emptyState;
  private top = 0;
  private lines: readonly string[] = [];
  private screen: { readonly pane: string; readonly lines: readonly string[] } | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly reader: Reader;
  private answer: ((yes: boolean) => void) | null = null;
  private deed: Promise<void> | null = null;
  private previewTimer: NodeJS.Timeout | null = null;
  private isPreviewing = false;
  private end!: { resolve(left: Left): void; reject(error: unknown): void };

  constructor(
    private readonly context: Context,
    private size: Size,
  ) {
    this.left = new Promise((resolve, reject) => {
      this.end = { resolve, reject };
    });
    this.reader = new Reader(context, {
      survey: (rows, shared, server) => {
        this.take({ kind: 'survey', rows, shared, server });
        this.preview(0);
      },
      use: (use) => {
        this.take({ kind: 'use', use });
        this.preview(0);
      },
      live: (live) => this.take({ kind: 'live', live }),
      failed: (text) => this.take({ kind: 'message', text }),
    });
    this.draw();
  }

  start(): void {
    this.reader.start().catch((error: unknown) => this.fail(error));
  }

  stop(): void {
    this.reader.stop();
    if (this.previewTimer) clearTimeout(this.previewTimer);
  }

  fail(error: unknown): void {
    this.end.reject(error);
  }

  /** Leaves, when what is being done is done. */
  leave(left: Left): void {
    this.answer?.(false);
    void (this.deed ?? Promise.resolve()).then(() => this.end.resolve(left));
  }

  frame = (): readonly string[] => this.lines;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  resize(size: Size): void {
    this.size = size;
    this.draw();
    this.preview(0);
  }

  press(key: Key): void {
    this.take({ kind: 'key', key, page: pageOf(this.state, this.size) });
    this.preview(resting);
  }

  private take(input: Input): void {
    const { state, effects } = reduce(this.state, input);
    this.state = state;
    for (const effect of effects) this.act(effect);
    this.draw();
  }

  private draw(): void {
    const { style, size } = { style: styler(this.context.terminal.color), size: this.size };
    const pane = shownPane(this.state)?.id;
    const screen = this.screen && this.screen.pane === pane ? this.screen.lines : null;
    const { lines, top } = frameOf(this.state, this.top, { size, style, now: Date.now(), screen });
    this.top = top;
    if (lines.length === this.lines.length && lines.every((line, at) => line === this.lines[at])) return;
    this.lines = lines;
    for (const listener of this.listeners) listener();
  }

  private act(effect: Effect): void {
    switch (effect.do) {
      case 'quit':
        this.leave(null);
        return;
      case 'hop':
        this.hop(effect.row);
        return;
      case 'answer':
        this.answer?.(effect.yes);
        this.answer = null;
        return;
      default:
        this.deed = this.carry(effect).finally(() => {
          this.deed = null;
        });
    }
  }

  private hop(row: Row): void {
    try {
      this.leave({ hop: row, way: wayTo(row, this.context) });
    } catch (error) {
      // This terminal belongs to another tmux server.
      this.state = { ...this.state, message: toldOf(error) };
    }
  }

  private async carry(deed: Deed): Promise<void> {
    // Not within the step that asked for it.
    await Promise.resolve();
    this.take({ kind: 'busy', what: doingText(deed) });
    const ask = (question: string) =>
      new Promise<boolean>((done) => {
        this.answer = done;
        this.take({ kind: 'question', question });
      });
    const said = await carryOut(deed, this.context, { ask });
    this.take({ kind: 'busy', what: null });
    this.take({ kind: 'message', text: said || null });
    this.reader.touch();
  }

  /** Reads the pane that is shown, within so many milliseconds. */
  private preview(wait: number): void {
    if (this.previewTimer) clearTimeout(this.previewTimer);
    this.previewTimer = null;
    if (!this.state.preview || this.size.rows < 14 || this.isPreviewing) return;
    const pane = shownPane(this.state)?.id;
    if (pane === undefined) return;
    this.previewTimer = setTimeout(() => {
      this.isPreviewing = true;
      void this.look(pane).finally(() => {
        this.isPreviewing = false;
        if (shownPane(this.state)?.id !== pane) this.preview(0);
      });
    }, wait);
  }

  private async look(pane: string): Promise<void> {
    try {
      const { stdout, errors } = await this.context.tmux().batch([['capture-pane', '-p', '-t', pane]]);
      const text = errors.length > 0 ? '' : stdout.toString('utf8');
      this.screen = { pane, lines: text.replace(/\s+$/, '').split('\n') };
    } catch (error) {
      this.screen = { pane, lines: [messageOf(error)] }; // its server has ended: the next reading says so
    }
    this.draw();
  }
}
