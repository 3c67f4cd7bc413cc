import type { PaneRecord } from '../blueprint/record.js';
import { readLaunch } from '../claude/launch.js';
import type { ConversationRegistry } from '../claude/registry.js';
import type { Known } from '../claude/registry-log.js';
import type { SavedConversation } from '../workspace/conversations.js';
import { forgetEnding, isFailedStart, readEnding } from '../workspace/ending.js';
import { simpleCommands } from './command-line.js';
import type { ObservedPane, Program } from './model.js';

/** A pane whose program is saved. */
export interface PanePlace {
  readonly workspace: string;
  /** Its key in the snapshot. */
  readonly key: string;
  /** `%5`, on the server of this pid. */
  readonly id: string;
  readonly server: number;
  /** What was declared and started; null for a pane that the user split off. */
  readonly record: Pick<PaneRecord, 'key' | 'run' | 'started'> | null;
  /** Where its shell notes how its command ended. */
  readonly endingFile: string;
  /** Seconds since its own process started. */
  readonly age: () => number;
}

/** What a pane is saved with. */
export interface Kept {
  readonly program: Program;
  /** The conversation of the Claude that runs in it, or that was to run; null where there is none. */
  readonly conversation: NonNullable<ObservedPane['conversation']> | null;
  /** A conversation whose start is given up: the user has started something else in its pane. */
  readonly givenUp: string | null;
  /** A Claude runs in it of which no conversation is known. */
  readonly isStranger?: boolean;
}

/** Milliseconds in which a conversation that was chosen may begin: starts are staggered. */
const begins = 60_000;
/** Seconds in which a pane that was just made may not have begun with its command: a start file runs before it. */
const beginsAfter = 10;

/**
 * What a pane is saved with, by what runs in it. What was started by us and failed at once (no network yet after a
 * boot, a Claude that found no login) is kept as it was declared, until the user starts something else there: else the
 * restore after the next crash would know of nothing to start. What ended before the save in any other way is not
 * started by a restore.
 *
 * @param now milliseconds since 1970.
 */
export function keptOf(
  registry: ConversationRegistry,
  place: PanePlace,
  program: Program,
  now: number,
): Kept {
  const { record } = place;
  if (runsClaude(record, program)) return ofClaude(program, conversationAt(registry, place));
  const line = record?.started ?? record?.run ?? null;
  const wasStarted = line !== null;
  // Most panes never had one, and are not asked for.
  const known = wasStarted ? conversationAt(registry, place) : null;
  const isPending = known !== null && known.process === null && known.ended === null;
  if (program.kind !== 'shell') {
    const isBeginning = isPending && now - Date.parse(known.at) < begins;
    const isOther = wasStarted && program.kind === 'group' && !isBeginning;
    if (isOther) forgetEnding(place.endingFile);
    const isKept = isBeginning || (isPending && !isOther);
    return {
      program,
      conversation: isKept ? savedOf(known) : null,
      givenUp: isPending && isOther ? known.conversation : null,
    };
  }
  const ending = wasStarted ? readEnding(place.endingFile) : null;
  const isKept = ending === 'open' ? place.age() < beginsAfter : ending !== null && isFailedStart(ending);
  const endedWell = ending !== null && ending !== 'open' && ending.status === 0;
  return {
    program: isKept ? asStarted(record, line ?? '', program) : program,
    conversation: isPending && !endedWell ? savedOf(known) : null,
    givenUp: null,
  };
}

function ofClaude(program: Program, known: Known | null): Kept {
  return { program, conversation: savedOf(known), givenUp: null, isStranger: known === null };
}

/**
 * The conversation that a pane had last. One that the user split off has no key of ours: the registry knows it by
 * tmux's id, and a snapshot by a key that a capture makes up.
 */
function conversationAt(
  registry: ConversationRegistry,
  { workspace, record, server, id }: PanePlace,
): Known | null {
  return (record && registry.current(workspace, record.key)) ?? registry.currentOfPane(server, id);
}

function savedOf(known: Known | null): Kept['conversation'] {
  if (!known) return null;
  const { conversation, cwd, flags, configDir, prompted, forkOf, name }: SavedConversation = known;
  return { conversation, cwd, flags: [...flags], configDir, prompted, forkOf, name };
}

function runsClaude(record: PanePlace['record'], program: Program): boolean {
  if (program.kind === 'declared') return record?.run != null && readLaunch(record.run) !== null;
  if (program.kind !== 'group') return false;
  return program.processes.some(
    ({ argv }) =>
      /(^|\/)claude$/.test(argv[0] ?? '') || argv.slice(0, 2).some((word) => /(^|\/)claude$/.test(word)),
  );
}

/** The program of a pane as if what was started in it still ran. */
function asStarted(
  record: PanePlace['record'],
  line: string,
  shell: Extract<Program, { kind: 'shell' }>,
): Program {
  const { stopped } = shell;
  if (record?.run != null) return { kind: 'declared', stopped };
  // A line that a restore made of the words that ran there before.
  const commands = simpleCommands(line);
  const [words = []] = commands;
  if (commands.length !== 1 || words.length === 0 || words.some(({ expands }) => expands !== 'itself'))
    return shell;
  const entry = {
    pid: 0,
    exact: true,
    parent: null,
    stopped: false,
    stdin: null,
    stdout: null,
    stderr: null,
  };
  const processes = [{ ...entry, argv: words.map(({ text }) => text) }];
  return { kind: 'group', form: 'command', within: [], processes, stopped };
}
