import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configDirOf, parseSessionFile, readSessionFiles, standing } from '../../src/claude/evidence.js';
import { ancestors, processTable } from '../../src/system/process-table.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { tableOf } from './facts-of.js';

const id = '0b3a9b9e-5b1c-4e0e-9a55-0123456789ab';

describe("the program's own file of a conversation", () => {
  const whole = {
    pid: 7,
    sessionId: id,
    cwd: '/p',
    procStart: '123',
    status: 'waiting',
    waitingFor: 'permission',
    statusUpdatedAt: Date.parse('2030-01-01T00:00:00.000Z'),
  };

  it('is read with care', () => {
    expect(parseSessionFile(JSON.stringify(whole), 7, null, 5)).toEqual({
      process: { pid: 7, start: '123' },
      conversation: id,
      cwd: '/p',
      status: 'waiting',
      waitingFor: 'permission',
      statusAt: '2030-01-01T00:00:00.000Z',
      writtenAt: 5,
      configDir: null,
    });
    const few = JSON.stringify({ pid: 7, sessionId: id, procStart: 123, status: 'dancing' });
    expect(parseSessionFile(few, 7, null, 5)).toMatchObject({
      process: { start: '123' },
      status: null,
      statusAt: null,
      cwd: null,
    });
    expect(parseSessionFile(JSON.stringify({ ...whole, pid: 8 }), 7, null, 5)).toBeNull();
    expect(parseSessionFile(JSON.stringify({ ...whole, sessionId: 'x' }), 7, null, 5)).toBeNull();
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseSessionFile(text, 7, null, 5)),
    );
  });

  it('counts only for a process that lives and started when it says', () => {
    const world = sandbox();
    const write = (pid: number, start: string) =>
      world.file(`conf/sessions/${pid}.json`, JSON.stringify({ ...whole, pid, procStart: start }));
    write(7, '123');
    write(8, '123'); // killed, and the pid is another one's
    write(9, '123'); // killed
    write(10, 'Mon Jan 1 00:00:00 2030'); // in another notation: nothing against it
    world.file('conf/sessions/11.json', '{"pid":11,');
    world.file('conf/sessions/note.txt', 'x');
    mkdirSync(join(world.home, 'conf/sessions/12.json'));
    const table = tableOf([7, 8, 10, 11, 12].map((pid) => ({ pid, start: pid === 8 ? '999' : '123' })));
    const read = readSessionFiles(join(world.home, 'conf'), table, {});
    expect(read.map((file) => file.process)).toEqual(
      expect.arrayContaining([
        { pid: 7, start: '123' },
        { pid: 10, start: '123' },
      ]),
    );
    expect(read).toHaveLength(2);
    expect(readSessionFiles(join(world.home, 'none'), table, {})).toEqual([]);
    expect(readSessionFiles(null, table, { HOME: world.home })).toEqual([]);
  });
});

// A Claude Code as its processes are: hooks and tools run in sessions of their own, without a terminal.
const outer = `#!/bin/sh
echo $$ > outer.pid
setsid sh -c 'echo $$ > hook.pid; sleep 1000 & wait' </dev/null >/dev/null 2>&1 &
setsid sh -c './nested/claude & wait' </dev/null >/dev/null 2>&1 &
sleep 1000 & wait
`;
const nested = `#!/bin/sh
echo $$ > nested.pid
setsid sh -c 'echo $$ > nested-hook.pid; sleep 1000 & wait' &
sleep 1000 & wait
`;

describe.runIf(process.platform === 'linux')('the place of a process', () => {
  it('is told by its ancestors and its terminal', async () => {
    const world = sandbox();
    world.file('claude', outer, 0o755);
    world.file('nested/claude', nested, 0o755);
    const environment = ['-e', 'CLAUDE_CONFIG_DIR=/conf/x'];
    world.tmux('-f', '/dev/null', 'new-session', '-d', '-c', world.home, ...environment, 'bash --norc');
    world.tmux('split-window', '-d', '-c', world.home, 'bash --norc');
    world.tmux('send-keys', './claude', 'Enter');
    const [first, second] = world.tmux('list-panes', '-F', '#{pane_pid}').trim().split('\n').map(Number);
    const pid = (name: string) =>
      waitUntil(`${name} runs`, () => Number(readFileSync(join(world.home, `${name}.pid`), 'utf8')));
    const pids = {
      outer: await pid('outer'),
      hook: await pid('hook'),
      nested: await pid('nested'),
      nestedHook: await pid('nested-hook'),
    };
    const table = processTable();
    const of = (one: number) => ({ pid: one, start: table.get(one)?.start ?? null });
    const own = { kind: 'own', process: of(pids.outer) };
    expect(table.get(pids.outer)?.command).toBe('claude');
    expect(table.argv(pids.outer)).toEqual(['/bin/sh', './claude']);
    expect(ancestors(pids.outer, table)[0]?.pid).toBe(first);
    expect(standing(of(pids.outer), first!, table)).toEqual(own);
    expect(standing(of(pids.hook), first!, table)).toEqual(own);
    const isNested = { kind: 'nested', within: of(pids.outer) };
    expect(standing(of(pids.nested), first!, table)).toEqual(isNested);
    expect(standing(of(pids.nestedHook), first!, table)).toEqual(isNested);
    expect(standing(of(pids.outer), second!, table)).toEqual({ kind: 'elsewhere' });
    expect(standing(of(first!), first!, table)).toEqual({ kind: 'elsewhere' }); // its shell
    expect(standing({ pid: pids.outer, start: '1' }, first!, table)).toEqual({ kind: 'gone' });
    // One that an agent gave a terminal of its own is nested all the same, where the pane's own is known.
    expect(standing(of(pids.nested), first!, table, of(pids.outer))).toEqual(isNested);
    expect(configDirOf(pids.outer)).toBe('/conf/x');
    expect(configDirOf(process.pid)).toBeNull();
    expect(configDirOf(2 ** 30)).toBeUndefined();
  });

  it('is nowhere once it has ended', () => {
    expect(processTable().get(2 ** 30)).toBeNull();
    expect(processTable().argv(2 ** 30)).toEqual([]);
    expect(ancestors(2 ** 30, processTable())).toEqual([]);
  });

  it('is nested in a terminal that an agent made, below the one that is known', () => {
    const table = tableOf([
      { pid: 101, parent: 50, command: 'bash' },
      { pid: 201, parent: 101, foreground: true },
      { pid: 301, parent: 201, command: 'script' },
      { pid: 302, parent: 301, foreground: true },
    ]);
    expect(standing({ pid: 302, start: '1' }, 101, table).kind).toBe('own');
    expect(standing({ pid: 302, start: '1' }, 101, table, { pid: 201, start: '1' }).kind).toBe('nested');
  });

  it('ends where a parent is younger than its child', () => {
    const table = tableOf([
      { pid: 5, parent: 4, start: '100' },
      { pid: 4, parent: 3, start: '200' },
    ]);
    expect(ancestors(5, table)).toEqual([]);
  });
});
