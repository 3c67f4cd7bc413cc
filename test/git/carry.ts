import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type GatheredWork, type GatherOptions, gatherWork } from '../../src/git/gather-work.js';
import { type PlaceOptions, placeWork } from '../../src/git/place-work.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { repository, type TestRepository } from './repo.js';

/** Two homes: the one of the repository, and another one. */
export interface TwoHomes {
  readonly repo: TestRepository;
  readonly there: Sandbox;
  /** Where the project would be there. */
  readonly mapped: string;
  /** @param folder that of the project, below the repository's or beside it */
  gather(options?: Partial<GatherOptions>, folder?: string): Promise<GatheredWork>;
  place(gathered: GatheredWork, options?: Partial<PlaceOptions>): ReturnType<typeof placeWork>;
  /** Runs shell lines in a folder there. */
  sh(script: string, folder?: string): Promise<string>;
}

/**
 * @param remote a bare repository at `remote.git` in the first home, to which `main` is pushed
 * @param make makes a sandbox; by default they are the test's own
 */
export async function twoHomes(
  remote: boolean,
  name = 'shop',
  make: () => Sandbox = sandbox,
): Promise<TwoHomes> {
  const repo = await repository(name, make());
  const there = make();
  if (remote)
    await repo.sh(
      'git init -q --bare -b main ../remote.git && git remote add origin "$(cd .. && pwd)/remote.git" && git push -qu origin main',
    );
  const mapped = join(there.home, name);
  return {
    repo,
    there,
    mapped,
    async gather(options = {}, folder = '.') {
      const scratch = mkdtempSync(join(repo.box.folder, 'scratch-'));
      const gathered = await gatherWork(join(repo.path, folder), {
        env: repo.box.env,
        scratch,
        isSecret: (path) => /(^|\/)\.env$/.test(path),
        mostBytes: 10_000_000,
        ...options,
      });
      return gathered!;
    },
    place(gathered, options = {}) {
      return placeWork(
        JSON.parse(JSON.stringify(gathered.described)),
        (file) => gathered.files.find((one) => one.name === file)?.path ?? null,
        {
          env: there.env,
          into: null,
          roots: [],
          mapped,
          workspace: name,
          clone: true,
          dryRun: false,
          mapPath: (path) => path.replace(repo.box.home, there.home),
          progress: () => {},
          ...options,
        },
      );
    },
    async sh(script, folder = mapped) {
      const ran = await there.run('sh', ['-ec', script], { cwd: folder });
      if (ran.code !== 0) throw new Error(`${script}: ${ran.stderr}`);
      return ran.stdout;
    },
  };
}
