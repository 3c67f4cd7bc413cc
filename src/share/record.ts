import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { isAlive } from '../system/process.js';
import type { Way } from './door.js';
import type { Guest } from './guests.js';

/** A share as it is kept on the disk while it lasts: `shares/ID.json` in the folder of the tmux server. */
export interface ShareRecord {
  readonly format: 1;
  readonly id: string;
  /** The id of the workspace, and the name that it had then. */
  readonly workspace: string;
  readonly name: string;
  /** `write`: the guests use the tmux server itself. */
  readonly mode: 'view' | 'write';
  readonly guests: readonly Guest[];
  readonly way: Way;
  /** Where viewers connect; of a `write` share the socket of the tmux server. */
  readonly socket: string;
  /** The folder that is removed with it; null: none is. */
  readonly folder: string | null;
  /** Files that the guests were given rights on, which are taken back. */
  readonly opened: readonly string[];
  /** UTC, ISO 8601. */
  readonly startedAt: string;
  readonly endsAt: string;
  /** Its guests have been let in; before, that is being done. */
  readonly ready: boolean;
  /** The process that keeps it, and when that started. */
  readonly pid: number;
  readonly processStart: string | null;
}

/** @param folder that of the tmux server (`Registry.folder`). */
function sharesFolder(folder: string): string {
  return join(folder, 'shares');
}

export function shareFile(folder: string, id: string): string {
  return join(sharesFolder(folder), `${id}.json`);
}

export function writeShare(folder: string, share: ShareRecord): void {
  ensurePrivateFolder(sharesFolder(folder));
  writeFileAtomic(shareFile(folder, share.id), `${JSON.stringify(share, null, 2)}\n`);
}

export function removeShare(folder: string, id: string): void {
  rmSync(shareFile(folder, id), { force: true });
}

/** All shares that are written down, the oldest first; also those whose process died (`isKept`). */
export function readShares(folder: string): ShareRecord[] {
  let names: string[];
  try {
    names = readdirSync(sharesFolder(folder));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .flatMap((name) => {
      const id = /^([0-9a-f]{16})\.json$/.exec(name)?.[1];
      const share = id === undefined ? null : parse(readTextIfAny(shareFile(folder, id)) ?? '');
      return share?.id === id && share ? [share] : [];
    })
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

/** Whether the process that keeps it lives. */
export function isKept({ pid, processStart }: ShareRecord): boolean {
  return isAlive(pid, processStart);
}

/** Those that are there now. */
export function livingShares(folder: string): ShareRecord[] {
  return readShares(folder).filter(isKept);
}

function parse(text: string): ShareRecord | null {
  try {
    const value = JSON.parse(text) as Partial<ShareRecord> | null;
    const texts = [value?.id, value?.workspace, value?.name, value?.socket, value?.startedAt, value?.endsAt];
    if (value?.format !== 1 || texts.some((one) => typeof one !== 'string')) return null;
    if (!Number.isInteger(value.pid) || !Array.isArray(value.guests) || !Array.isArray(value.opened))
      return null;
    if (value.mode !== 'view' && value.mode !== 'write') return null;
    return value as ShareRecord;
  } catch {
    return null; // damaged: written whole by us, so by somebody else's hand
  }
}
