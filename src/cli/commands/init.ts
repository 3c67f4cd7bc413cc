import type { Verb } from '../command.js';
import { claude } from '../init/claude.js';
import { vscode, zed } from '../init/editors.js';
import { git } from '../init/git.js';
import { systemd } from '../init/systemd.js';
import { tmux } from '../init/tmux.js';

export const verb: Verb = {
  name: 'init',
  summary: 'Set up what is around cw; each can be undone.',
  subcommands: { systemd, claude, tmux, git, vscode, zed },
};
