/** How many cells a text takes on a terminal. */

// Grapheme clusters are what a terminal draws in one place: an emoji of several code points, a letter with accents.
let segmenter: Intl.Segmenter | undefined;

// One cell each, and never part of another character: ASCII, Latin letters, dashes and quotes, boxes and shapes. For
// these no segmenter is made, which takes longer than all else that a list does.
export const oneCellEach = /^[\x20-\x7e\xa1-\xac\xae-\u02ff\u2010-\u2015\u2018-\u2027\u2500-\u25fc\u25ff]*$/;
const combining = /^[\p{Mark}\p{Cf}]+$/u;
const emoji = /^\p{Emoji_Presentation}|^\p{Regional_Indicator}{2}|\ufe0f/u;
// The blocks that Unicode's East Asian Width calls W or F (UAX 11), without the emoji above.
const wide =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u;

/** A text in what a terminal draws in one place each. */
export function clusters(text: string): string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Cells that one of these takes: 0, 1 or 2. */
export function clusterWidth(cluster: string): number {
  if (combining.test(cluster)) return 0;
  return emoji.test(cluster) || wide.test(cluster) ? 2 : 1;
}

/** Cells that a text without control characters takes on a terminal. */
export function width(text: string): number {
  if (oneCellEach.test(text)) return text.length;
  return clusters(text).reduce((sum, cluster) => sum + clusterWidth(cluster), 0);
}
