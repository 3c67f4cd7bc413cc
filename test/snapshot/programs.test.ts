import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paneRecord } from '../../src/blueprint/record.js';
import { commandLine, simpleCommands } from '../../src/snapshot/command-line.js';
import type { Program } from '../../src/snapshot/model.js';
import { isDeclared, programOf, programsOf } from '../../src/snapshot/programs.js';
import type { ProcessReading } from '../../src/system/proc.js';
import type { Pane } from '../../src/tmux/reading.js';
import { hostileText } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const shellWords = ['bash', '--rcfile', '/cw/shell/cw.bash', '-i'];

function processOf(pid: number, argv: readonly string[], more: Partial<ProcessReading> = {}): ProcessReading {
  const command = (argv[0] ?? '').split('/').at(-1) ?? '';
  const streams = { stdin: null, stdout: null, stderr: null };
  return {
    pid,
    parent: 10,
    group: 20,
    command,
    argv,
    exact: true,
    stopped: false,
    folder: '/p',
    ...streams,
    ...more,
  };
}

function group(...processes: readonly ProcessReading[]) {
  const own = processOf(10, shellWords, { parent: 1, group: 10 });
  return { kind: 'group' as const, own, group: 20, processes, within: [], stopped: [] };
}

const alone = { dead: false, deadStatus: null };

describe('what was declared', () => {
  it.each([
    ['nvim .', ['nvim', '.']],
    ['vim notes.md', ['/usr/bin/vim', 'notes.md']],
    ['FOO=1 BAR="a b" npm run dev', ['npm', 'run', 'dev']],
    ['pnpm run dev', ['node', '/usr/local/bin/pnpm', 'run', 'dev']],
    ['poetry run flask --debug run', ['/p/.venv/bin/python', '/p/.venv/bin/flask', '--debug', 'run']],
    ['npm ci && npm run dev', ['npm', 'run', 'dev']],
    ['cd web; exec ./dev.sh', ['/bin/bash', './dev.sh']],
    [
      './gradlew --continuous test',
      ['java', '-cp', 'w.jar', 'org.gradle.wrapper.GradleWrapperMain', '--continuous', 'test'],
    ],
    ['./mvnw -q spring-boot:run', ['/usr/lib/jvm/bin/java', 'MavenWrapperMain', '-q', 'spring-boot:run']],
    [
      'iex -S mix phx.server',
      ['/erlang/beam.smp', '--', '-extra', '--no-halt', '+iex', '-S', 'mix', 'phx.server'],
    ],
    ['cargo watch -x test', ['/home/u/.cargo/bin/cargo-watch', 'watch', '-x', 'test']],
    ['poetry run python manage.py runserver', ['python', 'manage.py', 'runserver']],
    ['tail -n 50 -F "$LOG"', ['tail', '-n', '50', '-F', '/var/log/a b']],
    ['less *.md', ['less', 'a.md', 'b.md']],
    [`claude 'fix it'`, ['claude', 'fix it']],
    ['make watch 2>err.log # a comment', ['make', 'watch']],
  ])('%s is known by %j', (run, argv) => {
    expect(isDeclared(run, group(processOf(20, argv)))).toBe(true);
  });

  it.each([
    ['nvim .', ['nvim', 'other.ts']],
    ['npm run dev', ['npm', 'run', 'deploy']],
    ['npm run dev', ['npm', 'run', 'dev', '--', '--prod']],
    ['less README.md', ['nvim', 'README.md']],
    ['claude', ['claude', '-p', 'x']],
    ['git status', ['git', 'push']],
    ['tail -F "$LOG"', ['tail', '-F', 'a', 'b']],
    ['java -jar a.jar', ['java', '-jar', 'b.jar']],
    ['echo "nvim ."', ['nvim', '.']],
    ['', ['nvim']],
  ])('%s is not %j', (run, argv) => {
    expect(isDeclared(run, group(processOf(20, argv)))).toBe(false);
  });

  it('by the title that a program shows, in a pipe, and in parentheses; not in another shell', () => {
    expect(isDeclared('claude --session-id 12', group(processOf(20, ['claude'], { exact: false })))).toBe(
      true,
    );
    const npm = processOf(20, ['npm', 'run', 'dev'], { exact: false });
    const node = processOf(21, ['node', 'x.js'], { parent: 20 });
    expect(isDeclared('npm run dev', group(npm, node))).toBe(true);
    expect(isDeclared('node x.js', group(npm, node))).toBe(false);
    const tee = processOf(22, ['tee', 'log']);
    expect(isDeclared('npm run dev | tee log', group(tee))).toBe(true);
    const copy = processOf(20, shellWords);
    expect(isDeclared('(cd web && node x.js)', group(copy, node))).toBe(true);
    expect(isDeclared('npm run dev', { ...group(npm), within: [processOf(11, ['bash'])] })).toBe(false);
  });

  it('any words, written as a command line, are read back and known', () => {
    const word = hostileText().filter((text) => !text.includes('\0'));
    const program = fc.constantFrom('nvim', './dev.sh', '/opt/a b/run', 'if', 'a=b');
    fc.assert(
      fc.property(program, fc.array(word, { maxLength: 4 }), (first, rest) => {
        const argv = [first, ...rest];
        expect(simpleCommands(commandLine(argv)).map((words) => words.map(({ text }) => text))).toEqual(
          ['if', 'a=b'].includes(first) ? expect.anything() : [argv],
        );
        if (!['if', 'a=b'].includes(first))
          expect(isDeclared(commandLine(argv), group(processOf(20, argv)))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('any text at all is read without a fault', () => {
    const text = fc.string({ unit: fc.constantFrom(...`a1 '"\\$({[#;&|<>=\n\`~`) });
    fc.assert(
      fc.property(text, (line) => Array.isArray(simpleCommands(line))),
      { numRuns: 200 },
    );
  });
});

describe('what a pane runs', () => {
  it('of one that is dead, of one that could not be read, and of one with a program for a shell', () => {
    expect(programOf(null, { dead: true, deadStatus: 2 }, null)).toEqual({ kind: 'dead', status: 2 });
    expect(programOf(null, alone, null)).toMatchObject({ kind: 'unknown' });
    expect(programOf(null, alone, { kind: 'unknown', reason: 'x' })).toEqual({
      kind: 'unknown',
      reason: 'x',
    });
    const own = { kind: 'own' as const, command: 'htop', process: processOf(10, ['htop']), stopped: [] };
    expect(programOf({ run: null, startCommand: 'htop' }, alone, own)).toEqual({
      kind: 'declared',
      stopped: [],
    });
    expect(programOf(null, alone, own)).toMatchObject({
      kind: 'group',
      form: 'command',
      processes: [{ argv: ['htop'] }],
    });
    expect(programOf({ run: 'npm run dev', startCommand: null }, alone, { ...own, process: null })).toEqual({
      kind: 'shell',
      stopped: [],
    });
  });
});

describe.runIf(process.platform === 'linux')('in real panes', () => {
  it('npm run, a pipe, a loop and a script are told apart', async () => {
    const world = sandbox();
    world.file(
      'package.json',
      JSON.stringify({ scripts: { dev: `node -e 'setInterval(() => {}, 1e6)'`, deploy: 'sleep 1000' } }),
    );
    world.file('dev.sh', '#!/bin/bash\nsleep 1000\n', 0o755);
    const lines = [
      'npm run dev',
      'npm run deploy',
      'sleep 1000 | cat',
      'for i in 1 2; do sleep 1000 | cat; done; true',
      '(sleep 1000; true)',
      './dev.sh',
      '',
    ];
    const tmux = (...args: string[]) =>
      world
        .tmux(...args)
        .trim()
        .split(' ');
    const start = [
      '-P',
      '-F',
      '#{pane_id} #{pane_pid} #{pane_tty}',
      '-c',
      world.home,
      'bash',
      '--norc',
      '-i',
    ];
    const panes = lines.map((line, at) => {
      const [id = '', pid, tty] =
        at === 0 ? tmux('-f', '/dev/null', 'new-session', '-d', ...start) : tmux('new-window', ...start);
      if (line) world.tmux('send-keys', '-t', id, '-l', '--', line);
      if (line) world.tmux('send-keys', '-t', id, 'Enter');
      const mark = paneRecord({
        key: `p${at}`,
        role: null,
        title: '',
        cwd: world.home,
        shell: null,
        run: 'npm run dev',
        startCommand: null,
        environment: {},
        options: {},
        historyLimit: null,
        restart: 'never',
      });
      return { id, pid: Number(pid), tty, mark, ...alone } as Pane;
    });
    const told = (program: Program | undefined) =>
      program?.kind !== 'group'
        ? program?.kind
        : `${program.form}: ${program.processes.map(({ argv }) => argv.join(' ')).join(', ')}`;
    const wanted = [
      'declared',
      /^command: npm run deploy, .*sleep 1000$/,
      'pipe: sleep 1000, cat',
      'pipe: sleep 1000, cat',
      'compound: bash --norc -i, sleep 1000',
      'command: /bin/bash ./dev.sh, sleep 1000',
      'shell',
    ];
    const programs = await waitUntil('all run', () => {
      const read = programsOf(panes);
      const seen = panes.map(({ id }) => told(read.get(id)));
      const right = wanted.every((each, at) =>
        typeof each === 'string' ? each === seen[at] : each.test(seen[at] ?? ''),
      );
      if (!right) throw new Error(JSON.stringify(seen));
      return read;
    });
    const deploy = programs.get(panes[1]?.id ?? '%') as Extract<Program, { kind: 'group' }>;
    expect(deploy.processes[0]).toMatchObject({ argv: ['npm', 'run', 'deploy'], exact: false, parent: null });
    expect(deploy.processes.slice(1).every(({ parent }) => parent !== null)).toBe(true);
  });
});
