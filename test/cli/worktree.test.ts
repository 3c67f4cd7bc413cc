import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context, Outcome } from '../../src/cli/command.js';
import { verb } from '../../src/cli/commands/worktree.js';
import { parseLine } from '../../src/cli/parse.js';
import { loadSettings } from '../../src/system/settings.js';
import { serverAddress } from '../../src/tmux/address.js';
import { processConnection } from '../../src/tmux/process-connection.js';
import { repository, type TestRepository } from '../git/repo.js';
import { waitUntil } from '../support/wait.js';

interface Line {
  readonly cwd?: string;
  /** Answers on a terminal; without it there is none. */
  readonly answer?: boolean;
}

/** Runs `cw worktree ...` as the frame does; what was noted and asked comes with the outcome. */
async function worktree(
  repo: TestRepository,
  words: readonly string[],
  line: Line = {},
): Promise<Outcome & { said: string[] }> {
  const said: string[] = [];
  const context: Context = {
    env: repo.box.env,
    cwd: line.cwd ?? repo.path,
    terminal: { interactive: line.answer !== undefined, columns: 100, rows: 30, color: false },
    json: false,
    note: (text) => void said.push(text),
    ask: async (question) => {
      said.push(question);
      return line.answer ?? false;
    },
    settings: () => ({ ...loadSettings(repo.box.env, () => {}), roots: [repo.box.home] }),
    tmux: () => processConnection(serverAddress(repo.box.env), repo.box.env),
  };
  if (!('subcommands' in verb)) throw new Error('worktree has subcommands');
  const command = verb.subcommands[words[0]!]!;
  const parsed = parseLine(command, words.slice(1));
  if (!parsed) throw new Error(`not a line of ${command.name}: ${words.join(' ')}`);
  return { ...(await command.run(parsed.args, context)), said };
}

describe('cw worktree', () => {
  it('adds, lists and removes, and the repository stays clean', async () => {
    const repo = await repository('my shop');
    const added = await worktree(repo, ['add', 'feat/cart']);
    expect(added.text).toMatch(
      /^feat\/cart is in ~\/my shop\/\.worktrees\/feat-cart \(new, from HEAD, [0-9a-f]{7}\)\.$/,
    );
    expect(added.data).toMatchObject({ branch: 'feat/cart', created: true, pane: null });
    await worktree(repo, ['add', 'old', '--project', 'my shop', '--base', 'main'], { cwd: repo.box.home });
    expect(await repo.sh('git status --porcelain')).toBe('');
    await repo.sh('touch x', '.worktrees/feat-cart');
    await repo.sh('git commit -q --allow-empty -m ahead');
    await repo.sh('git worktree add -q --detach ../elsewhere && rm -rf ../elsewhere');
    const listed = await worktree(repo, ['list', '--path', '.worktrees/old']);
    expect(listed.text!.split('\n').map((row) => row.split(/ {2,}/))).toEqual([
      ['NAME', 'BRANCH', 'STATE', 'PATH'],
      ['my shop', 'main', 'clean', '~/my shop'],
      ['elsewhere', expect.stringMatching(/^detached [0-9a-f]{7}$/), 'folder is gone', '~/elsewhere'],
      ['feat-cart', 'feat/cart', '1 untracked, merged', '~/my shop/.worktrees/feat-cart'],
      ['old', 'old', 'clean, merged', '~/my shop/.worktrees/old'],
    ]);
    expect(listed.data).toMatchObject([
      { state: 'clean', main: true, merged: false },
      { state: 'missing' },
      { state: 'dirty', status: { untracked: 1 } },
      { merged: true },
    ]);
    const removed = await worktree(repo, ['remove', 'old', '--yes']);
    expect(removed.text).toBe('old is removed. Branch old stays (git branch -d old deletes it).');
    expect(existsSync(join(repo.path, '.worktrees/old'))).toBe(false);
  });

  it('asks before it removes, and needs a yes where nobody can be asked', async () => {
    const repo = await repository();
    await worktree(repo, ['add', 'a']);
    const folder = join(repo.path, '.worktrees/a');
    await expect(worktree(repo, ['remove', 'a'])).rejects.toMatchObject({
      kind: 'refused',
      hint: expect.stringContaining('--yes'),
    });
    expect(await worktree(repo, ['remove', 'a'], { answer: false })).toMatchObject({
      text: 'Nothing was removed.',
      said: ['Remove ~/shop/.worktrees/a?'],
    });
    await expect(worktree(repo, ['remove', 'a', '--yes'], { cwd: folder })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('You are in'),
    });
    await repo.sh('touch x', '.worktrees/a');
    await expect(worktree(repo, ['remove', 'a', '--yes'])).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('1 untracked file'),
    });
    expect(existsSync(folder)).toBe(true);
    const forced = await worktree(repo, ['remove', 'a', '--force'], { answer: true });
    expect(forced.said[0]).toContain('This is lost: 1 untracked file.');
    expect(forced.text).toContain('Lost: 1 untracked file.');
    expect(existsSync(folder)).toBe(false);
  });

  it('keeps a worktree that a pane is open in', async () => {
    const repo = await repository();
    await worktree(repo, ['add', 'a']);
    repo.box.tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      'x',
      '-c',
      join(repo.path, '.worktrees/a'),
      'sleep 1000',
    );
    await waitUntil(
      'the pane runs',
      () => repo.box.tmux('list-panes', '-a', '-F', '#{pane_current_command}').trim() === 'sleep',
    );
    await expect(worktree(repo, ['remove', 'a', '--yes'])).rejects.toMatchObject({
      kind: 'refused',
      message: 'a is kept: 1 pane is open in it (sleep).',
    });
    await worktree(repo, ['remove', 'a', '--yes', '--force']);
    expect(existsSync(join(repo.path, '.worktrees/a'))).toBe(false);
  });

  it('opens a Claude pane in it, in the running workspace', async () => {
    const repo = await repository();
    repo.box.file('bin/claude', '#!/bin/sh\npwd >~/claude-folder\nexec sleep 1000\n', 0o755);
    repo.box.file('.bash_profile', 'PATH=~/bin:$PATH\n');
    repo.box.tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      'claude-dev-shop',
      '-x',
      '120',
      '-y',
      '40',
      'sleep 1000',
    );
    repo.box.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_id', 'id-of-shop');
    repo.box.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_path', repo.path);
    const added = await worktree(repo, ['add', "it's-#(id)-#{x};", '--pane']);
    expect(added.text).toMatch(/\nClaude pane %\d+ is open in shop\.$/);
    const { pane, path } = added.data as { pane: string; path: string };
    await waitUntil('claude runs in the worktree', () => {
      const folder = join(repo.box.home, 'claude-folder');
      return existsSync(folder)
        ? readFileSync(folder, 'utf8') === `${path}\n`
        : Promise.reject(new Error(repo.box.screen(pane)));
    });
    expect(repo.box.tmux('display-message', '-p', '-t', pane, '#{pane_title}')).toBe("it's-#(id)-#{x};\n");

    // Of a project below the top of its repository, in that project's folder.
    await repo.sh('mkdir -p packages/web; touch packages/web/a; git add packages; git commit -qm web');
    repo.box.tmux('set-option', '-t', '=claude-dev-shop:', '@cw_path', join(repo.path, 'packages/web'));
    const below = await worktree(repo, ['add', 'cart', '--pane', '--path', 'packages/web']);
    const made = below.data as { pane: string; path: string };
    await waitUntil('claude runs in the package', () =>
      readFileSync(join(repo.box.home, 'claude-folder'), 'utf8') === `${made.path}/packages/web\n`
        ? true
        : Promise.reject(new Error(repo.box.screen(made.pane))),
    );
  });

  it('says what is wrong with a line, and makes nothing', async () => {
    const repo = await repository();
    const cases: [string[], string, RegExp][] = [
      [['add', 'x', '--project', 'shop', '--path', '.'], 'usage', /Both/],
      [['add', 'x', '--project', 'shp'], 'not-found', /Nearest: shop/],
      [['add', 'x', '--path', '/nowhere'], 'not-found', /no folder/],
      [['add', 'x', '--path', '..'], 'not-found', /not in a git repository/],
      [['add', 'x', '--pane'], 'not-found', /No workspace of this project is open/],
      [['add', 'main'], 'refused', /checked out in/],
      [['add', 'a b'], 'usage', /not a name/],
      [['remove', 'x', '--yes'], 'not-found', /No worktree "x"/],
      [['list', '--path', '..'], 'not-found', /not in a git repository/],
    ];
    for (const [words, kind, message] of cases) {
      await expect(worktree(repo, words), words.join(' ')).rejects.toMatchObject({
        kind,
        message: expect.stringMatching(message),
        hint: expect.any(String),
      });
    }
    expect(await repo.sh('git branch --format="%(refname:short)"; ls -A')).toBe('main\n.git\na\n');
  });
});
