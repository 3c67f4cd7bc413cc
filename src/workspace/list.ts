import type { Workspace } from './find.js';
import type { GitReading } from './registry.js';

/** One workspace as `cw list --json` gives it. Times are UTC, ISO 8601. */
export interface ListEntry {
  readonly name: string;
  readonly session: string;
  readonly state: 'open' | 'closed';
  readonly path: string;
  readonly template: string | null;
  readonly windows: number;
  readonly panes: number;
  readonly attached: boolean;
  readonly createdAt: string | null;
  readonly lastAttachedAt: string | null;
  readonly branch: string | null;
  readonly dirty: boolean | null;
  /** When branch and dirty were read. */
  readonly gitAt: string | null;
}

/** Open ones first, the most recently used before the others. */
export function listEntries(
  workspaces: readonly Workspace[],
  git: ReadonlyMap<string, GitReading> = new Map(),
): ListEntry[] {
  return workspaces
    .map((workspace) => entryOf(workspace, git.get(workspace.id) ?? workspace.record?.git ?? null))
    .sort(byUse);
}

function entryOf({ name, path, session, record }: Workspace, git: GitReading | null): ListEntry {
  return {
    name,
    session: session?.name ?? record?.session ?? '',
    state: session ? 'open' : 'closed',
    path,
    template: record?.template ?? null,
    windows: session?.windows ?? 0,
    panes: session?.panes ?? 0,
    attached: (session?.attached ?? 0) > 0,
    createdAt: session ? utc(session.created) : (record?.createdAt ?? null),
    lastAttachedAt:
      (session?.lastAttached ? utc(session.lastAttached) : null) ?? record?.lastAttachedAt ?? null,
    branch: git?.branch ?? null,
    dirty: git?.dirty ?? null,
    gitAt: git?.at ?? null,
  };
}

function byUse(a: ListEntry, b: ListEntry): number {
  if (a.state !== b.state) return a.state === 'open' ? -1 : 1;
  if (a.attached !== b.attached) return a.attached ? -1 : 1;
  const used = (entry: ListEntry) => entry.lastAttachedAt ?? entry.createdAt ?? '';
  return compare(used(b), used(a)) || compare(a.name, b.name);
}

// `localeCompare` loads the rules of a language, which takes longer than all the rest of a list.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** tmux's seconds as ISO 8601. */
export function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
