import { join, relative } from 'node:path';
import { CwError, messageOf } from '../../errors.js';
import { addWorktree } from '../../git/add-worktree.js';
import { gitOutput } from '../../git/git.js';
import { many } from '../../git/many.js';
import { checkRemoval, removeWorktree } from '../../git/remove-worktree.js';
import { findRepository } from '../../git/repository.js';
import { gitStatus, type WorkingTree } from '../../git/status.js';
import { listWorktrees, requireRepository, type Worktree } from '../../git/worktrees.js';
import { excludeOurFiles } from '../../project/exclude.js';
import { isFolder } from '../../system/files.js';
import { expandPath, tildePath } from '../../system/paths.js';
import { isNoServer } from '../../tmux/failure.js';
import { readServer } from '../../tmux/reading.js';
import { find, projectFolder } from '../../workspace/find.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Args, Command, Context, OptionSpec, Verb } from '../command.js';
import { table } from '../output.js';

const place: Readonly<Record<string, OptionSpec>> = {
  project: {
    type: 'string',
    completes: 'workspace',
    short: 'p',
    value: 'NAME',
    describe: 'A workspace or project by name.',
  },
  path: {
    type: 'string',
    value: 'PATH',
    describe: 'A folder of the repository; by default the one you are in.',
  },
};

const add: Command = {
  name: 'worktree add',
  summary: 'Check a branch out in a folder of its own under .worktrees.',
  description:
    'A branch that exists is checked out as it is. One that only a remote has is made from it and follows it. Any ' +
    'other is made from HEAD, or from --base.',
  positionals: [{ name: 'branch', describe: 'The branch.', required: true }],
  options: {
    ...place,
    base: { type: 'string', value: 'REF', describe: 'Where a new branch starts.' },
    pane: { type: 'boolean', describe: 'Open a Claude pane in it, in the running workspace.' },
  },
  examples: [
    { line: 'cw worktree add feat/cart', does: 'A new branch from HEAD, in .worktrees/feat-cart.' },
    { line: 'cw worktree add hotfix --base v1.0', does: 'A new branch from a tag.' },
    { line: 'cw worktree add feat/api --pane', does: 'With a Claude pane in it.' },
  ],
  async run(args, context) {
    const folder = await projectOf(args, context);
    const branch = args.positionals.branch ?? '';
    const base = args.options.base as string | undefined;
    const repository = requireRepository(folder);
    const workspace = args.options.pane
      ? await openWorkspace(context, [folder, repository.root, repository.home])
      : null;
    const added = await addWorktree(folder, {
      branch,
      env: context.env,
      ...(base === undefined ? {} : { base }),
    });
    const remark = excludeOurFiles(repository.home);
    if (remark !== null) context.note(remark);
    if (added.submodules) {
      context.note(
        `Its submodules are empty: git -C ${tildePath(added.path, context.env)} submodule update --init`,
      );
    }
    const pane =
      workspace === null
        ? null
        : await openPane(context, workspace, projectIn(added.path, repository.root, workspace.path), branch);
    const from = added.upstream ?? `${base ?? 'HEAD'}, ${added.commit.slice(0, 7)}`;
    const lines = [
      `${branch} is in ${tildePath(added.path, context.env)} (${added.created ? `new, from ${from}` : `as it is, ${added.commit.slice(0, 7)}`}).`,
      ...(pane === null ? [] : [`Claude pane ${pane} is open in ${workspace?.name}.`]),
    ];
    return { data: { ...added, pane }, text: lines.join('\n') };
  },
};

const list: Command = {
  name: 'worktree list',
  summary: 'The worktrees of a repository, with their state.',
  options: place,
  examples: [
    { line: 'cw worktree list', does: 'Those of the repository that you are in.' },
    { line: 'cw worktree list --json', does: 'For programs.' },
  ],
  async run(args, context) {
    const folder = await projectOf(args, context);
    const worktrees = await listWorktrees(folder, { env: context.env });
    const merged = await mergedBranches(folder, worktrees, context);
    const entries = await many(worktrees, (worktree) => entryOf(worktree, merged, context));
    const rows = entries.map((entry) => [
      entry.name,
      entry.branch ?? (entry.bare ? '-' : `detached ${entry.commit?.slice(0, 7) ?? ''}`.trim()),
      entry.summary,
      tildePath(entry.path, context.env),
    ]);
    const text = table([['NAME', 'BRANCH', 'STATE', 'PATH'], ...rows], context.terminal.columns, [
      {},
      {},
      {},
      { cut: 'start' },
    ]);
    const more = entries.length > 1 ? '' : '\nNone were added yet. Add one with: cw worktree add BRANCH';
    return { data: entries, text: text + more };
  },
};

const remove: Command = {
  name: 'worktree remove',
  summary: 'Remove a worktree; its branch stays.',
  description:
    'Refuses when anything would be lost: changes, untracked files, commits that no remote and no other branch has, ' +
    'a rebase or merge under way, open panes. Files that git ignores go with it.',
  positionals: [{ name: 'name', describe: 'Its folder, branch or path.', required: true }],
  options: {
    ...place,
    yes: { type: 'boolean', short: 'y', describe: 'Do not ask.' },
    force: { type: 'boolean', short: 'f', describe: 'Remove it although something is lost.' },
  },
  examples: [
    { line: 'cw worktree remove feat-cart --yes', does: 'Remove one that is clean and pushed or merged.' },
    { line: 'cw worktree remove feat/api --force --yes', does: 'Remove one with all that is in it.' },
  ],
  async run(args, context) {
    const folder = await projectOf(args, context);
    const name = args.positionals.name ?? '';
    const options = { env: context.env, force: args.options.force === true };
    const { worktree, lost } = await checkRemoval(folder, name, options);
    await refuseWhereSomebodyIs(worktree, options.force, context);
    if (!args.options.yes) {
      const shown = tildePath(worktree.path, context.env);
      if (!context.terminal.interactive) {
        throw new CwError('refused', `Removing ${shown} needs a yes.`, {
          hint: `Nothing was removed. Without a terminal, add --yes.`,
        });
      }
      const losing = lost.length > 0 ? ` This is lost: ${lost.join('; ')}.` : '';
      if (!(await context.ask(`Remove ${shown}?${losing}`)))
        return { data: null, text: 'Nothing was removed.' };
    }
    const removed = await removeWorktree(folder, worktree.path, options);
    return { data: removed, text: removedText(removed) };
  },
};

export const verb: Verb = {
  name: 'worktree',
  summary: 'Branches checked out side by side, under .worktrees.',
  subcommands: { add, list, remove },
};

/** The folder that a line is about: a workspace's or project's by name, a path, or the one it is typed in. */
async function projectOf(args: Args, context: Context): Promise<string> {
  const { project, path } = args.options;
  if (project !== undefined && path !== undefined) {
    throw new CwError('usage', 'Both --project and --path were given.', { hint: 'Give one of them.' });
  }
  if (typeof project === 'string') {
    const world = await readWorld(context.tmux(), context.env);
    const found = find(project, placesOf(world, context.settings(), context.cwd, context.env));
    return 'workspace' in found ? projectFolder(found.workspace.path, context.env) : found.folder;
  }
  return projectFolder(
    expandPath(typeof path === 'string' ? path : '.', context.cwd, context.env),
    context.env,
  );
}

/** Where a project below the top of its repository is in another worktree; the top where that does not have it. */
function projectIn(worktree: string, top: string | null, project: string): string {
  const below = top === null ? '' : relative(top, project);
  const folder = join(worktree, below);
  return below.startsWith('..') || !isFolder(folder) ? worktree : folder;
}

interface OpenWorkspace {
  readonly name: string;
  readonly path: string;
  readonly session: string;
}

/**
 * The open workspace of one of these folders, nearest first.
 *
 * @throws CwError `not-found` when none is open.
 */
async function openWorkspace(context: Context, folders: readonly (string | null)[]): Promise<OpenWorkspace> {
  const { workspaces } = await readWorld(context.tmux(), context.env);
  for (const folder of folders) {
    const found = workspaces.find((workspace) => workspace.session && workspace.path === folder);
    if (found?.session) return { name: found.name, path: found.path, session: found.session.id };
  }
  throw new CwError('not-found', 'No workspace of this project is open, so there is no place for a pane.', {
    hint: `Nothing was made. Open it with "cw up ${tildePath(folders[0] ?? '.', context.env)}", or leave out --pane.`,
  });
}

async function openPane(
  context: Context,
  workspace: OpenWorkspace,
  path: string,
  branch: string,
): Promise<string | null> {
  try {
    const { addPane } = await import('../../workspace/panes.js');
    return await addPane(context.tmux(), {
      workspace: workspace.session,
      pane: { role: 'claude', title: branch, cwd: path, run: 'claude' },
    });
  } catch (error) {
    // The worktree stands, and is worth more than the pane.
    context.note(
      `The worktree was made, but no pane could be opened in ${workspace.name}: ${messageOf(error)}`,
    );
    return null;
  }
}

interface Entry extends Worktree {
  /** For people: `3 changed, 1 ahead`. */
  readonly summary: string;
  readonly state: 'clean' | 'dirty' | 'missing' | 'bare' | 'unknown';
  readonly status: WorkingTree | null;
  /** All its commits are in the main working tree's, which has more. */
  readonly merged: boolean;
}

async function entryOf(worktree: Worktree, merged: ReadonlySet<string>, context: Context): Promise<Entry> {
  const isMerged = worktree.branch !== null && merged.has(worktree.branch);
  const common = { ...worktree, status: null, merged: isMerged };
  if (worktree.bare) return { ...common, state: 'bare', summary: 'bare' };
  if (worktree.prunable !== null) return { ...common, state: 'missing', summary: 'folder is gone' };
  const status = await gitStatus(worktree.path, { env: context.env });
  if (status.kind !== 'repository') {
    const reason = status.kind === 'unknown' ? status.reason : 'no repository any more';
    return { ...common, state: 'unknown', summary: `unknown: ${reason}` };
  }
  const words = describe(status);
  const extras = [...(isMerged ? ['merged'] : []), ...(worktree.locked === null ? [] : ['locked'])];
  return {
    ...common,
    status,
    state: words.dirty.length > 0 ? 'dirty' : 'clean',
    summary: [...(words.dirty.length > 0 ? words.dirty : ['clean']), ...words.rest, ...extras].join(', '),
  };
}

function describe(tree: WorkingTree): { dirty: string[]; rest: string[] } {
  const some = (count: number | null, word: string) => (count ? [`${count} ${word}`] : []);
  return {
    dirty: [
      ...(tree.operation === null ? [] : [`${tree.operation} under way`]),
      ...some(tree.conflicted, 'in conflict'),
      ...some(tree.staged, 'staged'),
      ...some(tree.changed, 'changed'),
      ...some(tree.untracked, 'untracked'),
    ],
    rest: [...some(tree.ahead, 'ahead'), ...some(tree.behind, 'behind')],
  };
}

/** Branches whose commits are all in the main working tree's, which has more than theirs. */
async function mergedBranches(
  folder: string,
  worktrees: readonly Worktree[],
  context: Context,
): Promise<Set<string>> {
  const main = worktrees[0];
  if (!main?.commit || worktrees.length < 2) return new Set();
  const text = await gitOutput(
    findRepository(folder)?.commonDir ?? folder,
    [
      'for-each-ref',
      `--merged=${main.commit}`,
      '--format=%(objectname) %(refname:lstrip=2)',
      '--',
      'refs/heads',
    ],
    { env: context.env },
  );
  const found = text.split('\n').flatMap((line) => {
    const blank = line.indexOf(' ');
    return blank > 0 && line.slice(0, blank) !== main.commit ? [line.slice(blank + 1)] : [];
  });
  return new Set(found);
}

/** @throws CwError `refused`: the line is typed in the folder, or panes are open in it (unless forced). */
async function refuseWhereSomebodyIs(worktree: Worktree, force: boolean, context: Context): Promise<void> {
  const inside = (path: string) => path === worktree.path || path.startsWith(`${worktree.path}/`);
  if (inside(context.cwd)) {
    throw new CwError('refused', `You are in ${tildePath(worktree.path, context.env)}.`, {
      hint: 'Change to another folder first; then try again.',
    });
  }
  if (force) return;
  const panes = await panesOf(context);
  const there = panes.filter((pane) => inside(pane.currentPath));
  if (there.length === 0) return;
  const programs = [...new Set(there.map((pane) => pane.currentCommand))].join(', ');
  throw new CwError(
    'refused',
    `${worktree.name} is kept: ${there.length} pane${there.length === 1 ? ' is' : 's are'} open in it (${programs}).`,
    { hint: 'Close them, or change their folder; or remove it all the same with --force.' },
  );
}

async function panesOf(
  context: Context,
): Promise<readonly { currentPath: string; currentCommand: string }[]> {
  try {
    return (await readServer(context.tmux())).panes;
  } catch (error) {
    // git's work does not need tmux; that nobody could be asked is said.
    if (!isNoServer(error))
      context.note(`Whether panes are open in it could not be asked: ${messageOf(error)}`);
    return [];
  }
}

function removedText(removed: Awaited<ReturnType<typeof removeWorktree>>): string {
  const kept =
    removed.branch === null
      ? removed.commit === null
        ? ''
        : ` Its commit was ${removed.commit.slice(0, 7)}: git branch NAME ${removed.commit.slice(0, 7)} keeps it.`
      : ` Branch ${removed.branch} stays (git branch -d ${removed.branch} deletes it).`;
  return `${removed.name} is removed.${kept}${removed.lost.length > 0 ? `\nLost: ${removed.lost.join('; ')}.` : ''}`;
}
