import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readTextIfAny } from '../system/files.js';

/** How the command of a pane ended, as the start file of its shell noted it. */
export interface Ending {
  readonly status: number;
  /** That it took, whole ones. */
  readonly seconds: number;
}

/** Where the shell of a pane notes it. */
export function endingFile(workspaceFolder: string, paneKey: string): string {
  return join(workspaceFolder, 'endings', paneKey.replace(/[^A-Za-z0-9_.-]/g, '_'));
}

/**
 * `open`: the command has not begun yet, runs, or was broken off by Ctrl-C. null: none was started, or by a shell that
 * has no start file of ours.
 */
export function readEnding(file: string): Ending | 'open' | null {
  const text = readTextIfAny(file);
  if (text === null) return null;
  const [, status, seconds] = /^(\d{1,3}) (-?\d+)/.exec(text) ?? [];
  return status === undefined ? 'open' : { status: Number(status), seconds: Math.max(0, Number(seconds)) };
}

export function forgetEnding(file: string): void {
  rmSync(file, { force: true });
}

/** What ends so soon has failed to start. Seconds. */
const soon = 10;
const interrupted = 130;

/** A program that could not start (no network yet at boot, a port that was in use), and not one that the user ended. */
export function isFailedStart({ status, seconds }: Ending): boolean {
  return status !== 0 && status !== interrupted && seconds <= soon;
}
