import { readdirSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Command, Verb } from '../../src/cli/command.js';
import { root, type Sandbox, sandbox } from '../support/sandbox.js';

const folder = join(root, 'src/cli/commands');
const verbs: Verb[] = [];
for (const file of readdirSync(folder).sort()) {
  if (file.endsWith('.ts')) verbs.push(((await import(join(folder, file))) as { verb: Verb }).verb);
}
const commands: Command[] = verbs.flatMap((verb) =>
  'subcommands' in verb ? Object.values(verb.subcommands) : [verb],
);

/** Two projects below ~/projects, both git repositories, `shop` open. Lines run with our programs on the PATH. */
async function world() {
  const s = sandbox();
  const PATH = `${join(root, 'bin')}${delimiter}${process.env.PATH}`;
  const line = (text: string) => s.run('bash', ['-c', text], { env: { PATH } });
  s.file(
    'projects/shop/package.json',
    '{"name":"shop","scripts":{"dev":"vite"},"dependencies":{"react":"^19"}}\n',
  );
  s.file('projects/api/go.mod', 'module example.org/api\n');
  const made = await line(
    'for p in shop api; do git -C projects/$p init -q -b main && git -C projects/$p add . && git -C projects/$p commit -q -m Start; done',
  );
  expect(made).toEqual({ code: 0, stdout: '', stderr: '' });
  return { s, line };
}

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

  it('have the name that their file and their place say', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    expect(verbs.map(({ name }) => name)).toEqual(files.sort().map((file) => basename(file, '.ts')));
    for (const verb of verbs) {
      if (!('subcommands' in verb)) continue;
      for (const [word, command] of Object.entries(verb.subcommands))
        expect(command.name).toBe(`${verb.name} ${word}`);
    }
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
      for (const example of command.examples) {
        expect(help.stdout.replace(/\s+/g, ' ')).toContain(example.does.replace(/\s+/g, ' ').slice(0, 20));
        if (!isOpen(s, 'claude-dev-shop')) {
          const opened = await line('cw up shop --detach');
          expect(opened).toMatchObject({ code: 0 });
        }
        const ran = await line(example.line);
        expect({ line: example.line, ...ran }).toMatchObject({ line: example.line, code: example.exit ?? 0 });
        if (/(^| )--json( |$)/.test(example.line)) JSON.parse(ran.stdout);
      }
    },
  );
});
