import { messageOf } from '../errors.js';
import { resolveEnvironment } from '../project/environment.js';
import type { WorkspaceSeen } from '../survey/model.js';
import { runGroup } from '../system/run-group.js';
import { childEnv } from '../tmux/address.js';

/** What a project's own `health_check` said. */
export type CommandResult =
  | { readonly kind: 'well' }
  | { readonly kind: 'failed'; readonly code: number | null; readonly lastLine: string }
  /** It was ended, with all that it had started. */
  | { readonly kind: 'late'; readonly seconds: number }
  | { readonly kind: 'untrusted' }
  /** Variables of `required_env` without a value. */
  | { readonly kind: 'lacks'; readonly names: readonly string[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Seconds that a command has where the project does not say, and at most. */
export const commandSeconds = { usual: 30, most: 600 } as const;

/**
 * Runs a project's own `health_check` in its folder, with the environment of its panes, where the user trusts the
 * project. null: it has none. It never throws.
 */
export async function runHealthCommand(
  workspace: Pick<WorkspaceSeen, 'name' | 'path' | 'project'>,
  env: NodeJS.ProcessEnv,
): Promise<CommandResult | null> {
  const { project, path, name } = workspace;
  const command = project?.file?.healthCheck;
  if (!project?.file || command == null) return null;
  if (project.trust !== 'trusted') return { kind: 'untrusted' };
  let variables: Record<string, string>;
  try {
    const resolved = resolveEnvironment({ name, path, template: {}, trusted: true, env });
    variables = Object.fromEntries(resolved.variables.map((one) => [one.name, one.value]));
  } catch (error) {
    return { kind: 'unknown', reason: messageOf(error) };
  }
  const all: NodeJS.ProcessEnv = { ...childEnv(env), ...variables };
  const names = project.file.requiredEnv.filter((required) => !all[required]);
  if (names.length > 0) return { kind: 'lacks', names };
  const seconds = Math.min(project.file.timeoutSeconds ?? commandSeconds.usual, commandSeconds.most);
  const ran = await runGroup(command, { cwd: path, env: all, timeout: seconds * 1000 });
  if (ran.failedToStart !== null) return { kind: 'unknown', reason: ran.failedToStart };
  if (ran.timedOut) return { kind: 'late', seconds };
  if (ran.exitCode === 0) return { kind: 'well' };
  return { kind: 'failed', code: ran.exitCode, lastLine: lastLineOf(ran.tail) };
}

/** Without colours, and short enough for a line. */
function lastLineOf(text: string): string {
  const plain = text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
  const line = plain
    .split(/[\r\n]/)
    .filter((one) => one.trim() !== '')
    .at(-1);
  return (line ?? '').trim().slice(0, 120);
}
