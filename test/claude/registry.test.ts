import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChooseRequest, ConversationRegistry } from '../../src/claude/registry.js';
import {
  type BindEntry,
  noConversations,
  parseEntries,
  printEntry,
  type RegistryEntry,
  reduceRegistry,
} from '../../src/claude/registry-log.js';
import { sandbox } from '../support/sandbox.js';
import { tableOf } from './facts-of.js';

const [a, b] = ['a', 'b'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`) as [
  string,
  string,
];
const at = '2030-01-02T03:04:05.000Z';

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

const bound: BindEntry = {
  kind: 'bind',
  at,
  conversation: a,
  workspace: 'w1',
  paneKey: 'p1',
  pane: '%1',
  server: 9,
  process: { pid: 100, start: '5' },
  by: 'hook',
  cwd: '/project',
  configDir: null,
  prompted: false,
  forkOf: null,
  evidence: 'SessionStart hook',
};

function registry() {
  return new ConversationRegistry(sandbox().home);
}

describe('the registry of conversations', () => {
  it('knows what was chosen, by pane and by id, and another reader too', () => {
    const world = sandbox();
    const writer = new ConversationRegistry(world.home);
    const reader = new ConversationRegistry(world.home);
    expect(reader.current('w1', 'p1')).toBeNull();
    writer.choose([chosen]);
    expect(reader.current('w1', 'p1')).toMatchObject({ conversation: a, process: null, flags: chosen.flags });
    writer.append([bound]);
    expect(reader.byConversation(a)).toMatchObject({
      pane: '%1',
      process: { pid: 100 },
      flags: chosen.flags,
    });
    expect(reader.currentOfPane(9, '%1')?.conversation).toBe(a);
    expect(reader.currentOfPane(8, '%1')).toBeNull();
    expect(statSync(writer.file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(writer.file)).mode & 0o777).toBe(0o700);
  });

  it('gives a pane to the one that came last, and keeps what the other was', () => {
    const log = registry();
    log.append([bound, { ...bound, kind: 'rebind', conversation: b, instead: a, cwd: '/elsewhere' }]);
    expect(log.current('w1', 'p1')?.conversation).toBe(b);
    expect(log.byConversation(a)).toMatchObject({ current: false, pane: '%1' });
  });

  it('keeps the folder that a conversation was started in, and that it was prompted', () => {
    const log = registry();
    log.append([
      { ...bound, prompted: true },
      { ...bound, cwd: '/later', pane: '%4' },
    ]);
    expect(log.byConversation(a)).toMatchObject({ cwd: '/project', prompted: true, pane: '%4' });
    log.choose([{ ...chosen, paneKey: 'p2' }]);
    expect(log.byConversation(a)).toMatchObject({ prompted: true, process: null, paneKey: 'p2' });
    expect(log.current('w1', 'p1')).toBeNull();
  });

  it('notes an end and a name, and nothing for a refusal', () => {
    const log = registry();
    const base = { at, conversation: a, evidence: 'x', pane: '%1', process: bound.process };
    log.append([bound, { ...base, kind: 'refuse' }]);
    const before = log.byConversation(a);
    expect(before?.ended).toBeNull();
    log.append([
      { ...base, kind: 'end', reason: 'logout' },
      { at, conversation: a, evidence: 'x', kind: 'name', name: 'api' },
    ]);
    expect(log.byConversation(a)).toMatchObject({ name: 'api', ended: { reason: 'logout' } });
    log.append([bound]);
    expect(log.byConversation(a)).toMatchObject({ name: 'api', ended: null });
  });

  it('refuses to start a conversation that lives in another pane, and says in which', () => {
    const log = registry();
    log.append([bound]);
    const living = tableOf([{ pid: 100, start: '5' }]);
    expect(() => log.choose([{ ...chosen, paneKey: 'p2' }], living)).toThrow(
      /is open in pane %1 \(process 100\)/,
    );
    // The pid is another process's by now.
    log.choose([{ ...chosen, paneKey: 'p2' }], tableOf([{ pid: 100, start: '6' }]));
    expect(log.current('w1', 'p2')?.conversation).toBe(a);
  });

  it('loses only the line that a crash tore', () => {
    const log = registry();
    log.append([bound]);
    appendFileSync(log.file, '{"kind":"bind","at":"2030');
    expect(log.all()).toHaveLength(1);
    log.append([{ ...bound, conversation: b, paneKey: 'p2' }]);
    expect(log.all().map((known) => known.conversation)).toEqual([a, b]);
    expect(new ConversationRegistry(dirname(dirname(log.file))).all()).toHaveLength(2);
    expect(readFileSync(log.file, 'utf8').endsWith('}\n')).toBe(true);
  });

  it('reads 10,000 lines at once, and a read one not again', () => {
    const log = registry();
    mkdirSync(dirname(log.file), { recursive: true });
    const lines = Array.from({ length: 10_000 }, (_, n) =>
      printEntry({ ...bound, paneKey: `p${n % 50}`, conversation: idOf(n % 500) }),
    );
    writeFileSync(log.file, lines.join(''));
    const before = process.cpuUsage(); // not the clock: others run beside us
    const state = log.state();
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
    expect(state.conversations.size).toBe(500);
    expect(log.state()).toBe(state);
  });

  it('begins anew with another file', () => {
    const log = registry();
    log.append([bound]);
    expect(log.all()).toHaveLength(1);
    writeFileSync(log.file, '');
    expect(log.all()).toEqual([]);
  });
});

describe('entries', () => {
  const text = fc.string({ maxLength: 8 });
  const orNull = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
  const id = fc.nat(5).map(idOf);
  const place = {
    at: text,
    conversation: id,
    evidence: text,
    workspace: fc.constantFrom('w1', 'w2'),
    paneKey: fc.constantFrom('p1', 'p2'),
    pane: orNull(text),
    server: orNull(fc.nat()),
    cwd: text,
    configDir: orNull(text),
    forkOf: orNull(id),
  };
  const process = fc.record({ pid: fc.nat(), start: orNull(text) });
  const entry: fc.Arbitrary<RegistryEntry> = fc.oneof(
    fc.record({ ...place, kind: fc.constant('choose' as const), flags: fc.array(text), name: orNull(text) }),
    fc.record({
      ...place,
      kind: fc.constantFrom('bind' as const, 'rebind' as const),
      process,
      by: fc.constantFrom('hook' as const, 'file' as const),
      prompted: fc.boolean(),
    }),
    fc.record({
      at: text,
      conversation: id,
      evidence: text,
      kind: fc.constant('end' as const),
      pane: orNull(text),
      process: orNull(process),
      reason: text,
    }),
    fc.record({
      at: text,
      conversation: id,
      evidence: text,
      kind: fc.constant('name' as const),
      name: orNull(text),
    }),
  );

  it('are read as they were printed', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        expect(parseEntries(entries.map(printEntry).join(''))).toEqual(entries);
      }),
    );
  });

  it('make one state however they come, and one pane has one conversation', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.nat(), (entries, cut) => {
        const at = entries.length === 0 ? 0 : cut % entries.length;
        const parts = reduceRegistry(entries.slice(at), reduceRegistry(entries.slice(0, at)));
        const state = reduceRegistry(entries);
        expect(parts).toEqual(entries.length === 0 ? noConversations : state);
        for (const [name, conversation] of state.panes) {
          const known = state.conversations.get(conversation)!;
          expect(`${known.workspace} ${known.paneKey}`).toBe(name);
          expect(known.current).toBe(true);
        }
        const current = [...state.conversations.values()].filter((known) => known.current);
        expect(current.length).toBe(state.panes.size);
      }),
    );
  });

  it('that are none are passed over', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json())), (lines) => {
        reduceRegistry(parseEntries(lines.join('\n')));
      }),
    );
  });
});

function idOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}
