/** A folder of the machine that an archive comes from, and the one that stands for it here. Both absolute. */
export interface PathPair {
  readonly from: string;
  readonly to: string;
}

/**
 * Where the paths of another machine are on this one: the project's, the home folder's, and those that the user named.
 * Of several that hold for a path the longest does; of equal ones the first.
 */
export class PathMap {
  private readonly pairs: readonly PathPair[];
  private readonly inText: RegExp | null;

  constructor(pairs: readonly PathPair[]) {
    // The root has all paths below it: mapping that would rename every path.
    const wanted = pairs
      .map(({ from, to }) => ({ from: trimmed(from), to: trimmed(to) }))
      .filter(
        ({ from, to }, at, all) =>
          from !== '/' && all.findIndex((one) => one.from === from) === at && to !== '',
      );
    this.pairs = wanted.toSorted((a, b) => b.from.length - a.from.length);
    const names = this.pairs.map(({ from }) => from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    // A path begins where no part of another path stands before it, and a name ends where no more of it follows.
    this.inText =
      names.length === 0 ? null : new RegExp(`(?<![\\w.~/-])(?:${names.join('|')})(?![\\w.~@+-])`, 'g');
  }

  /** A whole path. */
  path(path: string): string {
    const pair = this.pairs.find(({ from }) => path === from || path.startsWith(`${from}/`));
    return pair ? `${pair.to}${path.slice(pair.from.length)}` : path;
  }

  /** A word as a process has it: a path, or text with paths in it, such as `--config=/home/ann/x`. */
  word(text: string): string {
    return this.inText === null ? text : text.replace(this.inText, (found) => this.path(found));
  }

  /** A shell's command line: a path that is not plain is written as its place in the line wants it. */
  line(text: string): string {
    if (this.inText === null) return text;
    return text.replace(this.inText, (found, at: number) => {
      const mapped = this.path(found);
      return /^[\w@%+=:,./-]*$/.test(mapped) ? mapped : escaped(mapped, quoteAt(text, at));
    });
  }

  /** Whether any of these bytes could be a path that is mapped: a quick look, before they are parsed. */
  concerns(bytes: Buffer): boolean {
    return this.pairs.some(({ from }) => bytes.includes(from));
  }

  /** A value of JSON: each string in it that is a path as a whole. Words that people or programs said stay as they are. */
  json(value: unknown): unknown {
    if (typeof value === 'string') return this.path(value);
    if (Array.isArray(value)) return value.map((one) => this.json(one));
    if (typeof value !== 'object' || value === null) return value;
    const mapped: Record<string, unknown> = {};
    // An own property, also of this name: assigned, it would set the object's prototype.
    for (const [name, one] of Object.entries(value))
      Object.defineProperty(mapped, name, {
        value: this.json(one),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    return mapped;
  }
}

function trimmed(path: string): string {
  return path === '/' ? path : path.replace(/\/+$/, '');
}

/** The quote that is open in a line at this place. */
function quoteAt(line: string, place: number): '"' | "'" | null {
  let open: '"' | "'" | null = null;
  for (let at = 0; at < place; at++) {
    const character = line[at];
    if (character === '\\' && open !== "'") at++;
    else if (character === open) open = null;
    else if (open === null && (character === '"' || character === "'")) open = character;
  }
  return open;
}

function escaped(path: string, quote: '"' | "'" | null): string {
  if (quote === "'") return path.replaceAll("'", "'\\''");
  if (quote === '"') return path.replace(/[\\"$`]/g, '\\$&');
  return path.replace(/[^\w@%+=:,./-]/gu, '\\$&');
}
