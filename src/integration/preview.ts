import type { FileChange } from './user-file.js';

/** A change as lines for people: `+` and `-` with two lines around each place. */
export function previewLines(change: FileChange): string[] {
  const before = linesOf(change.file.text);
  const marked = compare(before, linesOf(change.after));
  const near = marked.map((_, at) =>
    marked.slice(Math.max(0, at - 2), at + 3).some(([sign]) => sign !== ' '),
  );
  const shown: string[] = [];
  for (const [at, [sign, line]] of marked.entries()) {
    if (near[at]) shown.push(`${sign} ${line}`);
    else if (near[at - 1]) shown.push('  ...');
  }
  if (shown.at(-1) === '  ...') shown.pop();
  return shown;
}

type Marked = readonly [sign: ' ' | '+' | '-', line: string];

function linesOf(text: string | null): string[] {
  if (text === null || text === '') return [];
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** The lines of both, by their longest common subsequence; only the part that differs is looked at that closely. */
function compare(before: readonly string[], after: readonly string[]): Marked[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail))
    tail += 1;
  const a = before.slice(head, before.length - tail);
  const b = after.slice(head, after.length - tail);
  // common[i][j]: how many lines a from i on and b from j on have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i]![j] =
        a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const same = (line: string): Marked => [' ', line];
  const marked: Marked[] = before.slice(0, head).map(same);
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      marked.push([' ', a[i]!]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      marked.push(['-', a[i]!]);
      i += 1;
    } else {
      marked.push(['+', b[j]!]);
      j += 1;
    }
  }
  return [...marked, ...before.slice(before.length - tail).map(same)];
}
