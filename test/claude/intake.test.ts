import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaudeFacts } from '../../src/claude/facts.js';
import { drain } from '../../src/claude/intake.js';
import type { HookEventName, SpooledEvent } from '../../src/claude/model.js';
import { agentRows } from '../../src/claude/overview.js';
import { type ChooseRequest, ConversationRegistry } from '../../src/claude/registry.js';
import { parseEntries } from '../../src/claude/registry-log.js';
import { sandbox } from '../support/sandbox.js';
import { makeSandbox } from '../support/world.js';
import {
  eventOf,
  FakeSpool,
  factsOf,
  type MadeProcess,
  serverPid,
  tableOf,
  twoClaudes,
  twoPanes,
} from './facts-of.js';

const [a, b, c] = ['a', 'b', 'c'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
];

type Given = Partial<Omit<SpooledEvent, 'event' | 'input'>>;
const start = (session_id: string, source: string, given?: Given) =>
  eventOf('SessionStart', { session_id, source }, given);
const plain = (event: HookEventName, session_id: string, input: object = {}, given?: Given) =>
  eventOf(event, { session_id, ...input }, given);

/** The Claude in pane %2. */
const second: Given = { pane: '%2', parent: { pid: 202, start: '1' }, ancestors: [{ pid: 102, start: '1' }] };

const chosen: ChooseRequest = {
  conversation: a,
  workspace: 'w1',
  paneKey: 'p1',
  pane: null,
  server: null,
  cwd: '/project',
  flags: ['--model', 'opus'],
  configDir: null,
  forkOf: null,
  name: null,
  evidence: 'opened',
};

/** A state folder with a spool in memory. */
function intake(home = sandbox().home) {
  const spool = new FakeSpool();
  const registry = new ConversationRegistry(home);
  const log = () => parseEntries(readFileSync(registry.file, 'utf8'));
  return {
    home,
    spool,
    registry,
    log,
    agents: join(home, 'claude/agents.json'),
    drain: (given: Partial<ClaudeFacts> = {}) => drain(home, factsOf(home, given), spool),
    kinds: () => log().map((entry) => `${entry.kind} ${entry.conversation.slice(0, 1)}`),
  };
}

describe('the conversation of a pane', () => {
  it('is the chosen one, proved by its own process', async () => {
    const world = intake();
    world.registry.choose([chosen]);
    world.spool.add(start(a, 'startup'), plain('UserPromptSubmit', a, { prompt: 'hi' }));
    const drained = await world.drain();
    expect(world.registry.current('w1', 'p1')).toMatchObject({
      conversation: a,
      pane: '%1',
      server: serverPid,
      process: { pid: 201, start: '1' },
      by: 'hook',
      prompted: true,
      flags: chosen.flags,
    });
    expect(world.kinds()).toEqual(['choose a', 'bind a', 'bind a']);
    expect(drained.changes.map(({ after }) => after.state)).toEqual(['idle', 'working']);
    expect(drained.counted.map(({ event }) => event.event)).toEqual(['SessionStart', 'UserPromptSubmit']);
  });

  it('is each pane its own, in one folder', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'), start(b, 'startup', second));
    await world.drain();
    expect(world.registry.current('w1', 'p1')?.conversation).toBe(a);
    expect(world.registry.current('w1', 'p2')?.conversation).toBe(b);
  });

  it('is a new one after /clear, with the words of the process', async () => {
    const world = intake();
    world.registry.choose([chosen]);
    world.spool.add(
      start(a, 'startup'),
      plain('SessionEnd', a, { reason: 'clear' }),
      start(b, 'clear', { at: '2030-01-01T00:00:01.000Z' }),
    );
    await world.drain();
    expect(world.kinds()).toEqual(['choose a', 'bind a', 'end a', 'rebind b']);
    expect(world.registry.current('w1', 'p1')).toMatchObject({
      conversation: b,
      flags: chosen.flags,
      prompted: false,
    });
    expect(world.registry.byConversation(a)).toMatchObject({ current: false, ended: { reason: 'clear' } });
  });

  it('was not prompted because something was to be compacted', async () => {
    const world = intake();
    world.registry.choose([chosen]);
    world.spool.add(start(a, 'startup'), plain('PreCompact', a, { trigger: 'manual' }));
    await world.drain();
    expect(world.registry.current('w1', 'p1')).toMatchObject({ prompted: false });
    world.spool.add(plain('Stop', a));
    await world.drain();
    expect(world.registry.current('w1', 'p1')).toMatchObject({ prompted: true });
  });

  it('is resumed and forked inside of the program', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'), start(b, 'resume'), start(c, 'fork'));
    await world.drain();
    expect(world.registry.byConversation(b)).toMatchObject({ prompted: true, forkOf: null });
    expect(world.registry.current('w1', 'p1')).toMatchObject({ conversation: c, prompted: false, forkOf: b });
  });

  it('stays in a compaction', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'), plain('UserPromptSubmit', a), start(a, 'compact'));
    const { agents } = await world.drain();
    expect(agents.get(a)?.verdict.state).toBe('working');
    expect(world.kinds()).toEqual(['bind a', 'bind a']);
  });

  it('is the fork that was chosen, also where it tells its parent’s id', async () => {
    const world = intake();
    world.spool.add(start(b, 'startup', second), plain('UserPromptSubmit', b, {}, second));
    world.registry.choose([{ ...chosen, conversation: c, forkOf: b }]);
    world.spool.add(start(b, 'resume'));
    const first = await world.drain();
    expect(first.refused).toEqual([]);
    expect(world.registry.current('w1', 'p1')).toMatchObject({ conversation: c, prompted: false, forkOf: b });
    expect(world.registry.current('w1', 'p2')).toMatchObject({ conversation: b, process: { pid: 202 } });
    world.spool.add(plain('UserPromptSubmit', c));
    await world.drain();
    expect(world.registry.byConversation(c)).toMatchObject({ prompted: true, process: { pid: 201 } });
  });

  it('is never that of a nested run, which is noted once', async () => {
    const world = intake();
    const nested: Given = { parent: { pid: 301, start: '1' } };
    const processes = tableOf([
      ...twoClaudes,
      { pid: 300, parent: 201, command: 'bash' },
      { pid: 301, parent: 300 },
    ]);
    world.spool.add(start(a, 'startup'), start(b, 'startup', nested), plain('Stop', b, {}, nested));
    const { refused } = await world.drain({ processes });
    expect(refused.map(({ evidence }) => evidence)).toEqual([
      "SessionStart hook: process 301 is nested in the pane's Claude Code, process 201",
    ]);
    expect(world.kinds()).toEqual(['bind a', 'refuse b']);
    // One that ended before anybody looked.
    const gone: Given = {
      parent: { pid: 401, start: '1' },
      ancestors: [
        { pid: 201, start: '1' },
        { pid: 101, start: '1' },
      ],
    };
    world.spool.add(start(c, 'startup', gone));
    expect((await world.drain()).refused[0]?.evidence).toContain("ran below the pane's Claude Code");
    expect(world.registry.current('w1', 'p1')?.conversation).toBe(a);
  });

  it('is known of one that ended before anybody looked, where nothing can stand between', async () => {
    const world = intake();
    const shell = (pid: number) => ({ pid, start: '1' });
    world.spool.add(
      start(a, 'startup', { parent: { pid: 301, start: '1' }, ancestors: [shell(101)] }),
      start(b, 'startup', {
        ...second,
        parent: { pid: 302, start: '1' },
        ancestors: [shell(301), shell(102)],
      }),
    );
    const { refused } = await world.drain();
    expect(refused.map(({ evidence }) => evidence)).toEqual([
      'SessionStart hook: process 302 had ended before it could be looked at',
    ]);
    expect(world.registry.current('w1', 'p1')).toMatchObject({ conversation: a, process: { pid: 301 } });
  });

  it('is told by a hook that has a shell between', async () => {
    const world = intake();
    const processes = tableOf([...twoClaudes, { pid: 300, parent: 201, command: 'sh' }]);
    world.spool.add(start(a, 'startup', { parent: { pid: 300, start: '1' } }));
    await world.drain({ processes });
    expect(world.registry.current('w1', 'p1')?.process).toEqual({ pid: 201, start: '1' });
  });

  it('is none that answers one prompt, or that names itself by no UUID', async () => {
    const world = intake();
    const processes = tableOf([
      ...twoClaudes.slice(0, 3),
      { pid: 202, parent: 102, foreground: true, argv: ['claude', '-p', 'x'] },
    ]);
    world.spool.add(
      start(b, 'startup', second),
      start('../../etc', 'startup'),
      plain('Stop', 'x'.repeat(999)),
    );
    const { refused } = await world.drain({ processes });
    expect(refused.map(({ evidence }) => evidence)).toEqual([
      'SessionStart hook: process 202 answers one prompt and ends (-p)',
      'SessionStart hook: the id that it names is no UUID',
      'Stop hook: the id that it names is no UUID',
    ]);
    expect(world.registry.all()).toEqual([]);
  });

  it('is not open in two panes', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'), start(a, 'resume', second));
    const { refused } = await world.drain();
    expect(refused[0]?.evidence).toContain('the conversation is open in pane %1 (process 201)');
    expect(world.registry.current('w1', 'p2')).toBeNull();
    // It moves when the first process is gone.
    world.spool.add(plain('UserPromptSubmit', a, {}, second));
    await world.drain({ processes: tableOf(twoClaudes.filter(({ pid }) => pid !== 201)) });
    expect(world.registry.byConversation(a)).toMatchObject({ paneKey: 'p2', process: { pid: 202 } });
    expect(world.registry.current('w1', 'p1')).toBeNull();
  });

  it('is known of events that were read after the server’s death', async () => {
    const world = intake();
    world.registry.choose([chosen]);
    world.spool.add(start(a, 'startup'));
    await world.drain();
    world.spool.add(
      plain('SessionEnd', a, { reason: 'clear' }),
      start(b, 'clear'),
      plain('UserPromptSubmit', b),
      plain('SessionEnd', b, { reason: 'other' }),
    );
    await world.drain({ server: null, panes: [], processes: tableOf([]) });
    expect(world.registry.current('w1', 'p1')).toMatchObject({
      conversation: b,
      prompted: true,
      ended: { reason: 'other' },
    });
  });

  it('is not that of a pane of the same id on another server', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup', { tmux: '/tmp/s,49,0' }), start(a, 'startup', { tmux: null }));
    world.spool.add(start(a, 'startup', { pane: '%9' }), start(a, 'startup', { pane: null }));
    const drained = await world.drain();
    expect(drained).toMatchObject({ taken: 4, counted: [], refused: [] });
    expect(world.registry.all()).toEqual([]);
  });

  it('is proved again after a restart with the same words, in seconds', async () => {
    const world = intake();
    world.spool.add(start(a, 'resume'));
    await world.drain();
    world.registry.choose([{ ...chosen, paneKey: 'p2' }]);
    world.spool.add(start(a, 'resume', second));
    await world.drain({ processes: tableOf(twoClaudes.filter(({ pid }) => pid !== 201)) });
    expect(world.registry.current('w1', 'p2')).toMatchObject({ conversation: a, process: { pid: 202 } });
  });
});

describe('one that was started by hand', () => {
  const write = (world: ReturnType<typeof intake>, pid: number, sessionId: string, given = {}) =>
    writeFileSync(
      join(world.home, `.claude/sessions/${pid}.json`),
      JSON.stringify({ pid, sessionId, cwd: '/project/sub', procStart: '1', status: 'busy', ...given }),
    );
  const made = () => {
    const box = sandbox();
    box.file('.claude/sessions/x', '');
    return intake(box.home);
  };

  it('is adopted by the file of its process, and followed', async () => {
    const world = made();
    write(world, 201, a);
    const processes = tableOf([
      ...twoClaudes.slice(0, 1),
      { pid: 201, parent: 101, foreground: true, argv: ['claude', '--model', 'opus', 'hi'] },
    ]);
    const drained = await world.drain({ processes });
    expect(world.registry.current('w1', 'p1')).toMatchObject({
      conversation: a,
      by: 'file',
      process: { pid: 201, start: '1' },
      cwd: '/project/sub',
      flags: ['--model', 'opus'],
    });
    expect(agentRows(drained.facts, drained)).toMatchObject([
      { pane: '%1', conversation: a, state: 'working', evidence: 'registry file' },
    ]);
    await world.drain({ processes });
    expect(world.kinds()).toEqual(['bind a']);
    write(world, 201, b);
    await world.drain({ processes });
    expect(world.kinds()).toEqual(['bind a', 'rebind b']);
  });

  it('is proved by its hook, when that comes after the file', async () => {
    const world = made();
    world.registry.choose([chosen]);
    write(world, 201, a);
    await world.drain();
    expect(world.registry.current('w1', 'p1')).toMatchObject({ by: 'file' });
    world.spool.add(start(a, 'startup', { at: '2030-01-01T00:00:05.000Z' }));
    await world.drain();
    expect(world.registry.current('w1', 'p1')).toMatchObject({
      conversation: a,
      by: 'hook',
      at: '2030-01-01T00:00:05.000Z',
      prompted: false,
    });
    await world.drain();
    expect(world.kinds()).toEqual(['choose a', 'bind a', 'bind a']);
  });

  it('is not taken from a file that is older than what a hook told', async () => {
    const world = made();
    write(world, 201, a);
    world.spool.add(start(a, 'startup'), start(b, 'clear', { at: new Date().toISOString() }));
    await world.drain();
    expect(world.registry.current('w1', 'p1')?.conversation).toBe(b);
    expect(world.kinds()).toEqual(['bind a', 'rebind b']);
  });

  it('is refused where its conversation lives in another pane, once', async () => {
    const world = made();
    write(world, 201, a);
    await world.drain();
    write(world, 202, a);
    const { refused } = await world.drain();
    expect(refused.map(({ evidence }) => evidence)).toEqual([
      'registry file: the conversation is open in pane %1 (process 201)',
    ]);
    await world.drain();
    expect(world.kinds()).toEqual(['bind a', 'refuse a']);
  });

  it('is left alone outside of the foreground, and when it is nested', async () => {
    const world = made();
    write(world, 199, a);
    write(world, 201, b);
    write(world, 301, c);
    const others: MadeProcess[] = [
      { pid: 199, parent: 1, foreground: true },
      { pid: 301, parent: 201 },
    ];
    await world.drain({ processes: tableOf([...twoClaudes, ...others]) });
    expect(world.kinds()).toEqual(['bind b']);
  });
});

describe('the intake', () => {
  const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

  it('counts an event that comes by two ways once', async () => {
    const world = intake();
    const events = [start(a, 'startup'), plain('UserPromptSubmit', a, { prompt: 'x' }), plain('Stop', a)];
    world.spool.add(...events.flatMap((event) => [event, event]));
    const drained = await world.drain();
    expect(drained.taken).toBe(6);
    expect(drained.counted.map(({ event }) => event.event)).toEqual([
      'SessionStart',
      'UserPromptSubmit',
      'Stop',
    ]);
  });

  it('hands over what a killed one had not', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'), plain('UserPromptSubmit', a), start(b, 'startup', second));
    await world.drain();
    const whole = readFileSync(world.registry.file, 'utf8');
    const lines = whole.split('\n');
    // Killed before the registry had all of it, at any of its lines or in the middle of one.
    for (const length of [0, lines[0]!.length + 1, lines[0]!.length + 9]) {
      truncateSync(world.registry.file, length);
      await world.drain();
      const kept = parseEntries(readFileSync(world.registry.file, 'utf8'));
      expect(kept).toEqual(parseEntries(whole));
      await world.drain();
      expect(parseEntries(readFileSync(world.registry.file, 'utf8'))).toEqual(kept);
      writeFileSync(world.registry.file, whole);
    }
  });

  it('takes nothing where the world could not be read', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'));
    const failing = drain(world.home, () => Promise.reject(new Error('no answer')), world.spool);
    await expect(failing).rejects.toThrow('no answer');
    expect((await world.drain()).taken).toBe(1);
  });

  it('begins anew beside a store that cannot be read', async () => {
    const world = intake();
    world.spool.add(start(a, 'startup'));
    await world.drain();
    writeFileSync(world.agents, '{"format":1,');
    expect((await world.drain()).agents.get(a)?.verdict.state).toBe('idle');
    expect(world.registry.current('w1', 'p1')?.conversation).toBe(a);
  });

  it('forgets agents that ended long ago', async () => {
    const world = intake();
    world.spool.add(
      start(a, 'startup'),
      plain('SessionEnd', a, { reason: 'other' }),
      start(b, 'startup', second),
    );
    expect((await world.drain()).agents.size).toBe(2);
    world.spool.add(plain('Stop', b, {}, second));
    expect([...(await world.drain({ now: new Date('2030-03-01') })).agents.keys()]).toEqual([b]);
  });

  it('makes the same of all events, however it is called, and of copies nothing', async () => {
    const anyEvent = fc
      .record({
        event: fc.constantFrom<HookEventName[]>(
          'SessionStart',
          'UserPromptSubmit',
          'PreToolUse',
          'PostToolUse',
          'PermissionRequest',
          'Stop',
          'SessionEnd',
          'PreCompact',
        ),
        id: fc.constantFrom(a, b, c, 'none'),
        source: fc.constantFrom('startup', 'resume', 'clear', 'compact', 'fork'),
        from: fc.constantFrom<Given[]>({}, {}, second, { parent: { pid: 999, start: '1' } }, { pane: '%7' }),
        tool: fc.nat(3),
        broken: fc.boolean(),
      })
      .map(({ event, id, source, from, tool, broken }) =>
        plain(
          event,
          id,
          { source, tool_name: 'Bash', tool_use_id: `t${tool}` },
          broken && tool === 0 ? { ...from, tmux: 'x' } : from,
        ),
      );
    const world = makeSandbox();
    let runs = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyEvent, { maxLength: 12 }),
          fc.array(fc.nat(4), { maxLength: 6 }),
          async (events, cuts) => {
            runs += 1;
            const whole = intake(world.file(`${runs}/whole/x`, '').slice(0, -2));
            const parts = intake(world.file(`${runs}/parts/x`, '').slice(0, -2));
            whole.spool.add(...events);
            await whole.drain();
            let at = 0;
            for (const cut of [...cuts, events.length]) {
              parts.spool.add(...events.slice(at, at + cut));
              at += cut;
              await parts.drain();
            }
            const bare = ({ agents, place }: { agents: unknown; place: number }) => ({ agents, place });
            if (events.length > 0) expect(bare(json(parts.agents))).toEqual(bare(json(whole.agents)));
            expect(parts.registry.all()).toEqual(whole.registry.all());
            // Nothing is left to do.
            expect((await parts.drain()).taken).toBe(0);
          },
        ),
        { numRuns: 15 },
      );
    } finally {
      await world.dispose();
    }
  });

  it('lets two at once take each event once', async () => {
    const world = intake();
    world.spool.add(
      ...Array.from({ length: 40 }, (_, n) => plain('PreToolUse', a, { tool_use_id: `t${n}` })),
    );
    const both = await Promise.all([world.drain(), world.drain(), world.drain()]);
    expect(both.map(({ taken }) => taken).sort()).toEqual([0, 0, 40]);
  });
});

describe('the overview', () => {
  it('shows who waits longest first, and what is not proven', async () => {
    const world = intake();
    const facts = {
      panes: [...twoPanes, { ...twoPanes[0]!, id: '%3', key: 'p3', pid: 103 }],
    };
    world.registry.choose([{ ...chosen, conversation: c, paneKey: 'p3' }]);
    world.spool.add(
      start(a, 'startup'),
      start(b, 'startup', second),
      plain('UserPromptSubmit', a, {}, { at: '2030-01-01T00:08:00.000Z' }),
      plain('PermissionRequest', b, {}, { ...second, at: '2030-01-01T00:09:00.000Z' }),
    );
    const drained = await world.drain(facts);
    const rows = agentRows(drained.facts, drained).map(({ pane, state, evidence }) => [
      pane,
      state,
      evidence,
    ]);
    expect(rows).toEqual([
      ['%2', 'waiting', 'PermissionRequest hook'],
      ['%1', 'working', 'UserPromptSubmit hook'],
      ['%3', 'unknown', 'it was chosen for the pane, and has not told yet'],
    ]);
    const later = await world.drain({
      ...facts,
      processes: tableOf(twoClaudes.filter(({ pid }) => pid !== 201)),
    });
    const gone = agentRows(later.facts, later).find(({ pane }) => pane === '%1');
    expect(gone).toMatchObject({
      state: 'exited',
      evidence: 'process tree',
      since: '2030-01-01T00:08:00.000Z',
    });
    // Started again, and silent so far: what the one before did says nothing of it.
    world.registry.choose([chosen]);
    const again = await world.drain(facts);
    expect(agentRows(again.facts, again).find(({ pane }) => pane === '%1')).toMatchObject({
      state: 'unknown',
    });
    // It ended before it told anything, and its shell has the pane: not at once, since start files take their time.
    const shell = { processes: tableOf([{ pid: 103, command: 'bash', foreground: true, argv: ['bash'] }]) };
    const soon = await world.drain({ ...facts, ...shell, now: new Date(Date.now() + 1000) });
    const third = (at: typeof soon) => agentRows(at.facts, at).find(({ pane }) => pane === '%3');
    expect(third(soon)).toMatchObject({ state: 'unknown' });
    const over = { ...facts, ...shell, now: new Date(Date.now() + 60_000) };
    expect(third(await world.drain(over))).toMatchObject({
      state: 'exited',
      evidence: 'a shell has its pane (process tree)',
    });
    const waits = [
      { pid: 103, command: 'sh', foreground: true, argv: ['sh', '/x/shell/cw-start', '', '', '9'] },
    ];
    expect(third(await world.drain({ ...over, processes: tableOf(waits) }))).toMatchObject({
      state: 'unknown',
    });
    const runs = [{ pid: 103, foreground: true }];
    expect(third(await world.drain({ ...over, processes: tableOf(runs) }))).toMatchObject({
      state: 'unknown',
    });
    // Another server has panes of the same names.
    const other = await world.drain({ ...facts, server: { pid: 51 } });
    expect(
      agentRows(other.facts, other)
        .map(({ conversation }) => conversation)
        .sort(),
    ).toEqual([a, c]);
  });
});
