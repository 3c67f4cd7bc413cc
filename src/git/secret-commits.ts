import { createReadStream, rmSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { gitOutput } from './git.js';
import { longLimit, type PrivateRepository } from './private-repository.js';
import type { Facts } from './repository-facts.js';
import { nothing, shown } from './work-trees.js';

/** A commit that adds or changes files whose names say that they are secret. */
interface Secret {
  readonly commit: string;
  readonly paths: readonly string[];
}

/** What of a repository is carried when no commit with a secret is. */
export interface WithoutSecrets {
  readonly facts: Facts;
  /** The commit, or the nearest before it by first parents that is carried or at a remote; null: there is none. */
  readonly carried: (commit: string | null) => string | null;
}

/**
 * Leaves out the commits that no remote has and that hold secret files, and all that build on them: a bundle has whole
 * commits, and a file that a later commit deletes is in it, too. A branch goes up to the first of them.
 *
 * A commit of which no remote knows has a file from a parent, or is where it comes from (in a merge: it differs from
 * all parents, which is what `-c` shows). So what builds on no such commit holds no such file that no remote has.
 *
 * @param heads the commits that working trees are at
 * @param own the repository itself, which has the remote that a partial clone gets trees from
 * @throws CwError `failed` when the history cannot be read
 */
export async function withoutSecrets(
  repository: PrivateRepository,
  facts: Facts,
  heads: readonly (string | null)[],
  isSecret: (path: string) => boolean,
  own: { readonly folder: string; readonly env: NodeJS.ProcessEnv },
): Promise<WithoutSecrets> {
  const tagged = await commitsOf(
    repository,
    facts.tags.map(({ object }) => object),
  );
  const tips = [...facts.branches.map(({ commit }) => commit), ...facts.stashes.map(({ commit }) => commit)];
  const wanted = new Set([...tips, ...heads, ...tagged].filter((commit) => commit !== null));
  const parents = new Map<string, readonly string[]>();
  const secrets = new Map<string, Secret>();
  for await (const one of history(repository, [...wanted], facts.atRemotes, own)) {
    parents.set(one.commit, one.parents);
    const paths = one.paths.map(shown).filter(isSecret);
    const here = paths.length > 0 ? { commit: one.commit, paths } : undefined;
    // Parents come first: the secret that is named is the one that all goes back to.
    const secret = one.parents.map((parent) => secrets.get(parent)).find((found) => found) ?? here;
    if (secret) secrets.set(one.commit, secret);
  }
  const carried = (commit: string | null) => {
    let at = commit;
    while (at !== null && secrets.has(at)) at = parents.get(at)?.[0] ?? null;
    return at;
  };
  const leftOut = [...facts.leftOut];
  const isFree = (what: string, commit: string | null) => {
    const secret = commit === null ? undefined : secrets.get(commit);
    if (secret) leftOut.push({ what, why: reason(secret) });
    return secret === undefined;
  };
  const branches = facts.branches.flatMap((branch) => {
    if (isFree(`the newest commits of branch ${branch.name}`, branch.commit)) return [branch];
    const commit = carried(branch.commit);
    return commit === null ? [] : [{ ...branch, commit }];
  });
  const tags = facts.tags.filter(({ name }, n) => isFree(`tag ${name}`, tagged[n] ?? null));
  const stashes = facts.stashes.filter(({ commit }, n) => isFree(`stash@{${n}}`, commit));
  return { facts: { ...facts, branches, tags, stashes, leftOut }, carried };
}

function reason({ commit, paths }: Secret): string {
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
  return `Commit ${commit.slice(0, 12)} holds ${paths.slice(0, 3).join(', ')}${more}, by its name a secret (--include-env takes it along).`;
}

/** The commits that objects stand for (annotated tags have theirs); null for what is none. */
async function commitsOf(
  repository: PrivateRepository,
  objects: readonly string[],
): Promise<(string | null)[]> {
  if (objects.length === 0) return [];
  const text = await repository.output(['cat-file', '--batch-check=%(objectname)'], {
    input: objects.map((object) => `${object}^{commit}\n`).join(''),
  });
  return text.split('\n').map((line) => (/^[0-9a-f]+$/.test(line) ? line : null));
}

interface Commit {
  readonly commit: string;
  readonly parents: readonly string[];
  /** What it adds or changes, as bytes (Latin-1). */
  readonly paths: string[];
}

/** The commits that no remote has, each after its parents. */
async function* history(
  repository: PrivateRepository,
  tips: readonly string[],
  atRemotes: readonly string[],
  own: { readonly folder: string; readonly env: NodeJS.ProcessEnv },
): AsyncGenerator<Commit> {
  if (tips.length === 0) return;
  const file = join(repository.folder, 'history');
  // Into a file: of a repository without a remote it is all that was ever changed.
  const log = [
    'log',
    '--stdin',
    '--topo-order',
    '--reverse',
    '--root',
    '-c',
    '--raw',
    '--no-abbrev',
    '--no-renames',
    '-z',
    '--format=%x01%H %P',
  ];
  const input = [...tips, ...atRemotes.map((hash) => `^${hash}`), ''].join('\n');
  const told = await repository.run(log, { input, outputFile: file });
  if (told.exitCode !== 0) {
    // A partial clone gets a tree from its remote when it is asked for it: this has no remote, so the clone is asked.
    const { folder, env } = own;
    await gitOutput(folder, log, { env, input, outputFile: devNull, timeout: longLimit });
    await repository.output(log, { input, outputFile: file });
  }
  try {
    let commit: Commit | null = null;
    // What the next word is the path of: whether something stands there afterwards.
    let entry: { readonly stays: boolean } | null = null;
    for await (const word of words(file)) {
      if (entry) {
        if (entry.stays) commit?.paths.push(word);
        entry = null;
        continue;
      }
      const text = word.replace(/^\n/, '');
      if (text.startsWith('\x01')) {
        if (commit) yield commit;
        const [hash = '', ...parents] = text.slice(1).split(' ').filter(Boolean);
        commit = { commit: hash, parents, paths: [] };
      } else if (text.startsWith(':')) {
        // As many colons as parents, then the modes of these, and that of the commit.
        const colons = /^:+/.exec(text)![0].length;
        entry = { stays: text.slice(colons).split(' ')[colons] !== nothing };
      }
    }
    if (commit) yield commit;
  } finally {
    rmSync(file, { force: true });
  }
}

async function* words(file: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(file, 'latin1')) {
    const parts = `${rest}${chunk}`.split('\0');
    rest = parts.pop()!;
    yield* parts;
  }
  if (rest !== '') yield rest;
}
