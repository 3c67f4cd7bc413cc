import { defaultPatterns, mayRun, stayingPatterns } from '../snapshot/allow-list.js';
import { simpleCommands } from '../snapshot/command-line.js';
import type { PaneSeen, WorkspaceSeen } from '../survey/model.js';
import { shellWord, tildePath } from '../system/paths.js';
import type { Fault, WorkspaceCheck } from './check.js';
import { type RestartSeen, restartName } from './restarts.js';
import { count, shellPath, since, span, tmuxWords, words } from './words.js';

/** The checks of windows, panes and what runs in them. */
export const paneChecks: readonly WorkspaceCheck[] = [
  {
    id: 'workspace.windows',
    well: 'windows and panes are as its template says',
    sees: ({ folder }) => folder !== 'gone',
    look(workspace) {
      const { declared, panes, name, path, project, folder } = workspace;
      // Where its folder is gone that is said of the project, and explains this.
      if (declared.kind === 'none' || folder === 'gone') return [];
      if (declared.kind === 'unknown') {
        const message = `what it should hold is not known: ${declared.reason}`;
        const isTrusted = project === null || project.trust === 'trusted';
        const fix = isTrusted ? null : `See it, and allow it: cw trust ${shellPath(path)}`;
        return [{ level: 'unknown', message, fix }];
      }
      const keys = new Set(panes.map((pane) => pane.key));
      const fix = `Open it anew (it is saved first): cw kill ${shellWord(name)} && cw up ${shellPath(path)}`;
      return declared.windows.flatMap((window): Fault[] => {
        const missing = window.panes.filter((pane) => !keys.has(pane.key));
        if (missing.length === 0) return [];
        const subject = `window ${window.name}`;
        if (missing.length === window.panes.length)
          return [{ level: 'warning', subject, message: 'of the template is not there', fix }];
        const names = missing.map((pane) => pane.role ?? pane.run ?? 'a shell').join(', ');
        const message = `${count(missing.length, 'pane')} of the template ${missing.length === 1 ? 'is' : 'are'} not there: ${names}`;
        return [{ level: 'warning', subject, message, fix }];
      });
    },
  },
  {
    id: 'panes.dead',
    well: 'no pane is dead',
    look: ({ panes }, { survey }) =>
      panes
        .filter((pane) => pane.dead)
        .map((pane) => ({
          level: pane.deadStatus === 0 ? 'warning' : 'error',
          subject: paneName(pane),
          message: `is dead${pane.deadStatus === null ? '' : ` (exit code ${pane.deadStatus})`}${(pane.run ?? pane.startCommand) ? `: ${pane.run ?? pane.startCommand}` : ''}`,
          fix: deadCure(pane, tmuxWords(survey)),
        })),
  },
  {
    id: 'panes.folder',
    well: 'every pane is in a folder that is there',
    look: ({ panes, path }) =>
      panes
        .filter((pane) => !pane.dead && pane.folder !== 'there' && pane.path !== '')
        .map((pane) =>
          pane.folder === 'gone'
            ? {
                level: 'warning',
                subject: paneName(pane),
                message: `its folder is gone: ${tildePath(pane.path.replace(/ \(deleted\)$/, ''))}`,
                fix: `In that pane: cd ${shellPath(path)}`,
              }
            : {
                level: 'unknown',
                subject: paneName(pane),
                message: `its folder does not answer: ${tildePath(pane.path)}`,
                fix: null,
              },
        ),
  },
  {
    id: 'programs.running',
    well: "the template's programs that stay are running",
    look: (workspace, facts) => {
      // What was opened just now is still starting.
      const isNew = since(workspace.session?.createdAt, facts.survey.at) < settled;
      return workspace.panes.flatMap((pane) => {
        const known = pane.key === null ? undefined : facts.restarts.get(restartName(workspace.id, pane.key));
        if (!stays(pane) || (isNew && known === undefined)) return [];
        return notRunning(workspace, pane, known);
      });
    },
  },
  {
    id: 'programs.long',
    well: 'no command runs for too long',
    look({ panes, agents }, { limits }) {
      const limit = limits.longRunningHours * 3_600_000;
      if (limit === 0) return [];
      const withAgent = new Set(agents.map((agent) => agent.pane));
      return panes.flatMap((pane): Fault[] => {
        const { foreground, program } = pane;
        if (program.kind !== 'group' || !foreground || withAgent.has(pane.id)) return [];
        const passed = (foreground.ageSeconds ?? 0) * 1000;
        if (passed <= limit || mayRun(foreground.argv, defaultPatterns)) return [];
        return [
          {
            level: 'warning',
            subject: paneName(pane),
            message: `${words(foreground.argv, 'a command')} runs since ${span(passed)}`,
            fix: `Look at it, or end it: kill ${foreground.pid}   (the limit: cw config set health.long_running_hours N)`,
          },
        ];
      });
    },
  },
];

/** Milliseconds after the opening of a workspace in which its programs may be on their way. */
const settled = 10_000;

/** For people: `pane 2.1`, as tmux counts it. */
export function paneName(pane: Pick<PaneSeen, 'place'>): string {
  return `pane ${pane.place}`;
}

/** A pane's shell that is started again does not know what its first one was to run. */
function deadCure({ id, run }: PaneSeen, tmux: string): string {
  const typed = run === null ? '' : `, and in it: ${run}`;
  return `Start it again: ${tmux} respawn-pane -t ${id}${typed}   or close it: ${tmux} kill-pane -t ${id}`;
}

/** What is declared in a pane is to run all the time: the template says so, or it is a server or a watcher. */
export function stays({ run, restart }: Pick<PaneSeen, 'run' | 'restart'>): boolean {
  if (run === null) return false;
  if (restart !== 'never') return true;
  const [command, other] = simpleCommands(run);
  if (!command || other || command.some((word) => word.expands !== 'itself')) return false;
  return mayRun(
    command.map((word) => word.text),
    stayingPatterns,
  );
}

function notRunning(workspace: WorkspaceSeen, pane: PaneSeen, known: RestartSeen | undefined): Fault[] {
  const { program, run, ending } = pane;
  const how = ending === null || ending === 'open' ? '' : ` (exit code ${ending.status})`;
  const subject = paneName(pane);
  const by = `claude-switch ${shellWord(workspace.name)}, and in ${subject}: ${run}`;
  switch (program.kind) {
    case 'declared':
    case 'dead': // told by another check
      return [];
    case 'unknown':
      return [
        {
          level: 'unknown',
          subject,
          message: `whether ${run} runs is not known: ${program.reason}`,
          fix: null,
        },
      ];
    case 'group': {
      const other = words(pane.foreground?.argv ?? [], 'something else');
      return [{ level: 'warning', subject, message: `${run} does not run; ${other} does`, fix: by }];
    }
    case 'shell': {
      if (known?.state === 'gave-up') {
        const message = `${run} ended ${known.times + 1} times in a row: it is not started again`;
        return [{ level: 'error', subject, message, fix: `See why it ends. Then: ${by}` }];
      }
      // It was to be started again after a failure alone.
      if (pane.restart === 'on-failure' && ending !== null && ending !== 'open' && ending.status === 0)
        return [];
      const again = known ? '; the daemon starts it again' : '';
      return [{ level: 'warning', subject, message: `${run} does not run${how}${again}`, fix: by }];
    }
  }
}
