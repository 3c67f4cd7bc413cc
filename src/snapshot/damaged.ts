import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type FileLayer, realFiles } from '../system/file-layer.js';

/** A file that did not read and was set aside, so that somebody can look at it. */
export interface SetAside {
  readonly path: string;
  readonly bytes: number;
  /** When it was set aside, milliseconds since 1970: moving a file changes its ctime and nothing else. */
  readonly at: number;
}

/** Days that they are kept. Nothing of ours reads them again. */
export const damagedDays = 30;

/** All files that were set aside on one tmux server, in no order. */
export function setAside(registryFolder: string, files: FileLayer = realFiles): SetAside[] {
  const folders = [registryFolder, ...files.names(registryFolder).map((name) => join(registryFolder, name))];
  return folders.flatMap((folder) => {
    const damaged = join(folder, 'damaged');
    return files.names(damaged).flatMap((name) => {
      const path = join(damaged, name);
      const found = statSync(path, { throwIfNoEntry: false });
      return found?.isFile() ? [{ path, bytes: found.size, at: found.ctimeMs }] : [];
    });
  });
}

/**
 * Removes those that were set aside more than `damagedDays` ago.
 *
 * @param now milliseconds since 1970. @returns how many.
 */
export function pruneSetAside(registryFolder: string, now: number, files: FileLayer = realFiles): number {
  const old = setAside(registryFolder, files).filter(({ at }) => now - at > damagedDays * 86_400_000);
  for (const { path } of old) files.unlink(path);
  return old.length;
}
