/** Milliseconds of each unit that a duration may be written in. */
const units = { s: 1000, m: 60_000, h: 3600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** What a duration looks like, for messages. */
export const durationForm = 'a whole number with a unit, such as 30m, 24h, 7d or 1w';

/** Longer than anybody waits, and short enough for every clock. */
const longest = 10 * 365 * units.d;

/**
 * A span of time as people write it: `30m`, `24h`, `1w`.
 *
 * @returns milliseconds; null for what is none, for zero and below, and for more than ten years.
 */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})([smhdw])$/.exec(text.trim());
  if (!match) return null;
  const span = Number(match[1]) * units[match[2] as keyof typeof units];
  return span > 0 && span <= longest ? span : null;
}

/** A span in its largest unit, rounded down: `90 s` is `1 min`. The units are those of ages in lists. */
export function durationText(milliseconds: number): string {
  const span = Math.max(0, milliseconds);
  if (span < units.m) return `${Math.floor(span / units.s)} s`;
  if (span < units.h) return `${Math.floor(span / units.m)} min`;
  if (span < units.d) return `${Math.floor(span / units.h)} h`;
  return `${Math.floor(span / units.d)} d`;
}
