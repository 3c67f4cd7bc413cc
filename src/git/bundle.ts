import {
  closeSync,
  createReadStream,
  createWriteStream,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { CwError } from '../errors.js';
import { gitReason } from './git.js';
import { type DescribedWork, portableLimits } from './portable.js';
import type { PrivateRepository } from './private-repository.js';
import type { Facts } from './repository-facts.js';

export interface CarriedRef {
  readonly ref: string;
  readonly object: string;
}

/**
 * Writes what no remote has of the refs' history into a bundle, as refs below `refs/carried/`.
 *
 * @returns its refs and the commits that it needs; null when there is nothing to write; why it cannot be written
 * @throws CwError `failed` when git was ended meanwhile
 */
export async function writeBundle(
  repository: PrivateRepository,
  facts: Pick<Facts, 'atRemotes'>,
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
  // Ended before it could say anything: that tells nothing of the commits.
  if (made.exitCode === null)
    throw new CwError('failed', `The commits could not be packed: ${gitReason(made)}.`, {
      hint: 'Try again.',
    });
  if (made.exitCode !== 0)
    return /empty bundle/i.test(made.stderr) ? null : `git cannot pack them: ${gitReason(made)}.`;
  const header = readBundleHeader(file);
  if (header.needs.length <= portableLimits.commits) return header;
  const needs = await newestOf(repository, header.needs);
  if (needs.length > portableLimits.commits)
    return `They build on ${needs.length} commits, none of which has another one in its history.`;
  await rewriteNeeds(file, new Set(needs));
  return readBundleHeader(file);
}

/** The commits that are in the history of none of the others: who has these has all of them. */
async function newestOf(repository: PrivateRepository, commits: readonly string[]): Promise<string[]> {
  const newest = new Set(commits);
  const outputFile = join(repository.folder, 'needed');
  await repository.output(['rev-list', '--parents', '--stdin'], {
    input: `${commits.join('\n')}\n`,
    outputFile,
  });
  try {
    for await (const line of createInterface({ input: createReadStream(outputFile, 'latin1') }))
      for (const parent of line.split(' ').slice(1)) newest.delete(parent);
  } finally {
    rmSync(outputFile, { force: true });
  }
  return commits.filter((commit) => newest.has(commit));
}

/**
 * Takes the needs out of a bundle's header that are not among `kept`. git writes one for each commit that a packed one
 * has for a parent, which are thousands where a branch was merged into often (gitformat-bundle(5)).
 */
async function rewriteNeeds(file: string, kept: ReadonlySet<string>): Promise<void> {
  const text = headerText(file);
  const lines = text.split('\n').filter((line) => !line.startsWith('-') || kept.has(needIn(line)));
  const other = `${file}.new`;
  const into = createWriteStream(other, { mode: 0o600 });
  into.write(`${lines.join('\n')}\n\n`, 'latin1');
  await pipeline(createReadStream(file, { start: text.length + 2 }), into);
  renameSync(other, file);
}

function needIn(line: string): string {
  return line.slice(1).split(' ')[0]!;
}

/** The refs and needs that a bundle names in its first lines. */
export function readBundleHeader(file: string): NonNullable<DescribedWork['bundle']> {
  const lines = Buffer.from(headerText(file), 'latin1').toString('utf8').split('\n').slice(1);
  const needs = lines.filter((line) => line.startsWith('-')).map(needIn);
  const refs = lines
    .filter((line) => /^[0-9a-f]/.test(line))
    .map((line) => ({ ref: line.slice(line.indexOf(' ') + 1), object: line.slice(0, line.indexOf(' ')) }));
  return { refs, needs };
}

/** The header of a bundle as bytes (Latin-1), without the empty line that ends it. */
function headerText(file: string): string {
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
    return text.slice(0, text.indexOf('\n\n'));
  } finally {
    closeSync(handle);
  }
}
