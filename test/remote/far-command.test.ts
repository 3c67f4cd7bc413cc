import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterMark, answeringLine, attachingLine, quoteForAnyShell } from '../../src/remote/far-command.js';
import { findProgram } from '../../src/system/programs.js';
import { sandbox } from '../support/sandbox.js';

const shells = ['sh', 'bash', 'dash', 'zsh', 'fish', 'tcsh'].filter((name) => findProgram(name) !== null);

function said(shell: string, line: string, env: NodeJS.ProcessEnv): string {
  const ran = spawnSync(shell, ['-c', line], { env, encoding: 'utf8', input: '' });
  return ran.status === 0 ? ran.stdout : `${ran.status}: ${ran.stderr}`;
}

/** Words of what shells make something of. */
const words = fc.array(
  fc.string({
    unit: fc.oneof(
      fc.constantFrom(...'\'"\\!$`#~*?[]{}()<>|&;^%= -\t', "\\'", '!!', '$(id)', '\\\\', 'é', '日', '🙂'),
      fc.constantFrom('a', 'Z', '0', '.', '/'),
    ),
    maxLength: 12,
  }),
  { minLength: 1, maxLength: 5 },
);

describe.each(shells)('%s', (shell) => {
  it('reads every word back as it is', () => {
    const { env } = sandbox();
    fc.assert(
      fc.property(words, (list) => {
        const line = ['printf', '%s\\n', ...list].map(quoteForAnyShell).join(' ');
        expect(said(shell, line, env)).toBe(list.map((word) => `${word}\n`).join(''));
      }),
      { numRuns: 60, examples: [[['=ls', '%1', '~', '@a', 'a=b']]] },
    );
  });

  it('runs the program behind the mark, with exactly its words', () => {
    const s = sandbox();
    const cw = `#!/bin/sh\n[ "$1" = --version ] && { echo 1.2.3; exit; }\nfor word; do printf '<%s>' "$word"; done\n`;
    s.file('bin/cw', cw, 0o755);
    const env = { ...s.env, PATH: `${s.home}/bin:${s.env.PATH}`, SHELL: findProgram(shell)! };
    const odd = ['status', "it's", 'a\\b', '!x', '$HOME', '', '--', '-x', 'ü b'];
    const output = said(shell, answeringLine('the-mark', ['cw', ...odd]), env);
    const marked = afterMark(Buffer.from(output), 'the-mark');
    expect({ output, version: marked?.version }).toMatchObject({ version: '1.2.3' });
    expect(String(marked?.rest)).toBe(odd.map((word) => `<${word}>`).join(''));
    expect(said(shell, attachingLine(['cw', ...odd]), env)).toBe(odd.map((word) => `<${word}>`).join(''));
  });

  it('says that there is no cw', () => {
    const s = sandbox();
    const env = { ...s.env, PATH: '/usr/bin:/bin', SHELL: findProgram(shell)! };
    const ran = spawnSync(shell, ['-c', answeringLine('the-mark', ['cw', 'list'])], {
      env,
      encoding: 'utf8',
    });
    expect(ran.status).toBe(127);
    expect(afterMark(Buffer.from(ran.stdout), 'the-mark')).toMatchObject({ version: null });
    const attached = spawnSync(shell, ['-c', attachingLine(['claude-switch'])], { env, encoding: 'utf8' });
    expect([attached.status, attached.stderr]).toEqual([
      127,
      expect.stringContaining('cw is not installed on'),
    ]);
  });
});

it('the mark is found however the output is cut', () => {
  const whole = Buffer.from('Welcome\nthe-mark no\n\nthe-mark 1.0\n{"a":1}\n');
  expect(afterMark(whole, 'the-mark')?.version).toBe('no');
  const output = Buffer.from('Welcome\n\nthe-mark 1.0\n{"a":1}\n');
  for (let end = 0; end <= output.length; end++) {
    const marked = afterMark(output.subarray(0, end), 'the-mark');
    if (end < output.indexOf('{')) expect(marked).toBe(null);
    else expect(marked).toMatchObject({ version: '1.0', rest: output.subarray(output.indexOf('{'), end) });
  }
});
