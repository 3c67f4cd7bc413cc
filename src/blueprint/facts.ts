/**
 * What the pure functions need to know of the world, gathered beforehand by the rooms that may look. The
 * blueprint room itself asks nothing.
 */

/** What is known of a project when a template is expanded for it. */
export interface ProjectFacts {
  /** The workspace's name and generated id. */
  readonly name: string;
  readonly id: string;
  readonly session: string;
  /** The project's folder, absolute and real. */
  readonly path: string;
  readonly home: string;
  /** The project's folder in each worktree below `.worktrees/`, absolute, sorted by the worktree's name. */
  readonly worktrees: readonly { readonly name: string; readonly path: string }[];
  /** Scripts of package.json by name. */
  readonly scripts: Readonly<Record<string, string>>;
  /** npm, pnpm, yarn or bun, by the lock file; npm when there is none. */
  readonly packageManager: string;
  /** True for a folder (absolute path) that exists: each that a template asks about. */
  readonly folderExists: (path: string) => boolean;
  /** True when the file or glob exists in the project (relative). */
  readonly fileExists: (path: string) => boolean;
  /** The absolute path of a program on the PATH that panes will have, or of one given by its path; or null. */
  readonly findProgram: (name: string) => string | null;
  /** The command to start an editor: $VISUAL, $EDITOR, nvim, vim, vi, nano. */
  readonly editor: string;
  /** The workspace's environment, in the order of precedence already resolved. */
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  /** The size of the terminal that will look at it, or the default one; status line taken off. */
  readonly size: { readonly width: number; readonly height: number };
  /** Values of `--set k=v`. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Windows asked for by `--window`; empty is all that are not manual. */
  readonly windows: readonly string[];
}

/** A session that lives on the server now. */
export interface LiveSession {
  /** `$3` */
  readonly id: string;
  readonly name: string;
  /** `@cw_id`, or null for a session that is not ours. */
  readonly workspace: string | null;
  /** The name of its session group, or null. */
  readonly group: string | null;
  /** `@5` by the window's key (`@cw_window`), for windows of ours. */
  readonly windows: Readonly<Record<string, string>>;
}

/** The variable by which a hook of Claude finds the spool of the tmux server that it runs on. */
export const spoolVariable = 'CW_SPOOL';

/** What is known of the tmux server when a blueprint is planned for it. */
export interface ServerFacts {
  /** False: no server runs, the plan's first command starts one. */
  readonly running: boolean;
  /** As major * 100 + minor: 3.3a is 303. */
  readonly version: number;
  readonly baseIndex: number;
  readonly paneBaseIndex: number;
  /** Absolute path of the shell that panes get. */
  readonly defaultShell: string;
  readonly historyLimit: number;
  readonly sessions: readonly LiveSession[];
  /** The folder with our shells' start files. */
  readonly shellFolder: string;
  /** Random text that makes the names of one plan's temporary things unique. */
  readonly nonce: string;
  /** The folder in which the hooks of Claude leave their events, given to the session as CW_SPOOL; null: none. */
  readonly spool?: string | null;
  /** By the key of a pane; one that is not named begins as its blueprint says. */
  readonly resume?: ReadonlyMap<string, PaneResume>;
  /** False for a folder that is gone; the plan then starts in the nearest parent and says so. */
  readonly folderExists: (path: string) => boolean;
  /** False for a shell (absolute path) that is gone; panes then get the default one. Not given: all are there. */
  readonly programExists?: (path: string) => boolean;
  /**
   * False: whoever carries out the plan is not the user's terminal (the daemon), so its DISPLAY, SSH_AUTH_SOCK and
   * the other variables of `update-environment` are not taken into the session. Not given: they are, as tmux does.
   */
  readonly updateEnvironment?: boolean;
}

/** How a pane begins when it is not the first time: what a restore, an import or a history adds to its blueprint. */
export interface PaneResume {
  /** In place of the declared command; null starts the shell alone. */
  readonly run: string | null;
  /** One line that is typed at the first prompt and waits for Enter; only where `run` is null. */
  readonly typed: string | null;
  /** A file whose text is printed first, and which is then removed. */
  readonly textFile: string | null;
  /** The history file of its shell. */
  readonly historyFile: string | null;
  /** The variables by which an editor that is started in it listens, so that a save can ask it for its session. */
  readonly editorEnv?: Readonly<Record<string, string>>;
  /** The file in which its shell notes how `run` ended. */
  readonly endingFile?: string;
  /** Seconds that it waits before its shell starts. */
  readonly delay?: number;
}
