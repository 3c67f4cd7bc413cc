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
const dollar = 0x24;

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

const space = 0x20;

/**
 * The text that `#{q:...}` wrote from `from` on, up to the first bare space; with the place of that space. tmux puts
 * a backslash before each space, backslash, `$` and other character that a shell knows, and never before a letter or
 * a digit: so the text ends for certain, and what 3.4 and 3.5 add can be told from what was in it.
 *
 * @param printed true for output of a version that `printsEscaped`.
 * @returns null when no bare space follows.
 */
export function unquote(
  bytes: Buffer,
  from: number,
  printed: boolean,
): { readonly value: Buffer; readonly end: number } | null {
  const first = bytes.indexOf(space, from);
  if (first < 0) return null;
  const plain = bytes.subarray(from, first);
  if (!plain.includes(backslash)) return { value: plain, end: first };
  if (!printed) {
    const end = endOfQuoted(bytes, from, first);
    if (end < 0) return null;
    // By text and not by bytes, which is many times faster for a thing done thousands of times.
    const text = bytes.toString('latin1', from, end).replace(/\\([\s\S])/g, '$1');
    return { value: Buffer.from(text, 'latin1'), end };
  }
  const value: number[] = [];
  for (let at = from; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (byte === space) return { value: Buffer.from(value), end: at };
    if (byte !== backslash) {
      value.push(byte);
      at += 1;
      continue;
    }
    const control = controlAt(bytes, at);
    if (control) {
      value.push(control.byte);
      at += control.size;
    } else if (bytes[at + 1] === backslash && bytes[at + 2] === dollar && beginsName(bytes[at + 3])) {
      // One backslash of #{q:}, and one of the printing; a `$` with none of #{q:} before it there is not.
      value.push(dollar);
      at += 3;
    } else {
      value.push(bytes[at + 1]!);
      at += 2;
    }
  }
  return null;
}

/** The first bare space at or after `space`: one with an even number of backslashes before it; -1 when there is none. */
function endOfQuoted(bytes: Buffer, from: number, firstSpace: number): number {
  for (let end = firstSpace; end >= 0; end = bytes.indexOf(space, end + 1)) {
    let backslashes = 0;
    while (end - backslashes > from && bytes[end - backslashes - 1] === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}

function beginsName(byte: number | undefined): boolean {
  return /[A-Za-z_{]/.test(String.fromCharCode(byte ?? 0));
}

function controlAt(bytes: Uint8Array, at: number): { readonly byte: number; readonly size: number } | null {
  const octal = octalAt(bytes, at + 1);
  if (octal !== null) return { byte: octal, size: 4 };
  const letter = String.fromCharCode(bytes[at + 1] ?? 0);
  return 'abvfr'.includes(letter) ? { byte: letters[letter]!, size: 2 } : null;
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
