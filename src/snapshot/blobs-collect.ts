import { join } from 'node:path';
import { type FileLayer, realFiles } from '../system/file-layer.js';
import { withLock } from '../system/lock.js';
import { blobFolder, collectedFile, dyingPath } from './blobs.js';
import { storeFolders } from './store-folder.js';

/** A save names its blobs within seconds after it has stored them. Milliseconds. */
const grace = 10 * 60_000;

/**
 * Takes away the blobs that no snapshot of any workspace of this server names, and that nobody stored or used
 * within ten minutes. Which ones are named is read from the bytes of all files of snapshots, also damaged ones and
 * ones of a newer format: a hash that stands anywhere in them counts. When one of them cannot be read nothing is
 * taken away.
 *
 * @param now milliseconds since 1970
 * @returns how many went, and their bytes.
 */
export async function collectBlobs(
  registryFolder: string,
  now: number,
  files: FileLayer = realFiles,
): Promise<{ removed: number; bytes: number }> {
  const folder = blobFolder(registryFolder);
  if (files.state(folder) === null) return { removed: 0, bytes: 0 };
  return await withLock(
    join(registryFolder, 'locks', 'blobs.lock'),
    async () => {
      files.sweepLitter(join(registryFolder, 'locks'));
      const named = await namesInUse(registryFolder, files);
      let removed = 0;
      let bytes = 0;
      const names = files.names(folder);
      files.sweepLitter(folder, names);
      for (const [index, name] of names.entries()) {
        if (index % 500 === 499) await breathe();
        const match = /^([0-9a-f]{64})\.gz(\.dying)?$/.exec(name);
        if (match?.[1] === undefined) continue;
        const path = join(folder, `${match[1]}.gz`);
        // An earlier collector died here.
        if (match[2] !== undefined) files.rename(join(folder, name), path);
        if (named.has(match[1])) continue;
        const size = takeAway(path, now, files);
        if (size === null) continue;
        removed++;
        bytes += size;
      }
      if (removed > 0) {
        files.unlink(collectedFile(registryFolder));
        files.create(collectedFile(registryFolder), '');
      }
      return { removed, bytes };
    },
    { files },
  );
}

/**
 * A save may find the blob there and touch it, so that it needs not write it, right before it is taken away.
 * Therefore it is moved first and its time is read after that: one that was touched goes back, and who touches it
 * later finds it gone and writes it anew.
 *
 * @returns its size, or null when it stays.
 */
function takeAway(path: string, now: number, files: FileLayer): number | null {
  const before = files.state(path);
  if (before === null || now - before.mtimeMs < grace) return null;
  const dying = dyingPath(path);
  files.rename(path, dying);
  const state = files.state(dying);
  if (state !== null && now - state.mtimeMs < grace) {
    files.rename(dying, path);
    return null;
  }
  files.unlink(dying);
  return state?.size ?? 0;
}

async function namesInUse(registryFolder: string, files: FileLayer): Promise<Set<string>> {
  const named = new Set<string>();
  const done = new Set<string>();
  const journals = join(registryFolder, 'journal');
  const read = async (folder: string) => {
    for (const [index, name] of files.names(folder).entries()) {
      const path = join(folder, name);
      // What the name of a snapshot holds never changes, so once is enough; a journal is filled again and again. Other
      // files are no snapshots of ours.
      if (done.has(path) || !/\.(json|journal)/.test(name)) continue;
      if (folder !== journals) done.add(path);
      const text = files.read(path)?.toString('latin1') ?? '';
      for (const match of text.matchAll(/"([0-9a-f]{64})"/g)) named.add(match[1] ?? '');
      // Thousands of files: others of this process have their turn in between.
      if (index % 50 === 49) await breathe();
    }
  };
  await read(join(registryFolder, 'damaged'));
  for (const workspace of files.names(registryFolder)) {
    const folder = storeFolders(registryFolder, workspace);
    if (files.state(folder.snapshots) === null) {
      await read(journals);
      await read(folder.damaged);
      continue;
    }
    // Under its lock: else its newest could be amended while we look, and both the old and the new one be missed.
    await withLock(
      folder.lock,
      async () => {
        // The journals first: what is settled meanwhile is in the folder then.
        await read(journals);
        await read(folder.snapshots);
        await read(folder.damaged);
      },
      { files },
    );
  }
  return named;
}

function breathe(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
