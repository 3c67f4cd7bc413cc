import { z } from 'zod';

/**
 * The blueprint: plain data that says what a workspace is. Templates, snapshots, archives and foreign
 * configuration files all become one, and the planner turns one into tmux commands.
 *
 * Indexes are offsets from the user's `base-index` and `pane-base-index`, which can change between a save and
 * a restore. Keys are symbolic ids, unique in one blueprint: they name windows and panes before tmux does.
 */

/** A variable of an environment. `value: null` stands for tmux's "removed" (`set-environment -r`). */
export const Variable = z.object({
  name: z.string().min(1),
  value: z.string().nullable(),
  /** Kept by tmux for formats, not given to processes (`set-environment -h`). */
  hidden: z.boolean(),
});
export type Variable = z.infer<typeof Variable>;

/** tmux options by name, values as text; `@user` options too, without our own `@cw_*`. */
export const Options = z.record(z.string(), z.string());
export type Options = z.infer<typeof Options>;

export const Restart = z.enum(['never', 'on-failure', 'always']);
export type Restart = z.infer<typeof Restart>;

/** Plain characters only: keys stand in the formats by which tmux prints what it made. */
const Key = z.string().regex(/^[A-Za-z0-9_.-]+$/);

export const Pane = z.object({
  key: Key,
  /** What the pane is for: `claude`, `editor`, `git`, or any word of a template's. */
  role: z.string().nullable(),
  title: z.string(),
  /** The folder it starts in, absolute. */
  cwd: z.string(),
  /** The shell, absolute path; null is tmux's `default-shell`. */
  shell: z.string().nullable(),
  /** A command line, run inside the pane's shell at its first prompt, so that the shell outlives it. */
  run: z.string().nullable(),
  /** A program in place of a shell (tmux's start command); the pane ends with it. Shell text, as tmux takes it. */
  startCommand: z.string().nullable(),
  /** Given to this pane alone (`-e`). */
  environment: z.record(z.string(), z.string()),
  options: Options,
  /** Lines of scrollback; tmux binds it when the pane is created. null is the session's. */
  historyLimit: z.number().int().nonnegative().nullable(),
  restart: Restart,
});
export type Pane = z.infer<typeof Pane>;

export const Window = z.object({
  key: Key,
  /** Offset from base-index; gaps are kept. */
  index: z.number().int().nonnegative(),
  name: z.string(),
  /**
   * A layout string with its checksum, or one of tmux's named layouts. The intended one: what a narrow terminal
   * makes of it is an observation, not part of this.
   */
  layout: z.string(),
  /** Cells; the size the layout was made for. */
  size: z.object({ width: z.number().int().positive(), height: z.number().int().positive() }),
  zoomed: z.boolean(),
  /** Keys of panes in this window. */
  activePane: z.string(),
  lastPane: z.string().nullable(),
  options: Options,
  /** In the order of the layout's cells. */
  panes: z.array(Pane).min(1),
  /** Set when this window is shared with another workspace: it is linked, not made, where that one lives. */
  link: z.object({ workspace: z.string(), window: z.string() }).nullable(),
});
export type Window = z.infer<typeof Window>;

export const Blueprint = z.object({
  /** The workspace's generated id, carried by the session as `@cw_id`. */
  id: z.string().min(1),
  /** The label people use; the tmux session is named from it. */
  name: z.string().min(1),
  /** The tmux session's name, `claude-dev-<name>`. */
  session: z.string().min(1),
  /** The project's folder, absolute. */
  path: z.string(),
  /** The template that it was opened from; null for an adopted session. */
  template: z.string().nullable(),
  size: z.object({ width: z.number().int().positive(), height: z.number().int().positive() }),
  options: Options,
  environment: z.array(Variable),
  /** The name of the session group this belongs to. */
  group: z.string().nullable(),
  /** Commands of a template's `hooks` that are not done once it stands: run by tmux or at the close. */
  hooks: z.partialRecord(z.enum(['on_attach', 'on_detach', 'before_close', 'after_close']), z.string()),
  /** In the order of their indexes. */
  windows: z.array(Window).min(1),
  activeWindow: z.string(),
  lastWindow: z.string().nullable(),
});
export type Blueprint = z.infer<typeof Blueprint>;
