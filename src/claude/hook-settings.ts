import { join } from 'node:path';
import { ensurePrivateFolder, readTextIfAny, writeFileAtomic } from '../system/files.js';
import { packageFolder } from '../system/paths.js';
import { type HookEventName, hookEvents } from './model.js';

/** Seconds that Claude waits for a hook of ours. */
export const hookTimeout = 5;

/** A hook as Claude Code's settings have it. */
export interface HookEntry {
  readonly type: 'command';
  readonly command: string;
  readonly timeout: number;
}

/**
 * The hook of an event. Claude runs it by `sh -c`: with `exec` its parent is Claude itself, and one shell less starts.
 */
export function hookEntry(event: HookEventName): HookEntry {
  const launcher = join(packageFolder(), 'shell/cw-hook');
  return { type: 'command', command: `exec ${shellWord(launcher)} ${event}`, timeout: hookTimeout };
}

/** True for a command that `hookEntry` made, also one of another installation. */
export function isOwnHook(command: unknown): boolean {
  return typeof command === 'string' && /^exec '?\/[^\n]*\/shell\/cw-hook'? [A-Za-z]+$/.test(command);
}

/** What `--settings` is given: hooks for all events that are listened to. */
export function hookSettings(): { hooks: Record<string, { hooks: HookEntry[] }[]> } {
  return { hooks: Object.fromEntries(hookEvents.map((event) => [event, [{ hooks: [hookEntry(event)] }]])) };
}

/**
 * Writes the file for `claude --settings FILE`, when it is not there as it is to be. A running Claude takes a changed
 * file at once, so after an upgrade the panes that live call the new launcher.
 *
 * @param folder the claude folder of a tmux server's state.
 * @returns the file's path.
 */
export function writeHookSettings(folder: string): string {
  const path = join(folder, 'settings.json');
  const text = `${JSON.stringify(hookSettings(), null, 2)}\n`;
  if (readTextIfAny(path) !== text) {
    ensurePrivateFolder(folder);
    writeFileAtomic(path, text);
  }
  return path;
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_./+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
