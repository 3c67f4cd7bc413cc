import fs, { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { many as inParallel } from '../../src/git/many.js';
import { findRepository } from '../../src/git/repository.js';
import { treePlaces } from '../../src/git/worktree-states.js';
import { lookAtHealth } from '../../src/health/look.js';
import { findProgram } from '../../src/system/programs.js';
import { run } from '../../src/system/run.js';
import { loadSettings } from '../../src/system/settings.js';
import type { Connection } from '../../src/tmux/connection.js';
import { type ManyWorkspaces, panesEach } from './many.js';
import { comparison, inTurn, type Row } from './measure.js';

/** Files of each repository. */
const filesEach = 200;

/**
 * A sweep of health over workspaces of four panes, half of them repositories with a worktree: against its git processes
 * alone, as many at once; and how often it asks what.
 */
export async function healthRows(many: ManyWorkspaces, runs: number): Promise<Row[]> {
  const { world } = many;
  const count = many.blueprints.length;
  const projects = many.blueprints.map(({ path }) => path);
  const repositories = projects.filter((_, at) => at % 2 === 0);
  for (const path of repositories) await makeRepository(many, path);
  // So that it also reads what the templates say.
  for (const record of many.registry.readAll().records)
    many.registry.write({ ...record, template: 'generic' });
  const trees = repositories.flatMap((path) => treePlaces(findRepository(path)!).map((place) => place.path));
  const settings = loadSettings(world.env, () => {});
  const sweep = (connection: Connection, env: NodeJS.ProcessEnv) =>
    lookAtHealth({ connection, env, settings, restarts: new Map() });
  const statusOf = (path: string) =>
    run('git', ['--no-optional-locks', 'status', '--porcelain=v2', '--branch', '--show-stash', '-z'], {
      cwd: path,
      env: world.env,
    });
  const timed = await inTurn(
    async () => void (await sweep(many.process, world.env)),
    async () => void (await inParallel(trees, statusOf)),
    runs,
  );
  const what = `health, ${count} workspaces of ${panesEach} panes, ${repositories.length} with a worktree`;
  return [
    comparison(what, `its ${trees.length} git processes alone`, 3, timed),
    ...(await countRows(many, sweep, trees.length, what)),
  ];
}

async function makeRepository({ world }: ManyWorkspaces, path: string): Promise<void> {
  for (let file = 0; file < filesEach; file++)
    writeFileSync(join(path, `file${file}.ts`), `export const n = ${file};\n`);
  const script = `git init -q -b main . && git add . && git commit -qm first &&
    git worktree add -q .worktrees/side -b side && echo changed > file1.ts`;
  const { exitCode, stderr } = await run('sh', ['-ec', script], { cwd: path, env: world.env });
  if (exitCode !== 0) throw new Error(`${path}: ${stderr}`);
}

/** How often a sweep asks tmux and reads the processes, and how many git processes it starts, at most how many at once. */
async function countRows(
  many: ManyWorkspaces,
  sweep: (connection: Connection, env: NodeJS.ProcessEnv) => Promise<unknown>,
  trees: number,
  what: string,
): Promise<Row[]> {
  const { world } = many;
  const folder = join(world.folder, 'counting');
  const log = join(folder, 'log');
  mkdirSync(folder);
  const script = `#!/bin/sh\necho + >>'${log}'\n'${findProgram('git', world.env.PATH)}' "$@"\ncode=$?\necho - >>'${log}'\nexit $code\n`;
  writeFileSync(join(folder, 'git'), script);
  chmodSync(join(folder, 'git'), 0o755);
  let batches = 0;
  const connection: Connection = {
    ...many.process,
    batch(commands, options) {
      batches++;
      return many.process.batch(commands, options);
    },
  };
  let readings = 0;
  const { readdirSync } = fs;
  const counted = (...args: Parameters<typeof readdirSync>) => {
    if (args[0] === '/proc') readings++;
    return readdirSync(...args);
  };
  fs.readdirSync = counted as typeof readdirSync;
  syncBuiltinESMExports();
  try {
    await sweep(connection, { ...world.env, PATH: `${folder}:${world.env.PATH}` });
  } finally {
    fs.readdirSync = readdirSync;
    syncBuiltinESMExports();
  }
  const marks = readFileSync(log, 'utf8').trim().split('\n');
  rmSync(folder, { recursive: true });
  let now = 0;
  let most = 0;
  for (const mark of marks) {
    now += mark === '+' ? 1 : -1;
    most = Math.max(most, now);
  }
  const row = (name: string, ours: number, limit: number): Row => ({
    what: `${name}, ${what}`,
    ours,
    against: 'one sweep, counted',
    theirs: null,
    limit,
    unit: 'times',
  });
  return [
    row('tmux asked', batches, 1),
    row('processes read', readings, 1),
    row('git started', marks.filter((mark) => mark === '+').length, trees),
    row('git at once', most, availableParallelism()),
  ];
}
