import { readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isTrusted, trust, trustedProjects, trustState, untrust } from '../../src/project/trust.js';
import { envAt, folderWith, put } from './folder.js';

const world = (files: Record<string, string>) => ({ path: folderWith(files), env: envAt(folderWith({})) });

describe('what there is to trust', () => {
  it.each<[string, Record<string, string>]>([
    ['an empty folder', {}],
    ['plain variables', { '.env.claude': 'A=1\nDATABASE_URL=x\n' }],
    [
      'a shipped type',
      { '.claude/config/project.json': '{"project_type": "react", "dev_server_port": 3000}' },
    ],
    ['a type under another name', { '.claude/config/project.json': '{"project_type": "TypeScript"}' }],
    ['a broken project.json', { '.claude/config/project.json': '{' }],
  ])('nothing: %s', (_, files) => {
    const { path, env } = world(files);
    const report = trustState(path, env);
    expect(report.state).toBe('nothing-to-trust');
    expect(isTrusted(report)).toBe(true);
  });

  it('a template, commands, their scripts, and code-running variables', () => {
    const { path, env } = world({
      '.cw.yaml': 'windows: [{name: a}]',
      '.claude/config/project.json':
        '{"init_script": "bash ./scripts/init.sh --fast", "project_type": "mine"}',
      'scripts/init.sh': 'echo hi',
      '.env.claude': 'A=1\nNODE_OPTIONS="--require ./x.js"\n',
    });
    expect(trustState(path, env)).toMatchObject({
      state: 'untrusted',
      files: ['.cw.yaml', '.claude/config/project.json', 'scripts/init.sh', '.env.claude'],
      commands: [{ from: 'init_script', run: 'bash ./scripts/init.sh --fast' }],
      variables: [{ name: 'NODE_OPTIONS', value: '--require ./x.js' }],
    });
  });
});

describe('trusting', () => {
  it.each<[string, Record<string, string>]>([
    ['the template', { '.cw.yaml': 'windows: [{name: b}]' }],
    ['a command', { '.claude/config/project.json': '{"init_script": "./other.sh"}' }],
    ['a script that a command names', { 'init.sh': 'curl evil' }],
    ['a code-running variable', { '.env.claude': 'PATH=/other\n' }],
  ])('a change of %s asks again', async (_, change) => {
    const { path, env } = world({
      '.cw.yaml': 'windows: [{name: a}]',
      '.claude/config/project.json': '{"init_script": "./init.sh"}',
      'init.sh': 'true',
      '.env.claude': 'PATH=/x\n',
    });
    await trust(trustState(path, env), env);
    expect(trustState(path, env).state).toBe('trusted');
    put(path, { '.env.claude': 'PATH=/x\nPLAIN=1\n' });
    expect(trustState(path, env).state).toBe('trusted');
    put(path, change);
    expect(trustState(path, env).state).toBe('changed');
  });

  it('allows what was shown, not what is there by then', async () => {
    const { path, env } = world({ '.cw.yaml': 'windows: [{name: a}]' });
    const shown = trustState(path, env);
    put(path, { '.cw.yaml': 'windows: [{name: a, panes: [evil]}]' });
    await trust(shown, env);
    expect(trustState(path, env).state).toBe('changed');
  });

  it('holds for the real folder, is kept 0600, and is taken back', async () => {
    const { path, env } = world({ '.cw.yaml': 'a' });
    const link = join(folderWith({}), 'link');
    symlinkSync(path, link);
    await trust(trustState(link, env), env);
    expect(trustState(path, env).state).toBe('trusted');
    expect(trustedProjects(env).map((entry) => entry.path)).toEqual([path]);
    expect(statSync(join(env.HOME!, '.local/state/cw/trust.json')).mode & 0o777).toBe(0o600);
    expect(await untrust(link, env)).toBe(true);
    expect(await untrust(link, env)).toBe(false);
    expect(trustState(path, env).state).toBe('untrusted');
  });

  it('two at once are both kept', async () => {
    const env = envAt(folderWith({}));
    const paths = [folderWith({ '.cw.yaml': 'a' }), folderWith({ '.cw.yaml': 'a' })];
    await Promise.all(paths.map((path) => trust(trustState(path, env), env)));
    expect(trustedProjects(env)).toHaveLength(2);
  });

  it('a store that does not read trusts nobody and is set aside; a newer one is left alone', async () => {
    const { path, env } = world({ '.cw.yaml': 'a' });
    const store = join(env.HOME!, '.local/state/cw/trust.json');
    put(env.HOME!, { '.local/state/cw/trust.json': '{"version": 1, "proj' });
    expect(trustState(path, env).state).toBe('untrusted');
    await trust(trustState(path, env), env);
    expect(trustState(path, env).state).toBe('trusted');
    expect(readFileSync(`${store}.unreadable`, 'utf8')).toContain('"proj');
    put(env.HOME!, { '.local/state/cw/trust.json': '{"version": 2, "projects": {}}' });
    expect(() => trustState(path, env)).toThrow('newer cw');
    await expect(untrust(path, env)).rejects.toThrow('newer cw');
    expect(readFileSync(store, 'utf8')).toBe('{"version": 2, "projects": {}}');
  });
});
