import type { Plan, Problem, Step } from '../blueprint/step.js';
import { parseCreated } from '../blueprint/step.js';
import { CwError } from '../errors.js';
import type { Command, Connection } from '../tmux/connection.js';
import { encodeWords, leftovers } from '../tmux/literal.js';

export interface Applied {
  /** `session`, `window:KEY` and `pane:KEY` with the ids that tmux gave them. */
  readonly ids: ReadonlyMap<string, string>;
  /** What tmux refused while finishing; the workspace stands all the same. */
  readonly problems: readonly Problem[];
}

export interface ApplyOptions {
  /** The plan's own. */
  readonly nonce: string;
  readonly env: NodeJS.ProcessEnv;
  /** A session that only kept a new server alive for this plan: it goes when the plan is done, whatever came of it. */
  readonly keeper?: string | undefined;
}

/**
 * Carries out a plan: everything is created first, under a temporary name, and the ids are collected; then all
 * the rest is done by id, and the name comes last, so that nobody attaches to a half-built session.
 *
 * @throws CwError `failed` when something could not be created or named. Only what this call created is taken
 *   down again.
 */
export async function applyPlan(connection: Connection, plan: Plan, options: ApplyOptions): Promise<Applied> {
  const { nonce, env } = options;
  const keeper = options.keeper ? [options.keeper] : [];
  const create = encodeSteps(plan.create, new Map(), nonce);
  const created = await connection.batch(create, { stopOnError: true, env });
  const ids = parseCreated(created.stdout.toString('utf8'));
  const session = ids.get('session');
  const missing = plan.create.find((step) => step.creates.some((ref) => !ids.has(ref)));
  if (created.errors.length > 0 || missing || !session) {
    await takeDown(connection, session ? [session, ...keeper] : keeper, leftovers(create, nonce));
    throw notCreated(created.errors, missing);
  }
  const finished = await connection.batch([
    ...encodeSteps(plan.finish, ids, nonce),
    ...keeper.map(killCommand),
  ]);
  // The name is the last step, and the only one without which there is no workspace.
  const named = await isNamed(connection, finished.errors, session, plan.temporaryName);
  if (!named) {
    await takeDown(connection, [session]);
    throw new CwError('failed', `tmux could not name the session: ${finished.errors.at(-1)}.`, {
      hint: 'Nothing was opened. Try again.',
    });
  }
  return {
    ids,
    problems: finished.errors.map((message) => ({ subject: 'session', message: `tmux refused: ${message}` })),
  };
}

function encodeSteps(steps: readonly Step[], ids: ReadonlyMap<string, string>, nonce: string): Command[] {
  return encodeWords(
    steps.map((step) => step.command),
    ids,
    nonce,
  );
}

function notCreated(errors: readonly string[], missing: Step | undefined): CwError {
  const noSpace = errors.some((error) => error.includes('no space for new pane'));
  return new CwError(
    'failed',
    `tmux could not ${missing?.why ?? 'build the session'}: ${errors[0] ?? 'it gave no id'}.`,
    {
      hint: noSpace
        ? 'The terminal is too small for this many panes: make it larger, or give the template fewer panes a window.'
        : 'Nothing was opened. `cw up --dry-run` prints the commands.',
    },
  );
}

async function isNamed(
  connection: Connection,
  errors: readonly string[],
  session: string,
  temporaryName: string,
): Promise<boolean> {
  if (errors.length === 0) return true;
  const answer = await connection.batch([['display-message', '-p', '-t', `${session}:`, '#{session_name}']]);
  return answer.stdout.toString('utf8').trim() !== temporaryName;
}

async function takeDown(
  connection: Connection,
  sessions: readonly string[],
  more: readonly Command[] = [],
): Promise<void> {
  // By the ids that our own commands printed: they can be no other sessions.
  const commands = [...more, ...sessions.map(killCommand)];
  if (commands.length > 0) await connection.batch(commands);
}

function killCommand(session: string): Command {
  return ['kill-session', '-t', session];
}
