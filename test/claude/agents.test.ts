import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStore, printStore } from '../../src/claude/agent-store.js';
import { type AgentRecord, newAgent, reduceAgent } from '../../src/claude/agents.js';
import { countOnce } from '../../src/claude/dedupe.js';
import type { SessionFile } from '../../src/claude/evidence.js';
import { type AgentEvidence, judge, patience } from '../../src/claude/judge.js';
import { agentStates, type HookEventName, hookEvents, type SpooledEvent } from '../../src/claude/model.js';
import { eventOf } from './facts-of.js';

const start = Date.parse('2030-01-01T00:00:00.000Z');
const time = (seconds: number) => new Date(start + seconds * 1000).toISOString();

type Told = readonly (HookEventName | readonly [HookEventName, object])[];

/** What is known after these events, one a second, each with its input. */
function told(...events: Told): AgentRecord {
  return events.reduce<AgentRecord>(
    (record, one, at) => {
      const [name, input] = typeof one === 'string' ? [one, {}] : one;
      return reduceAgent(record, { ...eventOf(name, { ...input }, { at: time(at) }), place: at });
    },
    newAgent(time(0), 'no event'),
  );
}

const bash = { tool_name: 'Bash', tool_input: { command: 'ls' } };
const edit = { tool_name: 'Edit', tool_input: { file: 'x' } };
const subagent = { background_tasks: [{ id: '1', type: 'subagent', status: 'running' }] };

describe('what an agent does, by its events', () => {
  it.each<[string, Told, string, string | null, number]>([
    ['is idle when it has started', [['SessionStart', { source: 'startup' }]], 'idle', null, 0],
    ['works on a prompt', ['SessionStart', 'UserPromptSubmit', ['PreToolUse', bash]], 'working', null, 1],
    ['is idle after its turn', ['UserPromptSubmit', ['PostToolUse', bash], 'Stop'], 'idle', null, 2],
    [
      'waits for a permission',
      ['UserPromptSubmit', ['PreToolUse', bash], ['PermissionRequest', bash]],
      'waiting',
      'permission',
      2,
    ],
    [
      'has waited since the request, not since the notice of it',
      [
        'UserPromptSubmit',
        ['PermissionRequest', bash],
        ['Notification', { notification_type: 'permission_prompt' }],
      ],
      'waiting',
      'permission',
      1,
    ],
    [
      'waits for a permission of which only a notice came',
      ['UserPromptSubmit', ['Notification', { notification_type: 'permission_prompt' }]],
      'waiting',
      'permission',
      1,
    ],
    [
      'waits for an answer',
      ['UserPromptSubmit', ['PreToolUse', { tool_name: 'AskUserQuestion', tool_input: {} }]],
      'waiting',
      'answer',
      1,
    ],
    [
      'works again when it was answered',
      ['UserPromptSubmit', ['PermissionRequest', bash], ['PostToolUse', bash]],
      'working',
      null,
      2,
    ],
    [
      'works again when the permitted tool failed',
      ['UserPromptSubmit', ['PermissionRequest', bash], ['PostToolUseFailure', bash]],
      'working',
      null,
      2,
    ],
    [
      'waits while another tool goes on beside it',
      ['UserPromptSubmit', ['PermissionRequest', bash], ['PreToolUse', edit], ['PostToolUse', edit]],
      'waiting',
      'permission',
      1,
    ],
    [
      'waits until both questions are answered',
      ['UserPromptSubmit', ['PermissionRequest', bash], ['PermissionRequest', edit], ['PostToolUse', bash]],
      'waiting',
      'permission',
      1,
    ],
    ['works while its subagents do', ['UserPromptSubmit', ['Stop', subagent]], 'working', 'subagents', 0],
    [
      'works while its subagents do, whatever the empty composer says',
      ['UserPromptSubmit', ['Stop', subagent], ['Notification', { notification_type: 'idle_prompt' }]],
      'working',
      'subagents',
      0,
    ],
    [
      'is idle beside a server in the background',
      ['UserPromptSubmit', ['Stop', { background_tasks: [{ type: 'shell', status: 'running' }] }]],
      'idle',
      null,
      1,
    ],
    [
      'works when a subagent uses a tool after its turn',
      ['UserPromptSubmit', 'Stop', ['PreToolUse', { ...bash, agent_id: 'x' }]],
      'working',
      'subagents',
      2,
    ],
    [
      'takes the end of a task as a prompt',
      [['Stop', subagent], 'UserPromptSubmit', 'Stop'],
      'idle',
      null,
      2,
    ],
    ['compacts', ['UserPromptSubmit', ['PreCompact', { trigger: 'auto' }]], 'working', 'compacting', 0],
    [
      'is not idle by a compaction in the middle of a turn',
      ['UserPromptSubmit', 'PreCompact', ['SessionStart', { source: 'compact' }], 'PostCompact'],
      'working',
      null,
      0,
    ],
    [
      'is idle again after /compact',
      [['SessionStart', { source: 'startup' }], 'PreCompact', ['SessionStart', { source: 'compact' }]],
      'idle',
      null,
      0,
    ],
    ['says an error', ['UserPromptSubmit', ['StopFailure', { error: 'server_error' }]], 'idle', 'error', 1],
    [
      'says a limit',
      ['UserPromptSubmit', ['StopFailure', { error: 'rate_limit' }]],
      'idle',
      'usage limit',
      1,
    ],
    [
      'says that it must log in',
      ['UserPromptSubmit', ['StopFailure', { error: 'authentication_failed' }]],
      'idle',
      'auth',
      1,
    ],
    [
      'reads a limit from the text alone where nothing names it',
      [
        'UserPromptSubmit',
        ['StopFailure', { error: 'unknown', last_assistant_message: 'Usage limit reached' }],
      ],
      'idle',
      'usage limit',
      1,
    ],
    ['ends', ['SessionStart', 'UserPromptSubmit', ['SessionEnd', { reason: 'other' }]], 'exited', null, 2],
    [
      'forgets questions of a turn that ended',
      ['UserPromptSubmit', ['PermissionRequest', bash], 'Stop', 'UserPromptSubmit'],
      'working',
      null,
      3,
    ],
  ])('%s', (_, events, state, detail, since) => {
    const { verdict } = told(...events);
    expect(verdict).toMatchObject({ state, detail, since: time(since) });
    expect(verdict.evidence).toMatch(/ hook$/);
  });
});

const json = fc.jsonValue({ maxDepth: 2 });
const anyInput = fc.option(
  fc.record(
    {
      source: fc.oneof(fc.constantFrom('startup', 'resume', 'clear', 'compact', 'fork'), json),
      notification_type: fc.oneof(
        fc.constantFrom('permission_prompt', 'idle_prompt', 'elicitation_dialog'),
        json,
      ),
      tool_name: fc.oneof(fc.constantFrom('Bash', 'AskUserQuestion', 'ExitPlanMode'), json),
      tool_input: json,
      tool_use_id: json,
      agent_id: json,
      background_tasks: fc.oneof(fc.array(fc.record({ type: json, status: json })), json),
      error: json,
      last_assistant_message: json,
      transcript_path: json,
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  { nil: null },
);
const anyEvents = fc.array(
  fc.record({
    event: fc.constantFrom(...hookEvents),
    input: anyInput,
    at: fc.oneof(fc.nat(1000).map(time), fc.string()),
  }),
  { maxLength: 30 },
);

function spooled(
  events: readonly { event: HookEventName; input: object | null; at: string }[],
): SpooledEvent[] {
  return events.map(({ event, input, at }, place) => ({
    ...eventOf(event, {}, { at }),
    input: input as Record<string, unknown> | null,
    place,
  }));
}

const claude = { pid: 201, start: '1' };

describe('any events', () => {
  it('are taken, whatever they hold, and what is made of them can be kept', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        let record = newAgent(time(0), 'no event');
        for (const event of spooled(events)) {
          const seen = countOnce(record.seen, event, claude);
          if (seen) record = { ...reduceAgent(record, event), seen, process: claude };
          expect(agentStates).toContain(record.verdict.state);
          expect(record.pending.length).toBeLessThanOrEqual(64);
        }
        const id = '00000000-0000-4000-8000-000000000000';
        const store = { place: 7, agents: new Map([[id, record]]), outbox: [], refused: ['x'] };
        expect(parseStore(printStore(store))).toEqual(store);
      }),
      { numRuns: 200 },
    );
  });

  it('that are no store are none', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseStore(text)));
    expect(parseStore('{"format":2,"place":0,"agents":{},"outbox":[],"refused":[]}')).toBeNull();
  });
});

describe('an event that comes by two ways', () => {
  const event = (name: HookEventName, input: object, at = 0) =>
    ({ ...eventOf(name, { ...input }, { at: time(at) }), place: 0 }) as SpooledEvent;
  const count = (...events: readonly SpooledEvent[]) => {
    let seen: ReturnType<typeof countOnce> = [];
    return events.map((one) => {
      const next = countOnce(seen ?? [], one, claude);
      seen = next ?? seen;
      return next !== null;
    });
  };
  const prompt = { prompt: 'yes' };

  it('counts once, and again where it is meant again', () => {
    expect(count(event('UserPromptSubmit', prompt), event('UserPromptSubmit', prompt))).toEqual([
      true,
      false,
    ]);
    // Another turn.
    expect(
      count(event('UserPromptSubmit', prompt), event('Stop', {}, 1), event('UserPromptSubmit', prompt, 2)),
    ).toEqual([true, true, true]);
    // After Esc, when nothing is told in between.
    expect(count(event('UserPromptSubmit', prompt), event('UserPromptSubmit', prompt, 60))).toEqual([
      true,
      true,
    ]);
    expect(
      count(event('PermissionRequest', bash), event('PostToolUse', bash), event('PermissionRequest', bash)),
    ).toEqual([true, true, true]);
  });

  it('is another one of another process', () => {
    const one = event('SessionStart', { source: 'resume' });
    const seen = countOnce([], one, claude);
    expect(countOnce(seen!, one, claude)).toBeNull();
    expect(countOnce(seen!, one, { pid: 202, start: '1' })).not.toBeNull();
  });

  it('counts once wherever the second copies of parallel tools come, and changes nothing', () => {
    const tools = fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(tools, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })))),
        (turns) => {
          const once: SpooledEvent[] = [];
          const twice: SpooledEvent[] = [];
          // Hooks of one event end before the next one begins, but for those of tools that run beside each other.
          const alone = (one: SpooledEvent) => {
            once.push(one);
            twice.push(one, one);
          };
          turns.forEach(([ids, order], turn) => {
            const at = turn;
            alone(event('UserPromptSubmit', prompt, at));
            const used = ids.flatMap((id) =>
              (['PreToolUse', 'PostToolUse'] as const).map((name) =>
                event(name, { ...bash, tool_use_id: `${turn} ${id}` }, at),
              ),
            );
            once.push(...used);
            const copies = used.map((one, place) => ({ one, place: place + order.next().value! * 8 }));
            const firsts = used.map((one, place) => ({ one, place }));
            twice.push(...[...firsts, ...copies].sort((x, y) => x.place - y.place).map(({ one }) => one));
            alone(event('Stop', {}, at));
          });
          const run = (events: readonly SpooledEvent[]) => {
            let record = newAgent(time(0), 'no event');
            let counted = 0;
            for (const one of events) {
              const seen = countOnce(record.seen, one, claude);
              if (!seen) continue;
              counted += 1;
              record = { ...reduceAgent(record, one), seen };
            }
            return { counted, record };
          };
          expect(run(twice)).toEqual(run(once));
          expect(run(once).counted).toBe(once.length);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('what is seen beside the events', () => {
  const alive: AgentEvidence = { process: 'alive', file: null, transcriptAt: null };
  const file = (
    status: SessionFile['status'],
    at: number | null,
    given: Partial<SessionFile> = {},
  ): SessionFile => ({
    process: claude,
    conversation: 'x',
    cwd: null,
    status,
    waitingFor: null,
    statusAt: at === null ? null : time(at),
    writtenAt: 0,
    configDir: null,
    ...given,
  });
  const now = (seconds: number) => start + seconds * 1000;
  const working = told('SessionStart', 'UserPromptSubmit');
  const stale = patience / 1000 + 60;

  it('ends an agent whose process is gone', () => {
    expect(judge(working, { ...alive, process: 'gone' }, now(99))).toEqual({
      state: 'exited',
      detail: null,
      since: time(1),
      evidence: 'process tree',
    });
  });

  it('leaves a word that is fresh', () => {
    expect(judge(working, alive, now(60))).toBe(working.verdict);
    expect(judge(working, { ...alive, file: file('idle', 0) }, now(60))).toBe(working.verdict);
    // Of the same moment: its own is still on its way.
    expect(judge(working, { ...alive, file: file('idle', 1.05) }, now(2))).toBe(working.verdict);
    expect(judge(working, { ...alive, file: file('idle', 0.95) }, now(60))).toMatchObject({ state: 'idle' });
    expect(judge(working, { ...alive, file: file('idle', null) }, now(60))).toBe(working.verdict);
  });

  it('takes the word of the file that is newer: Esc told nothing', () => {
    expect(judge(working, { ...alive, file: file('idle', 30) }, now(60))).toMatchObject({
      state: 'idle',
      since: time(30),
      evidence: 'registry file',
    });
    const waiting = file('waiting', 30, { waitingFor: 'user answer' });
    expect(judge(working, { ...alive, file: waiting }, now(60))).toMatchObject({
      state: 'waiting',
      detail: 'answer',
    });
    const asked = told('UserPromptSubmit', ['PermissionRequest', bash]);
    expect(judge(asked, { ...alive, file: file('busy', 30) }, now(60))).toMatchObject({ state: 'working' });
    expect(judge(asked, { ...alive, file: file('waiting', 30) }, now(60))).toBe(asked.verdict);
  });

  it('takes the word of the file where there is no other', () => {
    const unknown = newAgent(time(0), 'chosen');
    expect(judge(unknown, { ...alive, file: file('busy', null) }, now(1))).toMatchObject({
      state: 'working',
    });
    expect(judge(unknown, { ...alive, file: file('shell', 1) }, now(1))).toMatchObject({ state: 'working' });
    expect(judge(unknown, { ...alive, file: file(null, 1) }, now(1))).toMatchObject({ state: 'unknown' });
  });

  it('lets subagents work while the program is at its prompt, but not for ever', () => {
    const record = told('UserPromptSubmit', ['Stop', subagent]);
    const evidence = { ...alive, file: file('idle', 5) };
    expect(judge(record, evidence, now(60))).toBe(record.verdict);
    expect(judge(record, evidence, now(stale + 10))).toMatchObject({ state: 'idle' });
  });

  it('gives up a working state without a sign of life', () => {
    expect(judge(working, alive, now(stale))).toMatchObject({
      state: 'unknown',
      evidence: 'no sign of life for 10 min',
    });
    expect(judge(working, { ...alive, transcriptAt: now(stale - 60) }, now(stale))).toBe(working.verdict);
    expect(judge(working, { ...alive, file: file('busy', null) }, now(stale))).toBe(working.verdict);
    // A clock that was set back by a day.
    expect(judge(working, alive, now(-86_400))).toMatchObject({ state: 'unknown' });
  });

  it('lets one wait as long as it must', () => {
    const asked = told('UserPromptSubmit', ['PermissionRequest', bash]);
    expect(judge(asked, alive, now(99 * stale))).toBe(asked.verdict);
  });

  it('never keeps a working state that nothing supports, whatever came before', () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const record = spooled(events).reduce(reduceAgent, newAgent(time(0), 'no event'));
        expect(judge(record, alive, now(1000 + stale)).state).not.toBe('working');
      }),
    );
  });
});
