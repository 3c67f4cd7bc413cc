import { isDirty, type WorkingTree } from '../git/status.js';
import { isMerged, type TreeState } from '../git/worktree-states.js';
import type { WorkspaceSeen } from '../survey/model.js';
import { shellWord, tildePath } from '../system/paths.js';
import type { Fault, WorkspaceCheck } from './check.js';
import { count, shellPath, since, span } from './words.js';

/** The checks of work that could be forgotten in the working trees of a project. */
export const gitChecks: readonly WorkspaceCheck[] = [
  {
    id: 'git.readable',
    well: 'git answers',
    sees: ({ folder }) => folder !== 'gone',
    look({ git, folder }) {
      // That its folder is gone is said of the project.
      if (folder === 'gone') return [];
      if (git.kind === 'unknown')
        return [{ level: 'unknown', subject: 'git', message: git.reason, fix: null }];
      return treesOf(git).flatMap((tree): Fault[] =>
        tree.status.kind === 'unknown' && !tree.gone
          ? [
              {
                level: 'unknown',
                subject: subjectOf(tree),
                message: tree.status.reason,
                fix: `See: git -C ${shellPath(tree.path)} status`,
              },
            ]
          : [],
      );
    },
  },
  {
    id: 'git.uncommitted',
    well: 'all is committed',
    sees: isRead,
    look: eachTree((tree, status) => {
      if (!isDirty(status)) return [];
      return [
        {
          level: 'warning',
          message: changes(status),
          fix: `Look: git -C ${shellPath(tree.path)} status   Commit all: (cd ${shellPath(tree.path)} && git add -A && git commit)`,
        },
      ];
    }),
  },
  {
    id: 'git.unpushed',
    well: 'all commits are pushed',
    sees: isRead,
    look: eachTree((tree) => {
      if (!tree.hasRemote || tree.unpushed === null || tree.unpushed === 0 || isMerged(tree)) return [];
      const message = `${count(tree.unpushed, 'commit')} not pushed`;
      return [{ level: 'warning', message, fix: `Push: git -C ${shellPath(tree.path)} push` }];
    }),
  },
  {
    id: 'git.stashed',
    well: 'nothing is stashed',
    sees: isRead,
    look({ git, path }) {
      // All trees of a repository share its stash.
      const [first] = treesOf(git).flatMap(({ status }) => (status.kind === 'repository' ? [status] : []));
      if (!first || first.stashes === 0) return [];
      const message = `${count(first.stashes, 'stash').replace('stashs', 'stashes')} kept`;
      return [
        {
          level: 'warning',
          subject: 'git',
          message,
          fix: `Look: git -C ${shellPath(path)} stash list   Take it back: git -C ${shellPath(path)} stash pop`,
        },
      ];
    },
  },
  {
    id: 'git.detached',
    well: 'every working tree is on a branch',
    sees: isRead,
    look: eachTree((tree, status) => {
      if (!status.detached) return [];
      const message = `HEAD is detached at ${status.commit?.slice(0, 8) ?? 'nothing'}: commits made here are on no branch`;
      return [{ level: 'warning', message, fix: `Keep it: git -C ${shellPath(tree.path)} switch -c NAME` }];
    }),
  },
  {
    id: 'git.operation',
    well: 'no rebase or merge is under way',
    sees: isRead,
    look: eachTree((tree, { operation }) =>
      operation === null
        ? []
        : [
            {
              level: 'warning',
              message: `a ${operation} is under way`,
              fix: `Go on: git -C ${shellPath(tree.path)} status`,
            },
          ],
    ),
  },
  {
    id: 'git.merged',
    well: 'no worktree is left of a branch that was merged',
    sees: isRead,
    look: ({ git, name, path }) =>
      treesOf(git).flatMap((tree): Fault[] => {
        if (tree.main || tree.gone || tree.status.kind !== 'repository') return [];
        const subject = subjectOf(tree);
        const fix = tree.ours
          ? `Remove it: cw worktree remove ${shellWord(tree.name)} --project ${shellWord(name)}`
          : `Remove it: git -C ${shellPath(path)} worktree remove ${shellPath(tree.path)}`;
        if (isMerged(tree)) {
          const message = `all of ${tree.branch} is in ${tree.base?.name}`;
          return [{ level: 'warning', subject, message, fix }];
        }
        if (!tree.upstreamGone) return [];
        const message = `the branch of ${tree.branch} at the remote was deleted, as after a merge`;
        return [{ level: 'warning', subject, message, fix }];
      }),
  },
  {
    id: 'git.worktrees',
    well: 'every worktree is there',
    sees: isRead,
    look: ({ git, path }, { survey }) =>
      treesOf(git).flatMap((tree): Fault[] => {
        const subject = subjectOf(tree);
        if (tree.gone) {
          const fix = `Have git forget it: git -C ${shellPath(path)} worktree prune`;
          return [{ level: 'warning', subject, message: `its folder is gone: ${tildePath(tree.path)}`, fix }];
        }
        const held = since(tree.indexLockAt, survey.at);
        if (held <= staleLock) return [];
        return [
          {
            level: 'warning',
            subject,
            message: `a git command holds it since ${span(held)}, or died (index.lock)`,
            // Not --git-path: that is relative to the tree.
            fix: `When none runs: rm "$(git -C ${shellPath(tree.path)} rev-parse --absolute-git-dir)/index.lock"`,
          },
        ];
      }),
  },
];

/** Milliseconds: a command of git that lasts longer is none that people wait for. */
const staleLock = 10 * 60_000;

function treesOf(git: WorkspaceSeen['git']): readonly TreeState[] {
  return git.kind === 'repository' ? git.trees : [];
}

/** A check of each tree that could be read. */
function eachTree(look: (tree: TreeState, status: WorkingTree) => Omit<Fault, 'subject'>[]) {
  return ({ git }: WorkspaceSeen): Fault[] =>
    treesOf(git).flatMap((tree) =>
      tree.status.kind === 'repository'
        ? look(tree, tree.status).map((fault) => ({ ...fault, subject: subjectOf(tree) }))
        : [],
    );
}

/** For people: the branch of the project itself, or the worktree. */
/** What was not read is not well. */
function isRead({ git }: WorkspaceSeen): boolean {
  if (git.kind === 'unknown' || git.kind === 'unread') return false;
  return treesOf(git).every(({ status, gone }) => status.kind !== 'unknown' || gone);
}

function subjectOf(tree: TreeState): string {
  const branch = tree.branch ?? (tree.status.kind === 'repository' ? '(detached)' : null);
  if (tree.main) return branch === null ? 'git' : `git ${branch}`;
  return `worktree ${tree.name}`;
}

function changes({ staged, changed, untracked, conflicted }: WorkingTree): string {
  const parts = [
    ...(conflicted > 0 ? [`${count(conflicted, 'file')} in conflict`] : []),
    ...(Math.max(staged, changed) > 0 ? [`${count(Math.max(staged, changed), 'file')} changed`] : []),
    ...(untracked > 0 ? [`${untracked} untracked`] : []),
  ];
  return parts.join(', ');
}
