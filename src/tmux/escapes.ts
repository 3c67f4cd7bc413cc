/**
 * How tmux writes text that holds more than printable characters: the vis(3) escapes of its `utf8_strvis`. Names
 * of windows are kept that way inside of tmux, and the values of `show-options` are printed that way.
 */

const letters: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  s: 32,
  '0': 0,
};

const backslash = 0x5c;

/** The bytes that vis escapes stand for. A backslash that begins no escape stands for itself. */
export function unvis(bytes: Uint8Array): Buffer {
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    const octal = byte === backslash ? octalAt(bytes, at + 1) : null;
    if (octal !== null) {
      out[length++] = octal;
      at += 4;
    } else if (byte === backslash && at + 1 < bytes.length) {
      const next = bytes[at + 1]!;
      out[length++] = letters[String.fromCharCode(next)] ?? next;
      at += 2;
    } else {
      out[length++] = byte;
      at += 1;
    }
  }
  return out.subarray(0, length);
}

function octalAt(bytes: Uint8Array, at: number): number | null {
  let value = 0;
  for (let digit = 0; digit < 3; digit++) {
    const byte = bytes[at + digit];
    if (byte === undefined || byte < 0x30 || byte > (digit === 0 ? 0x33 : 0x37)) return null;
    value = value * 8 + byte - 0x30;
  }
  return value;
}

/**
 * tmux 3.4 and 3.5 escape what a command prints once more (`server_client_print`): control characters but TAB and
 * newline as `\r` or `\037`, and `$` before a name as `\$`, while a backslash itself stays single.
 */
export function printsEscaped(version: number): boolean {
  return version === 304 || version === 305;
}

/**
 * The text that `#{q:...}` wrote from `from` on, up to the first bare space; with the place of that space. tmux puts
 * a backslash before each space, backslash, `$` and other character that a shell knows, and never before a letter or
 * a digit: so the text ends for certain, and what 3.4 and 3.5 add can be told from what was in it.
 *
 * @param output bytes as a text of one character a byte (latin1), which is many times faster to look through.
 * @param printed true for output of a version that `printsEscaped`.
 * @returns the value in the same form; null when no bare space follows.
 */
export function unquote(
  output: string,
  from: number,
  printed: boolean,
): { readonly value: string; readonly end: number } | null {
  const first = output.indexOf(' ', from);
  if (first < 0) return null;
  const plain = output.slice(from, first);
  if (!plain.includes('\\')) return { value: plain, end: first };
  let value = '';
  // From one backslash to the next: what lies between them is taken as it is.
  for (let at = from; ; ) {
    const space = output.indexOf(' ', at);
    const sign = output.indexOf('\\', at);
    if (space < 0) return null;
    if (sign < 0 || space < sign) return { value: value + output.slice(at, space), end: space };
    value += output.slice(at, sign);
    const { char, size } = escapeAt(output, sign, printed);
    value += char;
    at = sign + size;
  }
}

function escapeAt(
  output: string,
  at: number,
  printed: boolean,
): { readonly char: string; readonly size: number } {
  const next = output.charAt(at + 1);
  if (printed) {
    const octal = /^[0-3][0-7]{2}/.exec(output.slice(at + 1, at + 4));
    if (octal) return { char: String.fromCharCode(Number.parseInt(octal[0], 8)), size: 4 };
    if ('abvfr'.includes(next) && next !== '') return { char: String.fromCharCode(letters[next]!), size: 2 };
    // One backslash of #{q:}, and one of the printing; a `$` with none of #{q:} before it there is not.
    if (/^\\\$[A-Za-z_{]/.test(output.slice(at + 1, at + 4))) return { char: '$', size: 3 };
  }
  return { char: next, size: 2 };
}

/**
 * Output of commands that double each backslash of a value by themselves (`show-options`, `show-environment -s`),
 * without what 3.4 and 3.5 added to it. There no length is needed: a single backslash is never the text's own.
 */
export function undoPrinted(text: string, version: number): string {
  if (!printsEscaped(version)) return text;
  return text
    .replace(/\\\$(?=[A-Za-z_{])/g, '$')
    .replace(/\\(\\|"|\$|`|([0-3][0-7]{2})|([abvfr]))/g, (all, _what, octal, letter) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return letter !== undefined ? String.fromCharCode(letters[letter as string]!) : all;
    });
}
