import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/app.js';
import { type ProgramData, wantedAt } from '../../src/cli/completing.js';
import { root, sandbox } from '../support/sandbox.js';
import { terminal } from '../support/terminal.js';

/** As the build keeps them. */
const data = JSON.parse(readFileSync(join(root, 'dist/commands.json'), 'utf8')) as ProgramData;

/** What is wanted at the end of a line: the words, or the kind. */
function at(...line: string[]): readonly string[] | string {
  const wanted = wantedAt(data, line);
  return 'kind' in wanted ? `${wanted.prefix}<${wanted.kind}>` : wanted.words.map(({ word }) => word);
}

describe('what can stand at the cursor', () => {
  it('is a verb, a subcommand, an option, or what a word names', () => {
    expect(at('cw', '')).toEqual(Object.keys(program.verbs));
    expect(at('cw', '--json', 'sn')).toContain('snapshot');
    expect(at('cw', 'snapshot', '')).toEqual(['show', 'diff', 'pin', 'unpin', 'rm']);
    expect(at('cw', 'kill', '')).toBe('<workspace>');
    expect(at('cw', 'kill', 'a', 'b', '')).toBe('<workspace>');
    expect(at('cw', 'ls', '')).toBe(at('cw', 'list', ''));
    expect(at('claude-switch', '')).toBe('<project>');
    expect(at('/usr/local/bin/claude-switch', '--n')).toContain('--next');
    expect(at('cw', 'up', '--template', '')).toBe('<template>');
    expect(at('cw', 'up', '-t', '')).toBe('<template>');
    expect(at('cw', 'up', '--template=', '')).toBe('<project>');
    expect(at('cw', 'up', '--template=re')).toBe('--template=<template>');
    expect(at('cw', 'up', '-t', 'react', '')).toBe('<project>');
    expect(at('cw', 'up', '--', '--x')).toBe('<project>');
    expect(at('cw', 'up', '--na')).toContain('--name');
    expect(at('cw', 'export', 'shop', '--at', '')).toBe('<snapshot>');
    expect(wantedAt(data, ['cw', 'snapshot', 'show', 'shop', ''])).toMatchObject({
      kind: 'snapshot',
      before: ['shop'],
    });
    expect(at('cw', 'push', 'shop', '')).toBe('<host>');
    expect(at('cw', 'import', '')).toBe('<file>');
    expect(at('cw', 'config', 'get', '')).toBe('<setting>');
    for (const line of [
      ['cw', 'save', '--note', ''],
      ['cw', 'nosuch', ''],
      ['cw', '-'],

      ['cw', 'version', 'x', ''],
    ])
      expect(at(...line)).toEqual([]);
  });

  it('is answered for any line', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.keys(program.verbs), '--', '-', '--at=', 'show', '__proto__'),
    );
    fc.assert(fc.property(fc.array(word), (line) => void wantedAt(data, line)));
  });

  it('is what the program tells of itself', async () => {
    expect(JSON.parse((await sandbox().cw(['--json'])).stdout)).toEqual(data);
  });
});

describe('cw completion', () => {
  it('answers with names, and is silent about what it cannot read', async () => {
    const s = sandbox();
    s.file('.config/cw/templates/mine.yaml', 'windows: [{name: a, panes: [null]}]\n');
    s.file('.ssh/config', 'Host desk *.example.org !no\n  User me\nhost=lap\n');
    s.file('.config/cw/config.json', '{"remote.hosts": ["farm"]}');
    mkdirSync(join(s.home, 'projects/blog'), { recursive: true });
    mkdirSync(join(s.home, 'projects/a b'));
    await s.cw(['up', '--detach', join(s.home, 'projects/blog')]);
    await s.cw(['save', 'blog', '--note', 'x']);
    const words = async (...line: string[]) =>
      (await s.cw(['completion', 'words', '--bare', '--', ...line])).stdout.split('\n').filter(Boolean);
    expect(await words('cw', 'kill', '')).toEqual(['blog']);
    expect((await words('claude-switch', '')).sort()).toEqual(['a b', 'blog']);
    expect(await words('cw', 'up', '--template=m')).toEqual(['--template=mine', '--template=monitoring']);
    expect((await words('cw', 'ssh', '')).sort()).toEqual(['desk', 'farm', 'lap']);
    expect(await words('cw', 'import', '')).toEqual([':files']);
    const [newest] = await words('cw', 'snapshot', 'show', 'blog', '');
    expect((await s.cw(['snapshot', 'show', 'blog', newest!])).code).toBe(0);
    const broken = { CW_TMUX_SOCKET: `${s.folder}/${'x'.repeat(200)}` };
    expect(await s.cw(['completion', 'words', '--', 'cw', 'kill', ''], { env: broken })).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });

  it.each([
    ['bash', 'exec bash --norc --noprofile -i', 'eval "$(cw completion bash)"'],
    ['zsh', 'exec zsh -f -i', 'autoload -U compinit; compinit -u; source <(cw completion zsh)'],
    ['fish', 'exec fish --no-config --interactive', 'cw completion fish | source'],
  ])('works in %s', async (name, start, load) => {
    const s = sandbox();
    mkdirSync(join(s.home, 'projects/shop'), { recursive: true });
    await s.cw(['up', '--detach', join(s.home, 'projects/shop')]);
    const screen = terminal(s, { columns: 150 });
    screen.line(start);
    screen.line(`${load}; echo rea''dy`);
    await screen.waitFor('it is loaded', /^ready/m);
    const completes = async (typed: string, made: string | RegExp) => {
      screen.keys('C-u', 'C-l');
      screen.keys('-l', typed);
      screen.keys('Tab');
      await screen.waitFor(`${typed} is completed in ${name}`, made);
    };
    await completes('cw kill sh', 'cw kill shop');
    await completes('claude-switch sh', 'claude-switch shop');
    await completes('cw snap', 'cw snapshot');
    await completes('cw up --template=reac', '--template=react');
    await completes('cw config get notify.comm', 'notify.command');
    await completes('cw inspect .loc', /inspect \.local/);
  });
});

describe('the manual page', () => {
  it('names every command, and is well-formed', async () => {
    const page = join(root, 'dist/cw.1');
    const linted = await sandbox().run('mandoc', ['-T', 'lint', '-W', 'error', page]);
    expect(linted).toEqual({ code: 0, stdout: '', stderr: '' });
    const { stdout } = await sandbox().run('mandoc', ['-T', 'utf8', page]);
    const shown = stdout.replace(/.\x08/g, '');
    for (const name of Object.keys(program.verbs)) expect(shown).toMatch(new RegExp(`^ +cw ${name}\\b`, 'm'));
  });
});

describe('cw shell-init', () => {
  it.each(['bash', 'zsh', 'fish'])('gives the old names to %s', async (shell) => {
    const s = sandbox();
    mkdirSync(join(s.home, 'shop'));
    const PATH = `${join(root, 'bin')}:${process.env.PATH}`;
    const load = shell === 'fish' ? 'cw shell-init fish | source' : `eval "$(cw shell-init ${shell})"`;
    const ran = await s.run(
      shell,
      ['-c', `${load}; claude-template-react shop --detach >/dev/null; claude-list-sessions --json`],
      { cwd: s.home, env: { PATH } },
    );
    expect(ran).toMatchObject({ code: 0 });
    expect(JSON.parse(ran.stdout)).toMatchObject([{ name: 'shop' }]);
    expect((await s.cw(['status', 'shop', '--json'])).stdout).toContain('react');
  });

  it('says for which shells it has them', async () => {
    const s = sandbox();
    expect(await s.cw(['shell-init'], { env: { SHELL: '/bin/tcsh' } })).toMatchObject({ code: 2 });
  });
});
