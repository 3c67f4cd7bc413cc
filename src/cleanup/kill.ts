import { CwError, messageOf } from '../errors.js';
import { captureWorkspace } from '../snapshot/capture.js';
import { Saver } from '../snapshot/save.js';
import type { Settings } from '../system/settings.js';
import type { Workspace } from '../workspace/find.js';
import { runHook } from '../workspace/hooks.js';
import { utc } from '../workspace/list.js';
import { recordOf } from '../workspace/open.js';
import type { World } from '../workspace/world.js';

export interface Killed {
  readonly name: string;
  readonly session: string;
  /** The number of the snapshot with the text of every pane. */
  readonly snapshot: string;
  readonly notes: readonly string[];
}

/**
 * Closes a workspace: saves it with the text of all its panes, reads that back, and ends its session. The session is
 * ended only if it still carries the workspace's id at that moment.
 *
 * @throws CwError `refused` when the template's `before_close` fails, the session is no longer ours, or a newer cw
 *   keeps the workspace; `failed`
 *   when it could not be saved. Nothing is closed then.
 */
export async function killWorkspace(
  world: World,
  workspace: Workspace,
  settings: Settings,
  env: NodeJS.ProcessEnv,
): Promise<Killed> {
  const { session, id, name } = workspace;
  if (!session) throw new CwError('not-found', `${name} is not open.`);
  const { connection, registry } = world;
  registry.refuseNewer(id);
  const captured = await captureWorkspace(connection, id);
  if (!captured) throw new CwError('not-found', `${name} is not open any more.`);
  const { blueprint } = captured;
  const before = blueprint.hooks.before_close;
  if (before) await runHook('before_close', before, blueprint, env);
  const saver = new Saver(connection, registry, settings);
  const [saved] = await saver.save({ reason: 'close', only: new Set([id]) });
  if (!saved || saved.sequence === null) {
    throw new CwError('failed', `${name} could not be saved: ${saved?.failure ?? 'it ended meanwhile'}.`, {
      hint: 'It was not closed.',
    });
  }
  // What cannot be read back was not saved.
  await saver.store(id).read(saved.sequence);
  const result = await connection.batch([
    // Checked and ended in one command of the server: nothing comes between.
    [
      'if-shell',
      '-F',
      '-t',
      `${session.id}:`,
      `#{==:#{@cw_id},${id}}`,
      `kill-session -t '${session.id}'`,
      'display-message -p refused',
    ],
  ]);
  if (result.stdout.toString().includes('refused')) {
    throw new CwError('refused', `The session ${session.name} is not ${name} any more: it was left alone.`);
  }
  if (result.errors.length > 0)
    throw new CwError('failed', `tmux did not close ${session.name}: ${result.errors.join('; ')}.`);
  registry.write({
    ...(registry.read(id) ?? recordOf(blueprint)),
    closedAt: new Date().toISOString(),
    closedBy: 'user',
    lastAttachedAt: session.lastAttached
      ? utc(session.lastAttached)
      : (workspace.record?.lastAttachedAt ?? null),
  });
  const notes: string[] = [];
  const after = blueprint.hooks.after_close;
  if (after)
    await runHook('after_close', after, blueprint, env).catch(
      (error: unknown) => void notes.push(messageOf(error)),
    );
  return { name, session: session.name, snapshot: String(saved.sequence), notes };
}
