import { resolve } from 'node:path';
import { CwError, isCwError } from '../errors.js';
import { type PlacedWork, placeWork } from '../git/place-work.js';
import { type DescribedWork, parseDescribedWork } from '../git/portable.js';
import type { Snapshot } from '../snapshot/model.js';
import { isFolder } from '../system/files.js';
import { homeFolder } from '../system/paths.js';
import { sanitiseSessionName } from '../tmux/target.js';
import { ImportPlaces } from './import-places.js';
import type { ReadImport } from './import-request.js';
import { memberName } from './members.js';
import { PathMap } from './path-map.js';
import type { ReadArchive } from './read.js';

/** @throws CwError `refused` when the archive's description of its repository is none. */
export function workOf(archive: ReadArchive): DescribedWork | null {
  const bytes = archive.memory.get(memberName.repository);
  if (!bytes) return null;
  try {
    return parseDescribedWork(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    if (isCwError(error)) throw error;
    throw new CwError('refused', 'The description of the repository is no JSON.', {
      hint: 'cw writes no such archive.',
    });
  }
}

/**
 * Where the project is, or will be; with its git state when that is in the archive.
 *
 * @param dryRun only says so: nothing is made.
 * @throws CwError `not-found` where its folder is neither here nor in the archive; `refused` for a place that the user
 *   has to name; as `placeWork` does.
 */
export async function placeProject(
  { registry, request, archive, fileOf }: ReadImport,
  work: DescribedWork | null,
  saved: Snapshot,
  dryRun: boolean,
): Promise<{ readonly project: string; readonly git: PlacedWork | null }> {
  const { env, pairs, into, roots, clone, note } = request;
  const byHome = new PathMap([...pairs, { from: archive.manifest.home, to: homeFolder(env) }]);
  const places = new ImportPlaces(registry, request);
  const mapped = projectHere(saved, work, (path) => places.allowed(byHome.path(path)));
  const wished = into === undefined ? null : resolve(into);
  if (work) {
    places.refuseUnasked(byHome.path(work.main ?? saved.blueprint.path), mapped, wished);
    const partOf = (name: string) => {
      const member = memberName.work(name);
      return archive.members.some((one) => one.name === member) ? fileOf(member) : null;
    };
    const git = await placeWork(work, partOf, {
      env,
      into: wished,
      roots,
      mapped,
      workspace: sanitiseSessionName(saved.blueprint.name),
      clone,
      dryRun,
      mapPath: (path) => places.allowed(byHome.path(path)),
      progress: note,
    });
    return { project: git.project, git };
  }
  const project = wished ?? mapped;
  places.refuseUnasked(byHome.path(saved.blueprint.path), project, wished);
  if (!isFolder(project)) {
    throw new CwError(
      'not-found',
      `The project's folder ${project} is not here, and its files are not in the archive.`,
      {
        hint: 'Make the folder, or say where it is: --into PATH',
      },
    );
  }
  return { project, git: null };
}

/** The project's folder keeps its place in its repository. */
function projectHere(saved: Snapshot, work: DescribedWork | null, here: (path: string) => string): string {
  const { path } = saved.blueprint;
  const top = work?.main ?? null;
  return top !== null && path.startsWith(`${top}/`) ? `${here(top)}${path.slice(top.length)}` : here(path);
}
