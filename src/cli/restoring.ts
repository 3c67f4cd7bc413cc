import { CwError, messageOf } from '../errors.js';
import { defaultPatterns } from '../snapshot/allow-list.js';
import type { Snapshot } from '../snapshot/model.js';
import { restoreAll } from '../snapshot/restore.js';
import type { ConversationProof, RestoreReport } from '../snapshot/restore-report.js';
import { SnapshotStore } from '../snapshot/store.js';
import { isFolder } from '../system/files.js';
import type { Workspace } from '../workspace/find.js';
import type { World } from '../workspace/world.js';
import type { Context } from './command.js';
import { age, visible } from './output.js';
import { findEntry } from './snapshots.js';

/** What the verbs that bring workspaces back have in common. */

export interface RestoreWish {
  readonly at?: string | undefined;
  readonly as?: string | undefined;
  readonly run: boolean;
  readonly dryRun: boolean;
  /** Follow the conversations until each is proven. */
  readonly wait?: boolean;
}

/** The snapshot that a workspace can be brought back from; null when there is none. */
export async function restorable(world: World, workspace: Workspace): Promise<Snapshot | null> {
  return new SnapshotStore(world.registry.folder, workspace.id).latest();
}

/** The snapshot that is wished for. */
async function wished(
  world: World,
  workspace: Workspace,
  context: Context,
  wish: RestoreWish,
): Promise<Snapshot> {
  const store = new SnapshotStore(world.registry.folder, workspace.id);
  const snapshot =
    wish.at === undefined
      ? await store.latest()
      : await store.read((await findEntry(store, workspace.name, wish.at)).sequence);
  for (const finding of store.takeFindings()) {
    context.note(`${finding.path} cannot be read: ${finding.why}. The one before it is used.`);
  }
  if (!snapshot) {
    throw new CwError('not-found', `There is no snapshot of ${workspace.name}.`, {
      hint: `Open it from its template: cw up ${workspace.name}`,
    });
  }
  return snapshot;
}

/** Restores the newest snapshot, with the report for people. */
export async function restoreAndReport(
  world: World,
  workspace: Workspace,
  context: Context,
): Promise<{ report: RestoreReport; text: string }> {
  const { reports, failures, seconds } = await restoreMany(world, [workspace], context, {
    run: true,
    dryRun: false,
  });
  const [report] = reports;
  if (!report) throw failures[0]?.error;
  return { report, text: reportText(reports, [], seconds) };
}

export interface Failure {
  readonly name: string;
  readonly error: unknown;
}

/** Restores them as the settings say: one that fails holds up no other. */
export async function restoreMany(
  world: World,
  workspaces: readonly Workspace[],
  context: Context,
  wish: RestoreWish,
): Promise<{ reports: RestoreReport[]; failures: Failure[]; seconds: number }> {
  const started = performance.now();
  const since = new Date();
  const reports: RestoreReport[] = [];
  const failures: Failure[] = [];
  const snapshots: Snapshot[] = [];
  const names: string[] = [];
  for (const workspace of workspaces) {
    try {
      snapshots.push(await wished(world, workspace, context, wish));
      names.push(workspace.name);
    } catch (error) {
      failures.push({ name: workspace.name, error });
    }
  }
  const settings = context.settings();
  const options = {
    as: wish.as,
    run: wish.run,
    dryRun: wish.dryRun,
    patterns: settings.restorePrograms ?? defaultPatterns,
    paneHistory: settings.paneHistory,
    knowsPrograms: true,
    isNewest: wish.at === undefined,
    env: context.env,
  };
  const begins = (place: number) => {
    if (workspaces.length > 1 && context.terminal.interactive) context.note(`${names[place]} ...`);
  };
  await hearHooks(world, context);
  const results = await restoreAll(context.tmux(), world.registry, snapshots, options, begins);
  for (const [place, result] of results.entries()) {
    if (result instanceof Error) failures.push({ name: names[place] ?? '', error: result });
    else reports.push(result);
  }
  const seconds = (performance.now() - started) / 1000;
  if (wish.wait && !wish.dryRun) {
    const { proveConversations } = await import('../snapshot/proof.js');
    return {
      reports: await proveConversations(context.tmux(), world.registry, reports, context.env, {
        since,
        limit: 60_000,
      }),
      failures,
      seconds,
    };
  }
  return { reports, failures, seconds };
}

/** Takes what hooks of Claude told since the last look: a conversation may have changed after the last save. */
async function hearHooks(world: World, context: Context): Promise<void> {
  const { claudeStateFolder } = await import('../claude/registry.js');
  if (!isFolder(claudeStateFolder(world.registry.folder))) return;
  const { drain } = await import('../claude/intake.js');
  const { claudeFacts } = await import('../claude/facts.js');
  await drain(world.registry.folder, () => claudeFacts(context.tmux(), context.env));
}

/** The report of restores, worst first. */
export function reportText(
  reports: readonly RestoreReport[],
  failures: readonly Failure[],
  seconds: number,
): string {
  const width =
    Math.max(6, ...reports.map((report) => report.name.length), ...failures.map(({ name }) => name.length)) +
    1;
  const lines = failures.map(({ name, error }) => `${name.padEnd(width)}failed: ${messageOf(error)}`);
  for (const report of reports) lines.push(...reportLines(report, width));
  const made = reports.filter((report) => report.created && report.steps.length === 0);
  if (made.length > 0) {
    const ages = [...new Set(made.map((report) => age(report.at)))].join(', ');
    const count = `${made.length} ${made.length === 1 ? 'workspace' : 'workspaces'}`;
    lines.push(
      `${count} in ${seconds.toFixed(1)} s from saves ${ages} old. Undo: cw kill ${made.map((report) => report.name).join(' ')}`,
    );
  }
  return lines.join('\n');
}

function reportLines(report: RestoreReport, width: number): string[] {
  const indent = ' '.repeat(width);
  if (report.steps.length > 0) return [...report.steps, ...report.problems];
  const problems = report.problems.map((problem) => `${indent}${visible(problem)}`);
  if (!report.created) return [`${report.name.padEnd(width)}is open already`, ...problems];
  const remarks = report.problems.length + report.panes.filter((pane) => pane.notes.length > 0).length;
  const failed = report.panes.filter((pane) => pane.conversation?.state === 'failed').length;
  const verdict = [
    'restored',
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(remarks > 0 ? [`${remarks} ${remarks === 1 ? 'remark' : 'remarks'}`] : []),
  ].join(', ');
  const states = { starts: 'starts', typed: 'typed, waits for Enter', 'not made again': '', restored: '' };
  return [
    `${report.name.padEnd(width)}${report.windows} ${report.windows === 1 ? 'window' : 'windows'}, ${report.panes.length} ${report.panes.length === 1 ? 'pane' : 'panes'}   ${verdict}`,
    ...report.panes.flatMap((pane) => [
      ...(pane.command === null
        ? []
        : [
            `${indent}${pane.place} ${commandText(pane)}   ${pane.conversation ? proofText(pane.conversation) : states[pane.state]}`,
          ]),
      ...pane.notes.map((note) => `${indent}${pane.place} ${visible(note)}`),
    ]),
    ...problems,
  ];
}

/** A conversation is named by its beginning: the line that resumes it is long, and says no more. */
function commandText({ command, conversation }: RestoreReport['panes'][number]): string {
  return conversation ? `claude   conversation ${conversation.id.slice(0, 8)}` : visible(command ?? '');
}

function proofText({ state, evidence }: ConversationProof): string {
  return state === 'verifying'
    ? 'verifying (--wait follows until it is proven)'
    : `${state} (${visible(evidence)})`;
}
