import { resolve } from 'node:path';
import { readTextIfAny } from '../system/files.js';
import { isBranchName } from './branch-name.js';
import { booleanSetting, gitOutput } from './git.js';
import { type DescribedWork, portableLimits } from './portable.js';
import { isRemoteUrl, withoutCredentials } from './remote-url.js';

/** What all working trees of a repository share, as far as it is carried. */
export interface Facts
  extends Pick<DescribedWork, 'hashes' | 'remotes' | 'branches' | 'tags' | 'stashes' | 'shallow'> {
  /** Commits that a remote has, as far as is known here. */
  readonly atRemotes: readonly string[];
  /** The disk keeps what is executable. */
  readonly fileModes: boolean;
  readonly leftOut: readonly { readonly what: string; readonly why: string }[];
}

/** @param at a working tree of the repository, or its git folder */
export async function readFacts(at: string, env: NodeJS.ProcessEnv): Promise<Facts> {
  const leftOut: { what: string; why: string }[] = [];
  const told = (args: readonly string[]) => gitOutput(at, args, { env, timeout: 60_000 });
  const [remoteLines, refLines, shared, modes] = await Promise.all([
    told(['remote', '-v']),
    told([
      'for-each-ref',
      '--format=%(refname)%00%(objectname)%00%(objecttype)%00%(upstream:remotename)%00%(upstream:remoteref)',
      'refs/heads/',
      'refs/tags/',
      'refs/remotes/',
      'refs/stash',
    ]),
    told(['rev-parse', '--path-format=absolute', '--show-object-format', '--git-path', 'shallow']),
    booleanSetting(at, 'core.fileMode', { env }),
  ]);
  const [hashes = 'sha1', shallowFile = ''] = shared.split('\n');
  const remotes = readRemotes(remoteLines, at, leftOut);
  const refs = refLines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', object = '', type = '', remote = '', merge = ''] = line.split('\0');
      return { name, object, type, remote, merge };
    });
  const stashLines = refs.some(({ name }) => name === 'refs/stash')
    ? await told(['log', '--walk-reflogs', '--format=%H%x00%gs', 'refs/stash', '--'])
    : '';
  const known = remoteLines.split('\n').map((line) => line.slice(0, line.indexOf('\t')));
  const atRemotes = [
    ...new Set(
      refs
        .filter(({ name }) => known.some((remote) => remote && name.startsWith(`refs/remotes/${remote}/`)))
        .map(({ object }) => object),
    ),
  ].sort();
  const named = (kind: 'heads' | 'tags', most: number, what: string) => {
    const found = refs
      .filter(({ name }) => name.startsWith(`refs/${kind}/`))
      .map((ref) => ({ ...ref, name: ref.name.slice(`refs/${kind}/`.length) }));
    const fine = found.filter(({ name }) => isCarriableName(name));
    for (const { name } of found)
      if (!isCarriableName(name))
        leftOut.push({ what: `${what} ${name}`, why: 'Its name cannot be carried.' });
    if (fine.length > most)
      leftOut.push({ what: `${fine.length - most} of the ${what} names`, why: 'There are too many.' });
    return fine.slice(0, most);
  };
  const branches = named('heads', portableLimits.branches, 'branch').map(
    ({ name, object, remote, merge }) => {
      const upstream = merge.replace(/^refs\/heads\//, '');
      const follows =
        merge.startsWith('refs/heads/') &&
        isCarriableName(upstream) &&
        (remote === '.' || remotes.some((one) => one.name === remote));
      return { name, commit: object, upstream: follows ? { remote, branch: upstream } : null };
    },
  );
  // With a remote the tags are there; where there is none nothing else has them.
  const tags =
    atRemotes.length > 0
      ? []
      : named('tags', portableLimits.tags, 'tag').map(({ name, object }) => ({ name, object }));
  const shallow = (readTextIfAny(shallowFile) ?? '')
    .split('\n')
    .filter((line) => /^[0-9a-f]{40,64}$/.test(line));
  if (shallow.length > 0)
    leftOut.push({
      what: 'the history before the commits of the shallow clone',
      why: 'It is not here.',
    });
  return {
    hashes: hashes === 'sha256' ? 'sha256' : 'sha1',
    remotes,
    branches,
    tags,
    stashes: readStashes(stashLines, leftOut),
    shallow: shallow.sort(),
    atRemotes,
    fileModes: modes !== false,
    leftOut,
  };
}

/** Whether a branch, tag or remote can be in a description by its name. */
export function isCarriableName(name: string): boolean {
  return (
    isBranchName(name) &&
    name.length <= 240 &&
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u.test(name) &&
    !/^(refs|moved)$/.test(name)
  );
}

/** Reads `git remote -v`, whose addresses have the user's `insteadOf` applied already. */
function readRemotes(
  text: string,
  at: string,
  leftOut: { what: string; why: string }[],
): DescribedWork['remotes'] {
  const found = new Map<string, DescribedWork['remotes'][number]>();
  for (const line of text.split('\n')) {
    const [, name, address] = /^([^\t]+)\t(.*) \(fetch\)(?: \[.*\])?$/.exec(line) ?? [];
    if (name === undefined || address === undefined || found.has(name)) continue;
    const { url, credentials } = withoutCredentials(
      // A relative path would lead elsewhere from another folder.
      /^\.{1,2}(\/|$)/.test(address) ? resolve(at, address) : address,
    );
    if (credentials)
      leftOut.push({ what: `the credentials in the address of remote ${name}`, why: 'They are secret.' });
    if (isCarriableName(name) && isRemoteUrl(url)) found.set(name, { name, url, credentials });
    else leftOut.push({ what: `remote ${name}`, why: 'Its address is of no kind that is carried.' });
  }
  return [...found.values()].slice(0, portableLimits.remotes);
}

/** Stashes, the newest first. */
function readStashes(
  text: string,
  leftOut: { what: string; why: string }[],
): DescribedWork['stashes'][number][] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length > portableLimits.stashes)
    leftOut.push({
      what: `the ${lines.length - portableLimits.stashes} oldest stashes`,
      why: 'There are too many.',
    });
  return lines.slice(0, portableLimits.stashes).map((line) => ({
    commit: line.slice(0, line.indexOf('\0')),
    message: messageIn(line),
  }));
}

function messageIn(line: string): string {
  return Array.from(line.slice(line.indexOf('\0') + 1).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' '))
    .slice(0, 200)
    .join('');
}
