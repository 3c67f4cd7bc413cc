import { readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { program } from '../../src/app.js';
import { parseTemplate } from '../../src/template/parse.js';
import { root, sandbox } from '../support/sandbox.js';

const file = join(root, 'README.md');
const readme = readFileSync(file, 'utf8');

/** The table of the commands, as it has to stand in the README: the overview of `cw`, in its order. */
async function commandTable(): Promise<string> {
  const rows: string[] = [];
  for (const name of program.groups.flatMap(({ verbs }) => verbs)) {
    const { verb } = await program.verbs[name]!();
    const words = 'subcommands' in verb ? Object.keys(verb.subcommands).map((word) => `\`${word}\``) : [];
    const more = words.length > 0 ? ` (${words.join(', ')})` : '';
    rows.push(`| \`cw ${verb.name}\` | ${verb.summary.replace(/\.$/, '')}${more} |`);
  }
  return ['| command | what it does |', '| --- | --- |', ...rows].join('\n');
}

it('the README lists all commands (UPDATE_README=1 writes its table anew)', async () => {
  const table = await commandTable();
  const block = /(<!-- commands -->\n\n)[\s\S]*?(\n\n<!-- end of commands -->)/;
  if (process.env.UPDATE_README === '1') writeFileSync(file, readme.replace(block, `$1${table}$2`));
  else expect(block.exec(readme)?.[0]).toBe(`<!-- commands -->\n\n${table}\n\n<!-- end of commands -->`);
});

it('the template in the README is a good one', () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(parseTemplate(yaml, 'README.md').windows?.map(({ name }) => name)).toEqual(['code', 'dev', 'logs']);
});

it('the lines of the README can be typed', async () => {
  const s = sandbox();
  for (const name of ['shop', 'api']) s.file(`projects/${name}/README.md`, '');
  const PATH = `${join(root, 'bin')}${delimiter}${process.env.PATH}`;
  // Other machines are this one: what the far shell would get, sh gets.
  const ssh = s.file('bin/ssh', '#!/bin/sh\nfor line; do :; done\nexec sh -c "$line"\n', 0o755);
  await s.cw(['config', 'set', 'remote.ssh', ssh]);
  const lines = readme
    .split('\n')
    .flatMap((line) => /^ {4}((?:cw|claude-switch)\b.*?)(?: +#.*)?$/.exec(line)?.[1] ?? []);
  expect(lines.length).toBeGreaterThan(10);
  const codes: Record<string, number> = {
    'claude-switch -': 3, // without a terminal nobody was anywhere before
  };
  for (const line of lines) {
    // There is no terminal to ask on, and no moment of half past two or twelfth snapshot yet.
    const typed = line
      .replace(/^cw kill .*/, '$& --yes')
      .replace('--at 14:30', '--at 1')
      .replace(/ 12$/, ' 1');
    const ran = await s.run('bash', ['-c', typed], { env: { PATH } });
    expect({ line, ...ran }).toMatchObject({ line, code: codes[line] ?? 0 });
  }
});
