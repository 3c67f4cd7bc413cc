import { CwError } from '../errors.js';
import { isFolder } from '../system/files.js';
import { tildePath } from '../system/paths.js';
import type { Found, Workspace } from '../workspace/find.js';
import { type OpenRequest, openWorkspace, type SideWorkspace, sideWorkspaces } from '../workspace/open.js';
import type { World } from '../workspace/world.js';
import type { Context, Outcome } from './command.js';
import { attachArguments, outcomeOf, workspaceSize } from './opening.js';
import { ensureTrust } from './trusting.js';

/** How a project that is not open comes to be: from its snapshot when it ended with its server, else from its template. */

export interface EnterOptions {
  readonly trust: boolean;
  readonly detach: boolean;
  /** What the line says of the template: then it is opened from that, whatever was before. */
  readonly request?: Partial<OpenRequest>;
}

export async function enter(
  found: Found,
  world: World | null,
  options: EnterOptions,
  context: Context,
): Promise<Outcome> {
  const restored =
    options.request === undefined ? await restoreInstead(found, world, options, context) : null;
  if (restored) return restored;
  requireFolder(found, context);
  const request = openRequest(found, options.request ?? {}, context);
  await ensureTrust(request.path, options.trust, context);
  const opened = await openWorkspace(context.tmux(), request, world);
  await wakeDaemon(context);
  return outcomeOf(opened, context, options.detach);
}

/**
 * A workspace that is not open needs its folder; without it, its panes would start anywhere.
 *
 * @throws CwError `not-found`.
 */
export function requireFolder(found: Found, context: Context): void {
  if (!('workspace' in found) || found.workspace.session || isFolder(found.workspace.path)) return;
  const { name, path } = found.workspace;
  throw new CwError('not-found', `The folder of ${name} is gone: ${tildePath(path, context.env)}.`, {
    hint: `It has moved?       cw up ITS-NEW-PATH\nWhat was saved of it: cw restore ${name}`,
  });
}

/** What an opening needs to know, from the line, the settings and the terminal. */
export function openRequest(found: Found, wished: Partial<OpenRequest>, context: Context): OpenRequest {
  return {
    path: 'workspace' in found ? found.workspace.path : found.folder,
    name: 'workspace' in found ? found.workspace.name : undefined,
    side: 'workspace' in found ? sideOf(found.workspace) : undefined,
    preferred: context.settings().template,
    overrides: {},
    windows: [],
    size: workspaceSize(context),
    dryRun: false,
    paneHistory: context.settings().paneHistory,
    cwd: context.cwd,
    env: context.env,
    note: context.note,
    ...wished,
  };
}

/** A workspace beside the projects opens as such again, whichever verb names it. */
function sideOf({ name, record }: Workspace): SideWorkspace | undefined {
  return sideWorkspaces.find((side) => side === name && side === record?.template);
}

/**
 * A workspace whose tmux server died comes back as it was, if the settings and the user want it so; so does one that
 * a sweep closed. One that the user closed opens from its template.
 */
async function restoreInstead(
  found: Found,
  world: World | null,
  options: EnterOptions,
  context: Context,
): Promise<Outcome | null> {
  if (!world || !('workspace' in found)) return null;
  const { workspace } = found;
  const { record } = workspace;
  if (workspace.session || !record || record.closedBy === 'user') return null;
  const setting = context.settings().restoreOnServerDeath;
  if (record.closedBy !== 'sweep' && setting === 'never') return null;
  const { restorable, restoreAndReport } = await import('./restoring.js');
  const snapshot = await restorable(world, workspace);
  if (!snapshot) return null;
  if (record.closedBy !== 'sweep' && setting === 'offer' && context.terminal.interactive && !context.json) {
    const { age } = await import('./output.js');
    const question = `${workspace.name} ended with its tmux server; it was saved ${age(snapshot.at)} before now. Bring it back as it was?`;
    if (!(await context.ask(question, true))) return null;
  }
  const { report, text } = await restoreAndReport(world, workspace, context);
  await wakeDaemon(context);
  if (report.sessionId !== null && context.terminal.interactive && !options.detach && !context.json) {
    return { data: report, attach: attachArguments(report.sessionId, context) };
  }
  return { data: report, text };
}

/** Starts the daemon where none answers; a failure is said, and stops nothing. */
export async function wakeDaemon(context: Context): Promise<void> {
  if (!context.settings().daemonAutostart || context.env.CW_DAEMON === 'off') return;
  const { startInBackground } = await import('./waking.js');
  await startInBackground(context);
}
