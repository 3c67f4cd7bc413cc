import type { Workspace } from './find.js';
import type { AgentGlance, Glance } from './glance.js';
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
  /** Commits that are not at the upstream of its branch; null without one, or where that was not read. */
  readonly ahead: number | null;
  /** When branch, dirty and ahead were read. */
  readonly gitAt: string | null;
  /** What its agents do; null: no daemon tells. */
  readonly agents: readonly AgentGlance[] | null;
  /** The time of its newest snapshot; null: there is none, or no daemon tells. */
  readonly savedAt: string | null;
  /** Bytes that its processes use; null for a closed one, and where no daemon tells. */
  readonly memory: number | null;
  readonly memoryAt: string | null;
}

/**
 * Open ones first, the most recently used before the others.
 *
 * @param glance what is known of them beside tmux and the records; null: nothing is.
 */
export function listEntries(workspaces: readonly Workspace[], glance: Glance | null = null): ListEntry[] {
  return workspaces.map((workspace) => entryOf(workspace, glance)).sort(byUse);
}

function entryOf({ id, name, path, session, record }: Workspace, glance: Glance | null): ListEntry {
  const seen = glance?.workspaces[id];
  const git = newer(seen?.git ?? null, record?.git ?? null);
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
    ahead: git?.ahead ?? null,
    gitAt: git?.at ?? null,
    agents: session ? (seen?.agents ?? null) : [],
    savedAt: seen?.savedAt ?? null,
    memory: session ? (seen?.memory ?? null) : null,
    memoryAt: session && seen?.memory != null ? (glance?.memoryAt ?? null) : null,
  };
}

function newer(one: GitReading | null, other: GitReading | null): GitReading | null {
  if (!one || !other) return one ?? other;
  return one.at >= other.at ? one : other;
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
