import type { CursorSeen, Run } from './screen.js';

/**
 * What a relay tells its viewers: one JSON document a line (`rpc/framing`). Viewers say nothing. A picture is told as
 * lines of text with their looks, not as what was written to a terminal, so that nothing in it can act on that of a
 * viewer; a viewer makes sure of that itself (`readMessage`).
 */
export type Message =
  | {
      readonly kind: 'hello';
      readonly format: 1;
      readonly workspace: string;
      /** The user who shares. */
      readonly by: string;
      /** UTC, ISO 8601. */
      readonly endsAt: string;
    }
  | {
      readonly kind: 'screen';
      readonly columns: number;
      readonly rows: number;
      readonly cursor: CursorSeen;
      /** Those that changed since the message before; all of them in the first, and when the size is another one. */
      readonly lines: readonly (readonly [row: number, runs: readonly Run[]])[];
    }
  | { readonly kind: 'end'; readonly reason: EndReason; readonly text: string };

export const endReasons = ['time', 'unshared', 'closed', 'moved', 'full', 'failed'] as const;
export type EndReason = (typeof endReasons)[number];

/** The longest line of a message, in bytes: a screen of 1000x500 in which each cell looks different. */
export const longestMessage = 32 * 1024 * 1024;
/** Cells and lines that a screen may have. */
export const mostColumns = 2000;
export const mostRows = 1000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * A line of a relay's, checked: sizes are sane, texts hold no control characters, looks are numbers.
 *
 * @returns null for anything else: it is for the reader to say that what listens there is no relay.
 */
export function readMessage(line: string): Message | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Fields;
  switch (fields.kind) {
    case 'hello':
      if (fields.format !== 1 || !isText(fields.workspace) || !isText(fields.by) || !isTime(fields.endsAt))
        return null;
      return {
        kind: 'hello',
        format: 1,
        workspace: fields.workspace,
        by: fields.by,
        endsAt: fields.endsAt,
      };
    case 'screen':
      return readScreen(fields);
    case 'end': {
      const reason = endReasons.find((one) => one === fields.reason);
      return reason && isText(fields.text) ? { kind: 'end', reason, text: fields.text } : null;
    }
    default:
      return null;
  }
}

function readScreen({ columns, rows, cursor, lines }: Fields): Message | null {
  if (!isWithin(columns, 1, mostColumns) || !isWithin(rows, 1, mostRows) || !Array.isArray(lines))
    return null;
  const at = cursor as Partial<CursorSeen> | null;
  if (!at || !isWithin(at.column, 0, columns - 1) || !isWithin(at.row, 0, rows - 1)) return null;
  const read: [number, Run[]][] = [];
  for (const entry of lines as unknown[]) {
    if (!Array.isArray(entry) || !isWithin(entry[0], 0, rows - 1) || !Array.isArray(entry[1])) return null;
    const runs = entry[1] as unknown[];
    if (!runs.every(isRun)) return null;
    read.push([entry[0], runs]);
  }
  const seen = { column: at.column, row: at.row, visible: at.visible === true };
  return { kind: 'screen', columns, rows, cursor: seen, lines: read };
}

function isRun(value: unknown): value is Run {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    isText(value[0]) &&
    typeof value[1] === 'string' &&
    /^[0-9:;]{0,128}$/.test(value[1])
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !/[\x00-\x1f\x7f-\x9f]/.test(value);
}

function isTime(value: unknown): value is string {
  return isText(value) && !Number.isNaN(Date.parse(value));
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}
