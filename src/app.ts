import type { Context } from './cli/command.js';
import type { Program } from './cli/main.js';
import { KeptSettings } from './system/kept-settings.js';
import { loadSettings, type Settings } from './system/settings.js';
import { serverAddress } from './tmux/address.js';
import { withEarlyReading } from './tmux/early-reading.js';
import { processConnection } from './tmux/process-connection.js';
import { hasBuiltSince } from './workspace/registry.js';

/** The only wiring: which file answers to which word, and which parts the frame is given. */
export const program: Program = {
  verbs: {
    up: () => import('./cli/commands/up.js'),
    switch: () => import('./cli/commands/switch.js'),
    list: () => import('./cli/commands/list.js'),
    ssh: () => import('./cli/commands/ssh.js'),
    push: () => import('./cli/commands/push.js'),
    pull: () => import('./cli/commands/pull.js'),
    remote: () => import('./cli/commands/remote.js'),
    status: () => import('./cli/commands/status.js'),
    dashboard: () => import('./cli/commands/dashboard.js'),
    kill: () => import('./cli/commands/kill.js'),
    pin: () => import('./cli/commands/pin.js'),
    scratch: () => import('./cli/commands/scratch.js'),
    monitoring: () => import('./cli/commands/monitoring.js'),
    template: () => import('./cli/commands/template.js'),
    freeze: () => import('./cli/commands/freeze.js'),
    worktree: () => import('./cli/commands/worktree.js'),
    env: () => import('./cli/commands/env.js'),
    trust: () => import('./cli/commands/trust.js'),
    move: () => import('./cli/commands/move.js'),
    save: () => import('./cli/commands/save.js'),
    restore: () => import('./cli/commands/restore.js'),
    snapshots: () => import('./cli/commands/snapshots.js'),
    snapshot: () => import('./cli/commands/snapshot.js'),
    verify: () => import('./cli/commands/verify.js'),
    prune: () => import('./cli/commands/prune.js'),
    cleanup: () => import('./cli/commands/cleanup.js'),
    export: () => import('./cli/commands/export.js'),
    import: () => import('./cli/commands/import.js'),
    inspect: () => import('./cli/commands/inspect.js'),
    daemon: async () => ({ verb: (await import('./cli/commands/daemon.js')).daemonVerb(runDaemon) }),
    init: () => import('./cli/commands/init.js'),
    forget: () => import('./cli/commands/forget.js'),
    agents: () => import('./cli/commands/agents.js'),
    conversation: () => import('./cli/commands/conversation.js'),
    send: () => import('./cli/commands/send.js'),
    health: () => import('./cli/commands/health.js'),
    metrics: () => import('./cli/commands/metrics.js'),
    share: () => import('./cli/commands/share.js'),
    view: () => import('./cli/commands/view.js'),
    unshare: () => import('./cli/commands/unshare.js'),
    hook: () => import('./cli/commands/hook.js'),
    'pre-commit': () => import('./cli/commands/pre-commit.js'),
    completion: () => import('./cli/commands/completion.js'),
    'shell-init': () => import('./cli/commands/shell-init.js'),
    config: () => import('./cli/commands/config.js'),
    doctor: () => import('./cli/commands/doctor.js'),
    version: () => import('./cli/commands/version.js'),
  },
  aliases: { ls: 'list' },
  groups: [
    {
      title: 'Every day',
      verbs: [
        'up',
        'switch',
        'list',
        'status',
        'dashboard',
        'health',
        'kill',
        'cleanup',
        'pin',
        'scratch',
        'monitoring',
        'metrics',
      ],
    },
    {
      title: 'Nothing is lost',
      verbs: ['save', 'restore', 'snapshots', 'snapshot', 'verify', 'prune', 'forget'],
    },
    {
      title: 'Other machines',
      verbs: ['export', 'import', 'inspect', 'ssh', 'push', 'pull', 'remote'],
    },
    { title: 'Claude', verbs: ['agents', 'conversation', 'send'] },
    { title: 'With others', verbs: ['share', 'view', 'unshare'] },
    { title: 'A project', verbs: ['template', 'freeze', 'worktree', 'env', 'trust', 'move'] },
    {
      title: 'cw itself',
      verbs: [
        'daemon',
        'init',
        'hook',
        'pre-commit',
        'completion',
        'shell-init',
        'config',
        'doctor',
        'version',
      ],
    },
  ],
  openVerb: 'up',
  connect(env, reading) {
    const address = serverAddress(env);
    return withEarlyReading(processConnection(address, env), reading, (askedAt) =>
      hasBuiltSince(askedAt, address, env),
    );
  },
  loadSettings,
};

/** The daemon, with the work that it does on its schedules and on events. */
async function runDaemon(context: Context): Promise<number> {
  // An update of the package takes the bundles of this version away while the daemon runs on, so all that it may ever
  // need is loaded now: also what the others import late (the reading of snapshots, the report of a fault).
  const [daemon, { keeping }] = await Promise.all([
    import('./daemon/main.js'),
    import('./daemon/keeping.js'),
    import('./snapshot/decode.js'),
    import('./template/parse.js'),
    import('./cli/fault.js'),
  ]);
  const { env } = context;
  const kept = new KeptSettings(env);
  const settings = () => kept.now();
  return daemon.runDaemon({
    address: context.tmux().address,
    env,
    schedules: () => schedulesOf(settings()),
    settingsProblems: () => kept.problems(),
    work: ({ connection, log }) => keeping({ connection, log, env, settings }),
  });
}

function schedulesOf({ schedules }: Settings): Partial<Record<keyof Settings['schedules'], string | null>> {
  return Object.fromEntries(
    Object.entries(schedules).map(([name, when]) => [name, when === 'off' ? null : when]),
  );
}
