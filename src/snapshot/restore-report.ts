import { diff } from '../blueprint/diff.js';
import type { Blueprint, Window } from '../blueprint/model.js';
import type { Connection } from '../tmux/connection.js';
import type { ServerReading } from '../tmux/reading.js';
import { captureWorkspace } from './capture.js';
import type { Snapshot } from './model.js';
import type { Resume } from './resume.js';

/** What a restore says of itself. */

export interface PaneReport {
  /** Window and pane by tmux's own indexes, as everywhere: `1.0`. */
  readonly place: string;
  /** What runs, or would: a command line, as it was declared or typed; null for a shell. */
  readonly command: string | null;
  /** The very line that is started, which opens an editor's session or a conversation; null where none is. */
  readonly line: string | null;
  readonly state: 'restored' | 'starts' | 'typed' | 'not made again';
  /** What could not be made again, and why. */
  readonly notes: readonly string[];
  /** Set for a pane with a Claude Code conversation that was started again. */
  readonly conversation?: ConversationProof;
}

/** Whether a conversation came back, and how that is known. */
export interface ConversationProof {
  readonly id: string;
  /** The key of its pane. */
  readonly pane: string;
  /** What starts it, in the folder `cwd`, after `delay` seconds: a restore starts not all at once. */
  readonly line: string;
  readonly cwd: string;
  readonly delay: number;
  readonly state: 'verifying' | 'recovered' | 'unverified' | 'failed';
  readonly evidence: string;
}

export interface RestoreReport {
  readonly workspace: string;
  readonly name: string;
  readonly session: string;
  /** `$3`; null for a dry run. */
  readonly sessionId: string | null;
  /** The snapshot's number and time. */
  readonly sequence: number;
  readonly at: string;
  /** False: it was open already, and was left alone. */
  readonly created: boolean;
  readonly windows: number;
  readonly panes: readonly PaneReport[];
  /** What concerns no single pane. */
  readonly problems: readonly string[];
  /** The steps of a dry run. */
  readonly steps: readonly string[];
}

/** It is open already: in what it differs from the snapshot. */
export async function leftAlone(
  connection: Connection,
  snapshot: Snapshot,
  session: string,
  sessionId: string,
): Promise<RestoreReport> {
  const captured = await captureWorkspace(connection, snapshot.workspace);
  const differences = captured ? diff(snapshot.blueprint, captured.blueprint).length : 0;
  return {
    workspace: snapshot.workspace,
    name: snapshot.blueprint.name,
    session,
    sessionId,
    sequence: snapshot.sequence,
    at: snapshot.at,
    created: false,
    windows: snapshot.blueprint.windows.length,
    panes: [],
    problems:
      differences === 0
        ? []
        : [
            `It is open and differs from the snapshot in ${differences} ${differences === 1 ? 'point' : 'points'}: it was left as it is. Beside it: cw restore ${snapshot.blueprint.name} --as NAME`,
          ],
    steps: [],
  };
}

const states = { shell: 'restored', starts: 'starts', typed: 'typed', cannot: 'not made again' } as const;

/** From where tmux counts windows and panes. */
export type Bases = Pick<ServerReading, 'baseIndex' | 'paneBaseIndex'>;

/**
 * Window and pane as tmux has them, or will have them: `1.0`.
 *
 * @param bases null: no server runs, and it is not known what its configuration says. tmux itself counts from 0.
 */
export function placeOf(window: Pick<Window, 'index'>, paneAt: number, bases: Bases | null): string {
  return `${window.index + (bases?.baseIndex ?? 0)}.${paneAt + (bases?.paneBaseIndex ?? 0)}`;
}

/** What is said of each pane, in order, before anything is made. */
export function paneReports(
  blueprint: Blueprint,
  plans: ReadonlyMap<string, Resume>,
  bases: Bases | null,
): (PaneReport & { key: string })[] {
  return blueprint.windows.flatMap((window) =>
    window.panes.map((pane, paneAt) => {
      const resume = plans.get(pane.key);
      const state = resume ? states[resume.state] : 'restored';
      return {
        key: pane.key,
        place: placeOf(window, paneAt, bases),
        command: (resume?.run && pane.run) || (resume?.run ?? resume?.startCommand ?? resume?.typed ?? null),
        line: resume?.run ?? resume?.startCommand ?? null,
        state,
        notes: resume?.notes ?? [],
      };
    }),
  );
}

/** A pane's report with what went wrong with that pane. */
export function addProblems(
  { key, ...report }: PaneReport & { key: string },
  problems: readonly { readonly subject: string; readonly message: string }[],
): PaneReport {
  const own = problems.filter(({ subject }) => subject === `pane:${key}`).map(({ message }) => message);
  return { ...report, notes: [...report.notes, ...own] };
}

/** What went wrong with no single pane. */
export function general(
  problems: readonly { readonly subject: string; readonly message: string }[],
  others: readonly string[],
): string[] {
  return [
    ...others,
    ...problems.filter(({ subject }) => !subject.startsWith('pane:')).map(({ message }) => message),
  ];
}
