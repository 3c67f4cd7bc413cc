/**
 * Finds many words in bytes at once, by what Wu and Manber describe in "A fast algorithm for multi-pattern searching"
 * (1994): the two bytes at the end of where the shortest word could lie say how far no word can begin. Most bytes are
 * never looked at, however many words there are.
 */
export class KnownWords<T> {
  /** By two bytes: how far to go on; 0: a word may end its first `shortest` bytes here. */
  private readonly shift: Uint8Array;
  private readonly ending = new Map<number, { readonly word: Buffer; readonly value: T }[]>();
  private readonly shortest: number;

  /** @param words none shorter than two bytes */
  constructor(words: readonly { readonly word: Buffer; readonly value: T }[]) {
    this.shortest = Math.min(255, ...words.map(({ word }) => word.length));
    this.shift = new Uint8Array(words.length > 0 ? 65_536 : 0).fill(this.shortest - 1);
    for (const one of words) {
      for (let end = 2; end <= this.shortest; end++) {
        const key = (one.word[end - 2]! << 8) | one.word[end - 1]!;
        this.shift[key] = Math.min(this.shift[key]!, this.shortest - end);
        if (end === this.shortest) this.ending.set(key, [...(this.ending.get(key) ?? []), one]);
      }
    }
  }

  /** Calls `found` for each place of each word. */
  search(bytes: Buffer, found: (start: number, end: number, value: T) => void): void {
    const { shift, shortest } = this;
    if (shift.length === 0) return;
    for (let at = shortest - 1; at < bytes.length; ) {
      const key = (bytes[at - 1]! << 8) | bytes[at]!;
      const step = shift[key]!;
      if (step > 0) {
        at += step;
        continue;
      }
      const start = at - shortest + 1;
      for (const { word, value } of this.ending.get(key) ?? []) {
        if (bytes.subarray(start, start + word.length).equals(word)) found(start, start + word.length, value);
      }
      at += 1;
    }
  }
}
