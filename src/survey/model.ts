import type { Restart } from '../blueprint/model.js';
import type { AgentRow } from '../claude/overview.js';
import type { TreeState } from '../git/worktree-states.js';
import type { ProjectFile } from '../project/project-file.js';
import type { TrustReport } from '../project/trust.js';
import type { ShareRecord } from '../share/record.js';
import type { Program } from '../snapshot/model.js';
import type { Rehearsal } from '../snapshot/rehearsal.js';
import type { ProcessUse } from '../system/processes.js';
import type { Declared } from '../workspace/declared.js';
import type { Ending } from '../workspace/ending.js';
import type { WorkspaceRecord } from '../workspace/registry.js';

/**
 * One reading of everything, as plain data: what health checks, cleanup and lists decide by. Times are UTC, ISO 8601;
 * sizes are bytes. What could not be read says so: it is nobody's "nothing".
 */
export interface Survey {
  readonly at: string;
  readonly tmux: TmuxSeen;
  /** Open ones, in the order of tmux; then, where they were asked for, the closed ones. */
  readonly workspaces: readonly WorkspaceSeen[];
  /** Processes that were started in a pane that is gone, and live on. null: they could not be looked for. */
  readonly strays: readonly Stray[] | null;
  /** null: it could not be read. */
  readonly disk: Disk | null;
  /** Files of workspaces that cannot be read. */
  readonly damaged: readonly string[];
  /** What is known of the daemon by who asked for the survey; null: it was not asked. */
  readonly saving: Saving | null;
  /** What is shared with others (`cw share`), of all workspaces. */
  readonly shares: readonly ShareSeen[];
  /** Why what agents do could not be read; null: it was. */
  readonly agentsUnknown: string | null;
  /** Why processes could not be read; null: they were. */
  readonly processesUnknown: string | null;
}

export type TmuxSeen =
  | { readonly state: 'none' }
  | { readonly state: 'unknown'; readonly reason: string }
  | {
      readonly state: 'running';
      /** What a user says to tmux to reach it: `-L work`; nothing for the default one, and within it. */
      readonly words: readonly string[];
      readonly pid: number;
      /** As major * 100 + minor. */
      readonly version: number;
      /** Its own memory; null: it could not be read. */
      readonly memoryBytes: number | null;
      /** Of all panes, also of those that are in no workspace. */
      readonly scrollbackBytes: number;
      /**
       * Milliseconds by which the clock was set forward since the server started (negative: back), by what the kernel
       * counted meanwhile; null where that is not known.
       */
      readonly clockSet: number | null;
      /** Sessions that are no workspaces. */
      readonly otherSessions: number;
    };

export interface Saving {
  readonly daemon: 'none' | 'silent' | 'running';
  readonly lastSaveAt: string | null;
  readonly lastSaveError: string | null;
}

export interface Disk {
  /** The state folder. */
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface WorkspaceSeen {
  readonly id: string;
  readonly name: string;
  /** The project's folder. */
  readonly path: string;
  /** null: its record is lost. */
  readonly record: WorkspaceRecord | null;
  /** null: it is closed. */
  readonly session: SessionSeen | null;
  readonly panes: readonly PaneSeen[];
  readonly declared: Declared;
  readonly agents: readonly AgentSeen[];
  readonly use: ProcessUse;
  /** `unknown`: the project's file system did not answer in time; nothing of the project was looked at. */
  readonly folder: 'there' | 'gone' | 'unknown';
  readonly git: GitSeen;
  readonly project: ProjectSeen | null;
  /** The newest snapshot that a restore would take; null: there is none. */
  readonly snapshot: { readonly at: string; readonly sequence: number } | null;
  /** Why snapshots could not be read; null: they were. */
  readonly snapshotUnknown: string | null;
  readonly rehearsal: Rehearsal | null;
  /** Conversations whose transcript Claude Code deletes soon. */
  readonly expiring: readonly ExpiringSeen[];
  /** Forks of conversations that no process has open. */
  readonly unusedForks: number;
}

export interface SessionSeen {
  /** `$3` */
  readonly id: string;
  readonly name: string;
  /** Terminals that show it, control-mode clients left out. */
  readonly attached: number;
  readonly createdAt: string;
  readonly lastAttachedAt: string | null;
  /** When one of its windows showed something last. */
  readonly activeAt: string;
  /** When a client last came to it or typed into it, or into one that shares all its windows; else when it was made. */
  readonly usedAt: string;
  /**
   * Who looks at it, in words: `attached`; `attached through work`, of a session of its group; a session that shows one
   * of its windows. Control-mode clients too.
   */
  readonly lookers: readonly string[];
  /** In the order of their index. */
  readonly windows: readonly WindowSeen[];
}

export interface WindowSeen {
  /** `@1` */
  readonly id: string;
  readonly index: number;
  readonly name: string;
  /** The whole layout, also while a pane is zoomed. */
  readonly layout: string;
  readonly active: boolean;
  readonly zoomed: boolean;
}

export interface PaneSeen {
  /** `%5` */
  readonly id: string;
  /** `2.1`: window and pane as tmux counts them. */
  readonly place: string;
  readonly window: { readonly id: string; readonly key: string | null; readonly name: string };
  /** Its key in the blueprint; null: the user made it. */
  readonly key: string | null;
  readonly role: string | null;
  /** What was declared to run in it, and when that is to be started again. */
  readonly run: string | null;
  readonly restart: Restart;
  /** A program in place of a shell. */
  readonly startCommand: string | null;
  readonly title: string;
  readonly pid: number;
  readonly dead: boolean;
  readonly deadStatus: number | null;
  /** Where it is now. */
  readonly path: string;
  /** `unknown`: the file system did not answer in time. */
  readonly folder: 'there' | 'gone' | 'unknown';
  readonly program: Program;
  /** The leader of what has the terminal; null for a shell at its prompt, and where it is not known. */
  readonly foreground: {
    readonly pid: number;
    readonly argv: readonly string[];
    readonly ageSeconds: number | null;
  } | null;
  /**
   * How its declared command ended, as its shell noted it: `open` while it runs, or when Ctrl-C broke it off; null: it
   * has none, or it is not known.
   */
  readonly ending: Ending | 'open' | null;
  /** Processes below its own that are not in the foreground: jobs, servers in the background. */
  readonly background: number;
  readonly active: boolean;
  readonly scrollbackBytes: number;
  /** Where the cursor is and how much scrolled by: that nothing was typed shows in it. */
  readonly cursor: string;
}

export interface AgentSeen extends AgentRow {
  /** A hook of it was ever heard. */
  readonly heard: boolean;
  /** When its last event came; null: none did. */
  readonly lastEventAt: string | null;
  /** Seconds that its process lives; null: none is known. */
  readonly processSeconds: number | null;
}

export type GitSeen =
  /** Working trees of the project's repository, the main one first. Those of one repository are shared. */
  | { readonly kind: 'repository'; readonly trees: readonly TreeState[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly reason: string }
  /** It was not asked for. */
  | { readonly kind: 'unread' };

export interface ProjectSeen {
  /** `.claude/config/project.json`; null: there is none. */
  readonly file: ProjectFile | null;
  readonly trust: TrustReport['state'];
  /** `.env.claude` can be read by others than its owner; null: there is none. */
  readonly envReadable: boolean | null;
  /** Why it could not be read; null: it was. */
  readonly unknown: string | null;
}

export interface ExpiringSeen {
  readonly conversation: string;
  readonly deletedAt: string;
  /** The vault has a copy. */
  readonly copied: boolean;
}

export interface ShareSeen extends ShareRecord {
  /** The process that ends it lives. */
  readonly kept: boolean;
}

/** A process that outlived its pane. */
export interface Stray {
  readonly pid: number;
  readonly start: string;
  readonly argv: readonly string[];
  /** `%5`, which is gone. */
  readonly pane: string;
  /** The folder of the project that it was started for. */
  readonly project: string;
  /** The id of the workspace that is open there; null: none is. */
  readonly workspace: string | null;
  readonly ageSeconds: number | null;
}
