import type { SavedPane } from './resurrect.js';

/** What becomes of what ran in a pane. At most one of `run` and `typed` is set. */
export interface SavedCommand {
  /** A command line that starts again by itself. */
  readonly run: string | null;
  /** A command line that is typed and waits for Enter. */
  readonly typed: string | null;
  /** Why it is not as it was, for people; null: nothing is to be said. */
  readonly note: string | null;
}

export interface CommandFacts {
  /** Whether a program with these words may start by itself. */
  readonly mayStart: (argv: readonly string[]) => boolean;
  /** False for a program, by name or path, that is not there any more. */
  readonly programExists: (program: string) => boolean;
}

/**
 * What ran in a pane, as far as a save tells. `ps` prints words without their quotes, so that most are typed for the
 * user to judge: only one line of plain words that is allowed starts by itself.
 */
export function savedCommand(pane: SavedPane, facts: CommandFacts): SavedCommand {
  if (pane.lines === null || pane.lines.length === 0) return commandByName(pane);
  const [line, others] = ownLine(pane.lines, pane.command);
  const and = others.length > 0 ? ` It was saved together with: ${others.map(quoted).join(', ')}.` : '';
  if (/[\x00-\x1f\x7f]/.test(line)) {
    return nothing(`Its command ${quoted(line)} holds control characters: it was not typed.${and}`);
  }
  if (isShell(line)) return nothing(and === '' ? null : and.trim());
  if (others.length > 0) return { run: null, typed: line, note: `More than one line ran here.${and}` };
  const argv = line.split(/ +/);
  const plain = /^[A-Za-z0-9_@%+=:,./ -]+$/.test(line);
  if (!plain || !facts.mayStart(argv)) return { run: null, typed: line, note: null };
  if (facts.programExists(argv[0] ?? '')) return { run: line, typed: null, note: null };
  return { run: null, typed: line, note: `The program ${argv[0]} was not found.` };
}

/** Of a pane without a shell, and of one whose line lost fields, only the program's name was saved. */
function commandByName({ command, lines }: SavedPane): SavedCommand {
  if (command === '') {
    return nothing(lines === null ? 'What ran in it was not saved.' : null);
  }
  if (isShell(command)) return nothing(null);
  if (!/^[A-Za-z0-9_@%+=:,./-]+$/.test(command))
    return nothing(`What ran in it was saved as ${quoted(command)} alone.`);
  return { run: null, typed: command, note: 'Only the name of its program was saved, without arguments.' };
}

/** The line whose program has the name that tmux gave for the pane, or else the first; and the others. */
function ownLine(lines: readonly string[], command: string): [string, string[]] {
  const found = lines.findIndex((line) => programOf(line) === command);
  const at = Math.max(0, found);
  return [lines[at] ?? '', lines.filter((_, place) => place !== at)];
}

function programOf(line: string): string {
  const word = line.split(' ', 1)[0] ?? '';
  return word.slice(word.lastIndexOf('/') + 1);
}

const shells = new Set([
  'bash',
  'zsh',
  'fish',
  'sh',
  'dash',
  'ash',
  'ksh',
  'ksh93',
  'mksh',
  'tcsh',
  'csh',
  'nu',
  'xonsh',
]);

/** A shell that waits at its prompt: it is there again without being started. */
function isShell(line: string): boolean {
  const [, ...options] = line.split(' ');
  return (
    shells.has(programOf(line).replace(/^-/, '')) &&
    options.every((word) => /^-(i|l|il|li|-login)$/.test(word))
  );
}

function nothing(note: string | null): SavedCommand {
  return { run: null, typed: null, note };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
