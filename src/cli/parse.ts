import { parseArgs } from 'node:util';
import type { Args, Command } from './command.js';

/** A line as its command takes it. */
export interface ParsedLine {
  readonly args: Args;
  readonly json: boolean;
}

/** Options that every command has. */
export const globalOptions = {
  json: { type: 'boolean', describe: 'Print one JSON document.' },
  help: { type: 'boolean', short: 'h', describe: 'Show this help.' },
} as const;

/**
 * The quick reader of a well-formed line, from the command's own data and with nothing loaded. Whatever it does not
 * understand, and `--help`, is left to the thorough reader in `usage.ts`, which explains it.
 *
 * @returns null for a line that is not well-formed, or asks for help.
 */
export function parseLine(command: Command, words: readonly string[]): ParsedLine | null {
  try {
    const { values, tokens } = parseArgs({
      args: [...words],
      options: { ...optionsOf(command), ...globalOptions },
      allowPositionals: true,
      strict: true,
      tokens: true,
    });
    if (values.help) return null;
    const dashes = tokens.find((token) => token.kind === 'option-terminator')?.index ?? words.length;
    const before = tokens.flatMap((token) =>
      token.kind === 'positional' && token.index < dashes ? [token.value] : [],
    );
    const { json, help: _help, ...options } = values;
    const placed = placeWords(command, before, words.slice(dashes + 1));
    if ('missing' in placed || 'extra' in placed) return null;
    return { args: { ...placed, options }, json: json === true };
  } catch {
    return null; // not well-formed; what exactly is wrong is for the thorough reader to say
  }
}

function optionsOf(command: Command) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {};
  for (const [name, { type, short, multiple }] of Object.entries(command.options ?? {})) {
    options[name] = { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) };
  }
  return options;
}

type Placed = Pick<Args, 'positionals' | 'rest' | 'afterDashes'>;

/**
 * Gives the words of a line to the command's positionals. What follows `--` counts as words too, so that a name
 * that begins with a dash can be given; a command that wants them apart finds them in `afterDashes` as well.
 */
export function placeWords(
  command: Command,
  before: readonly string[],
  afterDashes: readonly string[],
): Placed | { readonly missing: string } | { readonly extra: string } {
  const words = command.keepsAfterDashes ? before : [...before, ...afterDashes];
  const positionals: Record<string, string> = {};
  let rest: readonly string[] = [];
  let used = 0;
  for (const { name, required, variadic } of command.positionals ?? []) {
    const word = words[used];
    if (word === undefined && required) return { missing: name };
    if (variadic) {
      rest = words.slice(used);
      used = words.length;
    } else if (word !== undefined) {
      positionals[name] = word;
      used++;
    }
  }
  const extra = words[used];
  return extra === undefined ? { positionals, rest, afterDashes } : { extra };
}
