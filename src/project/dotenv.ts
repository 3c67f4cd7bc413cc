/**
 * Reads `.env.claude`. Dotenv's rules, by a parser of our own: `util.parseEnv` tells neither which line is wrong nor
 * reads `NAME value`, and editing a file needs to know which lines belong to a variable. Nothing is ever executed or
 * expanded: `$HOME` and `$(date)` stay as they are written.
 *
 * - `NAME=value`, `export NAME=value`, and `NAME value` with white space in place of `=`;
 * - a value in '...' or `...` is taken as it is; in "..." `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are read; all three may
 *   go over several lines;
 * - a bare value ends at the line's end, or at ` #`; white space around it is not part of it;
 * - empty lines and lines that begin with `#` are passed over. Of a name given twice the last one holds.
 */

export interface DotenvEntry {
  readonly name: string;
  readonly value: string;
  /** Lines in the file, from 1; a value in quotes can go over several. */
  readonly line: number;
  readonly lastLine: number;
}

export interface DotenvProblem {
  readonly line: number;
  readonly message: string;
}

export interface Dotenv {
  /** In the file's order. */
  readonly entries: readonly DotenvEntry[];
  /** Lines that could not be read; the others hold all the same. */
  readonly problems: readonly DotenvProblem[];
}

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)(?:[ \t]*=[ \t]*|[ \t]+(?=[^\s#]))/;
const bareExport = /^[ \t]*export[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]*(#.*)?$/;

/** Reads the text of a dotenv file. Never throws: what cannot be read is in `problems`, with its line. */
export function parseDotenv(text: string): Dotenv {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  const entries: DotenvEntry[] = [];
  const problems: DotenvProblem[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    // `export NAME` alone hands on what the shell already has: there is nothing to set.
    if (/^[ \t]*(#|$)/.test(line) || bareExport.test(line)) continue;
    const match = assignment.exec(line);
    if (!match) {
      problems.push({ line: at + 1, message: whyNot(line) });
      continue;
    }
    const value = readValue(lines, at, match[0].length);
    if (typeof value === 'string') {
      problems.push({ line: at + 1, message: `${match[1]}: ${value}` });
    } else if (value.text.includes('\0')) {
      problems.push({ line: at + 1, message: `${match[1]}: a NUL byte, which no variable can hold` });
    } else {
      entries.push({ name: match[1]!, value: value.text, line: at + 1, lastLine: value.lastLine + 1 });
    }
    if (typeof value !== 'string') at = value.lastLine;
  }
  return { entries, problems };
}

/** A line for a dotenv file that `parseDotenv` reads back as this value. */
export function printDotenv(name: string, value: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]*$/.test(value)) return `${name}=${value}`;
  // A line break is written as \n: the entry stays on one line, which other tools read too.
  if (!value.includes("'") && !/[\n\r]/.test(value)) return `${name}='${value}'`;
  const quoted = value
    .replace(/[\\"$]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `${name}="${quoted}"`;
}

/** The value from a column of a line on, with the last line that it takes; or what is wrong with it. */
function readValue(
  lines: readonly string[],
  start: number,
  column: number,
): { text: string; lastLine: number } | string {
  const first = lines[start]!.slice(column);
  const quote = first[0];
  if (quote !== '"' && quote !== "'" && quote !== '`') {
    // A comment needs white space before it: `#` is part of many passwords and colours.
    const bare = first.startsWith('#') ? '' : first.replace(/[ \t]#.*$/s, '');
    return { text: bare.trim(), lastLine: start };
  }
  let text = '';
  let rest = first.slice(1);
  for (let at = start; ; ) {
    const end = closing(rest, quote);
    if (end >= 0) {
      const after = rest.slice(end + 1);
      if (!/^[ \t]*(#.*)?$/s.test(after)) return `there is text after the closing ${quote}`;
      text += rest.slice(0, end);
      return { text: quote === '"' ? readEscapes(text) : text, lastLine: at };
    }
    at += 1;
    if (at >= lines.length) return `the ${quote} is never closed`;
    text += `${rest}\n`;
    rest = lines[at]!;
  }
}

function closing(text: string, quote: string): number {
  if (quote !== '"') return text.indexOf(quote);
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function readEscapes(text: string): string {
  const known: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };
  return text.replace(/\\(.)/g, (whole, character: string) => known[character] ?? whole);
}

// The line itself is not shown: it may be a part of a secret.
function whyNot(line: string): string {
  const name = /^[ \t]*(?:export[ \t]+)?([^\s=]{1,40})[ \t]*=/.exec(line)?.[1];
  if (name === undefined) return 'it is neither NAME=value nor NAME value';
  return `"${printable(name)}" is not a variable's name: letters, digits and _, no digit first`;
}

function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}
