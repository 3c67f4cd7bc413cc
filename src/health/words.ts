import type { Survey } from '../survey/model.js';
import { shellWord, tildePath } from '../system/paths.js';

/** Milliseconds from a time to another; 0 for one that is to come (a clock was set back) or that is none. */
export function since(at: string | null | undefined, now: string): number {
  const passed = Date.parse(now) - Date.parse(at ?? '');
  return Number.isNaN(passed) ? 0 : Math.max(0, passed);
}

/** A span of milliseconds in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`. */
export function span(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Bytes in the unit that people read: `812 MB`, `1.3 GB`. */
export function size(bytes: number): string {
  const mega = bytes / mebibyte;
  if (mega < 1) return `${Math.ceil(bytes / 1024)} kB`;
  if (mega < 1000) return `${Math.round(mega)} MB`;
  return `${(mega / 1024).toFixed(1)} GB`;
}

export const mebibyte = 1024 * 1024;

/** `1 file`, `3 files`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** The words of a process, short enough for a line. */
export function words(argv: readonly string[], otherwise: string): string {
  const line = argv.join(' ');
  if (line === '') return otherwise;
  return line.length <= 48 ? line : `${line.slice(0, 47)}…`;
}

/** A path as it can be pasted into a shell's line. */
export function shellPath(path: string): string {
  return shellWord(tildePath(path));
}

/** How a line for a shell begins that is meant for the server that was looked at. */
export function tmuxWords({ tmux }: Pick<Survey, 'tmux'>): string {
  return ['tmux', ...(tmux.state === 'running' ? tmux.words : [])].map(shellWord).join(' ');
}
