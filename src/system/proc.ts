import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { messageOf } from '../errors.js';
import { longestArguments, parseCommandLine } from './command-line.js';
import { type PsRow, psRows } from './ps.js';
import { parseStat, type Stat } from './stat.js';

/** A pane of tmux: its own process and its terminal (`/dev/pts/3`). */
export interface PaneProcess {
  readonly pid: number;
  readonly tty: string;
}

export interface ProcessReading {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Its name as the kernel has it, at most 15 bytes. */
  readonly command: string;
  readonly argv: readonly string[];
  /**
   * False where `argv` is not what the process was started with, word for word: it shows a title of its own
   * (`npm run dev` is one string), its bytes are no UTF-8, or `ps` joined the words.
   */
  readonly exact: boolean;
  readonly stopped: boolean;
  /** The folder it is in; null where that could not be read. */
  readonly folder: string | null;
  /**
   * Where its standard streams go; null is the pane's terminal (or not known, of another user's process). Else the
   * path of a file, `pipe`, `socket` or `closed`.
   */
  readonly stdin: string | null;
  readonly stdout: string | null;
  readonly stderr: string | null;
}

/** What has the terminal of a pane. */
export type ForegroundReading =
  | {
      /** The pane's own process: a shell at its prompt, or a program in place of a shell. */
      readonly kind: 'own';
      readonly command: string;
      /** The process itself; null for a shell, of which nothing more is read. */
      readonly process: ProcessReading | null;
      /** Its jobs that Ctrl-Z stopped, all their processes. */
      readonly stopped: readonly ProcessReading[];
    }
  | {
      readonly kind: 'group';
      /** The pane's own process, mostly its shell. */
      readonly own: ProcessReading;
      /** The id of the foreground group, which is the pid of its leader, though that may be gone. */
      readonly group: number;
      /** The leader first, where it lives; then by pid. Never empty. */
      readonly processes: readonly ProcessReading[];
      /** What stands between the pane's own process and the group (a shell in the shell), outermost first. */
      readonly within: readonly ProcessReading[];
      readonly stopped: readonly ProcessReading[];
    }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Programs that are at a prompt when they have the terminal and nothing else runs. Names of at most 15 bytes. */
const shells = new Set(
  'sh bash dash ash zsh fish ksh ksh93 mksh oksh loksh lksh tcsh csh nu xonsh elvish pwsh'.split(' '),
);

/**
 * Reads what runs in the foreground of panes, at one moment each. On Linux from /proc, two small files for a shell at
 * its prompt and no process started; elsewhere by one `ps` for all panes.
 *
 * @param read all processes, where they were read already: then only the words and streams of what is in the
 *   foreground are asked for.
 * @returns one reading for each pane, in their order.
 */
export function readForeground(
  panes: readonly PaneProcess[],
  read: ReadonlyMap<number, Stat> | null = null,
): ForegroundReading[] {
  if (panes.length === 0) return [];
  if (process.platform !== 'linux') return readByPs(panes);
  const proc = new Proc(read);
  return panes.map((pane) => proc.read(pane));
}

/** One look at /proc. What costs much (the scan of all processes) is done at most once, and only when it is needed. */
class Proc {
  private readonly buffer = Buffer.allocUnsafe(4096);
  private table: Map<number, Stat[]> | null = null;

  constructor(private readonly known: ReadonlyMap<number, Stat> | null) {}

  read(pane: PaneProcess): ForegroundReading {
    // Commands of a loop come and go: a group that ended while it was read is looked for again.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const own = this.stat(pane.pid);
      if (!own || own.state === 'Z') return { kind: 'unknown', reason: `process ${pane.pid} has ended` };
      if (own.foreground <= 0)
        return { kind: 'unknown', reason: `process ${pane.pid} does not have its pane's terminal` };
      if (own.foreground === own.group) {
        const plain = shells.has(own.command);
        return {
          kind: 'own',
          command: own.command,
          process: plain ? null : this.details(own, pane.tty),
          stopped: this.stoppedJobs(own, pane.tty),
        };
      }
      const members = this.members(own);
      if (members.length === 0) continue;
      return {
        kind: 'group',
        own: this.details(own, pane.tty),
        group: own.foreground,
        processes: members.map((stat) => this.details(stat, pane.tty)),
        within: this.between(own, members).map((stat) => this.details(stat, pane.tty)),
        stopped: this.stoppedJobs(own, pane.tty),
      };
    }
    return { kind: 'unknown', reason: 'what runs there comes and goes faster than it can be read' };
  }

  /** The living processes of the foreground group, its leader first. */
  private members(own: Stat): Stat[] {
    const inGroup = (stats: readonly Stat[]) =>
      stats.filter((stat) => stat.group === own.foreground && stat.state !== 'Z' && stat.state !== 'X');
    let found = inGroup(this.descendants(own.pid));
    // A kernel without lists of children, or orphans, which are another process's children now.
    if (found.length === 0) found = inGroup([...this.all().values()].flat());
    return sorted(found, own.foreground);
  }

  private between(own: Stat, members: readonly Stat[]): Stat[] {
    const head = members.find((stat) => !members.some((other) => other.pid === stat.parent));
    const chain: Stat[] = [];
    for (let pid = head?.parent ?? own.pid; pid !== own.pid && pid > 1 && chain.length < 32; ) {
      const stat = this.stat(pid);
      if (!stat) break;
      chain.unshift(stat);
      pid = stat.parent;
    }
    // An orphan's parents lead to init and not to the pane.
    return chain[0]?.parent === own.pid ? chain : [];
  }

  private stoppedJobs(own: Stat, tty: string): ProcessReading[] {
    const heads = this.children(own.pid).filter(
      (stat) => stat.state === 'T' && stat.group !== own.foreground,
    );
    if (heads.length === 0) return [];
    const groups = [...new Set(heads.map((stat) => stat.group))].filter((group) => group !== own.group);
    const family = this.descendants(own.pid);
    return groups.flatMap((group) =>
      sorted(
        family.filter((stat) => stat.group === group && stat.state === 'T'),
        group,
      ).map((stat) => this.details(stat, tty)),
    );
  }

  private descendants(pid: number): Stat[] {
    const found = this.children(pid);
    // Grows while it is walked.
    for (let at = 0; at < found.length && found.length < 10_000; at += 1)
      found.push(...this.children(found[at]!.pid, true));
    return found;
  }

  /** @param threads look also at what threads other than the first have started; a shell has none. */
  private children(pid: number, threads = false): Stat[] {
    const text = this.known ? null : this.text(`/proc/${pid}/task/${pid}/children`);
    if (text === null) return this.all().get(pid) ?? [];
    const others = threads ? this.threads(pid).filter((thread) => thread !== String(pid)) : [];
    const lists = [text, ...others.map((thread) => this.text(`/proc/${pid}/task/${thread}/children`) ?? '')];
    return lists
      .flatMap((list) => (list === '' ? [] : list.trim().split(' ')))
      .map((child) => this.stat(Number(child)))
      .filter((stat) => stat !== null);
  }

  private threads(pid: number): string[] {
    try {
      return readdirSync(`/proc/${pid}/task`);
    } catch {
      return []; // it has just ended
    }
  }

  /** All processes by their parents. */
  private all(): Map<number, Stat[]> {
    if (this.table) return this.table;
    if (this.known) {
      this.table = grouped([...this.known.values()], (stat) => stat.parent);
      return this.table;
    }
    const stats = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => this.stat(Number(name)));
    this.table = grouped(
      stats.filter((stat) => stat !== null),
      (stat) => stat.parent,
    );
    return this.table;
  }

  private stat(pid: number): Stat | null {
    if (this.known) return this.known.get(pid) ?? null;
    const text = this.text(`/proc/${pid}/stat`);
    return text === null ? null : parseStat(text);
  }

  private details(stat: Stat, tty: string): ProcessReading {
    const bytes = this.bytes(`/proc/${stat.pid}/cmdline`);
    const stream = (fd: number) => this.stream(stat.pid, fd, tty);
    return {
      pid: stat.pid,
      parent: stat.parent,
      group: stat.group,
      command: stat.command,
      ...parseCommandLine(bytes ?? Buffer.alloc(0)),
      stopped: stat.state === 'T',
      folder: linkTarget(`/proc/${stat.pid}/cwd`),
      stdin: stream(0),
      stdout: stream(1),
      stderr: stream(2),
    };
  }

  private stream(pid: number, fd: number, tty: string): string | null {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      if (target === tty || target === '/dev/tty') return null;
      return /^(pipe|socket):\[\d+\]$/.exec(target)?.[1] ?? target;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'closed' : null;
    }
  }

  private text(path: string): string | null {
    return this.bytes(path)?.toString('latin1') ?? null;
  }

  /** A small file of /proc, whole. null: it is not there (any more), or not ours to read. */
  private bytes(path: string): Buffer | null {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return null;
    }
    try {
      let end = readSync(file, this.buffer, 0, this.buffer.length, null);
      if (end < this.buffer.length) return this.buffer.subarray(0, end);
      const parts = [Buffer.from(this.buffer)];
      for (let size = end; end > 0 && size <= longestArguments; size += end) {
        end = readSync(file, this.buffer, 0, this.buffer.length, null);
        parts.push(Buffer.from(this.buffer.subarray(0, end)));
      }
      return Buffer.concat(parts);
    } catch {
      return null; // ESRCH: it ended between the two calls
    } finally {
      closeSync(file);
    }
  }
}

function sorted(stats: readonly Stat[], leader: number): Stat[] {
  const rank = (stat: Stat) => (stat.pid === leader ? 0 : stat.pid);
  return stats.toSorted((a, b) => rank(a) - rank(b));
}

function linkTarget(path: string): string | null {
  try {
    const target = readlinkSync(path);
    // The kernel says so when the folder was removed.
    return target.endsWith(' (deleted)') ? null : target;
  } catch {
    return null;
  }
}

function readByPs(panes: readonly PaneProcess[]): ForegroundReading[] {
  try {
    return foregroundOfPs(psRows(), panes);
  } catch (error) {
    const reason = messageOf(error);
    return panes.map(() => ({ kind: 'unknown', reason }));
  }
}

/** What `readForeground` says, from the rows of one `ps`: there streams and folders are not known. */
export function foregroundOfPs(rows: readonly PsRow[], panes: readonly PaneProcess[]): ForegroundReading[] {
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const byGroup = grouped(
    rows.filter((row) => row.state !== 'Z'),
    (row) => row.group,
  );
  const byParent = grouped(rows, (row) => row.parent);
  const group = (id: number) => sorted(byGroup.get(id) ?? [], id) as PsRow[];
  return panes.map(({ pid }): ForegroundReading => {
    const own = byPid.get(pid);
    if (!own || own.state === 'Z') return { kind: 'unknown', reason: `process ${pid} has ended` };
    if (own.foreground <= 0)
      return { kind: 'unknown', reason: `process ${pid} does not have its pane's terminal` };
    const jobs = (byParent.get(pid) ?? []).filter(
      (row) => row.state === 'T' && row.group !== own.group && row.group !== own.foreground,
    );
    const stopped = [...new Set(jobs.map((row) => row.group))]
      .flatMap(group)
      .filter((row) => row.state === 'T')
      .map(ofRow);
    if (own.foreground === own.group) {
      const plain = shells.has(own.command);
      return { kind: 'own', command: own.command, process: plain ? null : ofRow(own), stopped };
    }
    const members = group(own.foreground);
    const head = members.find((row) => !members.some((other) => other.pid === row.parent));
    if (!head) return { kind: 'unknown', reason: 'what runs there ended while it was read' };
    const within: PsRow[] = [];
    let parent = byPid.get(head.parent);
    while (parent && parent.pid !== pid && parent.pid > 1 && within.length < 32) {
      within.unshift(parent);
      parent = byPid.get(parent.parent);
    }
    return {
      kind: 'group',
      own: ofRow(own),
      group: own.foreground,
      processes: members.map(ofRow),
      within: parent?.pid === pid ? within.map(ofRow) : [],
      stopped,
    };
  });
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}

function ofRow(row: PsRow): ProcessReading {
  return {
    pid: row.pid,
    parent: row.parent,
    group: row.group,
    command: row.command,
    argv: row.arguments.split(' ').filter((word) => word !== ''),
    exact: false,
    stopped: row.state === 'T',
    folder: null,
    stdin: null,
    stdout: null,
    stderr: null,
  };
}
