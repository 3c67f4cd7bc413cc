import { expect, it } from 'vitest';
import { detectType } from '../../src/template/detect.js';
import { detectables } from '../../src/template/load.js';
import { envAt, folderWith } from '../project/folder.js';

const detect = async (files: Record<string, string>) => {
  const path = folderWith(files);
  return detectType(path, (await detectables(envAt(path))).templates);
};
const depends = (...names: string[]) =>
  JSON.stringify({ dependencies: Object.fromEntries(names.map((name) => [name, '*'])) });

it.each<[string, string, Record<string, string>]>([
  ['react', 'package.json depends on react', { 'package.json': depends('react', 'vite', 'express') }],
  ['node', 'package.json depends on ink', { 'package.json': depends('ink', 'react') }],
  ['next', 'package.json depends on next', { 'package.json': depends('react', 'next') }],
  [
    'vite',
    'package.json depends on vite',
    { 'package.json': '{"devDependencies": {"vite": "5", "vue": "3"}}' },
  ],
  ['react', 'package.json depends on react', { 'package.json': '{"peerDependencies": {"react": "*"}}' }],
  ['node', 'it has package.json', { 'package.json': depends('express') }],
  ['python', 'it has pyproject.toml', { 'pyproject.toml': '', 'package.json': '{}' }],
  ['python', 'it has requirements.txt', { 'requirements.txt': '' }],
  ['python', 'it has setup.py', { 'setup.py': '' }],
  ['python', 'it has manage.py', { 'manage.py': '', 'package.json': depends('react') }],
  ['go', 'it has go.mod', { 'go.mod': '', Makefile: '', 'package.json': '{}' }],
  ['rust', 'it has Cargo.toml', { 'Cargo.toml': '' }],
  ['java', 'it has pom.xml', { 'pom.xml': '' }],
  ['java', 'it has build.gradle.kts', { 'build.gradle.kts': '' }],
  ['ruby', 'it has Gemfile', { Gemfile: '' }],
  ['ruby', 'it has bin/rails', { Gemfile: '', 'bin/rails': '', 'package.json': depends('react') }],
  ['php', 'it has composer.json', { 'composer.json': '' }],
  ['php', 'it has artisan', { artisan: '', 'composer.json': '', 'package.json': depends('vite') }],
  ['elixir', 'it has mix.exs', { 'mix.exs': '' }],
  ['dotnet', 'it has *.csproj', { 'Shop.csproj': '' }],
  ['dotnet', 'it has *.sln', { 'Shop.sln': '' }],
  ['cpp', 'it has CMakeLists.txt', { 'CMakeLists.txt': '' }],
  ['cpp', 'it has Makefile and src/*.c', { Makefile: '', 'src/main.c': '' }],
  ['generic', 'no sign of a known type', { Makefile: '', 'README.md': '' }],
  ['generic', 'no sign of a known type', {}],
])('%s, since %s', async (name, reason, files) => {
  expect(await detect(files)).toEqual({ name, reason });
});

it('a broken package.json is node all the same, and the reason says so', async () => {
  expect(await detect({ 'package.json': '{"dependencies": {' })).toMatchObject({
    name: 'node',
    reason: expect.stringMatching(/^it has package\.json; package\.json cannot be read \(.*JSON/),
  });
  expect((await detect({ 'package.json': '[]' })).reason).toContain('not a JSON object');
  expect((await detect({ 'package.json/': '' })).reason).toContain('not a plain file');
});
