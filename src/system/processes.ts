import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { argvOf } from './command-line.js';
import type { ProcessEntry, ProcessTable } from './process-table.js';
import { type PsRow, psRows } from './ps.js';
import { hasEnded, parseStat, type Stat, ticksPerSecond, uptime } from './stat.js';

/** A process, as one reading of all of them has it. */
export interface ProcessSample extends Stat {
  /** When it started, as `processStart` gives it: with the pid it names one process for ever. */
  readonly start: string;
  /** Seconds that it has lived; null where only `ps` was asked. */
  readonly ageSeconds: number | null;
  /** Seconds of a processor that it has used, by itself; null where only `ps` was asked. */
  readonly cpuSeconds: number | null;
  /** Pages of memory that it has in use, shared ones too; 0 where only `ps` was asked. */
  readonly residentPages: number;
}

/** All processes at one moment. */
export interface Processes {
  readonly byPid: ReadonlyMap<number, ProcessSample>;
  readonly byParent: ReadonlyMap<number, readonly ProcessSample[]>;
  /** Seconds since boot, which no clock that is set can change; null where only `ps` was asked. */
  readonly uptime: number | null;
  /** The same reading for those who ask for one process at a time. */
  readonly table: ProcessTable;
}

/**
 * Reads all processes: on Linux one small file for each, elsewhere by one `ps`, which tells neither memory nor time.
 *
 * @throws Error when neither /proc nor `ps` answers.
 */
export function readProcesses(): Processes {
  return process.platform === 'linux' ? readProc() : readPs();
}

function readProc(): Processes {
  const now = uptime();
  const buffer = Buffer.allocUnsafe(4096);
  const byPid = new Map<number, ProcessSample>();
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first < 0x31 || first > 0x39) continue;
    const text = smallFile(`/proc/${name}/stat`, buffer);
    const sample = text === null ? null : sampleOf(text, now);
    if (sample) byPid.set(sample.pid, sample);
  }
  return processesOf(byPid, now, argvOf);
}

/** Of a line of /proc/PID/stat; null for a zombie, which has ended, and for what is no such line. */
export function sampleOf(line: string, uptime: number): ProcessSample | null {
  const stat = parseStat(line);
  if (!stat || hasEnded(stat)) return null;
  return {
    ...stat,
    ageSeconds: Math.max(0, uptime - Number(stat.start) / ticksPerSecond),
    cpuSeconds: stat.ticks / ticksPerSecond,
  };
}

function smallFile(path: string, buffer: Buffer): string | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null; // it has ended
  }
  try {
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, null));
  } catch {
    return null; // it ended between the two calls
  } finally {
    closeSync(file);
  }
}

function readPs(): Processes {
  const rows = new Map<number, PsRow>(psRows().map((row) => [row.pid, row]));
  const samples = [...rows.values()]
    .filter((row) => !hasEnded(row))
    .map((row): [number, ProcessSample] => [
      row.pid,
      { ...row, start: row.started, ageSeconds: null, cpuSeconds: null, residentPages: 0 },
    ]);
  const words = (pid: number) => rows.get(pid)?.arguments.split(' ') ?? [];
  return processesOf(new Map(samples), null, (pid) => words(pid).filter((word) => word !== ''));
}

function processesOf(
  byPid: ReadonlyMap<number, ProcessSample>,
  uptime: number | null,
  argv: ProcessTable['argv'],
): Processes {
  const byParent = new Map<number, ProcessSample[]>();
  for (const sample of byPid.values()) {
    const children = byParent.get(sample.parent);
    if (children) children.push(sample);
    else byParent.set(sample.parent, [sample]);
  }
  const entry = (sample: ProcessSample | undefined): ProcessEntry | null => sample ?? null;
  return { byPid, byParent, uptime, table: { argv, get: (pid) => entry(byPid.get(pid)) } };
}

/** A process and all that it started, itself first; none where it has ended. */
export function family(pid: number, { byPid, byParent }: Processes): ProcessSample[] {
  const head = byPid.get(pid);
  const found = head ? [head] : [];
  // Grows while it is walked. Parents come from one reading, pids that came again meanwhile can make a ring of it.
  const seen = new Set([pid]);
  for (let at = 0; at < found.length; at++) {
    for (const child of byParent.get(found[at]!.pid) ?? []) {
      if (seen.has(child.pid)) continue;
      seen.add(child.pid);
      found.push(child);
    }
  }
  return found;
}

/** What processes of one family use together. */
export interface ProcessUse {
  readonly count: number;
  /**
   * Bytes of memory: what each has for itself, and of what they share the largest once (a dozen processes of one
   * program share its text). null where it could not be read.
   */
  readonly memoryBytes: number | null;
  /**
   * Of one core, in percent: since the reading before where there is one, else over the life of each process. null
   * where it could not be read.
   */
  readonly cpuPercent: number | null;
}

/**
 * What these processes use.
 *
 * @param before a reading that was made earlier. One that is of another boot is passed over.
 */
export function useOf(
  processes: readonly ProcessSample[],
  now: Processes,
  before: Processes | null = null,
): ProcessUse {
  return {
    count: processes.length,
    memoryBytes: memoryOf(processes, now),
    cpuPercent: cpuOf(processes, now, before),
  };
}

function memoryOf(processes: readonly ProcessSample[], { uptime }: Processes): number | null {
  if (uptime === null) return null;
  let own = 0;
  let shared = 0;
  for (const { pid, residentPages } of processes) {
    const pages = statm(pid);
    own += pages ? pages.resident - pages.shared : residentPages;
    shared = Math.max(shared, pages?.shared ?? 0);
  }
  return (own + shared) * pageBytes();
}

/** Pages in use, and how many of them are of files or of memory that others have as well. */
function statm(pid: number): { readonly resident: number; readonly shared: number } | null {
  try {
    const [, resident, shared] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ').map(Number);
    return resident !== undefined && shared !== undefined ? { resident, shared } : null;
  } catch {
    return null; // it has ended
  }
}

let page: number | null = null;

/** Node has no sysconf: our own size in pages and in kilobytes tells it, 4, 16 or 64 KiB. */
function pageBytes(): number {
  if (page !== null) return page;
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
  const pages = Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]);
  const ratio = (kilobytes * 1024) / pages;
  page = [4096, 16_384, 65_536].find((size) => ratio < size * 2) ?? 4096;
  return page;
}

function cpuOf(processes: readonly ProcessSample[], now: Processes, before: Processes | null): number | null {
  if (now.uptime === null) return null;
  const elapsed = before?.uptime == null ? 0 : now.uptime - before.uptime;
  let percent = 0;
  for (const { pid, start, cpuSeconds, ageSeconds } of processes) {
    const old = elapsed > 0 ? before?.byPid.get(pid) : undefined;
    const known = old?.start === start ? (old.cpuSeconds ?? 0) : 0;
    const seconds = elapsed > 0 ? elapsed : Math.max(1, ageSeconds ?? 1);
    percent += (Math.max(0, (cpuSeconds ?? 0) - known) / seconds) * 100;
  }
  return percent;
}
