import type { Blueprint } from '../blueprint/model.js';
import { folderInode } from './follow.js';
import type { WorkspaceRecord } from './registry.js';

/** The record of a workspace that has none yet. */
export function recordOf(blueprint: Blueprint): WorkspaceRecord {
  return {
    format: 1,
    id: blueprint.id,
    name: blueprint.name,
    session: blueprint.session,
    path: blueprint.path,
    template: blueprint.template,
    createdAt: new Date().toISOString(),
    lastAttachedAt: null,
    closedAt: null,
    closedBy: null,
    git: null,
    inode: folderInode(blueprint.path),
  };
}
