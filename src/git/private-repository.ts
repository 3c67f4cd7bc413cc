import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GitOptions, git, gitOutput } from './git.js';

/** Enough for a large repository on a slow disk. */
export const longLimit = 30 * 60_000;

export interface PrivateOptions extends Pick<GitOptions, 'input' | 'outputFile' | 'bytes'> {
  /** The name of an index of its own. */
  readonly index?: string;
  /** The working tree that it acts on. */
  readonly workTree?: string;
  readonly config?: readonly string[];
}

/**
 * A repository of our own that reads the objects of another one and keeps what is made for itself, so that the other
 * is not written to. It has none of the user's configuration, and its attributes outrank those in the tree: files
 * are taken and put byte for byte (no line ends turned, no filter run), and diffs look the same everywhere.
 */
export class PrivateRepository {
  private constructor(
    readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /**
   * @param folder must not be there yet
   * @param from the object folder of the other repository; null: there is none
   * @param shallow the commits without parents of the other repository, as its `shallow` file has them
   */
  static make(
    folder: string,
    from: string | null,
    options: {
      readonly env: NodeJS.ProcessEnv;
      readonly hashes: 'sha1' | 'sha256';
      readonly shallow: readonly string[];
    },
  ): PrivateRepository {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = new PrivateRepository(folder, options.env);
    // What `git init --bare` makes (gitrepository-layout(5)), without a process.
    for (const name of ['info', 'objects/info', 'refs']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/main\n');
    const format =
      options.hashes === 'sha1'
        ? 'repositoryformatversion = 0\n\tbare = true\n'
        : 'repositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n';
    writeFileSync(join(folder, 'config'), `[core]\n\t${format}`);
    writeFileSync(
      join(folder, 'info/attributes'),
      '* -text !eol -filter -ident -working-tree-encoding !diff !merge\n',
    );
    if (from !== null) made.readFrom(from);
    if (options.shallow.length > 0)
      writeFileSync(join(folder, 'shallow'), options.shallow.map((hash) => `${hash}\n`).join(''));
    return made;
  }

  /** Reads the objects of another repository from now on. @param objects its object folder */
  readFrom(objects: string): void {
    const line = /["\n]/.test(objects) ? JSON.stringify(objects) : objects;
    writeFileSync(join(this.folder, 'objects/info/alternates'), `${line}\n`);
  }

  private words(args: readonly string[], options: PrivateOptions): [string, string[], GitOptions] {
    const { index, workTree, config = [], ...rest } = options;
    return [
      workTree ?? this.folder,
      [...[...guards, ...config].flatMap((setting) => ['-c', setting]), ...args],
      {
        ...rest,
        env: this.env,
        timeout: longLimit,
        set: {
          ...neutral,
          GIT_DIR: this.folder,
          ...(workTree === undefined ? {} : { GIT_WORK_TREE: workTree }),
          GIT_INDEX_FILE: join(this.folder, index ?? 'index'),
        },
      },
    ];
  }

  /** Runs git in it, and gives back how it ended. */
  run(args: readonly string[], options: PrivateOptions = {}) {
    return git(...this.words(args, options));
  }

  /** The output of a command that must succeed, without the last line's end. @throws CwError `failed` */
  async output(args: readonly string[], options: PrivateOptions = {}): Promise<string> {
    const [folder, words, rest] = this.words(args, options);
    return (await gitOutput(folder, words, rest)).replace(/\n$/, '');
  }
}

// Paths that another machine's disk would take for `.git` are refused everywhere.
const guards = [
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'fetch.fsckObjects=true',
  'transfer.fsckObjects=true',
  'gc.auto=0',
  'maintenance.auto=false',
];

/** The same answers whatever the user's configuration is. */
const neutral = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_ALLOW_PROTOCOL: 'file',
} as const;
