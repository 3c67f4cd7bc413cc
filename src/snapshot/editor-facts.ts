import { dirname, join } from 'node:path';
import type { Blueprint, Pane } from '../blueprint/model.js';
import { isUntracked } from '../project/exclude.js';
import { trustState } from '../project/trust.js';
import { ensurePrivateFolder, isFile, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { answers } from '../system/mounts.js';
import type { Registry } from '../workspace/registry.js';
import type { EditorFacts } from './editor.js';

/**
 * What is known of the editor of a pane that comes back.
 *
 * @param session the text of the session that its snapshot names; null: the last one that was saved is used.
 * @param saved the workspace as it was saved; `blueprint` is what is made of it, another one for a copy.
 */
export function editorFacts(
  pane: Pane,
  saved: Blueprint,
  blueprint: Blueprint,
  registry: Registry,
  options: { readonly dryRun: boolean; readonly env: NodeJS.ProcessEnv },
  session: string | null = null,
): EditorFacts {
  return {
    session: sessionOf(pane, saved, blueprint, registry, options.dryRun, session),
    folderSession: folderSession(pane.cwd, blueprint.path, options.env),
  };
}

function sessionOf(
  pane: Pane,
  saved: Blueprint,
  blueprint: Blueprint,
  registry: Registry,
  dryRun: boolean,
  session: string | null,
): string | null {
  // A session names its files by their full paths.
  if (saved.path !== blueprint.path) return null;
  const text = session ?? readTextIfAny(registry.editorSession(saved.id, pane.key));
  if (text === null) return null;
  // A copy goes on with a session of its own.
  const own = registry.editorSession(blueprint.id, pane.key);
  if (!dryRun && readTextIfAny(own) !== text) {
    ensurePrivateFolder(dirname(own));
    writeFileAtomic(own, text);
  }
  return own;
}

/** One that came with a repository is a stranger's program; one that git does not have was made here. */
function folderSession(
  folder: string,
  project: string,
  env: NodeJS.ProcessEnv,
): EditorFacts['folderSession'] {
  if (!answers(folder) || !isFile(join(folder, 'Session.vim'))) return 'none';
  try {
    const trusted = isUntracked(folder, 'Session.vim') || trustState(project, env).state === 'trusted';
    return trusted ? 'trusted' : 'untrusted';
  } catch {
    return 'untrusted'; // what would be trusted cannot be read
  }
}
