import { parseDotenv, printDotenv } from './dotenv.js';

/**
 * Gives a variable another value in the text of a dotenv file. Only its own lines change: comments, order and the
 * other variables stay as they are. Of a name given twice the last one holds, so that one is changed; a new one is put
 * at the end.
 */
export function setInDotenv(text: string, name: string, value: string): string {
  const entry = parseDotenv(text).entries.findLast((candidate) => candidate.name === name);
  const line = printDotenv(name, value);
  const end = lineEnd(text);
  if (!entry) return `${text}${text === '' || /[\r\n]$/.test(text) ? '' : end}${line}${end}`;
  const lines = linesOf(text);
  const prefix = /^[ \t]*(?:export[ \t]+)?/.exec(lines[entry.line - 1]!.text)![0];
  return join([
    ...lines.slice(0, entry.line - 1),
    { text: `${prefix}${line}`, end: lines[entry.lastLine - 1]!.end },
    ...lines.slice(entry.lastLine),
  ]);
}

/** Takes a variable out, wherever it is given. The text is the same when it is not there. */
export function unsetInDotenv(text: string, name: string): string {
  const mine = parseDotenv(text).entries.filter((entry) => entry.name === name);
  const lines = linesOf(text);
  return join(lines.filter((_, at) => !mine.some((entry) => at >= entry.line - 1 && at < entry.lastLine)));
}

interface Line {
  readonly text: string;
  /** How it ends: a file may mix line ends, and the last line may have none. */
  readonly end: string;
}

function linesOf(text: string): Line[] {
  return [...text.matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)]
    .map((match) => ({ text: match[1]!, end: match[2]! }))
    .filter((line) => line.text !== '' || line.end !== '');
}

function join(lines: readonly Line[]): string {
  return lines.map((line) => `${line.text}${line.end}`).join('');
}

function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}
