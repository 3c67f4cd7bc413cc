import { durationText } from '../system/duration.js';

/** What is known of one open workspace when it is decided whether it may be closed. Times are milliseconds since 1970. */
export interface Candidate {
  readonly workspace: string;
  readonly name: string;
  /** Others look at it, or may use it, by `cw share`. */
  readonly shared: boolean;
  /** Who looks at it: `attached`, `attached through work`; empty: nobody does. */
  readonly lookers: readonly string[];
  readonly pinned: boolean;
  /**
   * When it was last attached, typed into, or heard of by an agent's event; of one that never was, when it was opened.
   * What programs print does not count.
   */
  readonly lastUsed: number;
  readonly agents: readonly AgentSeen[];
  readonly programs: readonly ProgramSeen[];
  readonly trees: readonly TreeSeen[];
  /** What could not be read of it, in words: `git did not answer in 5 s`. */
  readonly unknown: readonly string[];
}

export interface AgentSeen {
  /** Window and pane by tmux's own indexes: `1.0`. */
  readonly place: string;
  readonly state: 'working' | 'waiting' | 'idle' | 'exited' | 'unknown';
  readonly evidence: string;
}

/** Something that runs in a pane, other than a shell at its prompt. */
export interface ProgramSeen {
  readonly place: string;
  /** How it is said to people: its words, cut. */
  readonly text: string;
  /** Names that it goes by: its own, its interpreter's, those of what it started. */
  readonly names: readonly string[];
  /**
   * What a restore does with it. `again`: it starts by itself. `lost`: it would not be as it was; `why` stands behind
   * the program's words: `is stopped`.
   */
  readonly after: { readonly kind: 'again' } | { readonly kind: 'lost'; readonly why: string };
}

/** A working tree of the project. */
export interface TreeSeen {
  readonly path: string;
  /** Its branch, or its folder's name where it has none. */
  readonly label: string;
  /** Files that are in no commit: changed, new, in conflict. */
  readonly uncommitted: number;
  readonly hasCommits: boolean;
  /** Commits that are on no remote; null: not known. */
  readonly unpushed: number | null;
  /** Of the whole repository. */
  readonly stashes: number;
  /** What was begun and not ended: `rebase`. */
  readonly operation: string | null;
  /** The repository has no remote at all: then nothing of it is pushed. */
  readonly hasRemote: boolean;
}

export interface CleanupRules {
  /** Milliseconds. */
  readonly olderThan: number;
  /** Names of programs that keep their workspace. */
  readonly keepPrograms: readonly string[];
}

/** The clocks at the moment of the reading. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: number;
  /**
   * Milliseconds by which the clock was set forward since the tmux server started (negative: back), by what the kernel
   * counted meanwhile; null where that is not known.
   */
  readonly set: number | null;
}

/** What protects a workspace; `old` is what makes it removable. */
export type Ground =
  | 'old'
  | 'shared'
  | 'attached'
  | 'pinned'
  | 'agent'
  | 'recent'
  | 'clock'
  | 'unknown'
  | 'program'
  | 'uncommitted'
  | 'unpushed'
  | 'stashed'
  | 'operation';

export interface Verdict {
  readonly workspace: string;
  readonly name: string;
  readonly action: 'remove' | 'keep';
  readonly ground: Ground;
  /** For people, without a stop: `agents working`. */
  readonly reason: string;
}

/** Programs that hold what no snapshot does: text, connections, transfers, changes of the world that are under way. */
export const shippedKeepPrograms: readonly string[] = (
  'vi vim view vimdiff ex nano pico micro hx helix kak joe emacs emacsclient ' +
  'ssh mosh-client sftp scp rsync rclone wget curl ' +
  'psql mysql mongosh sqlite3 redis-cli gdb lldb ' +
  'terraform tofu ansible-playbook kubectl helm docker podman ' +
  'apt apt-get dnf pacman brew dd tmux screen'
).split(' ');

/** A clock that differs by less was not set, but counted in whole seconds. Milliseconds. */
const exactness = 120_000;

/** The verdict on each workspace, in their order. Pure: it knows no clock, no tmux and no git. */
export function decideAll(candidates: readonly Candidate[], rules: CleanupRules, clock: Clock): Verdict[] {
  const ids = new Map<string, number>();
  for (const { workspace } of candidates) ids.set(workspace, (ids.get(workspace) ?? 0) + 1);
  return candidates.map((candidate) =>
    decide(
      // Which of two sessions with one id is the workspace nobody can tell.
      (ids.get(candidate.workspace) ?? 0) > 1
        ? { ...candidate, unknown: ['another session carries its id as well', ...candidate.unknown] }
        : candidate,
      rules,
      clock,
    ),
  );
}

/** The verdict on one workspace: the first protection that holds, those that a user sees at once before the others. */
export function decide(candidate: Candidate, rules: CleanupRules, clock: Clock): Verdict {
  const { workspace, name } = candidate;
  for (const protect of protections) {
    const found = protect(candidate, rules, clock);
    if (found) return { workspace, name, action: 'keep', ...found };
  }
  const pushed = candidate.trees.length > 0 ? ', clean, pushed' : '';
  const reason = `not seen for ${durationText(ageOf(candidate, clock))}${pushed}`;
  return { workspace, name, action: 'remove', ground: 'old', reason };
}

type Protection = (
  candidate: Candidate,
  rules: CleanupRules,
  clock: Clock,
) => { readonly ground: Ground; readonly reason: string } | null;

const protections: readonly Protection[] = [
  // Before the lookers: the client that draws for its viewers is one, and that says less.
  ({ shared }) => (shared ? { ground: 'shared', reason: 'shared' } : null),
  ({ lookers: [looker] }) => (looker === undefined ? null : { ground: 'attached', reason: looker }),
  ({ pinned }) => (pinned ? { ground: 'pinned', reason: 'pinned' } : null),
  ({ agents }) => {
    for (const state of ['working', 'waiting'] as const) {
      const busy = agents.filter((agent) => agent.state === state);
      if (busy.length > 0)
        return {
          ground: 'agent',
          reason: `${busy.length === 1 ? 'an agent' : `${busy.length} agents`} ${state}`,
        };
    }
    return null;
  },
  (candidate, _rules, clock) => {
    if (Number.isNaN(candidate.lastUsed))
      return { ground: 'unknown', reason: 'state unknown: when it was last used' };
    const ahead = candidate.lastUsed - clock.now;
    return ahead > exactness
      ? { ground: 'clock', reason: `last used ${durationText(ahead)} from now: the clock was set back` }
      : null;
  },
  (candidate, { olderThan }, clock) => {
    const byClock = clock.now - candidate.lastUsed;
    const age = ageOf(candidate, clock);
    if (age >= olderThan) return null;
    if (byClock < olderThan) return { ground: 'recent', reason: `seen ${durationText(age)} ago` };
    return {
      ground: 'clock',
      reason: `the clock was set forward by ${durationText(clock.set ?? 0)}: seen ${durationText(age)} ago, or so`,
    };
  },
  ({ programs }, { keepPrograms }) => {
    const kept = new Set(keepPrograms);
    for (const { place, text, names } of programs) {
      const listed = names.find((name) => kept.has(name));
      if (listed === undefined) continue;
      const what = text.includes(listed) ? text : `${text} (${listed})`;
      return { ground: 'program', reason: `${what} runs (${place})` };
    }
    return null;
  },
  ({ agents, unknown }) => {
    const agent = agents.find(({ state }) => state === 'unknown');
    const why = unknown[0] ?? (agent && `the agent in ${agent.place} (${agent.evidence})`);
    return why === undefined ? null : { ground: 'unknown', reason: `state unknown: ${why}` };
  },
  ({ programs }) => {
    for (const { place, text, after } of programs)
      if (after.kind === 'lost') return { ground: 'program', reason: `${text} ${after.why} (${place})` };
    return null;
  },
  ({ trees }) => {
    const tree = trees.find(({ operation }) => operation !== null);
    return tree ? { ground: 'operation', reason: `a ${tree.operation} is under way (${tree.label})` } : null;
  },
  ({ trees }) => {
    const tree = trees.find(({ uncommitted }) => uncommitted > 0);
    return tree
      ? { ground: 'uncommitted', reason: `${count(tree.uncommitted, 'file')} not committed (${tree.label})` }
      : null;
  },
  ({ trees }) => {
    const tree = trees.find(({ unpushed }) => unpushed !== 0);
    if (!tree) return null;
    if (tree.unpushed === null)
      return { ground: 'unknown', reason: `state unknown: whether ${tree.label} is pushed` };
    const where = tree.hasRemote ? tree.label : `${tree.label}; there is no remote`;
    return { ground: 'unpushed', reason: `${count(tree.unpushed, 'commit')} not pushed (${where})` };
  },
  ({ trees }) => {
    const stashes = Math.max(0, ...trees.map((tree) => tree.stashes));
    return stashes > 0
      ? { ground: 'stashed', reason: `${stashes} ${stashes === 1 ? 'stash' : 'stashes'}` }
      : null;
  },
];

/** Milliseconds since it was used: the smaller one, where the clock says one thing and the kernel another. */
function ageOf({ lastUsed }: Candidate, { now, set }: Clock): number {
  const byClock = now - lastUsed;
  return set !== null && set > exactness ? Math.min(byClock, byClock - set) : byClock;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
