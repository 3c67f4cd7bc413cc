import { quoteWord } from './fill.js';

/**
 * The variable by which an nvim that is started in a pane listens on a socket, whatever its words are: a declared
 * `nvim .` stays as it is on the screen, in the history and in `ps`, and one that is started there later listens too.
 * One that finds the socket taken (beside one that was stopped) starts all the same and listens elsewhere.
 */
export const listenVariable = 'NVIM_LISTEN_ADDRESS';

/** How a pane is started so that its command runs inside its shell. */
export interface PaneStart {
  /** The start command as words (two or more, so that tmux runs it without a shell between); none: tmux's default. */
  readonly words: readonly string[];
  /** Given to the pane (`-e`). */
  readonly env: Readonly<Record<string, string>>;
  /** Text to type into the pane, since its shell has no start file of ours; null where there is none. */
  readonly typed: string | null;
}

/**
 * Starts an interactive shell with our start file, which runs the command in `CW_RUN` at the first prompt: job
 * control works, the shell outlives the command, and no keys can be lost while it starts.
 *
 * The variables that make a shell read our file (`ZDOTDIR`, `ENV`) may be the user's as well, and only the pane
 * knows with which value: a `sh` that at once becomes the shell keeps that aside for the start file.
 *
 * @param shell absolute path; null is the server's default shell, `defaultShell`
 * @param run the command; null is the shell alone
 */
export function paneStart(
  shell: string | null,
  run: string | null,
  shellFolder: string,
  defaultShell: string,
): PaneStart {
  if (shell === null && run === null) return { words: [], env: {}, typed: null };
  const program = shell ?? defaultShell;
  const env: Record<string, string> = run === null ? {} : { CW_RUN: run };
  switch (shellKind(program)) {
    case 'bash':
      return { words: [program, '--rcfile', `${shellFolder}/cw.bash`, '-i'], env, typed: null };
    case 'zsh':
      return {
        words: [
          '/bin/sh',
          '-c',
          'CW_ZDOTDIR=${ZDOTDIR-} ZDOTDIR=$1; export CW_ZDOTDIR ZDOTDIR; exec "$0" -il',
          program,
          `${shellFolder}/zsh`,
        ],
        env,
        typed: null,
      };
    case 'fish':
      return {
        words: [program, '-il', '-C', `source ${quoteWord(`${shellFolder}/cw.fish`)}`],
        env,
        typed: null,
      };
    case 'sh':
      return {
        words: [
          '/bin/sh',
          '-c',
          'CW_ENV=${ENV-} ENV=$1; export CW_ENV ENV; exec "$0" -i',
          program,
          `${shellFolder}/cw.sh`,
        ],
        env,
        typed: null,
      };
    default:
      // Its own options are not known. `env` makes two words of it.
      return { words: shell === null ? [] : ['/usr/bin/env', shell], env: {}, typed: run };
  }
}

function shellKind(program: string): 'bash' | 'zsh' | 'fish' | 'sh' | null {
  const name = program.slice(program.lastIndexOf('/') + 1);
  if (name === 'bash' || name === 'zsh' || name === 'fish') return name;
  return ['sh', 'dash', 'ash', 'ksh', 'ksh93', 'mksh', 'oksh', 'loksh'].includes(name) ? 'sh' : null;
}

/** How a pane begins before it becomes its shell: what `cw-start` is told, in its order. */
export interface Beginning {
  /** A file whose text is shown first, and is then removed. */
  readonly textFile?: string | null;
  /** Typed at the first prompt, where it waits for Enter. */
  readonly typed?: string | null;
  /** Seconds, as text. */
  readonly delay?: string;
  /** tmux tells it when the window is laid out. */
  readonly channel?: string | null;
}

/** The words that stand before those of the shell. */
export function beginWords(shellFolder: string, { textFile, typed, delay, channel }: Beginning): string[] {
  return ['/bin/sh', `${shellFolder}/cw-start`, textFile ?? '', typed ?? '', delay ?? '', channel ?? ''];
}
