import { CwError, messageOf } from '../errors.js';
import { captureWorkspace } from '../snapshot/capture.js';
import { Saver } from '../snapshot/save.js';
import { missingText } from '../snapshot/verify.js';
import type { Settings } from '../system/settings.js';
import { isNoServer } from '../tmux/failure.js';
import { type Reading, readServer } from '../tmux/reading.js';
import type { Workspace } from '../workspace/find.js';
import { runHook } from '../workspace/hooks.js';
import { utc } from '../workspace/list.js';
import { recordOf } from '../workspace/record.js';
import type { World } from '../workspace/world.js';
import { type Ended, endProcesses, processesOfPanes } from './processes.js';

export interface Killed {
  readonly name: string;
  readonly session: string;
  /** The number of the snapshot with the text of every pane. */
  readonly snapshot: string;
  /** What the user should know: windows that live on elsewhere, processes that had to be ended, or go on. */
  readonly notes: readonly string[];
}

export interface CloseOptions {
  /** A sweep's never ends a session that somebody looks at, or typed into since `recheck`. */
  readonly by: 'user' | 'sweep';
  /**
   * Looks once more, before anything is done and again when all is saved and the lock is held.
   *
   * @returns the reason to keep it; null: it may go.
   */
  readonly recheck?: () => Promise<string | null>;
}

/**
 * Closes a workspace: saves it with the text of all its panes, reads that back, ends its session, and what of its
 * panes' processes outlives that. The session is ended only if it still carries the workspace's id at that moment.
 *
 * @throws CwError `refused` when the template's `before_close` fails, the session is no longer ours, a newer cw keeps
 *   the workspace, or it has to be kept after all (`recheck`); `failed` when it could not be saved. Nothing is closed
 *   then.
 */
export async function killWorkspace(
  world: World,
  workspace: Workspace,
  settings: Settings,
  env: NodeJS.ProcessEnv,
  options: CloseOptions = { by: 'user' },
): Promise<Killed> {
  const { session, id, name } = workspace;
  if (!session) throw new CwError('not-found', `${name} is not open.`);
  const { connection, registry } = world;
  registry.refuseNewer(id);
  const captured = await captureWorkspace(connection, id);
  if (!captured) throw new CwError('not-found', `${name} is not open any more.`);
  const { blueprint } = captured;
  await keepIf(name, options);
  const before = blueprint.hooks.before_close;
  if (before) await runHook('before_close', before, blueprint, env);
  const saver = new Saver(connection, registry, settings);
  const reason = options.by === 'user' ? 'close' : 'cleanup';
  const [saved] = await saver.save({ reason, only: new Set([id]) });
  const sequence = saved?.sequence ?? null;
  if (sequence === null) {
    throw new CwError('failed', `${name} could not be saved: ${saved?.failure ?? 'it ended meanwhile'}.`, {
      hint: 'It was not closed.',
    });
  }
  const notes: string[] = [];
  const ending = await saver.store(id).locked(async (store) => {
    // What cannot be read back was not saved.
    const snapshot = await store.read(sequence);
    const [missing] = await missingText(snapshot, saver.blobs);
    if (missing !== undefined)
      throw new CwError('failed', `${name} was saved, but its text does not read back: ${missing}`, {
        hint: 'It was not closed.',
      });
    await keepIf(name, options);
    const reading = await readServer(connection);
    const dying = panesThatEnd(reading, session.id);
    notes.push(...livingOn(reading, session.id));
    const processes = processesOfPanes(dying, connection.address.socketPath, reading.pid);
    const record = registry.read(id) ?? recordOf(blueprint);
    registry.write({ ...record, closing: { by: options.by, at: new Date().toISOString() } });
    try {
      await endSession(world, workspace, reading, options.by);
    } catch (error) {
      registry.write({ ...(registry.read(id) ?? record), closing: null });
      throw error;
    }
    registry.write({
      ...(registry.read(id) ?? record),
      closing: null,
      closedAt: new Date().toISOString(),
      closedBy: options.by,
      lastAttachedAt: session.lastAttached
        ? utc(session.lastAttached)
        : (workspace.record?.lastAttachedAt ?? null),
    });
    return { processes, dying };
  });
  const gone = await panesGone(
    world,
    ending.dying.map(({ id: pane }) => pane),
  );
  if (gone) notes.push(...processNotes(await endProcesses(ending.processes)));
  else notes.push('Whether all its panes ended is not known, so no process was ended.');
  const after = blueprint.hooks.after_close;
  if (after)
    await runHook('after_close', after, blueprint, env).catch(
      (error: unknown) => void notes.push(messageOf(error)),
    );
  return { name, session: session.name, snapshot: String(sequence), notes };
}

async function keepIf(name: string, { recheck }: CloseOptions): Promise<void> {
  const reason = (await recheck?.()) ?? null;
  if (reason !== null)
    throw new CwError('refused', `${name} was kept: ${reason}.`, {
      hint: 'It changed while it was looked at.',
    });
}

/** Ends the session, when it is still the one that was looked at: checked and done in one command of the server. */
async function endSession(
  { connection }: World,
  { session, id, name }: Workspace,
  reading: Reading,
  by: CloseOptions['by'],
): Promise<void> {
  if (!session) return;
  const seen = reading.sessions.find((one) => one.id === session.id);
  const conditions = [`#{==:#{@cw_id},${id}}`];
  if (by === 'sweep') {
    conditions.push('#{==:#{session_attached},0}');
    // A twin that shares all its windows. Outside of a group there is none.
    conditions.push('#{?session_grouped,#{==:#{session_group_attached},0},1}');
    conditions.push(`#{==:#{session_activity},${seen?.activity ?? 0}}`);
  }
  const all = conditions.reduce((one, other) => `#{&&:${one},${other}}`);
  const result = await connection.batch([
    [
      'if-shell',
      '-F',
      '-t',
      `${session.id}:`,
      all,
      `kill-session -t '${session.id}'`,
      'display-message -p refused',
    ],
  ]);
  if (result.stdout.toString().includes('refused')) {
    throw new CwError(
      'refused',
      seen?.workspace === id
        ? `${name} was kept: somebody came to it just now.`
        : `The session ${session.name} is not ${name} any more: it was left alone.`,
    );
  }
  if (result.errors.length > 0)
    throw new CwError('failed', `tmux did not close ${session.name}: ${result.errors.join('; ')}.`);
}

/** The panes that no other session shows. */
function panesThatEnd(reading: Reading, session: string): { id: string; pid: number }[] {
  const elsewhere = new Set(
    reading.windows.filter((window) => window.session !== session).map(({ id }) => id),
  );
  const own = new Set(
    reading.windows
      .filter((window) => window.session === session && !elsewhere.has(window.id))
      .map(({ id }) => id),
  );
  return reading.panes.filter((pane) => own.has(pane.window)).map(({ id, pid }) => ({ id, pid }));
}

/** What of it other sessions show, for people. */
function livingOn(reading: Reading, session: string): string[] {
  const own = reading.windows.filter((window) => window.session === session);
  const names = new Map(reading.sessions.map(({ id, name }) => [id as string, name]));
  return own.flatMap((window) => {
    const others = reading.windows.filter((other) => other.id === window.id && other.session !== session);
    if (others.length === 0) return [];
    const panes = reading.panes.filter((pane) => pane.window === window.id).map(({ id }) => id);
    const where = others.map((other) => names.get(other.session) ?? other.session).join(', ');
    return [`The window ${window.name} (${panes.join(', ')}) lives on in ${where}.`];
  });
}

/** True when all of these panes are gone for certain, which they are with their server. */
async function panesGone({ connection }: World, panes: readonly string[]): Promise<boolean> {
  try {
    const { panes: left } = await readServer(connection);
    return !left.some(({ id }) => panes.includes(id));
  } catch (error) {
    return isNoServer(error);
  }
}

function processNotes({ ended, left }: Ended): string[] {
  const how = { SIGHUP: 'a second hangup', SIGTERM: 'SIGTERM', SIGKILL: 'SIGKILL' } as const;
  return [
    ...ended.map(({ pid, text, signal }) => `Process ${pid} (${text}) was ended by ${how[signal]}.`),
    ...left.map(({ pid, text, why }) => `Process ${pid} (${text}) goes on: ${why}. To end it: kill ${pid}`),
  ];
}
