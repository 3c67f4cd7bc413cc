import { parsePaneRecord } from '../blueprint/record.js';
import { paneName, type RegistryState } from '../claude/registry-log.js';
import { indexReading } from '../snapshot/capture.js';
import { unsavedBuffers } from '../snapshot/editor-session.js';
import type { Program } from '../snapshot/model.js';
import { programsOf } from '../snapshot/programs.js';
import { resumeOf } from '../snapshot/resume.js';
import { isFolder } from '../system/files.js';
import { ownProcesses, readSessions, type SessionProcess, wordsOf } from '../system/sessions.js';
import type { Pane, Reading, Session } from '../tmux/reading.js';
import type { Registry } from '../workspace/registry.js';
import type { ProgramSeen } from './policy.js';

/** What runs in the panes of one session. */
export interface SessionPrograms {
  /** Window and pane, counted from 1, by the pane's id. */
  readonly places: ReadonlyMap<string, string>;
  /** Panes whose shell waits at its prompt. */
  readonly atPrompt: ReadonlySet<string>;
  readonly programs: readonly ProgramSeen[];
  readonly unknown: readonly string[];
}

/** Helpers of a shell's prompt, which come again with the shell. */
const ofThePrompt = /^gitstatusd/;

/** What runs in each session's panes, by the session's id, from one look at the processes. */
export async function programsSeen(
  reading: Reading,
  sessions: readonly Session[],
  registry: Registry,
  conversations: RegistryState,
  patterns: readonly string[],
): Promise<ReadonlyMap<string, SessionPrograms>> {
  const index = indexReading(reading);
  const all = readSessions();
  const panesOf = (session: Session) =>
    (index.windows.get(session.id) ?? []).map((window) => index.panesByWindow.get(window.id) ?? []);
  const programs = programsOf(sessions.flatMap((session) => panesOf(session).flat()));
  const found = new Map<string, SessionPrograms>();
  for (const session of sessions) {
    const places = new Map<string, string>();
    const atPrompt = new Set<string>();
    const seen: ProgramSeen[] = [];
    const unknown: string[] = [];
    for (const [window, panes] of panesOf(session).entries()) {
      for (const [at, pane] of panes.entries()) {
        const place = `${window + 1}.${at + 1}`;
        places.set(pane.id, place);
        const program = programs.get(pane.id) ?? { kind: 'unknown', reason: 'it was not read' };
        if (program.kind === 'shell') atPrompt.add(pane.id);
        const look = { place, pane, program, workspace: session.workspace ?? '' };
        const judged = await judge(look, { registry, conversations, patterns, all });
        if (typeof judged === 'string') unknown.push(judged);
        else seen.push(...judged);
      }
    }
    found.set(session.id, { places, atPrompt, programs: seen, unknown });
  }
  return found;
}

interface PaneLook {
  readonly workspace: string;
  readonly place: string;
  readonly pane: Pane;
  readonly program: Program;
}

interface Known {
  readonly registry: Registry;
  readonly conversations: RegistryState;
  readonly patterns: readonly string[];
  readonly all: ReadonlyMap<number, SessionProcess>;
}

/** What runs in a pane, or in words what is not known of it. */
async function judge(look: PaneLook, known: Known): Promise<ProgramSeen[] | string> {
  const { place, pane, program, workspace } = look;
  if (program.kind === 'dead') return [];
  if (program.kind === 'unknown') return `what runs in ${place} (${program.reason})`;
  const record = parsePaneRecord(pane.mark ?? '');
  const family = ownProcesses(pane.pid, known.all);
  const background = backgroundOf(pane, family, place);
  if (program.kind === 'shell' && program.stopped.length === 0) return background;
  // The shell itself is no program; what stands in its place is.
  const started = family.filter((one) => one.pid !== pane.pid || program.kind !== 'shell');
  const foreground = started.filter((one) => one.group === one.foreground);
  const head =
    (foreground.length > 0 ? foreground : started).find((one) => one.pid !== pane.pid) ?? started[0];
  const text = shown(program, head);
  const names = [...new Set(started.flatMap(namesOf))];
  const one: ProgramSeen = { place, text, names, after: { kind: 'again' } };
  if (started.some((process) => namesOf(process).includes('claude'))) {
    const conversation = known.conversations.panes.get(paneName(workspace, record?.key ?? pane.id));
    // A conversation that nobody knows is one that nobody could bring back.
    return conversation === undefined
      ? `the Claude in ${place} is not one that cw knows`
      : [one, ...background];
  }
  if (names.includes('nvim')) {
    const socket = record && known.registry.editorSocket(workspace, record.key);
    const unsaved = socket === null ? null : await unsavedBuffers(socket);
    if (unsaved === null) return `whether the text in ${place} (nvim) is saved`;
    if (unsaved > 0)
      return [{ ...one, after: { kind: 'lost', why: 'holds text that is not saved' } }, ...background];
  }
  const resume = resumeOf(
    { cwd: pane.currentPath, run: record?.run ?? null, startCommand: record?.startCommand ?? null },
    { program },
    { patterns: known.patterns, run: true, programExists: () => true, folderExists: isFolder },
  );
  if (resume.state === 'starts' && resume.notes.length === 0) return [one, ...background];
  const stopped = 'stopped' in program && program.stopped.length > 0;
  const why = stopped
    ? 'is stopped, and cannot be made again'
    : resume.state === 'typed'
      ? 'runs, and would only be typed again'
      : 'runs, and cannot be started again as it is';
  return [{ ...one, after: { kind: 'lost', why } }, ...background];
}

/** Jobs that a pane's shell runs in the background: no snapshot has them. */
function backgroundOf(pane: Pane, family: readonly SessionProcess[], place: string): ProgramSeen[] {
  const own = family.find((one) => one.pid === pane.pid);
  if (!own) return [];
  return family
    .filter(
      (one) =>
        one.parent === own.pid &&
        one.session === own.session &&
        one.group !== own.group &&
        one.group !== own.foreground &&
        !one.stopped &&
        !ofThePrompt.test(one.command),
    )
    .map((one) => ({
      place,
      text: cut(wordsOf(one.pid), one.command),
      names: namesOf(one),
      after: { kind: 'lost', why: 'runs in the background' },
    }));
}

/** The names that a process goes by: the kernel's, its own words', and of an interpreter those of its script. */
function namesOf({ pid, command }: SessionProcess): string[] {
  const words = wordsOf(pid);
  const scripts = words.slice(0, 2).filter((word) => !word.startsWith('-'));
  return [...new Set([command, ...scripts.map((word) => word.slice(word.lastIndexOf('/') + 1))])].filter(
    (name) => name !== '',
  );
}

function shown(program: Program, head: SessionProcess | undefined): string {
  const listed = program.kind === 'group' ? program.processes : 'stopped' in program ? program.stopped : [];
  const words = listed.find(({ argv }) => argv.length > 0)?.argv ?? (head ? wordsOf(head.pid) : []);
  return cut(words, head?.command ?? 'a program');
}

function cut(words: readonly string[], fallback: string): string {
  const text =
    words.length > 0
      ? [words[0]!.slice(words[0]!.lastIndexOf('/') + 1), ...words.slice(1)].join(' ')
      : fallback;
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
