import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
import { ensurePrivateFolder } from '../system/files.js';

export interface Log {
  info(text: string, more?: Readonly<Record<string, unknown>>): void;
  warn(text: string, more?: Readonly<Record<string, unknown>>): void;
  error(text: string, error?: unknown, more?: Readonly<Record<string, unknown>>): void;
}

export interface LogOptions {
  readonly file: string;
  /** Writes plain lines too, for the journal or a terminal. */
  readonly plain?: (line: string) => void;
  readonly level?: 'debug' | 'info' | 'warn';
  /** Bytes of a file before the next one is begun, and how many old ones are kept. */
  readonly size?: number;
  readonly keep?: number;
}

/** A log in a rotated file, one JSON document a line, and where asked for in plain lines. */
export function openLog(options: LogOptions): Log & { close(): void } {
  const file = new RotatingFile(options.file, options.size ?? 1024 * 1024, options.keep ?? 3);
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(line: string) {
        file.write(line);
        options.plain?.(line);
      },
    },
  );
  return {
    info: (text, more = {}) => logger.info(more, text),
    warn: (text, more = {}) => logger.warn(more, text),
    error: (text, error, more = {}) =>
      logger.error(
        error === undefined ? more : { ...more, err: error instanceof Error ? error : String(error) },
        text,
      ),
    close: () => file.close(),
  };
}

/**
 * A file that is moved aside when it is full. It is written at once, so that what was logged before a crash is there.
 * A log that cannot be written (a full disk) must not end the daemon: lines are lost then, and their number is the
 * first thing written when it goes again.
 */
export class RotatingFile {
  private descriptor: number | null = null;
  private bytes = 0;
  private lost = 0;

  constructor(
    readonly path: string,
    private readonly limit: number,
    private readonly keep: number,
  ) {}

  write(line: string): void {
    try {
      const text =
        this.lost > 0 ? `{"level":"warn","msg":"${this.lost} lines of this log were lost"}\n${line}` : line;
      const data = Buffer.from(text);
      if (this.descriptor === null) this.open();
      if (this.bytes > 0 && this.bytes + data.length > this.limit) this.rotate();
      for (let at = 0; at < data.length; ) at += writeSync(this.descriptor!, data, at);
      this.bytes += data.length;
      this.lost = 0;
    } catch {
      this.lost++;
      this.close(); // opened anew by the next line: the folder may have been removed meanwhile
    }
  }

  close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
  }

  private open(): void {
    ensurePrivateFolder(dirname(this.path));
    this.descriptor = openSync(this.path, 'a', 0o600);
    this.bytes = fstatSync(this.descriptor).size;
  }

  private rotate(): void {
    this.close();
    for (let age = this.keep - 1; age >= 1; age--) move(`${this.path}.${age}`, `${this.path}.${age + 1}`);
    if (this.keep > 0) move(this.path, `${this.path}.1`);
    this.open();
  }
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * True when our standard error goes to the journal itself: JOURNAL_STREAM names its device and inode, and is inherited
 * by programs whose output goes elsewhere (systemd.exec(5)).
 */
export function isJournal(env: NodeJS.ProcessEnv, descriptor = 2): boolean {
  const named = /^(\d+):(\d+)$/.exec(env.JOURNAL_STREAM ?? '');
  if (!named) return false;
  const stat = fstatSync(descriptor, { bigint: true });
  return String(stat.dev) === named[1] && String(stat.ino) === named[2];
}
