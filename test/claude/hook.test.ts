import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hookEntry, hookSettings, isOwnHook, writeHookSettings } from '../../src/claude/hook-settings.js';
import { hookEvents } from '../../src/claude/model.js';
import { Spool } from '../../src/claude/spool.js';
import { processStart } from '../../src/system/process.js';
import { ask, installFakeClaude, presenceOf, ready, startClaude } from '../support/claude.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const hook = join(root, 'shell/cw-hook');

function hookWorld() {
  const world = sandbox();
  const folder = join(world.folder, 'a spool');
  const spool = new Spool(folder);
  spool.prepare();
  const env = { PATH: process.env.PATH, CW_SPOOL: folder, TMUX: '/s/tmux,1,0', TMUX_PANE: '%12' };
  return { world, folder, spool, env };
}

const quiet = { status: 0, stdout: '', stderr: '' };

function ran(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  input: string | Buffer = '{}',
) {
  const { status, stdout, stderr } = spawnSync(program, words, { env, input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('a hook', () => {
  it('notes who called it, that one’s start and callers, the pane, and its input as it came', () => {
    const { folder, spool, env } = hookWorld();
    const input = { text: 'é\n\\n "quoted" \u0000', long: 'x'.repeat(100_000) };
    expect(ran(hook, ['Stop'], env, JSON.stringify(input))).toEqual(quiet);
    const [event] = spool.readFrom(0);
    expect(event).toMatchObject({ event: 'Stop', input, tmux: '/s/tmux,1,0', pane: '%12' });
    expect(event!.parent).toEqual({ pid: process.pid, start: processStart(process.pid) });
    const { ppid } = process;
    expect(event!.ancestors?.[0]).toEqual({ pid: ppid, start: processStart(ppid) });
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it('looks no further than the server of tmux', () => {
    const { spool, env } = hookWorld();
    ran(hook, ['Stop'], { ...env, TMUX: `/s,${process.ppid},0` });
    ran(hook, ['Stop'], { ...env, TMUX: `/s,${process.pid},0` });
    expect(spool.readFrom(0).map(({ parent, ancestors }) => [parent.pid, ancestors])).toEqual([
      [process.pid, []],
      [process.pid, []],
    ]);
  });

  it.each([`a) (b c`, ') S 1 (', 'x\ny) 7', '*'])('finds its caller’s start behind the name %j', (name) => {
    const { world, spool, env } = hookWorld();
    const shell = join(world.folder, name);
    copyFileSync(realpathSync('/bin/sh'), shell);
    const { stdout } = ran(shell, ['-c', `echo $$ $(cut -d' ' -f1 /proc/uptime); '${hook}' Stop; :`], env);
    const [parent, caller] = [spool.readFrom(0)[0]!.parent, spool.readFrom(0)[0]!.ancestors?.[0]];
    const [pid, uptime] = stdout.split(' ').map(Number);
    expect(parent.pid).toBe(pid);
    // It has ended: its start, in hundredths of a second, is near to what the clock said then.
    expect(Math.abs(Number(parent.start) / 100 - uptime!)).toBeLessThan(30);
    expect(caller?.pid).toBe(process.pid);
  });

  it('has Claude for a parent when its command begins with exec, also through cw', () => {
    const { world, spool, env } = hookWorld();
    ran('sh', ['-c', hookEntry('Stop').command], env);
    const link = join(world.folder, 'cw');
    symlinkSync(join(root, 'bin/cw'), link);
    // Without Node on the PATH.
    const tools = join(world.folder, 'tools');
    mkdirSync(tools);
    for (const name of ['sh', 'readlink']) symlinkSync(realpathSync(`/bin/${name}`), join(tools, name));
    expect(ran('/bin/sh', ['-c', `exec ${link} hook SessionEnd`], { ...env, PATH: tools })).toEqual(quiet);
    expect(spool.readFrom(0).map(({ event, parent }) => [event, parent.pid])).toEqual([
      ['Stop', process.pid],
      ['SessionEnd', process.pid],
    ]);
  });

  it('exits 0 and says nothing, whatever is wrong', () => {
    const { world, folder, spool, env } = hookWorld();
    const { CW_SPOOL: _, ...none } = env;
    expect(ran(hook, ['Stop'], none)).toEqual(quiet);
    const file = world.file('file', '');
    const blocked = join(world.folder, 'blocked');
    mkdirSync(join(blocked, 'index'), { recursive: true });
    const full = join(world.folder, 'full');
    mkdirSync(full);
    symlinkSync('/dev/full', join(full, 'index'));
    for (const place of ['', 'relative', '/nonexistent', file, blocked, full, '/proc', '/dev/null'])
      expect(ran(hook, ['Stop'], { ...env, CW_SPOOL: place })).toEqual(quiet);
    for (const words of [[], [''], ['../x'], ['Stop x'], ['-n'], ['x'.repeat(2000)], ['$(touch hit)']])
      expect(ran(hook, words, env)).toEqual(quiet);
    expect(readdirSync(folder)).toEqual([]);
    for (const closed of ['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])
      expect(ran('sh', ['-c', `'${hook}' Stop ${closed}; exit $?`], env)).toEqual(quiet);
    expect(spool.readFrom(0).map(({ event }) => event)).toEqual(Array(4).fill('Stop'));
    expect(ran('/bin/sh', [hook, 'Stop'], { CW_SPOOL: folder })).toEqual(quiet); // no PATH
  });

  it('keeps its line short and whole, whatever the environment holds', () => {
    const { spool, env } = hookWorld();
    const odd = ['/s\n1 Stop 1:1 1-1 %1 -', `/${'x'.repeat(5000)},1,0`, '', '-', '/a b,$(x),`y`', '%s %n'];
    for (const TMUX of odd) ran(hook, ['Stop'], { ...env, TMUX, TMUX_PANE: '%1' });
    for (const TMUX_PANE of ['%1 x', '%1\n', '%123456789012', '', '$(x)'])
      ran(hook, ['Stop'], { ...env, TMUX_PANE });
    const { events, broken } = spool.read(0);
    expect(broken).toEqual([]);
    expect(events.map(({ tmux }) => tmux).slice(0, 6)).toEqual([
      null,
      null,
      null,
      null,
      '/a b,$(x),`y`',
      '%s %n',
    ]);
    expect(events.map(({ pane }) => pane).slice(6)).toEqual([null, null, null, null, null]);
  });

  it('cuts huge input off', () => {
    const { spool, env, folder } = hookWorld();
    expect(ran(hook, ['Stop'], env, Buffer.alloc(20_000_000, 'x'))).toEqual(quiet);
    expect(spool.readFrom(0)).toMatchObject([{ event: 'Stop', input: null }]);
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...sizes)).toBe(8 * 1024 * 1024);
  });

  it('takes another name for its input where one is left from before', () => {
    const { folder, spool, env } = hookWorld();
    // What the next hook is called cannot be told: all names of this caller's near pids are taken.
    const { pid } = spawnSync('true');
    for (let next = pid; next < pid + 400; next += 1)
      writeFileSync(join(folder, `${process.pid}-${next}`), 'old');
    ran(hook, ['Stop'], env, '{"new":1}');
    expect(spool.readFrom(0)[0]?.input).toEqual({ new: 1 });
  });

  it('takes at most three times as long as a shell that does nothing', () => {
    const { env } = hookWorld();
    const time = (program: string, words: string[]) => {
      const start = process.hrtime.bigint();
      spawnSync(program, words, {
        env: { ...env, TMUX: `/s,${process.ppid},0` },
        input: '{"session_id":"x"}',
      });
      return Number(process.hrtime.bigint() - start);
    };
    // The fastest of many, turn by turn: what else the machine does only makes single ones slower.
    const shell: number[] = [];
    const own: number[] = [];
    const ratio = () => Math.min(...own) / Math.min(...shell);
    for (let turn = 0; turn < 200 && (turn < 25 || ratio() > 3); turn += 1) {
      shell.push(time('sh', ['-c', 'true']));
      own.push(time(hook, ['Stop']));
    }
    expect(ratio()).toBeLessThanOrEqual(3);
  });
});

describe('cw hook', () => {
  it('explains itself, and refuses what is no line of a hook', async () => {
    const world = sandbox();
    const wrong = await world.cw(['hook', 'Stop', '--json']);
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stdout).error.hint).toContain('PostToolUseFailure');
  });
});

describe('the settings file', () => {
  it('has a hook for each event, is private, and is written only when it changes', () => {
    const { world } = hookWorld();
    const folder = join(world.folder, 'state/claude');
    const path = writeHookSettings(folder);
    const { hooks } = JSON.parse(readFileSync(path, 'utf8'));
    expect(Object.keys(hooks)).toEqual([...hookEvents]);
    expect(hooks.Stop).toEqual([{ hooks: [{ type: 'command', command: `exec ${hook} Stop`, timeout: 5 }] }]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { ino } = statSync(path);
    writeHookSettings(folder);
    expect(statSync(path).ino).toBe(ino);
    writeFileSync(path, '{}');
    chmodSync(path, 0o600);
    writeHookSettings(folder);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(hookSettings());
  });

  it('is told from what others have in theirs', () => {
    for (const event of hookEvents) expect(isOwnHook(hookEntry(event).command)).toBe(true);
    expect(isOwnHook("exec '/opt/my tools/it'\\''s/shell/cw-hook' Stop")).toBe(true);
    for (const other of ['true', '/x/shell/cw-hook Stop', 'exec /x/shell/cw-hook Stop; rm x', 7, undefined])
      expect(isOwnHook(other)).toBe(false);
  });
});

describe('hooks of a Claude in a pane', () => {
  it('come with the pane and the process of it; of a nested one, the outer stands among the callers', async () => {
    const { world, folder, spool } = hookWorld();
    installFakeClaude(world);
    const settings = writeHookSettings(join(world.folder, 'claude'));
    world.file('.claude/settings.json', readFileSync(settings, 'utf8'));
    const pane = startClaude(world, [], { env: { CW_SPOOL: folder } });
    await ready(world, pane);
    await ask(world, pane, 'nested');
    const { pid, sessionId } = presenceOf(world, pane)!;
    const events = await waitUntil('all is told', () => {
      const all = spool.readFrom(0);
      return all.at(-1)?.event === 'Stop' && all.at(-1)?.input?.session_id === sessionId && all;
    });
    const claude = { pid, start: processStart(pid) };
    const outer = events.filter(({ input }) => input?.session_id === sessionId);
    expect(outer.map(({ event }) => event)).toEqual([
      ...['SessionStart', 'UserPromptSubmit', 'PreToolUse', 'PostToolUse', 'Stop'],
    ]);
    for (const event of outer) expect(event).toMatchObject({ parent: claude, pane });
    const inner = events.filter(({ input }) => input?.session_id !== sessionId);
    expect(inner.map(({ event }) => event)).toEqual([
      'SessionStart',
      'UserPromptSubmit',
      'Stop',
      'SessionEnd',
    ]);
    for (const event of inner) {
      expect(event).toMatchObject({ pane });
      expect(event.parent).not.toEqual(claude);
      expect(event.ancestors).toContainEqual(claude);
    }
    // The pane's shell, and nothing above: the server of tmux ends the line.
    expect(outer[0]!.ancestors).toEqual([shellOf(world, pane)]);
  });
});

function shellOf(world: Sandbox, pane: string) {
  const pid = Number(world.tmux('display-message', '-p', '-t', pane, '#{pane_pid}'));
  return { pid, start: processStart(pid) };
}
