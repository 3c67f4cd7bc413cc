import { join } from 'node:path';
import { CwError, isCwError, messageOf } from '../../errors.js';
import { type HealthFinding, worstLevel } from '../../health/finding.js';
import { type Looked, lookAtHealth } from '../../health/look.js';
import { type HealthChange, HealthState } from '../../health/state.js';
import { findDaemon } from '../../rpc/start.js';
import type { Saving } from '../../survey/model.js';
import { durationText } from '../../system/duration.js';
import { isFile } from '../../system/files.js';
import { requireWorkspace } from '../../workspace/find.js';
import { Registry } from '../../workspace/registry.js';
import { placesOf, readWorld } from '../../workspace/world.js';
import type { Command, Context, Outcome } from '../command.js';
import { healthPicture } from '../health-picture.js';
import { age, harmless, styler, visible, width } from '../output.js';
import { errorDocument, errorText, type Failure } from '../report.js';
import { writeAll } from '../terminal.js';

export const verb: Command = {
  name: 'health',
  summary: 'What is wrong, stuck or forgotten in the open workspaces.',
  description:
    'Panes and programs as the template says, agents that wait or failed, work that is not committed or pushed, saves ' +
    "and rehearsals, memory, stray processes, and the project's own health_check where it is trusted. The worst first: " +
    '✗ error, ? could not be found out, ! warning. Exit code 1 when there is an error. From which numbers on it warns: ' +
    'cw config list (health.*). The daemon looks too (schedule.health), and tells what became worse.',
  positionals: [
    { name: 'name', completes: 'workspace', describe: 'One workspace, with all that is well too.' },
  ],
  options: {
    all: { type: 'boolean', short: 'a', describe: 'Show also what is well.' },
    problems: {
      type: 'boolean',
      describe: 'A line for each: FILE: error|warning|info: text, for editors and scripts.',
    },
    watch: { type: 'boolean', describe: 'Go on, and show each change, until Ctrl-C.' },
    history: { type: 'boolean', describe: 'What became worse and better, as the daemon saw it.' },
  },
  examples: [
    { line: 'cw health', does: 'All open workspaces.' },
    { line: 'cw health --all', does: 'With every check that found nothing.' },
    { line: 'cw health --watch', does: 'Kept up to date.', endless: true },
    { line: 'cw health --history', does: 'What came and went.' },
    { line: 'cw health --problems', does: 'For an editor, a line each.' },
    { line: 'cw health --json', does: 'For programs.' },
  ],
  async run(args, context) {
    if (args.options.history) return history(context);
    const only = await wanted(args.positionals.name, context);
    const all = args.options.all === true || only !== null;
    if (args.options.watch)
      return watchHealth(context, { only, all, write: (text) => void writeAll(1, text) });
    const looked = await look(context, only, null);
    const outcome = outcomeOf(looked, all, context);
    return args.options.problems ? { ...outcome, text: problemLines(looked) } : outcome;
  },
};

/** What is not well, as compilers tell it; the file is the project's `.cw.yaml`, or else its folder. */
function problemLines({ findings, survey }: Looked): string {
  const severities = { error: 'error', warning: 'warning', unknown: 'info' } as const;
  const placeOf = (name: string | null) => {
    const path = survey.workspaces.find((workspace) => workspace.name === name)?.path;
    if (path === undefined) return '/';
    return [join(path, '.cw.yaml'), path].find(isFile) ?? path;
  };
  return findings
    .flatMap(({ level, workspace, subject, message }) =>
      level === 'ok' ? [] : [`${placeOf(workspace)}: ${severities[level]}: ${subject}: ${message}`],
    )
    .map(visible)
    .join('\n');
}

/** The id of the workspace that is asked for, which must be open; null: all. */
async function wanted(name: string | undefined, context: Context): Promise<ReadonlySet<string> | null> {
  if (name === undefined) return null;
  const world = await readWorld(context.tmux(), context.env);
  const workspace = requireWorkspace(name, placesOf(world, context.settings(), context.cwd, context.env));
  if (!workspace.session)
    throw new CwError('not-found', `${workspace.name} is not open.`, { hint: 'cw list shows what is.' });
  return new Set([workspace.id]);
}

async function look(
  context: Context,
  only: ReadonlySet<string> | null,
  before: Looked | null,
  said?: Parameters<typeof lookAtHealth>[0]['said'],
): Promise<Looked> {
  const { env } = context;
  const connection = context.tmux();
  const state = new HealthState(new Registry(connection.address, env).folder);
  const looked = await lookAtHealth({
    connection,
    env,
    settings: context.settings(),
    saving: await savingNow(connection.address.socketPath, env),
    restarts: state.restarts(),
    before: before?.processes ?? null,
    ...(only && { only }),
    ...(said && { said }),
  });
  // Of one workspace it cannot be told what all share.
  return only
    ? { ...looked, findings: looked.findings.filter(({ workspace }) => workspace !== null) }
    : looked;
}

async function savingNow(server: string, env: NodeJS.ProcessEnv): Promise<Saving> {
  const none = { lastSaveAt: null, lastSaveError: null };
  const found = await findDaemon(server, env, 2000);
  if (found.state === 'silent') return { daemon: 'silent', ...none };
  if (found.state !== 'running') return { daemon: 'none', ...none };
  try {
    const { lastSaveAt, lastSaveError } = await found.client.call('status', {}, 2000);
    return { daemon: 'running', lastSaveAt, lastSaveError };
  } catch (error) {
    return { daemon: 'silent', ...none, lastSaveError: messageOf(error) };
  } finally {
    found.client.close();
  }
}

function outcomeOf({ findings, survey }: Looked, all: boolean, context: Context): Outcome {
  const isBad = worstLevel(findings) === 'error';
  return {
    data: { at: survey.at, level: worstLevel(findings), findings },
    text: picture(findings, all, context),
    ...(isBad && { exit: 1 }),
  };
}

function picture(findings: readonly HealthFinding[], all: boolean, { terminal }: Context): string {
  return healthPicture(findings, {
    columns: Math.min(terminal.columns, 110),
    style: styler(terminal.color),
    all,
  });
}

function history(context: Context): Outcome {
  const state = new HealthState(new Registry(context.tmux().address, context.env).folder);
  const changes = state.history();
  if (changes.length === 0)
    return { data: [], text: 'The daemon has seen no change yet (cw daemon status says when it looks).' };
  return { data: changes, text: changes.slice(-50).flatMap(changeLines).join('\n') };
}

function changeLines({ at, began, ended }: HealthChange): string[] {
  const line = (mark: string, one: HealthChange['began'][number]) =>
    `${age(at).padStart(6)} ago  ${mark} ${visible(`${one.workspace ?? 'cw'}  ${one.subject}: ${one.message}`)}`;
  const marks = { error: '✗', unknown: '?', warning: '!', ok: '✓' } as const;
  return [...began.map((one) => line(marks[one.level], one)), ...ended.map((one) => line('✓', one))];
}

export interface WatchOptions {
  readonly only: ReadonlySet<string> | null;
  readonly all: boolean;
  readonly write: (text: string) => void;
  /** Milliseconds between two looks; 5,000 when not given. */
  readonly every?: number;
}

/** Milliseconds between two looks, and between two runs of a project's own command. */
const usual = 5000;
const commandEvery = 60_000;

/**
 * Shows health at each change, until SIGINT or SIGTERM. With --json each look that differs is one line. A look that fails
 * is told in place of what it would have found, and the next one comes all the same.
 *
 * @throws what the first look throws.
 */
export async function watchHealth(
  context: Context,
  { only, all, write, every = usual }: WatchOptions,
): Promise<Outcome> {
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  try {
    let last = await look(context, only, null);
    let askedAt = performance.now();
    let failure: unknown = null;
    let shown = '';
    while (!isOver) {
      const text = failure === null ? findingsText(last, all, context) : failureText(failure, every, context);
      if (text !== shown) write(drawn(text, context));
      shown = text;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, every);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
      if (isOver) break;
      const { commands } = last;
      const isDue = performance.now() - askedAt >= commandEvery;
      try {
        last = await look(context, only, last, isDue ? undefined : ({ id }) => commands.get(id) ?? null);
        if (isDue) askedAt = performance.now();
        failure = null;
      } catch (error) {
        failure = error;
      }
    }
    return { data: { at: last.survey.at, level: worstLevel(last.findings), findings: last.findings } };
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

function findingsText({ findings }: Looked, all: boolean, context: Context): string {
  return context.json ? JSON.stringify(findings) : harmless(picture(findings, all, context));
}

/** @param every milliseconds until the next look. */
function failureText(error: unknown, every: number, { json }: Context): string {
  const failure: Failure = isCwError(error) ? error : { kind: 'failed', message: messageOf(error) };
  if (json) return JSON.stringify(errorDocument(failure));
  return harmless(
    `Health could not be found out: ${errorText(failure)}\nIt is looked at again in ${durationText(every)}.`,
  );
}

function drawn(text: string, { json, terminal }: Context): string {
  if (json || !terminal.interactive) return `${text}\n`;
  // Each line is cleared behind its end, and what was below: nothing flickers.
  const lines = cropped(text.split('\n'), terminal.columns, terminal.rows - 1);
  return `\x1b[H${lines.join('\x1b[K\n')}\x1b[K\n\x1b[J`;
}

/** As many lines as fit, where long ones take several rows; the sum, which is the last one, stays. */
export function cropped(lines: readonly string[], columns: number, rows: number): readonly string[] {
  const plain = (line: string) => line.replace(/\x1b\[[0-9;]*m/g, '');
  const heights = lines.map((line) => Math.max(1, Math.ceil(width(plain(line)) / columns)));
  if (heights.reduce((sum, height) => sum + height, 0) <= rows) return lines;
  const kept: string[] = [];
  let room = rows - 2;
  for (const [at, line] of lines.slice(0, -1).entries()) {
    room -= heights[at] ?? 1;
    if (room < 0) break;
    kept.push(line);
  }
  return [...kept, `… ${lines.length - 1 - kept.length} lines more`, lines.at(-1) ?? ''];
}
