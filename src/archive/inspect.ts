import { statSync } from 'node:fs';
import { z } from 'zod';
import type { Options } from '../blueprint/model.js';
import { modeOf, startLine } from '../claude/launch.js';
import { isConversationId } from '../claude/model.js';
import { CwError } from '../errors.js';
import { commandLine } from '../snapshot/command-line.js';
import type { ObservedPane, Snapshot } from '../snapshot/model.js';
import { readTextIfAny } from '../system/files.js';
import { parseForeignSnapshot } from './foreign-snapshot.js';
import type { Manifest } from './manifest.js';
import { type MemberKind, memberName } from './members.js';
import { PathMap } from './path-map.js';
import { type ReadArchive, type ReadOptions, readArchive } from './read.js';
import { canRun, type LeftOut, tame } from './tame.js';

/** Something that an import could run. */
export interface FoundCommand {
  /** `1.2` is the second pane of the first window; else `workspace` or `window 1`. */
  readonly where: string;
  /** What it is: `run`, `program`, `typed`, `hook on_attach`, `option status-right`, ... */
  readonly what: string;
  /** As it stands there: it can hold anything, also what acts on a terminal. */
  readonly line: string;
}

/** What is in an archive, read whole and with all its checksums right. Texts are as they stand in it. */
export interface Inspection {
  readonly manifest: Manifest;
  /** Bytes of the file. */
  readonly bytes: number;
  readonly holds: readonly { readonly kind: MemberKind; readonly count: number; readonly bytes: number }[];
  readonly snapshot: Snapshot;
  readonly commands: readonly FoundCommand[];
  /** What an import does without, unless it is told to run things. */
  readonly tamed: readonly LeftOut[];
  /** Addresses that a clone would be made from. */
  readonly remotes: readonly string[];
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/**
 * Reads an archive, checks it, and says what it could do. Nothing of it is written anywhere.
 *
 * @throws CwError as `readArchive` does; `refused` for a snapshot that none of ours is.
 */
export async function inspectArchive(path: string, options: ReadOptions): Promise<Inspection> {
  const archive = await readArchive(
    path,
    ({ kind }) => (kind === 'snapshot' || kind === 'repository' ? 'memory' : 'skip'),
    options,
  );
  const bytes = archive.memory.get(memberName.snapshot);
  if (!bytes)
    throw new CwError('refused', 'The archive holds no snapshot, so there is nothing to open from it.', {
      hint: 'cw writes no such archive. Write it anew: cw export NAME',
    });
  const snapshot = parseForeignSnapshot(bytes);
  const shells = new Set(
    (readTextIfAny('/etc/shells') ?? '').split('\n').filter((line) => line.startsWith('/')),
  );
  const { leftOut } = tame(snapshot, { run: false, paths: new PathMap([]), environment: [], shells });
  return {
    manifest: archive.manifest,
    bytes: archive.bytes,
    holds: holdsOf(archive),
    snapshot,
    commands: commandsOf(snapshot),
    tamed: leftOut,
    remotes: remotesOf(archive.memory.get(memberName.repository)),
    warnings: [...warningsOf(archive, snapshot), ...modeWarning(path)],
  };
}

function holdsOf({ members }: ReadArchive): Inspection['holds'] {
  const sums = new Map<MemberKind, { count: number; bytes: number }>();
  for (const { kind, bytes } of members) {
    const sum = sums.get(kind) ?? { count: 0, bytes: 0 };
    sums.set(kind, { count: sum.count + 1, bytes: sum.bytes + bytes });
  }
  return [...sums].map(([kind, sum]) => ({ kind, ...sum }));
}

/** Every line, program and option by which an import of this snapshot could make something run. */
export function commandsOf({ blueprint, panes }: Snapshot): FoundCommand[] {
  const found: FoundCommand[] = [];
  const add = (where: string, what: string, line: string | null | undefined) => {
    if (line) found.push({ where, what, line });
  };
  const options = (where: string, given: Options) => {
    for (const [name, value] of Object.entries(given))
      if (canRun(name, value)) add(where, `option ${name}`, value || name);
  };
  for (const [name, line] of Object.entries(blueprint.hooks)) add('workspace', `hook ${name}`, line);
  options('workspace', blueprint.options);
  for (const [at, window] of blueprint.windows.entries()) {
    options(`window ${at + 1}`, window.options);
    for (const [place, pane] of window.panes.entries()) {
      const where = `${at + 1}.${place + 1}`;
      add(where, 'shell', pane.shell);
      add(where, 'run', pane.run);
      add(where, 'start command', pane.startCommand);
      options(where, pane.options);
      const observed = panes[pane.key];
      if (observed) for (const [what, line] of observedLines(observed)) add(where, what, line);
    }
  }
  return found;
}

function observedLines({ program, typed, conversation, editorSession }: ObservedPane): [string, string][] {
  const lines: [string, string][] = [];
  if (program.kind === 'group') {
    for (const argv of program.within) lines.push(['shell', commandLine(argv)]);
    for (const { argv } of program.processes) if (argv.length > 0) lines.push(['program', commandLine(argv)]);
  }
  if ('stopped' in program)
    for (const { argv } of program.stopped)
      if (argv.length > 0) lines.push(['stopped program', commandLine(argv)]);
  if (typed) lines.push(['typed', typed]);
  if (editorSession) lines.push(['editor session', 'a script of the editor']);
  if (conversation) lines.push(['conversation', resumeLine(conversation)]);
  return lines;
}

function resumeLine(conversation: NonNullable<ObservedPane['conversation']>): string {
  const { forkOf, flags } = conversation;
  const isGood = isConversationId(conversation.conversation) && (forkOf === null || isConversationId(forkOf));
  if (!isGood) return commandLine(['claude', '--resume', conversation.conversation, ...flags]);
  return startLine({
    program: 'claude',
    flags,
    conversation: conversation.conversation,
    mode: modeOf(conversation),
    forkOf,
    settingsFile: null,
    name: conversation.name,
  });
}

/** Only what is shown is looked at: an import reads the description by its own rules. */
const Remotes = z.object({ remotes: z.array(z.object({ url: z.string() })) });

function remotesOf(bytes: Buffer | undefined): string[] {
  if (!bytes) return [];
  try {
    return Remotes.parse(JSON.parse(bytes.toString('utf8'))).remotes.map(({ url }) => url);
  } catch {
    return [];
  }
}

function warningsOf({ manifest, members }: ReadArchive, snapshot: Snapshot): string[] {
  const warnings: string[] = [];
  if (manifest.workspace !== snapshot.blueprint.name)
    warnings.push(
      `It says that it is of ${manifest.workspace}, and its snapshot is of ${snapshot.blueprint.name}.`,
    );
  const has = new Set(members.map(({ name }) => name));
  const observed = Object.values(snapshot.panes);
  const chunks = new Set(observed.flatMap(({ scrollback }) => scrollback?.chunks ?? []));
  const missing = [...chunks].filter((blob) => !has.has(memberName.scrollback(blob))).length;
  if (missing > 0) warnings.push(`${missing} of ${chunks.size} pieces of the panes' text are not in it.`);
  const conversations = new Set(
    observed.flatMap(({ conversation }) => (conversation?.prompted ? [conversation.conversation] : [])),
  );
  for (const id of conversations)
    if (!has.has(memberName.transcript(id)))
      warnings.push(`The transcript of the conversation ${id} is not in it.`);
  return warnings;
}

/** Who else can read the file reads the conversations in it. */
function modeWarning(path: string): string[] {
  const mode = statSync(path).mode & 0o077;
  return mode === 0
    ? []
    : ['Other users of this machine can read it, or change it: chmod 600 makes it yours alone.'];
}
