import type { AgentSeen, PaneSeen, WorkspaceSeen } from '../survey/model.js';
import { shellWord } from '../system/paths.js';
import type { Fault, WorkspaceCheck } from './check.js';
import { paneName } from './check-panes.js';
import { count, since, span } from './words.js';

/** The checks of the Claude Code processes in panes, and of their conversations. */
export const agentChecks: readonly WorkspaceCheck[] = [
  {
    id: 'agents.failed',
    well: 'no agent has failed',
    look: (workspace, { survey }) => [
      ...unread(survey.agentsUnknown),
      ...workspace.agents.flatMap((agent): Fault[] => {
        const subject = agentName(agent, workspace);
        if (agent.state === 'idle' && agent.detail !== null && failures.has(agent.detail)) {
          const message = `its turn failed ${ago(agent, survey.at)}: ${agent.detail}`;
          return [
            { level: 'error', subject, message, fix: `Go to it: claude-switch ${shellWord(workspace.name)}` },
          ];
        }
        // A hook tells of an end that the user wanted. This one was seen from outside.
        if (agent.state === 'exited' && agent.evidence === 'process tree') {
          const fix = `Go on with it: cw conversation resume ${agent.conversation.slice(0, 8)}`;
          return [
            { level: 'warning', subject, message: `ended without a word ${ago(agent, survey.at)}`, fix },
          ];
        }
        return [];
      }),
    ],
  },
  {
    id: 'agents.waiting',
    well: 'no agent waits for long',
    look: (workspace, { survey, limits }) =>
      workspace.agents.flatMap((agent): Fault[] => {
        const waits = since(agent.since, survey.at);
        if (agent.state !== 'waiting' || waits <= limits.waitingMinutes * 60_000) return [];
        const message = `waits for you since ${span(waits)}${agent.detail === null ? '' : ` (${agent.detail})`}`;
        const subject = agentName(agent, workspace);
        return [{ level: 'warning', subject, message, fix: 'Answer it: claude-switch --next' }];
      }),
  },
  {
    id: 'agents.stuck',
    well: 'every agent gives signs of life',
    look: (workspace) =>
      workspace.agents.flatMap((agent): Fault[] => {
        if (agent.state !== 'unknown' || !agent.evidence.startsWith('no sign of life')) return [];
        const message = `was working, and gives ${agent.evidence}`;
        const fix = `Look at it: claude-switch ${shellWord(workspace.name)}`;
        return [{ level: 'warning', subject: agentName(agent, workspace), message, fix }];
      }),
  },
  {
    id: 'agents.hooks',
    well: 'hooks tell what agents do',
    look: (workspace) =>
      workspace.panes.flatMap((pane): Fault[] => {
        if (!startsClaude(pane) || pane.program.kind !== 'declared') return [];
        const agent = workspace.agents.find((one) => one.pane === pane.id);
        const lives = agent?.processSeconds ?? pane.foreground?.ageSeconds ?? 0;
        if (agent?.heard || lives < firstHook) return [];
        return [
          {
            level: 'warning',
            subject: paneName(pane),
            message: `no hook of this Claude was ever heard: what it does is only guessed`,
            fix: 'Are hooks switched off (disableAllHooks)? Start it again in that pane, or see: cw doctor',
          },
        ];
      }),
  },
  {
    id: 'claude.expiring',
    well: 'no transcript is about to be lost',
    look({ expiring, name }, { survey }) {
      const lost = expiring.filter((one) => !one.copied);
      const first = lost.map((one) => one.deletedAt).sort()[0];
      if (first === undefined) return [];
      const left = Math.max(0, Date.parse(first) - Date.parse(survey.at));
      const when = left === 0 ? 'at its next start' : `in ${span(left)}`;
      return [
        {
          level: 'warning',
          subject: 'transcripts',
          message: `Claude Code deletes ${count(lost.length, 'transcript')} that nothing has a copy of, the first ${when}`,
          fix: `Copy them: cw save ${shellWord(name)}   (or raise cleanupPeriodDays in ~/.claude/settings.json)`,
        },
      ];
    },
  },
  {
    id: 'claude.forks',
    well: 'there are not many unused forks',
    look: ({ unusedForks }, { limits }) =>
      unusedForks <= limits.unusedForks
        ? []
        : [
            {
              level: 'warning',
              subject: 'forks',
              message: `${unusedForks} conversations were forked and never used`,
              fix: 'Put them away: cw conversation prune',
            },
          ],
  },
];

const failures = new Set(['error', 'usage limit', 'auth']);

/** Seconds: the first hook fires when the program has started. */
const firstHook = 120;

function unread(reason: string | null): Fault[] {
  if (reason === null) return [];
  return [
    { level: 'unknown', subject: 'agents', message: `what they do could not be read: ${reason}`, fix: null },
  ];
}

function agentName(agent: AgentSeen, { panes }: WorkspaceSeen): string {
  const pane = panes.find((one) => one.id === agent.pane);
  return `claude ${pane?.place ?? agent.pane}`;
}

function ago(agent: AgentSeen, now: string): string {
  return `${span(since(agent.since, now))} ago`;
}

function startsClaude({ run }: Pick<PaneSeen, 'run'>): boolean {
  return run !== null && /^(?:\S*\/)?claude(?:\s|$)/.test(run);
}
