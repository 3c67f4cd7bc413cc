import yargs from 'yargs';
import { nearest } from '../blueprint/suggest.js';
import { CwError } from '../errors.js';
import { packageVersion } from '../system/version.js';
import type { Command, Context, OptionSpec, Outcome, Verb } from './command.js';
import { describeVerb, type ProgramData } from './completing.js';
import type { Program } from './main.js';
import { fold, glossary, styler } from './output.js';
import { globalOptions, type ParsedLine, placeWords } from './parse.js';

/**
 * The thorough reader: builds yargs from the same data that the quick one reads, for the help, and to say what is
 * wrong with a line and what was probably meant.
 */

/** The words of a line, `cw kill [NAME...]`. */
function synopsis(command: Command): string {
  const words = (command.positionals ?? []).map(({ name, required, variadic }) => {
    const word = name.toUpperCase() + (variadic ? '...' : '');
    return required ? word : `[${word}]`;
  });
  const dashes = command.keepsAfterDashes ? ['[-- WORD...]'] : [];
  return ['cw', command.name, ...words, '[options]', ...dashes].join(' ');
}

function knownOptions(command: Command): Readonly<Record<string, OptionSpec>> {
  return { ...command.options, ...globalOptions };
}

/** yargs with nothing of its own: no text is made into numbers, nothing is taken from the environment. */
function bareYargs() {
  return yargs([])
    .scriptName('cw')
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new Error(message);
    })
    .detectLocale(false)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
      'strip-aliased': true,
    });
}

/** `cw VERB --help`, for a terminal of this width. */
export async function helpText(command: Command, context: Pick<Context, 'terminal'>): Promise<string> {
  const { color, columns } = context.terminal;
  const lineWidth = Math.min(columns, 100);
  const words = (command.positionals ?? []).map(
    ({ name, describe }) => [name.toUpperCase(), describe] as const,
  );
  const head = [
    styler(color)('bold', synopsis(command)),
    [command.summary, command.description].flatMap((text) => (text ? fold(text, lineWidth) : [])).join('\n'),
    ...(words.length > 0 ? [`Words:\n${glossary(words, lineWidth)}`] : []),
  ];
  const parser = bareYargs().wrap(lineWidth);
  for (const [name, { describe, short, value, type, multiple }] of Object.entries(knownOptions(command))) {
    // This parser only prints: a name with its value's name in it is how yargs can be made to show that.
    const shown = type === 'string' ? `${name} ${value ?? 'TEXT'}` : name;
    parser.option(shown, {
      describe: multiple ? `${describe} Can be given more than once.` : describe,
      ...(short ? { alias: short } : {}),
    });
  }
  const examples = `Examples:\n${exampleLines(command, lineWidth).join('\n')}`;
  return [...head, await parser.getHelp(), examples].join('\n\n');
}

/** Each with what it does beside it; below it where a line is too long for that, since it is there to be copied. */
function exampleLines({ examples }: Command, lineWidth: number): string[] {
  const beside = examples.map(({ line, does }) => [line, does] as const);
  const isNarrow = examples.some(({ line }) => line.length > lineWidth / 2);
  if (!isNarrow) return [glossary(beside, lineWidth)];
  return beside.flatMap(([line, does]) => [
    `  ${line}`,
    ...fold(does, lineWidth - 6).map((text) => `      ${text}`),
  ]);
}

export type Reading = { readonly line: ParsedLine } | { readonly outcome: Outcome };

/**
 * Reads a line that the quick reader did not take.
 *
 * @throws CwError `usage` that names the word that is wrong and the nearest right one.
 */
export async function readThoroughly(
  command: Command,
  words: readonly string[],
  context: Pick<Context, 'terminal'>,
): Promise<Reading> {
  const dashes = words.indexOf('--');
  const before = dashes < 0 ? words : words.slice(0, dashes);
  if (before.includes('--help') || before.includes('-h')) {
    const text = await helpText(command, context);
    return { outcome: { text, data: { help: text } } };
  }
  return { line: await parseThoroughly(command, words) };
}

function parserOf(command: Command) {
  const parser = bareYargs();
  for (const [name, { type, short }] of Object.entries(knownOptions(command))) {
    parser.option(name, {
      type,
      ...(short ? { alias: short } : {}),
      // Without it yargs takes the word `true` after a flag for its value.
      nargs: type === 'string' ? 1 : 0,
    });
  }
  return parser;
}

/** yargs' reading of a line, in the form of the quick reader's. */
export async function parseThoroughly(command: Command, words: readonly string[]): Promise<ParsedLine> {
  const hint = `${synopsis(command)}\nMore: cw ${command.name} --help`;
  const wrong = (message: string, first?: string) =>
    new CwError('usage', `cw ${command.name}: ${message}`, { hint: first ? `${first}\n${hint}` : hint });
  const known = knownOptions(command);

  let parsed: Record<string, unknown>;
  try {
    parsed = await parserOf(command).parseAsync([...words]);
  } catch (error) {
    const { message } = error as Error;
    const bare = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
    if (bare) throw wrong(`${dashed(bare)} needs a value.`);
    const full = /^Argument unexpected for: (.*)$/.exec(message)?.[1];
    throw wrong(full ? `${dashed(full)} takes no value.` : message);
  }
  const { _: free, $0: _script, '--': afterDashes = [], ...values } = parsed;

  const options: Record<string, string | boolean | string[]> = {};
  for (const [name, value] of Object.entries(values)) {
    const option = known[name];
    if (!option) {
      const near = nearest(name, Object.keys(known));
      throw wrong(
        `there is no option ${asTyped(name, words)}.`,
        near ? `Did you mean ${dashed(near)}?` : undefined,
      );
    }
    if (value === undefined || name === 'help') continue;
    const list = [value].flat() as (string | boolean)[];
    const last = list.at(-1)!;
    options[name] = option.multiple ? (list as string[]) : last;
  }
  const placed = placeWords(command, (free as unknown[]).map(String), afterDashes as string[]);
  if ('missing' in placed) throw wrong(`${placed.missing.toUpperCase()} is missing.`);
  if ('extra' in placed) throw wrong(`"${placed.extra}" is one word too many.`);
  const { json, ...others } = options;
  return { args: { ...placed, options: others }, json: json === true };
}

/** yargs tells `-x` from `--x` no more. */
function asTyped(name: string, words: readonly string[]): string {
  return words.find((word) => word === `--${name}` || word.startsWith(`--${name}=`))
    ? `--${name}`
    : dashed(name);
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** `cw`, `cw help [VERB]`, `cw --help`, `cw --version`, and options where a verb should stand. */
export async function answerWithoutVerb(
  program: Program,
  words: readonly string[],
  context: Context,
): Promise<Outcome> {
  const [first, ...rest] = words.filter((word) => word !== '--json');
  if (first === '--version') {
    const version = packageVersion();
    return { text: version, data: { version } };
  }
  if (first === undefined || first === '--help' || first === '-h') return overview(program, context);
  if (first !== 'help') {
    const near = nearest(first, ['--help', '--version', '--json']);
    throw new CwError('usage', `cw has no option ${first}.`, {
      hint: `${near ? `Did you mean ${near}? ` : ''}Options of a command follow it: cw VERB ${first}`,
    });
  }
  const [word, sub] = rest;
  if (word === undefined) return overview(program, context);
  const load = program.verbs[program.aliases[word] ?? word];
  if (!load) throw unknownVerb(program, word);
  const { verb } = await load();
  if (!('subcommands' in verb)) {
    const text = await helpText(verb, context);
    return { text, data: { help: text } };
  }
  if (sub === undefined) return subcommandsOf(verb, context);
  const command = verb.subcommands[sub];
  if (!command) throw unknownSubcommand(verb, sub);
  const text = await helpText(command, context);
  return { text, data: { help: text } };
}

/** `cw VERB` where VERB wants a second word: the list of them for `--help` and as an answer to no word. */
export async function answerWithoutSubcommand(
  _program: Program,
  verb: Extract<Verb, { subcommands: unknown }>,
  words: readonly string[],
  context: Context,
): Promise<Outcome> {
  const [word] = words.filter((one) => one !== '--json');
  if (word === '--help' || word === '-h') return subcommandsOf(verb, context);
  throw unknownSubcommand(verb, word);
}

function subcommandsOf(verb: Extract<Verb, { subcommands: unknown }>, context: Context): Outcome {
  const rows = Object.values(verb.subcommands).map(
    (command) => [`cw ${command.name}`, command.summary] as const,
  );
  const text = `${verb.summary}\n\n${glossary(rows, Math.min(context.terminal.columns, 100))}\n\nMore: cw ${verb.name} WORD --help`;
  return { text, data: { help: text } };
}

function unknownSubcommand(verb: Extract<Verb, { subcommands: unknown }>, word: string | undefined): CwError {
  const names = Object.keys(verb.subcommands);
  const choice = `cw ${verb.name} ${names.join('|')}`;
  if (word === undefined)
    return new CwError('usage', `cw ${verb.name} needs one more word.`, { hint: choice });
  const near = nearest(word, names);
  return new CwError('usage', `cw ${verb.name} has no "${word}".`, {
    hint: `${near ? `Did you mean cw ${verb.name} ${near}?\n` : ''}${choice}`,
  });
}

/** What to say of a first word that is no verb, when it looks like one; null when it does not. */
export function misspeltVerb(program: Program, word: string): CwError | null {
  if (!/^[a-z][a-z-]*$/i.test(word)) return null;
  const near = nearest(word, [...Object.keys(program.verbs), ...Object.keys(program.aliases)]);
  if (near === null) return null;
  return new CwError('usage', `There is no command and no project "${word}".`, {
    hint: `Did you mean cw ${near}?\nAll commands: cw help`,
  });
}

/** A first word that is no verb and nothing else. */
export function unknownVerb(program: Program, word: string): CwError {
  return (
    misspeltVerb(program, word) ??
    new CwError('usage', `There is no command "${word}".`, { hint: 'All commands: cw help' })
  );
}

/** All verbs with a line each. */
async function overview(program: Program, context: Context): Promise<Outcome> {
  const style = styler(context.terminal.color);
  const commands = await Promise.all(
    Object.values(program.verbs).map(async (load) => describeVerb((await load()).verb)),
  );
  const summaries = new Map(commands.map(({ name, summary }) => [name, summary]));
  const widest = Math.max(...[...summaries.keys()].map((name) => name.length));
  const lineWidth = Math.min(context.terminal.columns, 100);
  const sections = program.groups.flatMap(({ title, verbs }) => {
    const rows = verbs
      .filter((name) => summaries.has(name))
      .map((name) => [`cw ${name.padEnd(widest)}`, summaries.get(name)!] as const);
    return rows.length > 0 ? [`${style('bold', title)}\n${glossary(rows, lineWidth)}`] : [];
  });
  const text = [
    'cw keeps your Claude Code workspaces: one tmux session for each project.',
    ...sections,
    'cw PATH or cw PROJECT opens it; claude-switch NAME hops to it. More: cw help VERB',
  ].join('\n\n');
  const data: ProgramData = { version: packageVersion(), commands, aliases: program.aliases };
  return { text, data };
}
