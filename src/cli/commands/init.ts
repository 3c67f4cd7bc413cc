import type { Verb } from '../command.js';
import { claude } from '../init/claude.js';
import { vscode, zed } from '../init/editors.js';
import { git } from '../init/git.js';
import { systemd } from '../init/systemd.js';
import { initTmux } from '../init/tmux.js';

/** @param verbs the verbs that there are. */
export function initVerb(verbs: readonly string[]): Verb {
  return {
    name: 'init',
    summary: 'Set up what is around cw; each can be undone.',
    subcommands: { systemd, claude, tmux: initTmux(verbs), git, vscode, zed },
  };
}
