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
    this.open((descriptor) => {
      const stat = fstatSync(descriptor);
      this.inode = stat.ino;
      this.at = stat.size;
    });
  }

  /** The whole lines that were added since the last call. */
  read(): string[] {
    const found: string[] = [];
    this.open((descriptor) => {
      const stat = fstatSync(descriptor);
      if (stat.ino !== this.inode || stat.size < this.at) {
        this.inode = stat.ino;
        this.at = 0;
        this.partial = '';
      }
      const data = Buffer.alloc(stat.size - this.at);
      const size = readSync(descriptor, data, 0, data.length, this.at);
      this.at += size;
      const lines = (this.partial + data.toString('latin1', 0, size)).split('\n');
      this.partial = lines.pop() ?? '';
      // Decoded by the line: a read may end within a character.
      for (const line of lines) if (line) found.push(Buffer.from(line, 'latin1').toString());
    });
    return found;
  }

  private open(use: (descriptor: number) => void): void {
    let descriptor: number;
    try {
      descriptor = openSync(this.file, 'r');
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
