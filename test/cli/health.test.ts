import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/cli/command.js';
import { cropped, watchHealth } from '../../src/cli/commands/health.js';
import { healthPicture } from '../../src/cli/health-picture.js';
import { styler, width } from '../../src/cli/output.js';
import type { HealthFinding } from '../../src/health/finding.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { sandbox } from '../support/sandbox.js';
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
  it('shows each change, until Ctrl-C', async () => {
    const world = sandbox();
    const connection = processConnection(serverAddress(world.env), world.env);
    const shown: string[] = [];
    const context = {
      env: world.env,
      cwd: world.home,
      json: true,
      terminal: { interactive: false, columns: 80, rows: 24, color: false },
      settings: () => loadSettings(world.env, () => {}),
      tmux: () => connection,
    } as unknown as Context;
    const watching = watchHealth(context, {
      only: null,
      all: false,
      every: 50,
      write: (text) => shown.push(text),
    });
    await waitUntil('it is shown that no server runs', () => shown.at(-1)?.includes('no server runs'));
    world.file('project/.cw.yaml', 'windows: [{name: code, panes: [null]}]\n');
    await world.cw(['up', '--detach', '--trust', 'project']);
    world.tmux('set-option', '-p', '-t', 'claude-dev-project:', 'remain-on-exit', 'on');
    world.tmux('respawn-pane', '-k', '-t', 'claude-dev-project:', 'exit 4');
    await waitUntil('the dead pane is shown', () => shown.at(-1)?.includes('is dead (exit code 4)'));
    process.emit('SIGINT');
    expect(await watching).toMatchObject({ data: { level: 'error' } });
    expect(shown.every((line) => line.endsWith(']\n') && Array.isArray(JSON.parse(line)))).toBe(true);
  });
});
