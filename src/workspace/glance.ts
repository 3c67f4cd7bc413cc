import { join } from 'node:path';
import { readTextIfAny, writeFileAtomic } from '../system/files.js';
import type { GitReading } from './registry.js';

/**
 * `glance.json`: what the daemon last knew of all workspaces of a tmux server, in one small file, so that a list of
 * hundreds reads no more than that. It can be lost at any time: the daemon writes it anew.
 */
export interface Glance {
  /** When memory was read; UTC, ISO 8601. null: not yet. */
  readonly memoryAt: string | null;
  /** By the workspace's id. */
  readonly workspaces: Readonly<Record<string, WorkspaceGlance>>;
}

export interface WorkspaceGlance {
  readonly agents: readonly AgentGlance[];
  /** When what it is was saved last: the time of its newest snapshot. */
  readonly savedAt: string | null;
  /** Bytes. */
  readonly memory: number | null;
  readonly git: GitReading | null;
}

export interface AgentGlance {
  /** `%5` */
  readonly pane: string;
  readonly state: string;
  readonly detail: string | null;
  readonly since: string;
  readonly conversation: string;
}

export const emptyGlance: WorkspaceGlance = { agents: [], savedAt: null, memory: null, git: null };

/** @param folder that of the tmux server (`Registry.folder`). null: there is none, or it does not read. */
export function readGlance(folder: string): Glance | null {
  try {
    const value = JSON.parse(readTextIfAny(join(folder, 'glance.json')) ?? 'null') as
      | (Glance & { readonly format?: unknown })
      | null;
    // Nobody but the daemon writes it, whole: of another format it is another cw's.
    return value?.format === 1 ? value : null;
  } catch {
    return null; // damaged
  }
}

export function writeGlance(folder: string, glance: Glance): void {
  writeFileAtomic(join(folder, 'glance.json'), `${JSON.stringify({ format: 1, ...glance })}\n`);
}
