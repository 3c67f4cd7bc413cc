const letters: Record<string, string> = {
  '\\': '\\',
  $: '$',
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
};

/**
 * The text that tmux shows as `shown` when it is given as the name of a window or a session. tmux stores names
 * with backslashes and control characters escaped (vis(3): `\` as `\\`, TAB as `\t`, 0x01 as `\001`), and escapes
 * again what it is given: a name that was read must be unescaped before it is set.
 */
export function unvis(shown: string): string {
  return shown.replace(/\\([\\$abtnvfr]|00[1-7]|0[1-3][0-7]|177)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : letters[code]!,
  );
}
