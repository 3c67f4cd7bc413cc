import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConversationRegistry } from '../../src/claude/registry.js';
import { keptOf, type PanePlace } from '../../src/snapshot/conversations.js';
import type { Program } from '../../src/snapshot/model.js';

const id = '11111111-2222-4333-8444-555555555555';
const shell: Program = { kind: 'shell', stopped: [] };
const group = (...argv: string[]): Program => ({
  kind: 'group',
  form: 'command',
  within: [],
  processes: [
    { pid: 9, argv, exact: true, parent: null, stopped: false, stdin: null, stdout: null, stderr: null },
  ],
  stopped: [],
});

interface Given {
  readonly record?: PanePlace['record'];
  /** What the shell noted; null: no file. */
  readonly ending?: string | null;
  readonly age?: number;
  /** Seconds since the conversation was chosen for the pane; not given: none was. */
  readonly chosen?: number;
  /** Its process proved it. */
  readonly bound?: 'by its key' | 'by its id';
}

const run = { key: 'w1.p1', run: 'claude --model opus', started: null };

function kept(program: Program, given: Given) {
  const folder = mkdtempSync(join(tmpdir(), 'cw-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const registry = new ConversationRegistry(folder);
  const now = Date.now();
  const at = new Date(now - (given.chosen ?? 0) * 1000).toISOString();
  const place = { workspace: 'w1', paneKey: 'w1.p1', pane: null, server: null, cwd: '/', configDir: null };
  const rest = { conversation: id, at, evidence: '', forkOf: null };
  if (given.chosen !== undefined)
    registry.append([{ ...rest, ...place, kind: 'choose', flags: ['--model', 'opus'], name: null }]);
  if (given.bound) {
    const process = { pid: 9, start: null };
    const paneKey = given.bound === 'by its key' ? 'w1.p1' : '%7';
    const where = { ...place, paneKey, pane: '%7', server: 5, process, prompted: true };
    registry.append([{ ...rest, ...where, kind: 'bind', by: 'hook', flags: ['--model', 'opus'] }]);
  }
  const endingFile = join(folder, 'ending');
  if (given.ending != null) writeFileSync(endingFile, given.ending);
  const age = () => given.age ?? 100;
  const record = given.record === undefined ? run : given.record;
  const found = keptOf(
    registry,
    { workspace: 'w1', key: 'w1.p1', id: '%7', server: 5, record, endingFile, age },
    program,
    now,
  );
  return [found.program.kind, found.conversation?.conversation ?? null, found.givenUp];
}

describe('what a pane of a conversation is saved with', () => {
  it.each<[string, Program, Given, ReturnType<typeof kept>]>([
    ['it runs', group('claude'), { chosen: 500, bound: 'by its key' }, ['group', id, null]],
    ['it runs as declared', { kind: 'declared', stopped: [] }, { chosen: 500 }, ['declared', id, null]],
    [
      'it runs in a pane that was split off',
      group('claude'),
      { record: null, bound: 'by its id' },
      ['group', id, null],
    ],
    ['it ended', shell, { chosen: 500, bound: 'by its key', ending: '0 400\n' }, ['shell', null, null]],
    [
      'it was killed later',
      shell,
      { chosen: 500, bound: 'by its key', ending: '137 400\n' },
      ['shell', null, null],
    ],
    ['it has not begun', shell, { chosen: 2, ending: '' }, ['shell', id, null]],
    ['its pane is new', shell, { chosen: 2, ending: '', age: 2 }, ['declared', id, null]],
    ['a start file runs before it', group('git', 'status'), { chosen: 2, ending: '' }, ['group', id, null]],
    ['it failed at once', shell, { chosen: 500, ending: '1 0\n' }, ['declared', id, null]],
    ['it failed, in a shell that notes nothing', shell, { chosen: 500 }, ['shell', id, null]],
    ['it ended at once, and well', shell, { chosen: 500, ending: '0 1\n' }, ['shell', null, null]],
    [
      'it failed, and something else runs',
      group('top'),
      { chosen: 500, ending: '1 0\n' },
      ['group', null, id],
    ],
    ['it failed, and its pane is dead', { kind: 'dead', status: 1 }, { chosen: 500 }, ['dead', id, null]],
  ])('%s', (_, program, given, expected) => {
    expect(kept(program, given)).toEqual(expected);
  });
});

describe('what another pane is saved with', () => {
  const dev = { key: 'w1.p1', run: 'npm run dev', started: null };
  const again = { key: 'w1.p1', run: null, started: "ssh 'build host'" };
  it.each<[string, Program, Given, string]>([
    ['what was declared failed at once', shell, { record: dev, ending: '1 3\n' }, 'declared'],
    ['it failed later', shell, { record: dev, ending: '1 300\n' }, 'shell'],
    ['the user broke it off', shell, { record: dev, ending: '130 3\n' }, 'shell'],
    ['it ended well', shell, { record: dev, ending: '0 3\n' }, 'shell'],
    ['it has not begun yet', shell, { record: dev, ending: '', age: 1 }, 'declared'],
    ['it was broken off by Ctrl-C', shell, { record: dev, ending: '', age: 60 }, 'shell'],
    ['what ran there before failed at once', shell, { record: again, ending: '255 1\n' }, 'group'],
    ['it was not started by us', shell, { record: null, ending: '1 3\n' }, 'shell'],
  ])('%s', (_, program, given, expected) => {
    expect(kept(program, given)).toEqual([expected, null, null]);
  });

  it('the words of what failed are those that it was started with', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cw-kept-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const endingFile = join(folder, 'ending');
    writeFileSync(endingFile, '255 1\n');
    const place = {
      workspace: 'w1',
      key: 'k',
      id: '%7',
      server: 5,
      record: again,
      endingFile,
      age: () => 9e9,
    };
    const { program } = keptOf(new ConversationRegistry(folder), place, shell, 0);
    expect(program).toMatchObject({ form: 'command', processes: [{ argv: ['ssh', 'build host'] }] });
  });
});
