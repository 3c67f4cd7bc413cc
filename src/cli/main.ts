import { CwError, isCwError } from '../errors.js';
import type { Settings } from '../system/settings.js';
import { childEnv } from '../tmux/address.js';
import type { Connection } from '../tmux/connection.js';
import type { Command, Context, Outcome, Verb } from './command.js';
import { harmless, harmlessJson } from './output.js';
import { type ParsedLine, parseLine } from './parse.js';
import { codeOf, errorDocument, errorText, type Failure, refine } from './report.js';
import { processTerminal, writeAll } from './terminal.js';

/** All that the frame knows of the commands: `app.ts` lays it down. */
export interface Program {
  /** The file of each verb; a line loads only its own. */
  readonly verbs: Readonly<Record<string, () => Promise<{ readonly verb: Verb }>>>;
  /** Other words for a verb. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The overview: verbs in the order of their use. */
  readonly groups: readonly { readonly title: string; readonly verbs: readonly string[] }[];
  /** The verb that takes a first word that is none: `cw PATH`, `cw PROJECT`. */
  readonly openVerb: string;
  /** `reading`: the descriptor of what the launcher has asked tmux already, where it has. */
  connect(env: NodeJS.ProcessEnv, reading?: string): Connection;
  loadSettings(env: NodeJS.ProcessEnv, warn: (text: string) => void): Settings;
}

/**
 * Runs one line of the user's: finds its command, parses, runs, prints, reports.
 *
 * @param words the line without the program's name.
 * @returns the exit code. All output is written by then.
 */
export async function main(program: Program, words: readonly string[]): Promise<number> {
  // For this process alone: a tmux server that is started here must not inherit it.
  const { CW_HANDOVER: handover, CW_READING: reading, ...env } = process.env;
  delete process.env.CW_HANDOVER;
  delete process.env.CW_READING;
  const json = isJson(words);
  try {
    const outcome = await runLine(program, words, makeContext(program, env, reading, json));
    return await finish(outcome, json, env, handover);
  } catch (thrown) {
    const error = isCwError(thrown) ? thrown : await refine(thrown, words, env);
    tellError(error, json);
    return codeOf(error);
  }
}

/** Where the document cannot be written (a full disk), the sentence still can. */
function tellError(error: CwError | Failure, json: boolean): void {
  try {
    if (json) return void writeAll(1, `${harmlessJson(JSON.stringify(errorDocument(error)))}\n`);
  } catch {
    // Told below, to people: `error` is that of the first attempt to write.
  }
  try {
    writeAll(2, `${harmless(errorText(error))}\n`);
  } catch {
    // Nobody can be told; the exit code says it.
  }
}

/** `--json` anywhere before `--`, so that a line that cannot be parsed is answered in JSON too. */
function isJson(words: readonly string[]): boolean {
  const dashes = words.indexOf('--');
  return words.slice(0, dashes < 0 ? words.length : dashes).includes('--json');
}

function makeContext(
  program: Program,
  env: NodeJS.ProcessEnv,
  reading: string | undefined,
  json: boolean,
): Context {
  let settings: Settings | undefined;
  let connection: Connection | undefined;
  const note = (text: string) => void writeAll(2, `${harmless(text)}\n`);
  return {
    env,
    json,
    note,
    get cwd() {
      return currentFolder();
    },
    terminal: processTerminal(env),
    async ask(question, preset) {
      const { ask } = await import('./ask.js');
      return ask(question, preset);
    },
    settings() {
      settings ??= program.loadSettings(env, note);
      return settings;
    },
    tmux() {
      connection ??= program.connect(env, reading);
      return connection;
    },
  };
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new CwError('not-found', 'The folder that this shell is in does not exist any more.', {
      hint: 'Change to one that does: cd ~',
      cause,
    });
  }
}

async function runLine(program: Program, words: readonly string[], context: Context): Promise<Outcome> {
  // `cw --json list` is `cw list --json`.
  const start = words.findIndex((word) => word !== '--json');
  const first = words[start];
  const rest = [...words.slice(0, Math.max(0, start)), ...words.slice(start + 1)];
  if (first === undefined || first.startsWith('-') || first === 'help') {
    const { answerWithoutVerb } = await import('./usage.js');
    return answerWithoutVerb(program, words, context);
  }
  const name = program.aliases[first] ?? first;
  const load = Object.hasOwn(program.verbs, name) ? program.verbs[name] : undefined;
  if (!load) return runAsProject(program, first, [...words], context);
  const { verb } = await load();
  if (!('subcommands' in verb)) return runCommand(verb, rest, context);
  const place = rest.findIndex((word) => word !== '--json');
  const sub = rest[place];
  const command =
    sub !== undefined && Object.hasOwn(verb.subcommands, sub) ? verb.subcommands[sub] : undefined;
  if (command) return runCommand(command, rest.toSpliced(place, 1), context);
  const { answerWithoutSubcommand } = await import('./usage.js');
  return answerWithoutSubcommand(program, verb, rest, context);
}

/** `cw PATH` and `cw PROJECT`. When neither is found and the word is nearly a verb, that is what was meant. */
async function runAsProject(
  program: Program,
  word: string,
  words: readonly string[],
  context: Context,
): Promise<Outcome> {
  const load = program.verbs[program.openVerb];
  if (load) {
    const { verb } = await load();
    if (!('subcommands' in verb)) {
      try {
        return await runCommand(verb, words, context);
      } catch (error) {
        if (!isCwError(error) || (error.kind !== 'not-found' && error.kind !== 'usage')) throw error;
        const { misspeltVerb } = await import('./usage.js');
        throw misspeltVerb(program, word) ?? error;
      }
    }
  }
  const { unknownVerb } = await import('./usage.js');
  throw unknownVerb(program, word);
}

async function runCommand(command: Command, words: readonly string[], context: Context): Promise<Outcome> {
  let line: ParsedLine | null = parseLine(command, words);
  if (!line) {
    const { readThoroughly } = await import('./usage.js');
    const answer = await readThoroughly(command, words, context);
    if ('outcome' in answer) return answer.outcome;
    line = answer.line;
  }
  return command.run(line.args, context);
}

/** Prints what a command hands back, and passes the terminal on where it asks for that. */
async function finish(
  outcome: Outcome,
  json: boolean,
  env: NodeJS.ProcessEnv,
  handover: string | undefined,
): Promise<number> {
  const code = outcome.exit ?? 0;
  if (json) {
    // For a program one document a line, for a person one they can read.
    const document = JSON.stringify(outcome.data ?? {}, null, processTerminal(env).interactive ? 2 : 0);
    writeAll(1, `${harmlessJson(document)}\n`);
    return code; // who asks for a document is not at the terminal that tmux wants
  }
  if (outcome.text) {
    const text = processTerminal(env).interactive ? harmless(outcome.text) : outcome.text;
    writeAll(1, `${text}\n`);
  }
  const words = outcome.attach ? ['tmux', ...outcome.attach] : outcome.become;
  if (!words || code !== 0) return code;
  // By $TMUX and $TMUX_PANE tmux knows which client to switch; a new client would be refused as a nested one.
  const leaves = outcome.attach !== undefined && !outcome.attach.includes('switch-client');
  if (handover && /^[3-9]$/.test(handover)) {
    const leave = leaves ? 'unset TMUX TMUX_PANE; ' : '';
    writeAll(Number(handover), `${leave}exec ${words.map(shellQuote).join(' ')}`);
    return 0;
  }
  const { runInForeground } = await import('../system/foreground.js');
  const [program = '', ...args] = words;
  return runInForeground(program, args, leaves ? childEnv(env) : env);
}

/** A word that sh reads back as it is, whatever it holds. */
function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
