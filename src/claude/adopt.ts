import { configDirOf, paneOf, readSessionFiles, type SessionFile } from './evidence.js';
import type { ClaudeFacts, PaneFact } from './facts.js';
import { keptFlags } from './launch.js';
import { holderOf, isHeld } from './registry.js';
import {
  type BindEntry,
  paneName,
  type RefuseEntry,
  type RegistryState,
  sameProcess,
} from './registry-log.js';

/**
 * What the program itself says of each living Claude Code, by its process. Looked for in `~/.claude`, in the
 * configuration folders that are known of conversations, and in those of the panes that were made for it.
 */
export function sessionFiles(facts: ClaudeFacts, registry: RegistryState): Map<number, SessionFile> {
  const folders = new Set<string | null>([null]);
  for (const id of registry.panes.values()) folders.add(registry.conversations.get(id)?.configDir ?? null);
  for (const pane of facts.panes) if (mayBeClaude(pane)) folders.add(configDirOf(pane.pid) ?? null);
  const files = [...folders].flatMap((folder) => readSessionFiles(folder, facts.processes, facts.env));
  return new Map(files.map((file) => [file.process.pid, file]));
}

function mayBeClaude(pane: PaneFact): boolean {
  return pane.role === 'claude' || pane.command === 'claude' || pane.command === 'node';
}

/** A file that is older than what a hook told is not believed against it. Milliseconds. */
const slack = 2000;

/**
 * Conversations that run in panes of workspaces and that no hook has told of: started by hand, by an older version, or
 * with hooks switched off. The files tell whose they are; a pane whose own process a hook has proved is only bound
 * anew by a file that was written after that.
 *
 * @returns entries for the registry; none where it knows all already.
 */
export function adoptions(
  facts: ClaudeFacts,
  registry: RegistryState,
  files: Iterable<SessionFile>,
  settingsFile: string,
): (BindEntry | RefuseEntry)[] {
  if (!facts.server) return [];
  const panes = new Map(facts.panes.map((pane) => [pane.pid, pane]));
  const entries: (BindEntry | RefuseEntry)[] = [];
  const taken = new Set<string>();
  for (const file of files) {
    const known = registry.conversations.get(file.conversation);
    const isBound = known?.current && sameProcess(known.process, file.process) && known.ended === null;
    if (isBound || taken.has(file.conversation)) continue;
    const pane = paneOf(file.process, panes, facts.processes);
    if (!pane) continue;
    const mine = registry.conversations.get(registry.panes.get(paneName(pane.workspace, pane.key)) ?? '');
    const isProved = mine?.by === 'hook' && sameProcess(mine.process, file.process);
    const told = isProved ? Date.parse(mine.at) : Number.NaN;
    if (file.writtenAt < told + slack) continue;
    const base = {
      at: facts.now.toISOString(),
      conversation: file.conversation,
      pane: pane.id,
      process: file.process,
    };
    if (known && !sameProcess(known.process, file.process) && isHeld(known, facts.processes)) {
      entries.push({
        ...base,
        kind: 'refuse',
        evidence: `registry file: the conversation is open in ${holderOf(known)}`,
      });
      continue;
    }
    const flags = keptFlags(facts.processes.argv(file.process.pid), (path) => path === settingsFile);
    if (flags === null) continue; // it answers one prompt and ends
    taken.add(file.conversation);
    const instead = mine && mine.conversation !== file.conversation ? mine.conversation : undefined;
    entries.push({
      ...base,
      kind: instead === undefined ? 'bind' : 'rebind',
      workspace: pane.workspace,
      paneKey: pane.key,
      server: facts.server.pid,
      by: 'file',
      cwd: file.cwd ?? pane.cwd,
      configDir: file.configDir,
      // Its transcript tells, which whoever resumes it looks at.
      prompted: false,
      forkOf: null,
      flags,
      ...(instead !== undefined && { instead }),
      evidence: 'registry file of the process in the foreground of the pane',
    });
  }
  return entries;
}
