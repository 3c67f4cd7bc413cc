import type { Blueprint } from '../blueprint/model.js';
import { CwError } from '../errors.js';

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
  const own = Object.fromEntries(workspace.environment.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
  const result = await run('sh', ['-c', command], { cwd: workspace.path, env: { ...env, ...own }, timeout: hookTimeout });
  if (result.exitCode === 0) return;
  const why = result.timedOut ? `took longer than ${hookTimeout / 1000} s` : `ended with ${result.exitCode ?? 'a signal'}`;
  const said = `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-5).join('\n');
  throw new CwError('refused', `The hook ${name} of ${workspace.name} ${why}: ${command}`, said === '' ? {} : { hint: said });
}

const hookTimeout = 60_000;
