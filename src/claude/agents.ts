import { createHash } from 'node:crypto';
import type { Seen } from './dedupe.js';
import type { AgentVerdict, HookEventName, ProcessId, SpooledEvent } from './model.js';

/** What is known of the agent of one conversation by its hook events alone. */
export interface AgentRecord {
  readonly verdict: AgentVerdict;
  readonly process: ProcessId | null;
  /** When its last event came, UTC; null: none did. */
  readonly lastEventAt: string | null;
  /** What it waits for; a permission is asked for one use of a tool each. */
  readonly pending: readonly string[];
  /** Subagents that go on while the agent itself is done. */
  readonly background: number;
  /** What it did when a compaction began. */
  readonly beforeCompact: AgentVerdict | null;
  readonly transcript: string | null;
  /** `promptMark` of the last prompt that was submitted; null: none was, or it was not told. */
  readonly prompt: string | null;
  /** The events that were counted last, so that none is counted twice. */
  readonly seen: readonly Seen[];
}

export function newAgent(at: string, evidence: string): AgentRecord {
  return {
    verdict: { state: 'unknown', detail: null, since: at, evidence },
    process: null,
    lastEventAt: null,
    pending: [],
    background: 0,
    beforeCompact: null,
    transcript: null,
    prompt: null,
    seen: [],
  };
}

/** By which a prompt is known again, without being kept: of its words alone, however they are parted. */
export function promptMark(prompt: string): string {
  const words = prompt.replace(/\s+/g, ' ').trim();
  return createHash('sha256').update(words).digest('base64url').slice(0, 16);
}

/** The record after one more event of its conversation, which counts. Any input is taken, and none throws. */
export function reduceAgent(record: AgentRecord, event: SpooledEvent): AgentRecord {
  const input = event.input ?? {};
  const base: AgentRecord = {
    ...record,
    lastEventAt: event.at,
    transcript: textOf(input.transcript_path) ?? record.transcript,
  };
  return reducers[event.event](base, input, event);
}

type Input = Readonly<Record<string, unknown>>;
type Reducer = (record: AgentRecord, input: Input, event: SpooledEvent) => AgentRecord;

const none = { pending: [], background: 0, beforeCompact: null } as const;

const reducers: Readonly<Record<HookEventName, Reducer>> = {
  SessionStart(record, input, event) {
    // In the middle of a turn: it says that the summary is made, and nothing of the turn.
    if (input.source === 'compact') return afterCompact(record, event);
    return { ...to(record, event, 'idle'), ...none };
  },
  UserPromptSubmit: (record, input, event) => ({
    ...to(record, event, 'working'),
    ...none,
    prompt: typeof input.prompt === 'string' ? promptMark(input.prompt) : null,
  }),
  PreToolUse(record, input, event) {
    const asks = questionOf(input);
    if (asks !== null)
      return waiting({ ...record, pending: [...record.pending, useOf(input)].slice(-64) }, event, asks);
    return active(record, input, event);
  },
  PostToolUse: answered,
  PostToolUseFailure: answered,
  PermissionRequest(record, input, event) {
    const use = useOf(input);
    const pending = [...record.pending.filter((other) => other !== use), use].slice(-64);
    return waiting({ ...record, pending }, event, questionOf(input) ?? 'permission');
  },
  Notification(record, input, event) {
    switch (input.notification_type) {
      case 'permission_prompt':
        // It comes seconds after the request, and says nothing new then.
        return record.verdict.state === 'waiting' ? record : waiting(record, event, 'permission');
      case 'elicitation_dialog':
        return waiting(record, event, 'answer');
      case 'idle_prompt':
        // The composer is empty while subagents go on.
        if (record.background > 0 || record.verdict.state === 'idle') return record;
        return { ...to(record, event, 'idle'), ...none };
      default:
        return record;
    }
  },
  Stop(record, input, event) {
    const background = runningSubagents(input.background_tasks);
    return {
      ...(background > 0 ? to(record, event, 'working', 'subagents') : to(record, event, 'idle')),
      ...none,
      background,
    };
  },
  StopFailure: (record, input, event) => ({ ...to(record, event, 'idle', failureOf(input)), ...none }),
  // Its result comes to the agent as a prompt: until then it is not known what the agent does with it.
  SubagentStop: (record) => ({ ...record, background: Math.max(0, record.background - 1) }),
  PreCompact: (record, _, event) => ({
    ...to(record, event, 'working', 'compacting'),
    beforeCompact: record.beforeCompact ?? record.verdict,
  }),
  PostCompact: (record, _, event) => afterCompact(record, event),
  SessionEnd: (record, _, event) => ({ ...to(record, event, 'exited'), ...none }),
};

function to(
  record: AgentRecord,
  { event, at }: SpooledEvent,
  state: AgentVerdict['state'],
  detail: string | null = null,
): AgentRecord {
  const old = record.verdict;
  const since = old.state === state ? old.since : at;
  return { ...record, verdict: { state, detail, since, evidence: `${event} hook` } };
}

function waiting(record: AgentRecord, event: SpooledEvent, what: string): AgentRecord {
  // Two questions at once: it waits since the first, and for what that was.
  const detail = record.verdict.state === 'waiting' ? (record.verdict.detail ?? what) : what;
  return to(record, event, 'waiting', detail);
}

/** A tool is used: a sign of work, unless a question is open, be it of another tool that runs beside it. */
function active(record: AgentRecord, input: Input, event: SpooledEvent): AgentRecord {
  if (record.pending.length > 0) return record;
  const isSubagents = textOf(input.agent_id) !== null && !isInTurn(record);
  if (isSubagents)
    return { ...to(record, event, 'working', 'subagents'), background: Math.max(1, record.background) };
  return to(record, event, 'working', record.verdict.detail === 'compacting' ? 'compacting' : null);
}

function isInTurn({ verdict }: AgentRecord): boolean {
  return (verdict.state === 'working' && verdict.detail !== 'subagents') || verdict.state === 'waiting';
}

function answered(record: AgentRecord, input: Input, event: SpooledEvent): AgentRecord {
  const use = useOf(input);
  const rest = record.pending.filter((other) => other !== use);
  const isNotAsked = rest.length === record.pending.length;
  // What a notification alone had told of has no use of a tool to it.
  if (isNotAsked && rest.length === 0 && record.verdict.state !== 'waiting')
    return active(record, input, event);
  return active({ ...record, pending: rest }, input, event);
}

function afterCompact(record: AgentRecord, event: SpooledEvent): AgentRecord {
  const before = record.beforeCompact;
  if (!before) return record;
  const restored = { ...record, beforeCompact: null };
  if (before.state === 'idle' || before.state === 'waiting')
    return { ...restored, verdict: { ...before, evidence: `${event.event} hook` } };
  return to(restored, event, 'working', before.state === 'working' ? before.detail : null);
}

/** One use of a tool, in words that its request, its permission and its result have in common. */
function useOf(input: Input): string {
  return `${textOf(input.agent_id) ?? ''} ${textOf(input.tool_name) ?? ''} ${safeJson(input.tool_input)}`.slice(
    0,
    400,
  );
}

function safeJson(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

/** Tools that are questions to the user. */
function questionOf(input: Input): 'answer' | 'permission' | null {
  if (input.tool_name === 'AskUserQuestion') return 'answer';
  return input.tool_name === 'ExitPlanMode' ? 'permission' : null;
}

/** Background tasks that think: a server in the background that goes on for ever is no work of the agent's. */
function runningSubagents(tasks: unknown): number {
  if (!Array.isArray(tasks)) return 0;
  return tasks.filter((task: unknown) => {
    if (typeof task !== 'object' || task === null) return false;
    const { type, status } = task as { type?: unknown; status?: unknown };
    if (typeof status === 'string' && /complete|fail|kill|stop|done|cancel/i.test(status)) return false;
    return !(typeof type === 'string' && /shell|bash|monitor|command/i.test(type));
  }).length;
}

/** What went wrong, in our words. StopFailure names it (`rate_limit`, `authentication_failed`); else its text tells. */
function failureOf(input: Input): string {
  const named = failureIn(textOf(input.error) ?? '');
  if (named !== null) return named;
  const isNamed = typeof input.error === 'string' && input.error !== 'unknown';
  const text = [input.error_details, input.last_assistant_message]
    .map((part) => textOf(part) ?? safeJson(part))
    .join(' ');
  return (isNamed ? null : failureIn(text)) ?? 'error';
}

function failureIn(words: string): string | null {
  if (/rate.?limit|usage.?limit|limit reached|quota|billing|credit|overage|\b429\b/i.test(words))
    return 'usage limit';
  return /auth|log.?in|api.?key|credential|\b401\b|\b403\b/i.test(words) ? 'auth' : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
