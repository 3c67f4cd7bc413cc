import { availableParallelism } from 'node:os';
import type { Blueprint, Pane } from '../blueprint/model.js';
import { ConversationRegistry } from '../claude/registry.js';
import { isFolder } from '../system/files.js';
import {
  type ConversationStart,
  resumeConversations,
  type SavedConversation,
} from '../workspace/conversations.js';
import type { Registry } from '../workspace/registry.js';
import type { ObservedPane, Snapshot } from './model.js';
import type { RestoreOptions } from './restore-plan.js';
import type { ConversationProof, PaneReport } from './restore-report.js';
import type { Resume } from './resume.js';

/** What a restore does with the Claude conversations of a snapshot. */

/**
 * The starts of one restore, one after the other: a Claude Code takes about a second of one core until it stands, and
 * a dozen at once keep the user's own pane waiting as long as all of them. So as many begin in a second as there are
 * cores; each pane waits by itself, and the restore does not.
 */
export class Stagger {
  private begun = 0;

  constructor(private readonly cores = availableParallelism()) {}

  /** Seconds that the next one waits. */
  next(): number {
    const wait = Math.floor(this.begun / this.cores);
    this.begun += 1;
    return wait;
  }
}

/** How the conversations of a snapshot are started again, by the key of the pane. */
export async function conversationStarts(
  registry: Registry,
  snapshot: Snapshot,
  blueprint: Blueprint,
  options: RestoreOptions,
): Promise<Map<string, ConversationStart>> {
  if (!options.run) return new Map();
  const known = new ConversationRegistry(registry.folder);
  const saved = new Map<string, SavedConversation>();
  for (const [key, pane] of Object.entries(snapshot.panes)) {
    if (!pane.conversation) continue;
    const now = options.isNewest ? newer(known, snapshot, key, pane) : null;
    // The user has started something else in its place.
    if (now?.ended?.reason === 'replaced') continue;
    // After `/clear` another conversation has the pane; nobody may have saved since.
    saved.set(key, now ?? pane.conversation);
  }
  return saved.size === 0 ? new Map() : resumeConversations(blueprint, saved, registry, options.env, options);
}

/** What has become of the conversation of a pane since the snapshot; null where nothing was heard. */
function newer(known: ConversationRegistry, snapshot: Snapshot, key: string, pane: ObservedPane) {
  const found = [known.current(snapshot.workspace, key), known.currentOfPane(snapshot.server.pid, pane.id)];
  return found.find((one) => one !== null && one.at > snapshot.at) ?? null;
}

/** Seconds that the panes with a conversation wait, by their keys: the one in view is the first. */
export function delays(
  blueprint: Blueprint,
  starts: ReadonlyMap<string, ConversationStart>,
  stagger: Stagger,
): ReadonlyMap<string, number> {
  const inView = blueprint.windows.find(({ key }) => key === blueprint.activeWindow)?.activePane;
  const keys = [...starts].filter(([, { line }]) => line !== null).map(([key]) => key);
  const ordered = [...keys.filter((key) => key === inView), ...keys.filter((key) => key !== inView)];
  return new Map(ordered.map((key) => [key, stagger.next()]));
}

export function withConversations(
  plans: ReadonlyMap<string, Resume>,
  starts: ReadonlyMap<string, ConversationStart>,
  { typesConversations = false }: Pick<RestoreOptions, 'typesConversations'> = {},
): Map<string, Resume> {
  const merged = new Map(plans);
  for (const [key, { line, note }] of starts) {
    const state =
      line === null ? ('cannot' as const) : typesConversations ? ('typed' as const) : ('starts' as const);
    merged.set(key, {
      state,
      run: typesConversations ? null : line,
      typed: typesConversations ? line : null,
      startCommand: null,
      notes: note === null ? [] : [note],
    });
  }
  return merged;
}

/** A conversation is resumed in the folder of its first start: older versions find it from nowhere else. */
export function inTheirFolders(
  blueprint: Blueprint,
  starts: ReadonlyMap<string, ConversationStart>,
): Blueprint {
  if (starts.size === 0) return blueprint;
  const folderOf = (pane: Pane) => {
    const start = starts.get(pane.key);
    return start?.line != null && isFolder(start.cwd) ? start.cwd : pane.cwd;
  };
  const windows = blueprint.windows.map((window) => ({
    ...window,
    panes: window.panes.map((pane) => ({ ...pane, cwd: folderOf(pane) })),
  }));
  return { ...blueprint, windows };
}

export function withProof<T extends PaneReport & { readonly key: string }>(
  report: T,
  start: ConversationStart | undefined,
  delay: number,
): T {
  if (start?.line == null) return report;
  const conversation: ConversationProof = {
    id: start.conversation,
    pane: report.key,
    line: start.line,
    cwd: start.cwd,
    delay,
    state: 'verifying',
    evidence: 'it was started; no hook has told of it yet',
  };
  return { ...report, conversation };
}
