// Control characters, and the marks that turn the direction of writing (UAX 9).
const controls = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Foreign text made harmless and visible on one line: control characters as `\n`, `\t`, `\x1b`, and those that turn
 * the direction of writing as `\u202e`.
 */
export function visible(text: string): string {
  return text.replace(controls, escapeOf);
}

function escapeOf(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (character === '\r') return '\\r';
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** Several lines with our own styles kept, and every other control character made harmless. */
export function harmless(text: string): string {
  return text.replace(/\x1b\[[0-9;]*m|./gsu, (part) =>
    part.length > 1 || part === '\n' || part === '\t' ? part : visible(part),
  );
}

/** The text of JSON, of the same meaning, in which no character acts on a terminal: JSON itself leaves those above ASCII. */
export function harmlessJson(json: string): string {
  return json.replace(controls, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
