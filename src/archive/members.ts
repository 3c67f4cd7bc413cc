import { isConversationId } from '../claude/model.js';
import { subagentFile } from '../claude/vault.js';

/**
 * What can stand in an archive: each member's name is made here and read here, and nothing else is a name. So what an
 * archive of somebody else's calls its members never becomes a path by itself.
 */
export type Member = { readonly name: string } & (
  | { readonly kind: 'format' | 'manifest' | 'snapshot' | 'repository' | 'commits' }
  /** The project's files of variables (`.env.claude`), by their names; only where the user wanted them along. */
  | { readonly kind: 'variables' }
  /** A chunk of text, as `src/snapshot/blobs.ts` stores it: `blob` is the SHA-256 of what is packed in it. */
  | { readonly kind: 'scrollback' | 'editor'; readonly blob: string }
  | { readonly kind: 'transcript' | 'origin'; readonly conversation: string }
  | { readonly kind: 'subagent'; readonly conversation: string; readonly file: string }
  | { readonly kind: 'patch'; readonly worktree: number; readonly part: PatchPart }
  /** `path` is relative to the project's `.sessions`. */
  | { readonly kind: 'journal'; readonly path: string }
);

export type MemberKind = Member['kind'];

export const patchParts = ['staged', 'unstaged', 'untracked'] as const;
export type PatchPart = (typeof patchParts)[number];

/** The names of members. */
export const memberName = {
  /** The first member. */
  format: 'format.json',
  /** The last member. */
  manifest: 'manifest.json',
  snapshot: 'snapshot.json',
  variables: 'variables.json',
  repository: 'git/repository.json',
  commits: 'git/commits.bundle',
  /** A file of `gatherWork`, by the name that it has there. */
  work: (file: string) => `git/${file}`,
  scrollback: (blob: string) => `scrollback/${blob}.gz`,
  editor: (blob: string) => `editor/${blob}.gz`,
  transcript: (conversation: string) => `conversations/${conversation}/transcript.jsonl`,
  origin: (conversation: string) => `conversations/${conversation}/origin.json`,
  subagent: (conversation: string, file: string) => `conversations/${conversation}/subagents/${file}`,
  patch: (worktree: number, part: PatchPart) => `git/worktree-${worktree}/${part}.patch`,
  /** A path below `.sessions`, with `/` between its parts. */
  journal: (path: string) => `journal/${path}`,
} as const;

const single: Readonly<
  Record<string, 'format' | 'manifest' | 'snapshot' | 'variables' | 'repository' | 'commits'>
> = {
  [memberName.format]: 'format',
  [memberName.manifest]: 'manifest',
  [memberName.snapshot]: 'snapshot',
  [memberName.variables]: 'variables',
  [memberName.repository]: 'repository',
  [memberName.commits]: 'commits',
};

const blobPattern = /^(scrollback|editor)\/([0-9a-f]{64})\.gz$/;
const conversationPattern =
  /^conversations\/([^/]+)\/(?:(transcript\.jsonl|origin\.json)|subagents\/([^/]+))$/;
const patchPattern = /^git\/worktree-(0|[1-9][0-9]{0,2})\/(staged|unstaged|untracked)\.patch$/;

// No control or format characters (those turn the direction of writing, or are not seen), and no dot first: neither
// `..` nor what other programs take as theirs without being asked (`.git`, `.envrc`).
const segment = /^(?!\.)[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\]+$/u;
const deepest = 8;
const longestSegment = 200;

/** Reads a member's name; null for one that no archive of ours has. */
export function parseMember(name: string): Member | null {
  const kind = Object.hasOwn(single, name) ? single[name] : undefined;
  if (kind) return { name, kind };
  const blob = blobPattern.exec(name);
  if (blob) return { name, kind: blob[1] as 'scrollback' | 'editor', blob: blob[2]! };
  const patch = patchPattern.exec(name);
  if (patch) return { name, kind: 'patch', worktree: Number(patch[1]), part: patch[2] as PatchPart };
  if (name.startsWith('journal/')) {
    const path = name.slice('journal/'.length);
    return isJournalPath(path) ? { name, kind: 'journal', path } : null;
  }
  const [, conversation, file, subagent] = conversationPattern.exec(name) ?? [];
  if (!isConversationId(conversation)) return null;
  if (subagent === undefined)
    return { name, kind: file === 'origin.json' ? 'origin' : 'transcript', conversation };
  if (!subagentFile.test(subagent) || subagent.length > longestSegment) return null;
  return { name, kind: 'subagent', conversation, file: subagent };
}

/** Whether a path below `.sessions` can be a member: see `memberName.journal`. What cannot is to be left out, and told. */
export function isJournalPath(path: string): boolean {
  const segments = path.split('/');
  return (
    segments.length <= deepest &&
    segments.every((one) => segment.test(one) && Buffer.byteLength(one) <= longestSegment)
  );
}

/**
 * The names of one archive, so that no two of them are one file anywhere: also not on a disk that holds `A` and `a`,
 * or two spellings of `é`, for the same.
 */
export class MemberNames {
  /** By what such a disk makes of it: the spelling that came first, and whether it is a folder. */
  private readonly places = new Map<string, { readonly spelling: string; readonly isFolder: boolean }>();

  /** Adds a name. @returns what is wrong with it beside the others, as the rest of a sentence; null: nothing. */
  add(name: string): string | null {
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
      const folder = name.slice(0, at);
      const found = this.places.get(folded(folder));
      if (!found) this.places.set(folded(folder), { spelling: folder, isFolder: true });
      else if (!found.isFolder) return 'lies in another member';
      else if (found.spelling !== folder)
        return 'is in a folder that differs from another only in its spelling';
    }
    const key = folded(name);
    const found = this.places.get(key);
    if (!found) {
      this.places.set(key, { spelling: name, isFolder: false });
      return null;
    }
    if (found.isFolder) return 'is a folder of another member';
    return found.spelling === name ? 'is there twice' : 'differs from another member only in its spelling';
  }
}

/** What is the same on the disks that are least exact. */
function folded(name: string): string {
  // Upper case first: it has fewer letters, such as SS for ß.
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}
