import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';

/** What a word of the line names, for the completion of shells. */
export type WordKind =
  | 'workspace'
  | 'project'
  | 'template'
  | 'snapshot'
  | 'host'
  | 'setting'
  | 'file'
  | 'folder';

/** A command is data: the one wrapper (`cli/main.ts`) parses, runs, prints and reports for all of them. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** May be given more than once; the value is then an array. */
  readonly multiple?: boolean;
  readonly describe: string;
  /** What its value names. */
  readonly completes?: WordKind;
  /** What stands for the value in the help: `--at TIME`. */
  readonly value?: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly describe: string;
  readonly completes?: WordKind;
  readonly required?: boolean;
  /** Takes all that follow; only the last one may. */
  readonly variadic?: boolean;
}

export interface Example {
  /** The whole line, as typed in a shell. A test runs it. */
  readonly line: string;
  readonly does: string;
  /** Exit code that the test expects; 0 when not given. */
  readonly exit?: number;
  /** It runs until it is ended: the test does not run it. */
  readonly endless?: true;
}

export interface Args {
  readonly positionals: Readonly<Record<string, string | undefined>>;
  /** The values of a variadic positional. */
  readonly rest: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** What followed `--`. */
  readonly afterDashes: readonly string[];
}

/** What a command hands back. The wrapper prints `data` under `--json`, else `text`. */
export interface Outcome {
  /** The one JSON document of `--json`. */
  readonly data?: unknown;
  /** For people, without the final newline. */
  readonly text?: string;
  /** One of `exitCodes`, when it is not 0. */
  readonly exit?: number;
  /** Hand the terminal over to this tmux client: the arguments after `tmux`. */
  readonly attach?: readonly string[];
  /** Hand it over to any other program: its words. It has our whole environment. */
  readonly become?: readonly string[];
}

export interface Terminal {
  /** Standard input and output are terminals: questions can be asked, tmux can be attached. */
  readonly interactive: boolean;
  /** Cells; 80x24 when there is no terminal. */
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly json: boolean;
  /** A line of progress or a remark, on standard error. */
  note(text: string): void;
  /** A yes-or-no question on the terminal; Enter alone is `preset`, a no when not given. Only where `terminal.interactive`. */
  ask(question: string, preset?: boolean): Promise<boolean>;
  settings(): Settings;
  /** The connection to the tmux server that the environment picks. */
  tmux(): Connection;
}

export interface Command {
  /** With its verb: `list`, `template show`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** More, for `--help`. */
  readonly description?: string;
  readonly positionals?: readonly PositionalSpec[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly Example[];
  /** What follows `--` is not for the positionals but only in `args.afterDashes` (a command line to run, say). */
  readonly keepsAfterDashes?: boolean;
  run(args: Args, context: Context): Promise<Outcome>;
}

/** What a file in `cli/commands` exports as `verb`: one command, or several behind one word. */
export type Verb =
  | Command
  | {
      readonly name: string;
      readonly summary: string;
      readonly subcommands: Readonly<Record<string, Command>>;
    };
