import { claudeFacts } from '../claude/facts.js';
import { drain } from '../claude/intake.js';
import type { Known } from '../claude/registry-log.js';
import type { Connection } from '../tmux/connection.js';
import type { Registry } from '../workspace/registry.js';
import type { ConversationProof, RestoreReport } from './restore.js';

/**
 * Follows the conversations of restored panes until each is proven: a hook of its own process told of it
 * (recovered), its process is gone (failed), or nothing was heard in time (unverified).
 *
 * @param options `since`: when the restore began; `limit`: milliseconds.
 * @returns the reports with what was found.
 */
export async function proveConversations(
  connection: Connection,
  registry: Registry,
  reports: readonly RestoreReport[],
  env: NodeJS.ProcessEnv,
  options: { readonly since: Date; readonly limit: number },
): Promise<RestoreReport[]> {
  const end = performance.now() + options.limit;
  const since = options.since.toISOString();
  let current = [...reports];
  const left = () =>
    current.some((report) => report.panes.some((pane) => pane.conversation?.state === 'verifying'));
  while (left()) {
    const isLate = performance.now() > end;
    const { registry: state, facts } = await drain(registry.folder, () => claudeFacts(connection, env));
    // What has a shell in the foreground, of the panes of these workspaces.
    const shells = new Set(
      facts.panes
        .filter((pane) => pane.dead || /^-?(ba|z|fi|da|k|mk)?sh$/.test(pane.command))
        .map((pane) => `${pane.workspace} ${pane.key}`),
    );
    current = current.map((report) => ({
      ...report,
      panes: report.panes.map((pane) => {
        if (pane.conversation?.state !== 'verifying') return pane;
        const known = state.conversations.get(pane.conversation.id);
        const isGone = shells.has(`${report.workspace} ${known?.paneKey ?? ''}`);
        return {
          ...pane,
          conversation: judged(pane.conversation, known, isGone, isLate, since, pane.line),
        };
      }),
    }));
    if (left() && !isLate) await new Promise((done) => setTimeout(done, 150));
  }
  return current;
}

function judged(
  proof: ConversationProof,
  known: Known | undefined,
  isGone: boolean,
  isLate: boolean,
  since: string,
  line: string | null,
): ConversationProof {
  const isBound = known?.process != null && known.pane !== null && known.at >= since;
  if (isBound && known.by === 'hook') return { ...proof, state: 'recovered', evidence: 'SessionStart hook' };
  if (isBound && isLate)
    return { ...proof, state: 'recovered', evidence: "Claude's own file of its process" };
  if (!isLate) return proof;
  if (isGone) return { ...proof, state: 'failed', evidence: `Claude does not run; try: ${line ?? ''}` };
  return { ...proof, state: 'unverified', evidence: 'no hook has told of it' };
}
