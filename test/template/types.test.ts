import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expand } from '../../src/blueprint/expand.js';
import { gatherProjectFacts } from '../../src/project/facts.js';
import { chooseTemplate } from '../../src/template/choose.js';
import { folderWith } from '../project/folder.js';

/** The folder and command of each pane, by window, of a project with these files where only these programs exist. */
async function open(
  files: Record<string, string>,
  programs: string,
  more: { windows?: string[]; git?: boolean } = {},
) {
  const path = folderWith(files);
  const bin = Object.fromEntries(programs.split(' ').map((name) => [name, '#!/bin/sh\n']));
  const binFolder = folderWith(bin);
  for (const name of Object.keys(bin)) chmodSync(join(binFolder, name), 0o755);
  // Programs and scripts of the project itself.
  for (const name of Object.keys(files))
    if (/^(\.?\/?bin|\.venv\/bin|vendor\/bin|node_modules\/\.bin)\/|^(gradlew|mvnw)$/.test(name))
      chmodSync(join(path, name), 0o755);
  if (more.git) execFileSync('git', ['init', '-q'], { cwd: path });
  const env = { HOME: path, PATH: binFolder };
  const chosen = await chooseTemplate({ path, trusted: false, env, cwd: path });
  const { blueprint, notes } = expand(
    chosen.template,
    gatherProjectFacts({
      name: 'shop',
      id: 'w1',
      session: 'claude-dev-shop',
      path,
      env,
      environment: [],
      size: { width: 200, height: 50 },
      ...(more.windows ? { windows: more.windows } : {}),
    }),
  );
  const windows = Object.fromEntries(
    blueprint.windows.map((window) => [window.name, window.panes.map((pane) => pane.run)]),
  );
  const folders = blueprint.windows.map((window) =>
    window.panes.map((pane) => pane.cwd.slice(path.length + 1)),
  );
  return { type: chosen.name, windows, folders, notes };
}

const tools = 'claude nvim git';
const code = (git: string | null = null) => ['claude', 'claude', 'nvim .', git];

it.each<[string, Record<string, string>, string, Record<string, (string | null)[]>]>([
  ['generic', { 'README.md': '' }, '', {}],
  [
    'node',
    { 'package.json': '{"scripts": {"start": "node .", "test": "x"}}' },
    'npm',
    { dev: ['npm run start'], test: ['npm run test'] },
  ],
  [
    'node',
    { 'package.json': '{"scripts": {"dev": "x", "test:watch": "x", "deploy": "x"}}', 'yarn.lock': '' },
    'yarn',
    { dev: ['yarn run dev'], test: ['yarn run test:watch'] },
  ],
  [
    'react',
    {
      'package.json': '{"dependencies": {"react": "*"}, "scripts": {"start": "x", "test": "x"}}',
      'node_modules/.bin/react-scripts': '',
    },
    'npm',
    { dev: ['npm run start'], test: ['npm run test'] },
  ],
  [
    'next',
    {
      'package.json': '{"dependencies": {"next": "*"}, "scripts": {"dev": "next dev"}}',
      'pnpm-lock.yaml': '',
    },
    'pnpm',
    { dev: ['pnpm run dev'] },
  ],
  [
    'vite',
    {
      'package.json': '{"dependencies": {"vite": "*"}}',
      'node_modules/.bin/vite': '',
      'node_modules/.bin/vitest': '',
    },
    'npm',
    { dev: ['./node_modules/.bin/vite'], test: ['./node_modules/.bin/vitest'] },
  ],
  [
    'python',
    { 'pyproject.toml': '', 'uv.lock': '', '.venv/bin/pytest': '' },
    'uv python3',
    { dev: [null, 'uv run python'], test: ['uv run pytest -q'] },
  ],
  [
    'python',
    { 'requirements.txt': '', 'manage.py': '', '.venv/bin/python': '', '.venv/bin/ptw': '' },
    'python3',
    { dev: ['.venv/bin/python manage.py runserver', '.venv/bin/python'], test: ['.venv/bin/ptw .'] },
  ],
  [
    'python',
    { 'pyproject.toml': '', 'poetry.lock': '', 'tests/test_a.py': '' },
    'poetry',
    { dev: [null, 'poetry run python'], test: ['poetry run pytest -q'] },
  ],
  ['go', { 'go.mod': '', 'main.go': '' }, 'go', { dev: ['go run .'], test: ['go test ./...'] }],
  [
    'go',
    { 'go.mod': '', '.air.toml': '' },
    'go air gotestsum',
    { dev: ['air'], test: ['gotestsum --watch'] },
  ],
  ['rust', { 'Cargo.toml': '' }, 'cargo', { test: ['cargo test', null] }],
  ['rust', { 'Cargo.toml': '' }, 'cargo cargo-watch', { test: ['cargo watch -q -x check -x test', null] }],
  [
    'java',
    { 'pom.xml': '', mvnw: '', 'src/main/resources/application.properties': '', 'src/test/A.java': '' },
    'java',
    { dev: ['./mvnw -q spring-boot:run'], test: ['./mvnw -q test'] },
  ],
  [
    'java',
    { 'build.gradle': '' },
    'gradle',
    { dev: ['gradle --continuous classes'], test: ['gradle --continuous test'] },
  ],
  [
    'ruby',
    { Gemfile: '', 'bin/rails': '', 'bin/dev': '', 'spec/a_spec.rb': '' },
    'bundle irb',
    { dev: ['bin/dev', 'bin/rails console'], test: ['bundle exec rspec'] },
  ],
  [
    'php',
    { 'composer.json': '', artisan: '', 'storage/logs/x': '', 'tests/A.php': '' },
    'php composer tail',
    { dev: ['php artisan serve', 'tail -n 50 -F storage/logs/laravel.log'], test: ['php artisan test'] },
  ],
  [
    'php',
    { 'composer.json': '', 'public/index.php': '', 'vendor/bin/phpunit': '' },
    'php composer',
    {
      dev: ['php -S localhost:8000 -t public', 'composer validate --no-check-publish'],
      test: ['vendor/bin/phpunit'],
    },
  ],
  [
    'elixir',
    { 'mix.exs': '', 'lib/shop_web/a.ex': '', 'deps/mix_test_watch/a': '' },
    'mix iex',
    { dev: ['iex -S mix phx.server'], test: ['mix test.watch'] },
  ],
  ['dotnet', { 'Shop.csproj': '', 'Program.cs': '' }, 'dotnet', { dev: ['dotnet watch'] }],
  [
    'dotnet',
    { 'Shop.sln': '', 'Shop.Tests/Shop.Tests.csproj': '' },
    'dotnet',
    { dev: ['dotnet build'], test: ['dotnet test'] },
  ],
  [
    'cpp',
    { 'CMakeLists.txt': '', 'build/CMakeCache.txt': '', 'build/CTestTestfile.cmake': '' },
    'cmake ctest',
    { build: ['cmake --build build'], test: ['ctest --test-dir build --output-on-failure'] },
  ],
  ['cpp', { Makefile: '', 'main.c': '' }, 'make', { build: ['make'] }],
])('%s %j with %s', async (type, files, programs, windows) => {
  const opened = await open(files, `${tools} ${programs}`.trim());
  expect(opened.type).toBe(type);
  expect(opened.windows).toEqual({ code: code(), ...windows });
});

it('React: the Claude panes start in the components and the api, and storybook only when asked for', async () => {
  const files = {
    'package.json': '{"dependencies": {"react": "*"}, "scripts": {"dev": "x", "storybook": "x"}}',
  };
  const bare = await open(files, `${tools} npm`);
  expect(bare.folders[0]).toEqual(['', '', '', '']);
  expect(bare.notes.filter((note) => !note.startsWith('Window "test" left out'))).toEqual([]);
  const src = await open(
    { ...files, 'src/components/': '', 'src/api/': '', 'components/': '' },
    `${tools} npm`,
  );
  expect(src.folders[0]).toEqual(['src/components', 'src/api', '', '']);
  const flat = await open({ ...files, 'components/': '', 'api/': '' }, `${tools} npm`);
  expect(flat.folders[0]).toEqual(['components', 'api', '', '']);
  const asked = await open(files, `${tools} npm`, { windows: ['storybook'] });
  expect(asked.windows).toEqual({ storybook: ['npm run storybook'] });
});

it('git is shown in a repository, by lazygit where that is', async () => {
  expect((await open({}, tools, { git: true })).windows).toEqual({
    code: code('git status --short --branch'),
  });
  expect((await open({}, `${tools} lazygit`, { git: true })).windows).toEqual({ code: code('lazygit') });
});
