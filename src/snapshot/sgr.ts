/**
 * Colours of captured text. tmux prints them as changes from one line to the next; here each line is made to stand
 * alone, so that lines of several captures can be put together, cut off and shared.
 */

const sequence = /\x1b\[([0-9;:]*)m/g;

/** What is on: one code of each kind, by kind. */
type State = Map<string, string>;

/** Lines in which colours carry over from one to the next, as lines that begin and end without any. */
export function standAlone(lines: readonly string[]): string[] {
  const state: State = new Map();
  return lines.map((line) => {
    const before = codes(state);
    for (const match of line.matchAll(sequence)) apply(state, match[1] ?? '');
    if (before === '' && state.size === 0) return line;
    return `${before}${line}${state.size > 0 ? '\x1b[0m' : ''}`;
  });
}

/** The text without its colours. */
export function plain(line: string): string {
  return line.replace(sequence, '');
}

function codes(state: State): string {
  return state.size === 0 ? '' : `\x1b[${[...state.values()].join(';')}m`;
}

function apply(state: State, text: string): void {
  const words = text.split(';');
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const number = Number.parseInt(word || '0', 10);
    if (number === 0) state.clear();
    else if (number === 38 || number === 48 || number === 58) {
      // 38;5;N, 38;2;R;G;B, or all in one word with colons.
      const more = word.includes(':') ? 0 : words[at + 1] === '5' ? 2 : words[at + 1] === '2' ? 4 : 0;
      state.set(String(number), words.slice(at, at + more + 1).join(';'));
      at += more;
    } else if (number === 39 || number === 49 || number === 59) state.delete(String(number - 1));
    else if ((number >= 30 && number <= 37) || (number >= 90 && number <= 97)) state.set('38', word);
    else if ((number >= 40 && number <= 47) || (number >= 100 && number <= 107)) state.set('48', word);
    else if (number >= 1 && number <= 9) state.set(`attribute ${number}`, word);
    else if (number === 53) state.set('attribute 53', word);
    else for (const attribute of undone[number] ?? []) state.delete(`attribute ${attribute}`);
  }
}

/** The attributes that a code ends. */
const undone: Readonly<Record<number, readonly number[]>> = {
  21: [1],
  22: [1, 2],
  23: [3],
  24: [4],
  25: [5, 6],
  27: [7],
  28: [8],
  29: [9],
  55: [53],
};
