import type { Command, OptionSpec, Verb, WordKind } from './command.js';
import { globalOptions } from './parse.js';

/** What can stand where the cursor is on a line of `cw`, from the commands as data. Pure. */

interface WordData {
  readonly name: string;
  readonly describe: string;
  readonly completes?: WordKind;
}

interface OptionData extends WordData {
  readonly takesValue: boolean;
  readonly short?: string;
}

export interface CommandData {
  readonly summary: string;
  readonly positionals: readonly WordData[];
  /** The last positional takes all that follow. */
  readonly isVariadic: boolean;
  readonly options: readonly OptionData[];
}

export interface VerbData {
  readonly name: string;
  readonly summary: string;
  readonly command?: CommandData;
  readonly subcommands?: Readonly<Record<string, CommandData>>;
}

/** All verbs as data, as `cw --json` prints them: the build keeps that, so that a completion loads no verb. */
export interface ProgramData {
  readonly version: string;
  readonly commands: readonly VerbData[];
  readonly aliases: Readonly<Record<string, string>>;
}

/** The data of one verb. */
export function describeVerb(verb: Verb): VerbData {
  const { name, summary } = verb;
  return 'subcommands' in verb
    ? { name, summary, subcommands: mapped(verb.subcommands) }
    : { name, summary, command: describeCommand(verb) };
}

function mapped(subcommands: Readonly<Record<string, Command>>): Record<string, CommandData> {
  return Object.fromEntries(
    Object.entries(subcommands).map(([word, command]) => [word, describeCommand(command)]),
  );
}

function describeCommand({ summary, positionals = [], options = {} }: Command): CommandData {
  return {
    summary,
    positionals: positionals.map(({ name, describe, completes }) => ({
      name,
      describe,
      ...(completes && { completes }),
    })),
    isVariadic: positionals.at(-1)?.variadic === true,
    options: Object.entries<OptionSpec>({ ...options, ...globalOptions }).map(([name, option]) => ({
      name,
      describe: option.describe,
      takesValue: option.type === 'string',
      ...(option.short && { short: option.short }),
      ...(option.completes && { completes: option.completes }),
    })),
  };
}

export interface Candidate {
  readonly word: string;
  readonly describe: string;
}

/** What is wanted at the cursor: one of these words, or the name of a thing. */
export type Wanted =
  | { readonly words: readonly Candidate[] }
  | {
      readonly kind: WordKind;
      /** The names that stand before on the line, without options. */
      readonly before: readonly string[];
      /** What the word begins with that is no part of the name: `--at=`. */
      readonly prefix: string;
    };

const nothing: Wanted = { words: [] };

/**
 * @param line the words from the program's name (`cw`, `claude-switch`) up to the cursor; the last one is the one that is
 *   being typed, and may be empty.
 */
export function wantedAt(program: ProgramData, line: readonly string[]): Wanted {
  const [name = '', ...typed] = line;
  const words = (/claude-switch$/.test(name) ? ['switch', ...typed] : typed).filter(
    (word, at, all) => word !== '--json' || at === all.length - 1,
  );
  const [first = '', ...rest] = words;
  if (rest.length === 0)
    return first.startsWith('-')
      ? nothing
      : { words: program.commands.map(({ name: word, summary }) => ({ word, describe: summary })) };
  const wanted = program.aliases[first] ?? first;
  const verb = program.commands.find((one) => one.name === wanted);
  if (!verb) return nothing;
  if (verb.command) return wantedOf(verb.command, rest);
  const [sub = '', ...more] = rest;
  if (more.length === 0) return { words: summaries(verb.subcommands ?? {}) };
  const command = verb.subcommands?.[sub];
  return command ? wantedOf(command, more) : nothing;
}

function summaries(entries: Readonly<Record<string, { readonly summary: string }>>): Candidate[] {
  return Object.entries(entries).map(([word, { summary }]) => ({ word, describe: summary }));
}

function wantedOf({ options, positionals, isVariadic }: CommandData, words: readonly string[]): Wanted {
  const before: string[] = [];
  let value: OptionData | undefined;
  let isPlain = false;
  for (const word of words.slice(0, -1)) {
    if (value) value = undefined;
    else if (isPlain || !word.startsWith('-') || word === '-') before.push(word);
    else if (word === '--') isPlain = true;
    else if (!word.includes('='))
      value = options.find((option) => option.takesValue && isNamed(option, word));
  }
  const current = words.at(-1) ?? '';
  if (value) return value.completes ? { kind: value.completes, before, prefix: '' } : nothing;
  if (!isPlain && current.startsWith('-')) {
    const [, name, prefix] = /^(--[^=]+)(=)/.exec(current) ?? [];
    if (!prefix)
      return { words: options.map((option) => ({ word: `--${option.name}`, describe: option.describe })) };
    const option = options.find((one) => `--${one.name}` === name);
    return option?.completes ? { kind: option.completes, before, prefix: `${name}=` } : nothing;
  }
  const positional = positionals[before.length] ?? (isVariadic ? positionals.at(-1) : undefined);
  return positional?.completes ? { kind: positional.completes, before, prefix: '' } : nothing;
}

function isNamed({ name, short }: OptionData, word: string): boolean {
  return word === `--${name}` || (short !== undefined && word === `-${short}`);
}
