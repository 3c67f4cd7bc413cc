import { join } from 'node:path';
import { packageFolder } from '../../system/paths.js';
import type { Command } from '../command.js';

/** `bin/cw` gives a plain line to `shell/cw-pre-commit`, which needs no Node. */
export const verb: Command = {
  name: 'pre-commit',
  summary: 'Tell of uncommitted changes in other worktrees: what the hook of cw init git calls.',
  description:
    'For each other worktree with changes: its branch, its folder, how many files, and the panes that are in it. Exit code 4 with --strict when there are any, otherwise 0.',
  options: { strict: { type: 'boolean', describe: 'Exit with 4 when there are any.' } },
  examples: [
    { line: 'cw pre-commit', does: 'What the hook would tell now.' },
    { line: 'cw pre-commit --strict || echo stop', does: 'In a hook of your own.' },
  ],
  async run(args) {
    const words = args.options.strict ? ['--strict'] : [];
    return { become: [join(packageFolder(), 'shell', 'cw-pre-commit'), ...words] };
  },
};
