/**
 * The taxonomy of failures. Every failure a user can meet is a CwError: a message that names the thing and
 * says what and why, and a hint that says what to do. The kind decides the exit code.
 */

/** Exit codes of every command, by kind of failure. 0 is "done". */
export const exitCodes = {
  failed: 1,
  usage: 2,
  'not-found': 3,
  refused: 4,
  'tmux-unusable': 5,
  partial: 6,
} as const;

export type ErrorKind = keyof typeof exitCodes;

export interface ErrorDetails {
  /** What the user can do about it: one or more lines. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class CwError extends Error {
  // The program ships as one bundle a verb, and each has its own copy of this class: the brand, not instanceof, tells.
  readonly isCwError = true;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CwError';
    this.kind = kind;
    this.hint = details.hint;
  }
}

export function isCwError(error: unknown): error is CwError {
  return typeof error === 'object' && error !== null && (error as { isCwError?: unknown }).isCwError === true;
}

/** The code of a Node system error ("ENOENT"), or undefined for any other value. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The text of whatever was thrown, for a sentence of ours. */
export function messageOf(error: unknown): string {
  return error instanceof Error || isCwError(error) ? error.message : String(error);
}
