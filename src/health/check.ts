import type { Survey, WorkspaceSeen } from '../survey/model.js';
import type { HealthLimits } from '../system/settings.js';
import type { CommandResult } from './command.js';
import type { Finding } from './finding.js';
import type { RestartSeen } from './restarts.js';

/** All that checks decide by. Nothing of it is asked for by a check itself: each is a pure function. */
export interface HealthFacts {
  readonly survey: Survey;
  readonly limits: HealthLimits;
  /** What the projects' own commands said, by the workspace's id; left out where none was run. */
  readonly commands: ReadonlyMap<string, CommandResult>;
  /** Programs that the daemon starts again, by `restartName`; none where no daemon tells. */
  readonly restarts: ReadonlyMap<string, RestartSeen>;
}

/** What a check found wrong, or could not find out. */
export interface Fault {
  /** `error` when it does not say: what is lost or broken; `warning`: what wants a look. */
  readonly level: Exclude<Finding['level'], 'ok'>;
  /** What exactly; the workspace itself where it does not say. */
  readonly subject?: string;
  readonly message: string;
  readonly fix: string | null;
}

/** A check of each workspace that is open. */
export interface WorkspaceCheck {
  readonly id: string;
  /** What is said where nothing is wrong. */
  readonly well: string;
  /**
   * Whether it could look at all; it could when not given. Where it could not and finds nothing, nothing is said: not
   * that all is well, and what could not be read is said once, by the check of that.
   */
  readonly sees?: (workspace: WorkspaceSeen) => boolean;
  look(workspace: WorkspaceSeen, facts: HealthFacts): readonly Fault[];
}

/** A check of what workspaces share. */
export interface SharedCheck {
  readonly id: string;
  readonly subject: string;
  /** What is said where nothing is wrong. */
  well(facts: HealthFacts): string;
  look(facts: HealthFacts): readonly Fault[];
}
