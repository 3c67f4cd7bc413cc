import { argvOf } from './command-line.js';
import { type PsRow, psRows } from './ps.js';
import { hasEnded, readStat } from './stat.js';

/** What the family of a process is told by. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** As `processStart` gives it; elsewhere than on Linux what `ps` prints, to the second. */
  readonly start: string;
  readonly group: number;
  /** The foreground group of its terminal; 0 or less without a terminal. */
  readonly foreground: number;
  /** Its name as the kernel has it, at most 15 bytes. */
  readonly command: string;
}

/** The processes at one moment: each is looked at once, when it is asked for. A zombie is none. */
export interface ProcessTable {
  get(pid: number): ProcessEntry | null;
  /** The words that it was started with, or that it shows in their place; none where they cannot be read. */
  argv(pid: number): readonly string[];
}

/** One look at the processes: on Linux one small file for each that is asked for, elsewhere one `ps` for all. */
export function processTable(): ProcessTable {
  const { read, argv } = process.platform === 'linux' ? { read: readProc, argv: argvOf } : readPs();
  const seen = new Map<number, ProcessEntry | null>();
  return {
    argv,
    get(pid) {
      let entry = seen.get(pid);
      if (entry === undefined) {
        entry = read(pid);
        seen.set(pid, entry);
      }
      return entry;
    },
  };
}

/**
 * The processes above one, its parent first, up to init. A parent that is younger than its child has only the pid of
 * the true one, which is gone: there the line ends.
 */
export function ancestors(pid: number, table: ProcessTable): ProcessEntry[] {
  const line: ProcessEntry[] = [];
  let child = table.get(pid);
  while (child && child.parent > 0 && line.length < 64) {
    const parent = table.get(child.parent);
    if (!parent || isYounger(parent, child)) break;
    line.push(parent);
    child = parent;
  }
  return line;
}

function isYounger(parent: ProcessEntry, child: ProcessEntry): boolean {
  const [one, other] = [Number(parent.start), Number(child.start)];
  return one > other; // never for what `ps` prints, which is no number
}

function readProc(pid: number): ProcessEntry | null {
  const stat = readStat(pid);
  return stat && !hasEnded(stat) ? stat : null;
}

function readPs() {
  let rows: Map<number, PsRow> | undefined;
  const row = (pid: number) => {
    rows ??= new Map(psRows().map((one) => [one.pid, one]));
    return rows.get(pid);
  };
  return {
    read(pid: number): ProcessEntry | null {
      const found = row(pid);
      return found && !hasEnded(found) ? { ...found, start: found.started } : null;
    },
    argv: (pid: number): readonly string[] =>
      row(pid)
        ?.arguments.split(' ')
        .filter((word) => word !== '') ?? [],
  };
}
