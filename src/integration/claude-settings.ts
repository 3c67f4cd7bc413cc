import { join } from 'node:path';
import { findNodeAtLocation, type JSONPath, type Node, parse } from 'jsonc-parser';
import { hookEntry, isOwnHook } from '../claude/hook-settings.js';
import { hookEvents } from '../claude/model.js';
import { CwError } from '../errors.js';
import { homeFolder } from '../system/paths.js';
import {
  checkJson,
  inserted,
  type Misfit,
  oneLine,
  replaced,
  rootIfAny,
  rootOf,
  tolerant,
  without,
  withoutMark,
} from './json-edit.js';
import type { UserEdit } from './user-file.js';

/** Our hooks in Claude Code's own `settings.json`. */

export type SettingsScope = 'user' | 'project';

/** The path of Claude Code's settings: the user's, or those of the project's folder (not of its parents). */
export function settingsPath(scope: SettingsScope, env: NodeJS.ProcessEnv, folder: string): string {
  if (scope === 'project') return join(folder, '.claude', 'settings.json');
  return join(env.CLAUDE_CONFIG_DIR || join(homeFolder(env), '.claude'), 'settings.json');
}

export const claudeSettings: UserEdit = {
  put(text, path) {
    let after = text === null || text.trim() === '' ? '{}\n' : text;
    checkJson(after, path, misfit);
    // Those of another installation, or of events that are not listened to any more.
    const stale = ownHooks(after).filter(({ hook, event }) => !isCurrent(hook, event));
    for (const { at, event } of stale.reverse()) {
      after = isListened(event)
        ? replaced(after, at, oneLine(hookEntry(event)))
        : withoutHook(after, at, null);
    }
    const known = new Set(ownHooks(after).map(({ event }) => event));
    const fresh: string[] = [];
    for (const event of hookEvents) {
      if (known.has(event)) continue;
      const group = oneLine({ hooks: [hookEntry(event)] });
      const at = ['hooks', event];
      if (findNodeAtLocation(rootOf(after), at)) after = inserted(after, at, [group]);
      else fresh.push(`"${event}": [${group}]`);
    }
    if (fresh.length > 0) {
      if (!findNodeAtLocation(rootOf(after), ['hooks'])) after = inserted(after, [], ['"hooks": {}']);
      after = inserted(after, ['hooks'], fresh);
    }
    // A key that stands twice: Claude reads the last one, an edit changes the first.
    const read = ownHooksOf(parse(after, [], tolerant));
    if (hookEvents.some((event) => !read.has(event)))
      throw new CwError('refused', `${path} has a key twice, so what is added to it may not count.`, {
        hint: 'Nothing was written. Leave one of them, then try again.',
      });
    return after;
  },
  take(text, path, before) {
    checkJson(text, path, misfit);
    const known = before === null ? null : rootIfAny(before);
    return ownHooks(text).reduceRight((after, { at }) => withoutHook(after, at, known), text);
  },
  isIn: (text) => ownHooks(text).length > 0,
};

/** The first thing that stands where our hooks would go and is no place for them. */
function misfit(root: Node): Misfit | null {
  if (root.type !== 'object') return { node: root, what: 'settings are an object' };
  const hooks = findNodeAtLocation(root, ['hooks']);
  if (!hooks) return null;
  if (hooks.type !== 'object') return { node: hooks, what: '"hooks" is to be an object' };
  for (const property of hooks.children ?? []) {
    const [key, value] = property.children ?? [];
    if (value && value.type !== 'array')
      return { node: value, what: `"hooks.${String(key?.value)}" is to be a list` };
  }
  return null;
}

interface OwnHook {
  readonly at: JSONPath;
  readonly event: string;
  readonly hook: unknown;
}

/** Our entries in a text that is JSON, or blank, in their order. */
function ownHooks(text: string): OwnHook[] {
  const found: OwnHook[] = [];
  const root = rootIfAny(text);
  const hooks = root && findNodeAtLocation(root, ['hooks']);
  for (const property of hooks?.children ?? []) {
    const [key, groups] = property.children ?? [];
    for (const [place, group] of (groups?.children ?? []).entries()) {
      const entries = findNodeAtLocation(group, ['hooks']);
      for (const [at, entry] of (entries?.type === 'array' ? (entries.children ?? []) : []).entries()) {
        const command = findNodeAtLocation(entry, ['command']);
        if (!isOwnHook(command?.value)) continue;
        const event = String(key?.value);
        const hook: unknown = parse(withoutMark(text).slice(entry.offset, entry.offset + entry.length));
        found.push({ at: ['hooks', event, place, 'hooks', at], event, hook });
      }
    }
  }
  return found;
}

/** The events that have a current hook of ours in settings as Claude reads them. */
function ownHooksOf(settings: unknown): Set<string> {
  const { hooks } = settings as { hooks?: Record<string, { hooks?: unknown[] }[]> };
  const entries = Object.entries(hooks ?? {});
  return new Set(
    entries
      .filter(([event, groups]) =>
        groups.some((group) => group?.hooks?.some((hook) => isCurrent(hook, event))),
      )
      .map(([event]) => event),
  );
}

function isCurrent(hook: unknown, event: string): boolean {
  if (!isListened(event)) return false;
  const { type, command, timeout } = hookEntry(event);
  const one = hook as Record<string, unknown>;
  return one.type === type && one.command === command && one.timeout === timeout;
}

function isListened(event: string): event is (typeof hookEvents)[number] {
  return (hookEvents as readonly string[]).includes(event);
}

/** Takes one hook out, and what held nothing else, unless that stood in `before` already. */
function withoutHook(text: string, at: JSONPath, before: Node | null): string {
  // The hook, its list, its group, the event's list, the event, all hooks. A group is known by no key of its own, and
  // one with only our hook in it is ours.
  return without(text, at, (holder) => holder.length > 2 || !before || !findNodeAtLocation(before, holder));
}
