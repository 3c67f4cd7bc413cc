import { z } from 'zod';
import { Restart } from './model.js';

/**
 * The template: a blueprint with holes, as people write it in YAML. `expand` fills it with what is known of a
 * project. `${name}` in its strings stands for a variable of `vars` or for one of the built-in ones
 * (`project`, `root`, `home`, `editor`, `package_manager`, ...).
 */

const size = z.union([z.number().int().positive(), z.string().regex(/^([1-9]\d?|100)%$/)]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const variables = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), scalar);

/** Cells of a window: a pane by its 1-based place in `panes`, or a row or column of cells. */
export type Cell =
  | number
  | { pane: number; size?: number | string | undefined }
  | { rows: Cell[]; size?: number | string | undefined }
  | { columns: Cell[]; size?: number | string | undefined };

const Cell: z.ZodType<Cell> = z.lazy(() =>
  z.union([
    z.number().int().positive(),
    z.strictObject({ pane: z.number().int().positive(), size: size.optional() }),
    z.strictObject({ rows: z.array(Cell).min(1), size: size.optional() }),
    z.strictObject({ columns: z.array(Cell).min(1), size: size.optional() }),
  ]),
);

const oneOrMore = z.union([z.string(), z.array(z.string()).min(1)]);

/**
 * A command line, alone or with what it needs. In any case its program must be on the PATH (or be a file, where
 * it has a slash), and a script of package.json that it runs must exist.
 */
export const Candidate = z.union([
  z.string(),
  z.strictObject({
    run: z.string(),
    file: oneOrMore
      .optional()
      .describe(
        'Files, folders or globs of the project that must all exist. `.git` counts in a parent folder too.',
      ),
    program: z
      .string()
      .optional()
      .describe('One more program that must be on the PATH: `cargo watch` needs `cargo-watch`.'),
  }),
]);
export type Candidate = z.infer<typeof Candidate>;

export const TemplatePane = z.strictObject({
  role: z.string().optional().describe('What the pane is for: claude, editor, git, or a word of your own.'),
  title: z.string().optional().describe('The title; the role where there is none.'),
  run: z
    .union([z.string(), z.array(Candidate).min(1)])
    .optional()
    .describe(
      'One command line, or candidates of which the first that can work here is run; none, or an empty one: a plain shell.',
    ),
  root: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe("A folder, relative to the window's; or candidates of which the first that exists is taken."),
  worktree: z
    .union([z.string(), z.number().int().positive()])
    .optional()
    .describe(
      'Start in a worktree under `.worktrees/` where there is one: by name, or by its 1-based place in the sorted list.',
    ),
  env: variables.optional().describe('Variables of this pane alone.'),
  shell: z.string().optional().describe("Another shell than tmux's default one."),
  typed: z
    .string()
    .optional()
    .describe('One line that is typed at the first prompt and waits for Enter, in place of `run`.'),
  start_command: z
    .string()
    .optional()
    .describe("A program in place of a shell, as tmux's start command: the pane ends with it."),
  options: z.record(z.string(), scalar).optional().describe('tmux options of the pane.'),
  focus: z.boolean().optional().describe('The pane that is active first.'),
  size: size
    .optional()
    .describe('Cells or percent of the window along the split, for layouts without nested cells.'),
  restart: Restart.optional().describe('Whether `run` is started again when it ends.'),
});
export type TemplatePane = z.infer<typeof TemplatePane>;

export const TemplateWindow = z.strictObject({
  name: z.string(),
  index: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('Its number, counted from base-index; the next one after the window before it when not given.'),
  root: z.string().optional().describe("The folder of its panes, relative to the project's."),
  layout: z
    .union([
      z.string(),
      z.strictObject({ rows: z.array(Cell).min(1) }),
      z.strictObject({ columns: z.array(Cell).min(1) }),
    ])
    .optional()
    .describe("A named layout of tmux's, a layout string, or nested rows and columns of panes by number."),
  options: z.record(z.string(), scalar).optional().describe('tmux options of the window.'),
  synchronize: z.boolean().optional().describe('What is typed in one pane goes to all of them.'),
  zoom: z.boolean().optional().describe('Its active pane fills the window.'),
  focus: z.boolean().optional().describe('The window that is active first.'),
  manual: z.boolean().optional().describe('Opened only when asked for (`--window NAME`).'),
  panes: z
    .array(z.union([TemplatePane, z.string(), z.null()]))
    .min(1)
    .optional()
    .describe('A map, a command line alone, or nothing for a plain shell.'),
});
export type TemplateWindow = z.infer<typeof TemplateWindow>;

/** One sign that a folder is of a type: all keys given must hold. */
export const Marker = z.strictObject({
  file: oneOrMore
    .optional()
    .describe(
      "A file, folder or glob (`*.csproj`, `src/*.c`) in the project's folder; of several all must exist.",
    ),
  dependency: z.string().optional().describe('A dependency in package.json (also dev and peer ones).'),
  priority: z
    .number()
    .optional()
    .describe("In place of the template's own priority, for a sign that is surer or weaker than its others."),
});
export type Marker = z.infer<typeof Marker>;

export const Hooks = z.strictObject({
  before_create: z.string().optional().describe('Runs before anything is made; a failure stops the opening.'),
  after_create: z.string().optional().describe('Runs once the workspace stands.'),
  on_attach: z.string().optional().describe('Runs each time a terminal attaches.'),
  on_detach: z.string().optional().describe('Runs each time a terminal leaves.'),
  before_close: z.string().optional().describe('Runs before a kill; a failure stops it.'),
  after_close: z.string().optional().describe('Runs after a kill.'),
});

export const Template = z.strictObject({
  description: z.string().optional().describe('One line, shown by `cw template list`.'),
  extends: z.string().optional().describe('The template that this one is laid over, by name.'),
  detect: z
    .strictObject({ priority: z.number(), any: z.array(Marker).min(1) })
    .optional()
    .describe('Any of the markers makes the type; the highest priority wins.'),
  root: z
    .string()
    .optional()
    .describe("The folder that the windows' folders are relative to, in place of the project's."),
  check_commands: z
    .boolean()
    .optional()
    .describe(
      'false: commands are run whether or not their program is found (aliases and functions of your shell).',
    ),
  vars: z
    .record(z.string(), scalar)
    .optional()
    .describe('Values for `${name}`; `--set name=value` changes them.'),
  env: variables.optional().describe('Variables of the workspace, set before its first pane is made.'),
  options: z.record(z.string(), scalar).optional().describe('tmux options of the session.'),
  history_limit: z.number().int().nonnegative().optional().describe('Lines of scrollback of each pane.'),
  hooks: Hooks.optional().describe('Commands at moments of the life of a workspace.'),
  windows: z
    .array(TemplateWindow)
    .min(1)
    .optional()
    .describe('Merged by name with those of the extended template.'),
});
export type Template = z.infer<typeof Template>;
