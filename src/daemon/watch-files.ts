import { basename, dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { answers } from '../system/mounts.js';

export interface FileWatch {
  /** The files to watch from now on, besides the folder: they need not exist, their folders do. */
  setFiles(paths: readonly string[]): void;
  stop(): Promise<void>;
}

export interface FileWatchOptions {
  /** A folder watched with what is in it, two levels deep. It has to exist. */
  readonly folder: string;
  readonly changed: (paths: readonly string[]) => void;
  readonly failed: (what: string, error: unknown) => void;
  /** Milliseconds in which changes are gathered: an editor writes, renames and removes for one save. */
  readonly quiet?: number;
}

/**
 * Watches the settings with the user's templates, and single files elsewhere. A single file is watched through its
 * folder alone, never what is below that: a project can hold a hundred thousand files.
 *
 * Returns when a change of the folder from now on is seen.
 */
export async function watchFiles(options: FileWatchOptions): Promise<FileWatch> {
  const { folder, failed } = options;
  const gathered = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  const note = (path: string) => {
    gathered.add(path);
    if (timer) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      const paths = [...gathered].sort();
      gathered.clear();
      options.changed(paths);
    }, options.quiet ?? 200);
  };

  // One watcher a folder of single files: chokidar's `depth` and `ignored` hold for a whole watcher.
  const single = new Map<string, { readonly names: Set<string>; readonly watcher: FSWatcher }>();
  const closing: Promise<void>[] = [];
  const close = (place: string) => {
    const found = single.get(place);
    single.delete(place);
    if (found) closing.push(found.watcher.close());
  };
  const open = (place: string, names: Set<string>) => {
    const watcher = watch(place, {
      depth: 0,
      ignoreInitial: true,
      ignored: (path) => path !== place && !names.has(basename(path)),
    });
    watcher.on('all', (_event, path) => {
      if (path !== place) note(path);
    });
    watcher.on('error', (error) => failed(`watching ${place}`, error));
    single.set(place, { names, watcher });
  };

  const main = watch(folder, { depth: 2, ignoreInitial: true, ignored: /\.tmp$|~$|\.sw[a-z]$/ });
  main.on('all', (_event, path) => {
    if (path !== folder) note(path);
  });
  main.on('error', (error) => failed(`watching ${folder}`, error));
  await new Promise<void>((done) => main.once('ready', () => done()));

  return {
    setFiles(paths) {
      const wanted = new Map<string, Set<string>>();
      for (const path of paths) {
        const place = dirname(path);
        // To watch a file system that hangs would hang us. It is watched when it answers again.
        if (!answers(place)) continue;
        wanted.set(place, (wanted.get(place) ?? new Set()).add(basename(path)));
      }
      for (const [place, { names }] of [...single]) {
        const now = wanted.get(place);
        if (!now || now.size !== names.size || [...now].some((name) => !names.has(name))) close(place);
      }
      for (const [place, names] of wanted) if (!single.has(place)) open(place, names);
    },
    async stop() {
      if (timer) clearTimeout(timer);
      for (const place of [...single.keys()]) close(place);
      await Promise.all([main.close(), ...closing]);
    },
  };
}
