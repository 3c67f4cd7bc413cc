import type { AgentRow } from '../claude/overview.js';
import { SnapshotStore } from '../snapshot/store.js';
import type { WorkspaceSeen } from '../survey/model.js';
import { readUses } from '../survey/uses.js';
import type { Connection } from '../tmux/connection.js';
import { isNoServer } from '../tmux/failure.js';
import {
  type AgentGlance,
  emptyGlance,
  readGlance,
  type WorkspaceGlance,
  writeGlance,
} from '../workspace/glance.js';
import type { Registry } from '../workspace/registry.js';
import type { Log } from './log.js';

export interface GlanceOptions {
  readonly connection: Connection;
  readonly registry: Registry;
  readonly log: Log;
}

/** What comes within so many milliseconds is written once. */
const quiet = 100;
/** Milliseconds between two readings of memory. */
const memoryEvery = 120_000;
/** Memory that moved less than this is the same, and nothing is written. */
const sameShare = 0.03;

/** Keeps the file that `cw list` reads: writes it when something of it changed. */
export class GlanceKeeper {
  private readonly workspaces: Map<string, WorkspaceGlance>;
  private memoryAt: string | null;
  private writing: NodeJS.Timeout | null = null;
  private reading: NodeJS.Timeout | null = null;
  private isRunning = false;
  /** What was open at the last save of all. */
  private last: ReadonlySet<string> | null = null;
  /** Workspaces whose memory was asked for: where the system does not tell it, it is not asked at once again. */
  private readonly asked = new Set<string>();

  constructor(private readonly options: GlanceOptions) {
    const before = readGlance(options.registry.folder);
    // What agents did and what was used before this daemon began is of no worth; when something was saved is.
    this.workspaces = new Map(
      Object.entries(before?.workspaces ?? {}).map(([id, one]) => [id, { ...one, agents: [], memory: null }]),
    );
    this.memoryAt = null;
  }

  start(): void {
    this.isRunning = true;
    this.write();
  }

  stop(): void {
    this.isRunning = false;
    if (this.reading) clearTimeout(this.reading);
    if (this.writing) {
      clearTimeout(this.writing);
      this.writeNow();
    }
  }

  agents(rows: readonly AgentRow[]): void {
    const all = new Map<string, AgentGlance[]>([...this.workspaces.keys()].map((id) => [id, []]));
    for (const { workspace, pane, state, detail, since, conversation } of rows)
      all.set(workspace, [...(all.get(workspace) ?? []), { pane, state, detail, since, conversation }]);
    for (const [id, agents] of all) this.set(id, { agents });
  }

  /** After a save: the ids of all open workspaces, each with whether something of it was written. */
  saved(saved: readonly { readonly workspace: string; readonly written: boolean }[], isAll: boolean): void {
    const open = new Set(saved.map(({ workspace }) => workspace));
    for (const { workspace, written } of saved) {
      if (!written && this.workspaces.get(workspace)?.savedAt) continue;
      this.set(workspace, { savedAt: this.newestOf(workspace) });
    }
    if (!isAll) return;
    const isSame = this.last !== null && sameIds(open, this.last);
    const isNew = !isSame && this.noteOpen(open);
    if (open.size > 0 && (isNew || !this.reading)) this.soon(isNew ? 1000 : memoryEvery);
  }

  /** @returns whether there is one of which nobody has asked what it uses. */
  private noteOpen(open: ReadonlySet<string>): boolean {
    const { records } = this.options.registry.readAll();
    const known = new Set(records.map(({ id }) => id));
    let isNew = false;
    for (const id of new Set([...this.workspaces.keys(), ...known])) {
      const one = this.workspaces.get(id);
      if (open.has(id)) isNew ||= one?.memory === null && !this.asked.has(id);
      else if (!known.has(id)) this.forget(id);
      // Who closed it has saved it then.
      else if (!one || this.last?.has(id))
        this.set(id, { agents: [], memory: null, savedAt: this.newestOf(id) });
    }
    this.last = open;
    return isNew;
  }

  /** After a look at health, which has read the repositories. */
  git(workspaces: readonly WorkspaceSeen[], at: string): void {
    for (const { id, path, git } of workspaces) {
      const tree = git.kind === 'repository' ? git.trees.find((one) => one.path === path) : undefined;
      if (tree?.status.kind !== 'repository') continue;
      const { branch, staged, changed, untracked, conflicted, ahead } = tree.status;
      const dirty = staged + changed + untracked + conflicted > 0;
      const before = this.workspaces.get(id)?.git;
      const isSame = before?.branch === branch && before.dirty === dirty && before.ahead === ahead;
      if (!isSame) this.set(id, { git: { branch, dirty, ahead, at } });
    }
  }

  private async readMemory(): Promise<void> {
    const { connection, log } = this.options;
    try {
      const uses = await readUses(connection);
      for (const id of uses.keys()) this.asked.add(id);
      let isMoved = this.memoryAt === null;
      for (const [id, { memoryBytes: memory }] of uses) {
        const before = this.workspaces.get(id)?.memory ?? null;
        const isSame =
          before === memory ||
          (before !== null && memory !== null && Math.abs(memory - before) <= before * sameShare);
        if (isSame) continue;
        isMoved = true;
        this.set(id, { memory });
      }
      if (uses.size > 0) this.soon(memoryEvery);
      if (!isMoved && Date.now() - Date.parse(this.memoryAt ?? '') < 5 * memoryEvery) return;
      this.memoryAt = new Date().toISOString();
      this.write();
    } catch (error) {
      if (!isNoServer(error)) log.error('reading what workspaces use', error);
    }
  }

  private soon(wait: number): void {
    if (!this.isRunning) return;
    if (this.reading) clearTimeout(this.reading);
    this.reading = setTimeout(() => {
      this.reading = null;
      void this.readMemory();
    }, wait);
    this.reading.unref();
  }

  private newestOf(id: string): string | null {
    try {
      return new SnapshotStore(this.options.registry.folder, id).newest()?.at ?? null;
    } catch {
      return null; // a newer cw has saved it: when is not ours to tell
    }
  }

  private set(id: string, changes: Partial<WorkspaceGlance>): void {
    const before = this.workspaces.get(id) ?? emptyGlance;
    const after = { ...before, ...changes };
    if (this.workspaces.has(id) && JSON.stringify(after) === JSON.stringify(before)) return;
    this.workspaces.set(id, after);
    this.write();
  }

  private forget(id: string): void {
    this.workspaces.delete(id);
    this.write();
  }

  private write(): void {
    if (!this.isRunning) return;
    this.writing ??= setTimeout(() => this.writeNow(), quiet);
  }

  private writeNow(): void {
    this.writing = null;
    try {
      writeGlance(this.options.registry.folder, {
        memoryAt: this.memoryAt,
        workspaces: Object.fromEntries(this.workspaces),
      });
    } catch (error) {
      this.options.log.error('writing what cw list shows', error);
    }
  }
}

function sameIds(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((id) => other.has(id));
}
