import type { CommandResult } from '../health/command.js';
import { lookAtHealth } from '../health/look.js';
import { type HealthNotice, newNotices } from '../health/notices.js';
import type { RestartSeen } from '../health/restarts.js';
import type { HealthState } from '../health/state.js';
import type { Notice } from '../integration/notify.js';
import type { Saving, Survey } from '../survey/model.js';
import type { Processes } from '../system/processes.js';
import type { Settings } from '../system/settings.js';
import type { Connection } from '../tmux/connection.js';
import type { Log } from './log.js';
import type { Notifier } from './notifier.js';

export interface HealthOptions {
  readonly connection: Connection;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: () => Settings;
  readonly log: Log;
  readonly state: HealthState;
  readonly notifier: Pick<Notifier, 'tell'>;
  /** Told what a look has read. */
  readonly seen: (survey: Survey) => void;
}

/** Looks at health, keeps what it saw, and tells what became worse and what is well again. */
export class HealthWatch {
  private processes: Processes | null = null;
  /** What the projects' own commands said, and when they were asked. */
  private readonly asked = new Map<string, { readonly at: string; readonly result: CommandResult }>();

  constructor(private readonly options: HealthOptions) {}

  async look(saving: Omit<Saving, 'daemon'>, restarts: ReadonlyMap<string, RestartSeen>): Promise<void> {
    const { connection, env, settings, state, notifier, log } = this.options;
    const { findings, processes, survey, commands } = await lookAtHealth({
      connection,
      env,
      settings: settings(),
      // Its hooks are taken as they come.
      intake: 'peek',
      before: this.processes,
      saving: { daemon: 'running', ...saving },
      restarts,
      // A project in which nothing happened since is not built and tested again each ten minutes.
      said: ({ id, session }) => {
        const last = this.asked.get(id);
        return last && session && session.activeAt < last.at ? last.result : null;
      },
    });
    this.processes = processes;
    this.options.seen(survey);
    const before = new Map(this.asked);
    this.asked.clear();
    for (const [id, result] of commands) {
      const last = before.get(id);
      this.asked.set(id, last?.result === result ? last : { at: survey.at, result });
    }
    const { told, notices } = newNotices(state.latest()?.told ?? {}, findings, survey.at);
    state.record(survey.at, findings, told);
    for (const { level, title, text } of notices) log.info(`health (${level}): ${title}: ${text}`);
    const well = notices.filter((notice) => notice.level === 'well').map(({ key }) => key);
    notifier.tell(notices.map(noticeOf), well);
  }
}

function noticeOf({ key, level, title, text, workspace }: HealthNotice): Notice {
  return {
    key,
    kind: 'health',
    level: level === 'well' ? 'info' : level,
    title: `${title}: ${text}`,
    text: level === 'well' ? '' : `See: cw health${workspace === null ? '' : ` ${workspace}`}`,
    workspace,
    pane: null,
  };
}
