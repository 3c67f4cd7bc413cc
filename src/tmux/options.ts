import type { Variable } from '../blueprint/model.js';
import { undoPrinted, unvis } from './escapes.js';

/**
 * The options in the output of `show-options` (without `-v`), by name; arrays by `name[index]`. Each is one line,
 * whatever its value holds: tmux quotes and escapes it (`args_escape`).
 *
 * @param version of the server, as major * 100 + minor.
 */
export function parseOptions(output: string, version: number): Record<string, string> {
  const options: Record<string, string> = {};
  for (const line of output.split('\n')) {
    if (line === '') continue;
    const space = line.indexOf(' ');
    // An array without items is a name alone.
    if (space < 0) continue;
    options[line.slice(0, space)] = unquoteValue(printedValue(line.slice(space + 1), version));
  }
  return options;
}

// 3.4 and 3.5 put one more backslash before a `$` that begins a name. Control characters are escaped already.
function printedValue(text: string, version: number): string {
  return version === 304 || version === 305 ? text.replace(/\\\$(?=[A-Za-z_{])/g, '$') : text;
}

/** The value that `args_escape` of tmux wrote: bare, in single or in double quotes, with vis escapes in all three. */
export function unquoteValue(text: string): string {
  const quote = text[0];
  const quoted = text.length >= 2 && (quote === '"' || quote === "'") && text.endsWith(quote);
  // What is not a string option is printed as it is; a lone backslash there is a key's name.
  return unvis(Buffer.from(quoted ? text.slice(1, -1) : text)).toString();
}

// NAME="value"; export NAME;   or   unset NAME;   The value holds raw newlines, and `$ " \` and a backquote escaped.
const variable = /([^=]+)="((?:[^"\\]|\\[\s\S])*)"; export \1;\n|unset ([^;]+);\n/y;

/**
 * The variables in the output of `show-environment -s`. `value: null` is one that tmux takes out of the environment
 * of new panes.
 *
 * @param hidden true for the output of `show-environment -hs`.
 * @throws Error for output of another shape.
 */
export function parseEnvironment(output: string, version: number, hidden = false): Variable[] {
  const text = undoPrinted(output, version);
  const variables: Variable[] = [];
  variable.lastIndex = 0;
  while (variable.lastIndex < text.length) {
    const at = variable.lastIndex;
    const found = variable.exec(text);
    if (!found)
      throw new Error(`not the output of show-environment -s: ${JSON.stringify(text.slice(at, at + 200))}`);
    const [, name, value, removed] = found;
    if (removed !== undefined) variables.push({ name: removed, value: null, hidden });
    else variables.push({ name: name ?? '', value: (value ?? '').replace(/\\([\s\S])/g, '$1'), hidden });
  }
  return variables;
}
