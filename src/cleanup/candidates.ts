import type { Survey, WorkspaceSeen } from '../survey/model.js';
import type { Processes } from '../system/processes.js';
import type { Candidate, Clock, TreeSeen } from './policy.js';
import { type EditorSeen, programsOfPane } from './programs.js';
import { filesOf } from './protect.js';

/** What is known beside a survey. */
export interface CandidateFacts {
  readonly processes: Processes | null;
  readonly isPinned: (workspace: string) => boolean;
  /** Patterns of command lines that a restore starts by itself. */
  readonly patterns: readonly string[];
  /** What the nvim of a pane says of its text, by the pane's id. */
  readonly editors: ReadonlyMap<string, EditorSeen>;
}

/** The open workspaces of a survey, as the policy wants to know them. Pure, but for the words of processes. */
export function candidatesOf(survey: Survey, facts: CandidateFacts): Candidate[] {
  return survey.workspaces.flatMap((workspace) =>
    workspace.session === null ? [] : [candidateOf(workspace, survey, facts)],
  );
}

export function clockOf({ at, tmux }: Survey): Clock {
  return { now: Date.parse(at), set: tmux.state === 'running' ? tmux.clockSet : null };
}

function candidateOf(workspace: WorkspaceSeen, survey: Survey, facts: CandidateFacts): Candidate {
  const { id, name, session, record, agents, panes } = workspace;
  const programs = panes.map((pane) => programsOfPane(pane, agents, facts));
  const work = treesOf(workspace);
  const damaged = survey.damaged.some((file) => file.includes(id));
  return {
    workspace: id,
    name,
    shared: survey.shares.some((share) => share.kept && share.workspace === id),
    lookers: session?.lookers ?? [],
    pinned: facts.isPinned(id),
    lastUsed: Math.max(
      ...[
        session?.usedAt,
        record?.lastAttachedAt,
        ...agents.map(({ lastEventAt, since }) => lastEventAt ?? since),
      ].map((at) => (at == null ? 0 : Date.parse(at))),
    ),
    agents: agents.map(({ pane, state, evidence }) => {
      const there = panes.find((one) => one.id === pane);
      // One that was chosen for a pane, and whose pane is at its prompt, does nothing there.
      const isAway = state === 'unknown' && there?.program.kind === 'shell';
      return { place: there?.place ?? pane, state: isAway ? 'exited' : state, evidence };
    }),
    programs: programs.flatMap((seen) => (typeof seen === 'string' ? [] : seen)),
    trees: work.trees,
    unknown: [
      ...(record ? [] : [damaged ? 'its record is damaged' : 'its record is lost']),
      ...(survey.agentsUnknown === null ? [] : [`its agents (${survey.agentsUnknown})`]),
      ...(survey.processesUnknown === null ? [] : [`its processes (${survey.processesUnknown})`]),
      ...work.unknown,
      ...programs.filter((seen) => typeof seen === 'string'),
    ],
  };
}

function treesOf({ git }: WorkspaceSeen): { trees: TreeSeen[]; unknown: string[] } {
  if (git.kind === 'none') return { trees: [], unknown: [] };
  if (git.kind === 'unread') return { trees: [], unknown: ['its working trees were not read'] };
  if (git.kind === 'unknown') return { trees: [], unknown: [git.reason] };
  const trees: TreeSeen[] = [];
  const unknown: string[] = [];
  for (const { gone, status, branch, name, path, unpushed, hasRemote, indexLockAt } of git.trees) {
    // Where no folder is, nothing can be forgotten.
    if (gone) continue;
    const label = branch ?? name;
    if (status.kind !== 'repository') {
      unknown.push(status.kind === 'none' ? `${label} is no repository any more` : status.reason);
      continue;
    }
    trees.push({
      path,
      label,
      uncommitted: filesOf(status),
      hasCommits: status.commit !== null,
      unpushed: status.commit === null ? 0 : unpushed,
      stashes: status.stashes,
      operation: status.operation ?? (indexLockAt === null ? null : 'git command'),
      hasRemote,
    });
  }
  return { trees, unknown };
}
