import { quoteWord } from '../blueprint/fill.js';
import { withDialogs } from '../claude/dialogs.js';
import { claudeFacts } from '../claude/facts.js';
import { drain } from '../claude/intake.js';
import type { ProcessId } from '../claude/model.js';
import { agentRows } from '../claude/overview.js';
import { type Known, sameProcess } from '../claude/registry-log.js';
import { asks } from '../claude/send.js';
import type { Connection } from '../tmux/connection.js';
import { type Ending, readEnding } from '../workspace/ending.js';
import type { Registry } from '../workspace/registry.js';
import type { ConversationProof, RestoreReport } from './restore-report.js';

/**
 * Follows the conversations of restored panes until each is proven: a hook of its own process told of it (recovered),
 * it ended or is gone (failed), it asks the user something before it begins, or nothing was heard in time (unverified).
 *
 * @param options `since`: when the restore began; `limit`: milliseconds, for each from its own start on.
 * @returns the reports with what was found.
 */
export async function proveConversations(
  connection: Connection,
  registry: Registry,
  reports: readonly RestoreReport[],
  env: NodeJS.ProcessEnv,
  options: { readonly since: Date; readonly limit: number },
): Promise<RestoreReport[]> {
  const begun = performance.now();
  const since = options.since.toISOString();
  let current = [...reports];
  let lookedAt = begun;
  for (;;) {
    const passed = performance.now() - begun;
    const drained = await drain(registry.folder, () => claudeFacts(connection, env));
    const { registry: state, facts, agents } = drained;
    const isTime = performance.now() - lookedAt > screens;
    if (isTime) lookedAt = performance.now();
    const rows = isTime ? await withDialogs(connection, facts, agentRows(facts, drained)) : [];
    const waiting = new Map(
      rows
        .filter(({ state }) => state === 'waiting')
        .map(({ conversation, detail }) => [conversation, detail]),
    );
    // What has a shell in the foreground, of the panes of these workspaces.
    const shells = new Set(
      facts.panes
        .filter((pane) => pane.dead || /^-?(ba|z|fi|da|k|mk)?sh$/.test(pane.command))
        .map((pane) => `${pane.workspace} ${pane.key}`),
    );
    current = current.map((report) => ({
      ...report,
      panes: report.panes.map((pane) => {
        const proof = pane.conversation;
        if (proof?.state !== 'verifying') return pane;
        const seen: Seen = {
          known: state.conversations.get(proof.id),
          told: agents.get(proof.id)?.process ?? null,
          ending: readEnding(registry.endingPath(report.workspace, proof.pane)),
          asks: waiting.has(proof.id) ? asks(waiting.get(proof.id) ?? null) : null,
          isGone: shells.has(`${report.workspace} ${proof.pane}`),
          isLate: passed > options.limit + proof.delay * 1000,
        };
        return { ...pane, conversation: judged(proof, seen, since) };
      }),
    }));
    const isLeft = current.some(({ panes }) =>
      panes.some((pane) => pane.conversation?.state === 'verifying'),
    );
    if (!isLeft) return current;
    await new Promise((done) => setTimeout(done, 150));
  }
}

/** Milliseconds between two looks at the screens of those that have told nothing. */
const screens = 1000;

interface Seen {
  readonly known: Known | undefined;
  /** The process of which a hook told last: also where its file was found before the hook was heard. */
  readonly told: ProcessId | null;
  /** How its command ended. */
  readonly ending: Ending | 'open' | null;
  /** What it wants of the user before it begins; null: nothing that is seen. */
  readonly asks: string | null;
  /** A shell is in the foreground of its pane. */
  readonly isGone: boolean;
  readonly isLate: boolean;
}

function judged(
  proof: ConversationProof,
  { known, told, ending, asks: wish, isGone, isLate }: Seen,
  since: string,
): ConversationProof {
  if (ending !== null && ending !== 'open') {
    const { status, seconds } = ending;
    const why =
      status === 127 ? 'Claude was not found' : `Claude ended with status ${status} after ${seconds} s`;
    return { ...proof, state: 'failed', evidence: `${why}; try: ${toTry(proof)}` };
  }
  const isBound = known?.process != null && known.pane !== null && known.at >= since;
  if (isBound && (known.by === 'hook' || sameProcess(known.process, told)))
    return { ...proof, state: 'recovered', evidence: 'SessionStart hook' };
  if (isBound && isLate)
    return { ...proof, state: 'recovered', evidence: "Claude's own file of its process" };
  if (!isBound && wish !== null)
    return { ...proof, state: 'unverified', evidence: `${wish}; answer it: claude-switch --next` };
  if (!isLate) return proof;
  if (isGone) return { ...proof, state: 'failed', evidence: `Claude does not run; try: ${toTry(proof)}` };
  return { ...proof, state: 'unverified', evidence: 'no hook has told of it' };
}

function toTry({ cwd, line }: ConversationProof): string {
  return `cd ${quoteWord(cwd)} && ${line}`;
}
