import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { ancestors, type ProcessEntry, type ProcessTable } from '../system/process-table.js';
import type { PaneFact } from './facts.js';
import { isConversationId, type ProcessId } from './model.js';
import { claudeFolder } from './slug.js';

/** What can be seen of Claude Code from outside: its processes, and the files in which it says what it does. */

export type SessionStatus = 'idle' | 'busy' | 'waiting' | 'shell';

/**
 * What `<configuration folder>/sessions/<pid>.json` says. It is undocumented, absent in older versions, and stays
 * behind after SIGKILL: a hint, and only of a process that lives and started when it says.
 */
export interface SessionFile {
  readonly process: ProcessId;
  readonly conversation: string;
  readonly cwd: string | null;
  /** null: not said, as by older versions, or a word that is not known. */
  readonly status: SessionStatus | null;
  readonly waitingFor: string | null;
  /** UTC, ISO 8601. */
  readonly statusAt: string | null;
  /** When the file was written. Milliseconds since 1970. */
  readonly writtenAt: number;
  readonly configDir: string | null;
}

/** Larger is nothing that it writes there. */
const largestFile = 64 * 1024;

/** @returns null for a text that is no such file, or one of another process than its name says. */
export function parseSessionFile(
  text: string,
  pid: number,
  configDir: string | null,
  writtenAt: number,
): SessionFile | null {
  let value: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return null;
    value = parsed as Record<string, unknown>;
  } catch {
    return null; // it is being written
  }
  if (value.pid !== pid || !isConversationId(value.sessionId)) return null;
  const { status, procStart } = value;
  const isKnown = status === 'idle' || status === 'busy' || status === 'waiting' || status === 'shell';
  return {
    process: {
      pid,
      start: typeof procStart === 'string' || typeof procStart === 'number' ? String(procStart) : null,
    },
    conversation: value.sessionId,
    cwd: typeof value.cwd === 'string' ? value.cwd : null,
    status: isKnown ? status : null,
    waitingFor: typeof value.waitingFor === 'string' ? value.waitingFor : null,
    statusAt: timeOf(value.statusUpdatedAt),
    writtenAt,
    configDir,
  };
}

/** A time as text or in milliseconds since 1970. */
function timeOf(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/**
 * The session files of one configuration folder whose processes live.
 *
 * @param configDir null is `~/.claude`.
 */
export function readSessionFiles(
  configDir: string | null,
  processes: ProcessTable,
  env: NodeJS.ProcessEnv,
): SessionFile[] {
  const folder = join(claudeFolder(configDir, env), 'sessions');
  return namesIn(folder).flatMap((name) => {
    const pid = Number(/^(\d{1,9})\.json$/.exec(name)?.[1] ?? 0);
    const now = pid > 0 ? processes.get(pid) : null;
    if (!now) return [];
    const found = smallFile(join(folder, name));
    const file = found && parseSessionFile(found.text, pid, configDir, found.writtenAt);
    return file && startsAgree(file.process.start, now.start)
      ? [{ ...file, process: { pid, start: now.start } }]
      : [];
  });
}

/** False where both are known, in one notation, and differ: then the pid is another process's by now. */
export function startsAgree(said: string | null, now: string | null): boolean {
  if (said === null || now === null) return true;
  const isTicks = (text: string) => /^\d+$/.test(text);
  return isTicks(said) !== isTicks(now) || said.trim() === now.trim();
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return []; // an old version, or not ours to read
    throw error;
  }
}

function smallFile(path: string): { readonly text: string; readonly writtenAt: number } | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isFile() || found.size > largestFile) return null;
    return { text: readFileSync(path, 'utf8'), writtenAt: found.mtimeMs };
  } catch {
    return null; // removed meanwhile, or closed to us
  }
}

/**
 * `CLAUDE_CONFIG_DIR` in the environment that a process was started with. Nothing else of it is kept: it holds
 * secrets.
 *
 * @returns null where it is not set; undefined where it cannot be read (another user's process, no /proc).
 */
export function configDirOf(pid: number): string | null | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`/proc/${pid}/environ`);
  } catch {
    return undefined;
  }
  // Each variable ends with NUL; before the first one there is none.
  const name = 'CLAUDE_CONFIG_DIR=';
  const found = bytes
    .toString('utf8')
    .split('\0')
    .find((variable) => variable.startsWith(name));
  return found?.slice(name.length) || null;
}

/** Names of at most 15 bytes, as the kernel has them. */
const shells = new Set('sh bash dash ash busybox zsh fish ksh mksh'.split(' '));

/** What has the terminal of a pane. */
export type Foreground =
  /** A program, which its shell started or which stands in its place. */
  | 'program'
  /** The pane's shell. */
  | 'shell'
  /** A start of ours that waits for its turn, before there is a shell. */
  | 'start'
  | 'unknown';

/** @param panePid the pane's own process. */
export function foregroundOf(panePid: number, processes: ProcessTable): Foreground {
  const own = processes.get(panePid);
  const leader = own && processes.get(own.foreground);
  if (!leader) return 'unknown';
  if (!shells.has(leader.command)) return 'program';
  return processes.argv(panePid).some((word) => word.endsWith('/cw-start')) ? 'start' : 'shell';
}

export type Standing =
  /** It is Claude Code in the foreground of the pane. */
  | { readonly kind: 'own'; readonly process: ProcessId }
  /** It was started by the pane's own one, by an agent's tool. */
  | { readonly kind: 'nested'; readonly within: ProcessId }
  /** It lives, but not in the foreground of that pane. */
  | { readonly kind: 'elsewhere' }
  /** It has ended: nothing of it can be looked at any more. */
  | { readonly kind: 'gone' };

/**
 * Where a process that called a hook stands in a pane. Claude Code has the pane's terminal and is in its foreground;
 * hooks, tools and what an agent starts with them run in sessions of their own without a terminal. So the first
 * process in a foreground above a caller is the pane's Claude Code. The caller is that one itself, or the one `sh -c`
 * in which it runs the hook; whatever else stands between was started by an agent.
 *
 * @param caller the parent of the hook, as it was noted when the hook ran.
 * @param panePid the pane's own process.
 * @param known the Claude Code that is known to have the pane: what runs below it is nested, also in a terminal that
 *   an agent made for it.
 */
export function standing(
  caller: ProcessId,
  panePid: number,
  processes: ProcessTable,
  known: ProcessId | null = null,
): Standing {
  const now = processes.get(caller.pid);
  if (!now || !startsAgree(caller.start, now.start)) return { kind: 'gone' };
  const line = [now, ...ancestors(now.pid, processes)];
  const pane = line.findIndex((one) => one.pid === panePid);
  if (pane < 0) return { kind: 'elsewhere' };
  // The pane's own process belongs to the line: it can be Claude Code, in place of a shell.
  const family = line.slice(0, pane + 1);
  const nearest = family.findIndex((one) => isInForeground(one) && !shells.has(one.command));
  const bound = family.findIndex((one) => known?.pid === one.pid && startsAgree(known.start, one.start));
  const head = Math.max(nearest, bound);
  const own = family[head];
  if (!own) return { kind: 'elsewhere' };
  const process = { pid: own.pid, start: own.start };
  const between = family.slice(0, head);
  // The shell that runs the hook: at most one, since what it runs has it as its parent.
  const isHooksShell = between.length === 1 && shells.has(between[0]?.command ?? '');
  return between.length === 0 || isHooksShell
    ? { kind: 'own', process }
    : { kind: 'nested', within: process };
}

function isInForeground(one: ProcessEntry): boolean {
  return one.foreground > 0 && one.group === one.foreground;
}

/** The pane in whose foreground a process is Claude Code; null where it is in none of these. */
export function paneOf(
  process: ProcessId,
  panes: ReadonlyMap<number, PaneFact>,
  processes: ProcessTable,
): PaneFact | null {
  for (const one of [processes.get(process.pid), ...ancestors(process.pid, processes)]) {
    const pane = one && panes.get(one.pid);
    if (pane) return standing(process, pane.pid, processes).kind === 'own' ? pane : null;
  }
  return null;
}
