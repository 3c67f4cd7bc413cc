import type { Leftover } from '../cleanup/leftovers.js';
import type { Verdict } from '../cleanup/policy.js';
import type { Swept } from '../cleanup/sweep.js';
import type { MergedWorktree, RemovedTree } from '../cleanup/worktrees.js';
import type { Context } from './command.js';
import { type Style, styler, table } from './output.js';

/** How a cleanup is told, for people and for programs. */

export interface Cleaning {
  readonly verdicts: readonly Verdict[];
  /** Those of which a line is printed; all when not given. */
  readonly shown?: readonly Verdict[];
  /** Not given: nothing was done. */
  readonly swept?: readonly Swept[];
  readonly merged: readonly MergedWorktree[];
  readonly removed?: readonly RemovedTree[];
  readonly leftovers: readonly Leftover[];
  /** The command line that would do it. */
  readonly line?: string;
}

/** What `--json` prints. */
export function cleaningData({ verdicts, swept = [], merged, removed = [], leftovers }: Cleaning) {
  const byId = new Map(swept.map((one) => [one.workspace, one]));
  const trees = new Map(removed.map((one) => [one.path, one]));
  return {
    workspaces: verdicts.map(({ workspace, name, action, ground, reason }) => {
      const became = byId.get(workspace);
      return {
        name,
        action,
        ground,
        reason,
        ...(became && { outcome: became.outcome, snapshot: became.snapshot, notes: became.notes }),
        ...(became?.outcome === 'removed' && { undo: `cw restore ${name}` }),
        ...(became && became.outcome !== 'removed' && { why: became.reason }),
      };
    }),
    removed: swept.filter(({ outcome }) => outcome === 'removed').length,
    worktrees: merged.map(({ workspace, path, branch, into }) => ({
      workspace,
      path,
      branch,
      into,
      removed: trees.get(path)?.removed ?? false,
      why: trees.get(path)?.why ?? null,
    })),
    leftovers,
  };
}

/** The report of a cleanup, or of what it would do. */
export function cleaningText(cleaning: Cleaning, context: Context): string {
  const { verdicts, shown = verdicts, swept, merged, removed = [], leftovers } = cleaning;
  const byId = new Map((swept ?? []).map((one) => [one.workspace, one]));
  const notes = (swept ?? []).flatMap(({ name, notes: lines }) => lines.map((line) => `${name}: ${line}`));
  return [
    verdicts.length === 0 ? 'No workspace is open.' : verdictTable(shown, context, byId),
    ...notes,
    ...treeLines(merged, removed),
    ...(leftovers.length === 0 ? [] : [leftoverLine(leftovers, swept !== undefined)]),
    ...(swept ? [closedLine(swept)] : wouldLines(cleaning)),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function treeLines(merged: readonly MergedWorktree[], removed: readonly RemovedTree[]): string[] {
  if (removed.length > 0)
    return removed.map(({ workspace, branch, into, removed: isGone, why }) =>
      isGone
        ? `${workspace}: the worktree of ${branch} is removed (merged into ${into}); the branch stays.`
        : `${workspace}: the worktree of ${branch} was kept: ${why}.`,
    );
  if (merged.length === 0) return [];
  const names = merged.map(({ workspace, branch }) => `${branch} of ${workspace}`).join(', ');
  return [`Worktrees that are merged and clean: ${names}. To remove them: cw cleanup --worktrees`];
}

function leftoverLine(leftovers: readonly Leftover[], isDone: boolean): string {
  const kinds = new Map<string, number>();
  for (const { kind, what } of leftovers) {
    const said = kind === 'blobs' ? what : kind;
    kinds.set(said, (kinds.get(said) ?? 0) + 1);
  }
  const said = [...kinds].map(([kind, number]) => (/^\d/.test(kind) ? kind : count(number, kind)));
  return `${isDone ? 'Removed what was left over' : 'Left over, and would be removed'}: ${said.join(', ')}.`;
}

function closedLine(swept: readonly Swept[]): string {
  const names = swept.filter(({ outcome }) => outcome === 'removed').map(({ name }) => name);
  if (names.length === 0) return 'Nothing was closed.';
  return `Closed ${count(names.length, 'workspace')}, each saved with its text. Undo: cw restore ${names.join(' ')}`;
}

function wouldLines({ verdicts, line = 'cw cleanup' }: Cleaning): string[] {
  const names = verdicts.filter(({ action }) => action === 'remove').map(({ name }) => name);
  if (names.length === 0) return verdicts.length === 0 ? [] : ['Nothing to close.'];
  return [
    `Nothing was changed. Close ${count(names.length, 'workspace')} with: ${line} --yes`,
    `(a snapshot is saved first; undo: cw restore ${names.join(' ')})`,
  ];
}

const words = { removed: 'removed', kept: 'keep', failed: 'failed' } as const;
const order = ['failed', 'remove', 'removed', 'keep'];

/** A line for each: those that go first. */
export function verdictTable(
  verdicts: readonly Verdict[],
  context: Context,
  swept: ReadonlyMap<string, Swept> = new Map(),
): string {
  const style = styler(context.terminal.color);
  const rows = verdicts.map((verdict) => {
    const became = swept.get(verdict.workspace);
    const word = became ? words[became.outcome] : verdict.action;
    const late = became?.outcome === 'kept' ? `${became.reason} (it was: ${verdict.reason})` : became?.reason;
    return { word, name: verdict.name, reason: late ?? verdict.reason };
  });
  rows.sort((a, b) => order.indexOf(a.word) - order.indexOf(b.word));
  return table(
    rows.map(({ word, name, reason }) => [{ text: word, style: colour(word, style) }, name, reason]),
    context.terminal.columns,
    [{ fixed: true }],
  );
}

function colour(word: string, style: Style): (text: string) => string {
  if (word === 'keep') return (text) => style('dim', text);
  return (text) => style(word === 'failed' ? 'red' : ['bold'], text);
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
