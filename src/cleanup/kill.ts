import { join } from 'node:path';
import { CwError } from '../errors.js';
import { captureWorkspace } from '../snapshot/capture.js';
import { readPaneText } from '../snapshot/text.js';
import { ensurePrivateFolder, writeFileAtomic } from '../system/files.js';
import type { Workspace } from '../workspace/find.js';
import { runHook } from '../workspace/hooks.js';
import { recordOf } from '../workspace/open.js';
import type { World } from '../workspace/world.js';

export interface Killed {
  readonly name: string;
  readonly session: string;
  /** The folder with the blueprint and the text of each pane. */
  readonly savedTo: string;
  readonly notes: readonly string[];
}

/**
 * Closes a workspace: saves what it is and the text of all its panes, then ends its session. The session is ended
 * only if it still carries the workspace's id at that moment.
 *
 * @throws CwError `refused` when the template's `before_close` fails or the session is no longer ours; `failed`
 *   when the text could not be saved (nothing is closed then).
 */
export async function killWorkspace(
  world: World,
  workspace: Workspace,
  env: NodeJS.ProcessEnv,
): Promise<Killed> {
  const session = workspace.session;
  if (!session) throw new CwError('not-found', `${workspace.name} is not open.`);
  const { connection, registry } = world;
  const captured = await captureWorkspace(connection, workspace.id);
  if (!captured) throw new CwError('not-found', `${workspace.name} is not open any more.`);
  const { blueprint, paneIds } = captured;
  const before = blueprint.hooks.before_close;
  if (before) await runHook('before_close', before, blueprint, env);
  const savedTo = join(
    registry.workspaceFolder(workspace.id),
    'closed',
    new Date().toISOString().replace(/[:.]/g, '-'),
  );
  ensurePrivateFolder(savedTo);
  const texts = await readPaneText(connection, [...paneIds.values()]);
  writeFileAtomic(join(savedTo, 'blueprint.json'), `${JSON.stringify(blueprint, null, 2)}\n`);
  for (const window of blueprint.windows) {
    for (const [index, pane] of window.panes.entries()) {
      const text = texts.get(paneIds.get(pane.key) ?? '');
      // Places, not names: a window's name can be anything.
      if (text !== undefined) writeFileAtomic(join(savedTo, `${window.index + 1}.${index + 1}.txt`), text);
    }
  }
  const result = await connection.batch([
    // Checked and ended in one command of the server: nothing comes between.
    [
      'if-shell',
      '-F',
      '-t',
      `${session.id}:`,
      `#{==:#{@cw_id},${workspace.id}}`,
      `kill-session -t '${session.id}'`,
      'display-message -p refused',
    ],
  ]);
  if (result.stdout.toString().includes('refused')) {
    throw new CwError(
      'refused',
      `The session ${session.name} is not ${workspace.name} any more: it was left alone.`,
    );
  }
  if (result.errors.length > 0)
    throw new CwError('failed', `tmux did not close ${session.name}: ${result.errors.join('; ')}.`);
  const now = new Date().toISOString();
  registry.write({
    ...(workspace.record ?? recordOf(blueprint)),
    closedAt: now,
    lastAttachedAt: session.lastAttached
      ? new Date(session.lastAttached * 1000).toISOString()
      : (workspace.record?.lastAttachedAt ?? null),
  });
  const notes: string[] = [];
  const after = blueprint.hooks.after_close;
  if (after) {
    try {
      await runHook('after_close', after, blueprint, env);
    } catch (error) {
      notes.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { name: workspace.name, session: session.name, savedTo, notes };
}
