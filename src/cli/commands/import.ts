import { CwError } from '../../errors.js';
import { defaultPatterns } from '../../snapshot/allow-list.js';
import {
  type ImportReport,
  importResurrect,
  type PaneReport,
  type SessionReport,
} from '../../snapshot/resurrect-import.js';
import { expandPath, tildePath } from '../../system/paths.js';
import type { Command, Context, Outcome } from '../command.js';
import { workspaceSize } from '../opening.js';
import { indent, styler, table } from '../output.js';

export const verb: Command = {
  name: 'import',
  summary: 'Open what tmux-resurrect saved as workspaces.',
  description:
    'FILE is a save, or a folder of saves; without it the newest good one where tmux-resurrect keeps them. ' +
    'Each session becomes a workspace, with its windows, layouts and folders. What is open already is left alone.',
  positionals: [{ name: 'file', describe: 'A save of tmux-resurrect, or a folder of them.' }],
  options: {
    from: { type: 'string', value: 'KIND', describe: 'What to import: resurrect.' },
    'dry-run': { type: 'boolean', describe: 'Say what would be opened, and do nothing.' },
  },
  examples: [
    { line: 'cw import --from resurrect --dry-run', does: 'See what the newest save holds.' },
    { line: 'cw import --from resurrect', does: 'Open it.' },
  ],
  async run(args, context) {
    checkKind(args.options.from);
    const { file } = args.positionals;
    if (file === '') throw new CwError('usage', 'FILE is an empty word.', { hint: usage });
    const report = await importResurrect(context.tmux(), {
      path: file === undefined ? null : expandPath(file, context.cwd, context.env),
      dryRun: args.options['dry-run'] === true,
      size: workspaceSize(context),
      patterns: context.settings().restorePrograms ?? defaultPatterns,
      env: context.env,
      note: context.note,
    });
    return outcomeOf(report, context);
  },
};

const usage = 'cw import --from resurrect [FILE]';

function checkKind(from: unknown): void {
  if (from === 'resurrect') return;
  throw new CwError(
    'usage',
    from === undefined
      ? 'What to import was not said.'
      : `Nothing is known of saves from ${JSON.stringify(from)}.`,
    { hint: usage },
  );
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
