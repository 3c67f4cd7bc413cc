import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../system/paths.js';
import type { Command, Verb } from '../command.js';
import { type Candidate, type ProgramData, wantedAt } from '../completing.js';

/** The line of an example, and where it goes. */
const shells = {
  bash: { line: 'eval "$(cw completion bash)"', where: 'In ~/.bashrc.' },
  zsh: { line: 'cw completion zsh', where: 'In ~/.zshrc, below compinit: source <(cw completion zsh)' },
  fish: { line: 'cw completion fish', where: 'Once, into ~/.config/fish/completions/cw.fish' },
} as const;

function printing(shell: keyof typeof shells): Command {
  const { line, where } = shells[shell];
  return {
    name: `completion ${shell}`,
    summary: `The completion for ${shell}: verbs, options, workspaces, projects, templates, snapshots, hosts.`,
    examples: [{ line, does: where }],
    async run() {
      const text = readFileSync(join(packageFolder(), 'shell/completion', `cw.${shell}`), 'utf8');
      return { data: { shell, text }, text: text.trimEnd() };
    },
  };
}

const words: Command = {
  name: 'completion words',
  summary: 'What can stand at the end of a line: what the completions ask.',
  description:
    'A line each, behind a tab what it means. The line :files or :folders leaves it to the shell. The words of the line follow `--`, from the name of the program on; the last one is the one that is being typed.',
  positionals: [{ name: 'line', describe: 'The words of the line.', variadic: true }],
  options: { bare: { type: 'boolean', describe: 'Only the words.' } },
  examples: [
    { line: "cw completion words -- cw switch ''", does: 'Projects.' },
    { line: 'cw completion words -- cw snapshot sh', does: 'Subcommands that begin with sh.' },
  ],
  async run(args, context) {
    const program = JSON.parse(
      readFileSync(join(packageFolder(), 'dist/commands.json'), 'utf8'),
    ) as ProgramData;
    const typed = args.rest.at(-1) ?? '';
    const wanted = wantedAt(program, args.rest);
    if ('kind' in wanted && (wanted.kind === 'file' || wanted.kind === 'folder'))
      return { data: { shell: `${wanted.kind}s` }, text: `:${wanted.kind}s` };
    const all = 'words' in wanted ? wanted.words : await named(wanted, context);
    const fitting = all.filter(({ word }) => word.startsWith(typed) && !/[\n\t]/.test(word));
    return {
      data: fitting,
      text: fitting
        .map(({ word, describe }) =>
          args.options.bare || describe === '' ? word : `${word}\t${describe.replace(/\s+/g, ' ')}`,
        )
        .join('\n'),
    };
  },
};

/** A completion tells no errors: what cannot be read is not offered. */
async function named(
  { kind, before, prefix }: Extract<ReturnType<typeof wantedAt>, { kind: unknown }>,
  context: Parameters<Command['run']>[1],
): Promise<Candidate[]> {
  const { namesOf } = await import('../completion-values.js');
  try {
    const names = await namesOf(kind, before, context);
    return names.map(({ word, describe }) => ({ word: prefix + word, describe }));
  } catch {
    return [];
  }
}

export const verb: Verb = {
  name: 'completion',
  summary: 'Completions for bash, zsh and fish.',
  subcommands: { bash: printing('bash'), zsh: printing('zsh'), fish: printing('fish'), words },
};
