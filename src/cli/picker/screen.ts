import { writeAll } from '../terminal.js';
import { type Key, keysIn } from './keys.js';

/** Milliseconds after which an Escape is the key itself, and not the beginning of a sequence. */
const escapeWait = 40;

/**
 * The terminal as a page of our own: another screen, and each key as it is pressed. However the program ends (but for a
 * SIGKILL), the terminal is as it was before.
 */
export class FullScreen {
  private isOpen = false;
  private pending = '';
  private timer: NodeJS.Timeout | null = null;
  private readonly restore = () => this.close();
  private readonly signals: readonly (readonly [NodeJS.Signals, () => void])[] = (
    [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const
  ).map(([signal, code]) => [signal, () => process.exit(code)]);

  constructor(
    private readonly pressed: (key: Key) => void,
    private readonly resized: () => void,
  ) {}

  open(): void {
    this.isOpen = true;
    process.on('exit', this.restore);
    for (const [signal, end] of this.signals) process.on(signal, end);
    process.stdin.setEncoding('utf8');
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.read);
    process.stdin.resume();
    process.stdout.on('resize', this.resized);
    writeAll(1, '\x1b[?1049h\x1b[?7l');
  }

  /** Shows lines from the top on, the cursor in the first one. */
  draw(lines: readonly string[], cursorColumn: number): void {
    if (!this.isOpen) return;
    // Each line is cleared before it is written: behind the last column there is no end to clear.
    const text = lines.map((line) => `\x1b[K${line}`).join('\r\n');
    writeAll(1, `\x1b[?25l\x1b[H${text}\x1b[1;${cursorColumn}H\x1b[?25h`);
  }

  /** As it was before. Idempotent. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.timer) clearTimeout(this.timer);
    process.off('exit', this.restore);
    for (const [signal, end] of this.signals) process.off(signal, end);
    process.stdin.off('data', this.read);
    process.stdout.off('resize', this.resized);
    process.stdin.pause();
    writeAll(1, '\x1b[?7h\x1b[?25h\x1b[?1049l');
    try {
      process.stdin.setRawMode(false);
    } catch {
      // the terminal is gone
    }
  }

  private readonly read = (data: string | Buffer): void => {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const { keys, rest } = keysIn(this.pending + data.toString());
    this.pending = rest;
    if (rest !== '') {
      this.timer = setTimeout(() => {
        const isEscape = this.pending === '\x1b';
        this.pending = '';
        if (isEscape) this.pressed({ kind: 'leave' });
      }, escapeWait);
    }
    for (const key of keys) this.pressed(key);
  };
}
