import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { systemCode } from '../errors.js';

/** The last lines of a log, over the files that it was rotated to, oldest first. */
export function tailOf(file: string, count: number): string[] {
  let lines: string[] = [];
  // Each file is of a bounded size, and few are needed: they are read whole.
  for (let age = 0; lines.length < count; age++) {
    const text = textOf(age === 0 ? file : `${file}.${age}`);
    if (text === null) break;
    lines = [...text.split('\n').filter(Boolean), ...lines];
  }
  return count === 0 ? [] : lines.slice(-count);
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Reads what is added to a log from now on, also when the file is moved aside and begun anew. */
export class LogTail {
  private at = 0;
  private inode = 0;
  private partial = '';

  constructor(private readonly file: string) {
    this.open(file, (descriptor) => {
      const stat = fstatSync(descriptor);
      this.inode = stat.ino;
      this.at = stat.size;
    });
  }

  /** The whole lines that were added since the last call. */
  read(): string[] {
    const found: string[] = [];
    this.open(this.file, (descriptor) => {
      const stat = fstatSync(descriptor);
      if (stat.ino !== this.inode) {
        // Moved aside meanwhile: first the rest of the old one.
        this.open(`${this.file}.1`, (old) => {
          if (fstatSync(old).ino === this.inode) this.readMore(old, found);
        });
        this.inode = stat.ino;
        this.at = 0;
        this.partial = '';
      }
      this.readMore(descriptor, found);
    });
    return found;
  }

  private readMore(descriptor: number, found: string[]): void {
    const { size } = fstatSync(descriptor);
    if (size < this.at) this.at = 0; // somebody emptied it
    const data = Buffer.alloc(size - this.at);
    const count = readSync(descriptor, data, 0, data.length, this.at);
    this.at += count;
    const lines = (this.partial + data.toString('latin1', 0, count)).split('\n');
    this.partial = lines.pop() ?? '';
    // Decoded by the line: a read may end within a character.
    for (const line of lines) if (line) found.push(Buffer.from(line, 'latin1').toString());
  }

  private open(path: string, use: (descriptor: number) => void): void {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return; // not begun yet
      throw error;
    }
    try {
      use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
