import type { Pane, Restart, Window } from './model.js';

/**
 * What we write on tmux's own panes and windows (`@cw_pane`, `@cw_window`), so that a later reading knows what
 * was started and which layout was meant. It lives and dies with the pane or window.
 */

export interface PaneRecord {
  readonly key: string;
  readonly role: string | null;
  readonly run: string | null;
  readonly shell: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly restart: Restart;
  readonly startCommand: string | null;
  /** What was really run, where that is not `run`: a conversation resumed, an editor's session opened. */
  readonly started: string | null;
  /** A line that was typed at its prompt and left for the user to confirm. */
  readonly typed: string | null;
  /** The folder it was asked to start in, also where that one was gone. */
  readonly cwd: string;
}

export interface WindowRecord {
  readonly key: string;
  /** The intended layout and the size it was made for. */
  readonly layout: string;
  readonly size: { readonly width: number; readonly height: number };
}

/**
 * @param started what is really run in it, where that is another line than its `run`.
 * @param typed what was typed and waits for Enter.
 */
export function paneRecord(pane: Pane, started: string | null = null, typed: string | null = null): string {
  const record: PaneRecord = {
    key: pane.key,
    role: pane.role,
    run: pane.run,
    shell: pane.shell,
    env: pane.environment,
    restart: pane.restart,
    startCommand: pane.startCommand,
    started,
    typed,
    cwd: pane.cwd,
  };
  return JSON.stringify(record);
}

/** The last texts that were read: a save asks for each three times, and the next one for the same ones again. */
const known = new Map<string, PaneRecord | null>();
const knownAtMost = 2000;

/** The record in the text of `@cw_pane`; null for text that is none (anyone can set the option). */
export function parsePaneRecord(text: string): PaneRecord | null {
  let record = known.get(text);
  if (record === undefined) {
    record = readPaneRecord(text);
    if (known.size >= knownAtMost) known.clear();
    known.set(text, record);
  }
  return record;
}

function readPaneRecord(text: string): PaneRecord | null {
  const value = parseObject(text);
  if (!value) return null;
  const { key, role, run, shell, env, restart, startCommand, started = null, typed = null, cwd } = value;
  const complete =
    isName(key) &&
    isTextOrNull(role) &&
    isTextOrNull(run) &&
    isTextOrNull(shell) &&
    isTexts(env) &&
    isRestart(restart) &&
    isTextOrNull(startCommand) &&
    isTextOrNull(started) &&
    isTextOrNull(typed) &&
    typeof cwd === 'string';
  return complete ? { key, role, run, shell, env, restart, startCommand, started, typed, cwd } : null;
}

export function windowRecord(window: Window): string {
  const record: WindowRecord = { key: window.key, layout: window.layout, size: window.size };
  return JSON.stringify(record);
}

/** The record in the text of `@cw_window`; null for text that is none. */
export function parseWindowRecord(text: string): WindowRecord | null {
  const value = parseObject(text);
  const size = isObject(value?.size) ? value.size : {};
  if (!value || !isName(value.key) || typeof value.layout !== 'string') return null;
  if (!isLength(size.width) || !isLength(size.height)) return null;
  return { key: value.key, layout: value.layout, size: { width: size.width, height: size.height } };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null; // not ours, or cut short: as good as no record
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((each) => typeof each === 'string');
}

function isRestart(value: unknown): value is Restart {
  return value === 'never' || value === 'on-failure' || value === 'always';
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
