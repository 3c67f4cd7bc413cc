import { readFileSync } from 'node:fs';
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
 * Looks whether the variables that a project requires have a value, and runs its own `health_check` in its folder, with
 * the environment of its panes, where the user trusts the project. null: it has neither. It never throws.
 */
export async function runHealthCommand(
  workspace: Pick<WorkspaceSeen, 'name' | 'path' | 'project' | 'panes'>,
  env: NodeJS.ProcessEnv,
): Promise<CommandResult | null> {
  const { project, path, name, panes } = workspace;
  const command = project?.file?.healthCheck ?? null;
  const required = project?.file?.requiredEnv ?? [];
  if (!project?.file || (command === null && required.length === 0)) return null;
  const trusted = project.trust === 'trusted';
  let variables: Record<string, string>;
  try {
    const resolved = resolveEnvironment({ name, path, template: {}, trusted, env });
    variables = Object.fromEntries(resolved.variables.map((one) => [one.name, one.value]));
  } catch (error) {
    return { kind: 'unknown', reason: messageOf(error) };
  }
  const all: NodeJS.ProcessEnv = { ...childEnv(env), ...variables };
  // What the start files of a shell set is in the environment of what it started.
  const missing = required.filter((one) => !all[one]);
  Object.assign(all, missing.length > 0 ? valuesIn(panes, missing) : {});
  const names = required.filter((one) => !all[one]);
  if (names.length > 0) return { kind: 'lacks', names };
  if (command === null) return { kind: 'well' };
  if (!trusted) return { kind: 'untrusted' };
  const seconds = Math.min(project.file.timeoutSeconds ?? commandSeconds.usual, commandSeconds.most);
  const ran = await runGroup(command, { cwd: path, env: all, timeout: seconds * 1000 });
  if (ran.failedToStart !== null) return { kind: 'unknown', reason: ran.failedToStart };
  if (ran.timedOut) return { kind: 'late', seconds };
  if (ran.exitCode === 0) return { kind: 'well' };
  return { kind: 'failed', code: ran.exitCode, lastLine: lastLineOf(ran.tail) };
}

/** The values of these variables in the programs of panes; nothing else of an environment is kept: it holds secrets. */
function valuesIn(panes: WorkspaceSeen['panes'], names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pid of panes.flatMap((pane) => [pane.pid, ...(pane.foreground ? [pane.foreground.pid] : [])])) {
    for (const entry of environmentOf(pid)) {
      const equals = entry.indexOf('=');
      const name = entry.slice(0, equals);
      if (names.includes(name) && equals + 1 < entry.length) found[name] = entry.slice(equals + 1);
    }
  }
  return found;
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // it has ended, or is somebody else's, or there is no /proc
  }
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
