import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/cli/command.js';
import { cropped, watchHealth } from '../../src/cli/commands/health.js';
import { healthPicture } from '../../src/cli/health-picture.js';
import { styler, width } from '../../src/cli/output.js';
import type { HealthFinding } from '../../src/health/finding.js';
import { serverFolder } from '../../src/system/server-folder.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { reapChildren, type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const finding = (
  workspace: string | null,
  level: HealthFinding['level'],
  subject: string,
  message: string,
  fix: string | null = null,
): HealthFinding => ({
  id: 'x',
  workspace,
  level,
  subject,
  message,
  fix,
});

const findings: readonly HealthFinding[] = [
  finding(null, 'ok', 'disk', '50 GB free'),
  finding('api', 'ok', 'api', 'no pane is dead'),
  finding('blog', 'unknown', 'git main', 'git did not answer in 5 s'),
  finding('data', 'warning', 'worktree cart', '2 files changed', 'Commit it: git status'),
  finding('data', 'warning', 'worktree cart', '1 commit not pushed', 'Push: git push'),
  finding('data', 'ok', 'data', 'nothing is stashed'),
  finding('shop', 'warning', 'pane 1.1', 'npm run dev does not run'),
  finding('shop', 'error', 'saves', 'it was never saved', 'Save it now: cw save shop'),
];

const style = styler(false);

describe('the report of health', () => {
  it('has the worst first, by workspace, what is said of one thing on one line, and what is well in a few words', () => {
    expect(healthPicture(findings, { columns: 80, style, all: false })).toBe(`shop
  ✗ saves     it was never saved
      Save it now: cw save shop
  ! pane 1.1  npm run dev does not run
blog
  ? git main  git did not answer in 5 s
data
  ! worktree cart  2 files changed · 1 commit not pushed
      Commit it: git status
✓ well: tmux and disk, api
4 workspaces: 1 error, 1 unknown, 3 warnings.`);
  });

  it('says that all is well, and with --all of what', () => {
    const well = findings.filter(({ level }) => level === 'ok');
    expect(healthPicture(well, { columns: 80, style, all: false })).toBe(
      '✓ well: tmux and disk, api, data\n2 workspaces: all is well.',
    );
    expect(healthPicture(well, { columns: 80, style, all: true })).toContain('api\n  ✓ api  no pane is dead');
  });

  it('folds at the width, and lets nothing foreign steer the terminal', () => {
    const long = finding('shop', 'error', 'pane 1.1', `${'word '.repeat(40)}\x1b[2J\x07`, 'a\x1b]0;x\x07');
    const text = healthPicture([long], { columns: 60, style, all: false });
    for (const line of text.split('\n')) expect(width(line)).toBeLessThanOrEqual(60);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  it('of which a watch shows what fits the screen, and always the sum', () => {
    const lines = ['one', 'x'.repeat(25), 'three', 'four', 'sum'];
    expect(cropped(lines, 10, 7)).toEqual(lines);
    expect(cropped(lines, 10, 6)).toEqual(['one', 'x'.repeat(25), '… 2 lines more', 'sum']);
    expect(cropped(lines, 10, 5)).toEqual(['one', '… 3 lines more', 'sum']);
  });
});

describe('cw health --watch', () => {
  function watched(world: Sandbox, json: boolean) {
    const connection = processConnection(serverAddress(world.env), world.env);
    const shown: string[] = [];
    const context = {
      env: world.env,
      cwd: world.home,
      json,
      terminal: { interactive: false, columns: 80, rows: 24, color: false },
      settings: () => loadSettings(world.env, () => {}),
      tmux: () => connection,
    } as unknown as Context;
    const options = { only: null, all: false, every: 50, write: (text: string) => shown.push(text) };
    return { shown, watching: watchHealth(context, options) };
  }

  it('shows each change, until Ctrl-C', async () => {
    const world = sandbox();
    const { shown, watching } = watched(world, true);
    await waitUntil('it is shown that no server runs', () => shown.at(-1)?.includes('no server runs'));
    world.file('project/.cw.yaml', 'windows: [{name: code, panes: [null]}]\n');
    await world.cw(['up', '--detach', '--trust', 'project']);
    world.tmux('set-option', '-p', '-t', 'claude-dev-project:', 'remain-on-exit', 'on');
    world.tmux('respawn-pane', '-k', '-t', 'claude-dev-project:', 'exit 4');
    await waitUntil('the dead pane is shown', () => {
      reapChildren(world);
      return shown.at(-1)?.includes('is dead (exit code 4)');
    });
    process.emit('SIGINT');
    expect(await watching).toMatchObject({ data: { level: 'error' } });
    expect(shown.every((line) => line.endsWith(']\n') && Array.isArray(JSON.parse(line)))).toBe(true);
  });

  // A failed look ended the watch.
  it.each([
    [true, /no server runs/, /^\{"error":\{"code":"failed","message":"EISDIR: /],
    [false, /all is well/, /^Health could not be found out: EISDIR: .*\nIt is looked at again in 0 s\.\n$/],
  ])('tells that a look failed, and goes on (--json: %s)', async (json, well, failed) => {
    const world = sandbox();
    const { shown, watching } = watched(world, json);
    await waitUntil('it is well', () => well.test(shown.at(-1) ?? ''));
    const inTheWay = join(serverFolder(world.socket, world.env), 'health/restarts.json');
    mkdirSync(inTheWay, { recursive: true });
    await waitUntil('the failure is told', () => failed.test(shown.at(-1) ?? ''));
    rmdirSync(inTheWay);
    await waitUntil('it is well again', () => well.test(shown.at(-1) ?? ''));
    process.emit('SIGINT');
    await watching;
  });
});
