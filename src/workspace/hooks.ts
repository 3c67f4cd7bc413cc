import type { Blueprint } from '../blueprint/model.js';
import type { Step } from '../blueprint/step.js';
import { CwError } from '../errors.js';
import { quoteWord } from '../tmux/quote.js';

/**
 * Runs one of a template's hooks in the project's folder, with the workspace's environment, by `sh`. Its text is
 * trusted: templates of a project run only after `cw trust`.
 *
 * @throws CwError `refused` with the end of what it printed, when it fails or takes longer than a minute.
 */
export async function runHook(
  name: string,
  command: string,
  workspace: Pick<Blueprint, 'path' | 'name' | 'environment'>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { run } = await import('../system/run.js');
  const own = Object.fromEntries(
    workspace.environment.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])),
  );
  const result = await run('sh', ['-c', command], {
    cwd: workspace.path,
    env: { ...env, ...own },
    timeout: hookTimeout,
  });
  if (result.exitCode === 0) return;
  const why = result.timedOut
    ? `took longer than ${hookTimeout / 1000} s`
    : `ended with ${result.exitCode ?? 'a signal'}`;
  const said = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-5).join('\n');
  throw new CwError(
    'refused',
    `The hook ${name} of ${workspace.name} ${why}: ${command}`,
    said === '' ? {} : { hint: said },
  );
}

const hookTimeout = 60_000;

// Hooks are arrays, and the user's are at the front of them. An index of our own is appended and never theirs.
const hookIndex = 5800;

/**
 * The steps that make tmux run `on_attach` and `on_detach` of workspaces. They are global, and do something only in
 * a session that holds such a command: a hook set on a session would hide the user's own global one.
 *
 * tmux gives the command to `sh` as it stands in the option: what a format expands to is not expanded again.
 */
export function attachHookSteps(workspace: Pick<Blueprint, 'hooks'>): Step[] {
  const wanted = [
    // Told when a client attaches and when it comes by switch-client.
    ['on_attach', 'client-session-changed'],
    ['on_detach', 'client-detached'],
  ] as const;
  return wanted.flatMap(([name, hook]) => {
    if (workspace.hooks[name] === undefined) return [];
    // What it prints would take over the pane in view.
    const script = `cd "$PROJECT_ROOT"; exec >/dev/null 2>&1 </dev/null; #{@cw_hook_${name}}`;
    const run = `run-shell -b ${quoteWord(script)}`;
    return [
      {
        command: [
          'set-hook',
          '-g',
          `${hook}[${hookIndex}]`,
          `if-shell -F '#{@cw_hook_${name}}' ${quoteWord(run)}`,
        ],
        creates: [],
        why: `run ${name} when it happens`,
      },
    ];
  });
}
