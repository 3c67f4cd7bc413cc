import { join } from 'node:path';
import type { LeftOutWork } from './gather-work.js';
import { booleanSetting, git, gitOutput, gitReason } from './git.js';
import { findRepository } from './repository.js';
import { operationIn } from './status.js';
import { type Changes, shown } from './work-trees.js';
import type { Worktree } from './worktrees.js';

/** What a working tree has that is not carried, other than for its size or its secrets. */
export async function staysBehind(
  top: string,
  changes: Changes,
  options: { readonly env: NodeJS.ProcessEnv; readonly worktrees: readonly Worktree[] },
): Promise<LeftOutWork[]> {
  const said: LeftOutWork[] = [];
  const own = new Set(options.worktrees.filter((one) => !one.bare).map((one) => one.path));
  for (const path of changes.nested) {
    const folder = join(top, shown(path));
    if (!own.has(folder)) said.push({ what: folder, why: 'It is a repository of its own.' });
  }
  for (const path of changes.onlyNamed)
    said.push({
      what: join(top, shown(path)),
      why: 'It was added in name only (git add -N), and is not there.',
    });
  const repository = findRepository(top);
  const operation = repository && operationIn(repository);
  if (operation) {
    said.push({
      what: `the ${operation} in progress in ${top}`,
      why: 'git cannot take one up on another machine. The files are carried as the working tree has them.',
    });
  }
  if (changes.conflicted.length > 0) {
    said.push({
      what: `the versions of ${changes.conflicted.map(shown).join(', ')} that are in conflict`,
      why: 'The files are carried as the working tree has them, with the marks of the conflict.',
    });
  }
  const words = { env: options.env, timeout: 60_000 } as const;
  const [ignored, sparse, large, links] = await Promise.all([
    git(
      top,
      [
        'ls-files',
        '--others',
        '--ignored',
        '--exclude-standard',
        '--directory',
        '--no-empty-directory',
        '-z',
      ],
      { ...words, bytes: true },
    ),
    booleanSetting(top, 'core.sparseCheckout', words),
    git(top, ['ls-files', '-z', '--', ':(top,attr:filter=lfs)'], { ...words, bytes: true }),
    submodulesOf(top, options.env),
  ]);
  const count = ignored.stdout
    .split('\0')
    .filter((path) => path !== '' && !own.has(join(top, shown(path).replace(/\/$/, '')))).length;
  if (ignored.exitCode !== 0) said.push({ what: `ignored files of ${top}`, why: gitReason(ignored) });
  else if (count > 0)
    said.push({
      what: `${count} ignored ${count === 1 ? 'file or folder' : 'files and folders'} of ${top}`,
      why: 'What git ignores is not carried.',
    });
  if (sparse)
    said.push({
      what: `the sparse checkout of ${top}`,
      why: 'The whole tree is checked out there. git sparse-checkout set makes it sparse again.',
    });
  if (large.exitCode !== 0) said.push({ what: `files in git LFS of ${top}`, why: gitReason(large) });
  const pointers = large.exitCode === 0 ? large.stdout.split('\0').length - 1 : 0;
  if (pointers > 0)
    said.push({
      what: `the content of ${pointers} ${pointers === 1 ? 'file' : 'files'} in git LFS, of ${top}`,
      why: 'It is not in the commits. Get it there: git lfs pull',
    });
  for (const path of links) {
    const dirty = changes.submodules.includes(path);
    said.push({
      what: `submodule ${join(top, shown(path))}`,
      why: dirty
        ? 'It is a repository of its own, and has changes or commits that stay here. Push them; then, there: git submodule update --init'
        : 'It is a repository of its own. Get it there: git submodule update --init',
    });
  }
  return said;
}

async function submodulesOf(top: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const listed = await gitOutput(top, ['ls-files', '--stage', '-z'], { env, bytes: true, timeout: 60_000 });
  return listed
    .split('\0')
    .filter((line) => line.startsWith('160000 '))
    .map((line) => line.slice(line.indexOf('\t') + 1));
}
