import type { Program } from './cli/main.js';
import { loadSettings } from './system/settings.js';
import { serverAddress } from './tmux/address.js';
import { processConnection } from './tmux/process-connection.js';

/** The only wiring: which file answers to which word, and which parts the frame is given. */
export const program: Program = {
  verbs: {
    up: () => import('./cli/commands/up.js'),
    switch: () => import('./cli/commands/switch.js'),
    list: () => import('./cli/commands/list.js'),
    kill: () => import('./cli/commands/kill.js'),
    scratch: () => import('./cli/commands/scratch.js'),
    monitoring: () => import('./cli/commands/monitoring.js'),
    template: () => import('./cli/commands/template.js'),
    worktree: () => import('./cli/commands/worktree.js'),
    env: () => import('./cli/commands/env.js'),
    trust: () => import('./cli/commands/trust.js'),
    config: () => import('./cli/commands/config.js'),
    doctor: () => import('./cli/commands/doctor.js'),
    version: () => import('./cli/commands/version.js'),
  },
  aliases: { ls: 'list' },
  groups: [
    { title: 'Every day', verbs: ['up', 'switch', 'list', 'kill', 'scratch', 'monitoring'] },
    { title: 'A project', verbs: ['template', 'worktree', 'env', 'trust'] },
    { title: 'cw itself', verbs: ['config', 'doctor', 'version'] },
  ],
  openVerb: 'up',
  connect: (env) => processConnection(serverAddress(env), env),
  loadSettings,
};
