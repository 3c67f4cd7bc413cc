import type { HealthFacts, WorkspaceCheck } from './check.js';
import { agentChecks } from './check-agents.js';
import { gitChecks } from './check-git.js';
import { paneChecks } from './check-panes.js';
import { projectChecks } from './check-project.js';
import { savedChecks } from './check-saved.js';
import { sharedChecks } from './check-shared.js';
import { useChecks } from './check-use.js';
import type { HealthFinding } from './finding.js';

/** All checks of a workspace, in the order in which equals are told. */
export const workspaceChecks: readonly WorkspaceCheck[] = [
  ...projectChecks,
  ...paneChecks,
  ...agentChecks,
  ...savedChecks,
  ...gitChecks,
  ...useChecks,
];

/**
 * What is to say of a survey: each check's faults, or that all is well with it. A pure function. Workspaces that are
 * closed are not judged.
 */
export function judgeHealth(facts: HealthFacts): HealthFinding[] {
  const open = facts.survey.workspaces.filter(({ session }) => session !== null);
  return [
    ...sharedChecks.flatMap((check): HealthFinding[] => {
      const faults = check.look(facts);
      const about = { id: check.id, workspace: null };
      if (faults.length === 0)
        return [{ ...about, level: 'ok', subject: check.subject, message: check.well(facts), fix: null }];
      return faults.map((fault) => ({ ...about, subject: check.subject, ...fault }));
    }),
    ...open.flatMap((workspace) =>
      workspaceChecks.flatMap((check): HealthFinding[] => {
        const faults = check.look(workspace, facts);
        const about = { id: check.id, workspace: workspace.name };
        if (faults.length === 0 && check.sees?.(workspace) === false) return [];
        if (faults.length === 0)
          return [{ ...about, level: 'ok', subject: workspace.name, message: check.well, fix: null }];
        return faults.map((fault) => ({ ...about, subject: workspace.name, ...fault }));
      }),
    ),
  ];
}
