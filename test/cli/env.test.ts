import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verb } from '../../src/cli/commands/env.js';
import { trust, trustState } from '../../src/project/trust.js';
import { sandbox } from '../support/sandbox.js';
import { runVerb } from './run-verb.js';

/** A project `shop`, with a session of ours when `open`. */
function user(envFile: string | null, open: boolean) {
  const box = sandbox();
  const path = join(box.home, 'shop');
  box.file('shop/package.json', '{}');
  if (envFile !== null) box.file('shop/.env.claude', envFile);
  if (open) {
    box.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'claude-dev-shop', '-c', path);
    box.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_id', 'w0123456789ab');
    box.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_path', path);
  }
  return {
    box,
    path,
    file: () => readFileSync(join(path, '.env.claude'), 'utf8'),
    env: (...words: string[]) => runVerb(verb, words, { env: box.env, cwd: box.home }),
    session: (name: string) => box.tmux('show-environment', '-t', '=claude-dev-shop:', name).trimEnd(),
  };
}

describe('showing', () => {
  it('says where each came from, and hides what looks secret', async () => {
    const { env } = user('API_URL=http://x\nAPI_KEY=hunter2\nPATH=/evil\n', false);
    const { text, data, notes } = await env('shop');
    expect(text).toMatch(/^CLAUDE_PROJECT +shop +cw$/m);
    expect(text).toMatch(/^API_URL +http:\/\/x +\.env\.claude$/m);
    expect(text).toMatch(/^API_KEY +\*{8} +\.env\.claude$/m);
    expect(JSON.stringify(data)).not.toContain('hunter2');
    expect(data).toMatchObject({ open: false, withheld: ['PATH'] });
    expect(notes.join()).toContain('PATH of .env.claude is not set');
    expect((await env('shop', '--show')).text).toContain('hunter2');
  });

  it('names what the running session has otherwise', async () => {
    const { env, box } = user('A=file\n', true);
    box.tmux('set-environment', '-t', '=claude-dev-shop:', 'A', 'by hand');
    const { data, text } = await env('shop');
    expect(text).toMatch(/^A +file +\.env\.claude +by hand$/m);
    const variables = (data as { variables: { name: string }[] }).variables;
    expect(variables.find(({ name }) => name === 'A')).toMatchObject({ value: 'file', session: 'by hand' });
  });

  it('an unknown workspace is not found', async () => {
    expect(await user(null, false).env('shpo')).toMatchObject({ kind: 'not-found' });
  });
});

describe('changing', () => {
  it('--set and --unset change only their lines and the session; what runs keeps its own', async () => {
    const { env, file, path, session } = user('# mine\nexport A=1\nB=2 # why\n', true);
    const answer = await env(
      'shop',
      '--set',
      "A=it's\n#{x}; $HOME",
      '--set',
      'NEW=',
      '--unset',
      'B',
      '--unset',
      'NONE',
    );
    expect(answer).toMatchObject({ kind: 'done', data: { set: ['A', 'NEW'], unset: ['B'], loaded: true } });
    expect(answer.text).toContain('running programs keep theirs');
    expect(answer.notes).toEqual(['NONE was not in .env.claude.']);
    expect(file()).toBe('# mine\nexport A="it\'s\\n#{x}; \\$HOME"\nNEW=\n');
    expect(statSync(join(path, '.env.claude')).mode & 0o777).toBe(0o600);
    expect(session('A')).toBe("A=it's\n#{x}; $HOME");
    expect(session('NEW')).toBe('NEW=');
    expect(() => session('B')).toThrow('unknown variable');
  });

  it('--reload brings the session up to the file', async () => {
    const { env, box, session } = user('A=1\n', true);
    box.file('shop/.env.claude', 'A=2\nB=3\n');
    expect(await env('shop', '--reload')).toMatchObject({ kind: 'done', data: { loaded: true } });
    expect([session('A'), session('B'), session('CLAUDE_PROJECT')]).toEqual([
      'A=2',
      'B=3',
      'CLAUDE_PROJECT=shop',
    ]);
  });

  it('a file that is made is kept out of the repository, and a closed workspace needs no tmux', async () => {
    const { env, box, path } = user(null, false);
    await box.run('git', ['init', '-q'], { cwd: path });
    expect(await env('shop', '--set', 'A=1')).toMatchObject({
      kind: 'done',
      data: { open: false, loaded: false },
    });
    const { stdout } = await box.run('git', ['status', '--porcelain'], { cwd: path });
    expect(stdout).toBe('?? package.json\n');
    expect(existsSync(box.socket)).toBe(false);
  });

  it("the user's own hand needs no second trust, but gives none either", async () => {
    const { env, path, box } = user('A=1\n', false);
    expect(await env('shop', '--set', 'NODE_OPTIONS=--trace-warnings')).toMatchObject({
      data: { withheld: [] },
    });
    expect(trustState(path, box.env).state).toBe('trusted');
    box.file('shop/.cw.yaml', 'windows: [{name: a, panes: [evil]}]');
    expect(await env('shop', '--set', 'NODE_OPTIONS=')).toMatchObject({
      data: { withheld: ['NODE_OPTIONS'] },
    });
    expect(trustState(path, box.env).state).toBe('changed');
    await trust(trustState(path, box.env), box.env);
    expect(await env('shop', '--unset', 'NODE_OPTIONS')).toMatchObject({ kind: 'done' });
    expect(trustState(path, box.env).state).toBe('trusted');
  });

  it.each([
    ['--set', '2FAST=1'],
    ['--set', 'novalue'],
    ['--set', '=1'],
    ['--unset', 'a b'],
    ['--set', 'A=1', '--unset', '$(id)'],
  ])('refuses %s %s and changes nothing', async (...words) => {
    const { env, file } = user('A=0\n', false);
    expect(await env('shop', ...words)).toMatchObject({ kind: 'usage' });
    expect(file()).toBe('A=0\n');
  });

  it('two at once keep both', async () => {
    const { env, file } = user('A=0\n', false);
    await Promise.all([
      env('shop', '--set', 'B=1'),
      env('shop', '--set', 'C=2'),
      env('shop', '--set', 'D=3'),
    ]);
    expect(file().split('\n').sort().join(' ')).toBe(' A=0 B=1 C=2 D=3');
  });
});
