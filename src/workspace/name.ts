import { basename } from 'node:path';
import { isFolder } from '../system/files.js';
import { tildePath } from '../system/paths.js';
import { shortHash } from '../system/short-hash.js';
import { longestName, sanitiseSessionName } from '../tmux/target.js';
import { sessionPrefix, type Workspace } from './find.js';

const shortestSuffix = 4;

function hashOf(path: string): string {
  return shortHash(path);
}

/** True when a workspace of this folder that was asked for as `wanted` may be called `name`, as `chooseName` has it. */
export function isNameFor(name: string, wanted: string, path: string): boolean {
  const plain = sanitiseSessionName(wanted);
  if (name === plain) return true;
  const suffix = name.startsWith(`${plain}-`) ? name.slice(plain.length + 1) : '';
  return suffix.length >= shortestSuffix && hashOf(path).startsWith(suffix);
}

export interface ChosenName {
  readonly name: string;
  readonly session: string;
  /** Set when it is not the plain name of the folder, and why. */
  readonly note: string | null;
}

/**
 * A name for a new workspace of this folder: the folder's own, made fit for tmux (which turns `.` and `:` into
 * something else, or refuses them, by version), with a part of the path's hash when it is taken.
 */
export function chooseName(
  wanted: string | undefined,
  path: string,
  taken: { readonly workspaces: readonly Workspace[]; readonly sessionNames: readonly string[] },
  env: NodeJS.ProcessEnv,
): ChosenName {
  const plain = sanitiseSessionName(wanted ?? (basename(path) || 'root'));
  const holder = taken.workspaces.find(
    (workspace) => workspace.name === plain && (workspace.session !== null || isFolder(workspace.path)),
  );
  const foreign = !holder && taken.sessionNames.includes(sessionPrefix + plain);
  const made =
    wanted === undefined || wanted === plain
      ? null
      : `${JSON.stringify(wanted)} cannot be a name as it is (letters a-z, digits, _ and - stay, ${longestName} of them): this one is ${plain}.`;
  if (!holder && !foreign) return { name: plain, session: sessionPrefix + plain, note: made };
  const suffix = hashOf(path);
  let name = plain;
  for (let length = shortestSuffix; length <= suffix.length; length += 4) {
    name = `${plain}-${suffix.slice(0, length)}`;
    if (
      !taken.workspaces.some((workspace) => workspace.name === name) &&
      !taken.sessionNames.includes(sessionPrefix + name)
    )
      break;
  }
  const note = holder
    ? `The name ${plain} belongs to ${tildePath(holder.path, env)}: this one is ${name}.`
    : `A session ${sessionPrefix}${plain} that cw did not make is there, and is left alone: this one is ${name}.`;
  return { name, session: sessionPrefix + name, note };
}
