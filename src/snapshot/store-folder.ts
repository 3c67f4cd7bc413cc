import { join } from 'node:path';
import type { FileLayer } from '../system/file-layer.js';

/** The folders of one workspace's store. */
export function storeFolders(registryFolder: string, workspace: string) {
  const folder = join(registryFolder, workspace);
  return {
    folder,
    snapshots: join(folder, 'snapshots'),
    /** An empty file for each pinned snapshot, named by its sequence: to pin rewrites no snapshot. */
    pins: join(folder, 'pins'),
    /** What did not read, under the name that it had. */
    damaged: join(folder, 'damaged'),
    lock: join(folder, 'lock'),
  };
}

const namePattern = /^(\d{8,})-\d{8}T\d{6}Z\.json$/;

/** The name of a snapshot's file, `00000012-20260131T235959Z.json`. */
export function fileName(sequence: number, at: string): string {
  const compact = at.replace(/\.\d+(?=Z$)/, '').replace(/[-:]/g, '');
  return `${pinName(sequence)}-${compact}.json`;
}

/** The sequence in a file's name, or null for a file that is none of ours. */
export function sequenceOf(name: string): number | null {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function pinName(sequence: number): string {
  return String(sequence).padStart(8, '0');
}

/** The sequences that are pinned. */
export function readPins(folder: string, files: FileLayer): Set<number> {
  return new Set(
    files
      .names(folder)
      .filter((name) => /^\d{8,}$/.test(name))
      .map(Number),
  );
}
