import type { Drained } from '../claude/intake.js';
import { type AgentRow, waitsFor } from '../claude/overview.js';
import type { Notice } from './notify.js';

/** What changes of agents are worth telling. Pure. */

export interface AgentNews {
  readonly notices: readonly Notice[];
  /** Keys of what was told or held of agents, and is not true any more. */
  readonly over: readonly string[];
}

/** What an agent said last, or asks for; by conversation. */
export type Words = ReadonlyMap<string, string>;

/**
 * Compares what agents do with what they did.
 *
 * @param before null at the first look: what was so before is no news.
 * @param nameOf the name of a workspace, by its session.
 * @param heard the conversations whose hooks tell of them.
 */
export function agentNews(
  before: readonly AgentRow[] | null,
  rows: readonly AgentRow[],
  nameOf: (session: string) => string,
  heard: ReadonlySet<string>,
  words: Words = new Map(),
): AgentNews {
  if (before === null) return { notices: [], over: [] };
  const old = new Map(before.map((row) => [row.pane, row]));
  const notices: Notice[] = [];
  const over: string[] = [];
  for (const row of rows) {
    const was = old.get(row.pane) ?? null;
    old.delete(row.pane);
    if (was && isSame(was, row)) continue;
    const news = newsOf(was, row, heard.has(row.conversation));
    const key = keyOf(row);
    if (!news) {
      over.push(key);
      continue;
    }
    const workspace = nameOf(row.session);
    notices.push({
      key,
      kind: news.kind,
      level: news.kind === 'finished' ? 'info' : news.kind === 'failed' ? 'error' : 'warning',
      title: `${workspace} ${row.pane} ${news.title}`,
      text: news.kind === 'failed' ? '' : (words.get(row.conversation) ?? ''),
      workspace,
      pane: row.pane,
    });
  }
  return { notices, over: [...over, ...[...old.values()].map(keyOf)] };
}

function keyOf({ pane }: AgentRow): string {
  return `agent ${pane}`;
}

function isSame(one: AgentRow, other: AgentRow): boolean {
  return (
    one.conversation === other.conversation &&
    one.state === other.state &&
    one.detail === other.detail &&
    one.since === other.since
  );
}

function newsOf(
  was: AgentRow | null,
  row: AgentRow,
  isHeard: boolean,
): { readonly kind: 'waiting' | 'finished' | 'failed'; readonly title: string } | null {
  // After /clear the pane is in another conversation's hands, which has not done anything yet.
  const before = was?.conversation === row.conversation ? was : null;
  const wasBusy = before?.state === 'working' || before?.state === 'waiting';
  switch (row.state) {
    case 'waiting':
      if (before?.state === 'waiting' && isSameWait(before, row)) return null;
      return {
        kind: 'waiting',
        title: `waits for ${waitsFor(row.detail)}`,
      };
    case 'idle':
      if (row.detail !== null) return { kind: 'failed', title: `failed: ${row.detail}` };
      return isFinished(before, row, isHeard) ? { kind: 'finished', title: 'is done' } : null;
    case 'exited':
      // One that its user ended says so by a hook.
      return wasBusy && row.evidence === 'process tree'
        ? { kind: 'failed', title: 'ended in the middle of its turn' }
        : null;
    case 'unknown':
      return before?.state === 'working' && row.evidence.startsWith('no sign of life')
        ? { kind: 'failed', title: `gives ${row.evidence}` }
        : null;
    case 'working':
      return null;
  }
}

/** What the program's file had told already is the same wait when its hook comes. */
function isSameWait(before: AgentRow, row: AgentRow): boolean {
  const between = Math.abs(Date.parse(row.since) - Date.parse(before.since));
  return between === 0 || (before.evidence === 'registry file' && between < 5000);
}

function isFinished(before: AgentRow | null, row: AgentRow, isHeard: boolean): boolean {
  // The program's file can say it a moment before the hook does, which knows the last words; and after Esc it is the
  // file alone.
  if (isHeard) return row.evidence === 'Stop hook';
  return row.evidence === 'registry file' && before?.state === 'working';
}

type Input = Readonly<Record<string, unknown>>;

/** What agents asked and said last, by the events that were taken just now: one line each. */
export function wordsOf(counted: Drained['counted']): Map<string, string> {
  const words = new Map<string, string>();
  for (const { conversation, event } of counted) {
    const said = event.input && saidBy(event.event, event.input);
    if (said) words.set(conversation, said.length <= longest ? said : `${said.slice(0, longest - 1)}…`);
  }
  return words;
}

const longest = 200;

function saidBy(event: string, input: Input): string | null {
  const tool = isObject(input.tool_input) ? input.tool_input : {};
  switch (event) {
    case 'PermissionRequest': {
      const subject = [tool.command, tool.file_path, tool.url].find((one) => typeof one === 'string');
      return [input.tool_name, subject].filter((one) => typeof one === 'string').join(' ') || null;
    }
    case 'PreToolUse': {
      const [first] = Array.isArray(tool.questions) ? tool.questions : [];
      return isObject(first) && typeof first.question === 'string' ? first.question : null;
    }
    case 'Stop': {
      const text = typeof input.last_assistant_message === 'string' ? input.last_assistant_message : '';
      // The end says what came of it.
      return text.trim().split('\n').at(-1)?.trim() || null;
    }
    default:
      return null;
  }
}

function isObject(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
