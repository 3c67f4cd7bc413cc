import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { damagedStore } from '../claude/agent-store.js';
import { expiringKnown } from '../claude/expiry.js';
import { claudeFacts } from '../claude/facts.js';
import { type Drained, drain } from '../claude/intake.js';
import { agentRows } from '../claude/overview.js';
import { claudeStateFolder } from '../claude/places.js';
import { areHooksOff, probeHook } from '../claude/probe.js';
import { ConversationRegistry, isHeld, unreadableLines } from '../claude/registry.js';
import { sameProcess } from '../claude/registry-log.js';
import { claudeFolder } from '../claude/slug.js';
import { vaultFolder } from '../claude/vault.js';
import { isCwError, messageOf } from '../errors.js';
import type { Finding } from '../health/finding.js';
import { type ClaudeSeen, checkHooks, type HookFacts } from '../health/hooks.js';
import { claudeSettings, settingsPath } from '../integration/claude-settings.js';
import { readUserFile } from '../integration/user-file.js';
import { isFolder, readTextIfAny } from '../system/files.js';
import { tildePath } from '../system/paths.js';
import { sessionLabel } from '../workspace/find.js';
import { Registry } from '../workspace/registry.js';
import type { Context } from './command.js';

/** What `cw doctor` finds of hooks and conversations. */
export async function hookFindings(context: Context): Promise<Finding[]> {
  try {
    return checkHooks(await hookFacts(context));
  } catch (error) {
    const message = `could not be looked at: ${messageOf(error)}`;
    const fix = isCwError(error) ? (error.hint ?? null) : null;
    return [{ id: 'hooks.fire', level: 'unknown', subject: 'hooks', message, fix }];
  }
}

async function hookFacts(context: Context): Promise<HookFacts> {
  const { env } = context;
  const connection = context.tmux();
  const { folder } = new Registry(connection.address, env);
  const claude = claudeStateFolder(folder);
  const take = () => drain(folder, () => claudeFacts(connection, env));
  const probe = await probeHook(folder, env, take);
  const drained = isFolder(claude) ? await take() : null;
  const log = new ConversationRegistry(folder);
  const wrong = unreadableLines(readTextIfAny(log.file) ?? '');
  const damaged = damagedStore(join(claude, 'agents.json'));
  const days = context.settings().health.expiringDays;
  const expiring = expiringKnown(log.all(), vaultFolder(folder), days, env);
  const config = claudeFolder(env.CLAUDE_CONFIG_DIR ?? null, env);
  return {
    probe,
    agents: drained ? living(drained) : [],
    switchedOff: areHooksOff(config) ? tildePath(join(config, 'settings.json'), env) : null,
    installed: areInstalled(context),
    damagedAgents: existsSync(damaged) ? damaged : null,
    registry: wrong && { file: log.file, ...wrong },
    expiring: { days, all: expiring.length, copied: expiring.filter(({ copied }) => copied).length },
  };
}

function living(drained: Drained): ClaudeSeen[] {
  const { agents, registry, facts } = drained;
  return agentRows(facts, drained).flatMap(({ session, pane, conversation }) => {
    const known = registry.conversations.get(conversation);
    if (!known || !isHeld(known, facts.processes)) return [];
    const record = agents.get(conversation);
    // Its hook proved it, or told something since; a Claude that was started again has to tell again.
    const heard =
      known.by === 'hook' || (record?.lastEventAt != null && sameProcess(record.process, known.process));
    return [{ label: `${sessionLabel(session)} ${pane}`, conversation, heard }];
  });
}

function areInstalled({ env, cwd }: Context): boolean {
  try {
    const file = readUserFile(settingsPath('user', env, cwd));
    return file.text !== null && claudeSettings.put(file.text, file.path) === file.text;
  } catch {
    return false; // settings that cannot be read have no hooks that could fire
  }
}
