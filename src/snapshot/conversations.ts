import { readLaunch } from '../claude/launch.js';
import type { ConversationRegistry } from '../claude/registry.js';
import type { SavedConversation } from '../workspace/conversations.js';
import type { ObservedPane, Program } from './model.js';

/**
 * The conversation of the Claude that runs in a pane, as the registry has it; null where none runs, or none is known.
 * What ended before the save is not started by a restore.
 */
export function conversationOf(
  registry: ConversationRegistry,
  workspace: string,
  pane: { readonly key: string; readonly run: string | null },
  program: Program,
): NonNullable<ObservedPane['conversation']> | null {
  if (!runsClaude(pane.run, program)) return null;
  const known = registry.current(workspace, pane.key);
  if (!known) return null;
  const { conversation, cwd, flags, configDir, prompted, forkOf, name }: SavedConversation = known;
  return { conversation, cwd, flags: [...flags], configDir, prompted, forkOf, name };
}

function runsClaude(run: string | null, program: Program): boolean {
  if (program.kind === 'declared') return run !== null && readLaunch(run) !== null;
  if (program.kind !== 'group') return false;
  return program.processes.some(
    ({ argv }) =>
      /(^|\/)claude$/.test(argv[0] ?? '') || argv.slice(0, 2).some((word) => /(^|\/)claude$/.test(word)),
  );
}
