/** The words of this room. A conversation is one Claude Code conversation (a UUID), at home in one pane. */

/** Hook events of Claude Code that are listened to. */
export const hookEvents = [
  'SessionStart',
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'Notification',
  'Stop',
  'StopFailure',
  'SubagentStop',
  'PreCompact',
  'PostCompact',
  'SessionEnd',
] as const;
export type HookEventName = (typeof hookEvents)[number];

/** A process by its pid and when it started, which together name one for ever. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot (field 22 of /proc/PID/stat), or what `ps` prints; null where it was not known. */
  readonly start: string | null;
}

/** One event as the hook left it in the spool. */
export interface SpooledEvent {
  /** Its place in the index: the order of publishing, without clocks. */
  readonly place: number;
  readonly event: HookEventName;
  /** The process that called the hook: Claude, or the shell that it started for the hook. */
  readonly parent: ProcessId;
  /**
   * The parent's parent, and on, as they were when the hook ran, up to the server of tmux (without it): below a nested
   * Claude the outer one stands among them. Empty where there is no /proc.
   */
  readonly ancestors?: readonly ProcessId[];
  /** `$TMUX` and `$TMUX_PANE` of the hook's environment; null outside tmux. */
  readonly tmux: string | null;
  readonly pane: string | null;
  /** When it was published, UTC, ISO 8601; for people. */
  readonly at: string;
  /** What Claude wrote to the hook, or null where that was no JSON object. */
  readonly input: Readonly<Record<string, unknown>> | null;
}

export const agentStates = ['working', 'waiting', 'idle', 'exited', 'unknown'] as const;
export type AgentState = (typeof agentStates)[number];

/** What an agent is doing, since when, and how that is known. */
export interface AgentVerdict {
  readonly state: AgentState;
  /** `permission`, `answer`, `trust`, `login`, `usage limit`, `auth`, `error`, `subagents`, `compacting`; null: nothing more to say. */
  readonly detail: string | null;
  /** UTC, ISO 8601. */
  readonly since: string;
  /** Which source gave it, in words: `Stop hook`, `registry file`, `process tree`. */
  readonly evidence: string;
}

/** A conversation in its pane, as the registry has it. */
export interface Binding {
  readonly conversation: string;
  readonly workspace: string;
  /** The pane's key in the blueprint. */
  readonly paneKey: string;
  /** `%5`, on the server that it was bound on. */
  readonly pane: string | null;
  /** The process that proved it; null before one did. */
  readonly process: ProcessId | null;
  /** The folder that it was started in: it is resumed there and nowhere else. */
  readonly cwd: string;
  /** Words after `claude` that are kept at a resume: model, permission mode, tools. Without ids, prompts and settings. */
  readonly flags: readonly string[];
  /** `CLAUDE_CONFIG_DIR` of its environment; null is `~/.claude`. */
  readonly configDir: string | null;
  /** A prompt was submitted, so there is a transcript to resume. */
  readonly prompted: boolean;
  /** The conversation that it was forked from. */
  readonly forkOf: string | null;
  readonly name: string | null;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isConversationId(text: unknown): text is string {
  return typeof text === 'string' && uuid.test(text);
}
