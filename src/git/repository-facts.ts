import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { readTextIfAny } from '../system/files.js';
import { isBranchName } from './branch-name.js';
import { git, gitOutput, gitReason } from './git.js';
import { many } from './many.js';
import { type DescribedWork, portableLimits } from './portable.js';
import type { PrivateRepository } from './private-repository.js';
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

export interface CarriedRef {
  readonly ref: string;
  readonly object: string;
}

/** @param at a working tree of the repository, or its git folder */
export async function readFacts(
  at: string,
  env: NodeJS.ProcessEnv,
  isSecret: (path: string) => boolean,
): Promise<Facts> {
  const leftOut: { what: string; why: string }[] = [];
  const told = (args: readonly string[]) => gitOutput(at, args, { env, timeout: 60_000 });
  const [remoteLines, refLines, shared, modes, stashLines] = await Promise.all([
    told(['remote', '-v']),
    told([
      'for-each-ref',
      '--format=%(refname)%00%(objectname)%00%(objecttype)%00%(upstream:remotename)%00%(upstream:remoteref)',
      'refs/heads/',
      'refs/tags/',
      'refs/remotes/',
    ]),
    told(['rev-parse', '--path-format=absolute', '--show-object-format', '--git-path', 'shallow']),
    git(at, ['config', '--type=bool', '--get', 'core.fileMode'], { env }),
    git(at, ['log', '--walk-reflogs', '--format=%H%x00%gs', 'refs/stash', '--'], { env }),
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
    stashes: await readStashes(
      at,
      stashLines.exitCode === 0 ? stashLines.stdout : '',
      env,
      isSecret,
      leftOut,
    ),
    shallow: shallow.sort().slice(0, portableLimits.commits),
    atRemotes,
    fileModes: modes.stdout.trim() !== 'false',
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

/** Stashes, the newest first, without those that hold files whose names say that they are secret. */
async function readStashes(
  at: string,
  text: string,
  env: NodeJS.ProcessEnv,
  isSecret: (path: string) => boolean,
  leftOut: { what: string; why: string }[],
): Promise<DescribedWork['stashes'][number][]> {
  const lines = text.split('\n').filter((line) => line !== '');
  const stashes = lines.map((line) => ({
    commit: line.slice(0, line.indexOf('\0')),
    message: messageIn(line),
  }));
  const kept = await many(stashes, async (stash, n) => {
    const files = await gitOutput(
      at,
      ['stash', 'show', '--include-untracked', '--name-only', '-z', '--no-renames', stash.commit],
      {
        env,
        timeout: 60_000,
      },
    );
    const secret = files.split('\0').filter((path) => path !== '' && isSecret(path));
    if (secret.length === 0) return stash;
    leftOut.push({
      what: `stash@{${n}}`,
      why: `It holds ${secret.join(', ')}, whose name says that it is secret.`,
    });
    return null;
  });
  const carried = kept.filter((stash) => stash !== null);
  if (carried.length > portableLimits.stashes)
    leftOut.push({
      what: `the ${carried.length - portableLimits.stashes} oldest stashes`,
      why: 'There are too many.',
    });
  return carried.slice(0, portableLimits.stashes);
}

function messageIn(line: string): string {
  return Array.from(line.slice(line.indexOf('\0') + 1).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' '))
    .slice(0, 200)
    .join('');
}

/**
 * Writes what no remote has of the refs' history into a bundle, as refs below `refs/carried/`.
 *
 * @returns its refs and the commits that it needs; null when there is nothing to write; why it cannot be written
 */
export async function writeBundle(
  repository: PrivateRepository,
  facts: Facts,
  refs: readonly CarriedRef[],
  file: string,
): Promise<DescribedWork['bundle'] | string> {
  if (refs.length === 0) return null;
  await repository.output(['update-ref', '--stdin'], {
    input: refs.map(({ ref, object }) => `create ${ref} ${object}\n`).join(''),
  });
  const made = await repository.run(['bundle', 'create', '--quiet', file, '--stdin'], {
    // One thread: with more, which of them finds what first decides how it is packed.
    config: ['pack.threads=1', 'pack.useBitmaps=false', 'core.commitGraph=false'],
    input: [...refs.map(({ ref }) => ref), ...facts.atRemotes.map((hash) => `^${hash}`), ''].join('\n'),
  });
  if (made.exitCode !== 0)
    return /empty bundle/i.test(made.stderr) ? null : `git cannot pack them: ${gitReason(made)}.`;
  return readBundleHeader(file);
}

/** The refs and needs that a bundle names in its first lines. */
export function readBundleHeader(file: string): NonNullable<DescribedWork['bundle']> {
  const handle = openSync(file, 'r');
  try {
    let text = '';
    const chunk = Buffer.alloc(64 * 1024);
    for (let end = -1; end < 0; ) {
      const read = readSync(handle, chunk, 0, chunk.length, null);
      if (read === 0 || text.length > 16 * 1024 * 1024) break;
      text += chunk.toString('latin1', 0, read);
      end = text.indexOf('\n\n');
    }
    const lines = Buffer.from(text.slice(0, text.indexOf('\n\n')), 'latin1')
      .toString('utf8')
      .split('\n')
      .slice(1);
    const needs = lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1).split(' ')[0]!);
    const refs = lines
      .filter((line) => /^[0-9a-f]/.test(line))
      .map((line) => ({ ref: line.slice(line.indexOf(' ') + 1), object: line.slice(0, line.indexOf(' ')) }));
    return { refs, needs };
  } finally {
    closeSync(handle);
  }
}
