import type { ErrorKind } from '../errors.js';

/**
 * What the daemon and its clients say to each other: one JSON document a line over a unix socket. A request
 * `{id, method, params}` is answered by `{id, result}` or `{id, error}`, in the order in which answers are ready; an
 * event `{event, data}` comes on its own to those who subscribed. A client asks `hello` first and goes by the
 * capabilities, not by the version.
 */

/** Goes up when an older client or daemon would misunderstand; a new method is a new capability instead. */
export const protocolNumber = 1;

export const capabilities = ['status', 'save', 'reload', 'stop', 'subscribe'] as const;
export type Capability = (typeof capabilities)[number];

export interface Hello {
  readonly protocol: number;
  readonly capabilities: readonly string[];
  /** Of the package. */
  readonly version: string;
  readonly pid: number;
  /** The socket of the tmux server that it serves. */
  readonly server: string;
}

export interface ScheduleStatus {
  readonly name: string;
  /** The cron expression, in local time. */
  readonly expression: string;
  /** UTC, ISO 8601; null when it never comes. */
  readonly nextAt: string | null;
  readonly lastAt: string | null;
  /** What went wrong in the last run; null when it went well, or has not been. */
  readonly lastError: string | null;
  readonly running: boolean;
}

/** How the daemon learns of changes in tmux. `unknown`: the server could not be asked. */
export type Watching = 'server' | 'no-server' | 'unknown';

export interface DaemonStatus {
  readonly running: true;
  readonly pid: number;
  readonly socket: string;
  /** The socket of the tmux server. */
  readonly server: string;
  readonly uptimeSeconds: number;
  /** Open ones; null before the first save has read them. */
  readonly workspaces: number | null;
  /** When all was last found saved, UTC, ISO 8601. */
  readonly lastSaveAt: string | null;
  /** Why the last save failed; null when it did not. */
  readonly lastSaveError: string | null;
  readonly watching: Watching;
  readonly schedules: readonly ScheduleStatus[];
  readonly protocol: number;
  readonly log: string;
}

export interface SaveParams {
  /** Ids or names; all open ones when left out. */
  readonly workspaces?: readonly string[];
  readonly note?: string;
}

/** What a save did. */
export interface SaveReport {
  /** Open workspaces that were looked at. */
  readonly workspaces: number;
  /** One entry for each new or amended snapshot. */
  readonly saved: readonly { readonly workspace: string; readonly id: string }[];
  /** One entry for each workspace that could not be saved. */
  readonly failed: readonly { readonly workspace: string; readonly reason: string }[];
  /** The folders of the open workspaces' projects. */
  readonly folders: readonly string[];
  /**
   * Milliseconds after which it is worth to save again though nothing changes: some workspace has lost panes, and only
   * then is it certain that its server was not ending. null or left out: nothing waits for that.
   */
  readonly settlesIn?: number | null;
}

/** `output`: panes show something else, and nothing else is known to have changed. */
export type SaveReason = 'change' | 'output' | 'schedule' | 'manual' | 'shutdown';

/** Params and result of each method. */
export interface Methods {
  hello: { params: { readonly protocol?: number }; result: Hello };
  status: { params: Record<string, never>; result: DaemonStatus };
  save: { params: SaveParams; result: SaveReport };
  reload: { params: Record<string, never>; result: { readonly problems: readonly string[] } };
  stop: { params: Record<string, never>; result: { readonly pid: number } };
  subscribe: { params: Record<string, never>; result: { readonly events: readonly string[] } };
}

export type Method = keyof Methods;

/** What subscribers are told. */
export interface Events {
  saved: { readonly reason: SaveReason; readonly report: SaveReport };
  'save-failed': { readonly reason: SaveReason; readonly message: string };
  'server-seen': Record<string, never>;
  'server-died': Record<string, never>;
  reloaded: { readonly changed: readonly string[] };
  /** Something in tmux is other than it was: a session, a window, a client. */
  changed: Record<string, never>;
  /** An agent does something else than before. */
  agents: Record<string, never>;
  /** Health was looked at. */
  health: Record<string, never>;
  stopping: { readonly why: string };
}

export type EventName = keyof Events;

export const eventNames: readonly EventName[] = [
  'saved',
  'save-failed',
  'server-seen',
  'server-died',
  'reloaded',
  'changed',
  'agents',
  'health',
  'stopping',
];

/** A request that was not understood, or the kind of a CwError. */
export type RpcErrorCode = 'bad-message' | 'unknown-method' | 'bad-params' | 'busy' | ErrorKind;

export interface RpcError {
  readonly code: RpcErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export type RequestId = number | string;

export interface Request {
  readonly id: RequestId;
  readonly method: Method;
  readonly params: Methods[Method]['params'];
}

/** A request that cannot be served, with as much of an address for the answer as could be read. */
export interface BadRequest {
  readonly id: RequestId | null;
  readonly error: RpcError;
}

const paramChecks: { readonly [M in Method]: (params: Record<string, unknown>) => string | null } = {
  hello: ({ protocol }) =>
    protocol === undefined || Number.isInteger(protocol) ? null : '"protocol" is not a whole number',
  status: () => null,
  save: ({ workspaces, note }) => {
    if (workspaces !== undefined && !isTexts(workspaces)) return '"workspaces" is not a list of texts';
    return note === undefined || typeof note === 'string' ? null : '"note" is not a text';
  },
  reload: () => null,
  stop: () => null,
  subscribe: () => null,
};

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a line as a request. Never throws: what is wrong with it is the answer to its sender. */
export function readRequest(line: string): Request | BadRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return bad(null, 'bad-message', 'The line is not JSON.');
  }
  if (!isObject(value)) return bad(null, 'bad-message', 'The message is not an object.');
  const id = typeof value.id === 'number' || typeof value.id === 'string' ? value.id : null;
  if (id === null) return bad(null, 'bad-message', 'The message has no "id" that is a number or a text.');
  const { method, params = {} } = value;
  if (typeof method !== 'string') return bad(id, 'bad-message', 'The message has no "method".');
  if (!Object.hasOwn(paramChecks, method)) {
    return {
      id,
      error: {
        code: 'unknown-method',
        message: `There is no method ${JSON.stringify(method.slice(0, 100))}.`,
        hint: `There are: ${Object.keys(paramChecks).join(', ')}. A newer cw may talk to an older daemon: cw daemon stop, then start.`,
      },
    };
  }
  if (!isObject(params)) return bad(id, 'bad-params', '"params" is not an object.');
  const problem = paramChecks[method as Method](params);
  if (problem) return bad(id, 'bad-params', `${method}: ${problem}.`);
  return { id, method: method as Method, params };
}

function bad(id: RequestId | null, code: RpcErrorCode, message: string): BadRequest {
  return { id, error: { code, message } };
}

/** What a client finds on a line: an answer, an event, or null for what is neither. */
export type Incoming =
  | { readonly id: RequestId | null; readonly result: unknown }
  | { readonly id: RequestId | null; readonly error: RpcError }
  | { readonly event: string; readonly data: unknown };

export function readIncoming(line: string): Incoming | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  if (typeof value.event === 'string') return { event: value.event, data: value.data };
  const { id, error } = value;
  if (typeof id !== 'number' && typeof id !== 'string' && id !== null) return null;
  if (isObject(error)) {
    return {
      id,
      error: {
        code: String(error.code) as RpcErrorCode,
        message: String(error.message),
        ...(typeof error.hint === 'string' ? { hint: error.hint } : {}),
      },
    };
  }
  return 'result' in value ? { id, result: value.result } : null;
}
