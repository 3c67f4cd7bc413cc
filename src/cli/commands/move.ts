import { CwError } from '../../errors.js';
import { isFolder } from '../../system/files.js';
import { expandPath, tildePath } from '../../system/paths.js';
import { projectFolder, requireWorkspace, type Workspace } from '../../workspace/find.js';
import { folderInode, rebind } from '../../workspace/follow.js';
import { placesOf, readWorld, type World } from '../../workspace/world.js';
import type { Command, Context } from '../command.js';

export const verb: Command = {
  name: 'move',
  summary: 'Tell where the folder of a project was moved to.',
  description:
    'While a workspace is open and saved, a move is found through its panes. Otherwise this binds the workspace, its snapshots and its session to the new folder. Files are not touched.',
  positionals: [
    {
      name: 'old',
      completes: 'folder',
      describe: 'The workspace, or the folder where its project was.',
      required: true,
    },
    { name: 'new', completes: 'folder', describe: 'The folder where it is now.', required: true },
  ],
  examples: [{ line: 'cw move api ~/work/api', does: 'After: mv ~/projects/api ~/work/api' }],
  async run(args, context) {
    const world = await readWorld(context.tmux(), context.env);
    const path = projectFolder(expandPath(args.positionals.new ?? '', context.cwd, context.env), context.env);
    const workspace = workspaceAt(args.positionals.old ?? '', path, world, context);
    const { name } = workspace;
    const shown = (folder: string) => tildePath(folder, context.env);
    const data = { name, from: workspace.path, path };
    if (workspace.path === path) return { data, text: `${name} is at ${shown(path)} already.` };
    if (isFolder(workspace.path) && folderInode(workspace.path) !== folderInode(path)) {
      throw new CwError('refused', `The project of ${name} is still at ${shown(workspace.path)}.`, {
        hint: `Move it first: mv ${shown(workspace.path)} ${shown(path)}\nTo open the other folder as well: cw up ${shown(path)}`,
      });
    }
    const other = world.workspaces.find((one) => one.id !== workspace.id && one.path === path);
    if (other) {
      throw new CwError('refused', `${shown(path)} is the folder of the workspace ${other.name}.`, {
        hint: 'Give another folder.',
      });
    }
    const { id, session } = workspace;
    await rebind(
      world.connection,
      world.registry,
      { id, path: workspace.path, session: session?.id ?? null },
      path,
    );
    return { data, text: `${name} moved from ${shown(workspace.path)} to ${shown(path)}.` };
  },
};

/** The workspace of a name, or of a folder that need not be there any more. */
function workspaceAt(word: string, to: string, world: World, context: Context): Workspace {
  const path = expandPath(word, context.cwd, context.env);
  const there = world.workspaces.find((workspace) => workspace.path === path);
  if (there) return there;
  // The move was found through its panes meanwhile: nothing is left to do.
  const moved = world.workspaces.find((workspace) => workspace.path === to);
  if (moved && word.includes('/') && !isFolder(path)) return moved;
  return requireWorkspace(word, placesOf(world, context.settings(), context.cwd, context.env));
}
