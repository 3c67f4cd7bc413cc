/**
 * The line that runs `cw` on the far side. sshd gives it to the account's login shell, whichever that is: it is
 * written so that sh, bash, zsh, fish and csh read the same from it.
 */

// zsh finds a program for `=ls`, and an old fish a process for `%1`, where they begin a word.
const harmless = /^(?![=%])[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * A word for any of these shells. Single quotes hold all but four things: a quote; a backslash, which fish takes for
 * an escape in them; `!`, which csh expands in them; and a newline, which csh cannot have there (it must not be given
 * one). Outside of quotes a backslash takes the meaning of each of the first three in all of them.
 */
export function quoteForAnyShell(word: string): string {
  if (harmless.test(word)) return word;
  if (word === '') return "''";
  return word.replace(/['\\!]|[^'\\!]+/g, (part) => (/^['\\!]$/.test(part) ? `\\${part}` : `'${part}'`));
}

// These scripts of sh are themselves words of the line. They hold no quote, backslash, `!` or newline, so that every
// shell takes them in one pair of single quotes.

/**
 * Looks for cw and what it needs where the account's own shell would find them: npm's folder, Homebrew's or nvm's are
 * often put on the PATH by start files that sshd's shell does not read. What those print is not let through, and they
 * get nothing of our input. `tail`: the PATH is what such a shell says last.
 */
const search =
  'for how in "" -lc -lic; do ' +
  'if [ -n "$how" ]; then ' +
  'path=$("${SHELL:-/bin/sh}" "$how" "printenv PATH" </dev/null 2>/dev/null | tail -n 1); ' +
  'case $path in /*) PATH=$path:$PATH; export PATH;; esac; fi; ' +
  'if command -v cw >/dev/null && command -v node >/dev/null && command -v tmux >/dev/null; then break; fi; done; ';

const answering =
  `${search}mark=$1; shift; echo; ` +
  'command -v cw >/dev/null || { echo "$mark" -; exit 127; }; ' +
  'echo "$mark" $(cw --version 2>/dev/null); exec "$@"';

// A terminal that the far side has no description of is nearly always one that can do what an xterm does.
const attaching =
  `${search}command -v cw >/dev/null || { ` +
  'echo "cw is not installed on $(hostname), or not on the PATH of its login shell. Install it there: npm install -g claude-workspaces" >&2; exit 127; }; ' +
  'if command -v infocmp >/dev/null && [ -n "$TERM" ]; then infocmp >/dev/null 2>&1 || { TERM=xterm-256color; export TERM; }; fi; ' +
  'exec "$@"';

/**
 * The line for a program of ours whose output is read: it comes after a line of `mark` and the version of the far cw
 * (`-`: there is none), whatever the start files of the account print.
 */
export function answeringLine(mark: string, words: readonly string[]): string {
  return line([answering, 'sh', mark, ...words]);
}

/** The line for one that gets the terminal. */
export function attachingLine(words: readonly string[]): string {
  return line([attaching, 'sh', ...words]);
}

function line(words: readonly string[]): string {
  return ['exec', 'sh', '-c', ...words.map(quoteForAnyShell)].join(' ');
}

export interface Marked {
  /** null: there is no cw. */
  readonly version: string | null;
  /** What came after the line of the mark. */
  readonly rest: Buffer;
}

/** Finds the line of the mark in what came so far; null: it has not come (whole) yet. */
export function afterMark(output: Buffer, mark: string): Marked | null {
  const at = output.indexOf(`\n${mark} `);
  if (at < 0) return null;
  const end = output.indexOf('\n', at + 1);
  if (end < 0) return null;
  const said = output.toString('utf8', at + mark.length + 2, end).trim();
  return { version: said === '-' ? null : said, rest: output.subarray(end + 1) };
}
