import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type ArchiveImportReport, importArchive } from '../archive/import.js';
import type { PathPair } from '../archive/path-map.js';
import { CwError, messageOf, systemCode } from '../errors.js';
import { defaultPatterns } from '../snapshot/allow-list.js';
import { expandPath, tildePath } from '../system/paths.js';
import { Registry } from '../workspace/registry.js';
import { passphraseOf } from './archives.js';
import type { Context, Outcome } from './command.js';
import { wakeDaemon } from './entering.js';
import { age, indent, visible } from './output.js';
import { Progress } from './progress.js';
import { reportText } from './restoring.js';

export interface ArchiveWish {
  readonly as: string | undefined;
  readonly into: string | undefined;
  /** `OLD=NEW` */
  readonly map: readonly string[];
  readonly clone: boolean;
  readonly fork: boolean;
  readonly run: boolean;
  readonly dryRun: boolean;
}

/** `cw import FILE`. */
export async function importArchiveFile(file: string, wish: ArchiveWish, context: Context): Promise<Outcome> {
  const { env, cwd, terminal } = context;
  const started = performance.now();
  const path = expandPath(file, cwd, env);
  const pairs = wish.map.map((text) => pairOf(text, context));
  const settings = context.settings();
  const connection = context.tmux();
  const progress = new Progress('reading the archive', terminal);
  const report = await importArchive(connection, new Registry(connection.address, env), {
    file: path,
    sha256: await sumOf(path, env),
    as: wish.as,
    into: wish.into === undefined ? undefined : expandPath(wish.into, cwd, env),
    pairs,
    clone: wish.clone,
    fork: wish.fork,
    run: wish.run,
    dryRun: wish.dryRun,
    environment: settings.importEnvironment,
    askFor: (names) => values(names, context),
    roots: settings.roots,
    restore: { patterns: settings.restorePrograms ?? defaultPatterns, paneHistory: settings.paneHistory },
    env,
    passphrase: () => passphraseOf(context),
    note: (text) => context.note(text),
    onProgress: (bytes, of) => progress.show(bytes, of),
  }).finally(() => progress.end());
  if (report.restore?.created && !wish.dryRun) await wakeDaemon(context);
  const seconds = (performance.now() - started) / 1000;
  return { data: report, text: importText(report, wish, seconds, context) };
}

function pairOf(text: string, { cwd, env }: Context): PathPair {
  const at = text.indexOf('=');
  const [from, to] = [text.slice(0, at), text.slice(at + 1)];
  if (at > 0 && from.startsWith('/') && to !== '') return { from, to: expandPath(to, cwd, env) };
  throw new CwError('usage', `${JSON.stringify(text)} does not say which folder stands for which.`, {
    hint: '--map OLD=NEW, where OLD is an absolute path of the other machine.',
  });
}

async function sumOf(path: string, env: NodeJS.ProcessEnv): Promise<string> {
  const sum = createHash('sha256');
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) sum.update(piece);
  } catch (error) {
    const shown = tildePath(path, env);
    if (systemCode(error) === 'ENOENT') throw new CwError('not-found', `There is no file ${shown}.`);
    throw new CwError('failed', `${shown} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
  return sum.digest('hex');
}

/** On a terminal the values that stayed at home are asked for, one by one; Enter leaves one unset. */
async function values(
  names: readonly string[],
  { terminal, json }: Context,
): Promise<ReadonlyMap<string, string>> {
  const given = new Map<string, string>();
  if (!terminal.interactive || json) return given;
  const { askHidden } = await import('./ask.js');
  for (const name of names) {
    const value = await askHidden(`Value of ${name} (its own stayed there; Enter leaves it unset):`);
    if (value !== null) given.set(name, value);
  }
  return given;
}

const outcomes: Readonly<Record<ArchiveImportReport['conversations'][number]['outcome'], string>> = {
  new: 'came along',
  grown: 'went on there: what came after was added',
  present: 'is here already, with all of it',
  clash: 'is here and went on otherwise',
  fork: 'came as a fork',
};

function importText(
  report: ArchiveImportReport,
  { dryRun }: ArchiveWish,
  seconds: number,
  { env }: Context,
): string {
  const { manifest, project, git, conversations, leftOut, unset, notes, restore } = report;
  const head = `${visible(manifest.workspace)} of ${visible(manifest.host)}, saved ${age(manifest.at)} ago, in ${tildePath(project, env)}`;
  if (!report.imported && !dryRun)
    return `${head}\nIt was imported from this file before, and is open: it was left as it is.`;
  const withheld = [...manifest.leftOut, ...leftOut];
  const lines = [
    ...(git?.notes ?? []),
    ...conversations.map(
      ({ conversation, outcome, as }) =>
        `conversation ${conversation.slice(0, 8)} ${outcomes[outcome]}${as === conversation ? '' : ` ${as.slice(0, 8)}`}`,
    ),
    ...notes,
    ...withheld.map(({ what, why }) => `left out: ${what} (${why})`),
    ...(unset.length > 0 ? [`not set, since the values stayed there: ${unset.join(', ')}`] : []),
  ];
  const restored = restore ? reportText([restore], [], seconds) : '';
  return [head, ...lines.map((line) => indent(visible(line))), restored]
    .filter((text) => text !== '')
    .join('\n');
}
