import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentRow } from '../../src/claude/overview.js';
import { agentNews, wordsOf } from '../../src/integration/agent-notices.js';
import {
  decide,
  keyGap,
  most,
  type Notice,
  nothingTold,
  seenPanes,
  span,
  type Told,
  withdraw,
} from '../../src/integration/notify.js';
import { messageLine } from '../../src/integration/notify-channels.js';
import { type NoticeKind, noticeKinds } from '../../src/system/settings.js';
import { eventOf } from '../claude/facts-of.js';

function notice(key: string, more: Partial<Notice> = {}): Notice {
  return {
    key,
    kind: 'waiting',
    level: 'warning',
    title: key,
    text: '',
    workspace: null,
    pane: null,
    ...more,
  };
}

const all = { on: noticeKinds, seen: new Set<string>() };
const begin = Date.parse('2030-01-01T00:00:00Z');

describe('what is told', () => {
  it('is told at once, and the same again only after a while', () => {
    const first = decide(nothingTold, [notice('a', { text: '1' })], begin, all);
    expect(first).toMatchObject({ tell: [{ key: 'a' }], dueAt: null });
    const second = decide(first.told, [notice('a', { text: '2' })], begin + 5000, all);
    expect(second).toMatchObject({ tell: [], dueAt: begin + keyGap });
    const third = decide(second.told, [notice('a', { text: '3' })], begin + 6000, all);
    expect(third.tell).toEqual([]);
    expect(decide(third.told, [], begin + keyGap, all)).toMatchObject({
      tell: [{ key: 'a', text: '3' }],
      dueAt: null,
    });
    // It waited, and works again: there is nothing to be told any more.
    expect(decide(withdraw(third.told, ['a']), [], begin + keyGap, all).tell).toEqual([]);
  });

  it('is not what the user sees, nor what he does not want to know', () => {
    const about = { on: ['failed'] as const, seen: new Set(['%1']) };
    const told = decide(
      nothingTold,
      [
        notice('a', { kind: 'failed', pane: '%1' }),
        notice('b', { kind: 'failed', pane: '%2' }),
        notice('c', { kind: 'finished' }),
      ],
      begin,
      about,
    );
    expect(told.tell.map(({ key }) => key)).toEqual(['b']);
    expect(told.dueAt).toBeNull();
  });

  it('is one for all where there are many, the worst first', () => {
    const many = Array.from({ length: 100 }, (_, at) =>
      notice(`agent %${at}`, at === 70 ? { kind: 'failed', level: 'error' } : {}),
    );
    const { tell, dueAt } = decide(nothingTold, many, begin, all);
    expect(tell).toHaveLength(most);
    expect(tell[0]?.key).toBe('agent %70');
    expect(tell.at(-1)).toMatchObject({ key: 'many', title: '95 more: 95 waiting (cw agents)', pane: null });
    expect(tell.at(-1)?.text.split('\n').at(-1)).toBe('and 87 more');
    expect(dueAt).toBeNull();
  });

  it('goes on when the clock is set back', () => {
    const { told } = decide(nothingTold, [notice('a')], begin, all);
    expect(decide(told, [notice('a')], begin - 3_600_000, all).tell).toHaveLength(1);
  });

  it('keeps within its limits, and forgets nothing', () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 70_000 }),
      fresh: fc.array(
        fc.record({
          pane: fc.integer({ min: 0, max: 9 }),
          kind: fc.constantFrom(...noticeKinds),
          level: fc.constantFrom('info' as const, 'warning' as const, 'error' as const),
        }),
        { maxLength: 12 },
      ),
      seen: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 2 }),
      over: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 1 }),
    });
    const on = noticeKinds.filter((kind) => kind !== 'finished') as NoticeKind[];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let now = begin;
        let told: Told = nothingTold;
        const times: number[] = [];
        const byKey = new Map<string, number>();
        /** The newest of each key that is owed. */
        const owed = new Map<string, string>();
        let count = 0;
        const take = (fresh: readonly Notice[], seen: ReadonlySet<string>) => {
          const decision = decide(told, fresh, now, { on, seen });
          for (const each of fresh) owed.set(each.key, each.title);
          for (const [key] of owed)
            if (seen.has(key) || !on.includes(kinds.get(owed.get(key)!)!)) owed.delete(key);
          // Of what was joined nothing is held any more.
          const isJoined = decision.tell.some(({ key }) => key === 'many');
          const keys = isJoined
            ? [...owed.keys()].filter((key) => !decision.told.held.has(key))
            : decision.tell.map(({ key }) => key);
          for (const one of decision.tell) {
            times.push(now);
            if (one.key === 'many') continue;
            expect(one.title).toBe(owed.get(one.key));
            expect(seen.has(one.key)).toBe(false);
          }
          for (const key of keys) {
            const last = byKey.get(key);
            if (last !== undefined) expect(now - last).toBeGreaterThanOrEqual(keyGap);
            byKey.set(key, now);
            owed.delete(key);
          }
          told = decision.told;
          // Whatever is owed is held, with the time at which it comes.
          expect([...told.held.keys()].sort()).toEqual([...owed.keys()].sort());
          expect(decision.dueAt === null).toBe(owed.size === 0);
          if (decision.dueAt !== null) expect(decision.dueAt).toBeGreaterThan(now);
          return decision;
        };
        const kinds = new Map<string, NoticeKind>();
        for (const { wait, fresh, seen, over } of steps) {
          now += wait;
          const gone = over.map((pane) => `%${pane}`);
          told = withdraw(told, gone);
          for (const key of gone) owed.delete(key);
          const notices = fresh.map(({ pane, kind, level }) => {
            const title = `n${count++}`;
            kinds.set(title, kind);
            return notice(`%${pane}`, { pane: `%${pane}`, kind, level, title });
          });
          take(notices, new Set(seen.map((pane) => `%${pane}`)));
        }
        for (let rounds = 0; owed.size > 0; rounds++) {
          expect(rounds).toBeLessThan(100);
          now = take([], new Set()).dueAt ?? now;
        }
        for (const [at, time] of times.entries())
          expect(
            times.filter((other, place) => place >= at && other - time < span).length,
          ).toBeLessThanOrEqual(most);
      }),
      { numRuns: 300 },
    );
  });

  it('counts as seen only where a key was pressed lately', () => {
    const views = [
      { activity: begin / 1000 - 30, panes: ['%1', '%2'] },
      { activity: begin / 1000 - 90, panes: ['%3'] },
    ];
    expect([...seenPanes(views, begin)]).toEqual(['%1', '%2']);
  });

  it('is one harmless line', () => {
    expect(
      messageLine([notice('a', { title: 'shop %1 is done', text: 'x\n\x1b]0;y\x07 #[fg=red]#(id)' })]),
    ).toBe('shop %1 is done: x ]0;y  # [fg=red]#(id)');
    expect(messageLine([notice('a', { text: 'left out' }), notice('b')])).toBe('a · b');
    expect(Array.from(messageLine([notice('x'.repeat(500))]))).toHaveLength(240);
  });
});

const row = (state: AgentRow['state'], more: Partial<AgentRow> = {}): AgentRow => ({
  workspace: 'w0123456789ab',
  session: 'claude-dev-shop',
  window: 'code',
  pane: '%1',
  conversation: 'c1',
  state,
  detail: null,
  since: '2030-01-01T00:00:00.000Z',
  evidence: 'Stop hook',
  ...more,
});
const none = new Set<string>();
const later = { since: '2030-01-01T00:01:00.000Z' };
const name = (session: string) => session.slice('claude-dev-'.length);

describe('what is worth telling of agents', () => {
  it.each<[string, AgentRow | null, AgentRow, string | null]>([
    ['a question', row('working'), row('waiting', { ...later, detail: 'answer' }), 'waits for an answer'],
    [
      'a permission',
      row('working'),
      row('waiting', { ...later, detail: 'permission' }),
      'waits for a permission',
    ],
    ['one at its first sight', null, row('waiting', { detail: 'permission' }), 'waits for a permission'],
    ['another question', row('waiting'), row('waiting', later), 'waits for a permission'],
    ['a wait that is told better', row('waiting'), row('waiting', { detail: 'answer' }), null],
    ['the end of a turn', row('working'), row('idle', later), 'is done'],
    [
      'the end of a turn without hooks',
      row('working'),
      row('idle', { ...later, evidence: 'registry file' }),
      'is done',
    ],
    [
      'a turn between two looks',
      row('idle', { evidence: 'SessionStart hook' }),
      row('idle', later),
      'is done',
    ],
    ['its hook after its file', row('idle', { evidence: 'registry file' }), row('idle', later), 'is done'],
    ['its file before its hook', row('working'), row('idle', { ...later, evidence: 'registry file' }), null],
    [
      'a wait by its file, then by its hook',
      row('waiting', { evidence: 'registry file' }),
      row('waiting', { since: '2030-01-01T00:00:01.000Z' }),
      null,
    ],
    [
      'a wait by its file, then another one',
      row('waiting', { evidence: 'registry file' }),
      row('waiting', later),
      'waits for a permission',
    ],
    ['Esc at a question', row('waiting'), row('idle', { ...later, evidence: 'registry file' }), null],
    ['a start', null, row('idle', { evidence: 'SessionStart hook' }), null],
    ['/clear', row('working'), row('idle', { conversation: 'c2', evidence: 'SessionStart hook' }), null],
    [
      'another conversation',
      row('working'),
      row('idle', { conversation: 'c2', evidence: 'registry file' }),
      null,
    ],
    ['a prompt', row('idle'), row('working', later), null],
    ['an error', row('working'), row('idle', { ...later, detail: 'usage limit' }), 'failed: usage limit'],
    [
      'a death',
      row('working'),
      row('exited', { ...later, evidence: 'process tree' }),
      'ended in the middle of its turn',
    ],
    ['the end of an idle one', row('idle'), row('exited', { ...later, evidence: 'process tree' }), null],
    ['/exit', row('working'), row('exited', { ...later, evidence: 'SessionEnd hook' }), null],
    [
      'silence',
      row('working'),
      row('unknown', { ...later, evidence: 'no sign of life for 11 min' }),
      'gives no sign of life for 11 min',
    ],
    ['nothing', row('waiting'), row('waiting'), null],
  ])('%s', (what, before, after, title) => {
    const heard = new Set(what.includes('without hooks') ? [] : ['c1']);
    const news = agentNews(before === null ? [] : [before], [after], name, heard);
    expect(news.notices.map((each) => each.title)).toEqual(title === null ? [] : [`shop %1 ${title}`]);
  });

  it('is nothing at the first look, and is over when it is not so any more', () => {
    expect(agentNews(null, [row('waiting')], name, none)).toEqual({ notices: [], over: [] });
    expect(agentNews([row('waiting')], [row('working', later)], name, none).over).toEqual(['agent %1']);
    expect(agentNews([row('waiting')], [], name, none).over).toEqual(['agent %1']);
  });

  it('is said with what the agent asks and says', () => {
    const words = wordsOf(
      [
        eventOf('PermissionRequest', { tool_name: 'Bash', tool_input: { command: 'npm test' } }),
        eventOf('Stop', { last_assistant_message: 'All good.\n\nThree tests pass.\n' }),
        eventOf('PreToolUse', {
          tool_name: 'AskUserQuestion',
          tool_input: { questions: [{ question: 'Which?' }] },
        }),
        eventOf('Stop', { last_assistant_message: 5 }),
        eventOf('PermissionRequest', {}),
      ].map((event, at) => ({ conversation: `c${at}`, event: { ...event, place: at } })),
    );
    expect([...words]).toEqual([
      ['c0', 'Bash npm test'],
      ['c1', 'Three tests pass.'],
      ['c2', 'Which?'],
    ]);
    const { notices } = agentNews([], [row('waiting', { conversation: 'c0' })], name, none, words);
    expect(notices).toMatchObject([
      { text: 'Bash npm test', workspace: 'shop', pane: '%1', level: 'warning' },
    ]);
  });
});
