import { relative } from 'node:path';
import { type HealthFinding, worstFirst } from '../health/finding.js';
import { count, size } from '../health/words.js';
import type { SnapshotEntry } from '../snapshot/store.js';
import type { Survey, WorkspaceSeen } from '../survey/model.js';
import { tildePath } from '../system/paths.js';
import type { Context } from './command.js';
import { fitLine } from './drawing.js';
import { age, fold, type Style, styler, visible, width } from './output.js';
import { agentIn, branchOf, panesOf, programWords, treeText, windowsPicture } from './window-view.js';

/** What `cw status` shows of a workspace, for people and for programs. */

export interface SavedSeen {
  /** How many snapshots there are. */
  readonly count: number;
  /** The newest that a restore would take. */
  readonly newest: SnapshotEntry | null;
}

export interface About {
  readonly workspace: WorkspaceSeen;
  readonly survey: Pick<Survey, 'at' | 'agentsUnknown' | 'processesUnknown'>;
  readonly pinned: boolean;
  readonly saved: SavedSeen;
  /** What is not well. */
  readonly findings: readonly HealthFinding[];
}

export function statusPicture(about: About, { terminal, env }: Pick<Context, 'terminal' | 'env'>): string {
  const { workspace, survey, findings } = about;
  const style = styler(terminal.color);
  const columns = Math.min(terminal.columns, 110);
  const now = Date.parse(survey.at);
  const facts = [
    ...worktreesFact(workspace),
    ['saved', savedText(about, now)],
    ...(workspace.session ? [['uses', useText(workspace)]] : []),
    ...(survey.agentsUnknown === null ? [] : [['agents', `unknown: ${survey.agentsUnknown}`]]),
  ] as [string, string][];
  return [
    headLine(about, columns, style, env, now),
    ...windowsPicture(workspace, { width: columns, style, now, env }),
    ...facts.flatMap(([name, text]) => factLines(name, text, columns, style)),
    ...worstFirst(findings).map((finding) => findingLine(finding as HealthFinding, columns, style)),
    ...(workspace.session ? [] : [closedLine(workspace, about.saved)]),
  ].join('\n');
}

/** The name and where it is at the left, since when at the right. */
function headLine(
  { workspace, pinned }: About,
  columns: number,
  style: Style,
  env: NodeJS.ProcessEnv,
  now: number,
): string {
  const { session, record } = workspace;
  const state = session
    ? [
        `open ${age(session.createdAt, now)}`,
        session.attached > 0
          ? 'attached'
          : session.lastAttachedAt === null
            ? 'never attached'
            : `seen ${age(session.lastAttachedAt, now)} ago`,
      ]
    : [record?.closedAt ? `closed ${age(record.closedAt, now)} ago` : 'ended with its tmux server'];
  const right = [...state, ...(pinned ? ['pinned'] : [])].join(', ');
  const left = fitLine(
    [
      { text: workspace.name, style: (text) => style('bold', text) },
      ...(record?.template ? [{ text: `  ${record.template}` }] : []),
      { text: `  ${tildePath(workspace.path, env)}` },
    ],
    columns,
  );
  const gap = columns - left.cells - width(right);
  return gap >= 2 ? left.drawn + ' '.repeat(gap) + right : `${left.drawn}\n${right}`;
}

function worktreesFact({ git, path }: WorkspaceSeen): [string, string][] {
  if (git.kind === 'unknown') return [['git', `unknown: ${git.reason}`]];
  if (git.kind !== 'repository') return [];
  const [main, ...others] = git.trees;
  const told = (tree: NonNullable<typeof main>) =>
    `${tree.branch ?? 'detached'} ${tree.gone ? 'its folder is gone' : treeText(tree)}`;
  return [
    ...(main ? [['git', told(main)] as [string, string]] : []),
    ...(others.length === 0
      ? []
      : [
          ['worktrees', others.map((tree) => `${relative(path, tree.path)} ${told(tree)}`).join(' · ')] as [
            string,
            string,
          ],
        ]),
  ];
}

function savedText({ workspace, saved }: About, now: number): string {
  if (workspace.snapshotUnknown !== null) return `unknown: ${workspace.snapshotUnknown}`;
  if (!saved.newest) return 'never';
  const { rehearsal } = workspace;
  const { at, reason } = saved.newest;
  const parts = [
    `${age(at, now)} ago (${reason})`,
    count(saved.count, 'snapshot'),
    rehearsal
      ? `rehearsed ${age(rehearsal.at, now)} ago: ${rehearsal.equal} of ${rehearsal.fields} fields`
      : 'not rehearsed yet',
  ];
  return parts.join(', ');
}

function useText({ use }: WorkspaceSeen): string {
  return [
    use.memoryBytes === null ? 'memory unknown' : size(use.memoryBytes),
    use.cpuPercent === null ? 'CPU unknown' : `${use.cpuPercent.toFixed(use.cpuPercent < 10 ? 1 : 0)}% CPU`,
    use.count === 1 ? '1 process' : `${use.count} processes`,
  ].join(', ');
}

const nameRoom = 11;

function factLines(name: string, text: string, columns: number, style: Style): string[] {
  const lines = fold(visible(text), Math.max(20, columns - nameRoom));
  return lines.map((line, at) =>
    at === 0 ? style('dim', name.padEnd(nameRoom)) + line : ' '.repeat(nameRoom) + line,
  );
}

const marks = {
  error: ['✗', 'red'],
  unknown: ['?', 'yellow'],
  warning: ['!', 'yellow'],
  ok: ['✓', 'green'],
} as const;

function findingLine(
  { level, subject, message, workspace }: HealthFinding,
  columns: number,
  style: Style,
): string {
  const [mark, colour] = marks[level];
  const about = subject === workspace ? '' : `${subject}: `;
  const { drawn } = fitLine([{ text: `${about}${message}` }], columns - 2);
  return `${style(colour, mark)} ${drawn}`;
}

function closedLine({ name, record }: WorkspaceSeen, { newest }: SavedSeen): string {
  const open = record?.closedAt === null && newest ? `cw restore ${name}` : `claude-switch ${name}`;
  return newest && record?.closedAt !== null
    ? `Open it: ${open}        as it was saved: cw restore ${name}`
    : `Open it: ${open}`;
}

/** The document of `cw status --json`. Times are UTC, ISO 8601; sizes are bytes. */
export function statusData({ workspace, survey, pinned, saved, findings }: About) {
  const { id, name, path, record, session, git, use } = workspace;
  return {
    id,
    name,
    path,
    state: session ? 'open' : 'closed',
    template: record?.template ?? null,
    session: session?.name ?? record?.session ?? null,
    attached: (session?.attached ?? 0) > 0,
    createdAt: session?.createdAt ?? record?.createdAt ?? null,
    lastAttachedAt: session?.lastAttachedAt ?? record?.lastAttachedAt ?? null,
    closedAt: session ? null : (record?.closedAt ?? null),
    pinned,
    windows: (session?.windows ?? []).map((window) => ({
      ...window,
      panes: panesOf(workspace, window).map((pane) => {
        const agent = agentIn(workspace, pane);
        return {
          id: pane.id,
          place: pane.place,
          role: pane.role,
          title: pane.title,
          active: pane.active,
          path: pane.path,
          branch: branchOf(workspace, pane),
          dead: pane.dead,
          deadStatus: pane.deadStatus,
          program: { kind: pane.program.kind, words: programWords(pane) },
          background: pane.background,
          agent: agent && {
            conversation: agent.conversation,
            state: agent.state,
            detail: agent.detail,
            since: agent.since,
            evidence: agent.evidence,
          },
        };
      }),
    })),
    git:
      git.kind === 'repository'
        ? { kind: git.kind, trees: git.trees.map(({ worked, indexLockAt, ...tree }) => tree) }
        : git,
    saved: {
      at: saved.newest?.at ?? null,
      reason: saved.newest?.reason ?? null,
      snapshot: saved.newest?.id ?? null,
      snapshots: saved.count,
      rehearsal: workspace.rehearsal,
    },
    use,
    agentsUnknown: survey.agentsUnknown,
    findings,
  };
}
