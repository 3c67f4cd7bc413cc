import { quoteWord } from '../blueprint/fill.js';
import { isConversationId } from './model.js';

/**
 * Command lines that start Claude Code in a pane. What a template declares (`claude --model opus`) says which program
 * and how; the conversation is put in when it is started.
 */

/** A declared line that is a plain start of an interactive Claude Code. */
export interface Launch {
  /** What stands before it and goes to it alone: `FOO=bar`, as it was written but for its quotes. */
  readonly assignments: readonly string[];
  /** `claude`, or a path to it. */
  readonly program: string;
  /** The words after it that are kept at every start. */
  readonly flags: readonly string[];
}

/**
 * Options that take one value. Which do is not to be told from a line: `--model opus` is one thing, and so are
 * `--verbose` and a prompt after it. (`claude --help` of 2.1.329; `--opt=value` needs no list.)
 */
const oneValue = new Set(
  (
    '--agent --agents --append-system-prompt --append-system-prompt-file --debug-file --effort --fallback-model ' +
    '--input-format --json-schema --max-budget-usd --max-turns --model --name -n --output-format ' +
    '--permission-mode --permission-prompt-tool --plugin-dir --setting-sources --settings --system-prompt ' +
    '--system-prompt-file'
  ).split(' '),
);

/** Options that take all words up to the next option. */
const manyValues = new Set(
  '--add-dir --allowedTools --allowed-tools --betas --disallowedTools --disallowed-tools --file --mcp-config --tools'.split(
    ' ',
  ),
);

/** With one of these the user says which conversation it is, or that it is none to talk with: it is left alone. */
const ownChoice = new Set(
  (
    '--continue -c --resume -r --session-id --fork-session --from-pr --print -p --help -h --version -v --worktree -w ' +
    '--tmux --no-session-persistence --teleport --remote --remote-control --bg --background'
  ).split(' '),
);

/**
 * Reads a declared command line.
 *
 * @returns null for what is no plain start of Claude Code: another program (or an alias, which cannot be told from
 *   one), more than one command, a prompt or a subcommand (`claude mcp list`), words that only the shell can expand,
 *   or a line that names a conversation itself.
 */
export function readLaunch(line: string): Launch | null {
  const argv = plainWords(line);
  if (!argv) return null;
  let at = 0;
  if (argv[at] === 'exec' || argv[at] === 'command') at += 1;
  if (argv[at] === 'env') at += 1;
  const first = at;
  while (/^[A-Za-z_]\w*=/.test(argv[at] ?? '')) at += 1;
  const program = argv[at];
  if (program === undefined || program.slice(program.lastIndexOf('/') + 1) !== 'claude') return null;
  const flags = argv.slice(at + 1);
  return isPlainStart(flags) ? { assignments: argv.slice(first, at), program, flags } : null;
}

/**
 * The words of a line that is one simple command without redirections, of which the shell makes just these words;
 * else null.
 */
function plainWords(line: string): string[] | null {
  const token = /[ \t]+|((?:'[^']*'|"(?:[^"\\$`]|\\.)*"|\\[^\n]|[^\s;&|()<>'"\\$`*?[{~#!])+)|([\s\S])/gy;
  const words: string[] = [];
  for (const [, word, other] of line.trim().matchAll(token)) {
    if (other !== undefined) return null;
    if (word !== undefined) words.push(unquoted(word));
  }
  return words;
}

function unquoted(raw: string): string {
  return raw.replace(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
    (_, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replace(/\\([$`"\\])/g, '$1') ?? escaped ?? '',
  );
}

function isPlainStart(flags: readonly string[]): boolean {
  for (let at = 0; at < flags.length; at += 1) {
    const word = flags[at] ?? '';
    if (!word.startsWith('-') || word === '--' || word === '-') return false; // a prompt or a subcommand
    if (ownChoice.has(word.split('=', 1)[0] ?? '')) return false;
    if (/^-[crp]./.test(word)) return false; // `-cp`, `-rNAME`
    if (oneValue.has(word)) {
      if (flags[at + 1] === undefined) return false;
      at += 1;
    } else if (manyValues.has(word)) {
      while (flags[at + 1] !== undefined && !flags[at + 1]?.startsWith('-')) at += 1;
    }
  }
  return true;
}

/**
 * The words that are kept when a Claude Code that somebody started by hand is started again: without those that name
 * a conversation, without a prompt, and without our own hooks.
 *
 * @param argv as the process has it: `claude ...`, or `node .../claude ...`.
 * @param ourSettings tells our own settings file from one of the user's.
 * @returns null for a run that answers one prompt and ends (`-p`).
 */
export function keptFlags(
  argv: readonly string[],
  ourSettings: (path: string) => boolean = () => false,
): readonly string[] | null {
  const start = argv.findIndex((word) => /(^|\/)(claude|cli\.js)$/.test(word));
  const kept: string[] = [];
  for (let at = start + 1; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    const name = word.split('=', 1)[0] ?? '';
    if (name === '--print' || /^-[a-z]*p[a-z]*$/.test(word)) return null;
    if (!word.startsWith('-')) continue; // a prompt
    const next = argv[at + 1];
    const takesNext = name === word && next !== undefined && !next.startsWith('-');
    if (name === '--session-id' || name === '--resume' || name === '-r') {
      if (takesNext) at += 1;
      continue;
    }
    if (ownChoice.has(name)) continue;
    if (oneValue.has(word)) {
      at += 1;
      if (next !== undefined && !(word === '--settings' && ourSettings(next))) kept.push(word, next);
    } else if (manyValues.has(word)) {
      kept.push(word);
      while (argv[at + 1] !== undefined && !argv[at + 1]?.startsWith('-')) kept.push(argv[++at] ?? '');
    } else kept.push(word);
  }
  return kept;
}

/** How a conversation begins in a pane. */
export type StartMode =
  /** `--session-id`: it was never prompted, so there is nothing to resume. */
  | 'new'
  /** `--resume`: it was prompted. */
  | 'resume'
  /** `--resume PARENT --fork-session --session-id ID`: a fork that was never prompted, which has no file either. */
  | 'fork';

export interface StartRequest {
  readonly program: string;
  readonly assignments?: readonly string[];
  readonly flags: readonly string[];
  readonly conversation: string;
  readonly mode: StartMode;
  /** The conversation that is forked; `fork` alone needs it. */
  readonly forkOf?: string | null;
  /** The file with our hooks, absolute; null passes none. */
  readonly settingsFile: string | null;
  /** Shown by Claude Code (`-n`); null gives none. Where the flags name one it is left out. */
  readonly name: string | null;
}

/**
 * The line that starts Claude Code in a conversation; each of sh, bash, zsh and fish takes it for exactly these words.
 * It is only right in the folder where the conversation was started first: older versions look nowhere else.
 *
 * @throws Error for an id that is none, which is a fault of ours.
 */
export function startLine(request: StartRequest): string {
  const { flags, settingsFile } = request;
  const names = flags.some((flag) => flag === '-n' || /^--name(=|$)/.test(flag));
  const words = [
    request.program,
    ...identity(request),
    // Of several `--settings` only one would count: the user's own stays.
    ...(settingsFile === null || hasSettings(flags) ? [] : ['--settings', settingsFile]),
    ...(request.name === null || names ? [] : ['--name', request.name]),
    // Last: an option that takes many values must not take ours.
    ...flags,
  ];
  const assignments = request.assignments ?? [];
  // `env`, since an old fish knows no assignments before a command.
  const lead = assignments.length > 0 ? ['env', ...assignments] : [];
  return [...lead, ...words].map(wordForAnyShell).join(' ');
}

/** True when the flags name a settings file of the user's, in whose place ours cannot stand. */
export function hasSettings(flags: readonly string[]): boolean {
  return flags.some((flag) => /^--settings(=|$)/.test(flag));
}

function identity({ mode, conversation, forkOf }: StartRequest): string[] {
  const id = checked(conversation);
  switch (mode) {
    case 'new':
      return ['--session-id', id];
    case 'resume':
      return ['--resume', id];
    case 'fork':
      return ['--resume', checked(forkOf), '--fork-session', '--session-id', id];
  }
}

function checked(id: string | null | undefined): string {
  if (!isConversationId(id)) throw new Error(`no conversation id: ${id}`);
  return id;
}

/** zsh expands `=ls`, an old fish `%self`, where they begin a word. */
function wordForAnyShell(word: string): string {
  const quoted = quoteWord(word);
  return quoted === word && /^[=%]/.test(word) ? `'${word}'` : quoted;
}

/** How a conversation is to be started again, by what is known of it. */
export function modeOf(conversation: {
  readonly prompted: boolean;
  readonly forkOf: string | null;
}): StartMode {
  if (conversation.prompted) return 'resume';
  return conversation.forkOf === null ? 'new' : 'fork';
}
