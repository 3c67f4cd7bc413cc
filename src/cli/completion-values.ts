import { join } from 'node:path';
import { SnapshotStore } from '../snapshot/store.js';
import { readTextIfAny } from '../system/files.js';
import { homeFolder, tildePath } from '../system/paths.js';
import { projectFolders } from '../workspace/find.js';
import { readWorld, type World } from '../workspace/world.js';
import type { Context, WordKind } from './command.js';
import type { Candidate } from './completing.js';
import { age } from './output.js';

/**
 * The names of things, for the completion of shells. What cannot be read is left out: a completion tells no errors.
 *
 * @param before the names that stand before on the line: a snapshot is one of the workspace there.
 */
export async function namesOf(
  kind: WordKind,
  before: readonly string[],
  context: Context,
): Promise<readonly Candidate[]> {
  const { env } = context;
  switch (kind) {
    case 'workspace':
      return workspaces(await world(context), context);
    case 'project': {
      const known = workspaces(await world(context), context);
      const names = new Set(known.map(({ word }) => word));
      const folders = projectFolders(context.settings().roots).map((folder) => ({
        word: folder.slice(folder.lastIndexOf('/') + 1),
        describe: tildePath(folder, env),
      }));
      return [...known, ...folders.filter(({ word }) => !names.has(word))];
    }
    case 'template': {
      const { shippedTemplates } = await import('../template/shipped.js');
      const { userTemplateFiles } = await import('../template/load.js');
      const shipped = Object.entries(await shippedTemplates());
      return [
        ...[...userTemplateFiles(env)].map(([word, file]) => ({ word, describe: tildePath(file, env) })),
        ...shipped.map(([word, { description }]) => ({ word, describe: description ?? '' })),
      ];
    }
    case 'snapshot': {
      const { workspaces: all, registry } = await world(context);
      const workspace = all.find(({ name }) => name === before[0]);
      if (!workspace) return [];
      const entries = await new SnapshotStore(registry.folder, workspace.id).list();
      return entries.map(({ sequence, at, reason }) => ({
        word: String(sequence),
        describe: `${age(at)} ago, ${reason}`,
      }));
    }
    case 'host':
      return hosts(context);
    case 'setting': {
      const { describeSetting, settingKeys } = await import('../system/settings-schema.js');
      return settingKeys.map((word) => ({ word, describe: describeSetting(word) }));
    }
    case 'file':
    case 'folder':
      return []; // the shell's own business
  }
}

function world({ tmux, env }: Context): Promise<World> {
  return readWorld(tmux(), env);
}

/** The open ones first. */
function workspaces({ workspaces: all }: World, { env }: Context): Candidate[] {
  return all.map(({ name, session, path }) => ({
    word: name,
    describe: `${session ? 'open' : 'closed'}, ${tildePath(path, env)}`,
  }));
}

/** Those of the settings, and those that the user's own configuration of ssh names. */
function hosts({ settings, env }: Context): Candidate[] {
  const config = readTextIfAny(join(homeFolder(env), '.ssh/config')) ?? '';
  const named = [...config.matchAll(/^[ \t]*host[ \t=]+(.*)$/gim)]
    .flatMap(([, names]) => names!.trim().split(/\s+/))
    .filter((name) => /^[A-Za-z0-9_][\w.-]*$/.test(name));
  return [...new Set([...settings().remote.hosts, ...named])].map((word) => ({ word, describe: '' }));
}
