import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeSurvey } from '../../src/survey/survey.js';
import { loadSettings } from '../../src/system/settings.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

async function survey(world: Sandbox, options: Partial<Parameters<typeof takeSurvey>[0]> = {}) {
  const connection = processConnection({ args: ['-S', world.socket], socketPath: world.socket }, world.env);
  const settings = loadSettings(world.env, () => {});
  return takeSurvey({ connection, env: world.env, settings, ...options });
}

/** A folder that is a repository with one commit. */
async function repository(world: Sandbox, name: string): Promise<string> {
  const path = join(world.home, 'projects', name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'README'), `${name}\n`);
  for (const words of [
    ['init', '-q', '-b', 'main'],
    ['add', '.'],
    ['commit', '-q', '-m', 'first'],
  ]) {
    const { code, stderr } = await world.run('git', words, { cwd: path });
    expect([stderr, code]).toEqual(['', 0]);
  }
  return path;
}

describe('a survey', () => {
  it('says that no server runs, and of what that is the reason', async () => {
    const world = sandbox();
    const { survey: seen } = await survey(world);
    expect(seen.tmux).toEqual({ state: 'none' });
    expect(seen.workspaces).toEqual([]);
    expect(seen.strays).toEqual([]);
    expect(seen.disk?.freeBytes).toBeGreaterThan(0);
  });

  it('sees a workspace as it is: panes, what they run and use, its repository, and what its template says', async () => {
    const world = sandbox();
    const path = await repository(world, 'shop');
    const opened = await world.cw(['up', path, '--template', 'generic', '--json']);
    expect(opened.stderr).toBe('');
    const { panes } = JSON.parse(opened.stdout) as { panes: number };
    const extra = world
      .tmux('split-window', '-d', '-P', '-F', '#{pane_id}', '-t', 'claude-dev-shop:', '-c', '/', 'sleep 100')
      .trim();
    await waitUntil(
      'it sleeps',
      () => world.tmux('display', '-p', '-t', extra, '#{pane_current_command}') === 'sleep\n',
    );
    const { survey: seen, processes } = await survey(world);
    expect(JSON.parse(JSON.stringify(seen))).toEqual(seen); // plain data
    const [shop] = seen.workspaces;
    expect(shop).toMatchObject({
      name: 'shop',
      path,
      folder: 'there',
      git: { kind: 'repository', trees: [{ main: true, branch: 'main', status: { kind: 'repository' } }] },
      project: { file: null, trust: 'nothing-to-trust', envReadable: null },
      snapshot: null,
    });
    expect(shop?.panes).toHaveLength(panes + 1);
    const keys = shop?.declared.kind === 'windows' ? shop.declared.windows.flatMap((one) => one.panes) : [];
    expect(keys.map(({ key }) => key).sort()).toEqual(shop?.panes.flatMap(({ key }) => key ?? []).sort());
    const own = shop?.panes.find(({ id }) => id === extra);
    expect(own).toMatchObject({ key: null, path: '/', folder: 'there', dead: false });
    expect(own?.foreground?.argv).toEqual(['sleep', '100']);
    expect(shop?.use.count).toBeGreaterThanOrEqual(panes + 1);
    expect(shop?.use.memoryBytes).toBeGreaterThan(100_000);
    expect(seen.tmux).toMatchObject({ state: 'running', otherSessions: 0 });
    // The use of the time between two surveys.
    const again = await survey(world, { before: processes, git: false });
    expect(again.survey.workspaces[0]?.use.cpuPercent).toBeLessThan(400);
    expect(again.survey.workspaces[0]?.git).toEqual({ kind: 'unread' });
  });

  it('names a process that outlived its pane, and folders that are gone', async () => {
    const world = sandbox();
    const path = await repository(world, 'shop');
    await world.cw(['up', path, '--template', 'generic']);
    const sub = join(path, 'sub');
    mkdirSync(sub);
    const target = 'claude-dev-shop:';
    const gone = world
      .tmux('split-window', '-d', '-P', '-F', '#{pane_id}', '-t', target, '-c', sub, 'cat')
      .trim();
    const mark = join(world.home, 'started');
    const dying = world
      .tmux(
        'split-window',
        '-d',
        '-P',
        '-F',
        '#{pane_id}',
        '-t',
        target,
        `setsid sh -c 'echo $$ >"${mark}"; exec sleep 1000' & sleep 1000`,
      )
      .trim();
    await waitUntil('it was started', () => existsSync(mark));
    await waitUntil(
      'the pane is in it',
      () => world.tmux('display', '-p', '-t', gone, '#{pane_current_path}') === `${sub}\n`,
    );
    rmSync(sub, { recursive: true });
    world.tmux('kill-pane', '-t', dying);
    const found = await waitUntil('it is without its pane', async () => {
      const { survey: seen } = await survey(world, { git: false });
      return seen.strays?.length === 1 && seen;
    });
    const [stray] = found.strays!;
    process.kill(stray!.pid, 'SIGKILL');
    expect(stray).toMatchObject({
      argv: ['sleep', '1000'],
      pane: dying,
      project: path,
      workspace: found.workspaces[0]?.id,
    });
    expect(found.workspaces[0]?.panes.find(({ id }) => id === gone)?.folder).toBe('gone');
  });
});
