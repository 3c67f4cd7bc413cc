import { resumeOf } from '../snapshot/resume.js';
import type { AgentSeen, PaneSeen } from '../survey/model.js';
import { family, type Processes, type ProcessSample } from '../system/processes.js';
import type { ProgramSeen } from './policy.js';

/** What an nvim or vim says of its text: how many buffers are not saved; null where it did not say. */
export type EditorSeen = number | null;

/** Helpers of a shell's prompt, which come again with the shell. */
const ofThePrompt = /^gitstatusd/;

/** Panes in which nvim runs: it can be asked whether its text is saved. */
export function runsNvim({ program, foreground }: PaneSeen): boolean {
  return program.kind !== 'shell' && nameOf(foreground?.argv[0] ?? '') === 'nvim';
}

/** Panes in which vim runs: one that a template started can be asked, too. */
export function runsVim({ program, foreground }: PaneSeen): boolean {
  return program.kind !== 'shell' && nameOf(foreground?.argv[0] ?? '') === 'vim';
}

/** What runs in a pane, other than a shell at its prompt; or in words what is not known of it. */
export function programsOfPane(
  pane: PaneSeen,
  agents: readonly AgentSeen[],
  facts: {
    readonly processes: Processes | null;
    readonly patterns: readonly string[];
    readonly editors: ReadonlyMap<string, EditorSeen>;
  },
): ProgramSeen[] | string {
  const { place, program } = pane;
  const { processes } = facts;
  if (pane.dead || program.kind === 'dead') return [];
  if (program.kind === 'unknown') return `what runs in ${place} (${program.reason})`;
  if (!processes) return `what runs in ${place}`;
  const background = backgroundOf(pane, processes);
  if (program.kind === 'shell' && program.stopped.length === 0) return background;
  const all = family(pane.pid, processes);
  // A shell is no program; what stands in its place is.
  const started = all.filter(({ pid }) => pid !== pane.pid || pane.foreground?.pid === pid);
  const names = [...new Set(started.flatMap((one) => namesOf(one, processes)))];
  const stopped = 'stopped' in program ? program.stopped : [];
  const words = pane.foreground?.argv.length ? pane.foreground.argv : (stopped[0]?.argv ?? []);
  const text = shown(words, names[0] ?? 'a program');
  const one: ProgramSeen = { place, text, names, after: { kind: 'again' } };
  const lost = (why: string): ProgramSeen[] => [{ ...one, after: { kind: 'lost', why } }, ...background];
  if (stopped.length > 0)
    return [
      { ...one, text: shown(stopped[0]?.argv ?? [], text), after: { kind: 'lost', why: 'is stopped' } },
    ];
  if (names.includes('claude')) {
    // A conversation that nobody knows is one that nobody could bring back.
    const isKnown = agents.some((agent) => agent.pane === pane.id && agent.state !== 'exited');
    return isKnown ? [one, ...background] : `the Claude in ${place} is not one that cw knows`;
  }
  if (runsNvim(pane)) {
    const unsaved = facts.editors.get(pane.id) ?? null;
    if (unsaved === null) return `whether the text in ${place} (nvim) is saved`;
    if (unsaved > 0) return lost('holds text that is not saved');
  }
  // One that nobody can ask is judged as any program is: its swap file holds what was not saved.
  if (runsVim(pane) && (facts.editors.get(pane.id) ?? 0) > 0) return lost('holds text that is not saved');
  const resume = resumeOf(
    { cwd: pane.path, run: pane.run, startCommand: pane.startCommand },
    { program },
    {
      patterns: facts.patterns,
      run: true,
      programExists: () => true,
      folderExists: (path) => path !== pane.path || pane.folder === 'there',
    },
  );
  if (resume.state === 'starts' && resume.notes.length === 0) return [one, ...background];
  return lost(
    resume.state === 'typed'
      ? 'runs, and would only be typed again'
      : 'runs, and cannot be started again as it is',
  );
}

/** Jobs that a pane's shell runs in the background: no snapshot has them. */
function backgroundOf(pane: PaneSeen, processes: Processes): ProgramSeen[] {
  const own = processes.byPid.get(pane.pid);
  if (!own || pane.startCommand !== null) return [];
  return (processes.byParent.get(own.pid) ?? [])
    .filter(
      ({ group, state, command }) =>
        group !== own.group && group !== own.foreground && state !== 'T' && !ofThePrompt.test(command),
    )
    .map((one) => ({
      place: pane.place,
      text: shown(processes.table.argv(one.pid), one.command),
      names: family(one.pid, processes).flatMap((member) => namesOf(member, processes)),
      after: { kind: 'lost', why: 'runs in the background' },
    }));
}

/** Programs that run the program that their next word names. */
const interpreters =
  /^(node|bun|deno|python[\d.]*|ruby[\d.]*|perl|php|java|sh|bash|dash|zsh|fish|env|sudo|doas|nohup)$/;

/** The names that a process goes by: the kernel's, that of its first word, and of an interpreter that of its script. */
function namesOf({ pid, command }: ProcessSample, { table }: Processes): string[] {
  const [first = '', ...rest] = table.argv(pid);
  const own = nameOf(first).replace(/^-/, '');
  const script = interpreters.test(own) ? rest.find((word) => !word.startsWith('-')) : undefined;
  return [...new Set([own, command, nameOf(script ?? '')])].filter((name) => name !== '');
}

function nameOf(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1);
}

function shown([program, ...rest]: readonly string[], otherwise: string): string {
  const text = program ? [nameOf(program), ...rest].join(' ') : otherwise;
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
