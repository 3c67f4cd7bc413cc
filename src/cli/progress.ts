import { writeSync } from 'node:fs';
import type { Terminal } from './command.js';
import { truncate } from './output.js';

const width = 24;
/** Milliseconds between two pictures: more often nobody sees. */
const pause = 100;

/** `12 kB`, `3.4 MB`: in powers of 1000, as disks and networks are measured. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** A line on standard error that shows how far a long work is; only on a terminal. */
export class Progress {
  private drawnAt = 0;
  private isDrawn = false;

  constructor(
    private readonly label: string,
    private readonly terminal: Terminal,
    private readonly isShown = terminal.interactive && process.stderr.isTTY === true,
  ) {}

  /** @param of null: how much there will be is not known. */
  show(bytes: number, of: number | null = null): void {
    const now = performance.now();
    if (!this.isShown || now - this.drawnAt < pause) return;
    this.drawnAt = now;
    this.draw(progressText(this.label, bytes, of));
  }

  /** Takes the line away. */
  end(): void {
    if (this.isDrawn) writeSync(2, '\r\x1b[K');
    this.isDrawn = false;
  }

  private draw(text: string): void {
    writeSync(2, `\r${truncate(text, this.terminal.columns - 1)}\x1b[K`);
    this.isDrawn = true;
  }
}

export function progressText(label: string, bytes: number, of: number | null): string {
  if (of === null || of === 0) return `${label}  ${bytesText(bytes)}`;
  const part = Math.min(1, bytes / of);
  const full = Math.round(part * width);
  return `${label}  ${'█'.repeat(full)}${'░'.repeat(width - full)}  ${Math.floor(part * 100)} %  ${bytesText(bytes)} of ${bytesText(of)}`;
}
