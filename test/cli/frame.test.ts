import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Command } from '../../src/cli/command.js';
import { age, glossary, harmless, styler, table, truncate, visible, width } from '../../src/cli/output.js';
import { parseLine } from '../../src/cli/parse.js';
import { wantsColor } from '../../src/cli/terminal.js';
import { helpText, parseThoroughly } from '../../src/cli/usage.js';
import { sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';
import { buildProgram } from './fake-program.js';

const sample: Command = {
  name: 'sample',
  summary: 'A command with one of each kind.',
  positionals: [
    { name: 'first', describe: 'The first.', required: true },
    { name: 'more', describe: 'All others.', variadic: true },
  ],
  options: {
    at: { type: 'string', short: 'a', value: 'TIME', describe: 'A time.' },
    set: { type: 'string', short: 's', multiple: true, value: 'K=V', describe: 'A variable.' },
    detach: { type: 'boolean', short: 'd', describe: 'Do not attach.' },
    'dry-run': { type: 'boolean', describe: 'Only show.' },
  },
  examples: [{ line: 'cw sample x --at 10:00', does: 'An example.' }],
  run: async () => ({}),
};

describe('the two readers of a line', () => {
  const plain = fc.oneof(
    fc.string({ minLength: 1, unit: 'grapheme' }).filter((word) => !word.startsWith('-')),
    fc.constantFrom('', '-', '5', '0x10', 'true', 'a=b', '#{x}', '1e3'),
  );
  const option = fc.oneof(
    plain.map((value) => ['--at', value]),
    fc.string().map((value) => [`--at=${value}`]),
    plain.map((value) => ['-a', value]),
    plain.map((value) => ['--set', value]),
    fc.constantFrom(['-d'], ['--detach'], ['--dry-run'], ['--json'], ['-da', 'now'], ['-d', '-s', 'k=v']),
  );
  const line = fc
    .tuple(
      fc.array(
        fc.oneof(
          option,
          plain.map((word) => [word]),
        ),
      ),
      fc.option(fc.array(fc.string())),
    )
    .map(([parts, after]) => [...parts.flat(), ...(after ? ['--', ...after] : [])]);

  it('agree on every well-formed line', async () => {
    await fc.assert(
      fc.asyncProperty(line, async (words) => {
        const quick = parseLine(sample, words);
        fc.pre(quick !== null);
        expect(await parseThoroughly(sample, words)).toEqual({
          ...quick,
          args: { ...quick!.args, options: { ...quick!.args.options } },
        });
      }),
      { numRuns: 200 },
    );
  });

  it('understand most lines quickly', () => {
    expect(parseLine(sample, ['x', '-da', 'now', '--set', 'a=1', 'y', '--set=b=2', '--', '-z'])).toEqual({
      json: false,
      args: {
        positionals: { first: 'x' },
        rest: ['y', '-z'],
        afterDashes: ['-z'],
        options: { detach: true, at: 'now', set: ['a=1', 'b=2'] },
      },
    });
  });

  it('leave what follows -- to a command that wants it apart', () => {
    const words = ['x', '--', 'npm', '--at'];
    const line = parseLine({ ...sample, keepsAfterDashes: true }, words);
    expect(line?.args).toMatchObject({ positionals: { first: 'x' }, rest: [], afterDashes: ['npm', '--at'] });
  });

  it.each([
    [['--att', 'now', 'x'], /no option --att/, /Did you mean --at\?/],
    [['--a.b', 'x'], /no option --a\.b/, /--help/],
    [['-q', 'x'], /no option -q/, /cw sample FIRST \[MORE\.\.\.\] \[options\]/],
    [['x', '--at'], /--at needs a value/, /--help/],
    [['x', '--at', '--json'], /--at needs a value/, /--help/],
    [[], /FIRST is missing/, /--help/],
    [['x', '--detach=5'], /--detach takes no value/, /--help/],
    [['x', '--no-detach'], /no option --no-detach/, /--help/],
  ])('explain %j', async (words, message, hint) => {
    expect(parseLine(sample, words)).toBeNull();
    const error = await parseThoroughly(sample, words).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  it('explain a word too many', async () => {
    const none: Command = { ...sample, positionals: [] };
    await expect(parseThoroughly(none, ['x'])).rejects.toThrow('"x" is one word too many');
  });

  it('print the help from the same data', async () => {
    const terminal = { interactive: false, color: false, columns: 60, rows: 24 };
    const help = await helpText(sample, { terminal });
    for (const part of [
      'cw sample FIRST [MORE...]',
      '--at TIME',
      '--set K=V',
      '-d, --detach',
      'An example.',
    ]) {
      expect(help).toContain(part);
    }
    for (const line of help.split('\n')) expect(width(line)).toBeLessThanOrEqual(60);
  });
});

describe('output', () => {
  it('measures what terminals draw', () => {
    expect(width('abc')).toBe(3);
    expect(width('é')).toBe(1);
    expect(width('e\u0301')).toBe(1);
    expect(width('日本')).toBe(4);
    expect(width('한글')).toBe(4);
    expect(width('👩‍👩‍👧🚀')).toBe(4);
    expect(width('🇩🇪')).toBe(2);
    expect(width('●○…')).toBe(3);
    expect(width('a\u200bb')).toBe(2);
  });

  it('cuts any text to the cells it may have', () => {
    const text = fc.string({ unit: 'grapheme' }).map(visible);
    fc.assert(
      fc.property(
        text,
        fc.nat(20),
        fc.constantFrom('end' as const, 'start' as const),
        (long, cells, side) => {
          const cut = truncate(long, cells, side);
          expect(width(cut)).toBeLessThanOrEqual(cells);
          if (width(long) <= cells) expect(cut).toBe(long);
        },
      ),
    );
    expect(truncate('~/projects/shop', 8, 'start')).toBe('…ts/shop');
  });

  it('keeps every row of a table in one line of the width, aligned', () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 10 }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const lines = table(rows, 60).split('\n');
        expect(lines).toHaveLength(rows.length);
        for (const line of lines) {
          expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
          expect(width(line)).toBeLessThanOrEqual(60);
        }
      }),
    );
    const picture = table(
      [
        ['NAME', 'AGE'],
        ['日本', { text: '5 s', style: (text) => `<${text}>` }],
      ],
      60,
      [{}, { align: 'right' }],
    );
    expect(picture).toBe('NAME  AGE\n日本  <5 s>');
  });

  it('lets no foreign text steer the terminal', () => {
    expect(visible('a\x1b]0;owned\x07\n\u202eb')).toBe('a\\x1b]0;owned\\x07\\n\\u202eb');
    const drawn = harmless(`${styler(true)('red', 'x')}\n\x1b[2J\x1b]52;c;aGk=\x07\x9b`);
    expect(drawn).toBe('\x1b[31mx\x1b[39m\n\\x1b[2J\\x1b]52;c;aGk=\\x07\\x9b');
  });

  it('folds what is said of a name and cuts nothing', () => {
    expect(glossary([['ab', 'one two three four five six seven']], 30)).toBe(
      '  ab  one two three four five\n      six seven',
    );
  });

  it('says how long ago a time was in its largest unit', () => {
    const now = Date.UTC(2025, 0, 2);
    expect([59, 60, 3599, 3600, 86_399, 86_400, -5].map((seconds) => age(now - seconds * 1000, now))).toEqual(
      ['59 s', '1 min', '59 min', '1 h', '23 h', '1 d', '0 s'],
    );
  });

  it('has colours only where they are wanted', () => {
    expect(wantsColor({ TERM: 'xterm' }, true)).toBe(true);
    expect(wantsColor({ TERM: 'xterm' }, false)).toBe(false);
    expect(wantsColor({ TERM: 'dumb' }, true)).toBe(false);
    expect(wantsColor({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
    expect(wantsColor({ FORCE_COLOR: '1' }, false)).toBe(true);
    expect(styler(false)('red', 'x')).toBe('x');
  });
});

/** Commands that fail in every way. */
const faulty = `
  bug: async () => { throw new TypeError('x is not a function'); },
  full: async () => { throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write', path: '/disk/file' }); },
  lost: async () => { throw new CwError('not-found', 'No project "a\\x1b[2J".', { hint: 'one\\ntwo' }); },
  partly: async () => ({ data: [1], text: 'one of two', exit: 6 }),
  long: async () => ({ text: 'line\\n'.repeat(200000) }),
  wait: async (_, context) => { context.note('waiting'); await new Promise((done) => setTimeout(done, 600000)); return {}; },
  ask: async (_, context) => ({ text: String(await context.ask('Sure?')) }),
  open: async (args) => { throw new CwError('not-found', 'No project "' + args.rest[0] + '".'); },
  where: async (_, context) => ({ text: context.cwd }),
  words: async (args, context) => ({ data: { rest: args.rest, handover: process.env.CW_HANDOVER ?? null, given: context.env.CW_HANDOVER ?? null } }),
`;

describe('the frame', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cw-frame-'));
  let file = '';

  beforeAll(async () => {
    file = await buildProgram(folder, faulty);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives each failure its exit code, a message, and what to do below it', async () => {
    const s = sandbox();
    const lost = await s.run('node', [file, 'lost']);
    expect(lost).toEqual({ code: 3, stdout: '', stderr: 'No project "a\\x1b[2J".\n  one\n  two\n' });
    const full = await s.run('node', [file, 'full']);
    expect(full.code).toBe(1);
    expect(full.stderr).toBe(
      '/disk/file: no space is left on the disk.\n  Free some space, then try again.\n',
    );
    expect(await s.run('node', [file, 'partly'])).toEqual({ code: 6, stdout: 'one of two\n', stderr: '' });
  });

  it.runIf(existsSync('/dev/full'))(
    'says it to people when not even the document can be written',
    async () => {
      const s = sandbox();
      const full = await s.run('sh', ['-c', `node '${file}' lost --json >/dev/full`]);
      expect(full).toEqual({ code: 3, stdout: '', stderr: 'No project "a\\x1b[2J".\n  one\n  two\n' });
      const result = await s.run('sh', ['-c', `node '${file}' partly --json >/dev/full`]);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(
        /no space is left on the disk\.\n {2}Free some space, then try again\.\n$/,
      );
      expect((await s.run('sh', ['-c', `node '${file}' lost >/dev/full 2>/dev/full`])).code).toBe(3);
    },
  );

  it('prints one document under --json, failures included', async () => {
    const s = sandbox();
    const lost = await s.run('node', [file, '--json', 'lost']);
    expect(lost.code).toBe(3);
    expect(JSON.parse(lost.stdout)).toEqual({
      error: { code: 'not-found', message: 'No project "a\x1b[2J".', hint: 'one\ntwo' },
    });
    const wrong = await s.run('node', [file, 'partly', '--nope', '--json']);
    expect([wrong.code, JSON.parse(wrong.stdout).error.code, wrong.stderr]).toEqual([2, 'usage', '']);
    expect(await s.run('node', [file, 'partly', '--json'])).toEqual({ code: 6, stdout: '[1]\n', stderr: '' });
  });

  it('writes the details of a fault of its own to a private log', async () => {
    const s = sandbox();
    const bug = await s.run('node', [file, 'bug', 'secret']);
    expect(bug.code).toBe(1);
    expect(bug.stderr).toMatch(/x is not a function\n {2}.*~\/\.local\/state\/cw\/logs\/errors\.log\n$/);
    const log = join(s.home, '.local/state/cw/logs/errors.log');
    expect(readFileSync(log, 'utf8')).toMatch(/\["bug","secret"\]\nTypeError: x is not a function\n {4}at /);
    expect(statSync(log).mode & 0o777).toBe(0o600);
    const again = await s.run('node', [file, 'bug', '--json']);
    expect(JSON.parse(again.stdout).error.code).toBe('internal');
  });

  it('says the details when the log cannot be written', async () => {
    const s = sandbox();
    s.file('.local/state/cw', 'a file where the folder should be');
    const bug = await s.run('node', [file, 'bug']);
    expect(bug.code).toBe(1);
    expect(bug.stderr).toContain('TypeError: x is not a function');
  });

  it('is quiet when nobody reads on, and when it is interrupted', async () => {
    const s = sandbox();
    const piped = await s.run('bash', ['-o', 'pipefail', '-c', `node '${file}' long | head -1`]);
    expect(piped).toEqual({ code: 0, stdout: 'line\n', stderr: '' });

    const child = execFile('bash', ['-c', `node '${file}' wait; echo "code $?"`], { env: s.env });
    let [out, err] = ['', ''];
    child.stdout?.on('data', (text) => (out += text));
    child.stderr?.on('data', (text) => (err += text));
    await waitUntil('it waits', () => err === 'waiting\n');
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    process.kill(Number(children), 'SIGINT');
    await waitUntil('it ended', () => out === 'code 130\n');
    expect(err).toBe('waiting\n');
  });

  it('asks, and takes nothing but a yes for a yes', async () => {
    const s = sandbox();
    for (const [input, answer] of [
      ['y\n', 'true'],
      ['Yes\n', 'true'],
      ['\n', 'false'],
      ['yesterday\n', 'false'],
      ['', 'false'],
    ]) {
      const asked = await s.run('node', [file, 'ask'], { input: input! });
      expect([input, asked.stdout]).toEqual([input, `${answer}\n`]);
      expect(asked.stderr).toContain('Sure? [y/N] ');
    }
  });

  it('finds verbs first, then projects, then what was meant', async () => {
    const s = sandbox();
    const words = async (...line: string[]) => JSON.parse((await s.run('node', [file, ...line])).stdout).rest;
    expect(await words('ls', 'a', '--json')).toEqual(['a']);
    expect(await words('--json', 'words', 'b')).toEqual(['b']);
    const near = await s.run('node', [file, 'word']);
    expect(near.code).toBe(2);
    expect(near.stderr).toMatch(/no command and no project "word"\.\n {2}Did you mean cw words\?/);
    const project = await s.run('node', [file, 'webshop']);
    expect([project.code, project.stderr]).toEqual([3, 'No project "webshop".\n']);
    const option = await s.run('node', [file, '--hepl']);
    expect(option.code).toBe(2);
    expect(option.stderr).toContain('Did you mean --help?');
    const path = await s.run('node', [file, './lost']);
    expect(path.code).toBe(3);
  });

  it('keeps the handover descriptor to itself', async () => {
    const s = sandbox();
    const ran = await s.run('node', [file, 'words', '--json'], { env: { CW_HANDOVER: '3' } });
    expect(JSON.parse(ran.stdout)).toEqual({ rest: [], handover: null, given: null });
  });

  it('says so when its folder is gone', async () => {
    const s = sandbox();
    const line = (verb: string) => `mkdir gone && cd gone && rmdir ../gone && node '${file}' ${verb}`;
    const ran = await s.run('bash', ['-c', line('where')]);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(/does not exist any more\.\n {2}Change to one that does/);
    expect(await s.run('bash', ['-c', line('partly')])).toMatchObject({ code: 6, stderr: '' });
  });
});
