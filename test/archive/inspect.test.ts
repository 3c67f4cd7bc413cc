import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memberName } from '../../src/archive/members.js';
import { layoutChecksum } from '../../src/blueprint/layout.js';
import { verb } from '../../src/cli/commands/inspect.js';
import type { ObservedPane, ProcessEntry, Snapshot } from '../../src/snapshot/model.js';
import { runVerb } from '../cli/run-verb.js';
import { draftOf } from '../snapshot/store-draft-data.js';
import { archiveWith } from './hostile.js';
import { blobOf, conversation, testFolder, write } from './support.js';

/** Sets the title, clears the screen, turns the writing, colours by C1, ends the line. */
const hostile = '\x1b]0;evil\x07\x1b[2J\u202e\u009b31m\r\nx';

function snapshotWith(change: (snapshot: Snapshot) => void): Snapshot {
  const draft = structuredClone(draftOf({ panes: 2 }));
  const snapshot: Snapshot = {
    ...draft,
    format: 1,
    sequence: 3,
    at: '2026-11-29T10:00:00.000Z',
    reason: 'manual',
    note: null,
  };
  change(snapshot);
  return snapshot;
}

const processOf = (...argv: string[]): ProcessEntry => ({
  pid: 5,
  argv,
  exact: true,
  parent: null,
  stopped: false,
  stdin: null,
  stdout: null,
  stderr: null,
});

function group(...argv: string[]): ObservedPane['program'] {
  return { kind: 'group', form: 'command', within: [], processes: [processOf(...argv)], stopped: [] };
}

/** All there is by which something runs, with a mark in each. */
const busy = snapshotWith(({ blueprint, panes }) => {
  blueprint.hooks = { on_attach: 'run-hook' };
  blueprint.options = {
    'default-command': 'run-default',
    'status-right': '#(run-status)',
    '@plain': '#{pane_id}',
  };
  const [window] = blueprint.windows;
  window!.options = { 'pane-border-format': '#{E:pane_title}' };
  const [first, second] = window!.panes;
  first!.run = 'run-line';
  first!.shell = '/run/shell';
  first!.options = { '@x': '#(run-option)' };
  second!.startCommand = 'run-start';
  panes.p0 = { ...panes.p0!, program: group('run-program', 'a b'), typed: null };
  panes.p1 = {
    ...panes.p1!,
    program: { kind: 'shell', stopped: [processOf('run-stopped')] },
    typed: 'run-typed',
    editorSession: 'a'.repeat(64),
    conversation: {
      conversation,
      cwd: '/p',
      flags: ['--dangerously-skip-permissions'],
      configDir: null,
      prompted: true,
      forkOf: null,
      name: null,
    },
  };
});

async function inspected(
  snapshot: unknown,
  more: Parameters<typeof write>[1] = [],
  words: readonly string[] = [],
) {
  const folder = testFolder();
  const path = join(folder, 'a.tar.gz');
  await write(path, [{ name: memberName.snapshot, data: Buffer.from(JSON.stringify(snapshot)) }, ...more]);
  const answer = await runVerb(verb, ['a.tar.gz', ...words], { env: { HOME: folder }, cwd: folder });
  expect(readdirSync(folder)).toEqual(['a.tar.gz']);
  return answer;
}

it('every way by which an import could run something is shown', async () => {
  const { text, data } = await inspected(busy);
  const { commands } = data as { commands: { where: string; what: string; line: string }[] };
  expect(commands.map(({ where, what, line }) => `${where} ${what}: ${line}`)).toEqual([
    'workspace hook on_attach: run-hook',
    'workspace option default-command: run-default',
    'workspace option status-right: #(run-status)',
    'window 1 option pane-border-format: #{E:pane_title}',
    '1.1 shell: /run/shell',
    '1.1 run: run-line',
    '1.1 option @x: #(run-option)',
    "1.1 program: run-program 'a b'",
    '1.2 start command: run-start',
    '1.2 stopped program: run-stopped',
    '1.2 typed: run-typed',
    '1.2 editor session: a script of the editor',
    `1.2 conversation: claude --resume ${conversation} --dangerously-skip-permissions`,
  ]);
  for (const { line } of commands) expect(text).toContain(line);
  expect(text).toMatch(/hook on_attach +it runs a command by itself/);
  expect(text).toMatch(/option status-right +it can make tmux run a command/);
});

it('it says what it holds, from where, what was left out, and what to mind', async () => {
  const chunk = blobOf('text\n');
  const gone = 'b'.repeat(64);
  const repository = { remotes: [{ name: 'origin', url: 'git@example.org:ann/shop.git' }] };
  const snapshot = snapshotWith(({ panes }) => {
    panes.p0 = {
      ...panes.p0!,
      scrollback: { chunks: [chunk.name.slice('scrollback/'.length, -'.gz'.length), gone], lines: 9 },
      conversation: {
        conversation,
        cwd: '/p',
        flags: [],
        configDir: null,
        prompted: true,
        forkOf: null,
        name: null,
      },
    };
  });
  const { text } = await inspected(snapshot, [
    chunk,
    { name: memberName.repository, data: Buffer.from(JSON.stringify(repository)) },
    { name: memberName.journal('a.md'), data: Buffer.alloc(2048) },
  ]);
  expect(text).toContain('shop  of desk, 2026-11-29T10:00:00.000Z');
  expect(text).toContain('/home/ann/shop');
  expect(text).toContain('cw 0.1.0, tmux 3.3a');
  expect(text).toContain('All checksums are right.');
  expect(text).toMatch(/journal +1 +2048 bytes/);
  expect(text).toContain('git@example.org:ann/shop.git');
  expect(text).toMatch(/\.env +it holds secrets/);
  expect(text).toContain('API_KEY');
  expect(text).toContain('its snapshot is of web');
  expect(text).toContain('1 of 2 pieces of the panes');
  expect(text).toContain(`The transcript of the conversation ${conversation} is not in it.`);
  expect(text).not.toContain('Other users');
});

it('the picture has the panes where they stood', async () => {
  const cells = '80x24,0,0{40x24,0,0,1,39x24,41,0,2}';
  const snapshot = snapshotWith(({ blueprint }) => {
    const [window] = blueprint.windows;
    window!.layout = `${layoutChecksum(cells)},${cells}`;
    window!.panes[0]!.role = 'editor';
    window!.panes[1]!.role = 'logs';
  });
  const { text } = await inspected(snapshot);
  expect(text).toMatch(/┌ 1 main {2}80x24 ─+┬─+┐\n│ 1 editor .*│ 2 logs .*│/);
});

describe('nothing in it acts on the terminal', () => {
  const evil = snapshotWith(({ blueprint, panes }) => {
    blueprint.name = hostile;
    blueprint.path = `/${hostile}`;
    blueprint.options = { [hostile]: hostile };
    blueprint.hooks = { on_attach: hostile };
    const [window] = blueprint.windows;
    window!.name = hostile;
    for (const pane of window!.panes) {
      pane.role = hostile;
      pane.title = hostile;
      pane.cwd = `/${hostile}`;
      pane.shell = hostile;
      pane.run = hostile;
      pane.startCommand = hostile;
      pane.options = { '@x': `#(${hostile})` };
      pane.environment = { [hostile]: hostile };
      panes[pane.key] = {
        ...panes[pane.key]!,
        program: group(hostile, hostile),
        typed: hostile,
        conversation: {
          conversation: hostile,
          cwd: hostile,
          flags: [hostile],
          configDir: null,
          prompted: true,
          forkOf: null,
          name: hostile,
        },
      };
    }
  });
  evil.git = { branch: hostile, commit: hostile, dirty: true };

  it('of a snapshot', async () => {
    const repository = Buffer.from(JSON.stringify({ remotes: [{ url: hostile }] }));
    const { text } = await inspected(evil, [{ name: memberName.repository, data: repository }]);
    expect(text).toContain('\\x1b]0;evil\\x07');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    // No line of it begins a line of ours.
    expect(text).not.toMatch(/^x/m);
  });

  it('of a manifest', async () => {
    const folder = testFolder();
    const snapshot = { name: 'snapshot.json', data: Buffer.from(JSON.stringify(busy)) };
    const path = join(folder, 'a.tar.gz');
    writeFileSync(
      path,
      archiveWith([snapshot], (manifest) => ({
        ...manifest,
        cw: hostile,
        tmux: hostile,
        host: hostile,
        at: hostile,
        workspace: hostile,
        project: hostile,
        home: hostile,
        leftOut: [{ what: hostile, why: hostile }],
        redacted: [hostile],
      })),
    );
    const { text, kind } = await runVerb(verb, ['a.tar.gz'], { env: { HOME: folder }, cwd: folder });
    expect(kind).toBe('done');
    expect(text).toContain('\\u202e');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  });
});

it('a file that others can read is minded', async () => {
  const folder = testFolder();
  const path = join(folder, 'a.tar.gz');
  await write(path, [{ name: memberName.snapshot, data: Buffer.from(JSON.stringify(busy)) }]);
  chmodSync(path, 0o644);
  const { text } = await runVerb(verb, ['a.tar.gz'], { env: { HOME: folder }, cwd: folder });
  expect(text).toContain('Other users of this machine can read it');
});

it('what is no archive of a workspace is refused', async () => {
  const folder = testFolder();
  await write(join(folder, 'a.tar.gz'), [{ name: memberName.commits, data: Buffer.from('x') }]);
  const around = { env: { HOME: folder }, cwd: folder };
  expect(await runVerb(verb, ['a.tar.gz'], around)).toMatchObject({
    kind: 'refused',
    text: expect.stringMatching(/no snapshot/),
  });
  expect(await inspected({ format: 1 })).toMatchObject({ kind: 'refused' });
  expect(await runVerb(verb, ['b.tar.gz'], around)).toMatchObject({ kind: 'not-found' });
});
