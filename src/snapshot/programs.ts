import { type PaneRecord, parsePaneRecord } from '../blueprint/record.js';
import { argvWithoutVimHook, hookVim, isHookedVim } from '../blueprint/vim-hook.js';
import { type ForegroundReading, type ProcessReading, readForeground } from '../system/proc.js';
import type { Stat } from '../system/stat.js';
import type { Pane } from '../tmux/reading.js';
import { simpleCommands, type Word } from './command-line.js';
import type { ProcessEntry, Program } from './model.js';

/**
 * What each pane runs, by its id, with one look at the processes for all of them.
 *
 * @param read all processes, where they were read already.
 */
export function programsOf(
  panes: readonly Pane[],
  read: ReadonlyMap<number, Stat> | null = null,
): ReadonlyMap<string, Program> {
  const living = panes.filter((pane) => !pane.dead);
  const readings = readForeground(living, read);
  const byId = new Map(living.map((pane, at) => [pane.id, readings[at]]));
  return new Map(
    panes.map((pane) => [
      pane.id,
      programOf(parsePaneRecord(pane.mark ?? ''), pane, byId.get(pane.id) ?? null),
    ]),
  );
}

/**
 * What a pane runs. What we started is known by what we started; all else is evidence.
 *
 * @param record what was declared when the pane was made; null for a pane that we did not make.
 * @param reading null: its processes were not read.
 */
export function programOf(
  record: (Pick<PaneRecord, 'run' | 'startCommand'> & Partial<PaneRecord>) | null,
  pane: Pick<Pane, 'dead' | 'deadStatus'>,
  reading: ForegroundReading | null,
): Program {
  if (pane.dead) return { kind: 'dead', status: pane.deadStatus };
  if (!reading) return { kind: 'unknown', reason: 'its processes were not read' };
  switch (reading.kind) {
    case 'unknown':
      return { kind: 'unknown', reason: reading.reason };
    case 'own': {
      const stopped = entries(reading.stopped);
      // What stands in place of a shell, shell or not: without job control its commands are in its own group.
      if (record && record.startCommand !== null) return { kind: 'declared', stopped };
      if (!reading.process) return { kind: 'shell', stopped };
      // `exec vim`, or tmux was asked for a program by another than us.
      return { kind: 'group', form: 'command', within: [], processes: entries([reading.process]), stopped };
    }
    case 'group': {
      const stopped = entries(reading.stopped);
      const declared =
        record !== null &&
        (record.startCommand !== null ||
          // What was started for a pane that declares nothing is no more than what ran there before.
          (record.run !== null &&
            declaredLines(record.run, record.started ?? null).some((line) => isDeclared(line, reading))));
      if (declared) return { kind: 'declared', stopped };
      return {
        kind: 'group',
        form: formOf(reading),
        within: reading.within.map((process) => [...process.argv]),
        processes: entries(reading.processes),
        stopped,
      };
    }
  }
}

/**
 * The lines that were started for a pane. Where its vim was told to listen, one that does not is another: the user
 * started it, and no session is its own.
 */
function declaredLines(run: string, started: string | null): string[] {
  if (started === null) return [run];
  return [isHookedVim(started) ? (hookVim(run) ?? run) : run, started];
}

type Group = Extract<ForegroundReading, { kind: 'group' }>;

/** The processes that the shell itself started: those whose parents are not in the group. */
function headsOf(processes: readonly ProcessReading[]): ProcessReading[] {
  return processes.filter((process) => !processes.some((other) => other.pid === process.parent));
}

function formOf(reading: Group): 'command' | 'pipe' | 'compound' {
  const heads = headsOf(reading.processes);
  // The leader of a pipe that has ended leaves the others.
  if (heads.length > 1 || heads[0]?.pid !== reading.group) return 'pipe';
  return isCopyOfShell(heads[0], reading) ? 'compound' : 'command';
}

/** A shell that runs a part of its own language forks, and its copy has the same arguments. */
function isCopyOfShell(process: ProcessReading, reading: Group): boolean {
  const shell = reading.within.at(-1) ?? reading.own;
  return (
    process.exact &&
    process.command === shell.command &&
    process.argv.length === shell.argv.length &&
    process.argv.every((word, at) => word === shell.argv[at])
  );
}

function entries(processes: readonly ProcessReading[]): ProcessEntry[] {
  const place = new Map(processes.map(({ pid }, at) => [pid, at]));
  return processes.map((process) => ({
    pid: process.pid,
    argv: [...argvWithoutVimHook(process.argv)],
    exact: process.exact,
    parent: place.get(process.parent) ?? null,
    stopped: process.stopped,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  }));
}

/**
 * Whether the foreground group is what the declared command line runs: one of the processes that the shell started
 * (or that a copy of the shell started, for what stands in parentheses) has the words of one of its commands.
 */
export function isDeclared(run: string, reading: Group): boolean {
  if (reading.within.length > 0) return false;
  const commands = simpleCommands(run);
  const heads = headsOf(reading.processes);
  const copies = heads.filter((process) => isCopyOfShell(process, reading));
  const started = [
    ...heads.filter((process) => !copies.includes(process)),
    ...reading.processes.filter((process) => copies.some((copy) => copy.pid === process.parent)),
  ];
  return started.some((process) => commands.some((command) => runs(process, command)));
}

function runs(process: ProcessReading, command: readonly Word[]): boolean {
  const { argv } = process;
  if ((argv[0] ?? '') === '') return false;
  // A title that shows less than all words, as `claude` for `claude --session-id ...`.
  if (!process.exact && matches(argv, command.slice(0, argv.length))) return true;
  // `poetry run python x.py` becomes `python x.py`.
  return command.some((_, at) => isStarted(argv, command.slice(at))) || isLaunched(argv, command);
}

/** Itself, or as a script: the kernel puts the interpreter (and one option of that) before the script's path. */
function isStarted(argv: readonly string[], command: readonly Word[]): boolean {
  if (matches(argv, command)) return true;
  const name = nameOf(argv[0] ?? '');
  if (!machines.test(name) && !shells.test(name)) return false;
  return (
    matches(argv.slice(1), command) || (argv[1]?.startsWith('-') === true && matches(argv.slice(2), command))
  );
}

const shells = /^-?(ba|da|a|z|k|mk|fi)?sh$/;

/** Programs that launchers (`gradlew`, `mvnw`, `iex`, `poetry run`, `cargo watch`) become by exec. */
const machines = /^(java|beam\.smp|erl|node|deno|bun|python[\d.]*|ruby[\d.]*|perl|php[\d.]*|dotnet)$/;

function isLaunched(argv: readonly string[], command: readonly Word[]): boolean {
  const name = nameOf(argv[0] ?? '');
  const program = nameOf(command[0]?.text ?? '');
  // The words of the launcher stand, in their order, among those of what it became.
  if (!machines.test(name) && !name.startsWith(`${program}-`)) return false;
  const literal = command.slice(1).filter((word) => word.expands === 'itself');
  let from = 1;
  for (const word of literal) {
    const found = argv.indexOf(word.text, from);
    if (found < 0) return false;
    from = found + 1;
  }
  return literal.length > 0;
}

function matches(argv: readonly string[], command: readonly Word[]): boolean {
  const [program, ...rest] = command;
  const [first, ...others] = argv;
  if (!program || first === undefined) return false;
  if (program.expands === 'itself' && first !== program.text && nameOf(first) !== program.text) {
    // `./gradlew` of the line is the same file under its full path.
    if (!program.text.startsWith('./') || !first.endsWith(program.text.slice(1))) return false;
  }
  return matchWords(others, rest);
}

function matchWords(argv: readonly string[], words: readonly Word[]): boolean {
  const [word, ...rest] = words;
  if (!word) return argv.length === 0;
  if (word.expands === 'many')
    return argv.some((_, count) => matchWords(argv.slice(count), rest)) || matchWords([], rest);
  return (
    argv.length > 0 && (word.expands === 'one' || argv[0] === word.text) && matchWords(argv.slice(1), rest)
  );
}

function nameOf(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1);
}
