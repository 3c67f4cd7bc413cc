import { z } from 'zod';
import { CwError } from '../errors.js';
import { isBranchName } from './branch-name.js';
import { isRemoteUrl } from './remote-url.js';

/**
 * What is carried of a project's repository to another machine: this description, and the files that it names. A
 * description may come from anybody, so whatever is not as `gatherWork` writes it is refused.
 */

/** How many of each a description can have; what is beyond is left out of it. */
export const portableLimits = {
  remotes: 50,
  branches: 2000,
  tags: 2000,
  stashes: 100,
  worktrees: 100,
  commits: 5000,
} as const;

/** The file with the commits. */
export const commitsFile = 'commits.bundle';
export const workParts = ['staged', 'unstaged', 'untracked'] as const;
export type WorkPart = (typeof workParts)[number];

/** The file with one part of a worktree's work. */
export function patchFile(worktree: number, part: WorkPart): string {
  return `worktree-${worktree}/${part}.patch`;
}

const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const Hash = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const Branch = z
  .string()
  .max(240)
  .refine((name) => isBranchName(name) && !unseen.test(name) && !/^(refs|moved)$/.test(name));
const RemoteName = z
  .string()
  .max(200)
  // It becomes a part of ref names, and a word of commands.
  .refine((name) => isBranchName(name) && !unseen.test(name));
const Path = z
  .string()
  .max(4000)
  .refine((path) => isBelow(path));

/** A path below something: nothing that leads out of it, or into git's own folder. */
function isBelow(path: string): boolean {
  return (
    path === '' ||
    (!/[\p{Cc}\p{Cs}\\]/u.test(path) &&
      path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !isGitFolderName(part)))
  );
}

/** `.git` as the least exact of disks have it: any case, with characters that are not seen, dots or blanks behind. */
function isGitFolderName(part: string): boolean {
  const plain = part.replace(/[\p{Cf}]/gu, '').toLowerCase();
  return /^(\.git|git~\d+)[. ]*(:.*)?$/.test(plain);
}

const Place = z.discriminatedUnion('from', [
  /** Below the main working tree, or (the empty path) that itself. */
  z.strictObject({ from: z.literal('main'), path: Path }),
  /** Below the project's folder. */
  z.strictObject({ from: z.literal('project'), path: Path }),
  z.strictObject({
    from: z.literal('root'),
    path: z
      .string()
      .max(4000)
      .refine((path) => path.startsWith('/') && path !== '/' && isBelow(path.slice(1))),
  }),
]);

const Worktree = z.strictObject({
  place: Place,
  /** null: HEAD is detached. */
  branch: Branch.nullable(),
  /** null: there is no commit yet. */
  commit: Hash.nullable(),
  /**
   * The trees that its patches lead to, one from the other: the commit's, with what is staged, with the changes that
   * are not staged, with the files that are not tracked.
   */
  trees: z.strictObject({ base: Hash, staged: Hash, unstaged: Hash, untracked: Hash }),
});

const Described = z
  .strictObject({
    hashes: z.enum(['sha1', 'sha256']),
    remotes: z
      .array(
        z.strictObject({
          name: RemoteName,
          url: z.string().refine(isRemoteUrl),
          /** It had a user's name or a password in it. */
          credentials: z.boolean(),
        }),
      )
      .max(portableLimits.remotes),
    branches: z
      .array(
        z.strictObject({
          name: Branch,
          commit: Hash,
          /** `remote` is `.` for a branch of the same repository. */
          upstream: z
            .strictObject({ remote: z.union([z.literal('.'), RemoteName]), branch: Branch })
            .nullable(),
        }),
      )
      .max(portableLimits.branches),
    /** Only of a repository that has no remote. */
    tags: z.array(z.strictObject({ name: Branch, object: Hash })).max(portableLimits.tags),
    /** The newest first. */
    stashes: z
      .array(
        z.strictObject({
          commit: Hash,
          message: z
            .string()
            .max(500)
            .refine((text) => !unseen.test(text)),
        }),
      )
      .max(portableLimits.stashes),
    /** The refs of `commits.bundle`; null when every commit is at a remote. */
    bundle: z
      .strictObject({
        refs: z
          .array(
            z.strictObject({
              ref: z.string().refine((ref) => ref.startsWith('refs/carried/') && isBranchName(ref)),
              object: Hash,
            }),
          )
          .min(1)
          .max(portableLimits.branches + portableLimits.tags + 500),
        /** Commits that a repository must have to take it. */
        needs: z.array(Hash).max(portableLimits.commits),
      })
      .nullable(),
    /** A repository can be made of the bundle alone. */
    complete: z.boolean(),
    /** Commits whose parents are not there, of a shallow clone. */
    shallow: z.array(Hash).max(portableLimits.commits),
    /** Where the project's folder lies in the first worktree; empty at its top. */
    subfolder: Path,
    /** The main working tree where it was, absolute; null when the repository had none. */
    main: z
      .string()
      .max(4000)
      .refine((path) => path.startsWith('/') && isBelow(path.slice(1)))
      .nullable(),
    /** The first is the one that the project's folder lies in. */
    worktrees: z.array(Worktree).min(1).max(portableLimits.worktrees),
  })
  .refine(
    (all) => all.worktrees.filter(({ place }) => place.from === 'main' && place.path === '').length <= 1,
  );

export type DescribedWork = z.infer<typeof Described>;
export type DescribedWorktree = DescribedWork['worktrees'][number];

/**
 * Checks a description that comes from elsewhere.
 *
 * @throws CwError `refused`, naming the place in it that is wrong.
 */
export function parseDescribedWork(value: unknown): DescribedWork {
  const parsed = Described.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.map(String).join('.') || 'its form';
  throw new CwError(
    'refused',
    `The description of the repository is not one that cw writes: ${place} is wrong.`,
    { hint: 'Nothing of it was used. Ask for the archive again, from cw export.' },
  );
}
