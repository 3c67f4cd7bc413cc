import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/system/command-line.js';
import { type ForegroundReading, foregroundOfPs, readForeground } from '../../src/system/proc.js';
import { parsePs } from '../../src/system/ps.js';
import { parseStat } from '../../src/system/stat.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const linux = process.platform === 'linux';

/** A pane with a plain bash, to type into. */
function shellPane() {
  const world = sandbox();
  const { tmux } = world;
  tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-x',
    '120',
    '-y',
    '30',
    '-c',
    world.home,
    'bash',
    '--norc',
    '-i',
  );
  const [pid = '', tty = ''] = tmux('display-message', '-p', '#{pane_pid} #{pane_tty}').trim().split(' ');
  const pane = { pid: Number(pid), tty };
  return {
    world,
    pane,
    line: (text: string) => {
      tmux('send-keys', '-l', '--', text);
      tmux('send-keys', 'Enter');
    },
    keys: (...names: string[]) => void tmux('send-keys', ...names),
    read: () => readForeground([pane])[0] as ForegroundReading,
    async group(what: string, check: (group: Extract<ForegroundReading, { kind: 'group' }>) => boolean) {
      return waitUntil(what, () => {
        const reading = readForeground([pane])[0];
        if (reading?.kind === 'group' && check(reading)) return reading;
        throw new Error(JSON.stringify(reading));
      });
    },
  };
}

describe.runIf(linux)('processes of panes, from /proc', () => {
  it('a shell at its prompt, odd words exactly, a stopped job, a nested shell, and the end', async () => {
    const { pane, line, keys, read, group, world } = shellPane();
    await waitUntil('the prompt', () => read().kind === 'own');
    expect(read()).toEqual({ kind: 'own', command: 'bash', process: null, stopped: [] });

    line(String.raw`perl -e 'sleep 1000' '' $'two\nlines' 'naïve 漢字 😀' '$(x)' ''`);
    const odd = await group('the odd words', ({ processes }) => processes[0]?.argv[0] === 'perl');
    expect(odd.processes).toHaveLength(1);
    expect(odd.processes[0]).toMatchObject({
      argv: ['perl', '-e', 'sleep 1000', '', 'two\nlines', 'naïve 漢字 😀', '$(x)', ''],
      exact: true,
      parent: pane.pid,
      stopped: false,
      folder: world.home,
      stdin: null,
      stdout: null,
      stderr: null,
    });
    expect(odd.own.argv).toEqual(['bash', '--norc', '-i']);
    expect(odd.within).toEqual([]);

    keys('C-z');
    const stopped = await waitUntil('the job is stopped', () => {
      const reading = read();
      return reading.kind === 'own' && reading.stopped.length === 1 && reading.stopped;
    });
    expect(stopped[0]).toMatchObject({ stopped: true, argv: expect.arrayContaining(['two\nlines']) });

    line('bash --norc --noprofile');
    await group('the inner shell', ({ processes }) => processes[0]?.argv[1] === '--norc');
    line('sleep 1000');
    const inner = await group('what runs in it', ({ processes }) => processes[0]?.argv[0] === 'sleep');
    expect(inner.within.map(({ argv }) => argv)).toEqual([['bash', '--norc', '--noprofile']]);
    expect(inner.stopped).toHaveLength(1);
    world.tmux('set-option', '-g', 'remain-on-exit', 'on');
    process.kill(pane.pid, 'SIGKILL');
    await waitUntil('the end', () => read().kind === 'unknown');
  });

  it('a pipe, also when its leader has ended, redirections, a loop, and a program in place of the shell', async () => {
    const { line, keys, read, group, world } = shellPane();
    await waitUntil('the prompt', () => read().kind === 'own');
    line('sleep 1000 | cat >/dev/null 2>out.txt');
    const pipe = await group(
      'both of the pipe',
      ({ processes }) => processes.map(({ argv }) => argv[0]).join() === 'sleep,cat',
    );
    expect(pipe.processes[0]).toMatchObject({ pid: pipe.group, stdin: null, stdout: 'pipe', stderr: null });
    expect(pipe.processes[1]).toMatchObject({
      stdin: 'pipe',
      stdout: '/dev/null',
      stderr: `${world.home}/out.txt`,
    });
    keys('C-c');
    await waitUntil('the prompt', () => read().kind === 'own');

    line('true | sleep 1000 <&- >/dev/null');
    const headless = await group(
      'a pipe without its leader',
      ({ processes }) => processes.length === 1 && processes[0]?.argv[0] === 'sleep',
    );
    expect(headless.processes[0]?.pid).not.toBe(headless.group);
    expect(headless.processes[0]?.stdin).toBe('closed');
    keys('C-c');
    await waitUntil('the prompt', () => read().kind === 'own');

    line(`perl -e 'pipe R, W; exit if !fork; close W; <R>; print "no longer\\n"; sleep 1000'`);
    await waitUntil('its child has ended', () => world.screen(':').includes('\nno longer\n'));
    await group('a program without its zombie', ({ processes }) => processes.length === 1);
    keys('C-c');
    await waitUntil('the prompt', () => read().kind === 'own');

    line('(while :; do sleep 1000; done)');
    const loop = await group('the loop', ({ processes }) => processes[1]?.argv[0] === 'sleep');
    expect(loop.processes.map(({ argv }) => argv)).toEqual([
      ['bash', '--norc', '-i'],
      ['sleep', '1000'],
    ]);
    keys('C-c');
    await waitUntil('the prompt', () => read().kind === 'own');

    line('exec sleep 1000');
    await waitUntil('the shell is replaced', () => {
      const reading = read();
      return reading.kind === 'own' && reading.process?.argv.join(' ') === 'sleep 1000';
    });
  });
});

describe('what the kernel and ps print', () => {
  it('a stat line with any name in it', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 15 }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (command, pid, parent, group) => {
          const rest = '4194304 1 2 3 4 50 6 7 8 20 0 1 0 777 9000 12 18446744073709551615 1 1';
          const line = `${pid} (${command}) S ${parent} ${group} 9 34816 -1 ${rest}`;
          expect(parseStat(line)).toEqual({
            pid,
            command,
            state: 'S',
            parent,
            group,
            session: 9,
            foreground: -1,
            ticks: 56,
            start: '777',
            residentPages: 12,
          });
        },
      ),
      { numRuns: 100 },
    );
    expect(parseStat('')).toBeNull();
    expect(parseStat('12 (x) S 1')).toBeNull();
  });

  it('any words come back, and no title is taken for them', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => text.replaceAll('\0', ''));
    const words = fc.array(word, { minLength: 1, maxLength: 6 }).filter(([, ...rest]) => rest.some(Boolean));
    fc.assert(
      fc.property(words, (argv) => {
        expect(parseCommandLine(Buffer.from(argv.map((each) => `${each}\0`).join('')))).toEqual({
          argv,
          exact: true,
        });
      }),
      { numRuns: 100 },
    );
    expect(parseCommandLine(Buffer.from(`npm run dev${'\0'.repeat(14)}`))).toEqual({
      argv: ['npm', 'run', 'dev'],
      exact: false,
    });
    expect(parseCommandLine(Buffer.from(`claude${'\0'.repeat(9)}`))).toEqual({
      argv: ['claude'],
      exact: false,
    });
    expect(parseCommandLine(Buffer.from('echo\0\0\0'))).toEqual({ argv: ['echo', '', ''], exact: true });
    expect(parseCommandLine(Buffer.from('sshd: dev [priv]'))).toMatchObject({ exact: false });
    expect(parseCommandLine(Buffer.from('less\0\xff\0', 'latin1'))).toMatchObject({ exact: false });
    expect(parseCommandLine(Buffer.from(`echo\0${'x'.repeat(70_000)}\0`))).toEqual({
      argv: ['echo'],
      exact: false,
    });
    expect(parseCommandLine(Buffer.alloc(0))).toEqual({ argv: [], exact: false });
  });

  // As macOS prints it: the terminal's group stands in each row of that terminal.
  const ps = `  PID  PPID  PGID TPGID STAT STARTED                      ARGS
    1     0     1     0 Ss   Mon Jan  5 08:00:01 2026     /sbin/launchd
  500     1   500   500 Ss+  Mon Jan  5 09:00:01 2026     -zsh
  510     1   510   620 Ss   Mon Jan  5 09:00:02 2026     -zsh
  620   510   620   620 S+   Mon Jan 15 09:10:02 2026     npm run dev
  621   620   620   620 S+   Mon Jan 15 09:10:03 2026     node server.js
  630   510   630   620 T    Mon Jan 15 09:08:00 2026     vim notes.md
  520     1   520   700 Ss   Mon Jan  5 09:00:02 2026     -bash
  700   520   700   700 Z+   Mon Jan 15 09:08:00 2026     (cat)
  701   520   700   700 S+   Mon Jan 15 09:08:00 2026     less
and a line of another's arguments
  530     1   530   740 Ss   Mon Jan  5 09:00:02 2026     /bin/zsh -il
  735   530   735   740 S    Mon Jan 15 09:08:00 2026     bash
  740   735   740   740 S+   Mon Jan 15 09:08:00 2026     top -o cpu
`;

  it('panes by one ps', () => {
    const rows = parsePs(ps);
    expect(rows).toHaveLength(12);
    const read = (pid: number) => foregroundOfPs(rows, [{ pid, tty: '/dev/ttys001' }])[0];
    expect(read(500)).toEqual({ kind: 'own', command: 'zsh', process: null, stopped: [] });
    const npm = read(510);
    expect(npm).toMatchObject({ kind: 'group', group: 620, within: [] });
    expect(npm?.kind === 'group' && npm.processes.map(({ argv }) => argv.join(' '))).toEqual([
      'npm run dev',
      'node server.js',
    ]);
    expect(npm?.kind === 'group' && npm.stopped).toMatchObject([{ argv: ['vim', 'notes.md'], exact: false }]);
    expect(read(520)).toMatchObject({ kind: 'group', group: 700, processes: [{ pid: 701 }] });
    expect(read(530)).toMatchObject({ processes: [{ pid: 740 }], within: [{ argv: ['bash'] }] });
    expect(read(999)).toMatchObject({ kind: 'unknown' });
    expect(read(1)).toMatchObject({ kind: 'unknown' });
  });
});
