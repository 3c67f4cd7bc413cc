import { defaultPatterns } from '../snapshot/allow-list.js';
import {
  type ImportReport,
  importResurrect,
  type PaneReport,
  type SessionReport,
} from '../snapshot/resurrect-import.js';
import { expandPath, tildePath } from '../system/paths.js';
import type { Context, Outcome } from './command.js';
import { workspaceSize } from './opening.js';
import { indent, styler, table } from './output.js';

/** `cw import --from resurrect [FILE]`. */
export async function importSave(
  file: string | undefined,
  dryRun: boolean,
  context: Context,
): Promise<Outcome> {
  const report = await importResurrect(context.tmux(), {
    path: file === undefined ? null : expandPath(file, context.cwd, context.env),
    dryRun,
    size: workspaceSize(context),
    patterns: context.settings().restorePrograms ?? defaultPatterns,
    env: context.env,
    note: context.note,
  });
  return outcomeOf(report, context);
}

function outcomeOf(report: ImportReport, context: Context): Outcome {
  for (const note of report.notes) context.note(note);
  const { sessions } = report;
  const failed = sessions.filter(({ outcome }) => outcome === 'failed' || outcome === 'kept');
  const exit = failed.length === 0 ? 0 : failed.length < sessions.length ? 6 : 1;
  const text = [sessionsText(sessions, context), summary(report, context)].join('\n');
  return { data: report, text, ...(exit === 0 ? {} : { exit }) };
}

const outcomes: Readonly<Record<SessionReport['outcome'], string>> = {
  opened: 'opened',
  'would open': 'would be opened',
  open: 'open already',
  kept: 'left alone',
  failed: 'failed',
};

/** A line for each session, and below it what is to be said of it and of its panes. */
function sessionsText(sessions: readonly SessionReport[], { terminal }: Context): string {
  const style = styler(terminal.color);
  const heads = table(sessions.map(headOf), terminal.columns, [{}, {}, { fixed: true }]).split('\n');
  return sessions
    .flatMap((session, at) => {
      const rows = session.panes.flatMap((pane) =>
        saidOf(pane, session.outcome).map((line, place) => [
          place === 0 ? pane.pane.slice(session.saved.length + 1) : '',
          line,
        ]),
      );
      const below = [table(rows, terminal.columns - 2), ...session.notes].filter((text) => text !== '');
      return [style('bold', heads[at] ?? ''), ...below.map(indent)];
    })
    .join('\n');
}

function headOf(session: SessionReport): string[] {
  const name = session.name === session.saved ? session.name : `${session.name} (was ${session.saved})`;
  const panes = session.panes.length > 0 ? [count(session.panes.length, 'pane')] : [];
  return [name, [count(session.windows, 'window'), ...panes].join(', '), outcomes[session.outcome]];
}

/** What is to be said of a pane: nothing of one that is as it was. */
function saidOf({ command, outcome, notes }: PaneReport, session: SessionReport['outcome']): string[] {
  if (command === null) return [...notes];
  const words =
    session === 'opened'
      ? { started: 'started', typed: 'typed, waits for Enter', restored: '' }
      : { started: 'would start', typed: 'would be typed, for you to press Enter', restored: '' };
  return [`${command}: ${words[outcome]}`, ...notes];
}

function summary(report: ImportReport, { env }: Context): string {
  const opened = report.sessions.filter(({ outcome }) => outcome === 'opened').map(({ name }) => name);
  const save = `the save${report.savedAt === null ? '' : ` of ${report.savedAt}`} (${tildePath(report.path, env)})`;
  const first = report.sessions.find(({ name }) => name === report.active) ?? report.sessions[0];
  return [
    `${count(report.sessions.length, 'session')} in ${save}.`,
    ...(first && opened.length > 0 ? [`  attach   claude-switch ${first.name}`] : []),
    ...(opened.length > 0 ? [`  undo     cw kill ${opened.join(' ')}`] : []),
  ].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
