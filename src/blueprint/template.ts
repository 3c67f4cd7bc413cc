import { z } from 'zod';
import { Restart } from './model.js';

/**
 * The template: a blueprint with holes, as people write it in YAML. `expand` fills it with what is known of a
 * project. `${name}` in its strings stands for a variable of `vars` or for one of the built-in ones
 * (`project`, `root`, `home`, `editor`, `package_manager`, ...).
 */

const size = z.union([z.number().int().positive(), z.string().regex(/^([1-9]\d?|100)%$/)]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);

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

export const TemplatePane = z.strictObject({
  role: z.string().optional(),
  title: z.string().optional(),
  /** One command line, or candidates of which the first that can work here is run; none: a plain shell. */
  run: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  /** A folder, relative to the window's; or candidates of which the first that exists is taken. */
  root: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  /** Start in a worktree under `.worktrees/` where there is one: by name, or by its 1-based place in the sorted list. */
  worktree: z.union([z.string(), z.number().int().positive()]).optional(),
  env: z.record(z.string(), scalar).optional(),
  shell: z.string().optional(),
  focus: z.boolean().optional(),
  /** Cells or percent of the window along the split, for layouts without nested cells. */
  size: size.optional(),
  restart: Restart.optional(),
});
export type TemplatePane = z.infer<typeof TemplatePane>;

export const TemplateWindow = z.strictObject({
  name: z.string(),
  root: z.string().optional(),
  /** A named layout of tmux's, a layout string, or nested rows and columns. */
  layout: z
    .union([
      z.string(),
      z.strictObject({ rows: z.array(Cell).min(1) }),
      z.strictObject({ columns: z.array(Cell).min(1) }),
    ])
    .optional(),
  options: z.record(z.string(), scalar).optional(),
  synchronize: z.boolean().optional(),
  focus: z.boolean().optional(),
  /** Opened only when asked for (`--window NAME`). */
  manual: z.boolean().optional(),
  panes: z
    .array(z.union([TemplatePane, z.string(), z.null()]))
    .min(1)
    .optional(),
});
export type TemplateWindow = z.infer<typeof TemplateWindow>;

/** One sign that a folder is of a type: all keys given must hold. */
export const Marker = z.strictObject({
  /** A file, or a glob of one level (`*.csproj`), in the project's folder. */
  file: z.string().optional(),
  /** A dependency in package.json (also dev and peer ones). */
  dependency: z.string().optional(),
});
export type Marker = z.infer<typeof Marker>;

export const Hooks = z.strictObject({
  /** Runs before anything is made; a failure stops the opening. */
  before_create: z.string().optional(),
  after_create: z.string().optional(),
  on_attach: z.string().optional(),
  on_detach: z.string().optional(),
  /** Runs before a kill; a failure stops it. */
  before_close: z.string().optional(),
  after_close: z.string().optional(),
});

export const Template = z.strictObject({
  description: z.string().optional(),
  extends: z.string().optional(),
  /** Any of the markers makes the type; the highest priority wins. */
  detect: z.strictObject({ priority: z.number(), any: z.array(Marker).min(1) }).optional(),
  vars: z.record(z.string(), scalar).optional(),
  env: z.record(z.string(), scalar).optional(),
  options: z.record(z.string(), scalar).optional(),
  history_limit: z.number().int().nonnegative().optional(),
  hooks: Hooks.optional(),
  windows: z.array(TemplateWindow).min(1).optional(),
});
export type Template = z.infer<typeof Template>;
