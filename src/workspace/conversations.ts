import { randomUUID } from 'node:crypto';
import type { Blueprint, Pane } from '../blueprint/model.js';
import { writeHookSettings } from '../claude/hook-settings.js';
import { modeOf, readLaunch, startLine } from '../claude/launch.js';
import type { Binding } from '../claude/model.js';
import {
  type ChooseRequest,
  ConversationRegistry,
  claudeStateFolder,
  holderOf,
  isHeld,
} from '../claude/registry.js';
import { claudeFolder, findTranscripts } from '../claude/slug.js';
import { transcriptState } from '../claude/transcripts.js';
import { inVault, restoreFromVault, vaultFolder } from '../claude/vault.js';
import { messageOf } from '../errors.js';
import { type ProcessTable, processTable } from '../system/process-table.js';
import { findProgram } from '../system/programs.js';
import type { Registry } from './registry.js';

/**
 * Claude panes and their conversations. A pane declares `claude`; what is started names a conversation that we chose
 * and wrote down before, so that after a crash each pane's own is known. The id is no part of the blueprint: it is
 * observed, like what runs in any pane.
 */

/**
 * Chooses a new conversation for each pane that declares a plain start of Claude Code.
 *
 * @returns the line to start in its place, by the pane's key.
 */
export function chooseConversations(
  blueprint: Blueprint,
  registry: Registry,
  env: NodeJS.ProcessEnv,
): Map<string, string> {
  const lines = new Map<string, string>();
  const requests: ChooseRequest[] = [];
  const paths = variablesOf(blueprint, env);
  for (const pane of blueprint.windows.flatMap((window) => window.panes)) {
    const launch = pane.run === null ? null : readLaunch(pane.run);
    if (!launch) continue;
    const conversation = randomUUID();
    requests.push({
      conversation,
      workspace: blueprint.id,
      paneKey: pane.key,
      pane: null,
      server: null,
      cwd: pane.cwd,
      flags: launch.flags,
      configDir: paths.configDir(pane),
      forkOf: null,
      name: null,
      evidence: 'a new pane of its template',
    });
    lines.set(
      pane.key,
      startLine({
        ...launch,
        program: paths.program(launch.program),
        conversation,
        mode: 'new',
        settingsFile: writeHookSettings(claudeStateFolder(registry.folder)),
        name: null,
      }),
    );
  }
  if (requests.length > 0) new ConversationRegistry(registry.folder).choose(requests);
  return lines;
}

/** A conversation as a snapshot has it. */
export type SavedConversation = Pick<
  Binding,
  'conversation' | 'cwd' | 'flags' | 'configDir' | 'prompted' | 'forkOf' | 'name'
>;

/** How the conversation of a pane comes back. */
export interface ConversationStart {
  readonly conversation: string;
  /** What is started; null: nothing, and `note` says why. */
  readonly line: string | null;
  /** The folder of its first start: older versions find it from nowhere else. */
  readonly cwd: string;
  readonly note: string | null;
}

/**
 * Decides how saved conversations are started again, and writes that down before they are. One that lives in another
 * pane is not started a second time: Claude Code itself has no lock.
 *
 * @param saved by the key of the pane.
 */
export async function resumeConversations(
  blueprint: Blueprint,
  saved: ReadonlyMap<string, SavedConversation>,
  registry: Registry,
  env: NodeJS.ProcessEnv,
  options: { readonly dryRun: boolean; readonly processes?: ProcessTable },
): Promise<Map<string, ConversationStart>> {
  const processes = options.processes ?? processTable();
  const conversations = new ConversationRegistry(registry.folder);
  const paths = variablesOf(blueprint, env);
  const starts = new Map<string, ConversationStart>();
  const requests: ChooseRequest[] = [];
  const taken = new Set<string>();
  for (const pane of blueprint.windows.flatMap((window) => window.panes)) {
    const wanted = saved.get(pane.key);
    if (!wanted) continue;
    const { cwd } = wanted;
    let { conversation } = wanted;
    const known = conversations.byConversation(conversation);
    const refused = taken.has(conversation)
      ? 'another pane of this snapshot has it'
      : known && isHeld(known, processes)
        ? `it is open in ${holderOf(known)}`
        : null;
    if (refused) {
      starts.set(pane.key, {
        conversation,
        line: null,
        cwd,
        note: `The conversation ${conversation} was not started: ${refused}.`,
      });
      continue;
    }
    taken.add(conversation);
    // What was heard of it after the save is newer than the snapshot.
    const heard = wanted.prompted || known?.prompted === true;
    const found = await onDisk({ ...wanted, prompted: heard }, registry, env, options.dryRun);
    if (found.isSpent) conversation = randomUUID();
    const launch = pane.run === null ? null : readLaunch(pane.run);
    const request = {
      ...wanted,
      conversation,
      prompted: found.prompted,
      workspace: blueprint.id,
      paneKey: pane.key,
      pane: null,
      server: null,
    };
    requests.push({ ...request, evidence: found.isSpent ? spent : 'restored from a snapshot' });
    starts.set(pane.key, {
      conversation,
      cwd,
      note: found.note,
      line: startLine({
        program: paths.program(launch?.program ?? 'claude'),
        assignments: launch?.assignments ?? [],
        flags: wanted.flags,
        conversation,
        mode: modeOf(request),
        forkOf: wanted.forkOf,
        settingsFile: writeHookSettings(claudeStateFolder(registry.folder)),
        name: wanted.name,
      }),
    });
  }
  if (!options.dryRun) conversations.choose(requests);
  return starts;
}

const spent = 'in place of one that has a file and was never prompted';

/**
 * What the disk says of a conversation that is to be resumed: of one that was started by hand nobody may have heard
 * that it was prompted. One that is gone is put back from the vault.
 */
async function onDisk(
  saved: SavedConversation,
  registry: Registry,
  env: NodeJS.ProcessEnv,
  dryRun: boolean,
): Promise<{ readonly prompted: boolean; readonly isSpent: boolean; readonly note: string | null }> {
  const { conversation, configDir, cwd } = saved;
  const folder = claudeFolder(configDir, env);
  try {
    const states = await Promise.all(findTranscripts(folder, conversation).map(transcriptState));
    if (states.includes('prompted')) return { prompted: true, isSpent: false, note: null };
    // A file without a prompt (`/clear` leaves one): Claude Code neither resumes it nor takes its id again. Nothing
    // was said in it, so another one is as good.
    if (states.length > 0) return { prompted: false, isSpent: true, note: null };
    if (!saved.prompted) return { prompted: false, isSpent: false, note: null };
    const vault = vaultFolder(registry.folder);
    if (inVault(vault, conversation) === null)
      return {
        // There is nothing to resume: its id is free, as that of one that was killed before it wrote what it was told.
        prompted: false,
        isSpent: false,
        note: `It begins anew under its id: no transcript of it is in ${folder}, and no copy was kept.`,
      };
    if (!dryRun) await restoreFromVault(vault, conversation, configDir, cwd, { env });
    return { prompted: true, isSpent: false, note: 'Its transcript was gone: put back from the copy.' };
  } catch (error) {
    // It is started as far as is known.
    return {
      prompted: saved.prompted,
      isSpent: false,
      note: `Its transcript was not looked at: ${messageOf(error)}`,
    };
  }
}

/** What the environment of the panes says. */
function variablesOf(blueprint: Blueprint, env: NodeJS.ProcessEnv) {
  const own = new Map(blueprint.environment.map(({ name, value }) => [name, value]));
  return {
    // A login shell sets PATH anew, and what it finds by then may be another one. Away from a login it is not known.
    program: (name: string) =>
      name.includes('/') ? name : (findProgram(name, own.get('PATH') ?? env.PATH ?? '') ?? name),
    configDir: (pane: Pane) =>
      pane.environment.CLAUDE_CONFIG_DIR ?? own.get('CLAUDE_CONFIG_DIR') ?? env.CLAUDE_CONFIG_DIR ?? null,
  };
}
