import { quoteWord } from '../blueprint/fill.js';

/** A word of a command line. */
export interface Word {
  /** Without its quotes. */
  readonly text: string;
  /**
   * How many words the shell makes of it: `itself`, `one` that is not known (`"$x"`), or any number (`$x`, `*.ts`).
   */
  readonly expands: 'itself' | 'one' | 'many';
}

/**
 * The simple commands in a command line of a shell, as far as they can be told without being the shell: parted at
 * `;`, `&`, `|`, newlines and parentheses, without assignments before them, redirections, and words that only lead
 * a command in (`exec`, `then`, `sudo` is none).
 */
export function simpleCommands(line: string): Word[][] {
  const commands: Word[][] = [];
  let words: Word[] = [];
  const finish = () => {
    const command = withoutLead(words);
    if (command.length > 0) commands.push(command);
    words = [];
  };
  const token =
    /[ \t]+|(#[^\n]*)|(\d*(?:>>|>\||<<<|[<>]&?)[ \t]*(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s;&|()<>])*)|([;&|()\n]+)|((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\[\s\S]|\$\([^()]*\)|\$\{[^}]*\}|[^\s;&|()<>'"\\])+)|([\s\S])/gy;
  for (const [, , redirection, operator, word, other] of line.matchAll(token)) {
    if (operator !== undefined) finish();
    else if (word !== undefined) words.push(wordOf(word));
    else if (other !== undefined && redirection === undefined) words.push({ text: other, expands: 'many' });
  }
  finish();
  return commands;
}

function wordOf(raw: string): Word {
  let expands: Word['expands'] = 'itself';
  const text = raw.replace(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\([\s\S])|([^'"\\]+)/g,
    (_, single?: string, double?: string, escaped?: string, bare?: string) => {
      if (single !== undefined) return single;
      if (escaped !== undefined) return escaped === '\n' ? '' : escaped;
      if (double !== undefined) {
        if (/(?<!\\)[$`]/.test(double) && expands === 'itself') expands = 'one';
        return double.replace(/\\([$`"\\])/g, '$1');
      }
      if (/[$`*?[{~]/.test(bare ?? '')) expands = 'many';
      return bare ?? '';
    },
  );
  return { text, expands };
}

const leading = new Set(
  '{ } ! if then elif else fi do done while until time exec command builtin nohup noglob nocorrect and or not begin'.split(
    ' ',
  ),
);

function withoutLead(words: readonly Word[]): Word[] {
  let at = 0;
  for (;;) {
    const word = words[at];
    if (!word) return [];
    const isAssignment = /^[A-Za-z_]\w*\+?=/.test(word.text);
    const isEnv = word.text === 'env' && words[at + 1] !== undefined;
    if (!isAssignment && !isEnv && !(leading.has(word.text) && word.expands === 'itself')) break;
    at += 1;
  }
  return words.slice(at);
}

/** Words that a shell does itself: no program of that name has to exist. */
export const builtins: ReadonlySet<string> = new Set(
  (
    '. : [ [[ alias bg bind break case cd continue declare dirs disown echo eval exit export false fc fg for ' +
    'function getopts hash help history jobs kill let local popd printf pushd pwd read readonly return select set ' +
    'shift shopt source string suspend test times trap true type typeset ulimit umask unalias unset wait'
  ).split(' '),
);

/**
 * Control characters, ones that turn the direction of text around, and what stands for bytes that were no text: they
 * are never typed, and nothing that holds them starts by itself.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/u;

export function isPrintable(text: string): boolean {
  return !unprintable.test(text);
}

/**
 * The words as a line that each of sh, bash, zsh and fish takes for exactly these words.
 *
 * A first word that the shell would take for its own language or for an assignment is quoted, as are words that zsh
 * (`=ls`) or an old fish (`%self`) expand.
 */
export function commandLine(argv: readonly string[]): string {
  return argv
    .map((word, at) => {
      const quoted = quoteWord(word);
      const special = at === 0 ? /[=]|^[-%@]/.test(word) || isKeyword(word) : /^[=%]/.test(word);
      return special && quoted === word ? `'${word}'` : quoted;
    })
    .join(' ');
}

function isKeyword(word: string): boolean {
  return leading.has(word) || builtins.has(word) || keywords.has(word);
}

const keywords = new Set('in esac coproc foreach repeat end switch'.split(' '));

/** Text for people: what is not printable as an escape. */
export function shown(argv: readonly string[]): string {
  const line = argv.map((word) =>
    isPrintable(word) ? commandLine(['x', word]).slice(2) : JSON.stringify(word),
  );
  return line
    .join(' ')
    .replace(
      new RegExp(unprintable, 'gu'),
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}
