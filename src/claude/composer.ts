/** What stands in the composer of Claude Code, by the screen of its pane. */

/** What a screen shows of the composer. */
export type Composer =
  /** There is none: a dialog, a menu, or no Claude Code at all. */
  | { readonly kind: 'none' }
  | { readonly kind: 'empty' }
  /** Text that the user has typed and not submitted; its first line. */
  | { readonly kind: 'draft'; readonly text: string };

interface Cell {
  readonly text: string;
  readonly dim: boolean;
  readonly inverse: boolean;
}

/** The prompt sign is followed by a no-break space, by which it is told from the choices of a dialog. */
const sign = '❯\u00a0';

/**
 * Reads the composer from a pane's screen with its colours (`capture-pane -p -e`). A placeholder is dim, but for its first letter,
 * where the cursor stands in inverse.
 */
export function readComposer(screen: string): Composer {
  const line = screen
    .split('\n')
    .map(cellsOf)
    .findLast((cells) => /^[\s│|]*❯\u00a0/.test(textOf(cells)));
  if (!line) return { kind: 'none' };
  const from = textOf(line).indexOf(sign) + sign.length;
  const after = line.slice(from);
  const typed = after
    .filter((cell, at) => !cell.dim && !(cell.inverse && isCursor(after, at)))
    .map(({ text }) => text)
    .join('')
    .replace(/[\s│|]+$/, '')
    .replace(/^\s+/, '');
  return typed === '' ? { kind: 'empty' } : { kind: 'draft', text: typed };
}

/** The cursor on a placeholder: the first character, with dim text right behind it. */
function isCursor(typed: readonly Cell[], at: number): boolean {
  return at === 0 && typed[1]?.dim === true;
}

function textOf(cells: readonly Cell[]): string {
  return cells.map(({ text }) => text).join('');
}

/** The characters of a line with what of their style counts, in UTF-16 units. */
function cellsOf(line: string): Cell[] {
  const cells: Cell[] = [];
  let dim = false;
  let inverse = false;
  const token =
    /\x1b\[([0-9;:]*)m|\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()].|.)|([\s\S])/g;
  for (const [, style, text] of line.matchAll(token)) {
    if (text !== undefined) cells.push({ text, dim, inverse });
    if (style === undefined) continue;
    const codes = style.split(';');
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at];
      // A colour's own numbers are no styles: 38;5;2 is no dim.
      if (code === '38' || code === '48' || code === '58') at += codes[at + 1] === '5' ? 2 : 4;
      else if (code === '' || code === '0') dim = inverse = false;
      else if (code === '2') dim = true;
      else if (code === '22') dim = false;
      else if (code === '7') inverse = true;
      else if (code === '27') inverse = false;
    }
  }
  return cells;
}
