import { join } from 'node:path';
import { expect, it } from 'vitest';
import { gatherProjectFacts } from '../../src/project/facts.js';
import { lookInto } from '../../src/project/look.js';
import { readProjectFile } from '../../src/project/project-file.js';
import { envAt, folderWith } from './folder.js';

function factsOf(
  path: string,
  env: NodeJS.ProcessEnv = {},
  environment: { name: string; value: string }[] = [],
) {
  return gatherProjectFacts({
    name: 'shop',
    id: 'w1',
    session: 'claude-dev-shop',
    path,
    env: { ...envAt(path), ...env },
    environment,
    size: { width: 80, height: 24 },
  });
}

it.each([
  [{ 'pnpm-lock.yaml': '' }, 'pnpm'],
  [{ 'yarn.lock': '' }, 'yarn'],
  [{ 'bun.lockb': '' }, 'bun'],
  [{ 'package-lock.json': '' }, 'npm'],
  [{ 'package.json': '{"packageManager": "pnpm@9.1.0"}', 'package-lock.json': '' }, 'pnpm'],
  [{ 'package.json': '{"packageManager": "rm -rf /@1"}' }, 'npm'],
  [{}, 'npm'],
] as [Record<string, string>, string][])('%j is a project of %s', (files, manager) => {
  expect(factsOf(folderWith(files)).packageManager).toBe(manager);
});

it('the test that `npm init` writes is none', () => {
  const scripts = { test: 'echo "Error: no test specified" && exit 1', dev: 'vite' };
  expect(factsOf(folderWith({ 'package.json': JSON.stringify({ scripts }) })).scripts).toEqual({
    dev: 'vite',
  });
});

it('scripts are those that are texts; a broken package.json has none', () => {
  expect(factsOf(folderWith({ 'package.json': '{"scripts": {"dev": "vite", "n": 1}}' })).scripts).toEqual({
    dev: 'vite',
  });
  expect(factsOf(folderWith({ 'package.json': '{"scripts": ' })).scripts).toEqual({});
});

it('the editor is $VISUAL, $EDITOR, or one that is there, and the workspace has the last word', () => {
  const path = folderWith({});
  expect(factsOf(path, { VISUAL: 'cat -n', EDITOR: 'ls' }).editor).toBe('cat -n');
  expect(factsOf(path, { VISUAL: 'no-such-editor --wait', EDITOR: 'ls' }).editor).toBe('ls');
  expect(factsOf(path, { EDITOR: 'ls' }, [{ name: 'EDITOR', value: 'cat' }]).editor).toBe('cat');
  expect(factsOf(path, { PATH: '/nonexistent' }).editor).toBe('vi');
});

it('files are found by name and glob, .git in a parent too, programs from the folder', () => {
  const path = folderWith({
    '.git/HEAD': '',
    'sub/app.csproj': '',
    'sub/lib/shop_web/x': '',
    'sub/.hidden': '',
  });
  const facts = factsOf(join(path, 'sub'));
  const found = ['*.csproj', 'lib/*_web', 'lib/shop_we?', '.git', 'lib', '/bin/sh', './app.csproj'].filter(
    facts.fileExists,
  );
  expect(found).toHaveLength(7);
  expect(
    ['*.sln', 'lib/*/y', '*hidden', 'app[.]csproj', 'a\0b', 'app.csproj/x'].filter(facts.fileExists),
  ).toEqual([]);
  expect(facts.folderExists('lib')).toBe(true);
  expect(facts.folderExists(join(path, 'sub/app.csproj'))).toBe(false);
  expect(facts.findProgram('sh')).toMatch(/\/sh$/);
  expect(facts.findProgram('./app.csproj')).toBeNull();
  expect(lookInto(join(path, 'nowhere')).exists('*')).toBe(false);
});

it('project.json is read tolerantly', () => {
  const path = folderWith({
    '.claude/config/project.json': JSON.stringify({
      project_type: 'react',
      init_script: './init.sh',
      health_check: 3,
      test_command: '',
      dev_server_port: 70000,
      required_env: ['A', 'B'],
      timeout_seconds: 30,
      other: {},
    }),
  });
  expect(readProjectFile(path)).toEqual({
    projectType: 'react',
    initScript: './init.sh',
    healthCheck: null,
    testCommand: null,
    smokeTest: null,
    devServerPort: null,
    requiredEnv: ['A', 'B'],
    timeoutSeconds: 30,
    problems: [expect.stringContaining('"health_check"'), expect.stringContaining('"dev_server_port"')],
  });
  expect(readProjectFile(folderWith({}))).toBeNull();
  expect(readProjectFile(folderWith({ '.claude/config/project.json': '[1' }))?.problems).toHaveLength(1);
  expect(readProjectFile(folderWith({ '.claude/config/project.json': '[1]' }))?.problems).toHaveLength(1);
});
