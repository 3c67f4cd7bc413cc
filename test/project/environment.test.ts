import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resolveEnvironment } from '../../src/project/environment.js';
import { envAt, folderWith } from './folder.js';

function resolveIn(path: string, trusted: boolean, template: Record<string, string | number> = {}) {
  const env = { ...envAt(path), EDITOR: 'cat -n' };
  return resolveEnvironment({
    name: 'shop',
    path,
    template: { env: template, vars: { port: 3000 } },
    trusted,
    env,
  });
}

it('ours, then the template, then .env.claude: later wins', () => {
  const path = folderWith({ '.env.claude': 'B=file\nC=file\nPROJECT_ROOT=/mine\n' });
  const { variables } = resolveIn(path, false, {
    A: 'template',
    B: 'template',
    PORT: '${port}',
    T: '${project}',
  });
  expect(variables).toEqual([
    { name: 'CLAUDE_PROJECT', value: 'shop', source: 'cw' },
    { name: 'PROJECT_ROOT', value: '/mine', source: '.env.claude' },
    { name: 'CLAUDE_CODE_TMUX_SESSION', value: '1', source: 'cw' },
    { name: 'EDITOR', value: 'cat -n', source: 'cw' },
    { name: 'A', value: 'template', source: 'template' },
    { name: 'B', value: 'file', source: '.env.claude' },
    { name: 'PORT', value: '3000', source: 'template' },
    { name: 'T', value: 'shop', source: 'template' },
    { name: 'C', value: 'file', source: '.env.claude' },
  ]);
});

it('without trust, names that run code are withheld and named', () => {
  const path = folderWith({ '.env.claude': 'PATH=/evil\nEDITOR=evil\nA=1\n' });
  const untrusted = resolveIn(path, false);
  expect(untrusted.withheld).toEqual(['PATH', 'EDITOR']);
  const names = (of: typeof untrusted) =>
    of.variables.filter(({ source }) => source === '.env.claude').map(({ name }) => name);
  expect(names(untrusted)).toEqual(['A']);
  const trusted = resolveIn(path, true);
  expect(trusted.withheld).toEqual([]);
  expect(names(trusted).sort()).toEqual(['A', 'EDITOR', 'PATH']);
});

it('says the line of what it passed over', () => {
  const path = folderWith({ '.env.claude': 'A=1\n9=2\n' });
  expect(resolveIn(path, true).notes).toEqual([expect.stringMatching(/^\.env\.claude:2 {2}"9" is not/)]);
});

it('a .env.claude that is a folder is an error with a sentence', () => {
  const path = folderWith({});
  mkdirSync(join(path, '.env.claude'));
  expect(() => resolveIn(path, true)).toThrow('.env.claude is not a plain file.');
});
