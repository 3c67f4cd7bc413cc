/**
 * The lines of the daemon's log, one JSON document each: the daemon writes them, its clients show them.
 */

/** The fields of a line of the log, or null for what is none (the output of a crash). */
export function readLogLine(line: string): { time: string; level: string; text: string } | null {
  try {
    const { time, level, msg, err } = JSON.parse(line) as Record<string, unknown>;
    if (typeof level !== 'string' || typeof msg !== 'string') return null;
    const why = typeof err === 'string' ? err : ((err as { message?: unknown } | null)?.message ?? '');
    return { time: typeof time === 'string' ? time : '', level, text: why ? `${msg}: ${why}` : msg };
  } catch {
    return null;
  }
}

// The priorities of sd-daemon(3), which the journal reads from the start of a line.
const priorities: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3, fatal: 2 };

/** A line of the log as the journal takes it. */
export function journalLine(line: string): string {
  const read = readLogLine(line);
  if (!read) return `<6>${line.trimEnd()}\n`;
  return `<${priorities[read.level] ?? 6}>${read.text.replaceAll('\n', ' ')}\n`;
}

/** A line of the log as people read it. */
export function plainLine(line: string): string {
  const read = readLogLine(line);
  return read ? `${read.time} ${read.level.padEnd(5)} ${read.text}\n` : line;
}
