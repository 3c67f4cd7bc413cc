import { many } from '../git/many.js';
import { endDeadShares } from '../share/unshare.js';
import type { Survey, WorkspaceSeen } from '../survey/model.js';
import { type SurveyOptions, type Taken, takeSurvey } from '../survey/survey.js';
import { serverFolder } from '../system/server-folder.js';
import type { CommandResult } from './command.js';
import { runHealthCommand } from './command.js';
import type { HealthFinding } from './finding.js';
import { judgeHealth } from './judge.js';
import type { RestartSeen } from './restarts.js';

export interface LookOptions extends SurveyOptions {
  readonly restarts: ReadonlyMap<string, RestartSeen>;
  /** What the projects' own commands said before, where they need not be asked again; null: ask. */
  readonly said?: (workspace: WorkspaceSeen) => CommandResult | null;
}

export interface Looked extends Taken {
  readonly findings: readonly HealthFinding[];
  readonly commands: ReadonlyMap<string, CommandResult>;
}

/**
 * Takes a survey, asks the projects' own commands (two at once), and judges. What a share has left whose process died is
 * taken away first: an access that nobody keeps any more is not to be found, but ended.
 */
export async function lookAtHealth(options: LookOptions): Promise<Looked> {
  const { connection, env } = options;
  // What could not be taken back is found by its check.
  await endDeadShares(connection, serverFolder(connection.address.socketPath, env), env).catch(() => {});
  const taken = await takeSurvey(options);
  const commands = await askProjects(taken.survey, options);
  const { restarts, settings } = options;
  const findings = judgeHealth({ survey: taken.survey, limits: settings.health, commands, restarts });
  return { ...taken, findings, commands };
}

async function askProjects(
  { workspaces }: Survey,
  { env, said }: LookOptions,
): Promise<Map<string, CommandResult>> {
  const results = await many(
    workspaces.filter(({ session }) => session !== null),
    async (workspace) =>
      [workspace.id, said?.(workspace) ?? (await runHealthCommand(workspace, env))] as const,
    2,
  );
  return new Map(results.filter((entry): entry is readonly [string, CommandResult] => entry[1] !== null));
}
