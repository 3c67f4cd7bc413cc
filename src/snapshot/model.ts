import { z } from 'zod';
import { Blueprint } from '../blueprint/model.js';
import { snapshotFormat } from './format.js';

/**
 * A snapshot: a blueprint, and what was observed at one moment. Times are UTC, ISO 8601; they are for people. The
 * order is told by `sequence`, since clocks jump. Fields that are not known are left out: see `snapshotFormat`.
 */

/** One process of what runs in the foreground of a pane. */
export const ProcessEntry = z.object({
  pid: z.number().int(),
  /** Exact, as the kernel keeps it; empty where the process hides it or it could not be read. */
  argv: z.array(z.string()),
  /** False where `argv` is a title of the process's own, or words that `ps` had joined. */
  exact: z.boolean(),
  /** The place of its parent in the same list; null for one that the shell started. */
  parent: z.number().int().nonnegative().nullable(),
  /** Stopped by Ctrl-Z: it cannot be made again as it was. */
  stopped: z.boolean(),
  /** Where its standard streams go, when that is no terminal: a file's path, `pipe`, `socket` or `closed`. */
  stdin: z.string().nullable(),
  stdout: z.string().nullable(),
  stderr: z.string().nullable(),
});
export type ProcessEntry = z.infer<typeof ProcessEntry>;

/** What a pane runs. */
export const Program = z.discriminatedUnion('kind', [
  /** The shell waits at its prompt. */
  z.object({ kind: z.literal('shell'), stopped: z.array(ProcessEntry) }),
  /** What we started ourselves is in the foreground: `run` or `startCommand` of the blueprint's pane says what. */
  z.object({ kind: z.literal('declared'), stopped: z.array(ProcessEntry) }),
  /** Something else: the whole foreground process group, its leader first. */
  z.object({
    kind: z.literal('group'),
    /**
     * One command (with what it started itself), several of a pipe, or a part of the shell's own language (a loop, a
     * function, parentheses), which runs in a copy of the shell.
     */
    form: z.enum(['command', 'pipe', 'compound']),
    /** The arguments of the shells in the shell that it ran in, outermost first. */
    within: z.array(z.array(z.string())),
    processes: z.array(ProcessEntry),
    stopped: z.array(ProcessEntry),
  }),
  /** The pane's process is gone and the pane was kept (remain-on-exit). */
  z.object({ kind: z.literal('dead'), status: z.number().int().nullable() }),
  /** It could not be read, and why. */
  z.object({ kind: z.literal('unknown'), reason: z.string() }),
]);
export type Program = z.infer<typeof Program>;

/** Text of a pane with its colours, as references to chunks, oldest line first. */
export const Scrollback = z.object({
  /** SHA-256 of the uncompressed bytes of each chunk; the file of that name is in `blobs/`. */
  chunks: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
  lines: z.number().int().nonnegative(),
});
export type Scrollback = z.infer<typeof Scrollback>;

/** A Claude Code conversation that was alive in a pane, with what it takes to resume it. */
export const SavedConversation = z.object({
  conversation: z.string(),
  /** The folder of its first start. */
  cwd: z.string(),
  flags: z.array(z.string()),
  configDir: z.string().nullable(),
  prompted: z.boolean(),
  forkOf: z.string().nullable(),
  name: z.string().nullable(),
});

export const ObservedPane = z.object({
  /** tmux's id when it was read. */
  id: z.string(),
  pid: z.number().int(),
  program: Program,
  /** null: not read, or switched off. */
  scrollback: Scrollback.nullable(),
  /** A full-screen program was on; the scrollback is that of the shell below it. */
  alternateScreen: z.boolean(),
  /** The shell's own history file of this pane; null where it has none. */
  historyFile: z.string().nullable(),
  /** The conversation of the Claude that ran in it; null or left out: none did. */
  conversation: SavedConversation.nullable().optional(),
  /** A line that a restore typed at its prompt and that waits for Enter; null or left out: none does. */
  typed: z.string().nullable().optional(),
  /** The blob with the session of its editor, as that wrote it for this save; null or left out: there is none. */
  editorSession: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .optional(),
});
export type ObservedPane = z.infer<typeof ObservedPane>;

export const ObservedGit = z.object({
  branch: z.string().nullable(),
  commit: z.string().nullable(),
  dirty: z.boolean(),
});
export type ObservedGit = z.infer<typeof ObservedGit>;

export const Reason = z.enum([
  'change',
  'output',
  'schedule',
  'manual',
  'close',
  'cleanup',
  'shutdown',
  'restore',
  'import',
  'checkpoint',
]);
export type Reason = z.infer<typeof Reason>;

export { snapshotFormat };

export const Snapshot = z.object({
  format: z.literal(snapshotFormat),
  workspace: z.string(),
  /** Counts up by one in each workspace. */
  sequence: z.number().int().positive(),
  at: z.string(),
  reason: Reason,
  note: z.string().nullable(),
  host: z.string(),
  /** Another one after each boot. */
  boot: z.string(),
  server: z.object({ pid: z.number().int(), start: z.string().nullable(), version: z.string() }),
  cwVersion: z.string(),
  blueprint: Blueprint,
  /** By the key of the pane in the blueprint. */
  panes: z.record(z.string(), ObservedPane),
  git: ObservedGit.nullable(),
});
export type Snapshot = z.infer<typeof Snapshot>;
