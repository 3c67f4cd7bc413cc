import type { Command, Context, Outcome, Verb } from '../../src/cli/command.js';
import { parseLine } from '../../src/cli/parse.js';
import { isCwError } from '../../src/errors.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';

export interface Answer {
  /** The exit code that the program would have. */
  readonly kind: string;
  readonly text: string;
  readonly data: unknown;
  readonly notes: readonly string[];
  readonly hint: string;
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** What a user at a terminal answers; none: there is no terminal. */
  readonly answer?: boolean;
}

/** Runs a command in this process, as the program's frame would: its errors come back as the answer. */
export async function runVerb(verb: Verb, words: readonly string[], around: Surroundings): Promise<Answer> {
  const [command, rest]: [Command | undefined, readonly string[]] =
    'subcommands' in verb ? [verb.subcommands[words[0] ?? ''], words.slice(1)] : [verb, words];
  const line = command && parseLine(command, rest);
  if (!line) throw new Error(`not a well-formed line: ${words.join(' ')}`);
  const notes: string[] = [];
  const context: Context = {
    env: around.env,
    cwd: around.cwd,
    json: line.json,
    terminal: { interactive: around.answer !== undefined, columns: 100, rows: 40, color: false },
    note: (text) => void notes.push(text),
    ask: async (question) => {
      notes.push(question);
      return around.answer === true;
    },
    settings: () => ({ ...loadSettings(around.env, () => {}), roots: [] }),
    tmux: () => processConnection(serverAddress(around.env), around.env),
  };
  try {
    const outcome: Outcome = await command.run(line.args, context);
    return { kind: 'done', text: outcome.text ?? '', data: outcome.data, notes, hint: '' };
  } catch (error) {
    if (!isCwError(error)) throw error;
    return { kind: error.kind, text: error.message, data: undefined, notes, hint: error.hint ?? '' };
  }
}
