/**
 * The candidate that `word` was most likely meant to be, for "did you mean": the one with the fewest edits (a
 * letter added, dropped, changed, or two neighbours swapped), or null when none is near. Case does not count.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  // A third of the letters may be wrong; with two wrong letters in a short word anything would be near.
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

/** Edits between two words (optimal string alignment); any number of `limit` or more is given as `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let twoBack: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(before[j]! + 1, row[j - 1]! + 1, before[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, twoBack[j - 2]! + 1);
      }
      row.push(edits);
    }
    if (Math.min(...row) >= limit) return limit;
    twoBack = before;
    before = row;
  }
  return Math.min(before[b.length]!, limit);
}
