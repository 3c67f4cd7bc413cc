import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ask,
  configFolder,
  type FakeClaudeOptions,
  installFakeClaude,
  letGo,
  presenceOf,
  press,
  prompt,
  ready,
  startClaude,
  transcriptOf,
  waitForStatus,
} from '../support/claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

// What is known of Claude Code from runs of it: the fake is held to it here, so that tests which stand on the fake
// stand on that.

type Event = Record<string, unknown> & { readonly hook_event_name: string; readonly session_id: string };

const a = '11111111-1111-4111-8111-111111111111';
const b = '22222222-2222-4222-8222-222222222222';

/** A sandbox with a fake Claude, and settings whose hooks log their input, one line each. */
function claudeWorld(options: FakeClaudeOptions = {}) {
  const world = sandbox();
  installFakeClaude(world, options);
  const log = join(world.folder, 'events');
  const settings = world.file('hooks.json', JSON.stringify(loggingHooks(log)));
  const events = (): Event[] =>
    existsSync(log)
      ? readFileSync(log, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Event)
      : [];
  const names = () => events().map((event) => event.hook_event_name);
  const headless = (...words: string[]) => world.run('claude', ['-p', ...words, '--settings', settings]);
  const start = (words: readonly string[] = [], cwd = world.home) =>
    startClaude(world, ['--settings', settings, ...words], { cwd });
  return { world, settings, events, names, headless, start };
}

function loggingHooks(log: string, command = `cat >>'${log}'`) {
  const events = [
    ...['SessionStart', 'UserPromptSubmit', 'PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'SessionEnd'],
    ...[
      'PermissionRequest',
      'Notification',
      'Stop',
      'StopFailure',
      'SubagentStop',
      'PreCompact',
      'PostCompact',
    ],
  ];
  return {
    hooks: Object.fromEntries(events.map((name) => [name, [{ hooks: [{ type: 'command', command }] }]])),
  };
}

const exited = (world: Sandbox, pane: string, code: number) =>
  waitUntil(`the Claude of ${pane} has ended`, () => {
    const screen = world.screen(pane);
    if (screen.includes(`[exit ${code}]`)) return true;
    throw new Error(`the screen is:\n${screen.trimEnd()}`);
  });

describe('conversations of the fake Claude', () => {
  it('has the id that it is given, once', async () => {
    const { world, headless } = claudeWorld();
    expect(await headless('--session-id', a, 'hello')).toEqual({
      code: 0,
      stdout: 'You said: hello\n',
      stderr: '',
    });
    const slug = world.home.replace(/[^A-Za-z0-9]/g, '-');
    const file = join(configFolder(world), 'projects', slug, `${a}.jsonl`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await headless('--session-id', a, 'hello');
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain(`Session ID ${a} is already in use.`);
    expect(await headless('--session-id', 'x', 'hello')).toMatchObject({ code: 1 });
    expect((await headless('--resume', a, '--session-id', b, 'hello')).code).toBe(1);
  });

  it('goes on with a known one, and with no other', async () => {
    const { world, headless, names } = claudeWorld();
    await headless('--session-id', a, 'first');
    const resumed = await headless('--resume', a, 'second', '--output-format', 'json');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ session_id: a, is_error: false, num_turns: 1 });
    const lines = transcriptOf(world, a)!;
    const users = lines.filter(({ type }) => type === 'user');
    expect(users.map(({ message }) => (message as { content: string }).content)).toEqual(['first', 'second']);
    expect(lines.find(({ type }) => type === 'assistant')).toMatchObject({ sessionId: a, cwd: world.home });
    const one = ['SessionStart', 'UserPromptSubmit', 'Stop', 'SessionEnd'];
    expect(names()).toEqual([...one, ...one]);
    const unknown = await headless('--resume', b, 'x');
    expect(unknown).toEqual({ code: 1, stdout: '', stderr: `No conversation found with session ID: ${b}\n` });
    // A file without anything said is none to resume, and yet its id is taken.
    writeFileSync(join(configFolder(world), 'projects', world.home.replace(/\W|_/g, '-'), `${b}.jsonl`), '');
    expect((await headless('--resume', b, 'x')).stderr).toContain('No conversation found');
    expect((await headless('--session-id', b, 'x')).stderr).toContain('already in use');
  });

  it('finds one from elsewhere unless it is old, and none that lies below two folders', async () => {
    const { world, headless } = claudeWorld();
    await headless('--session-id', a, 'hello');
    const other = join(world.home, 'other');
    mkdirSync(other);
    expect((await world.run('claude', ['-p', '--resume', a, 'x'], { cwd: other })).code).toBe(0);
    const projects = join(configFolder(world), 'projects');
    expect(readdirSync(projects)).toHaveLength(1);
    installFakeClaude(world, { version: '2.1.197' });
    expect((await world.run('claude', ['-p', '--resume', a, 'x'], { cwd: other })).code).toBe(1);
    installFakeClaude(world);
    const [slug] = readdirSync(projects);
    mkdirSync(join(projects, 'twin'));
    writeFileSync(join(projects, 'twin', `${a}.jsonl`), readFileSync(join(projects, slug!, `${a}.jsonl`)));
    expect((await headless('--resume', a, 'x')).stderr).toContain('No conversation found');
  });

  it('forks with a chosen id and the whole history, and leaves the original as it was', async () => {
    const { world, headless, events } = claudeWorld();
    await headless('--session-id', a, 'first');
    const before = JSON.stringify(transcriptOf(world, a));
    await headless('--resume', a, '--fork-session', '--session-id', b, 'second');
    expect(JSON.stringify(transcriptOf(world, a))).toBe(before);
    expect(JSON.stringify(transcriptOf(world, b))).toMatch(/first.*second/);
    const start = events().filter(({ hook_event_name: name }) => name === 'SessionStart');
    expect(start.map(({ source, session_id }) => [source, session_id])).toEqual([
      ['startup', a],
      ['fork', b],
    ]);
    const old = claudeWorld({ version: '2.1.197' });
    await old.headless('--session-id', a, 'first');
    await old.headless('--resume', a, '--fork-session', '--session-id', b, 'second');
    const told = old.events().map(({ hook_event_name: name, session_id }) => [name, session_id]);
    expect(told.slice(4, 6)).toEqual([
      ['SessionStart', a],
      ['UserPromptSubmit', b],
    ]);
  });

  it('goes on with the newest of the folder, or begins anew without a word', async () => {
    const { headless, events } = claudeWorld();
    expect((await headless('--continue', 'x')).code).toBe(0);
    const first = events()[0]!;
    expect(first).toMatchObject({ source: 'startup' });
    await headless('--continue', 'y');
    expect(events()[4]).toMatchObject({ source: 'resume', session_id: first.session_id });
  });

  it('has a name, by which it is found where that is the only one', async () => {
    const { headless } = claudeWorld();
    await headless('--session-id', a, '-n', 'cart', 'x');
    expect(
      JSON.parse((await headless('--resume', 'cart', 'y', '--output-format', 'json')).stdout).session_id,
    ).toBe(a);
    await headless('--session-id', b, '-n', 'cart', 'x');
    const ambiguous = await headless('--resume', 'cart', 'y');
    expect(ambiguous.code).toBe(1);
    expect(ambiguous.stderr).toContain(a);
    expect(ambiguous.stderr).toContain(b);
  });

  it('says in JSON that a turn failed', async () => {
    const { headless, names } = claudeWorld();
    const ran = await headless('an error, please', '--output-format', 'json');
    expect(JSON.parse(ran.stdout)).toMatchObject({ subtype: 'success', is_error: true });
    expect(names()).toEqual(['SessionStart', 'UserPromptSubmit', 'StopFailure', 'SessionEnd']);
    expect((await headless('x', '--output-format', 'stream-json')).code).toBe(1);
  });
});

describe('hooks of the fake Claude', () => {
  it('are those of the launch folder, the user and --settings, in a session of their own without a terminal', async () => {
    const { world } = claudeWorld();
    const project = join(world.home, 'project');
    const seen = join(world.folder, 'seen');
    // Session, terminal (0: none) and what its parent is.
    const look = (name: string) =>
      `exec sh -c 'read -r s </proc/$$/stat; set -- $s; echo ${name} $(( $6 == $$ )) $7 $PPID $CLAUDE_PROJECT_DIR $TMUX_PANE >>${seen}'`;
    const hooks = (name: string) =>
      JSON.stringify({ hooks: { SessionStart: [{ hooks: [{ type: 'command', command: look(name) }] }] } });
    world.file('.claude/settings.json', hooks('user'));
    world.file('project/.claude/settings.json', hooks('project'));
    world.file('.claude/settings.local.json', '{ broken');
    world.file('project/below/x', '');
    const pane = startClaude(world, ['--settings', world.file('own.json', hooks('own'))], { cwd: project });
    await ready(world, pane);
    const pid = presenceOf(world, pane)!.pid;
    const lines = readFileSync(seen, 'utf8').trim().split('\n').sort();
    expect(lines).toEqual(['own', 'project', 'user'].map((name) => `${name} 1 0 ${pid} ${project} ${pane}`));
    const below = await world.run('claude', ['-p', 'x'], { cwd: join(project, 'below') });
    expect(below.code).toBe(0);
    expect(
      readFileSync(seen, 'utf8')
        .trim()
        .split('\n')
        .slice(3)
        .map((line) => line.split(' ')[0]),
    ).toEqual(['user']);
  });

  it('may block, and add words for the model; JSON without hookSpecificOutput is dropped', async () => {
    const { world, headless } = claudeWorld();
    const hook = (command: string) => [{ hooks: [{ type: 'command', command }] }];
    const context = {
      hookSpecificOutput: { hookEventName: 'UserPromptSubmit', additionalContext: 'in json' },
    };
    const settings = world.file(
      'h.json',
      JSON.stringify({
        hooks: {
          SessionStart: hook('echo plain words'),
          UserPromptSubmit: [
            ...hook(`echo '${JSON.stringify(context)}'`),
            ...hook(`echo '{"additionalContext":"gone"}'`),
          ],
          PreToolUse: hook('echo no >&2; exit 2'),
        },
      }),
    );
    await world.run('claude', ['-p', '--session-id', a, 'a tool', '--settings', settings]);
    const text = JSON.stringify(transcriptOf(world, a));
    expect(text).toContain('plain words');
    expect(text).toContain('in json');
    expect(text).not.toContain('gone');
    expect(text).toContain('"content":"no"');
    writeFileSync(settings, JSON.stringify({ hooks: { UserPromptSubmit: hook('echo never >&2; exit 2') } }));
    const blocked = await world.run('claude', ['-p', '--session-id', b, 'x', '--settings', settings]);
    expect(blocked.stdout).toContain('never');
    expect(transcriptOf(world, b)).toBeNull();
    expect((await headless('x', '--settings', '/nonexistent.json')).code).toBe(0);
  });

  it('tell each kind of turn', async () => {
    const { headless, events, names } = claudeWorld();
    const turn = async (text: string) => {
      const before = names().length;
      await headless(text);
      return names().slice(before + 1, -1);
    };
    const said = ['UserPromptSubmit'];
    expect(await turn('a tool')).toEqual([...said, 'PreToolUse', 'PostToolUse', 'Stop']);
    expect(await turn('fail')).toEqual([...said, 'PreToolUse', 'PostToolUseFailure', 'Stop']);
    expect(await turn('limit')).toEqual([...said, 'StopFailure']);
    expect(await turn('subagent')).toEqual([...said, 'PreToolUse', 'SubagentStop', 'PostToolUse', 'Stop']);
    expect(await turn('compact')).toEqual([...said, 'PreCompact', 'SessionStart', 'PostCompact', 'Stop']);
    for (const event of events()) {
      expect(event).toMatchObject({ session_id: expect.any(String), cwd: expect.any(String) });
      expect(event.transcript_path).toContain(`${event.session_id}.jsonl`);
    }
  });

  it('fire for a nested run too, with the environment of the outer one', async () => {
    const { world, settings, headless, events } = claudeWorld();
    world.file('.claude/settings.json', readFileSync(settings, 'utf8'));
    await headless('nested');
    const ids = new Set(events().map((event) => event.session_id));
    expect(ids.size).toBe(2);
  });
});

describe('the fake Claude on a terminal', () => {
  it('is seen by its name, in the alternate screen unless it is old, with a file that follows what it does', async () => {
    const { world, start, names } = claudeWorld({ notify: 20 });
    const pane = start(['--session-id', a]);
    await ready(world, pane);
    const format = '#{pane_current_command} #{alternate_on} #{pane_title}';
    expect(world.tmux('display-message', '-p', '-t', pane, format).trim()).toBe('claude 1 ✳ Claude Code');
    const start0 = readFileSync(`/proc/${presenceOf(world, pane)!.pid}/stat`, 'utf8')
      .split(') ')[1]!
      .split(' ')[19];
    expect(presenceOf(world, pane)).toMatchObject({ sessionId: a, status: 'idle', procStart: start0 });
    expect(transcriptOf(world, a)).toBeNull();

    await prompt(world, pane, 'permission\nof two lines');
    const waiting = await waitForStatus(world, pane, 'waiting');
    expect(waiting.waitingFor).toBe('approve Bash');
    await waitUntil('it has notified', () => names().includes('Notification'));
    press(world, pane, '1');
    expect((await waitForStatus(world, pane, 'idle')).waitingFor).toBeUndefined();
    expect(names().slice(1)).toEqual([
      ...['UserPromptSubmit', 'PreToolUse', 'PermissionRequest', 'Notification', 'PostToolUse', 'Stop'],
    ]);

    // Esc: nothing fires.
    await ready(world, pane);
    await prompt(world, pane, 'slow');
    await waitUntil('the tool runs', () => names().filter((name) => name === 'PreToolUse').length === 2);
    await waitUntil('it says so', () => world.screen(pane).includes('Running Bash'));
    press(world, pane, 'Escape');
    await waitForStatus(world, pane, 'idle');
    expect(names().at(-1)).toBe('PreToolUse');

    // What is typed while a tool runs joins that turn.
    await prompt(world, pane, 'slow');
    await waitUntil('it runs again', () => world.screen(pane).includes('Running Bash'));
    await prompt(world, pane, 'by the way');
    await waitUntil('it has joined', () => world.screen(pane).includes('> by the way'));
    letGo(world, a);
    await waitForStatus(world, pane, 'idle');
    expect(names().slice(-3)).toEqual(['PreToolUse', 'PostToolUse', 'Stop']);

    await prompt(world, pane, '!echo from a shell');
    await waitUntil('the shell has answered', () => /^from a shell/m.test(world.screen(pane)));
    expect(names().at(-1)).toBe('Stop');

    const { pid } = presenceOf(world, pane)!;
    await prompt(world, pane, '/exit');
    await exited(world, pane, 0);
    expect(existsSync(join(configFolder(world), 'sessions', `${pid}.json`))).toBe(false);
    expect(names().at(-1)).toBe('SessionEnd');
  });

  it('takes a new id at /clear, and begins a file without a prompt', async () => {
    const { world, start, events } = claudeWorld();
    const pane = start(['--session-id', a]);
    await ready(world, pane);
    await ask(world, pane, 'hello');
    await prompt(world, pane, '/clear');
    const next = await waitUntil('its id is another', () => {
      const id = presenceOf(world, pane)?.sessionId;
      return (
        id !== a && id !== undefined && transcriptOf(world, id)?.some(({ type }) => type === 'user') && id
      );
    });
    expect(events().slice(-2)).toMatchObject([
      { hook_event_name: 'SessionEnd', reason: 'clear', session_id: a },
      { hook_event_name: 'SessionStart', source: 'clear', session_id: next },
    ]);
    await ready(world, pane);
    await prompt(world, pane, 'background');
    await waitUntil('the task is told', () =>
      events().some(({ prompt: text }) => /^<task-not/.test(String(text))),
    );
  });

  it('is interrupted by nobody when it is killed, and leaves its file behind', async () => {
    const { world, start, names } = claudeWorld();
    const pane = start(['--session-id', a]);
    await ready(world, pane);
    const { pid } = presenceOf(world, pane)!;
    await prompt(world, pane, 'crash');
    await exited(world, pane, 137);
    expect(presenceOf(world, pane)).toMatchObject({ pid, status: 'busy' });
    expect(names().at(-1)).toBe('UserPromptSubmit');
    const again = start(['--resume', a]);
    await ready(world, again);
    expect(world.screen(again)).toContain('> crash');
    // Its terminal goes away with the server: it ends cleanly.
    const { pid: second } = presenceOf(world, again)!;
    execFileSync('kill', ['-HUP', String(second)]);
    await waitUntil(
      'it has ended',
      () => !existsSync(join(configFolder(world), 'sessions', `${second}.json`)),
    );
  });

  it.each([
    ['2.1.329', /^❯ No, exit$/m, 'Up'],
    ['2.1.197', /^❯ 1\. Yes/m, null],
  ] as const)('asks whether the folder is trusted: %s', async (version, expected, key) => {
    const { world, start, names } = claudeWorld({ version, trust: true });
    const refused = start();
    await waitUntil('it asks', () => expected.test(world.screen(refused)));
    expect(names()).toEqual([]);
    press(world, refused, 'Escape');
    await exited(world, refused, 1);
    const trusted = start();
    await waitUntil('it asks again', () => expected.test(world.screen(trusted)));
    press(world, trusted, ...(key ? [key, 'Enter'] : ['Enter']));
    await ready(world, trusted);
    const third = start();
    await ready(world, third);
  });

  it('loses what is typed first, has no file of itself, or ends at once, when it is told so', async () => {
    const { world, start, names } = claudeWorld({ swallow: 'input', version: '2.1.50' });
    const pane = start();
    await ready(world, pane);
    press(world, pane, 'h', 'i', 'Enter');
    await ask(world, pane, 'second');
    expect(names()).toEqual(['SessionStart', 'UserPromptSubmit', 'Stop']);
    expect(existsSync(join(configFolder(world), 'sessions'))).toBe(false);
    expect(world.tmux('display-message', '-p', '-t', pane, '#{alternate_on}').trim()).toBe('0');
    installFakeClaude(world, { swallow: 'enter' });
    const other = start();
    await ready(world, other);
    await prompt(world, other, 'kept');
    expect(world.screen(other)).toContain('❯\u00a0kept');
    press(world, other, 'Enter');
    await waitUntil('it is answered', () => world.screen(other).includes('You said: kept'));
    installFakeClaude(world, { exit: 3 });
    await exited(world, start(), 3);
    expect((await world.run('claude', ['--version'])).stdout).toBe('2.1.329 (Claude Code)\n');
  });
});
