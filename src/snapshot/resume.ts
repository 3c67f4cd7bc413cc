import type { Pane } from '../blueprint/model.js';
import { isDeployment, mayRun } from './allow-list.js';
import { builtins, commandLine, isPrintable, shown, simpleCommands } from './command-line.js';
import { type EditorFacts, editorResume, isOurEditor } from './editor.js';
import type { ObservedPane, ProcessEntry, Program } from './model.js';

/** How what ran in a pane comes back. At most one of `run` and `typed` is set. */
export interface Resume {
  readonly state: 'shell' | 'starts' | 'typed' | 'cannot';
  /** A command line that starts inside the pane's shell at its first prompt. */
  readonly run: string | null;
  /** One line without control characters, typed and left for the user to confirm. */
  readonly typed: string | null;
  /**
   * What tmux starts in place of a shell: the pane's own, when it was declared and may start; else the pane gets a
   * shell, since a start command that somebody else gave to tmux is as foreign as one that was typed.
   */
  readonly startCommand: string | null;
  /** What is not as it was, and why; sentences for people. */
  readonly notes: readonly string[];
}

export interface ResumeOptions {
  /** Programs that start by themselves; see `mayRun`. */
  readonly patterns: readonly string[];
  /** False: nothing is started and nothing is typed. */
  readonly run: boolean;
  /** Whether a program is there: a name on the PATH of the pane, or an absolute path. */
  readonly programExists: (name: string) => boolean;
  readonly folderExists: (path: string) => boolean;
  /** The interpreter in the first line (`#!`) of a program at an absolute path; null where it has none. Not given: none has. */
  readonly interpreterOf?: (path: string) => string | null;
  /** What is known of the pane's editor; not given: nothing. */
  readonly editor?: EditorFacts;
}

/** Decides how what ran in a pane comes back. */
export function resumeOf(
  pane: Pick<Pane, 'cwd' | 'run' | 'startCommand'>,
  observed: Pick<ObservedPane, 'program' | 'typed'>,
  options: ResumeOptions,
): Resume {
  const { program } = observed;
  const waits = program.kind === 'shell' && observed.typed ? observed.typed : null;
  const made = waits === null ? ofProgram(pane, program, options) : typedOrShown(waits, []);
  const stopped = 'stopped' in program ? headsOf(program.stopped) : [];
  const notes = [
    ...made.notes,
    ...stopped.map((job) => `A stopped job cannot be made again: ${shown(job.argv)}`),
  ];
  if (options.run) return { ...made, notes };
  // Asked not to start or type anything: what would have been is said.
  const left = made.run ?? made.typed ?? made.startCommand;
  const said = left === null ? [] : [`Not started: ${isPrintable(left) ? left : JSON.stringify(left)}`];
  return { state: 'shell', run: null, typed: null, startCommand: null, notes: [...said, ...notes] };
}

function ofProgram(
  pane: Pick<Pane, 'cwd' | 'run' | 'startCommand'>,
  program: Program,
  options: ResumeOptions,
): Resume {
  switch (program.kind) {
    case 'shell':
      return { ...nothing, state: 'shell' };
    case 'declared':
      return declared(pane, options);
    case 'group':
      return group(pane, program, options);
    case 'dead': {
      const how = program.status === null ? '' : ` with status ${program.status}`;
      return typedAgain(pane, `It had ended${how}.`);
    }
    case 'unknown':
      return typedAgain(pane, `What ran in it is not known: ${program.reason}.`);
  }
}

const nothing = { state: 'cannot', run: null, typed: null, startCommand: null, notes: [] } as const;

/** What a template of ours (or of the user's) said: it starts again, unless what it needs is gone. */
function declared(pane: Pick<Pane, 'cwd' | 'run' | 'startCommand'>, options: ResumeOptions): Resume {
  const line = pane.run ?? pane.startCommand;
  if (line === null)
    return { ...nothing, notes: ['It ran a command that was declared and is no longer known.'] };
  const problem = problemOf(pane.cwd, line, options);
  if (problem !== null) return typedOrShown(line, [problem]);
  if (isDeployment(simpleCommands(line).map((words) => words.map(({ text }) => text))))
    return typedOrShown(line, ['What deploys or publishes is not started by itself.']);
  if (pane.run === null) return { ...nothing, state: 'starts', startCommand: line };
  const edited = options.editor && declaredEditor(line, options.editor);
  return {
    ...nothing,
    state: 'starts',
    run: edited ? commandLine(edited.argv) : line,
    notes: edited?.note ? [edited.note] : [],
  };
}

function declaredEditor(line: string, facts: EditorFacts) {
  const commands = simpleCommands(line);
  const [words = []] = commands;
  // Only a line that is this one command and no more, of which every word is known, can be written anew.
  const isPlain = commands.length === 1 && words.every((word) => word.expands === 'itself');
  const argv = words.map((word) => word.text);
  return isPlain && words.length > 0 && /^[^;&|<>()=\n]*$/.test(line)
    ? editorResume(argv, facts, true)
    : null;
}

function group(
  pane: Pick<Pane, 'cwd'>,
  program: Extract<Program, { kind: 'group' }>,
  options: ResumeOptions,
): Resume {
  const heads = headsOf(program.processes);
  const [head] = heads;
  const text = heads.map((process) => shown(process.argv)).join(' | ');
  if (program.form === 'pipe' || heads.length > 1) return cannot(`A pipe cannot be made again: ... ${text}`);
  if (program.form === 'compound') {
    const inner = program.processes
      .filter((process) => process.parent !== null)
      .map((each) => shown(each.argv));
    const now = inner.length > 0 ? `, which ran ${inner.join(', ')}` : '';
    return cannot(`A loop or another part of the shell's language cannot be made again${now}.`);
  }
  if (!head || head.argv.length === 0 || head.argv[0] === '') {
    return cannot('A program ran that hides what it was started with.');
  }
  const streams = redirections(head);
  if (streams !== '') return cannot(`Its redirections (${streams}) cannot be made again: ${text}`);
  if (!head.argv.every(isPrintable))
    return cannot(`Its words hold control characters, so it is not typed: ${text}`);
  const argv = asTyped(head.argv, pane.cwd, options);
  const line = commandLine(argv);
  if (Buffer.byteLength(line) > longestLine)
    return cannot(`Its command line is too long to type: ${line.slice(0, 200)} ...`);
  const notes: string[] = [];
  if (program.within.length > 0) {
    notes.push(
      `It ran in another shell (${program.within.map(shown).join(', ')}), which is not there again.`,
    );
  }
  if (!options.folderExists(pane.cwd)) notes.push(folderProblem(pane.cwd));
  if (!options.programExists(resolved(argv[0] ?? '', pane.cwd))) notes.push(`${argv[0]} was not found.`);
  if (notes.length > 0) return typedOrShown(line, notes);
  const isOurs = options.editor !== undefined && isOurEditor(argv, options.editor);
  if (!isOurs && !mayRun(argv, options.patterns)) {
    return typedOrShown(
      line,
      head.exact ? [] : ['Its words are as it shows them, and may have been others.'],
    );
  }
  const edited = options.editor ? editorResume(argv, options.editor) : null;
  return {
    ...nothing,
    state: 'starts',
    run: edited ? commandLine(edited.argv) : line,
    notes: edited?.note ? [edited.note] : [],
  };
}

/** A terminal that is read line by line takes 4096 bytes, on macOS 1024. */
const longestLine = 1000;

function headsOf(processes: readonly ProcessEntry[]): ProcessEntry[] {
  return processes.filter((process) => process.parent === null);
}

function redirections(process: ProcessEntry): string {
  const parts = [
    process.stdin === null ? [] : [`input from ${JSON.stringify(process.stdin)}`],
    process.stdout === null ? [] : [`output to ${JSON.stringify(process.stdout)}`],
    process.stderr === null || process.stderr === process.stdout
      ? []
      : [`errors to ${JSON.stringify(process.stderr)}`],
  ];
  return parts.flat().join(', ');
}

const interpreters = /^(node|deno|bun|python[\d.]*|ruby[\d.]*|perl|php[\d.]*)$/;
const programFolder = /\/s?bin$/;

/**
 * The words as somebody types them. For a script that is found on the PATH the kernel starts `node /usr/bin/pnpm`; it
 * is typed `pnpm`. For `./deploy.sh` it starts the interpreter that its first line names, which stays out.
 */
function asTyped(argv: readonly string[], folder: string, options: ResumeOptions): readonly string[] {
  const [program = '', script = '', ...rest] = argv;
  const slash = script.lastIndexOf('/');
  const name = script.slice(slash + 1);
  const isScript =
    interpreters.test(program.slice(program.lastIndexOf('/') + 1)) &&
    script.startsWith('/') &&
    programFolder.test(script.slice(0, slash)) &&
    options.programExists(name);
  if (isScript) return [name, ...rest];
  const isOwn = program.startsWith('/') && slash >= 0 && !script.startsWith('-');
  return isOwn && options.interpreterOf?.(resolved(script, folder)) === program ? [script, ...rest] : argv;
}

function resolved(program: string, folder: string): string {
  return program.includes('/') && !program.startsWith('/') ? `${folder}/${program}` : program;
}

/** What a declared line needs and is gone; null when nothing is. */
function problemOf(folder: string, line: string, options: ResumeOptions): string | null {
  if (!options.folderExists(folder)) return folderProblem(folder);
  const [program] = simpleCommands(line)[0] ?? [];
  if (program?.expands !== 'itself' || builtins.has(program.text)) return null;
  return options.programExists(resolved(program.text, folder)) ? null : `${program.text} was not found.`;
}

function folderProblem(folder: string): string {
  return `Its folder ${isPrintable(folder) ? folder : JSON.stringify(folder)} is gone.`;
}

function typedAgain(pane: Pick<Pane, 'run' | 'startCommand'>, note: string): Resume {
  return pane.run === null ? { ...nothing, state: 'shell', notes: [note] } : typedOrShown(pane.run, [note]);
}

function typedOrShown(line: string, notes: readonly string[]): Resume {
  if (isPrintable(line) && Buffer.byteLength(line) <= longestLine)
    return { ...nothing, state: 'typed', typed: line, notes };
  return { ...nothing, notes: [...notes, `It is no single line that can be typed: ${JSON.stringify(line)}`] };
}

function cannot(note: string): Resume {
  return { ...nothing, notes: [note] };
}
