import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, installFakeClaude, ready } from '../support/claude.js';
import { type Sandbox, sandbox } from '../support/sandbox.js';
import { waitUntil } from '../support/wait.js';

const red = '\x1b[31mred\n';

/** A machine of another user: her home has another name, and her projects another place. */
function machine(user: string): Sandbox {
  const made = sandbox();
  const home = join(made.folder, user);
  renameSync(made.home, home);
  for (const [name, value] of Object.entries(made.env))
    if (value?.startsWith(made.home)) made.env[name] = value.replace(made.home, home);
  return {
    ...made,
    home,
    file: (path, text, mode) => made.file(join(home, path), text, mode),
    run: at(home, made.run),
    cw: at(home, made.cw),
  };
}

function at<A extends unknown[], R>(home: string, run: (...args: A) => R): (...args: A) => R {
  return (...args: A) => {
    const [first, second, options] = args as unknown as [unknown, unknown, { cwd?: string } | undefined];
    if (Array.isArray(first)) return run(...([first, { cwd: home, ...(second as object) }] as unknown as A));
    return run(...([first, second, { cwd: home, ...options }] as unknown as A));
  };
}

const git = async (world: Sandbox, cwd: string, ...args: string[]) => {
  const ran = await world.run('git', args, { cwd });
  if (ran.code !== 0) throw new Error(`git ${args.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
};

const cw = async (world: Sandbox, ...args: string[]) => {
  const ran = await world.cw([...args, '--json']);
  if (ran.code !== 0) throw new Error(`cw ${args.join(' ')}: ${ran.code} ${ran.stdout}${ran.stderr}`);
  return JSON.parse(ran.stdout);
};

/**
 * Ann's workspace: a repository with a remote, an unpushed branch that is checked out with staged, changed and untracked
 * work, a worktree with work of its own, two conversations, and coloured text in a pane.
 */
async function annsDay(ann: Sandbox): Promise<{ conversations: string[] }> {
  installFakeClaude(ann);
  const origin = join(ann.folder, 'origin.git');
  const shop = join(ann.home, 'projects/shop');
  await git(ann, ann.home, 'init', '-q', '--bare', '-b', 'main', origin);
  ann.file('projects/shop/README.md', 'a shop\n');
  ann.file('projects/shop/src/cart.ts', 'export const cart = 1;\n');
  ann.file('projects/shop/.gitignore', 'dist\n.env.claude\n');
  ann.file(
    'projects/shop/.cw.yaml',
    'windows:\n  - name: talk\n    panes:\n      - {role: claude, run: claude}\n      - {role: claude, run: claude}\n  - name: shell\n    panes: [{}]\n',
  );
  await git(ann, shop, 'init', '-q', '-b', 'main');
  await git(ann, shop, 'add', '.');
  await git(ann, shop, 'commit', '-q', '-m', 'Start');
  await git(ann, shop, 'remote', 'add', 'origin', origin);
  await git(ann, shop, 'push', '-q', '-u', 'origin', 'main');
  await git(ann, shop, 'checkout', '-q', '-b', 'feat/cart');
  ann.file('projects/shop/src/cart.ts', 'export const cart = 2;\n');
  await git(ann, shop, 'commit', '-q', '-a', '-m', 'Two carts');
  await git(ann, shop, 'worktree', 'add', '-q', '-b', 'fix/sum', '.worktrees/fix-sum', 'main');
  ann.file('projects/shop/.worktrees/fix-sum/README.md', 'a shop with sums\n');
  ann.file('projects/shop/src/cart.ts', 'export const cart = 3;\n');
  await git(ann, shop, 'add', 'src/cart.ts');
  ann.file('projects/shop/src/cart.ts', 'export const cart = 4;\n');
  ann.file('projects/shop/notes.txt', 'not yet added\n');
  ann.file('projects/shop/.env.claude', 'API_TOKEN=tok-0123456789abcdef\nPORT=4000\n');
  expect(await ann.cw(['up', '--detach', '--trust', 'projects/shop'])).toMatchObject({ code: 0 });
  const panes = ann
    .tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', '#{window_name} #{pane_id}')
    .trim()
    .split('\n');
  const [first, second] = panes.filter((line) => line.startsWith('talk')).map((line) => line.split(' ')[1]!);
  for (const [pane, text] of [
    [first!, 'the cart'],
    [second!, 'the sum'],
  ] as const) {
    await ready(ann, pane);
    await ask(ann, pane, text);
  }
  const shell = panes.find((line) => line.startsWith('shell'))!.split(' ')[1]!;
  ann.tmux('send-keys', '-t', shell, `printf '%b\\n' '\\033[31mred\\033[39m' tok-0123456789abcdef`, 'Enter');
  await waitUntil('the shell has printed', () => /^red$/m.test(ann.screen(shell)));
  const agents: { conversation: string; state: string }[] = await cw(ann, 'agents');
  return { conversations: agents.map(({ conversation }) => conversation).sort() };
}

/** Every file of the working tree but git's own, with its text. */
function files(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && !join(entry.parentPath, entry.name).slice(folder.length).includes('/.git'),
    )
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    names.sort().map((name) => [name.slice(folder.length), readFileSync(name, 'utf8')]),
  );
}

describe('a workspace', () => {
  it('goes to another home with its work, its text and its conversations', async () => {
    const ann = machine('ann');
    const bea = machine('bea');
    const { conversations } = await annsDay(ann);
    const archive = join(ann.folder, 'shop.tar.gz');
    const exported = await ann.cw(['export', 'shop', '-o', archive]);
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    expect(exported.stdout).toContain('.env.claude');

    installFakeClaude(bea);
    const ran = await bea.cw(['import', archive, '--clone']);
    expect(ran).toMatchObject({ code: 0 });
    const here = join(bea.home, 'projects/shop');
    const there = join(ann.home, 'projects/shop');
    for (const tree of ['.', '.worktrees/fix-sum']) {
      const status = ['status', '--porcelain=v2', '--branch', '-z'];
      expect(await git(bea, join(here, tree), ...status)).toBe(await git(ann, join(there, tree), ...status));
    }
    const { '/.env.claude': secret, ...others } = files(there);
    expect(secret).toContain('API_TOKEN');
    expect(files(here)).toEqual(others);

    const format = '#{window_name} #{pane_index} #{window_layout} #{pane_title}';
    const layout = (world: Sandbox) =>
      world
        .tmux('list-panes', '-s', '-t', '=claude-dev-shop:', '-F', format)
        .replace(/\b[0-9a-f]{4},/g, '')
        .replace(/,\d+(?=[\]}\s])/g, '');
    expect(layout(bea)).toBe(layout(ann));
    const text = await waitUntil('the text is back', () => {
      const shown = bea.tmux('capture-pane', '-p', '-e', '-S', '-', '-t', '=claude-dev-shop:shell');
      if (shown.includes(red)) return shown;
      throw new Error(shown);
    });
    expect(text).not.toContain('tok-0123456789abcdef');

    const panes = bea
      .tmux('list-panes', '-t', '=claude-dev-shop:talk', '-F', '#{pane_id}')
      .trim()
      .split('\n');
    for (const pane of panes) {
      await waitUntil(`${pane} waits for Enter`, () => bea.screen(pane).includes('--resume'));
      bea.tmux('send-keys', '-t', pane, 'Enter');
      await ready(bea, pane);
    }
    const agents: { conversation: string }[] = await waitUntil('both are told', async () => {
      const all = await cw(bea, 'agents');
      return all.length === 2 && all;
    });
    expect(agents.map(({ conversation }) => conversation).sort()).toEqual(conversations);
    const transcripts = findTranscripts(bea, conversations[0]!);
    expect(transcripts).toHaveLength(1);
    expect(readFileSync(transcripts[0]!, 'utf8')).not.toContain(ann.home);
  });
});

function findTranscripts(world: Sandbox, id: string): string[] {
  const projects = join(world.home, '.claude/projects');
  return readdirSync(projects)
    .map((slug) => join(projects, slug, `${id}.jsonl`))
    .filter((path) => existsSync(path));
}
