import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultPatterns } from '../../src/snapshot/allow-list.js';
import { commandLine, isPrintable } from '../../src/snapshot/command-line.js';
import { editorResume } from '../../src/snapshot/editor.js';
import type { ProcessEntry, Program } from '../../src/snapshot/model.js';
import { type ResumeOptions, resumeOf } from '../../src/snapshot/resume.js';
import { findProgram } from '../../src/system/programs.js';
import { hostileText } from '../support/arbitraries.js';

const pane = { cwd: '/p', run: null, startCommand: null };
const options: ResumeOptions = {
  patterns: defaultPatterns,
  run: true,
  programExists: (name) => !name.includes('gone'),
  folderExists: (folder) => folder === '/p',
};

function entry(argv: readonly string[], more: Partial<ProcessEntry> = {}): ProcessEntry {
  const streams = { stdin: null, stdout: null, stderr: null };
  return { pid: 1, argv: [...argv], exact: true, parent: null, stopped: false, ...streams, ...more };
}

type Group = Extract<Program, { kind: 'group' }>;

function group(processes: ProcessEntry[], more: Partial<Group> = {}): { program: Group } {
  return { program: { kind: 'group', form: 'command', within: [], processes, stopped: [], ...more } };
}

function resume(
  argv: readonly string[],
  more: Partial<ProcessEntry> = {},
  changed: Partial<ResumeOptions> = {},
) {
  return resumeOf(pane, group([entry(argv, more)]), { ...options, ...changed });
}

const nothing = { run: null, typed: null, startCommand: null };

describe('how what ran comes back', () => {
  it('a shell is a shell; its stopped jobs are said', () => {
    expect(resumeOf(pane, { program: { kind: 'shell', stopped: [] } }, options)).toEqual({
      ...nothing,
      state: 'shell',
      notes: [],
    });
    const stopped = [entry(['vim', 'a\nb'], { stopped: true }), entry(['sh'], { parent: 0 })];
    const { notes } = resumeOf(pane, { program: { kind: 'shell', stopped } }, options);
    expect(notes).toEqual(['A stopped job cannot be made again: vim "a\\nb"']);
  });

  it.each([
    'npm run deploy',
    'cd web && /usr/bin/npm run deploy:prod | tee log',
    'make -s release',
    'pnpm publish',
  ])('what deploys is typed and waits, though it was declared: %s', (run) => {
    const program = { kind: 'declared' as const, stopped: [] };
    const waits = { ...nothing, state: 'typed', typed: run, notes: [expect.stringContaining('not started')] };
    expect(resumeOf({ ...pane, run }, { program }, options)).toEqual(waits);
    expect(resumeOf({ ...pane, startCommand: run }, { program }, options)).toEqual(waits);
  });

  it('what was declared starts again as it was declared, unless its folder or its program is gone', () => {
    const program = { kind: 'declared' as const, stopped: [] };
    const run = 'cd web && npm run serve | tee log';
    expect(resumeOf({ ...pane, run }, { program }, options)).toMatchObject({
      state: 'starts',
      run,
      notes: [],
    });
    expect(resumeOf({ ...pane, startCommand: 'top; x' }, { program }, options)).toMatchObject({
      ...nothing,
      state: 'starts',
      startCommand: 'top; x',
    });
    expect(resumeOf({ ...pane, run: 'gone --now' }, { program }, options)).toMatchObject({
      ...nothing,
      state: 'typed',
      typed: 'gone --now',
      notes: ['gone was not found.'],
    });
    expect(resumeOf({ ...pane, run: 'X=1 ./gone' }, { program }, options)).toMatchObject({ state: 'typed' });
    expect(resumeOf({ ...pane, run: 'npm run dev', cwd: '/old' }, { program }, options)).toMatchObject({
      ...nothing,
      state: 'typed',
      typed: 'npm run dev',
      notes: ['Its folder /old is gone.'],
    });
    const lines = resumeOf({ ...pane, run: 'a\nb', cwd: '/old' }, { program }, options);
    expect(lines).toMatchObject({ ...nothing, state: 'cannot' });
    expect(lines.notes.join(' ')).toContain('a\\nb');
  });

  it('a dead pane and one that could not be read keep their declared command for Enter', () => {
    const dead: Program = { kind: 'dead', status: 1 };
    const unknown: Program = { kind: 'unknown', reason: 'no /proc' };
    for (const program of [dead, unknown]) {
      const made = resumeOf({ ...pane, run: 'npm run dev' }, { program }, options);
      expect(made).toMatchObject({ ...nothing, state: 'typed', typed: 'npm run dev' });
      expect(made.notes).toHaveLength(1);
      expect(resumeOf(pane, { program }, options)).toMatchObject({ ...nothing, state: 'shell' });
    }
  });

  it('allowed words start, with their quotes; others are typed', () => {
    expect(resume(['nvim', 'app/[id]/page.tsx'])).toMatchObject({
      state: 'starts',
      run: "nvim 'app/[id]/page.tsx'",
    });
    const children = [
      entry(['npm', 'run', 'dev'], { exact: false }),
      entry(['node', 'x'], { parent: 0, stdout: 'pipe' }),
    ];
    expect(resumeOf(pane, group(children), options)).toMatchObject({ state: 'starts', run: 'npm run dev' });
    expect(resume(['node', '/usr/local/bin/pnpm', 'run', 'dev'])).toMatchObject({
      state: 'starts',
      run: 'pnpm run dev',
    });
    // The kernel starts the interpreter of a script; it is typed as the script.
    const interpreterOf = (path: string) => (path === `${pane.cwd}/./deploy.sh` ? '/bin/sh' : null);
    const script = (...argv: string[]) =>
      resumeOf(pane, group([entry(argv)]), { ...options, programExists: () => true, interpreterOf }).typed;
    expect(script('/bin/sh', './deploy.sh', 'prod')).toBe('./deploy.sh prod');
    expect(script('/bin/dash', './deploy.sh', 'prod')).toBe('/bin/dash ./deploy.sh prod');
    expect(script('/bin/sh', './other.sh')).toBe('/bin/sh ./other.sh');
    expect(resume(['node', '/tmp/x/pnpm', 'run', 'dev'])).toMatchObject({
      run: null,
      typed: 'node /tmp/x/pnpm run dev',
    });
    expect(resume(['npm', 'run', 'deploy'])).toMatchObject({
      ...nothing,
      state: 'typed',
      typed: 'npm run deploy',
      notes: [],
    });
    expect(resume(['npm', 'run', 'deploy'], { exact: false }).notes).toHaveLength(1);
    expect(resume(['./deploy.sh', 'prod; rm x'])).toMatchObject({
      run: null,
      typed: "./deploy.sh 'prod; rm x'",
    });
    expect(resume(['htop'], {}, { patterns: [] })).toMatchObject({ run: null, typed: 'htop' });
    expect(resume(['./gone'])).toMatchObject({ typed: './gone', notes: ['./gone was not found.'] });
    const old = resumeOf({ ...pane, cwd: '/old' }, group([entry(['nvim'])]), options);
    expect(old).toMatchObject({ run: null, typed: 'nvim', notes: ['Its folder /old is gone.'] });
    const inner = resumeOf(pane, group([entry(['htop'])], { within: [['sudo', '-s']] }), options);
    expect(inner).toMatchObject({ run: null, typed: 'htop' });
    expect(inner.notes.join(' ')).toContain('sudo -s');
  });

  it('a start command that was given to tmux by another is evidence as all else', () => {
    const foreign = { ...pane, startCommand: './deploy.sh prod' };
    expect(resumeOf(foreign, group([entry(['./deploy.sh', 'prod'])]), options)).toMatchObject({
      ...nothing,
      state: 'typed',
      typed: './deploy.sh prod',
    });
  });

  it('what cannot be made again is said and neither started nor typed', () => {
    const cases: [{ program: Program }, RegExp][] = [
      [group([entry(['less', 'a']), entry(['cat'])]), /pipe .*less a \| cat/],
      [group([entry(['less', 'a'], { stdin: 'pipe' })], { form: 'pipe' }), /pipe/],
      [group([entry(['bash']), entry(['sleep', '1'], { parent: 0 })], { form: 'compound' }), /loop.*sleep 1/],
      [group([entry(['htop'], { stdout: '/tmp/x' })]), /output to "\/tmp\/x"/],
      [group([entry(['less'], { stdin: '/tmp/x' })]), /input from/],
      [group([entry(['vim', 'a\nrm -rf x'])]), /a\\nrm/],
      [group([entry(['vim', '\x1b]0;x\x07'])]), /control/],
      [group([entry(['vim', 'a\u202eb'])]), /a\\u202eb/],
      [group([entry([])]), /hides/],
      [group([entry(['x', 'y'.repeat(2000)])]), /too long/],
    ];
    for (const [observed, said] of cases) {
      const made = resumeOf(pane, observed, options);
      expect(made).toMatchObject({ ...nothing, state: 'cannot' });
      expect(made.notes.join(' ')).toMatch(said);
      expect(made.notes.every(isPrintable)).toBe(true);
    }
  });

  it('--no-run starts nothing, types nothing, and says what would have been', () => {
    for (const argv of [
      ['nvim', 'a'],
      ['npm', 'run', 'deploy'],
    ]) {
      const made = resume(argv, {}, { run: false });
      expect(made).toMatchObject({ ...nothing, state: 'shell', notes: [`Not started: ${argv.join(' ')}`] });
    }
    const program = { kind: 'declared' as const, stopped: [] };
    expect(resumeOf({ ...pane, startCommand: 'top' }, { program }, { ...options, run: false })).toMatchObject(
      nothing,
    );
  });

  it('whatever ran, at most one line is started or typed, and it has no control character', () => {
    const argv = fc.array(hostileText(), { maxLength: 4 });
    fc.assert(
      fc.property(argv, fc.boolean(), (words, exact) => {
        const made = resume(words, { exact });
        const lines = [made.run, made.typed].filter((line) => line !== null);
        expect(lines.length).toBeLessThanOrEqual(1);
        expect(lines.every(isPrintable)).toBe(true);
        if (made.state === 'cannot') expect(made.notes.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe('words as a command line', () => {
  const shells = ['sh', 'bash', 'zsh', 'fish'].filter((shell) => findProgram(shell) !== null);

  it.each(shells)('%s takes it for exactly these words', (shell) => {
    const odd = [
      '=ls',
      '%self',
      '%1',
      '~',
      'a=~',
      '-n',
      '',
      "it's",
      'a b',
      '!x',
      '$HOME',
      '*',
      '\\',
      '{a,b}',
      '#',
      '[id]',
      '😀',
    ];
    const words = fc
      .sample(fc.array(hostileText(), { minLength: 1, maxLength: 5 }), { numRuns: 40, seed: 7 })
      .flat();
    const all = [...odd, ...words.filter((word) => !word.includes('\0'))];
    const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    const line = commandLine([process.execPath, '-e', print, '--', ...all]);
    expect(
      JSON.parse(
        execFileSync(shell, ['-c', line], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { PATH: process.env.PATH },
        }),
      ),
    ).toEqual(all);
  });

  it('a program whose name is a word of the language, or an assignment, is a program all the same', () => {
    expect(commandLine(['if', 'x'])).toBe("'if' x");
    expect(commandLine(['LD_PRELOAD=/x', 'ls'])).toBe("'LD_PRELOAD=/x' ls");
    expect(commandLine(['a', '=b', 'c=d'])).toBe("a '=b' c=d");
  });
});

describe('editors', () => {
  const session = '/state/editors/code.p2.vim';
  const none = { session: null, folderSession: 'none' as const };

  it('come back with the session of the last save, else with that of the folder', () => {
    const facts = { session, folderSession: 'trusted' as const };
    expect(editorResume(['nvim', '.'], facts)?.argv).toEqual(['nvim', '-S', session]);
    expect(editorResume(['/usr/bin/nvim', '-S', session], facts)?.argv).toEqual([
      '/usr/bin/nvim',
      '-S',
      session,
    ]);
    expect(editorResume(['vim'], facts)?.argv).toEqual(['vim', '-S', 'Session.vim']);
    expect(editorResume(['vim', 'a'], facts)).toBeNull();
    expect(editorResume(['nano'], facts)).toBeNull();
    expect(editorResume(['nvim'], none)).toBeNull();
    expect(editorResume(['nvim'], { session: null, folderSession: 'trusted' })?.argv).toEqual([
      'nvim',
      '-S',
      'Session.vim',
    ]);
    const untrusted = editorResume(['nvim'], { session: null, folderSession: 'untrusted' });
    expect(untrusted?.argv).toEqual(['nvim']);
    expect(untrusted?.note).toMatch(/not trusted/);
  });

  it('also those that were declared, when their line is that one command', () => {
    const program = { kind: 'declared' as const, stopped: [] };
    const run = (line: string) =>
      resumeOf(
        { ...pane, run: line },
        { program },
        { ...options, editor: { session, folderSession: 'none' } },
      ).run;
    expect(run('nvim .')).toBe(`nvim -S ${session}`);
    expect(run('nvim "$FILE"')).toBe('nvim "$FILE"');
    expect(run('cd web && nvim .')).toBe('cd web && nvim .');
    expect(run('npm run dev')).toBe('npm run dev');
  });
});
