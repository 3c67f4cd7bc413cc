import { execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptFlags, modeOf, readLaunch, type StartRequest, startLine } from '../../src/claude/launch.js';
import { hostileText } from '../support/arbitraries.js';
import { sandbox } from '../support/sandbox.js';

const id = '0b3a9b9e-5b1c-4e0e-9a55-0123456789ab';
const parent = '7d0f5a7e-1111-4222-8333-abcdefabcdef';

describe('a declared line', () => {
  it.each([
    ['claude', [], 'claude', []],
    ['  claude  ', [], 'claude', []],
    ['exec claude --verbose', [], 'claude', ['--verbose']],
    [
      'claude --model opus --permission-mode plan',
      [],
      'claude',
      ['--model', 'opus', '--permission-mode', 'plan'],
    ],
    [
      'A=1 B="two words" /opt/x/claude --model=opus',
      ['A=1', 'B=two words'],
      '/opt/x/claude',
      ['--model=opus'],
    ],
    ['env A=1 claude', ['A=1'], 'claude', []],
    ["claude --append-system-prompt 'be brief'", [], 'claude', ['--append-system-prompt', 'be brief']],
    [
      'claude --allowedTools Bash Edit --verbose',
      [],
      'claude',
      ['--allowedTools', 'Bash', 'Edit', '--verbose'],
    ],
  ])('%s is a plain start', (line, assignments, program, flags) => {
    expect(readLaunch(line)).toEqual({ assignments, program, flags });
  });

  it.each([
    '',
    'vim',
    'cc',
    'echo claude',
    'claude; vim',
    'claude && vim',
    'claude | tee log',
    'claude > log',
    'claude "say hello"',
    'claude mcp list',
    'claude --continue',
    'claude -c',
    'claude -cp',
    'claude -rapi',
    'claude -r',
    `claude --resume ${id}`,
    `claude --resume=${id}`,
    `claude --session-id ${id}`,
    'claude -p hello',
    'claude --print',
    'claude --model $MODEL',
    'claude --model "$MODEL"',
    'claude --add-dir ~/x',
    'claude --model',
    'claude --version',
    'claude # now',
    "claude 'unended",
  ])('%s is left alone', (line) => {
    expect(readLaunch(line)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), hostileText()), (text) => {
        readLaunch(text);
        readLaunch(`claude ${text}`);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the line that starts a conversation', () => {
  const request: StartRequest = {
    program: 'claude',
    flags: ['--allowedTools', 'Bash'],
    conversation: id,
    mode: 'new',
    settingsFile: '/s/settings.json',
    name: null,
  };

  it('names the conversation in one way only', () => {
    expect(startLine(request)).toBe(
      `claude --session-id ${id} --settings /s/settings.json --allowedTools Bash`,
    );
    expect(startLine({ ...request, mode: 'resume', name: 'api' })).toBe(
      `claude --resume ${id} --settings /s/settings.json --name api --allowedTools Bash`,
    );
    expect(startLine({ ...request, mode: 'fork', forkOf: parent, settingsFile: null })).toBe(
      `claude --resume ${parent} --fork-session --session-id ${id} --allowedTools Bash`,
    );
  });

  it("leaves the user's own settings file and name", () => {
    const flags = ['--settings', 'mine.json', '-n', 'x'];
    expect(startLine({ ...request, flags, name: 'api' })).toBe(
      `claude --session-id ${id} ${flags.join(' ')}`,
    );
  });

  it('starts nothing by an id that is none', () => {
    expect(() => startLine({ ...request, conversation: '--help' })).toThrow('no conversation id');
    expect(() => startLine({ ...request, mode: 'fork' })).toThrow('no conversation id');
  });

  it('resumes what was prompted, and starts again what was not', () => {
    expect(modeOf({ prompted: true, forkOf: parent })).toBe('resume');
    expect(modeOf({ prompted: false, forkOf: null })).toBe('new');
    expect(modeOf({ prompted: false, forkOf: parent })).toBe('fork');
  });

  it('is read by every shell as the same words', () => {
    const world = sandbox();
    const program = join(world.home, 'a b', 'claude');
    world.file('a b/claude', '#!/bin/sh\nprintf "%s\\0" "$FOO" "$@" END\n');
    chmodSync(program, 0o755);
    const word = hostileText().filter((text) => !text.includes('\0') && !text.includes('\n'));
    const requests = fc
      .sample(fc.record({ flags: fc.array(word, { maxLength: 4 }), name: word, foo: word }), {
        numRuns: 40,
        seed: 4,
      })
      .map(({ flags, name, foo }) => ({
        ...request,
        program,
        assignments: [`FOO=${foo}`],
        flags: flags.filter((flag) => !/^(-n|--name.*|--settings.*)$/.test(flag)),
        name,
      }));
    const script = world.file('lines', `${requests.map(startLine).join('\n')}\n`);
    const expected = requests
      .map(({ assignments: [foo], flags, name }) =>
        [foo!.slice(4), '--session-id', id, '--settings', '/s/settings.json', '--name', name, ...flags, 'END']
          .map((each) => `${each}\0`)
          .join(''),
      )
      .join('');
    const shells = ['/bin/sh', '/bin/bash', '/usr/bin/zsh', '/bin/zsh', '/usr/bin/fish'].filter(exists);
    expect(shells.length).toBeGreaterThan(0);
    for (const shell of shells) {
      const read = execFileSync(shell, [script], {
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin', HOME: world.home },
      });
      expect([shell, read]).toEqual([shell, expected]);
    }
  });

  it('can be read again, when it is a plain start', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('--verbose', '--ide', '--debug')),
        hostileText(),
        (flags, prompt) => {
          fc.pre(!prompt.startsWith('-') && !/[\n\0]/.test(prompt));
          const all = [...flags, '--append-system-prompt', prompt];
          const line = startLine({ ...request, flags: all }).replace(/ --session-id \S+ --settings \S+/, '');
          expect(readLaunch(line)?.flags).toEqual(all);
        },
      ),
    );
  });
});

function exists(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

describe('the words of a running one', () => {
  it.each([
    [['claude'], []],
    [
      ['claude', '--model', 'opus', 'do it'],
      ['--model', 'opus'],
    ],
    [['/usr/bin/node', '/x/bin/claude', '--resume', id, '--verbose'], ['--verbose']],
    [['claude', '--resume', '--verbose'], ['--verbose']],
    [
      ['claude', '-c', '--settings', '/ours', '--settings', '/theirs'],
      ['--settings', '/theirs'],
    ],
    [
      ['claude', `--session-id=${id}`, '--allowedTools', 'A', 'B', '--ide'],
      ['--allowedTools', 'A', 'B', '--ide'],
    ],
  ])('%j are kept without what names a conversation', (argv, kept) => {
    expect(keptFlags(argv, (path) => path === '/ours')).toEqual(kept);
  });

  it.each([[['claude', '-p', 'x']], [['claude', '--print']], [['claude', '-cp', 'x']]])(
    '%j answers one prompt',
    (argv) => {
      expect(keptFlags(argv)).toBeNull();
    },
  );
});
