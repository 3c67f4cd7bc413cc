import { countPanes, parseLayout } from '../blueprint/layout.js';
import { CwError } from '../errors.js';
import { migrate } from '../snapshot/migrate.js';
import { Snapshot, snapshotFormat } from '../snapshot/model.js';
import { isWorkspaceId } from '../workspace/registry.js';

/** More than anybody has, and few enough to be made. */
const most = { windows: 500, panes: 1000, cells: 10_000, lines: 1_000_000 } as const;

/**
 * Reads the snapshot of an archive: migrated, as the schema says, and of a size that can be made.
 *
 * @throws CwError `refused` for one of a newer cw, or of a shape that none of ours has.
 */
export function parseForeignSnapshot(bytes: Uint8Array): Snapshot {
  let data: unknown;
  try {
    data = JSON.parse(Buffer.from(bytes).toString('utf8'), refuseNul);
  } catch (error) {
    throw wrong(error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message);
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw wrong('it is no object');
  const object = data as Record<string, unknown>;
  const { format } = object;
  if (typeof format === 'number' && format > snapshotFormat) {
    throw new CwError(
      'refused',
      `The snapshot in it has format ${format}; this cw knows up to ${snapshotFormat}.`,
      {
        hint: 'Update cw here: npm install -g claude-workspaces',
      },
    );
  }
  let migrated: Record<string, unknown>;
  try {
    migrated = migrate(object);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const parsed = Snapshot.safeParse(migrated);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw wrong(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as the schema says'}`);
  }
  const problem = shapeProblem(parsed.data);
  if (problem !== null) throw wrong(problem);
  return parsed.data;
}

function shapeProblem({ workspace, blueprint }: Snapshot): string | null {
  if (!isWorkspaceId(workspace) || blueprint.id !== workspace) return 'its id is none';
  if (!isPlainPath(blueprint.path)) return 'the folder of its project is no plain absolute path';
  const { windows } = blueprint;
  const panes = windows.flatMap((window) => window.panes);
  if (windows.length > most.windows || panes.length > most.panes)
    return `it has ${windows.length} windows and ${panes.length} panes`;
  const isTooLarge = ({ width, height }: { width: number; height: number }) =>
    width > most.cells || height > most.cells;
  if (isTooLarge(blueprint.size) || windows.some(({ size }) => isTooLarge(size)))
    return 'its windows are too large';
  if (panes.some((pane) => (pane.historyLimit ?? 0) > most.lines)) return 'a pane of it keeps too many lines';
  if (panes.some((pane) => !isPlainPath(pane.cwd))) return 'the folder of a pane is no plain absolute path';
  if (new Set(windows.map(({ key }) => key)).size < windows.length) return 'two of its windows have one key';
  if (new Set(panes.map(({ key }) => key)).size < panes.length) return 'two of its panes have one key';
  if (!windows.some(({ key }) => key === blueprint.activeWindow))
    return 'its active window is none of its windows';
  for (const window of windows) {
    if (!window.panes.some(({ key }) => key === window.activePane))
      return 'an active pane is not in its window';
    if (window.layout.includes(',') && cellsOf(window.layout) !== window.panes.length)
      return 'a layout has not as many cells as its window has panes';
  }
  return null;
}

/** Absolute, and without a way up in it. */
function isPlainPath(path: string): boolean {
  return path.startsWith('/') && !path.split('/').some((part) => part === '.' || part === '..');
}

function cellsOf(layout: string): number | null {
  try {
    return countPanes(parseLayout(layout));
  } catch {
    return null;
  }
}

/** tmux and files end a text there. */
function refuseNul(name: string, value: unknown): unknown {
  if (name.includes('\0') || (typeof value === 'string' && value.includes('\0')))
    throw new Error('a text in it holds NUL');
  return value;
}

function wrong(why: string): CwError {
  return new CwError('refused', `The snapshot in it cannot be used: ${why}.`, {
    hint: 'It is damaged, or was not written by cw.',
  });
}
