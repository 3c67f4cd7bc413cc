import { basename } from 'node:path';
import { CwError } from '../../errors.js';
import { shippedTemplates } from '../../template/shipped.js';
import type { Command } from '../command.js';

/** The names that scripts of before go by, and what does their work now. */
const names: Readonly<Record<string, string>> = {
  'claude-list-sessions': 'list',
  'claude-kill-session': 'kill',
  'claude-kill-all': 'kill --all',
  'claude-export-session': 'export',
  'claude-import-session': 'import',
  'claude-session-health': 'health',
  'claude-cleanup-sessions': 'cleanup',
  'smart-claude-session': 'up',
  'setup-claude-env': 'env',
  'ssh-claude': 'ssh',
  'share-claude-session': 'share',
};

export const verb: Command = {
  name: 'shell-init',
  summary: 'Short names of older scripts, as functions of your shell.',
  description: `Prints them for bash, zsh or fish; your own shell ($SHELL) when none is named: ${Object.keys(names).join(', ')}, and claude-template-react [PROJECT] and its kin, one for each template. Each takes what the verb behind it takes.`,
  positionals: [{ name: 'shell', describe: 'bash, zsh or fish.' }],
  examples: [
    { line: 'eval "$(cw shell-init bash)"', does: 'In ~/.bashrc; zsh likewise.' },
    { line: 'cw shell-init fish', does: 'For ~/.config/fish/config.fish: cw shell-init fish | source' },
  ],
  async run(args, { env }) {
    const shell = args.positionals.shell ?? basename(env.SHELL ?? 'bash');
    if (!['bash', 'zsh', 'fish'].includes(shell))
      throw new CwError('usage', `There are no functions for ${shell}.`, {
        hint: 'cw shell-init bash, zsh or fish',
      });
    const templates = Object.keys(await shippedTemplates());
    const lines = [
      ...Object.entries(names).map(([name, words]) => [name, `cw ${words}`] as const),
      ...templates.map((name) => [`claude-template-${name}`, `cw up --template ${name}`] as const),
    ].map(([name, line]) =>
      shell === 'fish' ? `function ${name}; ${line} $argv; end` : `${name}() { ${line} "$@"; }`,
    );
    return { data: { shell, lines }, text: lines.join('\n') };
  },
};
