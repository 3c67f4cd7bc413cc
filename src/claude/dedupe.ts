import { createHash } from 'node:crypto';
import type { HookEventName, ProcessId, SpooledEvent } from './model.js';

/**
 * One event can come by two ways: by the hooks that we pass and by those that the user installed. Claude Code runs
 * the hooks of one event beside each other, gives each the same input, and goes on when all are done. So the second
 * copy has the same input, comes soon, and comes before anything that can only follow.
 */
export interface Seen {
  readonly key: string;
  readonly event: HookEventName;
  /** It names a use of a tool: no other event is ever the same. */
  readonly isUnique: boolean;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Events of parallel tools and of subagents come between two copies; more than these do not. */
const longest = 48;
/** Longer than that no hook of ours takes. In milliseconds. */
const soon = 10_000;

const turns: ReadonlySet<HookEventName> = new Set([
  'SessionStart',
  'UserPromptSubmit',
  'Stop',
  'StopFailure',
  'SessionEnd',
]);
const tools: ReadonlySet<HookEventName> = new Set(['PreToolUse', 'PostToolUse', 'PostToolUseFailure']);

/**
 * @param process the Claude Code that it is of: one that was started again says the same again, and means it.
 * @param seen what was counted of this conversation before, oldest first.
 * @returns null for a second copy; else what is seen with it.
 */
export function countOnce(
  seen: readonly Seen[],
  event: SpooledEvent,
  process: ProcessId,
): readonly Seen[] | null {
  const one = seenOf(event, process);
  for (let at = seen.length - 1; at >= 0; at -= 1) {
    const other = seen[at]!;
    if (other.key === one.key && Math.abs(other.time - one.time) <= soon) return null;
    if (!one.isUnique && other.event !== one.event && parts(one.event, other.event)) break;
  }
  return [...seen.slice(1 - longest), one];
}

/** True where two of the first kind with one of the second between them are two events, be they ever so equal. */
function parts(event: HookEventName, between: HookEventName): boolean {
  if (turns.has(between)) return true;
  return (event === 'PermissionRequest' || event === 'Notification') && tools.has(between);
}

function seenOf({ event, input, at }: SpooledEvent, { pid, start }: ProcessId): Seen {
  const isUnique = typeof input?.tool_use_id === 'string' && tools.has(event);
  const content = isUnique ? String(input?.tool_use_id) : canonical(input);
  const key = createHash('sha256')
    .update(`${event} ${pid} ${start}\n${content}`)
    .digest('base64url')
    .slice(0, 16);
  return { key, event, isUnique, time: Date.parse(at) || 0 };
}

/** JSON with the names of each object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
