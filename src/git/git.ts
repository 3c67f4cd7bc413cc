import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { type RunOptions, type RunResult, run } from '../system/run.js';

/**
 * The one call of git. Its arguments are exact words (no shell); whoever passes a word of the user's puts
 * `--end-of-options` or `--` before it.
 */

// `git rev-parse --local-env-vars`, and what names a place inside of one repository: a cw that was started from a
// git hook carries these, and would act on that repository instead of the one that was named.
const local = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_COUNT',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REFLOG_ACTION',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]);

/** The environment for a git that acts on the repository of its folder, asks nothing, and answers in English. */
export function gitEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !local.has(name));
  return {
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    SSH_ASKPASS: 'true',
    GIT_EDITOR: 'true',
    GIT_PAGER: 'cat',
    // Some answers are told apart by their text.
    LC_ALL: 'C',
    LANGUAGE: 'C',
  };
}

// A repository's own configuration can name programs that git runs while it only looks; and looking must not take
// the index's lock from somebody at work.
const looking = ['--no-optional-locks', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null'];

export interface GitOptions extends Pick<RunOptions, 'input' | 'bytes' | 'outputFile' | 'onError'> {
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds; 10,000 by default. */
  readonly timeout?: number;
  /** The command changes the repository: the user's hooks run, as they would when it is typed. */
  readonly writes?: boolean;
  /** Variables beside those of `env`, also of the kind that is left out there (`GIT_DIR`, `GIT_INDEX_FILE`, ...). */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Runs git in a folder and gives back how it ended.
 *
 * @throws CwError `not-found` when the folder is gone, `failed` when there is no git.
 */
export async function git(
  folder: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<RunResult> {
  const result = await run('git', [...(options.writes ? [] : looking), ...args], {
    cwd: folder,
    env: { ...gitEnvironment(options.env ?? process.env), ...options.set },
    timeout: options.timeout ?? 10_000,
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.bytes === undefined ? {} : { bytes: options.bytes }),
    ...(options.outputFile === undefined ? {} : { outputFile: options.outputFile }),
    ...(options.onError === undefined ? {} : { onError: options.onError }),
  });
  if (result.failedToStart === null) return result;
  if (!isFolder(folder)) {
    throw new CwError('not-found', `There is no folder ${folder}.`, { hint: 'Check the path.' });
  }
  throw new CwError(
    'failed',
    result.failedToStart === 'ENOENT'
      ? 'git is not installed, or not on your PATH.'
      : `git could not be started: ${result.failedToStart}.`,
    {
      hint: 'Debian/Ubuntu: sudo apt install git\nFedora: sudo dnf install git\nmacOS: xcode-select --install',
    },
  );
}

/** Why a git command failed, in one line: its own words where it said any. */
export function gitReason(result: RunResult): string {
  if (result.timedOut) return 'git did not answer in time';
  if (result.exitCode === null) return 'git was ended by a signal';
  const lines = result.stderr.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((candidate) => /^(fatal|error): /.test(candidate)) ?? lines[0];
  return line?.replace(/^(fatal|error): /, '').trim() ?? `git ended with code ${result.exitCode}`;
}

/**
 * The output of a git command that must succeed.
 *
 * @throws CwError `failed` with git's own reason; what `git` throws.
 */
export async function gitOutput(
  folder: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  const result = await git(folder, args, options);
  if (result.exitCode === 0) return result.stdout;
  const command = args.find((word, at) => !word.startsWith('-') && args[at - 1] !== '-c') ?? '';
  throw new CwError('failed', `git ${command} failed in ${folder}: ${gitReason(result)}.`, {
    hint: 'See what it says when you run it there yourself.',
  });
}

/**
 * A setting that is true or false, as git reads it in a folder; null: it is not set.
 *
 * @throws CwError `failed` with git's own reason; what `git` throws.
 */
export async function booleanSetting(
  folder: string,
  name: string,
  options: GitOptions = {},
): Promise<boolean | null> {
  const told = await git(folder, ['config', '--type=bool', '--get', name], options);
  // 1: there is no such setting (git-config(1)).
  if (told.exitCode === 1) return null;
  if (told.exitCode === 0) return told.stdout.trim() === 'true';
  throw new CwError('failed', `The setting ${name} of ${folder} could not be read: ${gitReason(told)}.`, {
    hint: `See what it says when you run it there yourself: git config ${name}`,
  });
}
