import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthFinding } from '../../src/health/finding.js';
import { installFakeClaude, prompt, ready } from '../support/claude.js';
import { waitUntil } from '../support/wait.js';
import { makeSandbox } from '../support/world.js';

/** Workspaces in every condition at once, and what the built program says of them. */

const world = makeSandbox();
afterAll(() => world.dispose());

const git = async (folder: string, script: string) => {
  const ran = await world.run('sh', ['-ec', script], { cwd: folder });
  if (ran.code !== 0) throw new Error(`${script}: ${ran.stderr}`);
};

/** A project that is a repository with all committed, opened. */
async function opened(
  name: string,
  template: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const path = join(world.home, 'projects', name);
  for (const [file, text] of Object.entries({ ...files, '.cw.yaml': template, README: name })) {
    const full = join(path, file);
    mkdirSync(join(full, '..'), { recursive: true });
    writeFileSync(full, text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  await git(path, 'git init -q -b main . && git add -f . && git commit -qm first');
  const ran = await world.cw(['up', '--detach', '--trust', path]);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return path;
}

const target = (name: string) => `claude-dev-${name}:`;
const shell = 'windows: [{name: code, panes: [null]}]\n';
const panes = (name: string) =>
  world.tmux('list-panes', '-s', '-t', target(name), '-F', '#{pane_id}').trim().split('\n');
const split = (name: string, ...words: string[]) =>
  world.tmux('split-window', '-d', '-P', '-F', '#{pane_id}', '-t', target(name), ...words).trim();

async function report(...words: string[]) {
  const ran = await world.cw(['health', '--json', ...words]);
  expect(ran.stderr).toBe('');
  const { findings } = JSON.parse(ran.stdout) as { findings: HealthFinding[] };
  const bad = findings.filter(({ level }) => level !== 'ok');
  return {
    code: ran.code,
    findings,
    bad: bad.map((one) => `${one.workspace ?? '-'}: ${one.level} ${one.id} ${one.subject}`).sort(),
  };
}

const expected = [
  '-: warning daemon.saves daemon',
  '-: warning workspaces.open workspaces',
  'agents: error agents.failed claude 0.1',
  'agents: warning agents.waiting claude 0.0',
  'broken: unknown git.readable git main',
  'command: error project.command health_check',
  'command: warning project.env-private .env.claude',
  'dead: error panes.dead pane 0.1',
  'folder: warning panes.folder pane 0.1',
  'hangs: unknown project.command health_check',
  'missing: warning workspace.windows window code',
  'missing: warning workspace.windows window more',
  'server: warning programs.running pane 0.0',
  'trees: warning git.detached worktree loose',
  'trees: warning git.merged worktree done',
  'trees: warning git.stashed git',
  'trees: warning git.uncommitted git main',
  'trees: warning git.uncommitted worktree open',
];

describe.runIf(process.platform === 'linux')('cw health', () => {
  let stray = 0;
  afterAll(() => void (stray && process.kill(stray, 'SIGKILL')));

  beforeAll(async () => {
    installFakeClaude(world, { notify: 300 });
    world.file(
      '.config/cw/config.json',
      JSON.stringify({ 'health.waiting_minutes': 0, 'health.open_workspaces': 8 }),
    );
    await opened('server', 'windows: [{name: code, panes: [{run: ./serve, restart: always}]}]\n', {
      serve: '#!/bin/sh\nexit 1\n',
    });
    await opened('fine', shell);
    await opened('dead', shell);
    const dead = split('dead', 'sleep 1000');
    world.tmux('set-option', '-p', '-t', dead, 'remain-on-exit', 'on');
    world.tmux('respawn-pane', '-k', '-t', dead, 'exit 3');
    const folder = join(await opened('folder', shell), 'gone');
    mkdirSync(folder);
    const lost = split('folder', '-c', folder, 'cat');
    await opened('missing', 'windows: [{name: code, panes: [null, null]}, {name: more, panes: [null]}]\n');
    for (const pane of panes('missing').slice(1)) world.tmux('kill-pane', '-t', pane);
    const trees = await opened('trees', shell);
    await git(
      trees,
      `git worktree add -q .worktrees/open -b open; echo x > .worktrees/open/new
       git worktree add -q .worktrees/done -b done; (cd .worktrees/done; git commit -q --allow-empty -m done); git merge -q done
       git worktree add -q --detach .worktrees/loose
       echo stashed > README; git stash -q; echo changed > README`,
    );
    const broken = await opened('broken', shell);
    writeFileSync(join(broken, '.git/index'), 'nonsense');
    const project = (command: string) => ({
      '.claude/config/project.json': JSON.stringify({ health_check: command, timeout_seconds: 1 }),
    });
    const command = await opened('command', shell, {
      ...project('echo no database; exit 2'),
      '.env.claude': 'A=1\n',
    });
    chmodSync(join(command, '.env.claude'), 0o644);
    await opened('hangs', shell, project('sleep 1000 & sleep 1000'));
    await opened('agents', 'windows: [{name: code, panes: [claude, claude]}]\n');
    const [one, two] = panes('agents');
    await Promise.all([ready(world, one!), ready(world, two!)]);
    await prompt(world, one!, 'permission');
    await prompt(world, two!, 'limit');
    await waitUntil('one asks', () => world.screen(one!).includes('Do you want'));
    await waitUntil(
      'the folder of a pane is known',
      () => world.tmux('display', '-p', '-t', lost, '#{pane_current_path}') === `${folder}\n`,
    );
    rmSync(folder, { recursive: true });
  }, 120_000);

  it('names each fault of workspaces in every condition, and nothing else', async () => {
    const { code, findings } = await waitUntil('all is named', async () => {
      const seen = await report();
      if (seen.bad.join('\n') === expected.join('\n')) return seen;
      throw new Error(`it says:\n${seen.bad.join('\n')}`);
    });
    expect(code).toBe(1);
    const of = (id: string) => findings.find((one) => one.id === id && one.level !== 'ok');
    expect(of('project.command')).toMatchObject({
      message: 'echo no database; exit 2 failed (exit code 2): no database',
    });
    expect(of('workspace.windows')).toMatchObject({ workspace: 'missing' });
    expect(of('git.readable')?.message).toMatch(/index|bad signature/);
    // One that is all well has something to say of each check.
    expect(findings.filter(({ workspace }) => workspace === 'fine').length).toBeGreaterThan(25);
  });

  it('tells of one workspace, with what is well, and ends with 0 where nothing is an error', async () => {
    const ran = await world.cw(['health', 'fine']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^fine\n {2}✓ fine +the project's folder is there/);
    expect(ran.stdout).not.toContain('daemon');
    const gone = await world.cw(['health', 'fines']);
    expect(gone.code).toBe(3);
  });

  it('is a report that fits 60 columns, the worst first', async () => {
    const { stdout } = await world.cw(['health']);
    const heads = stdout.split('\n').filter((line) => /^\S/.test(line));
    expect(heads.slice(0, 3).sort()).toEqual(['agents', 'command', 'dead']); // those with errors
    expect(stdout).toContain('✓ well: fine');
    expect(stdout).toMatch(/\d+ workspaces: 3 errors, 2 unknown, 13 warnings\.\n$/);
  });

  it('names a process that outlived its pane', async () => {
    const mark = join(world.home, 'started');
    const dying = split('fine', `setsid sh -c 'echo $$ >"${mark}"; exec sleep 1000' & sleep 1000`);
    await waitUntil('it was started', () => existsSync(mark));
    world.tmux('kill-pane', '-t', dying);
    const { bad, findings } = await waitUntil('it is without its pane', async () => {
      const seen = await report('fine');
      return seen.bad.length > 0 && seen;
    });
    const found = findings.find(({ id }) => id === 'use.strays')!;
    stray = Number(/kill (\d+)/.exec(found.fix ?? '')?.[1]);
    expect(bad).toEqual([`fine: warning use.strays process ${stray}`]);
    expect(found.message).toMatch(/^sleep 1000 outlived its pane/);
  });
});
