import { readdirSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/app.js';
import type { Command, Verb } from '../../src/cli/command.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';

const verbs: Verb[] = await Promise.all(
  Object.values(program.verbs).map(async (load) => (await load()).verb),
);
const commands: Command[] = verbs.flatMap((verb) =>
  'subcommands' in verb ? Object.values(verb.subcommands) : [verb],
);

/** Two projects below ~/projects, both git repositories. Lines run in `shop`, with our programs on the PATH. */
async function world() {
  const s = sandbox();
  const PATH = `${join(root, 'bin')}${delimiter}${process.env.PATH}`;
  const line = (text: string) =>
    s.run('bash', ['-c', text], { env: { PATH }, cwd: join(s.home, 'projects/shop') });
  s.file(
    'projects/shop/package.json',
    '{"name":"shop","scripts":{"dev":"vite"},"dependencies":{"react":"^19"}}\n',
  );
  s.file('projects/api/go.mod', 'module example.org/api\n');
  const made = await line(
    'for p in ~/projects/*; do git -C $p init -q -b main && git -C $p add . && git -C $p commit -q -m Start && git -C $p tag v1.0; done',
  );
  expect(made).toEqual({ code: 0, stdout: '', stderr: '' });
  return { s, line };
}

/** An ssh whose other hosts are this one: what the far shell would get, sh gets. */
const sshToHere =
  'mkdir -p ~/bin && printf \'#!/bin/sh\\nfor line; do :; done\\nexec sh -c "$line"\\n\' >~/bin/ssh && chmod +x ~/bin/ssh && cw config set remote.ssh ~/bin/ssh';

/** What the examples of some commands build on. */
const before: Readonly<Record<string, string>> = {
  list: sshToHere,
  ssh: sshToHere,
  push: sshToHere,
  pull: sshToHere,
  'worktree remove': 'cw worktree add feat/cart && cw worktree add feat/api',
  import:
    "mkdir -p ~/.tmux/resurrect && printf 'pane\\tmain\\t0\\t1\\t:*\\t0\\ttitle\\t:/tmp\\t1\\tbash\\t:\\n' >~/.tmux/resurrect/tmux_resurrect_20260102T030405.txt && cw export shop && cw kill shop --yes",
  'template import':
    "mkdir -p ~/.config/tmuxinator && printf 'name: shop\\nwindows:\\n  - code: vim\\n' >~/.config/tmuxinator/shop.yml",
  ...Object.fromEntries(
    [
      'restore',
      'verify',
      'snapshots',
      'snapshot show',
      'snapshot diff',
      'snapshot pin',
      'snapshot unpin',
      'snapshot rm',
    ].map((name) => [
      name,
      'cw save shop && tmux -S "$CW_TMUX_SOCKET" split-window -d -t =claude-dev-shop: && cw save shop',
    ]),
  ),
  forget: 'mkdir -p ~/projects/blog && cw up ~/projects/blog --detach && cw kill blog --yes',
  move: 'cw up ~/projects/api --detach && mkdir -p ~/work && mv ~/projects/api ~/work/api',
  trust: "echo 'windows: [{ name: code, panes: [make watch] }]' >.cw.yaml",
};

function isOpen(s: Sandbox, session: string): boolean {
  try {
    s.tmux('has-session', '-t', `=${session}`);
    return true;
  } catch {
    return false;
  }
}

describe('the commands', () => {
  it('are all in the overview, in a group', async () => {
    const s = sandbox();
    const { stdout } = await s.cw(['--json']);
    const { commands: known } = JSON.parse(stdout) as { commands: { name: string; summary: string }[] };
    expect(known.map(({ name }) => name).sort()).toEqual(verbs.map(({ name }) => name).sort());
    const overview = (await s.cw([])).stdout;
    for (const { name } of verbs) expect(overview).toMatch(new RegExp(`^ {2}cw ${name} `, 'm'));
  });

  it('have the name that their place says', () => {
    expect(verbs.map(({ name }) => name)).toEqual(Object.keys(program.verbs));
    for (const verb of verbs) {
      if (!('subcommands' in verb)) continue;
      for (const [word, command] of Object.entries(verb.subcommands))
        expect(command.name).toBe(`${verb.name} ${word}`);
    }
  });

  it('leave no file of theirs out', () => {
    const files = readdirSync(join(root, 'src/cli/commands')).map((file) => basename(file, '.ts'));
    expect(Object.keys(program.verbs).sort()).toEqual(files.sort());
    for (const name of Object.values(program.aliases)) expect(files).toContain(name);
  });

  it('use no option of the frame and no letter twice', () => {
    for (const command of commands) {
      const options = Object.entries(command.options ?? {});
      expect(options.map(([name]) => name)).not.toContain('json');
      const letters = ['h', ...options.flatMap(([, { short }]) => short ?? [])];
      expect([command.name, letters.length]).toEqual([command.name, new Set(letters).size]);
    }
  });

  it.each(commands.map((command) => [command.name, command] as const))(
    'cw %s --help',
    async (name, command) => {
      const { s, line } = await world();
      const help = await line(`cw ${name} --help`);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(command.examples.length).toBeGreaterThan(0);
      for (const shown of help.stdout.split('\n')) expect(shown.length, shown).toBeLessThanOrEqual(80);
      for (const example of command.examples) {
        expect(help.stdout.replace(/\s+/g, ' ')).toContain(example.does.replace(/\s+/g, ' ').slice(0, 20));
        if (!isOpen(s, 'claude-dev-shop')) {
          const opened = await line('cw up shop --detach');
          expect(opened).toMatchObject({ code: 0 });
        }
        if (example === command.examples[0] && before[name]) {
          expect(await line(before[name])).toMatchObject({ code: 0 });
        }
        if (example.endless) continue;
        const ran = await line(example.line);
        expect({ line: example.line, ...ran }).toMatchObject({ line: example.line, code: example.exit ?? 0 });
        if (/(^| )--json( |$)/.test(example.line)) JSON.parse(ran.stdout);
      }
    },
  );
});
